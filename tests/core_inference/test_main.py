"""The command line: wrong usage, what later versions bring, and what the contract says of both."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pose2rig.core_inference import VERSION
from pose2rig.core_inference.__main__ import main
from pose2rig.core_inference.console import Console

from .conftest import Files
from .running import Ended, assert_one_line, ended, files_under, pose2rig, results_under

Run = Callable[..., Ended]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def run_main(*arguments: object) -> Ended:
        status = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return ended(status, out, err)

    return run_main


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    """A file that no command of this module may come to read."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"never opened")
    return path


# --- wrong usage: status 2 ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("capture",),
        ("capture", "clip.mp4"),
        ("capture", "clip.mp4", "--out", "o", "--turbo"),
        ("capture", "clip.mp4", "extra.mp4", "--out", "o"),
        ("capture", "clip.mp4", "--out", "o", "--estimator", "oracle"),
        ("capture", "clip.mp4", "--out", "o", "--device", "abacus"),
        ("capture", "clip.mp4", "--out", "o", "--start", "soon"),
        ("capture", "clip.mp4", "--out", "o", "--fov", "60", "--focal", "900"),
        ("capture", "clip.mp4", "--out", "o", "--resume", "--overwrite"),
        ("capture", "clip.mp4", "--out", "o", "--root", "sky"),
        ("process", "raw.npz"),
        ("process", "raw.npz", "--out", "c.npz", "--feet", "bare"),
        ("process", "raw.npz", "--out", "c.npz", "--ground", "high"),
        ("process", "raw.npz", "--out", "c.npz", "--refine", "always"),
        ("capture", "clip.mp4", "--out", "o", "--feet", "bare"),
        ("capture", "clip.mp4", "--out", "o", "--hands", "gloves"),
        ("export", "clip.npz"),
        ("evaluate", "clip.npz"),
        ("capture", "clip.mp4", "--out", "o", "--over"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    assert_one_line(run(*arguments), 2, "the command line makes no sense")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--smooth", "-0.1"), "--smooth"),
        (("--smooth", "1.1"), "--smooth"),
        (("--smooth", "nan"), "--smooth"),
        (("--hands", "-0.1"), "--hands"),
        (("--hands", "nan"), "--hands"),
        (("--fov", "0"), "--fov"),
        (("--fov", "180"), "--fov"),
        (("--focal", "-5"), "--focal"),
        (("--focal", "inf"), "--focal"),
        (("--start", "-1"), "--start"),
        (("--start", "5", "--end", "5"), "--end"),
        (("--end", "0"), "--end"),
        (("--formats", "npz,gif"), "--formats"),
        (("--formats", ""), "--formats"),
        (("--person", "tallest"), "--person"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    run: Run, footage: Path, options: tuple[str, ...], word: str
) -> None:
    out = footage.parent / "out"
    assert_one_line(run("capture", footage, "--out", out, *options), 2, word, "makes no sense")
    assert not out.exists()


def test_an_unknown_option_in_a_process_of_its_own_is_status_2_without_a_traceback() -> None:
    end = pose2rig("capture", "clip.mp4", "--out", "o", "--turbo")
    assert_one_line(end, 2, "--turbo")
    assert end.out == []


# --- what a later version brings: status 2 -----------------------------------------------------


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--formats", "glb"), "glb"),
        (("--formats", "npz,bvh"), "bvh"),
        (("--formats", "usd,fbx"), "usd"),
    ],
)
def test_a_later_choice_is_not_available_in_this_version(
    run: Run, footage: Path, options: tuple[str, ...], word: str
) -> None:
    end = run("capture", footage, "--out", footage.parent / "out", *options)
    assert_one_line(end, 2, word, "not available in this version")
    assert sorted(files_under(footage.parent)) == ["clip.mp4"]


@pytest.mark.parametrize("kind", ["glb", "bvh", "usd"])
def test_exporting_to_a_later_format_is_not_available(
    run: Run, known_files: Files, tmp_path: Path, kind: str
) -> None:
    end = run("export", known_files.clip, "--out", tmp_path / f"take.{kind}")
    assert_one_line(end, 2, f"cannot export to .{kind}", "in this version")
    assert not list(tmp_path.iterdir())


def test_exporting_to_an_unknown_format_is_wrong_usage(
    run: Run, known_files: Files, tmp_path: Path
) -> None:
    for name in ("take.gif", "take"):
        assert_one_line(run("export", known_files.clip, "--out", tmp_path / name), 2, "fbx")


# --- help, version, events, debug --------------------------------------------------------------


def test_help_is_on_stdout_with_status_0() -> None:
    end = pose2rig("capture", "--help")
    assert end.status == 0
    assert end.out[0].startswith("usage: pose2rig")
    assert end.err == []
    for option in ("--person largest|all|N", "--resume", "--root {fit,rootnet}"):
        assert any(option in line for line in end.out), option


def test_the_version_is_on_stdout() -> None:
    end = pose2rig("--version")
    assert (end.status, end.out) == (0, [f"pose2rig {VERSION}"])


def test_with_json_a_failure_is_an_event_on_stdout_as_well(run: Run, tmp_path: Path) -> None:
    end = run("capture", tmp_path / "gone.mp4", "--out", tmp_path / "out", "--json")
    assert_one_line(end, 1, "gone.mp4")
    assert len(end.out) == 1
    assert '"event": "failed"' in end.out[0]
    assert '"code": "footage"' in end.out[0]


def test_debug_shows_the_traceback_and_still_the_one_line(run: Run, tmp_path: Path) -> None:
    end = run("capture", tmp_path / "gone.mp4", "--out", tmp_path / "out", "--debug")
    assert end.status == 1
    assert len(end.errors) == 1
    assert any(line.startswith("Traceback") for line in end.err)


def test_a_capture_leaves_the_interrupt_handler_as_it_was(run: Run, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    run("capture", tmp_path / "gone.mp4", "--out", tmp_path / "out")
    assert signal.getsignal(signal.SIGINT) is before


# --- the last resort ---------------------------------------------------------------------------


def test_an_error_nobody_foresaw_is_one_line(run: Run, known_files: Files) -> None:
    """A zero byte, which no shell can pass on, is refused by the system in its own words."""
    end = run("process", known_files.raw, "--out", "a\0b.npz")
    assert_one_line(end, 1, "null byte")


def test_a_reader_who_leaves_ends_the_command_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "pose2rig.core_inference", "capture", str(tmp_path / "gone.mp4"),
         "--out", str(tmp_path / "out"), "--json"],
        stdout=writing, stderr=subprocess.PIPE, encoding="utf-8", check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 1
    assert "gone.mp4" in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.slow
def test_a_capture_whose_reader_leaves_writes_no_result(person_video: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "pose2rig.core_inference", "capture", str(person_video),
         "--out", str(tmp_path), "--formats", "npz", "--json"],
        stdout=writing, stderr=subprocess.PIPE, encoding="utf-8", check=False,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
    assert results_under(tmp_path) == []


def test_what_stdout_cannot_encode_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    with Console(debug=True, json_lines=False) as console:
        console.print("wrote dancé/\udcff")
        assert written.getvalue() == b"wrote danc\\xe9/\\udcff\n"


def test_control_characters_in_names_do_not_reach_the_terminal(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Console(debug=True, json_lines=False) as console:
        console.say("found \x1b[2J\x9b1m\r as a\tkey")
        console.print("wrote \x1b]0;name\x07\nand more")
    out, err = capfd.readouterr()
    assert err == "found \\x1b[2J\\x9b1m\\x0d as a\tkey\n"
    assert out == "wrote \\x1b]0;name\\x07\nand more\n"


# --- paths: a missing or unreadable one is a failure, status 1 ---------------------------------


def test_missing_footage_is_a_failure(run: Run, tmp_path: Path) -> None:
    end = run("capture", tmp_path / "gone.mp4", "--out", tmp_path / "out")
    assert_one_line(end, 1, "gone.mp4", "does not exist")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["process", "export"])
def test_a_missing_or_foreign_file_is_a_failure(run: Run, tmp_path: Path, command: str) -> None:
    target = tmp_path / ("out.npz" if command == "process" else "out.fbx")
    assert_one_line(run(command, tmp_path / "gone.npz", "--out", target), 1, "gone.npz")
    (tmp_path / "text.npz").write_text("no arrays", encoding="utf-8")
    assert_one_line(run(command, tmp_path / "text.npz", "--out", target), 1, "text.npz")
    assert not target.exists()


def test_a_raw_take_is_no_clip_and_a_clip_no_raw_take(
    run: Run, known_files: Files, tmp_path: Path
) -> None:
    assert_one_line(run("export", known_files.raw, "--out", tmp_path / "t.fbx"), 1, "raw.npz")
    assert_one_line(run("process", known_files.clip, "--out", tmp_path / "c.npz"), 1, "clip.npz")
    assert results_under(tmp_path) == []


# --- process -----------------------------------------------------------------------------------


def test_processing_a_raw_take_writes_a_clip_and_leaves_the_take(
    run: Run, known_files: Files, tmp_path: Path
) -> None:
    before = files_under(known_files.raw.parent)
    end = run("process", known_files.raw, "--out", tmp_path / "again.npz")
    assert end.status == 0
    assert files_under(known_files.raw.parent) == before
    assert files_under(tmp_path) == {"again.npz": before["clip.npz"]}


def test_processing_never_replaces_the_raw_take(
    run: Run, known_files: Files, tmp_path: Path
) -> None:
    raw = tmp_path / "raw.npz"
    raw.write_bytes(known_files.raw.read_bytes())
    before = files_under(tmp_path)
    for options in ((), ("--overwrite",)):
        assert_one_line(run("process", raw, "--out", raw, *options), 2, "its own raw take")
        assert files_under(tmp_path) == before


def test_an_existing_clip_is_replaced_only_with_overwrite(
    run: Run, known_files: Files, tmp_path: Path
) -> None:
    out = tmp_path / "clip.npz"
    out.write_bytes(b"an earlier clip")
    assert_one_line(run("process", known_files.raw, "--out", out), 1, "already exists")
    assert out.read_bytes() == b"an earlier clip"
    assert run("process", known_files.raw, "--out", out, "--overwrite").status == 0
    assert files_under(tmp_path)["clip.npz"] == files_under(known_files.clip.parent)["clip.npz"]


def test_a_clip_cannot_be_written_where_there_is_no_folder(
    run: Run, known_files: Files, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("text", encoding="utf-8")
    for folder in (tmp_path / "nowhere", tmp_path / "file"):
        end = run("process", known_files.raw, "--out", folder / "clip.npz")
        assert_one_line(end, 1, "cannot write", "an existing folder")
    assert sorted(files_under(tmp_path)) == ["file"]


@pytest.mark.parametrize("name", ["clip.txt", "clip"])
def test_a_clip_is_written_to_an_npz_only(
    run: Run, known_files: Files, tmp_path: Path, name: str
) -> None:
    assert_one_line(run("process", known_files.raw, "--out", tmp_path / name), 2, ".npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["process", "export"])
def test_a_folder_is_no_file_name(
    run: Run, known_files: Files, tmp_path: Path, command: str
) -> None:
    source = known_files.raw if command == "process" else known_files.clip
    end = run(command, source, "--out", tmp_path, "--overwrite")
    assert_one_line(end, 1, "is a folder")


@pytest.mark.parametrize("option", ["--smooth", "--hands"])
def test_a_strength_that_makes_no_sense_is_wrong_usage(
    run: Run, known_files: Files, tmp_path: Path, option: str
) -> None:
    end = run("process", known_files.raw, "--out", tmp_path / "c.npz", option, "2")
    assert_one_line(end, 2, f"{option} makes no sense", "0 to 1", "pose2rig process --help")


@pytest.mark.parametrize("command", ["capture", "process"])
def test_the_help_explains_what_makes_the_motion(
    capfd: pytest.CaptureFixture[str], command: str
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    told = " ".join(capfd.readouterr().out.split())
    options = ("--smooth S", "--hands S", "--feet {auto,always,never}", "--ground {auto,level")
    for option in (*options, "--refine {auto,never}"):
        assert option in told
