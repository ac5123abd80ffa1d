"""Losses of I2L-MeshNet: joints, mesh joints, vertices, normals, edges, and its parameters.

All stand in heat-map px; sums over faces are means here, so that they do not grow with the mesh.
Source: I2L-MeshNet, equations 8 to 13.

Legend: N people, K joints, V vertices, F triangles.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ..networks.i2l_meshnet import I2LOutput
from .coordinates import joints_from_heatmap
from .items import PART_ROOTS, Part, TrainingItem
from .losses import HeatmapSpace, heatmap_l1, heatmap_labels, masked_l1, rotation_l1
from .meshes import LabelMesh
from .objectives import TrueJoints, told_from_root

NORMAL_WEIGHT = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class LixelObjective:
    """I2L-MeshNet's losses; rotations are the joints of its `pose`, the part's root first.

    hand_mean (30,3) is the mean pose that the network leaves out of a hand's rotations.
    """

    part: Part
    points: tuple[int, ...]
    rotations: tuple[int, ...]
    mesh: LabelMesh
    hand_mean: Tensor
    space: HeatmapSpace

    def predict(self, network: nn.Module, batch: TrainingItem) -> I2LOutput:
        """The network's output for a batch."""
        return network(batch.image)

    def losses(self, output: I2LOutput, batch: TrainingItem) -> dict[str, Tensor]:
        """The terms of the loss by name, scalars."""
        labels = heatmap_labels(batch, self.points, PART_ROOTS[self.part], self.space)
        mesh = self._vertices(batch)
        inside = self._inside(mesh) * batch.vertices_known[:, None, None]
        faces = torch.from_numpy(self.mesh.faces).to(mesh.device)
        known = batch.vertices_known[:, None, None]
        return {
            "joint_img": heatmap_l1(output.joint_img, labels),
            "mesh_joint_img": heatmap_l1(output.mesh_joint_img, labels),
            "vertex": masked_l1(output.mesh_img, mesh, inside),
            "normal": NORMAL_WEIGHT * normal_loss(output.mesh_img, mesh, faces, known),
            "edge": edge_loss(output.mesh_img, mesh, faces, known),
            **self._parameter_losses(output, batch),
        }

    def predicted_joints(self, output: I2LOutput, batch: TrainingItem) -> Tensor:
        """The mesh's joints (N,K,3) m with the known depth of the root, told from the root."""
        group = (self.points, PART_ROOTS[self.part])
        return joints_from_heatmap(output.mesh_joint_img, batch, group, self.space)

    def true_joints(self, batch: TrainingItem) -> TrueJoints:
        """The labels of these."""
        return told_from_root(batch, self.points, PART_ROOTS[self.part])

    def _vertices(self, batch: TrainingItem) -> Tensor:
        xy = self.space.from_pixels(batch.vertices[..., :2])
        return torch.cat([xy, self.space.from_depth(batch.vertices[..., 2:])], dim=2)

    def _inside(self, mesh_NV3: Tensor) -> Tensor:
        size = mesh_NV3.new_tensor([*self.space.map_wh, self.space.bins])
        return ((mesh_NV3 >= 0) & (mesh_NV3 < size)).all(dim=2, keepdim=True)

    def _parameter_losses(self, output: I2LOutput, batch: TrainingItem) -> dict[str, Tensor]:
        """L1 on the regressed rotations and shape; the mesh gets no gradient of it."""
        chosen = list(self.rotations)
        true = torch.cat([batch.orient[:, None], batch.rotations[:, chosen[1:]]], dim=1)
        known = torch.cat([batch.orient_known[:, None], batch.rotations_known[:, chosen[1:]]], 1)
        pose = output.pose[:, : len(chosen)]
        if self.part == "hand":
            pose = torch.cat([pose[:, :1], pose[:, 1:] + self.hand_mean[15:].to(pose)], dim=1)
        return {
            "pose": rotation_l1(pose, true, known),
            "shape": masked_l1(output.betas, batch.betas, batch.betas_known[:, None]),
        }


def normal_loss(predicted_NV3: Tensor, true_NV3: Tensor, faces_F3: Tensor, known: Tensor) -> Tensor:
    """How far the predicted edges leave the true faces' planes (equation 11); known (N,1,1)."""
    corners = true_NV3[:, faces_F3]
    first = normalize(corners[:, :, 1] - corners[:, :, 0], dim=-1)
    second = normalize(corners[:, :, 2] - corners[:, :, 0], dim=-1)
    normals_NF13 = normalize(torch.linalg.cross(first, second, dim=-1), dim=-1)[:, :, None]
    edges_NF33 = normalize(_edges(predicted_NV3, faces_F3), dim=-1)
    return ((edges_NF33 * normals_NF13).sum(dim=-1).abs() * known).mean()


def edge_loss(predicted_NV3: Tensor, true_NV3: Tensor, faces_F3: Tensor, known: Tensor) -> Tensor:
    """Differences of the edges' lengths in heat-map px (equation 12); known (N,1,1)."""
    predicted = _edges(predicted_NV3, faces_F3).square().sum(dim=-1).clamp_min(1e-12).sqrt()
    true = _edges(true_NV3, faces_F3).norm(dim=-1)
    return masked_l1(predicted, true, known)


def _edges(vertices_NV3: Tensor, faces_F3: Tensor) -> Tensor:
    """The three edges of every triangle (N,F,3,3)."""
    corners = vertices_NV3[:, faces_F3]
    return corners - corners.roll(1, dims=2)
