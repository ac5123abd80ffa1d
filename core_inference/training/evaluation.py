"""How far a network's joints are from the truth on people that it did not learn from.

Legend: N people, K joints.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .items import TrainingItem
from .objectives import Objective, TrueJoints

_MM = 1000.0


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Mean distances in mm of the known joints, told from the part's root (RootNet: the root in
    the camera): the network's, and what the same joints of the mean person would give."""

    joint_error_mm: float
    mean_pose_error_mm: float


def evaluate(
    network: nn.Module, objective: Objective, batches: Iterable[TrainingItem], mean_K3: Tensor
) -> HeldOut:
    """Measure a network in evaluation mode; mean_K3 (K,3) m are the mean person's joints."""
    network.eval()
    total = torch.zeros(3, dtype=torch.float64)
    with torch.no_grad():
        for batch in batches:
            true = objective.true_joints(batch)
            found = objective.predicted_joints(objective.predict(network, batch), batch)
            sums = [
                _distance(found, true),
                _distance(mean_K3.to(found), true),
                true.known.sum(),
            ]
            total += torch.stack(sums).double().cpu()
    mean = (total[:2] / total[2].clamp_min(1.0) * _MM).tolist()
    return HeldOut(joint_error_mm=mean[0], mean_pose_error_mm=mean[1])


def mean_joints(labels: Iterable[TrueJoints]) -> Tensor:
    """The mean (K,3) m of the known joints."""
    total, count = torch.zeros(()), torch.zeros(())
    for true in labels:
        known = true.known[..., None]
        total, count = total + (true.joints * known).sum(dim=0), count + known.sum(dim=0)
    return total / count.clamp_min(1.0)


def _distance(joints: Tensor, true: TrueJoints) -> Tensor:
    return ((joints - true.joints).norm(dim=-1) * true.known).sum()
