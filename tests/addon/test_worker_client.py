"""The worker's client against real processes: orderly ends, deaths, garbage, cancel, silence.

The small programs here stand for workers that behave as the protocol says, or do not. The real
worker is run in test_capture.py.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose2rig.addon import worker_client
from pose2rig.addon.worker_client import (
    CaptureJob,
    MotionOptions,
    ProcessJob,
    WorkerClient,
    engine_command,
    scrubbed_environment,
)
from pose2rig.core_inference.motion.calibration import CalibrationWeights
from pose2rig.core_inference.motion.calibration_take import CalibrationSettings
from pose2rig.core_inference.motion.calibration_weights import BONES, load_weights, save_weights
from pose2rig.core_inference.motion.stack import MotionSettings
from pose2rig.core_inference.protocol import CancelledEvent, Done, Event, Failed, Progress
from pose2rig.core_inference.reprocessing import ProcessSettings
from pose2rig.core_inference.worker import read_job
from pose2rig.rigs.errors import EngineError

MOTION = MotionOptions(
    smooth=0.25,
    hands=0.75,
    filter="one-euro",
    feet="never",
    ground="off",
    refine="never",
    calibrate="none",
    calibration_weights=None,
)
ASKED = MotionSettings(
    smooth=0.25, hands=0.75, filter="one-euro", feet="never", ground="off", refine="never"
)
PROGRESS = '{"event": "progress", "done": 1, "total": 9, "stage": "solve", "fps": 2.0, "eta_s": 4}'
Start = Callable[[str], WorkerClient]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program as a worker; it is closed after the test."""
    clients: list[WorkerClient] = []

    def make(program: str) -> WorkerClient:
        command = [sys.executable, "-I", "-c", program]
        clients.append(WorkerClient(command, tmp_path / "engine.log"))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def collect(client: WorkerClient, seconds: float = 20.0) -> list[Event]:
    """Poll until the closing event."""
    events: list[Event] = []
    end = time.monotonic() + seconds
    while not client.ended and time.monotonic() < end:
        events += client.poll()
        time.sleep(0.01)
    assert client.ended, f"no closing event, only {events}"
    return events


def test_events_arrive_in_order_and_close_with_done(start: Start) -> None:
    """Progress, then the report; nothing after it."""
    done = '{"event": "done", "report": {"people": {}}}'
    events = collect(start(f"print('''{PROGRESS}\\n{PROGRESS}\\n{done}\\n{PROGRESS}''')"))
    assert [type(event) for event in events] == [Progress, Progress, Done]


def test_poll_takes_no_more_than_asked_and_never_waits(start: Start) -> None:
    """A burst of events is handed over in pieces, each in well under a timer tick."""
    client = start(
        f"print('''{PROGRESS}\\n''' * 5000, end='', flush=True); import time; time.sleep(60)"
    )
    got, worst = 0, 0.0
    end = time.monotonic() + 20.0
    while got < 5000 and time.monotonic() < end:
        before = time.thread_time()
        events = client.poll(limit=50)
        worst = max(worst, time.thread_time() - before)
        assert len(events) <= 50
        got += len(events)
        time.sleep(0.001)
    assert got == 5000
    assert worst < 0.002


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no such model')", "exit status 1"),
        ("import sys; sys.exit('no such model')", "no such model"),
        ("import os; os.abort()", "signal 6" if os.name != "nt" else "exit status 3"),
        ("raise MemoryError('too much')", "MemoryError: too much"),
        ("pass", "it said last: nothing"),
    ],
)
def test_death_is_told_with_its_last_words(start: Start, program: str, words: str) -> None:
    """However the worker dies, one readable failure names how and what it said."""
    events = collect(start(program))
    assert len(events) == 1
    assert isinstance(events[0], Failed)
    assert words in events[0].message
    assert "engine.log" in events[0].next_step


@pytest.mark.skipif(shutil.which("false") is None, reason="no program that ends at once")
def test_a_worker_that_ends_at_once_never_hangs(tmp_path: Path) -> None:
    """Death before the client has settled: still one closing event, every time."""
    for _ in range(30):
        client = WorkerClient([str(shutil.which("false"))], tmp_path / "engine.log")
        assert isinstance(collect(client, seconds=5.0)[-1], Failed)
        client.close()


def test_the_log_is_kept_in_full(start: Start, tmp_path: Path) -> None:
    """Last words are few, the file has everything."""
    collect(start("import sys; [print('line', k, file=sys.stderr) for k in range(500)]"))
    lines = (tmp_path / "engine.log").read_text().splitlines()
    assert lines == [f"line {k}" for k in range(500)]


@pytest.mark.parametrize(
    "garbage",
    ["'hello'", "'{}'", "[1]", "'\\xff\\xfe'", "'x' * 3_000_000"],
)
def test_garbage_ends_the_worker_with_a_failure(start: Start, garbage: str) -> None:
    """A worker that does not speak the protocol is stopped, not believed."""
    client = start(f"import time; print({garbage}, flush=True); time.sleep(60)")
    events = collect(client)
    assert isinstance(events[-1], Failed)
    assert "no event" in events[-1].message


def test_cancel_reaches_the_worker(start: Start) -> None:
    """The line on stdin arrives, the worker's own answer is the end."""
    answer = '{"event": "cancelled", "kept": 7}'
    client = start(f"import sys; assert sys.stdin.readline() == 'cancel\\n'; print('{answer}')")
    client.cancel()
    client.cancel()
    assert collect(client) == [CancelledEvent(kept=7)]


def test_a_worker_deaf_to_cancel_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel means cancel, also for a worker that hangs."""
    monkeypatch.setattr(worker_client, "CANCEL_GRACE_S", 0.3)
    client = start("import time; time.sleep(60)")
    client.cancel()
    assert collect(client, seconds=10.0) == [CancelledEvent(kept=0)]


def test_a_killed_worker_has_kept_its_chunks(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that were told to be on disk are counted, nonsense is not."""
    monkeypatch.setattr(worker_client, "CANCEL_GRACE_S", 0.3)
    chunk = '{{"event": "chunk", "path": "a", "first": {}, "last": {}}}'
    lines = "\\n".join(chunk.format(*ends) for ends in ((10, 39), (40, 45), ('"x"', 3)))
    client = start(f"import time; print('{lines}', flush=True); time.sleep(60)")
    end = time.monotonic() + 10.0
    events: list[Event] = []
    while len(events) < 3 and time.monotonic() < end:
        events += client.poll()
    client.cancel()
    assert collect(client, seconds=10.0) == [CancelledEvent(kept=36)]


def test_the_worker_sees_the_end_of_stdin_when_closed(start: Start, tmp_path: Path) -> None:
    """Closing ends the process, whatever it does."""
    client = start("import time; time.sleep(60)")
    client.close()
    with pytest.raises(ProcessLookupError):
        os.kill(client.pid, 0)


def test_a_chatty_worker_is_drained(start: Start) -> None:
    """Megabytes of log do not block the worker, nor grow the memory kept."""
    done = '{"event": "done", "report": {}}'
    noise = "import sys; [sys.stderr.write('x' * 1000 + '\\n') for _ in range(6000)];"
    assert collect(start(f"{noise} print('{done}')")) == [Done(report={})]


def test_an_absent_interpreter_is_one_clear_line(tmp_path: Path) -> None:
    """The error names the path and the preference."""
    with pytest.raises(EngineError, match="preferences"):
        WorkerClient([str(tmp_path / "python")], tmp_path / "engine.log")


def test_the_environment_is_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of Blender's Python or libraries reaches the worker; the rest does."""
    for name in ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "BLENDER_SYSTEM"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("HARMLESS", "y")
    environment = scrubbed_environment()
    assert not [key for key in environment if key.startswith(("PYTHON", "LD_", "BLENDER_"))]
    assert environment["HARMLESS"] == "y"


@pytest.mark.parametrize("models", [None, Path("some", "models")])
def test_the_job_file_is_what_the_worker_reads(tmp_path: Path, models: Path | None) -> None:
    """The worker understands every field that Blender writes."""
    job = CaptureJob(
        footage=tmp_path / "a.mp4",
        out=tmp_path,
        start=3,
        end=None,
        motion=MOTION,
        person="largest",
        estimator="pose2pose",
        root="fit",
        models=models,
        device="cpu",
        exact=False,
        half=True,
    )
    path = tmp_path / "job.json"
    path.write_text(job.to_json(), encoding="utf-8")
    settings = read_job(path)
    assert (settings.footage, settings.out) == (tmp_path / "a.mp4", tmp_path)
    assert (settings.start, settings.end, settings.motion) == (3, None, ASKED)
    assert (settings.estimator, settings.models) == ("pose2pose", models)
    assert (settings.device, settings.exact, settings.half) == ("cpu", False, True)
    assert settings.formats == ("npz",)
    assert (settings.person, settings.root) == ("largest", "fit")
    assert (settings.overwrite, settings.resume) == (True, False)
    path.write_text(replace(job, resume=True).to_json(), encoding="utf-8")
    settings = read_job(path)
    assert (settings.overwrite, settings.resume) == (False, True)


@pytest.mark.parametrize("contacts", [None, Path("edited.npz")])
def test_the_file_of_a_process_job_is_what_the_worker_reads(
    tmp_path: Path, contacts: Path | None
) -> None:
    job = ProcessJob(
        raw=tmp_path / "raw.npz",
        out=tmp_path / "clip.npz",
        motion=MOTION,
        contacts=contacts,
        cache=tmp_path,
    )
    path = tmp_path / "job.json"
    path.write_text(job.to_json(), encoding="utf-8")
    assert read_job(path) == ProcessSettings(
        raw=job.raw,
        out=job.out,
        motion=ASKED,
        contacts=contacts,
        cache=tmp_path,
    )


def test_a_calibration_and_its_weights_reach_the_worker(tmp_path: Path) -> None:
    weights = CalibrationWeights(share=np.ones((3, len(BONES))), along=np.zeros((3, len(BONES))))
    file = tmp_path / "weights.npz"
    save_weights(file, weights)
    job = ProcessJob(
        raw=tmp_path / "raw.npz",
        out=tmp_path / "clip.npz",
        motion=replace(MOTION, calibrate="parallel", calibration_weights=file),
        contacts=None,
        cache=tmp_path,
    )
    path = tmp_path / "job.json"
    path.write_text(job.to_json(), encoding="utf-8")
    settings = read_job(path)
    assert isinstance(settings, ProcessSettings)
    calibration = settings.motion.calibration
    assert (
        calibration.as_json()
        == CalibrationSettings(target="parallel", weights=load_weights(file)).as_json()
    )


def test_the_real_worker_answers_a_bad_job(tmp_path: Path) -> None:
    """The command line that Blender uses starts this checkout's worker and hears its error."""
    client = WorkerClient(
        engine_command(Path(sys.executable), tmp_path / "absent.json"), tmp_path / "engine.log"
    )
    try:
        events = collect(client, seconds=60.0)
    finally:
        client.close()
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "usage"
