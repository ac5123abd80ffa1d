"""One thread for linear algebra while a take is processed, however many takes are.

The products are small: threads would only wait for each other, and what they sum in another
order would give other bytes on another machine.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


class _Limit:
    """A limit of the whole process that holds until the last one who asked for it is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._limits: threadpool_limits | None = None

    def take(self) -> None:
        with self._lock:
            self._asked += 1
            if self._limits is None:
                self._limits = threadpool_limits(1, "blas")

    def give_back(self) -> None:
        with self._lock:
            self._asked -= 1
            if self._asked == 0 and self._limits is not None:
                self._limits.restore_original_limits()
                self._limits = None


_LIMIT = _Limit()


@contextmanager
def one_blas_thread() -> Generator[None]:
    """Run the body with one thread of BLAS; may be nested, and held by several threads."""
    _LIMIT.take()
    try:
        yield
    finally:
        _LIMIT.give_back()
