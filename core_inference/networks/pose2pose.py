"""Pose2Pose as released: joint positions guide one fully connected layer to joint rotations.

Each joint brings the image feature at its place and the place itself; shape and camera come from
the globally pooled feature. Faces have no such joints: their parameters come from the pooled
feature alone. The choices of the papers' tables are arguments. Source: Hand4Whole, section 3.1 and
figure 4 (this form of Pose2Pose); Pose2Pose, table 1 (pooling); the released code for the face.

Legend: N images, J joints, C channels, F numbers of one image, H, W rows and columns.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .heatmaps import SoftArgmax, soft_argmax_3d
from .layers import conv_layers, linear_layers
from .pooling import sample_features
from .pose2pose_v1 import camera_translation
from .resnet import ResNet
from .rotation import axis_angle_from_6d


class JointHeatmaps(nn.Module):
    """Feature map (N,C,H,W) to joints (N,J,3) in heat-map pixels, with the softmaxed heat maps.

    `depth` is the size of the heat maps in z; with 1 they are planes and the joints (N,J,2).
    """

    def __init__(self, channels: int, joints: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.conv = conv_layers(channels, joints * depth, is_final=True)

    def forward(self, feature_NCHW: Tensor) -> SoftArgmax:
        """Coordinates and probabilities."""
        heatmap = self.conv(feature_NCHW).unflatten(1, (-1, self.depth))
        coordinates, probability = soft_argmax_3d(heatmap)
        return SoftArgmax(coordinates if self.depth > 1 else coordinates[..., :2], probability)


@dataclass(frozen=True, kw_only=True)
class JointInputs:
    """What a rotation net reads of a feature map and the joints found on it.

    has_pooled: the map's mean (GAP); has_features: the map's values at the joints (PPP), behind a
    convolution to `width` channels; coordinates: how many of x, y, z of each joint.
    """

    has_pooled: bool = False
    has_features: bool = True
    coordinates: int = 3
    width: int = 512

    def with_axes(self, axes: int) -> "JointInputs":
        """The same for joints of that many coordinates."""
        return replace(self, coordinates=min(self.coordinates, axes))

    def convolution(self, channels: int) -> nn.Module:
        """The layer between the feature map and the values read at the joints."""
        return conv_layers(channels, self.width) if self.has_features else nn.Identity()

    def size(self, channels: int, joints: int) -> int:
        """How many numbers `read` gives."""
        own = self.coordinates + (self.width if self.has_features else 0)
        return (channels if self.has_pooled else 0) + joints * own

    def read(self, feature_NCHW: Tensor, convolution: nn.Module, joint_img_NJ3: Tensor) -> Tensor:
        """The numbers (N,F), joint by joint; no gradient flows back to the positions."""
        joint_img_NJ3 = joint_img_NJ3.detach()
        own_NJC = [joint_img_NJ3[..., : self.coordinates]]
        if self.has_features:
            values_NJC = sample_features(convolution(feature_NCHW), joint_img_NJ3[..., :2])
            own_NJC.insert(0, values_NJC)
        pooled_NC = [feature_NCHW.mean((2, 3))] if self.has_pooled else []
        return torch.cat([*pooled_NC, torch.cat(own_NJC, dim=2).flatten(1)], dim=1)


class BodyNumbers(NamedTuple):
    """root (N,6) and pose (N,6*rotations), betas (N,10), camera (N,3)."""

    root: Tensor
    pose: Tensor
    betas: Tensor
    camera: Tensor


class RotationNet(nn.Module):
    """Feature map (N,C,H,W) and joint positions to `BodyNumbers`."""

    def __init__(
        self, inputs: JointInputs, channels: int, *, joints: int, rotations: int, betas: int
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.conv = inputs.convolution(channels)
        size = inputs.size(channels, joints)
        self.root_pose_out = linear_layers(size, 6)
        self.pose_out = linear_layers(size, 6 * rotations)
        self.shape_out = linear_layers(channels, betas)
        self.cam_out = linear_layers(channels, 3)

    def forward(self, feature_NCHW: Tensor, joint_img_NJ3: Tensor) -> BodyNumbers:
        """The numbers of each image."""
        inner_NF = self.inputs.read(feature_NCHW, self.conv, joint_img_NJ3)
        pooled_NC = feature_NCHW.mean((2, 3))
        return BodyNumbers(
            root=self.root_pose_out(inner_NF),
            pose=self.pose_out(inner_NF),
            betas=self.shape_out(pooled_NC),
            camera=self.cam_out(pooled_NC),
        )


class Pose2PoseBodyOutput(NamedTuple):
    """Body parameters.

    global_orient (N,1,3) and body_pose (N,21,3) axis-angle, betas (N,10), cam_trans (N,3) m,
    joint_img (N,25,3) in heat-map pixels (without z when the positions are 2D).
    """

    global_orient: Tensor
    body_pose: Tensor
    betas: Tensor
    cam_trans: Tensor
    joint_img: Tensor


class Pose2PoseHandOutput(NamedTuple):
    """Parameters of a right hand.

    global_orient (N,1,3) and hand_pose (N,15,3) axis-angle, relative to the hand's mean pose, betas
    (N,10), cam_trans (N,3) m, joint_img (N,21,3) in heat-map pixels (without z when the positions
    are 2D).
    """

    global_orient: Tensor
    hand_pose: Tensor
    betas: Tensor
    cam_trans: Tensor
    joint_img: Tensor


class Pose2PoseFaceOutput(NamedTuple):
    """Face parameters.

    global_orient (N,1,3) and jaw_pose (N,1,3) axis-angle, betas (N,10), expression (N,10),
    cam_trans (N,3) m.
    """

    global_orient: Tensor
    jaw_pose: Tensor
    betas: Tensor
    expression: Tensor
    cam_trans: Tensor


class _Pose2Pose(nn.Module):
    """What body and hand share: the backbone and both stages."""

    def __init__(
        self, position_net: JointHeatmaps, rotation_net: RotationNet, *, depth_scale_m: float
    ) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.position_net = position_net
        self.rotation_net = rotation_net
        self.depth_scale_m = depth_scale_m

    def _stages(self, image_N3HW: Tensor) -> tuple[Tensor, BodyNumbers]:
        feature = self.backbone(image_N3HW)
        joint_img = self.position_net(feature).coordinates
        return joint_img, self.rotation_net(feature, joint_img)


class Pose2PoseBody(_Pose2Pose):
    """Image (N,3,256,192) RGB 0..1 of a person to `Pose2PoseBodyOutput`."""

    def forward(self, image_N3HW: Tensor) -> Pose2PoseBodyOutput:
        """Body parameters."""
        joint_img, numbers = self._stages(image_N3HW)
        return Pose2PoseBodyOutput(
            global_orient=axis_angle_from_6d(numbers.root)[:, None],
            body_pose=axis_angle_from_6d(numbers.pose.unflatten(1, (-1, 6))),
            betas=numbers.betas,
            cam_trans=camera_translation(numbers.camera, self.depth_scale_m),
            joint_img=joint_img,
        )


class Pose2PoseHand(_Pose2Pose):
    """Image (N,3,256,256) RGB 0..1 of a right hand to `Pose2PoseHandOutput`."""

    def forward(self, image_N3HW: Tensor) -> Pose2PoseHandOutput:
        """Hand parameters; a left hand goes in mirrored and its rotations must be mirrored back."""
        joint_img, numbers = self._stages(image_N3HW)
        return Pose2PoseHandOutput(
            global_orient=axis_angle_from_6d(numbers.root)[:, None],
            hand_pose=axis_angle_from_6d(numbers.pose.unflatten(1, (-1, 6))),
            betas=numbers.betas,
            cam_trans=camera_translation(numbers.camera, self.depth_scale_m),
            joint_img=joint_img,
        )


class FaceRegressor(nn.Module):
    """The pooled feature of a face to its parameters, one layer each."""

    def __init__(
        self, channels: int, *, betas: int, expressions: int, depth_scale_m: float
    ) -> None:
        super().__init__()
        self.depth_scale_m = depth_scale_m
        self.pose_out = linear_layers(channels, 12)
        self.shape_out = linear_layers(channels, betas)
        self.expr_out = linear_layers(channels, expressions)
        self.cam_out = linear_layers(channels, 3)

    def forward(self, feature_NCHW: Tensor) -> Pose2PoseFaceOutput:
        """The parameters of each face."""
        pooled_NC = feature_NCHW.mean((2, 3))
        rotations_N23 = axis_angle_from_6d(self.pose_out(pooled_NC).unflatten(1, (2, 6)))
        return Pose2PoseFaceOutput(
            global_orient=rotations_N23[:, :1],
            jaw_pose=rotations_N23[:, 1:],
            betas=self.shape_out(pooled_NC),
            expression=self.expr_out(pooled_NC),
            cam_trans=camera_translation(self.cam_out(pooled_NC), self.depth_scale_m),
        )


class Pose2PoseFace(nn.Module):
    """Image (N,3,256,192) RGB 0..1 of a face to `Pose2PoseFaceOutput`."""

    def __init__(self, regressor: FaceRegressor) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.regressor = regressor

    def forward(self, image_N3HW: Tensor) -> Pose2PoseFaceOutput:
        """Face parameters."""
        return self.regressor(self.backbone(image_N3HW))
