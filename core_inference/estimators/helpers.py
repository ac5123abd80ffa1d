"""Processes that answer questions about an image while this one looks at the bodies of the next.

Each has models of its own. Whoever is free takes the next question, this process too while it would
wait; the answers are the same whoever gives them. Pictures reach the helpers through shared
memory, or where there is little of it through the pipe, more slowly.
"""

import multiprocessing
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...rigs.errors import EngineError
from .landmark_models import LandmarkModels
from .questions import FILES, Answer, Looker, Question
from .regions import Image

MAX_HELPERS = 2
"""More have too little to do, even with several people."""

MAX_QUESTIONS = 256
"""In a round: three for each person that is followed at most, and the windows of a first frame."""

END_S = 2.0
"""A helper that does not end within so many seconds is ended."""

_SHARED = Path("/dev/shm")
_SPARE = 4
"""Shared memory is used where this many pictures fit; writing beyond it would end the process."""

Sent = tuple[str, tuple[int, ...]] | Image
"""A picture's memory and shape, or the picture."""


class Helpers:
    """Answers questions, one round after the other; call it from one thread.

    count: of processes; with none, this one looks itself, with as many threads as given. Raises
    EngineError where a helper ended.
    """

    def __init__(self, models: LandmarkModels, count: int, threads: int = 1) -> None:
        few = LandmarkModels(
            folder=models.folder, contents={name: models.read(name) for name in FILES}
        )
        context = multiprocessing.get_context("spawn")
        self._own = Looker(few, threads)
        try:
            flags = context.RawArray("b", MAX_QUESTIONS)
        except OSError:  # nothing can be shared here: this process looks by itself
            count, flags = 0, bytearray(MAX_QUESTIONS)
        self._taken = _Taken(flags)
        self._rounds = (_Pictures(), _Pictures())
        self._asked: list[tuple[Image, Question]] = []
        self._helpers: list[_Helper] = []
        try:
            for _ in range(count):
                self._helpers.append(_Helper(few, context, self._taken))
        except EngineError:
            self.close()
            raise

    def show(self, image: Image) -> None:
        """Begin a round with an image (H,W,3) uint8 RGB; the round before may not be over yet."""
        self._rounds = self._rounds[::-1]
        self._rounds[0].begin()
        if self._helpers:
            self._rounds[0].put(image)

    def ask(self, questions: Sequence[tuple[Image, Question]]) -> None:
        """Ask about the round's image or others; earlier answers must be taken."""
        if len(questions) > MAX_QUESTIONS:
            raise ValueError(f"expected at most {MAX_QUESTIONS} questions, got {len(questions)}")
        self._asked = list(questions)
        if self._helpers and questions:
            self._taken.clear()
            sent = [(self._rounds[0].put(image), question) for image, question in questions]
            for helper in self._helpers:
                helper.ask(sent)

    def answers(self) -> list[Answer]:
        """Answer what is still left, wait for the rest, and return all in order."""
        questions, self._asked = self._asked, []
        answers: dict[int, Answer] = {}
        problems: list[EngineError] = []
        try:
            for index in reversed(range(len(questions))):
                if not self._helpers or self._taken.take(index):
                    answers[index] = self._own.look(*questions[index])
        finally:
            for helper in self._helpers if questions else ():
                try:
                    answers |= helper.answers()
                except EngineError as problem:
                    problems.append(problem)
        if problems:
            raise problems[0]
        return [answers[index] for index in range(len(questions))]

    def close(self) -> None:
        """End the processes and give the memory back."""
        for helper in self._helpers:
            helper.close()
        for pictures in self._rounds:
            pictures.close()


class _Taken:
    """Which questions of a round somebody answers or has answered; all processes see it.

    Without a lock, which a process that is killed could keep: two may take a question at the same
    moment, and both give the same answer.
    """

    def __init__(self, flags: Any) -> None:
        self._flags = flags

    def clear(self) -> None:
        """Begin a round; nobody may be answering."""
        self._flags[:] = bytes(MAX_QUESTIONS)

    def take(self, index: int) -> bool:
        """Take a question unless somebody has it."""
        free = not self._flags[index]
        self._flags[index] = 1
        return free


class _Helper:
    """One process."""

    def __init__(self, models: LandmarkModels, context: Any, taken: _Taken) -> None:
        self._connection, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, taken), daemon=True)
        self._process.start()
        there.close()
        self._models: LandmarkModels | None = models

    def ask(self, questions: Sequence[tuple[Sent, Question]]) -> None:
        if self._models is not None:
            # Only once it says that it is there: a pipe that nobody reads may wait for ever.
            if self._connection not in wait((self._connection, self._process.sentinel)):
                self._process.join(END_S)
                raise _failed(f"it ended with status {self._process.exitcode}")
            with _TellingItsEnd(self._process):
                self._connection.recv()
            self._send(self._models)
            self._models = None
        self._send(questions)

    def answers(self) -> dict[int, Answer]:
        with _TellingItsEnd(self._process):
            answers: dict[int, Answer] | str = self._connection.recv()
        if isinstance(answers, str):
            raise _failed(answers)
        return answers

    def _send(self, message: object) -> None:
        with _TellingItsEnd(self._process):
            self._connection.send(message)

    def close(self) -> None:
        self._connection.close()
        self._process.join(END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


class _TellingItsEnd:
    """Turns a broken connection into one clear error."""

    def __init__(self, process: Any) -> None:
        self._process = process

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, EOFError | OSError):
            self._process.join(END_S)
            raise _failed(f"it ended with status {self._process.exitcode}") from error


class _Pictures:
    """The pictures of one round, in memory that the helpers see too."""

    def __init__(self) -> None:
        self._memory: list[SharedMemory] = []
        self._put: list[tuple[Image, Sent]] = []

    def begin(self) -> None:
        """Begin anew: what was put before is no longer needed."""
        self._put = []

    def put(self, image: Image) -> Sent:
        """Copy an image, once in a round, and return what to send of it."""
        for known, sent in self._put:
            if known is image:
                return sent
        memory = self._memory_for(image)
        if memory is None:
            sent = image
        else:
            np.copyto(_picture_in(memory, image.shape), image)
            sent = (memory.name, image.shape)
        self._put.append((image, sent))
        return sent

    def close(self) -> None:
        """Give the memory back."""
        self._put = []
        while self._memory:
            self._discard()

    def _memory_for(self, image: Image) -> SharedMemory | None:
        place = len(self._put)
        while place < len(self._memory) and self._memory[place].size < image.nbytes:
            self._discard()
        if place < len(self._memory):
            return self._memory[place]
        if len(self._memory) < place:
            return None
        if _SHARED.is_dir() and shutil.disk_usage(_SHARED).free < _SPARE * image.nbytes:
            return None
        try:
            self._memory.append(SharedMemory(create=True, size=image.nbytes))
        except OSError:
            return None
        return self._memory[place]

    def _discard(self) -> None:
        memory = self._memory.pop()
        memory.close()
        memory.unlink()


def _picture_in(memory: SharedMemory, shape: tuple[int, ...]) -> Image:
    return np.ndarray(shape, dtype=np.uint8, buffer=memory.buf)


def _serve(connection: Connection, taken: _Taken) -> None:
    """Answer until nobody asks any more; the first message to it are the models."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    pictures = _SharedPictures()
    with suppress(EOFError, OSError):
        connection.send("here")
        models: LandmarkModels = connection.recv()
        looker = Looker(models)
        while True:
            asked: list[tuple[Sent, Question]] = connection.recv()
            try:
                answers = {
                    index: looker.look(pictures.get(sent), question)
                    for index, (sent, question) in enumerate(asked)
                    if taken.take(index)
                }
            except Exception as error:
                connection.send(f"{type(error).__name__}: {error}")
            else:
                connection.send(answers)


class _SharedPictures:
    """The memory of pictures that a helper has opened, the last used last."""

    _KEPT = 8

    def __init__(self) -> None:
        self._memory: dict[str, SharedMemory] = {}

    def get(self, sent: Sent) -> Image:
        if isinstance(sent, np.ndarray):
            return sent
        name, shape = sent
        memory = self._memory.pop(name, None) or SharedMemory(name=name)
        self._memory[name] = memory
        if len(self._memory) > self._KEPT:
            oldest = next(iter(self._memory))
            self._memory.pop(oldest).close()
        return _picture_in(memory, shape)


def _failed(actual: str) -> EngineError:
    return EngineError(
        "a process that looks at the images failed",
        expected="an answer to every question",
        actual=actual,
        next_step="capture again with --resume; if it fails again, free memory, "
        "or check the engine with: pose2rig doctor",
    )
