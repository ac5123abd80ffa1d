"""Frames read ahead: in order, bounded, warnings and errors in their turn, and no leftovers."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference import reading
from pose2rig.core_inference.footage import Footage, open_footage
from pose2rig.core_inference.monitor import Monitor
from pose2rig.core_inference.protocol import Event, Warned
from pose2rig.core_inference.reading import Reader, Shown
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.rigs.errors import FootageError

from ..footage_samples import make_video, number_in, quarters, write_image
from .test_shots import scene

COUNT = 24
WAIT_S = 20.0


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    frames = [quarters(number) for number in range(COUNT)]
    return open_footage(make_video(tmp_path_factory.mktemp("reading") / "clip.mp4", frames))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> object:
    yield
    assert [thread.name for thread in threading.enumerate() if "reader" in thread.name] == []


def settings(footage: Footage, start: int | None = None, end: int | None = None) -> CaptureSettings:
    return CaptureSettings(footage=footage.path, out=Path("out"), start=start, end=end)


def monitor(events: list[Event]) -> Monitor:
    return Monitor(events.append, lambda: False)


def wait_until_full(reader: Reader) -> None:
    """Wait until the reader's thread has nothing more to do."""
    before, steady = -1, 0
    deadline_s = time.monotonic() + WAIT_S
    while steady < 5 and time.monotonic() < deadline_s:
        now = reader.ahead
        steady = steady + 1 if now == before else 0
        before = now
        time.sleep(0.02)


def test_every_frame_comes_in_order_with_its_time(video: Footage) -> None:
    told = monitor([])
    with Reader(video, settings(video, 3, 20), told) as reader:
        shown = list(reader)
    assert [one.frame.index for one in shown] == list(range(3, 20))
    assert [number_in(one.frame.image) for one in shown] == list(range(3, 20))
    assert not any(one.is_cut for one in shown)
    assert told.seconds["decode"] > 0.0
    assert told.seconds["detect"] > 0.0


@pytest.mark.parametrize(("limit_bytes", "ahead"), [(5 * 160 * 120 * 3, 5), (1, 2)])
def test_what_is_ahead_is_bounded_in_bytes_but_two_frames_fit(
    video: Footage, monkeypatch: pytest.MonkeyPatch, limit_bytes: int, ahead: int
) -> None:
    monkeypatch.setattr(reading, "AHEAD_BYTES", limit_bytes)
    with Reader(video, settings(video), monitor([])) as reader:
        wait_until_full(reader)
        assert reader.ahead == ahead
        frames = iter(reader)
        assert next(frames).frame.index == 0
        wait_until_full(reader)
        assert reader.ahead == ahead
        assert [shown.frame.index for shown in frames] == list(range(1, COUNT))


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_leaving_early_ends_the_thread_at_once_and_closes_the_footage(
    video: Footage, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """Also where the thread waits for room, and where the consumer failed."""
    monkeypatch.setattr(reading, "AHEAD_BYTES", 1)
    held = open_handles(video.path)
    with pytest.raises(RuntimeError), Reader(video, settings(video), monitor([])) as reader:
        frames = iter(reader)
        for _ in range(taken):
            next(frames)
        raise RuntimeError("the consumer failed")
    assert open_handles(video.path) == held


def open_handles(path: Path) -> int:
    """How many of this process's open files are this one; 0 where the system does not say."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return 0
    return sum(link.resolve() == path.resolve() for link in folder.iterdir())


def test_cuts_are_marked_and_warnings_are_told_by_the_consumer_in_their_turn(
    tmp_path: Path,
) -> None:
    for number in range(8):
        write_image(tmp_path / f"{number}.png", scene(1 if number < 4 else 2, 160, 90))
    (tmp_path / "6.png").write_bytes(b"no picture")
    footage, events = open_footage(tmp_path), list[Event]()
    threads: set[int] = set()

    def hear(event: Event) -> None:
        threads.add(threading.get_ident())
        events.append(event)

    with Reader(footage, settings(footage), Monitor(hear, lambda: False)) as reader:
        frames = iter(reader)
        shown = [next(frames) for _ in range(7)]
        assert events == []
        assert next(frames, None) is None
    assert [one.frame.index for one in shown if one.is_cut] == [4]
    assert [event.code for event in events if isinstance(event, Warned)] == ["broken_image"]
    assert threads == {threading.get_ident()}


def test_an_error_comes_after_the_frames_before_it(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / f"{number}.png", quarters(number))
    footage = open_footage(tmp_path)
    with (
        pytest.raises(FootageError, match="starts beyond"),
        Reader(footage, settings(footage, 7), monitor([])) as reader,
    ):
        list(reader)
    seen: list[Shown] = []
    (tmp_path / "2.png").unlink()
    (tmp_path / "2.png").mkdir()
    with Reader(footage, settings(footage), monitor([])) as reader:
        seen += reader
    assert [one.frame.index for one in seen] == [0, 1]


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_a_reader_goes_on_from_any_frame_as_if_there_had_been_no_break(
    video: Footage, tmp_path: Path, kind: str
) -> None:
    """Time stamps, cuts and warnings included; two pictures cannot be read."""
    footage = video
    if kind == "folder":
        for number in range(10):
            write_image(tmp_path / f"{number}.png", scene(1 if number < 6 else 2, 160, 90))
        for number in (2, 8):
            (tmp_path / f"{number}.png").write_bytes(b"no picture")
        footage = open_footage(tmp_path)
    events: list[Event] = []
    with Reader(footage, settings(footage), monitor(events)) as reader:
        whole = list(reader)
    for done, last in enumerate(whole):
        state, told = json.loads(json.dumps(last.state)), list[Event]()
        with Reader(footage, settings(footage), monitor(told), state) as reader:
            rest = list(reader)
        assert [_facts(one) for one in rest] == [_facts(one) for one in whole[done + 1 :]]
        assert told == events
        for one, other in zip(rest, whole[done + 1 :], strict=True):
            np.testing.assert_array_equal(one.frame.image, other.frame.image)
    assert kind == "video" or any(one.is_cut for one in whole)


def _facts(shown: Shown) -> tuple[int, float, bool, object]:
    return shown.frame.index, shown.frame.time_s, shown.is_cut, shown.state
