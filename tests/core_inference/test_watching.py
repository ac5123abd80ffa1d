"""Frames looked at in groups: never across a cut, with the results of one by one."""

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.array_file import load_arrays
from pose2rig.core_inference.estimators.base import PersonPose, TakeBody
from pose2rig.core_inference.footage import Footage, Frame, open_footage
from pose2rig.core_inference.monitor import Monitor
from pose2rig.core_inference.protocol import Event, Progress, Warned
from pose2rig.core_inference.recording import Recorder
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.core_inference.watching import Watched, watch
from pose2rig.rigs.errors import Cancelled, NoPersonError

from ..footage_samples import write_image
from .test_shots import scene

SHOT = 7
FRAMES = 17


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """A folder of 17 pictures with a cut at the eighth."""
    folder = tmp_path_factory.mktemp("shots")
    for k in range(FRAMES):
        write_image(folder / f"{k:03d}.png", scene(1 if k < SHOT else 2, 160, 90))
    return open_footage(folder)


class Groups:
    """An estimator that notes what it is asked, and answers by the frame's number alone."""

    name = "groups"
    landmark_names: tuple[str, ...] = ()
    weights_sha256 = "0" * 64
    licence_note = "none"
    body: TakeBody | None = None
    warnings: tuple[tuple[str, str], ...] = (("licence", "a licence"),)

    def __init__(self, batch_size: int, seen: Callable[[int], bool] = lambda _: True) -> None:
        self.batch_size = batch_size
        self.calls: list[list[int] | str] = []
        self.alive: list[int] = []
        self._seen = seen
        self._frames: list[weakref.ref[Frame]] = []

    @property
    def groups(self) -> list[list[int]]:
        return [call for call in self.calls if not isinstance(call, str)]

    def estimate_all(self, frames: Sequence[Frame]) -> list[PersonPose | None]:
        self.calls.append([frame.index for frame in frames])
        self._frames += [weakref.ref(frame) for frame in frames]
        self.alive.append(sum(frame() is not None for frame in self._frames))
        return [_pose(frame.index) if self._seen(frame.index) else None for frame in frames]

    def reset(self) -> None:
        self.calls.append("reset")

    def close(self) -> None:
        self.calls.append("close")


def _pose(number: int) -> PersonPose:
    random = np.random.default_rng(number)
    return PersonPose(
        joints2d=random.normal(size=(55, 2)).astype(np.float32),
        scores=random.uniform(0.5, 1.0, 55).astype(np.float32),
        box=(40.0 + number, 10.0, 60.0, 70.0),
        rotations=random.normal(size=(55, 3)).astype(np.float32),
        root=random.normal(size=3).astype(np.float32),
        betas=np.zeros(10, np.float32),
        expression=np.zeros(10, np.float32),
    )


class Run:
    """One run of `watch` with all it told and recorded."""

    def __init__(self, folder: Path, should_stop: Callable[[], bool] = lambda: False) -> None:
        self.events: list[Event] = []
        self.monitor = Monitor(self.events.append, should_stop)
        self.recorder = Recorder(folder=folder, on_event=self.monitor.tell, run="r")

    def watch(self, footage: Footage, estimator: Groups, **changes: Any) -> Watched:
        settings = CaptureSettings(footage=footage.path, out=Path("out"), **changes)
        return watch(footage, settings, estimator, self.recorder, self.monitor)

    def rows(self, person: int) -> dict[str, NDArray[Any]]:
        parts = [load_arrays(path) for path in self.recorder.chunks(person)]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


# --- groups ------------------------------------------------------------------------------------


def test_frames_come_in_groups_and_the_last_few_too(two_shots: Footage, tmp_path: Path) -> None:
    estimator = Groups(4)
    watched = Run(tmp_path).watch(two_shots, estimator, end=6)
    assert estimator.calls == [[0, 1, 2, 3], [4, 5]]
    assert watched.frames == 6


def test_no_group_reaches_across_a_cut(two_shots: Footage, tmp_path: Path) -> None:
    """What was filmed before is looked at before the estimator forgets it."""
    estimator, run = Groups(4), Run(tmp_path)
    watched = run.watch(two_shots, estimator)
    first, second = [[0, 1, 2, 3], [4, 5, 6]], [[7, 8, 9, 10], [11, 12, 13, 14], [15, 16]]
    assert estimator.calls == [*first, "reset", *second]
    assert [track.frame_index.tolist() for track in watched.tracks] == [
        list(range(SHOT)),
        list(range(SHOT, FRAMES)),
    ]
    assert [track.shot for track in watched.tracks] == [0, 1]


@pytest.mark.parametrize("end", [SHOT, SHOT + 1])
def test_nothing_is_ever_asked_about_no_frames(
    two_shots: Footage, tmp_path: Path, end: int
) -> None:
    """Also where a group is full just before the cut, or the range ends just after it."""
    estimator = Groups(SHOT)
    Run(tmp_path).watch(two_shots, estimator, end=end)
    assert estimator.groups == [list(range(SHOT)), [SHOT]][: end - SHOT + 1]


@pytest.mark.parametrize("batch_size", [2, 4, 100])
def test_results_are_those_of_one_by_one(
    two_shots: Footage, tmp_path: Path, batch_size: int
) -> None:
    def unseen(number: int) -> bool:
        return number not in (2, 9)

    runs = [Run(tmp_path / "one"), Run(tmp_path / "many")]
    for run, size in zip(runs, (1, batch_size), strict=True):
        run.recorder.folder.mkdir()
        watched = run.watch(two_shots, Groups(size, unseen))
        assert len(watched.tracks) == 2
    for person in (0, 1):
        one, many = (run.rows(person) for run in runs)
        assert one.keys() == many.keys()
        assert len(one["frame_index"]) > 5
        for name, array in one.items():
            np.testing.assert_array_equal(many[name], array, err_msg=name)


def test_memory_holds_a_group_however_long_the_footage(two_shots: Footage, tmp_path: Path) -> None:
    """Beside the group: the first frame and the last, and the one that is being read."""
    estimator = Groups(3)
    Run(tmp_path).watch(two_shots, estimator)
    assert len(estimator.alive) == 7
    assert max(estimator.alive) <= 3 + 3


# --- stopping and telling ----------------------------------------------------------------------


def test_a_stop_is_heard_between_frames_and_whole_groups_are_kept(
    two_shots: Footage, tmp_path: Path
) -> None:
    asked = iter([False] * 6 + [True])
    run, estimator = Run(tmp_path, lambda: next(asked)), Groups(4)
    with pytest.raises(Cancelled) as caught:
        run.watch(two_shots, estimator)
    assert estimator.calls == [[0, 1, 2, 3]]
    assert caught.value.kept == 4
    assert run.rows(0)["frame_index"].tolist() == [0, 1, 2, 3]


def test_the_estimators_warnings_come_before_the_first_frame(
    two_shots: Footage, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    run.watch(two_shots, Groups(4), end=5)
    assert run.events[0] == Warned(code="licence", message="a licence")
    assert any(isinstance(event, Progress) for event in run.events[1:])


def test_footage_of_nobody_is_no_result(two_shots: Footage, tmp_path: Path) -> None:
    estimator = Groups(4, lambda _: False)
    with pytest.raises(NoPersonError, match="no person found"):
        Run(tmp_path).watch(two_shots, estimator)
    assert sum(len(group) for group in estimator.groups) == FRAMES
