"""Frames looked at in groups: never across a cut, with the results of one by one, also resumed."""

import json
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.array_file import load_arrays
from pose2rig.core_inference.casting import Cast, Member, Shot
from pose2rig.core_inference.estimators.base import PersonPose, State, TakeBody
from pose2rig.core_inference.footage import Footage, Frame, open_footage
from pose2rig.core_inference.monitor import Monitor
from pose2rig.core_inference.output import OutputFolder
from pose2rig.core_inference.protocol import Event, Progress, Warned
from pose2rig.core_inference.recording import Recorder
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.core_inference.solving import Solver
from pose2rig.core_inference.watching import Watched, watch
from pose2rig.rigs.errors import Cancelled, NoPersonError, OutputError, UsageError

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
    """An estimator that notes what it is asked, and answers by the frame and what it remembers."""

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
        self.remembered = 0.1
        self._seen = seen
        self._frames: list[weakref.ref[Frame]] = []

    @property
    def groups(self) -> list[list[int]]:
        return [call for call in self.calls if not isinstance(call, str)]

    def estimate_all(self, frames: Sequence[Frame]) -> list[list[PersonPose]]:
        self.calls.append([frame.index for frame in frames])
        self._frames += [weakref.ref(frame) for frame in frames]
        self.alive.append(sum(frame() is not None for frame in self._frames))
        return [self._people(frame.index) if self._seen(frame.index) else [] for frame in frames]

    def _people(self, number: int) -> list[PersonPose]:
        self.remembered = self.remembered * 1.1 + number / 3.0
        return [pose(number, self.remembered, left) for left in (300.0, 20.0)]

    def state(self) -> State:
        return {"remembered": self.remembered}

    def restore(self, state: State) -> None:
        self.remembered = state["remembered"]

    def reset(self) -> None:
        self.calls.append("reset")
        self.remembered = 0.1

    def close(self) -> None:
        self.calls.append("close")


def pose(number: int, remembered: float, left: float) -> PersonPose:
    """Somebody whose box begins at `left` px, the more to the left the larger."""
    random = np.random.default_rng(number)
    return PersonPose(
        joints2d=(left + random.normal(size=(55, 2))).astype(np.float32),
        scores=random.uniform(0.5, 1.0, 55).astype(np.float32),
        box=(left + number, 10.0, 60.0, 70.0 if left < 100.0 else 40.0),
        rotations=random.normal(size=(55, 3)).astype(np.float32),
        root=np.array([remembered, 0.0, 4.0], np.float32),
        betas=np.zeros(10, np.float32),
        expression=np.zeros(10, np.float32),
        followed=int(left),
    )


class Noting(Solver):
    """A solver that only notes whom it would solve."""

    def add(self, shot: Shot, recorder: Recorder) -> None:
        self.noted.append((shot, self.cast.choose(shot)))
        self.recorder = recorder

    noted: list[tuple[Shot, dict[int, Member]]]
    recorder: Recorder


class Run:
    """One run of `watch` with all it told and recorded; another one may go on from it."""

    def __init__(self, folder: Path, should_stop: Callable[[], bool] = lambda: False) -> None:
        self.events: list[Event] = []
        self.folder = folder
        self.noted: list[tuple[Shot, dict[int, Member]]] = []
        self.rows_of: dict[int, dict[str, NDArray[Any]]] = {}
        self.monitor = Monitor(self.events.append, should_stop)

    def watch(self, footage: Footage, estimator: Groups, **changes: Any) -> Watched:
        changes = {"person": "all", "chunk_frames": 4, **changes}
        settings = CaptureSettings(footage=footage.path, out=self.folder, **changes)
        with (
            OutputFolder(settings.out, overwrite=False, resume=settings.resume) as output,
            Noting(output, settings, self.monitor) as solver,
        ):
            solver.noted = self.noted
            solver.begin(footage, estimator)
            watched = watch(footage, settings, estimator, output, solver, self.monitor)
            for _, chosen in self.noted:
                for number, member in chosen.items():
                    self.rows_of[number] = self._rows(solver.recorder, member)
        return watched

    def _rows(self, recorder: Recorder, member: Member) -> dict[str, NDArray[Any]]:
        paths = [path for part in member.parts for path in recorder.chunks(part)]
        parts = [load_arrays(path) for path in paths]
        names = parts[0].keys() - {"portrait", "showiness"}
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def facts(self) -> Any:
        """All that a report could tell of the run."""
        told = [(w.code, w.message) for w in self.monitor.warnings]
        return (told, self.noted)


def assert_same(one: Run, other: Run) -> None:
    """The two runs have seen the same, to the last bit."""
    assert one.facts() == other.facts()
    assert one.rows_of.keys() == other.rows_of.keys()
    for number, rows in one.rows_of.items():
        assert rows.keys() == other.rows_of[number].keys()
        for name, array in rows.items():
            np.testing.assert_array_equal(other.rows_of[number][name], array, err_msg=name)


# --- groups ------------------------------------------------------------------------------------


def test_frames_come_in_groups_and_the_last_few_too(two_shots: Footage, tmp_path: Path) -> None:
    estimator = Groups(4)
    watched = Run(tmp_path).watch(two_shots, estimator, end=6)
    assert estimator.calls == [[0, 1, 2, 3], [4, 5]]
    assert watched.frames == 6


def test_a_group_ends_with_its_chunk(two_shots: Footage, tmp_path: Path) -> None:
    """So that a resumed run asks in the same groups as one without a break."""
    estimator = Groups(4)
    Run(tmp_path).watch(two_shots, estimator, end=SHOT, chunk_frames=3)
    assert estimator.calls == [[0, 1, 2], [3, 4, 5], [6]]


def test_no_group_reaches_across_a_cut(two_shots: Footage, tmp_path: Path) -> None:
    """What was filmed before is looked at before the estimator forgets it."""
    estimator, run = Groups(4), Run(tmp_path)
    run.watch(two_shots, estimator, chunk_frames=100)
    first, second = [[0, 1, 2, 3], [4, 5, 6]], [[7, 8, 9, 10], [11, 12, 13, 14], [15, 16]]
    assert estimator.calls == [*first, "reset", *second]
    for number, frames in enumerate([range(SHOT), range(SHOT), *2 * [range(SHOT, FRAMES)]]):
        assert run.rows_of[number]["frame_index"].tolist() == list(frames)
    assert [(shot.number, len(shot.people)) for shot, _ in run.noted] == [(0, 2), (1, 2)]


@pytest.mark.parametrize("end", [SHOT, SHOT + 1])
def test_nothing_is_ever_asked_about_no_frames(
    two_shots: Footage, tmp_path: Path, end: int
) -> None:
    """Also where a group is full just before the cut, or the range ends just after it."""
    estimator = Groups(SHOT)
    Run(tmp_path).watch(two_shots, estimator, end=end, chunk_frames=SHOT)
    assert estimator.groups == [list(range(SHOT)), [SHOT]][: end - SHOT + 1]


@pytest.mark.parametrize("batch_size", [2, 4, 100])
def test_results_are_those_of_one_by_one(
    two_shots: Footage, tmp_path: Path, batch_size: int
) -> None:
    def unseen(number: int) -> bool:
        return number not in (2, 9)

    runs = [Run(tmp_path / "one"), Run(tmp_path / "many")]
    for run, size in zip(runs, (1, batch_size), strict=True):
        run.watch(two_shots, Groups(size, unseen))
        assert len(run.rows_of) == 4
        assert all(len(rows["frame_index"]) > 5 for rows in run.rows_of.values())
    assert_same(*runs)


def test_memory_holds_a_group_however_long_the_footage(two_shots: Footage, tmp_path: Path) -> None:
    """What the reader has ahead is bounded by its own test."""
    estimator = Groups(3)
    Run(tmp_path).watch(two_shots, estimator, chunk_frames=100)
    assert len(estimator.alive) == 7
    assert max(estimator.alive) <= 3 + 1


# --- stopping and telling ----------------------------------------------------------------------


def test_a_stop_is_heard_between_frames_and_whole_groups_are_kept(
    two_shots: Footage, tmp_path: Path
) -> None:
    run, estimator = Run(tmp_path, stop_at(7)), Groups(4)
    with pytest.raises(Cancelled) as caught:
        run.watch(two_shots, estimator, chunk_frames=100)
    assert estimator.calls == [[0, 1, 2, 3]]
    assert caught.value.kept == 8
    chunks = sorted((tmp_path / "raw").glob("person_*.npz"))
    assert [load_arrays(path)["frame_index"].tolist() for path in chunks] == 2 * [[0, 1, 2, 3]]


def test_the_estimators_warnings_come_before_the_first_frame(
    two_shots: Footage, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    run.watch(two_shots, Groups(4), end=5, chunk_frames=100)
    assert run.events[0] == Warned(code="licence", message="a licence")
    assert any(isinstance(event, Progress) for event in run.events[1:])


def test_footage_of_nobody_is_no_result(two_shots: Footage, tmp_path: Path) -> None:
    estimator = Groups(4, lambda _: False)
    with pytest.raises(NoPersonError, match="no person found"):
        Run(tmp_path).watch(two_shots, estimator)
    assert sum(len(group) for group in estimator.groups) == FRAMES


def test_a_number_nobody_has_says_how_many_were_found_and_keeps_what_was_seen(
    two_shots: Footage, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="a number below 4: 4 people were found"):
        Run(tmp_path).watch(two_shots, Groups(4), person="4")
    run, estimator = Run(tmp_path), Groups(4)
    run.watch(two_shots, estimator, person="3", resume=True)
    assert estimator.calls == []
    assert list(run.rows_of) == [3]


# --- resuming ----------------------------------------------------------------------------------


def stop_at(question: int) -> Callable[[], bool]:
    """A user who wants to stop when asked for the n-th time, counted from 1."""
    asked: list[int] = []

    def should_stop() -> bool:
        asked.append(1)
        return len(asked) >= question

    return should_stop


class Killed(BaseException):
    """The end of a run at a moment of its own."""


class Dying(Groups):
    """Is killed when asked for the n-th time, counted from 1."""

    def __init__(self, batch_size: int, calls: int) -> None:
        super().__init__(batch_size)
        self._left = calls

    def estimate_all(self, frames: Sequence[Frame]) -> list[list[PersonPose]]:
        self._left -= 1
        if self._left == 0:
            raise Killed
        return super().estimate_all(frames)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_killed_anywhere_and_resumed_it_sees_the_same(
    two_shots: Footage, tmp_path: Path, batch_size: int
) -> None:
    whole = Run(tmp_path / "whole")
    whole.watch(two_shots, Groups(batch_size))
    for calls in range(1, 7):
        folder = tmp_path / f"killed{calls}"
        dying, estimator = Dying(batch_size, calls), Groups(batch_size)
        with pytest.raises(Killed):
            Run(folder).watch(two_shots, dying)
        resumed = Run(folder)
        resumed.watch(two_shots, estimator, resume=True)
        assert_same(whole, resumed)
        seen = sum(len(group) for group in dying.groups)
        twice = seen + sum(len(group) for group in estimator.groups) - FRAMES
        assert 0 <= twice <= 4


@pytest.mark.parametrize("question", [1, 2, 5, 9, 12])
def test_cancelled_and_resumed_it_sees_the_same_and_nothing_twice(
    two_shots: Footage, tmp_path: Path, question: int
) -> None:
    whole, resumed = Run(tmp_path / "whole"), Run(tmp_path / "stopped")
    whole.watch(two_shots, Groups(1))
    with pytest.raises(Cancelled):
        Run(resumed.folder, stop_at(question)).watch(two_shots, Groups(1))
    estimator = Groups(1)
    watched = resumed.watch(two_shots, estimator, resume=True)
    assert estimator.groups[0] == [question - 1]
    assert watched.frames == FRAMES - (question - 1)
    assert_same(whole, resumed)


def test_resuming_an_empty_folder_is_a_capture(two_shots: Footage, tmp_path: Path) -> None:
    whole, resumed = Run(tmp_path / "whole"), Run(tmp_path / "empty")
    whole.watch(two_shots, Groups(2))
    resumed.watch(two_shots, Groups(2), resume=True)
    assert_same(whole, resumed)


def killed_run(footage: Footage, folder: Path) -> Path:
    """Kill a run after its second chunk; its journal."""
    with pytest.raises(Killed):
        Run(folder).watch(footage, Dying(1, 10))
    (journal,) = (folder / "raw").glob("run.*.journal.json")
    return journal


def test_without_resume_an_unfinished_run_is_not_in_the_way(
    two_shots: Footage, tmp_path: Path
) -> None:
    killed_run(two_shots, tmp_path)
    run, estimator = Run(tmp_path), Groups(1)
    run.watch(two_shots, estimator)
    assert estimator.groups[0] == [0]
    assert len(list((tmp_path / "raw").glob("run.*.journal.json"))) == 2


def test_of_two_unfinished_runs_the_one_that_came_further_is_resumed(
    two_shots: Footage, tmp_path: Path
) -> None:
    killed_run(two_shots, tmp_path)
    with pytest.raises(Killed):
        Run(tmp_path).watch(two_shots, Dying(1, 6))
    estimator = Groups(1)
    Run(tmp_path).watch(two_shots, estimator, resume=True)
    assert estimator.groups[0] == [8]


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"start": 1}, "start"), ({"exact": True}, "exact"), ({"fov_deg": 50.0}, "fov")],
)
def test_another_capture_is_not_resumed_and_says_what_differs(
    two_shots: Footage, tmp_path: Path, changes: dict[str, Any], word: str
) -> None:
    killed_run(two_shots, tmp_path)
    with pytest.raises(OutputError, match=f"is another one; expected {word} .*--overwrite"):
        Run(tmp_path).watch(two_shots, Groups(1), resume=True, **changes)


def test_other_footage_is_not_resumed(two_shots: Footage, tmp_path: Path) -> None:
    killed_run(two_shots, tmp_path / "out")
    other = write_image(tmp_path / "other.png", scene(5, 160, 90))
    with pytest.raises(OutputError, match="expected footage_sha256"):
        Run(tmp_path / "out").watch(open_footage(other), Groups(1), resume=True)


@pytest.mark.parametrize("damage", ["gone", "cut off"])
def test_a_chunk_that_is_not_as_it_was_left_is_an_error(
    two_shots: Footage, tmp_path: Path, damage: str
) -> None:
    killed_run(two_shots, tmp_path)
    chunk = sorted((tmp_path / "raw").glob("person_*.chunk_0000.npz"))[0]
    if damage == "gone":
        chunk.unlink()
    else:
        chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(OutputError, match="not as the unfinished capture left it"):
        Run(tmp_path).watch(two_shots, Groups(1), resume=True)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", DEEP, '{"capture": 1}', "\x00"])
def test_a_journal_that_is_none_is_one_clear_error(
    two_shots: Footage, tmp_path: Path, text: str
) -> None:
    journal = killed_run(two_shots, tmp_path)
    journal.write_text(text, encoding="utf-8")
    with pytest.raises(OutputError, match="journal of the unfinished capture cannot be used"):
        Run(tmp_path).watch(two_shots, Groups(1), resume=True)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("frames", "many"),
        ("frames", float("nan")),
        ("reader", {"shots": {"before": "AAAA", "size": [3, 3], "blanks": 0}, "tally": {}}),
        ("reader", {"shots": {"before": "", "size": [0, 0], "blanks": 0}, "tally": {}}),
        ("reader", {"shots": {}, "tally": {"next_index": [], "usable": 0, "left_out": {}}}),
        ("estimator", None),
        ("tracker", {"people": 3}),
        ("recorder", {"rows": 1}),
        ("moments", [1]),
        ("shots", [{"number": 0}]),
        ("warnings", [["a", "b", "c"]]),
    ],
)
def test_a_strangers_state_is_one_clear_error(
    two_shots: Footage, tmp_path: Path, part: str, value: Any
) -> None:
    journal = killed_run(two_shots, tmp_path)
    content = json.loads(journal.read_text(encoding="utf-8"))
    content["state"][part] = value
    journal.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(OutputError, match="journal of the unfinished capture cannot be used"):
        Run(tmp_path).watch(two_shots, Groups(1), resume=True)


def test_what_a_run_killed_while_writing_left_is_cleared_away(
    two_shots: Footage, tmp_path: Path
) -> None:
    journal = killed_run(two_shots, tmp_path)
    mark = journal.name.split(".")[1]
    halves = (f".person_0.{mark}.chunk_0002.npz.77.tmp", f".{journal.name}.tmp")
    for name in halves:
        (journal.parent / name).write_bytes(b"half")
    (journal.parent / ".person_notes.tmp").write_bytes(b"mine")
    Run(tmp_path).watch(two_shots, Groups(1), resume=True)
    assert [path.name for path in journal.parent.glob(".*")] == [".person_notes.tmp"]


def test_a_cast_numbers_people_shot_after_shot() -> None:
    def shot(number: int, count: int) -> Shot:
        people = [
            Member(parts=(10 * number + k,), first_frame=0, last_frame=9, box=(0.0, 0.0, 1.0, 1.0))
            for k in range(count)
        ]
        return Shot(number=number, frame_rate=25.0, people=tuple(people))

    shots = [shot(0, 2), shot(1, 0), shot(2, 3)]
    chosen = {
        wanted: [
            {number: member.parts[0] for number, member in cast.choose(one).items()}
            for one in shots
        ]
        for wanted in ("all", "largest", "3")
        for cast in (Cast(wanted),)
    }
    assert chosen["all"] == [{0: 0, 1: 1}, {}, {2: 20, 3: 21, 4: 22}]
    assert chosen["largest"] == [{0: 0}, {}, {1: 20}]
    assert chosen["3"] == [{}, {}, {3: 21}]
