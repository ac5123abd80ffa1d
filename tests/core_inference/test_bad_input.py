"""Bad input through the command line: one clear error, or a warning and the usable part."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose2rig.core_inference.clip import load_clip, load_raw_take
from pose2rig.core_inference.estimators.landmark_models import engine_folder
from pose2rig.core_inference.footage import open_footage, read

from ..footage_samples import RGB, ffmpeg, make_video, write_image
from .running import Ended, assert_one_line, files_under, pose2rig, results_under

pytestmark = pytest.mark.slow


def capture(footage: Path, out: Path, *options: object) -> Ended:
    """Capture without exports."""
    return pose2rig("capture", footage, "--out", out, "--formats", "npz", *options)


def pictures(video: Path) -> list[RGB]:
    return [frame.image for frame in read(open_footage(video))]


def assert_whole(out: Path) -> None:
    """A complete result stands there, and nothing besides."""
    names = sorted(files_under(out))
    assert names == ["person_0.npz", "raw/person_0.jpg", "raw/person_0.npz", "report.json"]
    assert len(load_raw_take(out / "raw" / "person_0.npz").frame_index) > 0


# --- footage that cannot be used ---------------------------------------------------------------


def test_a_text_file_named_mp4(tmp_path: Path) -> None:
    footage = tmp_path / "clip.mp4"
    footage.write_text("This is not a video.\n" * 50, encoding="utf-8")
    assert_one_line(capture(footage, tmp_path / "out"), 1, "clip.mp4", "a text file")
    assert sorted(files_under(tmp_path)) == ["clip.mp4"]
    assert not (tmp_path / "out").exists()


def test_an_empty_file(tmp_path: Path) -> None:
    footage = tmp_path / "clip.mp4"
    footage.touch()
    assert_one_line(capture(footage, tmp_path / "out"), 1, "clip.mp4 is empty")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_no_images(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "notes.txt").write_text("none yet", encoding="utf-8")
    assert_one_line(capture(folder, tmp_path / "out"), 1, "no images in the folder frames")
    assert not (tmp_path / "out").exists()


def test_audio_only(tmp_path: Path) -> None:
    footage = tmp_path / "song.m4a"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", footage)
    assert_one_line(capture(footage, tmp_path / "out"), 1, "no video could be read from song.m4a")
    assert not (tmp_path / "out").exists()


def test_a_missing_path(tmp_path: Path) -> None:
    assert_one_line(capture(tmp_path / "gone.mp4", tmp_path / "out"), 1, "does not exist")


def test_a_video_with_no_person_is_status_3_and_leaves_nothing(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (20, 60, 80, 3), dtype=np.uint8)
    scenes = [cv2.GaussianBlur(cv2.resize(image, (320, 240)), (0, 0), 5) for image in noise[:1]]
    footage = make_video(tmp_path / "empty.mp4", [np.asarray(scenes[0], np.uint8)] * 20)
    assert_one_line(capture(footage, tmp_path / "out"), 3, "no person found in empty.mp4")
    assert not (tmp_path / "out").exists()


def test_no_person_leaves_a_folder_that_was_there_as_it_was(
    person_video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    before = files_under(out)
    grey = [np.full_like(image, 128) for image in pictures(person_video)[:12]]
    footage = make_video(tmp_path / "grey.mp4", grey)
    assert_one_line(capture(footage, out), 3, "no person found")
    assert files_under(out) == before
    assert not (out / "raw").exists()


# --- footage of which part can be used ---------------------------------------------------------


def test_a_truncated_video_gives_a_warning_and_its_usable_part(
    person_video: Path, tmp_path: Path
) -> None:
    images = pictures(person_video)
    whole = make_video(tmp_path / "whole.mkv", images * 2, fps=24.0)
    content = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) * 6 // 10])
    end = capture(cut, tmp_path / "out")
    assert end.status == 0
    assert [line for line in end.warnings if "cut off or damaged" in line]
    assert_whole(tmp_path / "out")
    count = len(load_clip(tmp_path / "out" / "person_0.npz").frame_index)
    assert 12 <= count < 2 * len(images)


def test_images_of_different_sizes_give_a_warning_and_the_rest(
    person_video: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, image in enumerate(pictures(person_video)[:20]):
        odd = number in (7, 8)
        write_image(folder / f"{number}.png", np.ascontiguousarray(image[: 100 if odd else None]))
    end = capture(folder, tmp_path / "out")
    assert end.status == 0
    assert len(end.warnings) == 1
    assert "2 frames left out" in end.warnings[0]
    assert "first: 7.png" in end.warnings[0]
    assert_whole(tmp_path / "out")
    clip = load_clip(tmp_path / "out" / "person_0.npz")
    assert set(clip.frame_index[~clip.tracked].tolist()) >= {7, 8}
    assert clip.frame_rate == pytest.approx(30.0)


@pytest.mark.parametrize("kind", ["video", "image", "folder"])
def test_a_single_frame_works(person_video: Path, tmp_path: Path, kind: str) -> None:
    image = pictures(person_video)[0]
    footage = tmp_path / "still"
    if kind == "video":
        footage = make_video(tmp_path / "one.mp4", [image])
    elif kind == "image":
        footage = write_image(tmp_path / "one.png", image)
    else:
        footage.mkdir()
        write_image(footage / "one.png", image)
    end = capture(footage, tmp_path / "out")
    assert (end.status, end.warnings) == (0, [])
    assert_whole(tmp_path / "out")
    clip = load_clip(tmp_path / "out" / "person_0.npz")
    assert clip.frame_index.tolist() == [0]
    assert clip.frame_rate == 30.0
    assert np.isfinite(clip.poses).all()


# --- the output folder -------------------------------------------------------------------------


def test_a_file_in_the_place_of_the_output_folder(person_video: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert_one_line(capture(person_video, out), 1, "cannot write to")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs Linux's /proc")
def test_a_folder_in_which_nothing_can_be_made(person_video: Path) -> None:
    """Not even root can make a folder in /proc."""
    assert_one_line(capture(person_video, Path("/proc/pose2rig/out")), 1, "cannot write to")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission(person_video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    assert_one_line(capture(person_video, out), 1, "cannot write to")
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 4096, 300_000])
def test_a_disk_that_fills_up_leaves_no_result(
    person_video: Path, tmp_path: Path, limit: int
) -> None:
    """The system refuses every byte beyond the limit, for a chunk, a take or the report alike."""

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    out = tmp_path / "out"
    end = pose2rig("capture", person_video, "--out", out, "--formats", "npz", limits=fill_up)
    assert_one_line(end, 1, "cannot write")
    assert not out.exists() or results_under(out) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = shutil.which("mount")
    if os.geteuid() != 0 or command is None:
        pytest.skip("mounting a small file system needs root")
    made = subprocess.run(
        [command, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("this machine does not allow mounting")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_no_result(person_video: Path, tiny_disk: Path) -> None:
    out = tiny_disk / "out"
    assert_one_line(capture(person_video, out), 1, "No space left on device")
    assert not out.exists() or results_under(out) == []


def test_an_existing_result_is_kept_without_overwrite_and_replaced_with_it(
    person_video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert capture(person_video, out).status == 0
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    (out / "person_1.npz").write_bytes(b"of an earlier capture")
    before = files_under(out)
    assert_one_line(capture(person_video, out, "--end", 14), 1, "already holds a result")
    assert files_under(out) == before

    assert capture(person_video, out, "--end", 14, "--overwrite").status == 0
    after = files_under(out)
    assert sorted(after) == [
        "notes.txt", "person_0.npz", "raw/person_0.jpg", "raw/person_0.npz", "report.json",
    ]  # fmt: skip
    assert after["notes.txt"] == before["notes.txt"]
    for name in ("person_0.npz", "raw/person_0.npz", "report.json"):
        assert after[name] != before[name]
    assert len(load_clip(out / "person_0.npz").frame_index) <= 14


def test_a_failure_with_overwrite_keeps_the_earlier_result(
    person_video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert capture(person_video, out).status == 0
    before = files_under(out)
    grey = [np.full((120, 160, 3), 128, np.uint8)] * 12
    footage = make_video(tmp_path / "grey.mp4", grey)
    assert_one_line(capture(footage, out, "--overwrite"), 3, "no person found")
    assert files_under(out) == before


# --- engine and Blender ------------------------------------------------------------------------


def bare_environment(folder: Path, packages: tuple[str, ...]) -> Path:
    """A real environment of its own whose packages are only some of this one's."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"), None) or folder / "Lib" / "site-packages"
    here = Path(np.__file__).parent.parent
    for name in packages:
        if (here / name).exists():
            (site / name).symlink_to(here / name)
    for finder in here.glob("__editable__*pose2rig*"):
        (site / finder.name).symlink_to(finder)
    return folder / "bin" / "python"


ALL_BUT_THE_RUNTIME = ("filelock", "numpy", "numpy.libs", "scipy", "scipy.libs", "cv2", "tqdm",
                     "opencv_contrib_python.libs", "threadpoolctl.py")  # fmt: skip


def test_a_missing_engine(person_video: Path, tmp_path: Path) -> None:
    """In an environment without models, or with nothing to run them: how to get it."""
    for linked, words in ((False, ("model is missing", "landmark_setup")),
                          (True, ("ai-edge-litert", "pip install"))):  # fmt: skip
        folder = tmp_path / f"linked {linked}"
        python = bare_environment(folder, ALL_BUT_THE_RUNTIME)
        if linked:
            link_models(folder)
        out = tmp_path / "out"
        end = pose2rig("capture", person_video, "--out", out, "--formats", "npz", python=python)
        assert_one_line(end, 1, *words)
        assert not out.exists()


def link_models(folder: Path) -> None:
    """Give a new environment the landmark models of this one."""
    models = engine_folder().relative_to(sys.prefix)
    (folder / models.parent).mkdir(parents=True)
    (folder / models).symlink_to(engine_folder())


def no_blender_environment(folder: Path) -> tuple[Path, dict[str, str]]:
    """An interpreter without bpy, and a PATH without a blender."""
    packages = (*ALL_BUT_THE_RUNTIME, *_requirements_of_the_runtime())
    python = bare_environment(folder, packages)
    link_models(folder)
    environment = {k: v for k, v in os.environ.items() if k != "PATH"}
    return python, {**environment, "PATH": str(folder / "bin")}


def _requirements_of_the_runtime() -> tuple[str, ...]:
    here = Path(np.__file__).parent.parent
    unwanted = ("bpy", "torch", "smplx", "nvidia", "triton", "__", "pose2rig")
    return tuple(
        entry.name for entry in here.iterdir() if not entry.name.startswith(unwanted)
        and entry.name not in ALL_BUT_THE_RUNTIME and entry.suffix != ".pth"
    )  # fmt: skip


def test_fbx_without_any_blender(person_video: Path, tmp_path: Path) -> None:
    """Asked for: an error before any work. By default: left out, with a warning."""
    python, environment = no_blender_environment(tmp_path / "venv")
    out = tmp_path / "out"
    arguments = ("capture", person_video, "--out", out)
    asked = pose2rig(*arguments, "--formats", "fbx", python=python, environment=environment)
    assert_one_line(asked, 1, "no Blender found")
    assert not [line for line in asked.err if line.startswith("estimate:")]
    assert not out.exists()

    default = pose2rig(*arguments, python=python, environment=environment)
    assert default.status == 0, default.err
    assert len(default.warnings) == 1
    assert "the fbx is left out" in default.warnings[0]
    assert_whole(out)


def test_a_blender_that_is_not_there_is_an_error_before_any_work(
    person_video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    end = pose2rig("capture", person_video, "--out", out, "--blender", tmp_path / "no-blender")
    assert_one_line(end, 1, "no-blender is not there")
    assert not out.exists()


def test_a_program_that_is_no_blender_costs_the_fbx_and_not_the_clip(
    person_video: Path, tmp_path: Path
) -> None:
    """By default a warning; asked for, the clip stands and the status tells."""
    out = tmp_path / "out"
    options = ("--blender", shutil.which("false") or "false")
    default = pose2rig("capture", person_video, "--out", out, *options)
    assert default.status == 0
    assert [line for line in default.warnings if "person_0.fbx was not written" in line]
    assert_whole(out)
    asked = pose2rig(
        "capture", person_video, "--out", out, "--overwrite", "--formats", "npz,fbx", *options
    )
    assert_one_line(asked, 1, "Blender")
    assert_whole(out)


# --- stopping ----------------------------------------------------------------------------------


def test_an_interrupt_is_status_130_and_keeps_the_frames_seen(
    demo_video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pose2rig.core_inference", "capture", str(demo_video)]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--formats", "npz", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    for line in process.stdout:
        if '"event": "progress"' in line and '"done": 0' not in line:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert '"event": "cancelled"' in rest.splitlines()[-1]
    assert results_under(out) == []
    chunks = list((out / "raw").glob("person_*.chunk_*.npz"))
    assert chunks
    with np.load(chunks[0], allow_pickle=False) as archive:
        assert len(archive["frame_index"]) > 0
    assert capture(demo_video, out, "--end", 20).status == 0
    assert_whole(out)
