"""Work in threads that nobody has to wait for: what still runs at the end dies with the process."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Background:
    """A few daemon threads that do what is submitted, first come, first served.

    A ThreadPoolExecutor's threads are waited for when the interpreter ends, minutes after the
    user has said stop; these are not.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._left = threading.Event()
        self._threads = threads
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}_{number}", daemon=True).start()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a call made in one of the threads; its result or error is the future's."""
        future: Future[T] = Future()

        def job() -> None:
            try:
                future.set_result(work(*args, **kwargs))
            except BaseException as error:  # whatever it is, it is raised where the result is asked
                future.set_exception(error)

        self._jobs.put(job)
        return future

    def leave(self) -> None:
        """Drop what has not begun; the threads end after what they are at."""
        self._left.set()
        for _ in range(self._threads):
            self._jobs.put(lambda: None)

    def _work(self) -> None:
        while not self._left.is_set():
            self._jobs.get()()
