"""Losses of the networks whose output is coordinates: RootNet and PoseNet.

Source: Moon's dissertation, equations 2.1 and 2.4.

Legend: N people, K joints.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..networks.posenet import PoseNetOutput
from ..networks.rootnet import RootNetOutput
from .items import TrainingItem
from .losses import HeatmapSpace, heatmap_l1, heatmap_labels, masked_l1
from .objectives import TrueJoints, told_from_root
from .points import PELVIS

_MM = 1000.0


@dataclass(frozen=True, kw_only=True, eq=False)
class PoseNetObjective:
    """L1 on joints in heat-map px; depth counts only where it is known (equation 2.1)."""

    points: tuple[int, ...]
    space: HeatmapSpace

    def predict(self, network: nn.Module, batch: TrainingItem) -> PoseNetOutput:
        """The network's output for a batch."""
        return network(batch.image)

    def losses(self, output: PoseNetOutput, batch: TrainingItem) -> dict[str, Tensor]:
        """The terms of the loss by name, scalars."""
        labels = heatmap_labels(batch, self.points, PELVIS, self.space)
        return {"joint_img": heatmap_l1(output.coordinates, labels)}

    def predicted_joints(self, output: PoseNetOutput, batch: TrainingItem) -> Tensor:
        """Joints (N,K,3) m with the known depth of the root, told from the root."""
        return joints_from_heatmap(output.coordinates, batch, (self.points, PELVIS), self.space)

    def true_joints(self, batch: TrainingItem) -> TrueJoints:
        """The labels of these."""
        return told_from_root(batch, self.points, PELVIS)


@dataclass(frozen=True, kw_only=True, eq=False)
class RootNetObjective:
    """L1 on the root's place in heat-map px and its depth in mm (equation 2.4)."""

    space: HeatmapSpace

    def predict(self, network: nn.Module, batch: TrainingItem) -> RootNetOutput:
        """The network's output for a batch."""
        return network(batch.image, batch.k)

    def losses(self, output: RootNetOutput, batch: TrainingItem) -> dict[str, Tensor]:
        """The terms of the loss by name, scalars; together the mean over the three numbers."""
        place = self.space.from_pixels(batch.pixels[:, PELVIS])
        seen_N = batch.pixels_known[:, PELVIS]
        deep_N = batch.points_known[:, PELVIS]
        depth = masked_l1(output.coordinates[:, 2], batch.points[:, PELVIS, 2] * _MM, deep_N)
        xy = masked_l1(output.coordinates[:, :2], place, seen_N[:, None])
        return {"root_xy": xy * 2 / 3, "root_depth": depth / 3}

    def predicted_joints(self, output: RootNetOutput, batch: TrainingItem) -> Tensor:
        """The root itself (N,1,3) m in the camera."""
        depth = output.coordinates[:, 2:] / _MM
        pixels = output.coordinates[:, :2] * self.space.stride
        xy = (pixels - batch.centre) / batch.focal * depth
        return torch.cat([xy, depth], dim=1)[:, None]

    def true_joints(self, batch: TrainingItem) -> TrueJoints:
        """The label of it."""
        known = batch.points_known[:, [PELVIS]]
        return TrueJoints(joints=batch.points[:, [PELVIS]], known=known)


def joints_from_heatmap(
    joint_img_NK3: Tensor,
    batch: TrainingItem,
    group: tuple[tuple[int, ...], int],
    space: HeatmapSpace,
) -> Tensor:
    """Joints (N,K,3) m of heat-map px in the patch's camera, told from their root.

    group: the points that the joints stand for, the root among them; the root's depth is the
    label's, as in the papers' evaluation.
    """
    points, root = group
    depth = space.to_depth(joint_img_NK3[..., 2:]) + batch.points[:, [root], 2:]
    pixels = joint_img_NK3[..., :2] * space.stride
    xy = (pixels - batch.centre[:, None]) / batch.focal[:, None] * depth
    found = torch.cat([xy, depth], dim=2)
    return found - found[:, [points.index(root)]]
