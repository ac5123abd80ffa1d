"""Pose2Pose, first version: joint positions guide a graph network to joint rotations.

Every joint brings the image feature at its place, the place itself and the confidence in it into
a graph convolution over the skeleton; shape and camera come from the globally pooled feature. The
body's pose is a code of VPoser, and its boxes of hands and face come from the feature and blobs at
the joints. The choices of the paper's tables are arguments. Source: Moon and Lee (2020),
"Pose2Pose" (arXiv 2011.11534 v1), sections 3 to 5; the widths of the box head and of the fully
connected processing are not given there.

Legend: N images, J joints, C channels, F numbers of one image, H, W rows and columns.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from .heatmaps import gaussian_planes, soft_argmax_2d, soft_argmax_3d
from .layers import conv_layers, linear_layers
from .pooling import sample_features, sample_scores
from .resnet import ResNet
from .rotation import axis_angle_from_6d
from .vposer import VPoser

Pooling = Literal["gap", "gap+ppp", "ppp"]


class JointPositions(NamedTuple):
    """joint_img (N,J,3) in heat-map pixels and joint_scores (N,J,1) in 0..1."""

    joint_img: Tensor
    joint_scores: Tensor


class PositionNet(nn.Module):
    """Feature map (N,C,H,W) to `JointPositions` through one heat map per joint.

    `depth` is the heat maps' size in z; with 1 they are planes and every z is 0.
    """

    def __init__(self, channels: int, joints: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.conv = conv_layers(channels, joints * depth, is_final=True)

    def forward(self, feature_NCHW: Tensor) -> JointPositions:
        """Positions, and the softmaxed heat map's value at each joint's own position."""
        found = soft_argmax_3d(self.conv(feature_NCHW).unflatten(1, (-1, self.depth)))
        joint_img = found.coordinates
        if self.depth > 1:
            return JointPositions(joint_img, sample_scores(found.probability, joint_img))
        scores = sample_features(
            found.probability.flatten(0, 1), joint_img[..., None, :2].flatten(0, 1)
        )
        return JointPositions(joint_img, scores.view_as(joint_img[..., :1]))


class GraphProcessing(nn.Module):
    """Joint features through a graph network; the pooled feature, if any, joins every joint."""

    def __init__(self, graph_block: nn.Sequential, joints: int) -> None:
        super().__init__()
        self.graph_block = graph_block
        self.joints = joints

    def forward(self, pooled_NC: Tensor | None, own_NJC: Tensor | None) -> Tensor:
        """All joints' features in a row (N,F)."""
        pooled = [] if pooled_NC is None else [pooled_NC[:, None].expand(-1, self.joints, -1)]
        own = [] if own_NJC is None else [own_NJC]
        return self.graph_block(torch.cat(pooled + own, dim=2)).flatten(1)


class FlatProcessing(nn.Module):
    """The same features in one vector through fully connected layers."""

    def __init__(self, fc: nn.Sequential) -> None:
        super().__init__()
        self.fc = fc

    def forward(self, pooled_NC: Tensor | None, own_NJC: Tensor | None) -> Tensor:
        """A vector (N,F)."""
        pooled = [] if pooled_NC is None else [pooled_NC]
        own = [] if own_NJC is None else [own_NJC.flatten(1)]
        return self.fc(torch.cat(pooled + own, dim=1))


class RotationNet(nn.Module):
    """Feature map and joint positions to root rotation (N,6) and pose numbers (N,pose_size).

    With `pooling` "ppp" a joint's feature is the map's value at its place, the place and its
    confidence; with "gap" it is the map's mean; with "gap+ppp" both. `sizes` are the numbers that
    `processing` gives and those of a pose; `axes` is 2 where the place's z is left out.
    """

    def __init__(
        self,
        pooling: Pooling,
        processing: GraphProcessing | FlatProcessing,
        sizes: tuple[int, int],
        axes: Literal[2, 3],
    ) -> None:
        super().__init__()
        self.pooling: Pooling = pooling
        self.axes: Literal[2, 3] = axes
        self.processing = processing
        self.root_pose_out = linear_layers(sizes[0], 6)
        self.pose_out = linear_layers(*sizes)

    def forward(self, feature_NCHW: Tensor, positions: JointPositions) -> tuple[Tensor, Tensor]:
        """Root rotation as six numbers, and the pose's numbers."""
        pooled_NC = None if self.pooling == "ppp" else feature_NCHW.mean((2, 3))
        own_NJC = None
        if self.pooling != "gap":
            own_NJC = joint_features(feature_NCHW, positions, self.axes)
        inner_NF = self.processing(pooled_NC, own_NJC)
        return self.root_pose_out(inner_NF), self.pose_out(inner_NF)


def joint_features(
    feature_NCHW: Tensor, positions: JointPositions, axes: Literal[2, 3] = 3
) -> Tensor:
    """Each joint's graph vertex (N,J,C+axes+1): the feature at its place, the place, its score.

    No gradient flows back to places and scores.
    """
    joint_img = positions.joint_img.detach()
    sampled_NJC = sample_features(feature_NCHW, joint_img[..., :2])
    score_NJ1 = positions.joint_scores.detach()
    return torch.cat([sampled_NJC, joint_img[..., :axes], score_NJ1], dim=2)


def camera_translation(camera_N3: Tensor, depth_scale_m: float) -> Tensor:
    """Translation (N,3) m, camera frame: x and y as they are, z within 0..depth_scale_m."""
    return torch.cat([camera_N3[:, :2], depth_scale_m * camera_N3[:, 2:].sigmoid()], dim=1)


class BoxNet(nn.Module):
    """Feature map (N,C,H,W) and joints to three boxes (N,3,4) xyxy px of the input image.

    The boxes are those of left hand, right hand and face. `stride` is how many pixels of the image
    one of the map covers, `sigma` the blobs' width in the map's pixels.
    """

    def __init__(
        self, channels: int, joints: int, width: int, *, sigma: float, stride: int
    ) -> None:
        super().__init__()
        self.sigma, self.stride = sigma, stride
        self.conv = nn.Sequential(
            *conv_layers(channels + joints, width, kernel=3),
            *conv_layers(width, 3, is_final=True),
        )
        self.size_out = nn.ModuleList(linear_layers(channels, width, 2) for _ in range(3))

    def forward(self, feature_NCHW: Tensor, joint_img_NJ3: Tensor) -> Tensor:
        """Boxes: soft-argmax centres, sizes from the feature at the centres."""
        height, width = feature_NCHW.shape[2:]
        xy_NJ2 = joint_img_NJ3[..., :2].detach()
        blobs = gaussian_planes(xy_NJ2, height, width, self.sigma)
        centres = soft_argmax_2d(self.conv(torch.cat([feature_NCHW, blobs], dim=1)))
        there = sample_features(feature_NCHW, centres.detach()).unbind(1)
        each = [out(feature) for out, feature in zip(self.size_out, there, strict=True)]
        half = torch.stack(each, dim=1) / 2
        return self.stride * torch.cat([centres - half, centres + half], dim=2)


class Pose2PoseV1BodyOutput(NamedTuple):
    """Body parameters and boxes.

    global_orient (N,1,3) and body_pose (N,21,3) axis-angle, betas (N,10), cam_trans (N,3) m,
    joint_img (N,25,3) in heat-map pixels, joint_scores (N,25,1), left_hand_box, right_hand_box and
    face_box (N,4) xyxy px of the input image.
    """

    global_orient: Tensor
    body_pose: Tensor
    betas: Tensor
    cam_trans: Tensor
    joint_img: Tensor
    joint_scores: Tensor
    left_hand_box: Tensor
    right_hand_box: Tensor
    face_box: Tensor


class Pose2PoseV1HandOutput(NamedTuple):
    """Parameters of a right hand.

    global_orient (N,1,3) and hand_pose (N,15,3) axis-angle, relative to the hand's mean pose, betas
    (N,10), cam_trans (N,3) m, joint_img (N,21,3) in heat-map pixels, joint_scores (N,21,1).
    """

    global_orient: Tensor
    hand_pose: Tensor
    betas: Tensor
    cam_trans: Tensor
    joint_img: Tensor
    joint_scores: Tensor


class _Pose2PoseV1(nn.Module):
    """What body and hand share: the backbone, both stages, shape and camera."""

    def __init__(
        self, position_net: PositionNet, rotation_net: RotationNet, *, channels: int, betas: int
    ) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.position_net = position_net
        self.rotation_net = rotation_net
        self.shape_out = linear_layers(channels, betas)
        self.cam_out = linear_layers(channels, 3)


class Pose2PoseV1Body(_Pose2PoseV1):
    """Image (N,3,256,256) RGB 0..1 of a person to `Pose2PoseV1BodyOutput`; VPoser stays fixed."""

    def __init__(
        self,
        position_net: PositionNet,
        rotation_net: RotationNet,
        box_net: BoxNet,
        vposer: VPoser,
        *,
        sizes: tuple[int, int],
        depth_scale_m: float,
    ) -> None:
        super().__init__(position_net, rotation_net, channels=sizes[0], betas=sizes[1])
        self.box_net = box_net
        self.vposer = vposer.requires_grad_(False)
        self.depth_scale_m = depth_scale_m

    def forward(self, image_N3HW: Tensor) -> Pose2PoseV1BodyOutput:
        """Body parameters and boxes."""
        feature = self.backbone(image_N3HW)
        positions = self.position_net(feature)
        root, code = self.rotation_net(feature, positions)
        pooled = feature.mean((2, 3))
        left, right, face = self.box_net(feature, positions.joint_img).unbind(1)
        return Pose2PoseV1BodyOutput(
            global_orient=axis_angle_from_6d(root)[:, None],
            body_pose=self.vposer.decode(code).body_pose,
            betas=self.shape_out(pooled),
            cam_trans=camera_translation(self.cam_out(pooled), self.depth_scale_m),
            joint_img=positions.joint_img,
            joint_scores=positions.joint_scores,
            left_hand_box=left,
            right_hand_box=right,
            face_box=face,
        )


class Pose2PoseV1Hand(_Pose2PoseV1):
    """Image (N,3,256,256) RGB 0..1 of a right hand to `Pose2PoseV1HandOutput`."""

    def __init__(
        self,
        position_net: PositionNet,
        rotation_net: RotationNet,
        *,
        sizes: tuple[int, int],
        depth_scale_m: float,
    ) -> None:
        super().__init__(position_net, rotation_net, channels=sizes[0], betas=sizes[1])
        self.depth_scale_m = depth_scale_m

    def forward(self, image_N3HW: Tensor) -> Pose2PoseV1HandOutput:
        """Hand parameters."""
        feature = self.backbone(image_N3HW)
        positions = self.position_net(feature)
        root, pose = self.rotation_net(feature, positions)
        pooled = feature.mean((2, 3))
        return Pose2PoseV1HandOutput(
            global_orient=axis_angle_from_6d(root)[:, None],
            hand_pose=axis_angle_from_6d(pose.unflatten(1, (-1, 6))),
            betas=self.shape_out(pooled),
            cam_trans=camera_translation(self.cam_out(pooled), self.depth_scale_m),
            joint_img=positions.joint_img,
            joint_scores=positions.joint_scores,
        )
