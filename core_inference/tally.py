"""How far a reading of footage is: enough to go on later as if there had been no break."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

OnWarning = Callable[[str, str], None]


@dataclass(kw_only=True)
class Tally:
    """How far a reading is: the frame it goes on with, and what it leaves out.

    usable counts the frames yielded; left_out, by the warning's code, how many frames were not,
    and which was the first.
    """

    next_index: int = 0
    usable: int = 0
    left_out: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])

    def keep(self, index: int) -> None:
        """Count a frame that is yielded."""
        self.usable += 1
        self.next_index = index + 1

    def leave_out(self, code: str, name: str) -> None:
        """Count a frame that is not."""
        count, first = self.left_out.get(code, (0, name))
        self.left_out[code] = (count + 1, first)

    def warn(self, code: str, reason: str, on_warning: OnWarning) -> None:
        """Say how many frames were left out for one reason, if any were."""
        if code in self.left_out:
            count, first = self.left_out[code]
            frames = "1 frame" if count == 1 else f"{count} frames"
            on_warning(code, f"{frames} left out, {reason}; first: {first}")

    def state(self) -> dict[str, Any]:
        """Return the numbers, as JSON keeps them."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Tally":
        """Return the tally that gave this state."""
        left_out = {str(k): (int(n), str(first)) for k, (n, first) in state["left_out"].items()}
        return cls(
            next_index=int(state["next_index"]), usable=int(state["usable"]), left_out=left_out
        )
