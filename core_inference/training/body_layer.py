"""From parameters to points, differentiable: what the losses compare in 3D and in 2D.

The open body's is forward kinematics of the 55 joints and linear blend skinning of the few surface
points that networks are taught: it lets training run without any licensed file. SMPL-X's is the
authors' own layer.

Legend: N people, J joints (55), E surface points, P points (77), K shape numbers (10).
"""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.skeleton import JOINT, JOINT_COUNT, LEFT_HAND, PARENTS, RIGHT_HAND
from ..body_model import BodyModel
from ..licensed_body import LicensedBody
from .points import OPEN_LANDMARKS, POINT_COUNT, POINT_NAMES, SURFACE_NAMES


class BodyLayer(Protocol):
    """What losses ask of a body: points from full rotations and shape.

    known_points (77,) says which points it has; hand_mean (30,3) axis-angle is what the networks
    leave out of the fingers' rotations, left hand first (zero where a body has no mean pose).
    """

    known_points: Tensor
    hand_mean: Tensor

    def points(self, rotations_NJ3: Tensor, betas_NK: Tensor, expression_NK: Tensor) -> Tensor:
        """Points (N,77,3) m: full axis-angles (N,55,3), the pelvis at its rest place."""
        ...


class OpenBodyLayer(nn.Module):
    """The open body's points; it has no expressions and no hand mean pose."""

    known_points: Tensor
    hand_mean: Tensor
    rest: Tensor
    joint_directions: Tensor
    corners: Tensor
    corner_directions: Tensor
    corner_weights: Tensor
    shares: Tensor

    def __init__(self, body: BodyModel) -> None:
        super().__init__()
        corners_E3, shares_E3, known_E = surface_places(body)
        buffers = {
            "rest": body.joints_template,
            "joint_directions": body.joint_directions,
            "corners": body.v_template[corners_E3],
            "corner_directions": body.shapedirs[corners_E3],
            "corner_weights": body.weights[corners_E3],
            "shares": shares_E3,
            "hand_mean": np.zeros((30, 3)),
        }
        for name, values in buffers.items():
            self.register_buffer(name, torch.from_numpy(np.asarray(values)).float())
        known_P = np.concatenate([np.ones(JOINT_COUNT, dtype=bool), known_E])
        self.register_buffer("known_points", torch.from_numpy(known_P))

    def points(self, rotations_NJ3: Tensor, betas_NK: Tensor, expression_NK: Tensor) -> Tensor:
        """Points (N,77,3) m: full axis-angles (N,55,3), the pelvis at its rest place."""
        rest_NJ3 = self.rest + torch.einsum("jik,nk->nji", self.joint_directions, betas_NK)
        world_NJ33, joints_NJ3 = chained(matrix_from_axis_angle(rotations_NJ3), rest_NJ3)
        shift_NJ3 = joints_NJ3 - torch.einsum("njab,njb->nja", world_NJ33, rest_NJ3)
        corners_NE33 = self.corners + torch.einsum(
            "ecik,nk->neci", self.corner_directions, betas_NK
        )
        turn_NE333 = torch.einsum("ecj,njab->necab", self.corner_weights, world_NJ33)
        move_NE33 = torch.einsum("ecj,nja->neca", self.corner_weights, shift_NJ3)
        skinned_NE33 = torch.einsum("necab,necb->neca", turn_NE333, corners_NE33) + move_NE33
        surface_NE3 = torch.einsum("ec,neca->nea", self.shares, skinned_NE33)
        return torch.cat([joints_NJ3, surface_NE3], dim=1)


class SmplxLayer(nn.Module):
    """The user's SMPL-X model as a body layer; of the points it lacks the top of the head."""

    known_points: Tensor
    hand_mean: Tensor

    def __init__(self, body: LicensedBody) -> None:
        super().__init__()
        self.layer = body.layer
        means = [body.hand_mean_pose[side].reshape(15, 3) for side in ("left", "right")]
        self.register_buffer("hand_mean", torch.from_numpy(np.concatenate(means)).float())
        known_P = torch.tensor([name != "head_top" for name in POINT_NAMES])
        self.register_buffer("known_points", known_P)

    def points(self, rotations_NJ3: Tensor, betas_NK: Tensor, expression_NK: Tensor) -> Tensor:
        """Points (N,77,3) m: full axis-angles (N,55,3), the pelvis at its rest place."""
        jaw, left, right = JOINT["jaw"], LEFT_HAND, RIGHT_HAND
        out = self.layer(
            betas=betas_NK,
            expression=expression_NK,
            global_orient=rotations_NJ3[:, 0],
            body_pose=rotations_NJ3[:, 1:jaw].flatten(1),
            jaw_pose=rotations_NJ3[:, jaw],
            leye_pose=rotations_NJ3[:, jaw + 1],
            reye_pose=rotations_NJ3[:, jaw + 2],
            left_hand_pose=(rotations_NJ3[:, left] - self.hand_mean[:15]).flatten(1),
            right_hand_pose=(rotations_NJ3[:, right] - self.hand_mean[15:]).flatten(1),
        )
        top_N13 = torch.zeros_like(out.joints[:, :1])
        return torch.cat([out.joints[:, : POINT_COUNT - 1], top_N13], dim=1)


def chained(rotations_NJ33: Tensor, rest_NJ3: Tensor) -> tuple[Tensor, Tensor]:
    """World rotations (N,55,3,3) and joints (N,55,3) of parent-relative rotations."""
    world = [rotations_NJ33[:, 0]]
    joints = [rest_NJ3[:, 0]]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        bone_N31 = (rest_NJ3[:, joint] - rest_NJ3[:, parent])[..., None]
        world.append(world[parent] @ rotations_NJ33[:, joint])
        joints.append(joints[parent] + (world[parent] @ bone_N31)[..., 0])
    return torch.stack(world, dim=1), torch.stack(joints, dim=1)


def surface_places(
    body: BodyModel,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Corners (E,3), their shares (E,3) and whether the open body has each surface point (E,).

    A point that it lacks stands anywhere on it.
    """
    count = POINT_COUNT - JOINT_COUNT
    corners_E3 = np.zeros((count, 3), dtype=np.int64)
    shares_E3 = np.full((count, 3), 1 / 3)
    known_E = np.array([name in OPEN_LANDMARKS or name == "head_top" for name in SURFACE_NAMES])
    for index, name in enumerate(SURFACE_NAMES):
        if name == "head_top":
            corners_E3[index] = int(body.v_template[:, 1].argmax())
        elif name in OPEN_LANDMARKS:
            mark = body.landmark_indices([OPEN_LANDMARKS[name]])[0]
            corners_E3[index] = body.landmark_vertices[mark]
            shares_E3[index] = body.landmark_weights[mark]
    return corners_E3, shares_E3, known_E


def matrix_from_axis_angle(axis_angle: Tensor) -> Tensor:
    """Rotation matrices (...,3,3) from axis-angle (...,3), smooth also at zero.

    Source: Rodrigues' formula, with the half-angle's sine in place of 1 - cos.
    """
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None].clamp_min(1e-16)
    angle = squared.sqrt()
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    half = torch.sin(angle / 2) / (angle / 2)
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return eye + torch.sin(angle) / angle * cross + 0.5 * half * half * (cross @ cross)
