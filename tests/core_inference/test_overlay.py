"""Overlays: the skeleton lands where the clip says, and nothing half-written is left behind."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import Camera, Clip, replaced, save_clip
from pose2rig.core_inference.footage import Frame, open_footage, read
from pose2rig.core_inference.motion.posing import pose_arrays
from pose2rig.core_inference.overlay import (
    LEFT_BGR,
    RIGHT_BGR,
    Image,
    overlaid,
    write_overlay,
    write_sheet,
)
from pose2rig.rigs.errors import OutputError, UsageError
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import quaternion_from_matrix
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT

from ..footage_samples import RGB, make_video

GREY = 128
FRAMES = 10
FIRST, LAST = 2, 7
FILLED = 5
SIZE = (320, 240)


def grey(width: int, height: int) -> RGB:
    return np.full((height, width, 3), GREY, np.uint8)


def standing(size: tuple[int, int], frames: Sequence[int]) -> Clip:
    """Somebody in the T-pose, 4 m in front of a level camera, in the given source frames."""
    body = load_open_body()
    betas = np.zeros(10)
    count = len(frames)
    rotations = np.tile(np.eye(3), (count, JOINT_COUNT, 1, 1))
    rotations[:, 0] = UPRIGHT
    rest = body.rest_joints(betas)
    camera = Camera(
        focal=np.full(2, 1.5 * min(size), np.float32),
        principal_point=np.array(size, np.float32) / 2,
        image_size=np.array(size, np.int32),
        rotation=np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32),
        translation=np.array([0, 1, 4], np.float32),
    )
    pelvis = np.tile([0.0, 0.0, 1.0], (count, 1))
    return Clip(
        **pose_arrays(quaternion_from_matrix(rotations), pelvis - rest[0], rest, camera),
        betas=np.zeros(10, np.float32),
        open_betas=betas.astype(np.float32),
        rest_joints=rest.astype(np.float32),
        expression=np.zeros((count, 10), np.float32),
        scores=np.ones((count, JOINT_COUNT), np.float32),
        tracked=np.array([frame != FILLED for frame in frames]),
        contacts=np.zeros((count, 4), np.float32),
        time_s=np.array(frames) / 30.0,
        frame_index=np.array(frames, np.int64),
        frame_rate=30.0,
        camera=camera,
        body_model="open",
        provenance={"program": "test"},
    )


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return make_video(tmp_path / "grey.mp4", [grey(*SIZE)] * FRAMES)


@pytest.fixture
def clip() -> Clip:
    return standing(SIZE, range(FIRST, LAST + 1))


def bone_middle(clip: Clip, parent: str, child: str) -> tuple[int, int]:
    """Column and row of the pixel in the middle of a bone."""
    ends = clip.joints2d[0, [JOINT[parent], JOINT[child]]]
    x, y = ends.mean(axis=0).round().astype(int).tolist()
    return x, y


def changed(image: Image, edge: int = 20) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Where the picture is no longer grey, below the label."""
    different = np.abs(image.astype(int) - GREY).max(axis=2) > 24
    different[:edge] = False
    return different


def drawn(footage: Path, clip: Clip) -> dict[int, Image]:
    return dict(overlaid(footage, clip))


def frames_of(video: Path) -> list[Frame]:
    return list(read(open_footage(video)))


def test_limbs_are_drawn_in_their_colours_where_the_clip_has_them(
    footage: Path, clip: Clip
) -> None:
    image = drawn(footage, clip)[FIRST]
    for side, colour in (("left", LEFT_BGR), ("right", RIGHT_BGR)):
        x, y = bone_middle(clip, f"{side}_hip", f"{side}_knee")
        assert np.abs(image[y, x].astype(int) - colour).max() < 12


def test_only_the_neighbourhood_of_the_skeleton_changes(footage: Path, clip: Clip) -> None:
    rows, columns = np.nonzero(changed(drawn(footage, clip)[FIRST]))
    low, high = clip.joints2d[0].min(axis=0), clip.joints2d[0].max(axis=0)
    assert columns.min() >= low[0] - 5
    assert columns.max() <= high[0] + 5
    assert rows.min() >= low[1] - 5
    assert rows.max() <= high[1] + 5


def test_an_unsure_joint_is_fainter(footage: Path, clip: Clip) -> None:
    scores = clip.scores.copy()
    scores[:, JOINT["left_knee"]] = 0.0
    x, y = bone_middle(clip, "left_hip", "left_knee")
    sure = drawn(footage, clip)[FIRST][y, x].astype(int)
    unsure = drawn(footage, replaced(clip, scores=scores))[FIRST][y, x].astype(int)
    assert 0 < np.abs(unsure - GREY).max() < 0.5 * np.abs(sure - GREY).max()


def test_a_filled_in_frame_is_marked_by_a_red_border(footage: Path, clip: Clip) -> None:
    images = drawn(footage, clip)
    for frame in (FILLED, FILLED + 1):
        blue, _, red = images[frame][SIZE[1] // 2, 1].astype(int).tolist()
        assert (red - blue > 100) == (frame == FILLED)


def test_frames_outside_the_clip_carry_no_skeleton(footage: Path, clip: Clip) -> None:
    images = drawn(footage, clip)
    assert sorted(images) == list(range(FRAMES))
    inner = np.s_[30:-10, 10:-10]
    for frame, image in images.items():
        assert changed(image)[inner].any() == (FIRST <= frame <= LAST)


def test_a_joint_far_outside_the_picture_does_no_harm(footage: Path, clip: Clip) -> None:
    joints2d = clip.joints2d.copy()
    joints2d[:, JOINT["left_knee"]] = (1e12, -1e12)
    image = drawn(footage, replaced(clip, joints2d=joints2d))[FIRST]
    x, y = bone_middle(clip, "right_hip", "right_knee")
    assert np.abs(image[y, x].astype(int) - RIGHT_BGR).max() < 12


def test_the_video_has_every_frame_at_the_rate_of_the_footage(
    footage: Path, clip: Clip, tmp_path: Path
) -> None:
    out = tmp_path / "overlay.mp4"
    write_overlay(footage, clip, out)
    opened, frames = open_footage(out), frames_of(out)
    assert (opened.width, opened.height) == SIZE
    assert opened.fps == pytest.approx(30.0)
    assert len(frames) == FRAMES
    x, y = bone_middle(clip, "left_hip", "left_knee")
    red, _, blue = frames[FIRST].image[y, x].astype(int).tolist()
    assert blue - red > 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grey.mp4", "overlay.mp4"]


@pytest.mark.parametrize(
    ("size", "expected"), [((161, 241), (162, 242)), ((2400, 1000), (1920, 800))]
)
def test_odd_and_large_pictures_are_made_fit_for_a_video(
    tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    lossless = ("-c:v", "ffv1", "-pix_fmt", "bgr0")
    footage = make_video(tmp_path / "in.mkv", [grey(*size)] * 3, codec=lossless)
    clip = standing(size, [0, 1, 2])
    write_overlay(footage, clip, tmp_path / "out.mp4")
    opened = open_footage(tmp_path / "out.mp4")
    assert (opened.width, opened.height) == expected
    scale = expected[0] / size[0] if expected[0] < size[0] else 1.0
    x, y = (round(scale * v) for v in bone_middle(clip, "left_hip", "left_knee"))
    red, _, blue = frames_of(tmp_path / "out.mp4")[1].image[y, x].astype(int).tolist()
    assert blue - red > 40


def test_a_clip_of_other_footage_is_refused(footage: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not belong to this footage"):
        write_overlay(footage, standing((640, 480), range(5)), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_missing_folder_is_one_clear_error(footage: Path, clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write out.mp4"):
        write_overlay(footage, clip, tmp_path / "nowhere" / "out.mp4")


def test_an_earlier_file_survives_a_failure(footage: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"earlier")
    with pytest.raises(UsageError):
        write_overlay(footage, standing((640, 480), range(5)), out)
    assert out.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grey.mp4", "out.mp4"]


def test_the_sheet_shows_as_many_frames_as_asked_for(
    footage: Path, clip: Clip, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.png"
    write_sheet(footage, clip, out, count=6)
    sheet = cv2.imread(str(out))
    assert sheet is not None
    assert sheet.shape[:2] == (2 * SIZE[1], 4 * SIZE[0])
    x, y = bone_middle(clip, "left_hip", "left_knee")
    for tile in range(8):
        row, column = divmod(tile, 4)
        pixel = sheet[row * SIZE[1] + y, column * SIZE[0] + x].astype(int)
        assert (np.abs(pixel - LEFT_BGR).max() < 16) == (tile < 6)


@pytest.mark.slow
def test_the_command_writes_both_and_says_what_is_wrong_in_one_line(
    footage: Path, clip: Clip, tmp_path: Path
) -> None:
    save_clip(tmp_path / "clip.npz", clip)
    command = [sys.executable, "-m", "pose2rig.core_inference.overlay", str(footage)]
    out, sheet = tmp_path / "out.mp4", tmp_path / "sheet.png"
    wanted = [str(tmp_path / "clip.npz"), str(out), "--sheet", str(sheet)]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert out.is_file()
    assert sheet.is_file()
    failed = subprocess.run(
        [*command, str(footage), str(out)], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert failed.stderr.startswith("pose2rig: error: cannot read grey.mp4")
    assert failed.stderr.count("\n") == 1
