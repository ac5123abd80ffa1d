"""Blender as a tool: found, started, and its answers or its silence turned into words."""

import shutil
import sys
from pathlib import Path

import pytest

from pose2rig.core_inference.blender import BlenderHost, find_blender
from pose2rig.core_inference.exporting import export_fbx
from pose2rig.rigs.errors import BlenderError

from .conftest import Files


def python_host(code: str) -> BlenderHost:
    """A program that is started as Blender is, with the job file's path last."""
    return BlenderHost(command=(sys.executable, "-I", "-c", code))


def test_a_path_without_a_program_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "blender", tmp_path):
        with pytest.raises(BlenderError, match="is not there"):
            find_blender(path)


def test_a_file_that_is_no_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blender").write_bytes(b"a picture")
    with pytest.raises(BlenderError, match="is not a program"):
        find_blender(tmp_path / "blender")


def test_a_name_alone_is_a_file_here_and_never_searched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("blender").write_bytes(b"#!/bin/sh\n")
    Path("blender").chmod(0o755)
    host = find_blender(Path("blender"))
    assert host is not None
    assert host.command[0] == str(tmp_path / "blender")


def test_a_given_blender_is_taken_before_any_other() -> None:
    host = find_blender(Path(sys.executable))
    assert host is not None
    assert host.command[0] == sys.executable
    assert "--background" in host.command
    assert "--factory-startup" in host.command
    assert host.command[-1] == "--"


def test_the_job_arrives_as_json_and_the_answer_comes_back() -> None:
    code = (
        "import json, sys\n"
        "job = json.load(open(sys.argv[-1], encoding='utf-8'))\n"
        "print('Blender 5.0')\n"
        "print(json.dumps({'ok': True, 'frames': job['frames'] + 1}))\n"
        "print('Blender quit')"
    )
    assert python_host(code).run({"frames": 41})["frames"] == 42


def test_what_blender_logs_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """The command line shows it with --debug only, as all that libraries log."""
    code = "import sys; sys.stderr.write('a warning'); print('{\"ok\": true}')"
    python_host(code).run({})
    assert capfd.readouterr().err == "a warning"


def test_what_blender_says_went_wrong_is_the_error() -> None:
    code = (
        "import json\n"
        "print(json.dumps({'ok': False, 'message': 'no room', 'next_step': 'make room'}))\n"
        "raise SystemExit(1)"
    )
    with pytest.raises(BlenderError, match="no room; make room"):
        python_host(code).run({})


def test_a_death_without_an_answer_says_its_status_and_last_words() -> None:
    code = "import sys; sys.stderr.write('out of\\nmemory\\n'); raise SystemExit(7)"
    with pytest.raises(BlenderError, match=r"status 7 .* got out of \| memory"):
        python_host(code).run({})


def test_a_program_that_says_nothing_or_cannot_start_is_a_blender_error() -> None:
    silent = shutil.which("true")
    assert silent is not None
    with pytest.raises(BlenderError, match="no answer"):
        BlenderHost(command=(silent,)).run({})
    with pytest.raises(BlenderError, match="could not be started"):
        BlenderHost(command=("/nowhere/blender",)).run({})


@pytest.mark.slow
@pytest.mark.bpy
def test_a_clip_becomes_an_fbx_through_the_bpy_module(known_files: Files, tmp_path: Path) -> None:
    pytest.importorskip("bpy", reason="needs the blender extra")
    host = find_blender(None)
    assert host is not None
    out = tmp_path / "take.fbx"
    export_fbx(host, known_files.clip, out, "take")
    assert out.read_bytes().startswith(b"Kaydara FBX Binary")
    with pytest.raises(BlenderError, match="cannot read"):
        export_fbx(host, tmp_path / "gone.npz", tmp_path / "other.fbx", "take")
    assert not (tmp_path / "other.fbx").exists()
