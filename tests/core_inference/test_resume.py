"""Killed and resumed from the command line: the result is that of a run without a break."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .running import LIMIT_S, Ended, assert_one_line, ended, files_under, pose2rig

pytestmark = pytest.mark.slow

CHUNK_FRAMES = 5
KILLS = 4

_CAPTURE = """
import sys
from dataclasses import replace
from pose2rig.core_inference import __main__ as command, settings
small = settings.CaptureSettings
command.CaptureSettings = lambda **values: small(**values, chunk_frames=int(sys.argv[1]))
sys.exit(command.main(sys.argv[2:]))
"""
"""The command line with chunks of few frames."""


def start(footage: Path, out: Path, *options: str) -> "subprocess.Popen[str]":
    """Start a capture in a process of its own."""
    arguments = ["capture", str(footage), "--out", str(out), "--formats", "npz", "--json", *options]
    return subprocess.Popen(
        [sys.executable, "-c", _CAPTURE, str(CHUNK_FRAMES), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def finish(process: "subprocess.Popen[str]") -> Ended:
    out, err = process.communicate(timeout=LIMIT_S)
    return ended(process.returncode, out, err)


def report_of(folder: Path) -> dict[str, Any]:
    """The report, but for how long things took."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {name: report[name] for name in report if name not in ("seconds", "frames_per_second")}


def arrays_of(folder: Path) -> dict[str, str]:
    """Every result but the report, by the hash of its bytes."""
    return {name: sha256 for name, sha256 in files_under(folder).items() if name != "report.json"}


@pytest.fixture(scope="module")
def whole(person_video: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A capture without a break, and the seconds it took."""
    out = tmp_path_factory.mktemp("whole") / "out"
    began_s = time.monotonic()
    end = finish(start(person_video, out))
    assert end.status == 0, end.err
    return out, time.monotonic() - began_s


def test_killed_at_random_moments_and_resumed_it_is_the_uninterrupted_result(
    person_video: Path, whole: tuple[Path, float], tmp_path: Path
) -> None:
    out, seconds = whole
    moments = random.Random(7)
    killed = 0
    for _ in range(KILLS):
        process = start(person_video, tmp_path, "--resume")
        try:
            process.communicate(timeout=moments.uniform(0.3, 0.9) * seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
    assert killed > 0
    end = finish(start(person_video, tmp_path, "--resume"))
    assert end.status == 0, end.err
    assert arrays_of(tmp_path) == arrays_of(out)
    expected, report = report_of(out), report_of(tmp_path)
    report["warnings"] = [one for one in report["warnings"] if one["code"] != "finished"]
    assert report == expected


def test_killed_after_a_chunk_at_most_a_chunk_is_looked_at_again(
    person_video: Path, whole: tuple[Path, float], tmp_path: Path
) -> None:
    """The process is killed when it has told of its second chunk and two frames more."""
    process = start(person_video, tmp_path)
    assert process.stdout is not None
    done = 0
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "progress":
            done = event["done"]
        if done >= 2 * CHUNK_FRAMES + 2:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    end = finish(start(person_video, tmp_path, "--resume"))
    assert end.status == 0, end.err
    events = [json.loads(line) for line in end.out]
    first = next(event["done"] for event in events if event["event"] == "progress")
    assert first > done - CHUNK_FRAMES
    assert arrays_of(tmp_path) == arrays_of(whole[0])


def test_a_finished_result_is_given_back_at_once(
    person_video: Path, whole: tuple[Path, float]
) -> None:
    out, _ = whole
    before = files_under(out)
    end = pose2rig("capture", person_video, "--out", out, "--formats", "npz", "--resume")
    assert end.status == 0, end.err
    assert any("nothing is left to do" in line for line in end.warnings)
    assert any(line.startswith("person 0: ") for line in end.out)
    assert files_under(out) == before


def test_a_finished_result_of_other_settings_says_what_differs(
    person_video: Path, whole: tuple[Path, float]
) -> None:
    out, _ = whole
    options = ("--formats", "npz", "--resume", "--smooth", 0.9, "--person", "all")
    end = pose2rig("capture", person_video, "--out", out, *options)
    assert_one_line(end, 1, "the result of another capture", "person largest, smooth 0.5")
