"""Overlays: people land where their clips say, and nothing half-written is left behind."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose2rig.core_inference.clip import Clip, replaced, save_clip
from pose2rig.core_inference.drawing import BY_SIDE, PEOPLE_BGR, RIGHT_SHADE, Image
from pose2rig.core_inference.footage import Frame, open_footage, read
from pose2rig.core_inference.overlay import (
    load_people,
    overlaid,
    write_overlay,
    write_sheet,
)
from pose2rig.rigs.errors import OutputError, UsageError
from pose2rig.rigs.skeleton import JOINT

from ..footage_samples import RGB, make_video
from .standing import beside, standing

GREY = 128
FRAMES = 10
FIRST, LAST = 2, 7
FILLED = 5
SIZE = (320, 240)


def grey(width: int, height: int) -> RGB:
    return np.full((height, width, 3), GREY, np.uint8)


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return make_video(tmp_path / "grey.mp4", [grey(*SIZE)] * FRAMES)


@pytest.fixture
def clip() -> Clip:
    frames = np.arange(FIRST, LAST + 1)
    return replaced(standing(SIZE, frames.tolist()), tracked=frames != FILLED)


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
    return dict(overlaid(footage, {0: clip}))


def frames_of(video: Path) -> list[Frame]:
    return list(read(open_footage(video)))


def test_limbs_are_drawn_in_their_colours_where_the_clip_has_them(
    footage: Path, clip: Clip
) -> None:
    image = drawn(footage, clip)[FIRST]
    for side, colour in (("left", BY_SIDE.left), ("right", BY_SIDE.right)):
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
    assert np.abs(image[y, x].astype(int) - BY_SIDE.right).max() < 12


def test_the_video_has_every_frame_at_the_rate_of_the_footage(
    footage: Path, clip: Clip, tmp_path: Path
) -> None:
    out = tmp_path / "overlay.mp4"
    write_overlay(footage, {0: clip}, out)
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
    write_overlay(footage, {0: clip}, tmp_path / "out.mp4")
    opened = open_footage(tmp_path / "out.mp4")
    assert (opened.width, opened.height) == expected
    scale = expected[0] / size[0] if expected[0] < size[0] else 1.0
    x, y = (round(scale * v) for v in bone_middle(clip, "left_hip", "left_knee"))
    red, _, blue = frames_of(tmp_path / "out.mp4")[1].image[y, x].astype(int).tolist()
    assert blue - red > 40


def test_a_clip_of_other_footage_is_refused(footage: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not belong to this footage"):
        write_overlay(footage, {0: standing((640, 480), range(5))}, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_missing_folder_is_one_clear_error(footage: Path, clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write out.mp4"):
        write_overlay(footage, {0: clip}, tmp_path / "nowhere" / "out.mp4")


def test_an_earlier_file_survives_a_failure(footage: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"earlier")
    with pytest.raises(UsageError):
        write_overlay(footage, {0: standing((640, 480), range(5))}, out)
    assert out.read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grey.mp4", "out.mp4"]


def test_the_sheet_shows_as_many_frames_as_asked_for(
    footage: Path, clip: Clip, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.png"
    write_sheet(footage, {0: clip}, out, count=6)
    sheet = cv2.imread(str(out))
    assert sheet is not None
    assert sheet.shape[:2] == (2 * SIZE[1], 4 * SIZE[0])
    x, y = bone_middle(clip, "left_hip", "left_knee")
    for tile in range(8):
        row, column = divmod(tile, 4)
        pixel = sheet[row * SIZE[1] + y, column * SIZE[0] + x].astype(int)
        assert (np.abs(pixel - BY_SIDE.left).max() < 16) == (tile < 6)


def test_several_people_have_a_colour_each_darker_on_the_right(footage: Path, clip: Clip) -> None:
    people = {0: beside(clip, -1.0), 1: beside(clip, 1.0)}
    image = dict(overlaid(footage, people))[FIRST]
    for number, person in people.items():
        bright = np.array(PEOPLE_BGR[number])
        for side, shade in (("left", 1.0), ("right", RIGHT_SHADE)):
            x, y = bone_middle(person, f"{side}_hip", f"{side}_knee")
            assert np.abs(image[y, x] - shade * bright).max() < 25


def test_several_people_have_their_number_above_the_head(footage: Path, clip: Clip) -> None:
    people = {0: beside(clip, -1.0), 1: beside(clip, 1.0)}
    both = dict(overlaid(footage, people))[FIRST]
    alone = dict(overlaid(footage, {0: people[0]}))[FIRST]
    x, y = people[0].joints2d[0, JOINT["head"]].round().astype(int).tolist()
    above = np.s_[y - 45 : y - 12, x - 12 : x + 12]
    assert (np.abs(both[above].astype(int) - PEOPLE_BGR[0]).max(axis=-1) < 60).any()
    assert not changed(alone, edge=0)[above].any()


def test_a_frame_names_the_people_who_are_filled_in(footage: Path, clip: Clip) -> None:
    seen = beside(standing(SIZE, range(FIRST, LAST + 1)), 1.0)
    one = dict(overlaid(footage, {0: beside(clip, -1.0), 1: seen}))[FILLED]
    other = dict(overlaid(footage, {0: seen, 1: beside(clip, -1.0)}))[FILLED]
    corner = np.s_[3:20, 3:]
    assert (one[corner] != other[corner]).any()
    for image in (one, other):
        blue, _, red = image[SIZE[1] // 2, 1].astype(int).tolist()
        assert red - blue > 100


def test_somebody_who_is_not_there_yet_is_not_drawn(footage: Path, clip: Clip) -> None:
    late = beside(standing(SIZE, range(5, LAST + 1)), 1.0)
    people = {0: beside(clip, -1.0), 1: late}
    x, y = bone_middle(late, "left_hip", "left_knee")
    images = dict(overlaid(footage, people))
    for frame in (4, 5):
        colour = np.abs(images[frame][y, x].astype(int) - PEOPLE_BGR[1]).max()
        assert (colour < 25) == (frame == 5)


def test_a_sheet_of_several_spans_all_of_them(footage: Path, clip: Clip, tmp_path: Path) -> None:
    people = {0: standing(SIZE, [0, 1]), 1: beside(standing(SIZE, [8, 9]), 0.5)}
    write_sheet(footage, people, tmp_path / "sheet.png", count=3)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape[:2] == (SIZE[1], 3 * SIZE[0])
    middle = np.s_[60:-20, 20:-20]
    drawn_in = [changed(tile.astype(np.uint8))[middle].any() for tile in np.hsplit(sheet, 3)]
    assert drawn_in == [True, False, True]
    write_sheet(footage, {0: clip}, tmp_path / "sheet.png", count=2, span=(3, 4))
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert all(changed(tile.astype(np.uint8))[middle].any() for tile in np.hsplit(sheet, 2))


def test_a_folder_gives_everybody_by_number(clip: Clip, tmp_path: Path) -> None:
    for number in (10, 2):
        save_clip(tmp_path / f"person_{number}.npz", clip)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "person_3.npz").write_bytes(b"not read")
    assert list(load_people(tmp_path)) == [2, 10]
    assert list(load_people(tmp_path / "person_10.npz")) == [0]


def test_a_folder_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no capture"):
        load_people(tmp_path)


@pytest.mark.slow
def test_the_command_writes_all_and_says_what_is_wrong_in_one_line(
    footage: Path, clip: Clip, tmp_path: Path
) -> None:
    save_clip(tmp_path / "clip.npz", clip)
    command = [sys.executable, "-m", "pose2rig.core_inference.overlay", str(footage)]
    out, sheet, top = (tmp_path / name for name in ("out.mp4", "sheet.png", "top.png"))
    wanted = [str(tmp_path / "clip.npz"), str(out), "--sheet", str(sheet), "--top", str(top)]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(path.is_file() for path in (out, sheet, top))
    failed = subprocess.run(
        [*command, str(footage), str(out)], capture_output=True, text=True, check=False
    )
    assert failed.returncode == 1
    assert failed.stderr.startswith("pose2rig: error: cannot read grey.mp4")
    assert failed.stderr.count("\n") == 1
