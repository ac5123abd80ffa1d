"""What the loop asks of a network's training: run it, weigh it, and where it puts the joints.

Legend: N people, K joints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from .items import TrainingItem


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueJoints:
    """Joints (N,K,3) m as they are, told from the part's root, and which are known (N,K) 0 or 1."""

    joints: Tensor
    known: Tensor


class Objective(Protocol):
    """One network's loss function; it holds no state."""

    def predict(self, network: nn.Module, batch: TrainingItem) -> Any:
        """The network's output for a batch."""
        ...

    def losses(self, output: Any, batch: TrainingItem) -> Mapping[str, Tensor]:
        """The terms of the loss by name, scalars; their sum is what is minimised."""
        ...

    def predicted_joints(self, output: Any, batch: TrainingItem) -> Tensor:
        """The joints (N,K,3) m that the held-out error is measured on, as `true_joints` are."""
        ...

    def true_joints(self, batch: TrainingItem) -> TrueJoints:
        """The same joints of the labels."""
        ...


def told_from_root(batch: TrainingItem, points: tuple[int, ...], root: int) -> TrueJoints:
    """Labelled points about their root."""
    chosen = list(points)
    return TrueJoints(
        joints=batch.points[:, chosen] - batch.points[:, [root]],
        known=batch.points_known[:, chosen] * batch.points_known[:, [root]],
    )
