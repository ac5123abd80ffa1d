"""Solving behind the watcher: one world whoever is wanted, and a stop is heard at once."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference import solving
from pose2rig.core_inference.array_file import load_arrays
from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.casting import Member, Shot
from pose2rig.core_inference.clip import RawTake, load_clip
from pose2rig.core_inference.estimators.base import Landmarks, PersonPose
from pose2rig.core_inference.footage import Footage
from pose2rig.core_inference.monitor import Monitor
from pose2rig.core_inference.motion.placing import scene_of
from pose2rig.core_inference.output import OutputFolder
from pose2rig.core_inference.people import Observation
from pose2rig.core_inference.protocol import Event, Progress
from pose2rig.core_inference.recording import Recorder
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.core_inference.solving import Solver
from pose2rig.rigs.errors import Cancelled

from .people_together import Actor, filmed
from .running import results_under
from .test_watching import Groups

LIMIT_S = 60.0
ACTORS = (Actor(place=(-0.5, 4.0)), Actor(place=(1.0, 5.0), size=0.65, turn_deg=-40.0))
IMAGE = np.zeros((9, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def takes(body: BodyModel) -> list[RawTake]:
    """An adult and a child."""
    return filmed(ACTORS, body, pitch_deg=12.0, height_m=1.6)[1]


def recorded(takes: list[RawTake], folder: Path) -> tuple[Recorder, Shot]:
    """The takes as the watcher leaves them: the first person in two tracklets."""
    recorder = Recorder(folder=folder, on_event=lambda _: None, run="r1")
    parts = [(0, 2), (1,)][: len(takes)]
    for row in range(len(takes[0].frame_index)):
        for take, own in zip(takes, parts, strict=True):
            part = own[-1] if row >= 30 else own[0]
            recorder.add(_observation(take, row, part), IMAGE)
        if row % 16 == 15:
            recorder.flush()
    recorder.flush()
    last = int(takes[0].frame_index[-1])
    people = tuple(
        Member(parts=own, first_frame=0, last_frame=last, box=(0.0, 0.0, 9.0, 9.0)) for own in parts
    )
    return recorder, Shot(number=0, frame_rate=takes[0].frame_rate, people=people)


def _observation(take: RawTake, row: int, part: int) -> Observation:
    x, y, width, height = take.boxes[row].tolist()
    landmarks = Landmarks(
        points2d=take.landmarks2d[row],
        points3d=take.landmarks3d[row],
        scores=take.landmark_scores[row],
    )
    pose = PersonPose(
        joints2d=take.joints2d[row],
        scores=take.scores[row],
        box=(x, y, width, height),
        landmarks=landmarks,
    )
    return Observation(
        frame_index=int(take.frame_index[row]),
        time_s=float(take.time_s[row]),
        person_id=part,
        pose=pose,
    )


def solve(takes: list[RawTake], out: Path, monitor: Monitor, person: str) -> None:
    """Solve the wanted people of the takes' only shot into a folder."""
    footage_file = out.with_name("footage")
    footage_file.write_bytes(b"nobody decodes this")
    first = takes[0]
    width, height = first.image_size
    settings = CaptureSettings(
        footage=footage_file, out=out, person=person, focal_px=float(first.focal_px)
    )
    footage = Footage(
        path=footage_file,
        kind="video",
        width=width,
        height=height,
        fps=first.frame_rate,
        frame_count=len(first.frame_index),
        focal_px=None,
    )
    estimator = Groups(1)
    estimator.landmark_names = first.landmark_names
    with (
        OutputFolder(out, overwrite=False) as output,
        Solver(output, settings, monitor) as solver,
    ):
        solver.begin(footage, estimator)
        recorder, shot = recorded(takes, output.raw)
        solver.add(shot, recorder)
        people = solver.finish(recorder.rows)
        output.commit({"people": [people[number].as_dict() for number in people]})


def quiet() -> Monitor:
    return Monitor(lambda _: None, lambda: False)


def results(out: Path, number: int) -> dict[str, Any]:
    """The arrays of a person's clip and raw take, without where they come from."""
    files = {"clip": out / f"person_{number}.npz", "raw": out / "raw" / f"person_{number}.npz"}
    return {
        f"{kind} {name}": values
        for kind, path in files.items()
        for name, values in load_arrays(path).items()
        if name != "provenance"
    }


@pytest.mark.slow
def test_everybody_gets_the_same_clip_whoever_else_is_wanted(
    takes: list[RawTake], tmp_path: Path
) -> None:
    solve(takes, tmp_path / "all", quiet(), "all")
    for person, number in (("largest", 0), ("1", 1)):
        solve(takes, tmp_path / person, quiet(), person)
        assert [path.name for path in (tmp_path / person).glob("*.npz")] == [f"person_{number}.npz"]
        expected = results(tmp_path / "all", number)
        found = results(tmp_path / person, number)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)
    clips = [load_clip(tmp_path / "all" / f"person_{number}.npz") for number in range(2)]
    scenes = [clip.provenance["scene"] for clip in clips]
    assert scenes[1]["size"] < scenes[0]["size"]
    assert len({scene["ground_m"] for scene in scenes}) == 1


@pytest.mark.slow
def test_somebody_alone_stands_in_a_world_of_their_own(
    takes: list[RawTake], tmp_path: Path
) -> None:
    alone = replace(takes[0], provenance={})
    solve([alone], tmp_path / "out", quiet(), "largest")
    assert scene_of(alone) is None
    assert "scene" not in load_clip(tmp_path / "out" / "person_0.npz").provenance


@pytest.mark.slow
def test_a_stop_is_heard_while_somebody_is_solved_and_nothing_is_written_after_it(
    takes: list[RawTake], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go, gone = threading.Event(), threading.Event(), threading.Event()
    process = solving.process

    def slow(*arguments: Any, **named: Any) -> Any:
        begun.set()
        assert go.wait(LIMIT_S)
        return process(*arguments, **named)

    def leave(_: object, *rest: Any) -> bytes | None:
        gone.set()
        return None

    monkeypatch.setattr(solving, "process", slow)
    monkeypatch.setattr(solving, "best_portrait", leave)
    events: list[Event] = []
    began_s = 0.0

    def should_stop() -> bool:
        nonlocal began_s
        began_s = began_s or time.monotonic() * begun.is_set()
        return begun.is_set()

    with pytest.raises(Cancelled):
        solve(takes, tmp_path / "out", Monitor(events.append, should_stop), "all")
    assert time.monotonic() - began_s < 2.0
    told = [event for event in events if isinstance(event, Progress)]
    assert [(event.stage, event.done, event.total) for event in told] == [("solve", 0, 2)]
    assert results_under(tmp_path / "out") == []
    go.set()
    assert gone.wait(LIMIT_S)
    time.sleep(0.2)
    assert results_under(tmp_path / "out") == []
