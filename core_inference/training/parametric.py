"""Losses of the networks that predict body parameters: Hand4Whole, Pose2Pose and its relatives.

L = L_param + L_coord + L_box: rotations, shape and expression; joints of the heat maps, of the
body's layer in 3D and projected; boxes. Source: Hand4Whole, equation 1; Pose2Pose, section 4.4.

Legend: N people, J joints (55), P points (77).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...rigs.skeleton import JOINT, JOINT_COUNT, LEFT_HAND, RIGHT_HAND
from .body_layer import BodyLayer
from .items import PART_ROOTS, Part, TrainingItem
from .losses import (
    HeatmapSpace,
    heatmap_l1,
    heatmap_labels,
    masked_l1,
    projected,
    projected_l1,
    relative_l1,
    rotation_l1,
)
from .objectives import TrueJoints, told_from_root

_FIELDS: dict[str, tuple[int, ...]] = {
    "global_orient": (0,),
    "body_pose": tuple(range(1, 22)),
    "jaw_pose": (JOINT["jaw"],),
    "left_hand_pose": tuple(range(LEFT_HAND.start, LEFT_HAND.stop)),
    "right_hand_pose": tuple(range(RIGHT_HAND.start, RIGHT_HAND.stop)),
    "hand_pose": tuple(range(RIGHT_HAND.start, RIGHT_HAND.stop)),
}
"""Which joints' rotations each field of an output holds."""


@dataclass(frozen=True, kw_only=True)
class JointGroup:
    """Points of a body part, told from its root."""

    points: tuple[int, ...]
    root: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ParametricObjective:
    """Losses of one parametric network.

    heatmap: the groups that follow one another in joint_img, each in its own space; layer_groups:
    the points compared in 3D and in 2D; input_stride: px of the virtual camera's image per
    heat-map px; run: how the network is called.
    """

    layer: BodyLayer
    part: Part
    heatmap: tuple[tuple[JointGroup, HeatmapSpace], ...]
    layer_groups: tuple[JointGroup, ...]
    space: HeatmapSpace
    input_stride: float
    run: Callable[[nn.Module, TrainingItem], Any]

    def predict(self, network: nn.Module, batch: TrainingItem) -> Any:
        """The network's output for a batch."""
        return self.run(network, batch)

    def losses(self, output: Any, batch: TrainingItem) -> dict[str, Tensor]:
        """The terms of the loss by name, scalars."""
        points_NP3 = self._points(output)
        return {
            **self._parameter_losses(output, batch),
            **self._coordinate_losses(output, points_NP3, batch),
            **self._box_losses(output, batch),
        }

    def predicted_joints(self, output: Any, batch: TrainingItem) -> Tensor:
        """The body layer's points (N,K,3) m in the first group, told from its root."""
        group, points_NP3 = self.layer_groups[0], self._points(output)
        return points_NP3[:, list(group.points)] - points_NP3[:, [group.root]]

    def true_joints(self, batch: TrainingItem) -> TrueJoints:
        """The labels of these, as far as the layer has them."""
        group = self.layer_groups[0]
        true = told_from_root(batch, group.points, group.root)
        has_K = self.layer.known_points[list(group.points)]
        return TrueJoints(joints=true.joints, known=true.known * has_K)

    def _points(self, output: Any) -> Tensor:
        """The body layer's points (N,77,3) m: a part's told from its root, the body's as posed."""
        pose_NJ3, _ = full_pose(output, self.layer.hand_mean)
        expression = getattr(output, "expression", torch.zeros_like(output.betas))
        points_NP3 = self.layer.points(pose_NJ3, output.betas, expression)
        if self.part == "body":
            return points_NP3
        return points_NP3 - points_NP3[:, [PART_ROOTS[self.part]]]

    def _parameter_losses(self, output: Any, batch: TrainingItem) -> dict[str, Tensor]:
        pose_NJ3, chosen = full_pose(output, self.layer.hand_mean)
        true_NJ3 = torch.cat([batch.orient[:, None], batch.rotations[:, 1:]], dim=1)
        known_NJ = torch.cat([batch.orient_known[:, None], batch.rotations_known[:, 1:]], dim=1)
        pose = rotation_l1(pose_NJ3[:, chosen], true_NJ3[:, chosen], known_NJ[:, chosen])
        terms = {
            "pose": pose,
            "shape": masked_l1(output.betas, batch.betas, batch.betas_known[:, None]),
        }
        if hasattr(output, "expression"):
            known = batch.expression_known[:, None]
            terms["expression"] = masked_l1(output.expression, batch.expression, known)
        return terms

    def _coordinate_losses(
        self, output: Any, points_NP3: Tensor, batch: TrainingItem
    ) -> dict[str, Tensor]:
        has_P = self.layer.known_points.to(points_NP3.dtype)
        camera = points_NP3 + output.cam_trans[:, None]
        flat = projected(camera, self.space, self.input_stride)
        groups = self.layer_groups
        every = tuple(dict.fromkeys(point for group in groups for point in group.points))
        terms = {
            "joint_3d": _mean(
                [relative_l1(points_NP3, batch, g.points, g.root, has_P) for g in groups]
            ),
            "joint_2d": projected_l1(flat, batch, every, self.space, has_P),
        }
        if self.heatmap:
            sizes = [len(group.points) for group, _ in self.heatmap]
            parts = output.joint_img.split(sizes, dim=1)
            terms["joint_img"] = _mean(
                [
                    heatmap_l1(part, heatmap_labels(batch, group.points, group.root, space))
                    for part, (group, space) in zip(parts, self.heatmap, strict=True)
                ]
            )
        return terms

    def _box_losses(self, output: Any, batch: TrainingItem) -> dict[str, Tensor]:
        found = _boxes(output, self.space.stride)
        if found is None:
            return {}
        low, high = (batch.boxes / self.space.stride).split(2, dim=2)
        true = torch.cat([(low + high) / 2, high - low], dim=2)
        return {"box": masked_l1(found, true, batch.boxes_known[..., None])}


def _boxes(output: Any, stride: float) -> Tensor | None:
    """Centres and sizes (N,3,4) of the parts' boxes in heat-map px, where a network has boxes.

    Hand4Whole tells them before they are made square and widened; those of Pose2Pose stay as found.
    """
    if hasattr(output, "box_centres"):
        return torch.cat([output.box_centres, output.box_sizes], dim=2)
    if not hasattr(output, "left_hand_box"):
        return None
    corners = [output.left_hand_box, output.right_hand_box, output.face_box]
    low, high = (torch.stack(corners, dim=1) / stride).split(2, dim=2)
    return torch.cat([(low + high) / 2, high - low], dim=2)


def full_pose(output: Any, hand_mean: Tensor) -> tuple[Tensor, list[int]]:
    """All full rotations (N,55,3), zero where the output says nothing, and the joints it tells.

    The mean pose that the networks leave out of the fingers is added, as the body models do.
    """
    base = output.betas.new_zeros(len(output.betas), JOINT_COUNT, 3)
    base[:, LEFT_HAND.start :] = hand_mean
    told: list[int] = []
    for name, joints in _FIELDS.items():
        if hasattr(output, name):
            base = base.index_add(1, _index(joints, base), getattr(output, name))
            told += joints
    return base, told


def _index(joints: tuple[int, ...], like: Tensor) -> Tensor:
    return torch.tensor(joints, device=like.device)


def _mean(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).mean()
