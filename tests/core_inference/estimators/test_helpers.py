"""Helper processes: the same answers whoever gives them, clear ends, and nothing left behind."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators import helpers as helper_processes
from pose2rig.core_inference.estimators.body_landmarks import Body, BodyModel
from pose2rig.core_inference.estimators.following import Follower
from pose2rig.core_inference.estimators.helpers import MAX_QUESTIONS, Helpers
from pose2rig.core_inference.estimators.hiding import Canvas
from pose2rig.core_inference.estimators.landmark_models import LandmarkModels
from pose2rig.core_inference.estimators.person_detector import PersonDetector
from pose2rig.core_inference.estimators.questions import (
    Answer,
    Followed,
    Looker,
    Question,
    WindowQuestion,
    parts_of,
)
from pose2rig.core_inference.footage import open_footage, read
from pose2rig.rigs.errors import EngineError

RGB = NDArray[np.uint8]
Asked = list[tuple[RGB, Question]]

FRAMES = (0, 20)
WAIT_S = 30.0
"""For what takes a moment at most."""

SHARED = Path("/dev/shm")
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /dev/shm")

PARENT = """
import multiprocessing
import sys

import numpy as np

from pose2rig.core_inference.estimators.helpers import Helpers
from pose2rig.core_inference.estimators.landmark_models import open_landmark_models
from pose2rig.core_inference.estimators.questions import WindowQuestion

if __name__ == "__main__":
    image = np.zeros((400, 400, 3), dtype=np.uint8)
    helpers = Helpers(open_landmark_models(None), 1)
    helpers.show(image)
    helpers.ask([(image, WindowQuestion(window=(0, 0, 400, 400)))] * int(sys.argv[1]))
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def pictures(demo_video: Path) -> list[RGB]:
    """Two frames of the bundled clip."""
    frames = read(open_footage(demo_video), 0, max(FRAMES) + 1)
    return [np.ascontiguousarray(frame.image) for frame in frames if frame.index in FRAMES]


@pytest.fixture(scope="module")
def questions(landmark_models: LandmarkModels, pictures: list[RGB]) -> Asked:
    """All kinds, about two frames and about the first one without the person."""
    detector, bodies = PersonDetector(landmark_models), BodyModel(landmark_models)
    asked: Asked = []
    for picture in pictures:
        body = bodies.find(picture, detector.detect(picture)[0].region)
        assert body is not None
        asked += about(picture, body)
        if picture is pictures[0]:
            asked += about(without(picture, body), body)
    return asked


@pytest.fixture(scope="module")
def looker(landmark_models: LandmarkModels) -> Looker:
    """What the helpers look with, in this process."""
    return Looker(landmark_models)


@pytest.fixture(scope="module", params=[0, 1, 2], ids=lambda count: f"{count} helpers")
def helpers(request: pytest.FixtureRequest, landmark_models: LandmarkModels) -> Iterator[Helpers]:
    made = Helpers(landmark_models, request.param)
    yield made
    made.close()


def about(picture: RGB, body: Body) -> Asked:
    parts = parts_of(body, Followed(body=body.next))
    return [whole(picture), *((picture, part) for part in parts)]


def whole(picture: RGB) -> tuple[RGB, Question]:
    height, width = picture.shape[:2]
    return picture, WindowQuestion(window=(0, 0, width, height))


def without(picture: RGB, body: Body) -> RGB:
    where = Followed(body=body.next)
    person = Follower(number=0, where=where, since_s=0.0, confirmed_s=0.0, plain_s=0.0)
    person.see(body, True, 0.0)
    return Canvas().without(picture, [person])


def resized(picture: RGB, side: int) -> RGB:
    return np.ascontiguousarray(cv2.resize(picture, (side, side))).astype(np.uint8)


def plain(answers: Sequence[Answer]) -> list[Any]:
    """The answers as dictionaries, which numpy compares."""
    return [
        [asdict(one) for one in answer] if isinstance(answer, tuple) else answer and asdict(answer)
        for answer in answers
    ]


def looked_at(looker: Looker, asked: Asked) -> list[Any]:
    return plain([looker.look(picture, question) for picture, question in asked])


def let_helpers_answer(helpers: Helpers) -> None:
    """Wait until they have answered everything, so that nothing is left for this process."""
    for helper in helpers._helpers:  # pyright: ignore[reportPrivateUsage]
        assert helper._connection.poll(WAIT_S)  # pyright: ignore[reportPrivateUsage]


def wait_for_the_first_to_be_taken(helpers: Helpers) -> None:
    end_s = time.monotonic() + WAIT_S
    while not helpers._taken._flags[0]:  # pyright: ignore[reportPrivateUsage]
        assert time.monotonic() < end_s


def round_of(helpers: Helpers, asked: Asked, *, alone: bool = False) -> list[Any]:
    """Ask and take the answers; alone: all are the helpers' where there are any."""
    helpers.show(asked[0][0])
    helpers.ask(asked)
    if alone:
        let_helpers_answer(helpers)
    return plain(helpers.answers())


def started(models: LandmarkModels, count: int) -> tuple[Helpers, list[BaseProcess]]:
    """Some helpers and their processes, in order."""
    before = multiprocessing.active_children()
    helpers = Helpers(models, count)
    new = [child for child in multiprocessing.active_children() if child not in before]
    assert len(new) == count
    return helpers, sorted(new, key=lambda child: child.pid or 0)


def shared_files(pid: int | None = None) -> set[Path]:
    """What a process, this one if none is given, holds in shared memory and has not taken away."""
    maps = Path(f"/proc/{pid or 'self'}/maps").read_text(encoding="utf-8").splitlines()
    held = {int(line.split()[4]) for line in maps if f" {SHARED}/" in line}
    return {Path(entry.path) for entry in os.scandir(SHARED) if entry.inode() in held}


def shared_pictures() -> set[Path]:
    return {path for path in shared_files() if path.name.startswith("psm_")}


def assert_nothing_left(processes: Sequence[BaseProcess], memory: set[Path]) -> None:
    assert not any(process.is_alive() for process in processes)
    assert not any(path.exists() for path in memory)
    assert memory.isdisjoint(shared_pictures())


def test_the_questions_have_answers_worth_comparing(looker: Looker, questions: Asked) -> None:
    answers = looked_at(looker, questions)
    shown, hidden, later = answers[:4], answers[4:8], answers[8:]
    for found in (shown, later):
        assert len(found[0]) == 1
        assert None not in found
    for one, other in (*zip(shown, hidden, strict=True), *zip(shown, later, strict=True)):
        with pytest.raises(AssertionError):
            np.testing.assert_equal(one, other)


def test_the_answers_are_the_same_whoever_gives_them(
    helpers: Helpers, looker: Looker, questions: Asked
) -> None:
    expected = looked_at(looker, questions)
    for alone in (True, False, False, True):
        np.testing.assert_equal(round_of(helpers, questions, alone=alone), expected)


@pytest.mark.slow
def test_as_many_questions_as_may_be_are_answered(
    helpers: Helpers, looker: Looker, questions: Asked
) -> None:
    times = MAX_QUESTIONS // len(questions) + 1
    many, expected = (questions * times)[:MAX_QUESTIONS], looked_at(looker, questions) * times
    np.testing.assert_equal(round_of(helpers, many), expected[:MAX_QUESTIONS])


def test_more_questions_are_refused(helpers: Helpers, questions: Asked) -> None:
    helpers.show(questions[0][0])
    with pytest.raises(ValueError, match=f"at most {MAX_QUESTIONS} questions, got 257"):
        helpers.ask(questions[:1] * (MAX_QUESTIONS + 1))
    assert helpers.answers() == []


def test_a_round_may_have_no_questions(helpers: Helpers, looker: Looker, questions: Asked) -> None:
    for _ in range(2):
        helpers.show(questions[0][0])
        helpers.ask([])
        assert helpers.answers() == []
    assert helpers.answers() == []
    np.testing.assert_equal(round_of(helpers, questions), looked_at(looker, questions))


def test_pictures_may_grow_and_shrink_from_round_to_round(
    helpers: Helpers, looker: Looker, pictures: list[RGB]
) -> None:
    for sides in ((200,), (720, 300), (100, 500, 250), (900,), (60, 700, 700), (300, 900, 61, 800)):
        asked = [whole(resized(pictures[place % 2], side)) for place, side in enumerate(sides)]
        np.testing.assert_equal(round_of(helpers, asked, alone=True), looked_at(looker, asked))


def test_the_next_picture_may_be_shown_before_the_answers_are_taken(
    helpers: Helpers, looker: Looker, questions: Asked
) -> None:
    rounds = [questions[:4], questions[8:], questions[:4], questions[4:8]]
    helpers.show(rounds[0][0][0])
    for now, following in zip(rounds, [*rounds[1:], rounds[0]], strict=True):
        helpers.ask(now)
        helpers.show(following[0][0])
        np.testing.assert_equal(plain(helpers.answers()), looked_at(looker, now))


def test_a_picture_painted_anew_is_seen_anew(
    helpers: Helpers, looker: Looker, pictures: list[RGB]
) -> None:
    canvas = np.empty_like(pictures[0])
    for picture in (*pictures, *reversed(pictures)):
        np.copyto(canvas, picture)
        expected = looked_at(looker, [whole(picture)])
        np.testing.assert_equal(round_of(helpers, [whole(canvas)], alone=True), expected)


@on_linux
@pytest.mark.parametrize("fits", [False, True], ids=["no memory", "memory for a small picture"])
def test_where_shared_memory_is_little_pictures_go_through_the_pipe(
    landmark_models: LandmarkModels,
    looker: Looker,
    questions: Asked,
    monkeypatch: pytest.MonkeyPatch,
    fits: bool,
) -> None:
    small = resized(questions[0][0], 240)

    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=4 * small.nbytes if fits else small.nbytes)

    monkeypatch.setattr(helper_processes.shutil, "disk_usage", usage)
    held = shared_pictures()
    helpers, _ = started(landmark_models, 2)
    asked = [whole(small), *questions]
    expected = looked_at(looker, asked)
    for alone in (True, False):
        np.testing.assert_equal(round_of(helpers, asked, alone=alone), expected)
    new = {path.stat().st_size for path in shared_pictures() - held}
    assert new == ({small.nbytes} if fits else set())
    backwards = round_of(helpers, asked[::-1], alone=True)
    np.testing.assert_equal(backwards, expected[::-1])
    helpers.close()


@on_linux
def test_closing_ends_the_processes_and_leaves_no_shared_memory(
    landmark_models: LandmarkModels, questions: Asked
) -> None:
    held = shared_files()
    helpers, processes = started(landmark_models, 2)
    for _ in range(2):
        round_of(helpers, questions, alone=True)
    memory, files = shared_pictures() - held, shared_files() - held
    assert len(memory) == 6
    helpers.show(questions[0][0])
    helpers.ask(questions)  # they still look
    helpers.close()
    assert_nothing_left(processes, memory)
    assert [process.exitcode for process in processes] == [0, 0]
    helpers.close()
    del helpers
    gc.collect()
    assert files == memory
    assert not any(path.exists() for path in files)


@on_linux
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("asked", [False, True], ids=["before it is asked", "once it is asked"])
def test_a_helper_that_was_killed_is_an_error(
    landmark_models: LandmarkModels, questions: Asked, asked: bool, which: int
) -> None:
    held = shared_pictures()
    helpers, processes = started(landmark_models, 2)
    round_of(helpers, questions, alone=True)
    memory, process = shared_pictures() - held, processes[which]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)  # so that it reads nothing before it is killed
    helpers.show(questions[0][0])
    if asked:
        helpers.ask(questions)
    process.kill()
    process.join()
    with pytest.raises(EngineError, match=r"failed;.*ended with status -9;.*--resume") as caught:
        helpers.answers() if asked else helpers.ask(questions)
    assert "\n" not in str(caught.value)
    helpers.close()
    assert_nothing_left(processes, memory)


@on_linux
def test_a_helper_that_was_killed_while_it_looks_is_an_error_of_the_answers(
    landmark_models: LandmarkModels, questions: Asked
) -> None:
    helpers, processes = started(landmark_models, 1)
    helpers.show(questions[0][0])
    helpers.ask(questions)
    wait_for_the_first_to_be_taken(helpers)
    processes[0].kill()
    with pytest.raises(EngineError, match=r"failed;.*ended with status -9;.*--resume"):
        helpers.answers()
    helpers.close()
    assert not processes[0].is_alive()


def test_a_helper_that_fails_says_why_and_goes_on(
    landmark_models: LandmarkModels, looker: Looker, questions: Asked
) -> None:
    helpers, _ = started(landmark_models, 1)
    picture = questions[0][0]
    with pytest.raises(EngineError, match="ZeroDivisionError"):
        round_of(helpers, [(picture, WindowQuestion(window=(0, 0, 0, 0)))], alone=True)
    found = round_of(helpers, questions, alone=True)
    np.testing.assert_equal(found, looked_at(looker, questions))
    helpers.close()


@on_linux
def test_an_interrupt_is_left_to_the_process_that_asks(
    landmark_models: LandmarkModels, looker: Looker, questions: Asked
) -> None:
    helpers, (process,) = started(landmark_models, 1)
    round_of(helpers, questions, alone=True)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    found = round_of(helpers, questions, alone=True)
    np.testing.assert_equal(found, looked_at(looker, questions))
    helpers.close()


@on_linux
@pytest.mark.slow
@pytest.mark.parametrize("count", [0, MAX_QUESTIONS], ids=["idle", "busy"])
def test_helpers_end_with_a_parent_that_was_killed(tmp_path: Path, count: int) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(script), str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        helper = int(parent.stdout.readline())
        files = shared_files(parent.pid)
        os.kill(helper, 0)
        parent.kill()
        try:
            # Its processes hold the same stdout, which ends when the last of them has ended.
            assert parent.communicate(timeout=WAIT_S)[0] == ""
        except subprocess.TimeoutExpired:
            os.kill(helper, signal.SIGTERM)
            raise
    assert any(path.name.startswith("psm_") for path in files)
    assert not any(path.exists() for path in files)
