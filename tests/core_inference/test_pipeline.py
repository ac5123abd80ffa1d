"""The straight line on real pictures: cuts, time stamps, the raw take, and what is imported."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import load_clip, load_raw_take, replaced
from pose2rig.core_inference.footage import open_footage, read
from pose2rig.core_inference.motion.ground import put_on_ground
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.pipeline import run
from pose2rig.core_inference.protocol import Event, Progress
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.core_inference.watching import started
from pose2rig.rigs.errors import Cancelled
from pose2rig.rigs.skeleton import BODY_PARTS, JOINT_COUNT

from ..footage_samples import RGB, ffmpeg, make_video
from .conftest import Captured
from .running import files_under, pose2rig, results_under
from .test_bad_input import capture, pictures

slow = pytest.mark.slow

PEOPLE_KEYS = {
    "frames",
    "frames_tracked",
    "coverage",
    "mean_score",
    "reprojection_px",
    "jitter_10m_s3",
    "foot_slide_cm_s",
    "floor_penetration_cm",
    "bone_length_cv",
    "before",
    "worst_frame",
    "shot",
    "first_frame",
    "last_frame",
}
SECONDS_KEYS = {"decode", "detect", "estimate", "solve", "export", "total"}


# --- the result --------------------------------------------------------------------------------


@slow
def test_a_capture_writes_clip_raw_take_and_report_and_nothing_else(captured: Captured) -> None:
    assert captured.end.status == 0, captured.end.err
    assert sorted(files_under(captured.out)) == [
        "person_0.npz", "raw/person_0.jpg", "raw/person_0.npz", "report.json",
    ]  # fmt: skip
    assert captured.end.errors == []
    assert any(str(captured.out) in line for line in captured.end.out)


@slow
def test_the_report_has_the_contracts_keys(captured: Captured) -> None:
    report = json.loads((captured.out / "report.json").read_text(encoding="utf-8"))
    assert isinstance(report["schema_version"], int)
    assert isinstance(report["footage"], dict)
    assert set(report["people"]["0"]) == PEOPLE_KEYS
    person, clip = report["people"]["0"], load_clip(captured.clip)
    assert (person["shot"], person["frames"]) == (0, len(clip.frame_index))
    assert person["first_frame"] == clip.frame_index[0]
    assert person["last_frame"] == clip.frame_index[-1]
    assert report["settings"]["person"] == "largest"
    assert set(report["seconds"]) == SECONDS_KEYS
    for stage in SECONDS_KEYS - {"total", "export"}:
        assert 0.0 < report["seconds"][stage] <= report["seconds"]["total"]
    frames = open_footage(captured.footage).frame_count
    assert report["frames_per_second"] == pytest.approx(frames / report["seconds"]["total"])


@slow
def test_processing_the_raw_take_again_gives_the_captures_clip_exactly(
    captured: Captured, tmp_path: Path
) -> None:
    before = files_under(captured.out)
    end = pose2rig("process", captured.raw, "--out", tmp_path / "again.npz")
    assert end.status == 0
    assert files_under(tmp_path)["again.npz"] == before["person_0.npz"]
    assert files_under(captured.out) == before


@slow
def test_settings_of_a_capture_give_its_clip_again_exactly(
    person_video: Path, tmp_path: Path
) -> None:
    """And each of them matters, the ground on its own, for it alone moves what stands."""
    chosen = ("--smooth", 0.2, "--hands", 0.9, "--feet", "always", "--ground", "level")
    out = tmp_path / "out"
    assert capture(person_video, out, *chosen).status == 0
    raw, known = out / "raw" / "person_0.npz", (out / "person_0.npz").read_bytes()
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    asked = {"smooth": 0.2, "hands": 0.9, "feet": "always", "ground": "level"}
    assert asked.items() <= report["settings"].items()
    motion = load_clip(out / "person_0.npz").provenance["motion"]
    assert motion == asked | {"filter": "zero-phase", "refine": "auto"}

    def again(*options: object) -> bytes:
        path = tmp_path / "again.npz"
        assert pose2rig("process", raw, "--out", path, "--overwrite", *options).status == 0
        return path.read_bytes()

    assert again(*chosen) == known
    for index in range(0, len(chosen), 2):
        assert again(*chosen[:index], *chosen[index + 2 :]) != known


@slow
def test_without_smoothing_the_clip_is_the_take_as_solved_on_the_ground(
    captured: Captured, tmp_path: Path, body: BodyModel
) -> None:
    """But for jaw and eyes, which follow the face."""
    raw = load_raw_take(captured.raw)
    assert np.all(np.diff(raw.frame_index) == 1)
    solved = solve(raw, body)
    path = tmp_path / "raw.npz"
    options = ("--smooth", 0, "--hands", 0, "--feet", "never", "--ground", "level")
    assert pose2rig("process", captured.raw, "--out", path, *options).status == 0
    clip = load_clip(path)
    body_joints = [joint for joint in range(JOINT_COUNT) if joint not in BODY_PARTS["face"]]
    poses, expected = (each.poses.reshape(-1, JOINT_COUNT, 3) for each in (clip, solved))
    np.testing.assert_array_equal(poses[:, body_joints], expected[:, body_joints])
    grounded = put_on_ground(replaced(solved, contacts=clip.contacts), body)
    np.testing.assert_array_equal(clip.trans, grounded.trans)
    np.testing.assert_array_equal(clip.joints2d[:, body_joints], grounded.joints2d[:, body_joints])
    shift = clip.trans - solved.trans
    np.testing.assert_allclose(np.ptp(shift[:, :2], axis=0), 0.0, atol=1e-5)
    assert np.median(shift[:, 2]) - shift[:, 2].min() < 0.01


@slow
def test_a_range_of_frames_keeps_their_numbers_and_times(demo_video: Path, tmp_path: Path) -> None:
    assert capture(demo_video, tmp_path / "out", "--start", 10, "--end", 30).status == 0
    clip = load_clip(tmp_path / "out" / "person_0.npz")
    assert 10 <= clip.frame_index[0] <= clip.frame_index[-1] == 29
    fps = open_footage(demo_video).fps
    np.testing.assert_allclose(clip.time_s, clip.frame_index / fps, atol=2e-3)


def test_the_opening_event_says_how_many_frames_are_to_come(person_video: Path) -> None:
    footage = open_footage(person_video)
    for start, end, count in ((None, None, 24), (4, None, 20), (None, 10, 10), (20, 90, 4)):
        settings = CaptureSettings(footage=person_video, out=Path("out"), start=start, end=end)
        opening = started(footage, settings)
        assert opening.frames == count
        assert (opening.width, opening.height) == (footage.width, footage.height)


@slow
@pytest.mark.parametrize("calls", [15, 25])
def test_a_stop_is_heard_once_a_frame_and_before_the_solve(
    person_video: Path, tmp_path: Path, calls: int
) -> None:
    """24 frames: the 25th question comes before the only person is solved."""
    events: list[Event] = []
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(len(asked) + 1)
        return len(asked) == calls

    settings = CaptureSettings(footage=person_video, out=tmp_path, formats=("npz",))
    with pytest.raises(Cancelled) as stopped:
        run(settings, events.append, should_stop)
    assert len(asked) == calls
    assert not [event for event in events if isinstance(event, Progress) and event.stage == "solve"]
    assert results_under(tmp_path) == []
    (chunk,) = (tmp_path / "raw").glob("*.npz")
    with np.load(chunk, allow_pickle=False) as archive:
        assert len(archive["frame_index"]) == stopped.value.kept > 0


# --- a cut -------------------------------------------------------------------------------------


def elsewhere(image: RGB) -> RGB:
    """The same person in another room: mirrored, and every colour another."""
    return np.ascontiguousarray(np.roll(np.uint8(255) - image, 1, axis=2)[:, ::-1]).astype(np.uint8)


@slow
def test_a_cut_warns_of_its_frame_and_begins_another_persons_take(
    person_video: Path, tmp_path: Path
) -> None:
    images = pictures(person_video)
    other = [elsewhere(image) for image in images]
    footage = make_video(tmp_path / "cut.mp4", [*images, *other], fps=24.0)
    end = capture(footage, tmp_path / "out")
    assert end.status == 0
    cuts = [line for line in end.warnings if "scene change" in line]
    assert cuts == [f"scene change at frame {len(images)}: a new take begins there"]
    first, second = (load_clip(tmp_path / "out" / f"person_{k}.npz") for k in (0, 1))
    assert first.frame_index[-1] < len(images) <= second.frame_index[0]
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert sorted(report["people"]) == ["0", "1"]
    assert [report["people"][number]["shot"] for number in "01"] == [0, 1]
    assert [warning["code"] for warning in report["warnings"]] == ["cut"]


# --- time --------------------------------------------------------------------------------------


@slow
def test_footage_of_variable_rate_keeps_its_time_stamps(person_video: Path, tmp_path: Path) -> None:
    """Every frame after the twelfth stays twice as long."""
    folder = tmp_path / "frames"
    folder.mkdir()
    footage = tmp_path / "variable.mkv"
    slower = "setpts='if(lt(N,12),N,12+2*(N-12))/(24*TB)'"
    codec = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
    ffmpeg("-i", person_video, "-vf", slower, "-fps_mode", "vfr", *codec, footage)
    expected = {frame.index: frame.time_s for frame in read(open_footage(footage))}
    assert capture(footage, tmp_path / "out").status == 0
    clip = load_clip(tmp_path / "out" / "person_0.npz")
    times = np.array([expected[int(index)] for index in clip.frame_index])
    np.testing.assert_allclose(clip.time_s, times, atol=1e-4)
    steps = np.diff(clip.time_s)
    assert steps[-1] / steps[0] == pytest.approx(2.0, abs=0.1)
    mean = (len(expected) - 1) / max(expected.values())
    assert clip.frame_rate == pytest.approx(mean, rel=1e-3)


# --- imports -----------------------------------------------------------------------------------


def imported_by(statement: str) -> set[str]:
    """Every module that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    return set(done.stdout.split())


def test_the_default_line_imports_neither_torch_nor_smplx_nor_blender() -> None:
    modules = imported_by(
        "import pose2rig.core_inference.pipeline, pose2rig.core_inference.__main__\n"
        "from pose2rig.core_inference.body_model import load_open_body\n"
        "load_open_body()"
    )
    assert "pose2rig.core_inference.estimators.landmarks" in modules
    assert not modules & {"torch", "smplx", "bpy", "mathutils", "pose2rig.addon"}


@slow
def test_looking_at_a_frame_imports_neither_torch_nor_smplx_nor_blender() -> None:
    modules = imported_by(
        "import numpy as np\n"
        "from pose2rig.core_inference.estimators.landmark_models import open_landmark_models\n"
        "from pose2rig.core_inference.estimators.landmarks import LandmarkEstimator\n"
        "from pose2rig.core_inference.footage import Frame\n"
        "estimator = LandmarkEstimator(open_landmark_models(None))\n"
        "image = np.zeros((64, 64, 3), np.uint8)\n"
        "estimator.estimate_all([Frame(index=0, time_s=0.0, image=image)])\n"
        "estimator.close()"
    )
    assert modules & {"ai_edge_litert", "openvino"}
    assert not modules & {"mediapipe", "torch", "smplx", "bpy", "mathutils", "pose2rig.addon"}


def test_events_can_be_read_with_the_standard_library_alone() -> None:
    modules = imported_by("import pose2rig.core_inference.protocol")
    assert not modules & {"numpy", "cv2", "scipy", "mediapipe", "tqdm"}


def test_clips_can_be_read_with_numpy_alone() -> None:
    modules = imported_by("import pose2rig.core_inference.clip")
    assert "numpy" in modules
    assert not modules & {"cv2", "scipy", "mediapipe", "tqdm"}


def test_the_parts_stand_where_the_design_puts_them() -> None:
    """The names that other floors and other programs import."""
    statement = (
        "from pose2rig.rigs import errors, rest_pose, rotation, skeleton\n"
        "from pose2rig.core_inference import VERSION, clip, footage, metrics, people, pipeline\n"
        "from pose2rig.core_inference import body_model, protocol, worker\n"
        "from pose2rig.core_inference.estimators import base, landmarks\n"
        "from pose2rig.core_inference.motion import contacts, face, ground\n"
        "from pose2rig.core_inference.motion import hands, smoothing, solve\n"
        "pipeline.run, clip.load_clip, clip.save_clip, clip.load_raw_take, protocol.event_from_line"
    )
    assert "pose2rig.core_inference.motion.solve" in imported_by(statement)
