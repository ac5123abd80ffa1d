"""Work in the background: done in order, dropped when left, never waited for at the end."""

import subprocess
import sys
import threading
import time

import pytest

from pose2rig.core_inference.background import Background

LIMIT_S = 60.0


def test_results_and_errors_are_the_futures() -> None:
    background = Background(2, "test")
    numbers = [background.submit(pow, 2, exponent) for exponent in range(9)]
    failing = background.submit(int, "no number")
    assert [number.result(LIMIT_S) for number in numbers] == [2**k for k in range(9)]
    with pytest.raises(ValueError, match="no number"):
        failing.result(LIMIT_S)
    assert background.submit(len, "more").result(LIMIT_S) == 4
    background.leave()


def test_what_has_not_begun_is_dropped_and_the_threads_end() -> None:
    go, begun = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return go.wait(LIMIT_S)

    background = Background(1, "dropping")
    running, waiting = background.submit(wait), background.submit(len, "dropped")
    assert begun.wait(LIMIT_S)
    background.leave()
    go.set()
    assert running.result(LIMIT_S)
    for thread in threading.enumerate():
        if thread.name.startswith("dropping"):
            thread.join(LIMIT_S)
    assert not any(thread.name.startswith("dropping") for thread in threading.enumerate())
    assert not waiting.done()


@pytest.mark.slow
def test_a_process_ends_whatever_the_threads_are_at() -> None:
    code = (
        "import time\n"
        "from pose2rig.core_inference.background import Background\n"
        "background = Background(1, 'test')\n"
        f"background.submit(time.sleep, {10 * LIMIT_S})\n"
        "background.leave()"
    )
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LIMIT_S)
    assert time.monotonic() - began_s < LIMIT_S
