"""The engine's process as Blender drives it: events, cancel, end of stdin, death, missing parts."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.clip import load_clip
from pose2rig.core_inference.motion.stack import MotionSettings
from pose2rig.core_inference.protocol import (
    CancelledEvent,
    Chunk,
    Done,
    Event,
    Failed,
    Person,
    Progress,
    Started,
    event_from_line,
)
from pose2rig.core_inference.reprocessing import ProcessSettings
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.core_inference.worker import read_job
from pose2rig.rigs.errors import NotAvailableError, UsageError

from .running import events_of, files_under, results_under, start_worker
from .test_bad_input import ALL_BUT_THE_RUNTIME, bare_environment, capture

slow = pytest.mark.slow
Worker = subprocess.Popen[str]


@pytest.fixture
def started(tmp_path: Path, repository_dir: Path) -> Iterator[list[Worker]]:
    """Workers that the test starts; none outlives it."""
    workers: list[Worker] = []
    yield workers
    for worker in workers:
        worker.kill()
        worker.communicate()


def job(footage: Path, out: Path, **changes: Any) -> dict[str, Any]:
    return {"footage": str(footage), "out": str(out), "formats": ["npz"], **changes}


def wait_for_progress(worker: Worker) -> list[Event]:
    """Read events until a frame is done."""
    assert worker.stdout is not None
    events: list[Event] = []
    for line in worker.stdout:
        events.append(event_from_line(line))
        if isinstance(events[-1], Progress) and events[-1].done > 5:
            return events
    raise AssertionError(f"the worker ended: {events}")


# --- the job file ------------------------------------------------------------------------------


def written(folder: Path, text: str) -> Path:
    path = folder / "job.json"
    path.write_text(text, encoding="utf-8")
    return path


def capture_job(folder: Path, text: str) -> CaptureSettings:
    settings = read_job(written(folder, text))
    assert isinstance(settings, CaptureSettings)
    return settings


def test_a_job_has_the_contracts_capture_options_by_name(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "footage": "clip.mp4",
            "out": "folder",
            "start": 3,
            "end": 9,
            "smooth": 0.25,
            "hands": 1,
            "feet": "never",
            "ground": "level",
            "fov": 55.0,
            "focal": None,
            "formats": ["npz"],
            "overwrite": True,
            "person": "all",
            "estimator": "landmarks",
            "resume": False,
            "root": "rootnet",
            "models": "models",
            "device": "cpu",
            "exact": True,
            "checkpoint": ["rootnet=root.pth", "smplx=body.npz"],
        }
    )
    settings = capture_job(tmp_path, text)
    assert (settings.footage, settings.out) == (Path("clip.mp4"), Path("folder"))
    assert (settings.start, settings.end) == (3, 9)
    motion = {
        "smooth": 0.25,
        "hands": 1.0,
        "feet": "never",
        "ground": "level",
        "filter": "zero-phase",
        "refine": "auto",
    }
    assert settings.motion.as_json() == motion
    assert (settings.fov_deg, settings.focal_px) == (55.0, None)
    assert settings.wanted_formats == ("npz",)
    assert (settings.overwrite, settings.resume) == (True, False)
    assert (settings.person, settings.root) == ("all", "rootnet")
    assert (settings.models, settings.device, settings.exact) == (Path("models"), "cpu", True)
    assert settings.checkpoints == {"rootnet": Path("root.pth"), "smplx": Path("body.npz")}


def test_what_a_job_leaves_out_has_the_command_lines_defaults(tmp_path: Path) -> None:
    settings = capture_job(tmp_path, '{"footage": "clip.mp4", "out": "folder"}')
    assert settings.motion == MotionSettings()
    as_said = capture_job(tmp_path, '{"footage": "clip.mp4", "out": "folder", "refine": "never"}')
    assert as_said.motion == MotionSettings(refine="never")
    assert settings.formats is None
    assert (settings.overwrite, settings.resume) == (False, False)
    assert (settings.person, settings.root) == ("largest", "fit")
    assert (settings.models, settings.checkpoints) == (None, {})
    assert (settings.device, settings.exact) == ("auto", False)


def test_a_job_may_process_a_raw_take_again(tmp_path: Path) -> None:
    job = {
        "job": "process",
        "raw": "raw/person_0.npz",
        "out": "clip.npz",
        "smooth": 0.25,
        "feet": "never",
        "contacts": "edited.npz",
        "cache": None,
    }
    settings = read_job(written(tmp_path, json.dumps(job)))
    assert settings == ProcessSettings(
        raw=Path("raw/person_0.npz"),
        out=Path("clip.npz"),
        motion=MotionSettings(smooth=0.25, feet="never"),
        contacts=Path("edited.npz"),
    )


def test_settings_of_a_process_job_are_checked(tmp_path: Path) -> None:
    text = '{"job": "process", "raw": "r.npz", "out": "c.npz", "feet": "bare"}'
    with pytest.raises(UsageError, match="--feet makes no sense"):
        read_job(written(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '"job"', '{"out": "o"}', '{"footage": 3, "out": "o"}',
     '{"footage": "f", "out": "o", "smooth": "much"}',
     '{"footage": "f", "out": "o", "hands": null}',
     '{"job": "process", "out": "o"}',
     '{"job": "process", "raw": "r", "out": "o", "contacts": 3}',
     '{"footage": "f", "out": "o", "start": "soon"}',
     '{"footage": "f", "out": "o", "models": 3}',
     '{"footage": "f", "out": "o", "checkpoint": [3]}'],
)  # fmt: skip
def test_a_job_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="job file"):
        read_job(written(tmp_path, text))


def test_a_missing_job_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="job file"):
        read_job(tmp_path / "gone.json")


def test_a_job_of_a_later_version_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotAvailableError):
        read_job(written(tmp_path, '{"footage": "f", "out": "o", "formats": ["usd"]}'))


def test_a_job_may_ask_to_go_on_with_an_unfinished_capture(tmp_path: Path) -> None:
    text = '{"footage": "f", "out": "o", "resume": true, "overwrite": false}'
    assert capture_job(tmp_path, text).resume


# --- running -----------------------------------------------------------------------------------


@slow
def test_a_run_is_told_in_events_and_nothing_else(
    started: list[Worker], person_video: Path, tmp_path: Path, repository_dir: Path
) -> None:
    out = tmp_path / "out"
    worker = start_worker(tmp_path, repository_dir, job(person_video, out))
    started.append(worker)
    events = events_of(worker)
    assert worker.wait(10) == 0
    assert isinstance(events[0], Started)
    assert (events[0].frames, events[0].fps) == (24, 24.0)
    progress = [event for event in events if isinstance(event, Progress)]
    done = [event.done for event in progress if event.stage == "estimate"]
    assert {event.stage for event in progress} >= {"estimate", "solve"}
    assert done == sorted(done)
    assert done[-1] == 24
    (person,) = (event for event in events if isinstance(event, Person))
    assert (person.id, person.thumbnail) == (0, str(out / "raw" / "person_0.jpg"))
    assert Path(person.thumbnail).is_file()
    chunks = [event for event in events if isinstance(event, Chunk)]
    assert chunks[-1].last <= 23
    closing = [event for event in events if isinstance(event, Done | Failed | CancelledEvent)]
    assert closing == [events[-1]]
    assert isinstance(events[-1], Done)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert events[-1].report == report


@slow
def test_the_worker_writes_what_the_command_line_writes(
    started: list[Worker], person_video: Path, tmp_path: Path, repository_dir: Path
) -> None:
    worker = start_worker(tmp_path, repository_dir, job(person_video, tmp_path / "worker"))
    started.append(worker)
    events_of(worker)
    assert capture(person_video, tmp_path / "command").status == 0
    one, other = (files_under(tmp_path / name) for name in ("worker", "command"))
    for name in ("person_0.npz", "raw/person_0.npz", "raw/person_0.jpg"):
        assert one[name] == other[name]


@slow
def test_a_line_on_stdin_cancels_with_status_130_and_keeps_the_chunk(
    started: list[Worker], demo_video: Path, tmp_path: Path, repository_dir: Path
) -> None:
    out = tmp_path / "out"
    worker = start_worker(tmp_path, repository_dir, job(demo_video, out))
    started.append(worker)
    wait_for_progress(worker)
    assert worker.stdin is not None
    worker.stdin.write("cancel\n")
    worker.stdin.flush()
    events = events_of(worker)
    assert worker.wait(10) == 130
    assert isinstance(events[-1], CancelledEvent)
    assert results_under(out) == []
    chunks = sorted((out / "raw").glob("*.npz"))
    kept = sum(len(np.load(path, allow_pickle=False)["frame_index"]) for path in chunks)
    assert kept == events[-1].kept > 0


@slow
def test_the_end_of_stdin_ends_the_process_within_two_seconds(
    started: list[Worker], demo_video: Path, tmp_path: Path, repository_dir: Path
) -> None:
    out = tmp_path / "out"
    worker = start_worker(tmp_path, repository_dir, job(demo_video, out))
    started.append(worker)
    wait_for_progress(worker)
    assert worker.stdin is not None
    worker.stdin.close()
    worker.stdin = None
    closed_s = time.monotonic()
    worker.wait(10)
    assert time.monotonic() - closed_s < 2.0
    assert not list(out.glob("person_*"))
    assert not (out / "report.json").exists()


@slow
def test_a_killed_worker_leaves_no_result_and_the_folder_can_be_used_again(
    started: list[Worker], demo_video: Path, tmp_path: Path, repository_dir: Path
) -> None:
    out = tmp_path / "out"
    worker = start_worker(tmp_path, repository_dir, job(demo_video, out))
    started.append(worker)
    wait_for_progress(worker)
    worker.kill()
    events = events_of(worker)
    assert worker.wait(10) < 0
    assert not any(isinstance(event, Done | Failed | CancelledEvent) for event in events)
    assert not list(out.glob("person_*"))
    assert not list(out.glob("raw/person_0.npz"))
    assert not (out / "report.json").exists()

    assert capture(demo_video, out, "--end", 20).status == 0
    assert sorted(files_under(out)) == [
        "person_0.npz", "raw/person_0.jpg", "raw/person_0.npz", "report.json",
    ]  # fmt: skip
    assert len(load_clip(out / "person_0.npz").frame_index) <= 20


@slow
def test_a_failure_is_one_event_with_a_next_step(
    started: list[Worker], tmp_path: Path, repository_dir: Path
) -> None:
    worker = start_worker(tmp_path, repository_dir, job(tmp_path / "gone.mp4", tmp_path / "out"))
    started.append(worker)
    events = events_of(worker)
    assert worker.wait(10) == 1
    assert len(events) == 1
    assert isinstance(events[0], Failed)
    assert (events[0].code, events[0].next_step) == ("footage", "check the path")
    assert "gone.mp4" in events[0].message
    assert not (tmp_path / "out").exists()


# --- an engine that is not one -----------------------------------------------------------------


@slow
@pytest.mark.parametrize(
    ("packages", "missing"), [((), "numpy"), (ALL_BUT_THE_RUNTIME, "landmark model")]
)
def test_a_python_without_the_engines_packages_says_what_is_missing(
    started: list[Worker],
    person_video: Path,
    tmp_path: Path,
    repository_dir: Path,
    packages: tuple[str, ...],
    missing: str,
) -> None:
    python = bare_environment(tmp_path / "venv", packages)
    out = tmp_path / "out"
    worker = start_worker(tmp_path, repository_dir, job(person_video, out), python)
    started.append(worker)
    events = events_of(worker)
    assert worker.wait(30) == 1
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "engine"
    assert missing in events[-1].message
    assert events[-1].next_step
    assert not out.exists()
