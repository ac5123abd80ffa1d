"""The `train` command: imports torch only when it runs, and says what to do where it is missing."""

from collections.abc import Callable
from pathlib import Path

from ...rigs.errors import Cancelled, EngineError


def train_from_config(
    config: Path, say: Callable[[str], None], should_stop: Callable[[], bool]
) -> int:
    """Run one training; returns the exit status: 0, or 130 where the user stopped it.

    Raises EngineError without the research extra, and what `session.train` raises.
    """
    try:
        from .config import load_config
        from .session import train
    except (ImportError, OSError) as error:  # OSError: a library of torch's that is not there
        raise EngineError(
            "training needs torch",
            expected="the research extra",
            actual=str(error),
            next_step="install it: python -m pip install -r requirements/research.txt (README)",
        ) from error
    settings = load_config(config)
    try:
        train(settings, say, should_stop)
    except Cancelled as stop:
        say(f"pose2rig: stopped after {stop.kept} steps; resume = true goes on from there")
        return stop.exit_status
    say(f"pose2rig: wrote {settings.out}")
    return 0
