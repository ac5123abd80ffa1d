"""3DCrowdNet: joints found in 2D before guide the feature, then a graph network gives the body.

The only released relative of Pose2Pose's first version: it keeps that head, but links left with
right joints in its graph and takes shape and camera from the graph as well. Source: Choi et al.
(2022), "Learning to Estimate Robust 3D Human Mesh from In-the-Wild Crowded Scenes", section 3.

Legend: N people, K joints given in 2D (30), J joints (15), C channels, H, W rows and columns.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .heatmaps import gaussian_planes
from .layers import conv_layers, linear_layers
from .pose2pose_v1 import JointPositions, PositionNet, camera_translation, joint_features
from .resnet import ResNet
from .rotation import axis_angle_from_6d
from .vposer import VPoser


class CrowdGraphOutput(NamedTuple):
    """Body parameters.

    global_orient (N,1,3) and body_pose (N,21,3) axis-angle, betas (N,10), cam_trans (N,3) m,
    joint_img (N,15,3) in pixels of the 8x8x8 heat map, joint_scores (N,15,1).
    """

    global_orient: Tensor
    body_pose: Tensor
    betas: Tensor
    cam_trans: Tensor
    joint_img: Tensor
    joint_scores: Tensor


class JointsToFeature(nn.Module):
    """Early image feature (N,C,H,W) and blobs about 2D joints (N,K,2) to a feature (N,C,H,W)."""

    def __init__(self, channels: int, joints: int, sigma: float) -> None:
        super().__init__()
        self.conv = conv_layers(channels + joints, channels, kernel=3)
        self.sigma = sigma

    def forward(self, early_NCHW: Tensor, joints_NK2: Tensor, mask_NK1: Tensor) -> Tensor:
        """The mixed feature; joints whose mask is 0 leave no blob."""
        height, width = early_NCHW.shape[2:]
        blobs = gaussian_planes(joints_NK2, height, width, self.sigma) * mask_NK1[..., None]
        return self.conv(torch.cat([early_NCHW, blobs], dim=1))


class BodyNumbers(NamedTuple):
    """root (N,6) rotation, code (N,32) of VPoser, betas (N,10), camera (N,3)."""

    root: Tensor
    code: Tensor
    betas: Tensor
    camera: Tensor


class CrowdRotationNet(nn.Module):
    """Feature map and joint positions to `BodyNumbers`, all from the flattened graph."""

    def __init__(self, graph_block: nn.Sequential, width: int, latent: int, betas: int) -> None:
        super().__init__()
        self.graph_block = graph_block
        self.root_pose_out = linear_layers(width, 6)
        self.pose_out = linear_layers(width, latent)
        self.shape_out = linear_layers(width, betas)
        self.cam_out = linear_layers(width, 3)

    def forward(self, feature_NCHW: Tensor, positions: JointPositions) -> BodyNumbers:
        """The numbers of one person each."""
        inner = self.graph_block(joint_features(feature_NCHW, positions)).flatten(1)
        return BodyNumbers(
            root=self.root_pose_out(inner),
            code=self.pose_out(inner),
            betas=self.shape_out(inner),
            camera=self.cam_out(inner),
        )


class CrowdGraph(nn.Module):
    """Image (N,3,256,256) RGB 0..1 and 2D joints to `CrowdGraphOutput`; VPoser stays fixed."""

    def __init__(
        self,
        pose2feat: JointsToFeature,
        position_net: PositionNet,
        rotation_net: CrowdRotationNet,
        vposer: VPoser,
        *,
        depth_scale_m: float,
    ) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.pose2feat = pose2feat
        self.position_net = position_net
        self.rotation_net = rotation_net
        # The checkpoints keep the prior inside a module that only wraps it.
        self.vposer = nn.ModuleDict({"vposer": vposer.requires_grad_(False)})
        self.depth_scale_m = depth_scale_m

    def forward(self, image_N3HW: Tensor, joints_NK2: Tensor, mask_NK1: Tensor) -> CrowdGraphOutput:
        """Body parameters; the given joints are in pixels of the early feature (64x64)."""
        early = self.backbone.stem(image_N3HW)
        feature = self.backbone.stages(self.pose2feat(early, joints_NK2, mask_NK1))
        positions = self.position_net(feature)
        numbers = self.rotation_net(feature, positions)
        return CrowdGraphOutput(
            global_orient=axis_angle_from_6d(numbers.root)[:, None],
            body_pose=self.vposer["vposer"](numbers.code).body_pose,
            betas=numbers.betas,
            cam_trans=camera_translation(numbers.camera, self.depth_scale_m),
            joint_img=positions.joint_img,
            joint_scores=positions.joint_scores,
        )
