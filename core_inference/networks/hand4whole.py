"""Hand4Whole: body, both hands and face of one person in one network.

The body network works at half size and finds the boxes of hands and face, which are cut out of
the full image. Both hands go through one hand network, the left one mirrored; what it knows of the
knuckles helps to turn the wrists. The choices of the paper's tables are arguments. Source: Moon et
al. (2022), "Accurate 3D Hand Pose Estimation for Whole-Body 3D Human Mesh Estimation", section 3,
tables 1 and 3; the sizes that the text leaves out are those of the released code.

Legend: N people, J joints, C channels, F numbers of one person, H, W rows and columns.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .heatmaps import soft_argmax_2d
from .layers import conv_layers, deconv_layers, linear_layers
from .pooling import sample_features
from .pose2pose import BodyNumbers, JointHeatmaps, JointInputs
from .pose2pose_v1 import camera_translation
from .resnet import ResNet
from .roi import roi_align
from .rotation import axis_angle_from_6d


class Hand4WholeOutput(NamedTuple):
    """SMPL-X parameters, joints and boxes.

    global_orient (N,1,3), body_pose (N,21,3), left_hand_pose and right_hand_pose (N,15,3) relative
    to the hands' mean poses, jaw_pose (N,1,3): axis-angle; betas and expression (N,10); cam_trans
    (N,3) m; joint_img (N,65,3): 25 of the body, 20 of the left and 20 of the right hand, x and y in
    pixels of the body's heat map, z in its own or the hand's; left_hand_box, right_hand_box and
    face_box (N,4) xyxy in pixels of the network's input. box_centres and box_sizes (N,3,2), in
    pixels of the body's feature map: the same boxes before they were made square and widened.
    """

    global_orient: Tensor
    body_pose: Tensor
    left_hand_pose: Tensor
    right_hand_pose: Tensor
    jaw_pose: Tensor
    betas: Tensor
    expression: Tensor
    cam_trans: Tensor
    joint_img: Tensor
    left_hand_box: Tensor
    right_hand_box: Tensor
    face_box: Tensor
    box_centres: Tensor
    box_sizes: Tensor


class PartBoxes(NamedTuple):
    """centres and sizes (N,3,2), x and y in feature-map pixels: left hand, right hand, face."""

    centres: Tensor
    sizes: Tensor


class BoxNet(nn.Module):
    """Feature map (N,C,H,W) and the joints' probabilities (N,J,D,H,W) to `PartBoxes`."""

    def __init__(self, channels: int, heatmap_channels: int, width: int, doublings: int) -> None:
        super().__init__()
        self.finer = 2**doublings
        self.deconv = deconv_layers(channels + heatmap_channels, *(width,) * doublings)
        self.bbox_center = conv_layers(width, 3, is_final=True)
        self.lhand_size = linear_layers(width, width, 2)
        self.rhand_size = linear_layers(width, width, 2)
        self.face_size = linear_layers(width, width, 2)

    def forward(self, feature_NCHW: Tensor, probability_NJDHW: Tensor) -> PartBoxes:
        """Centres by soft-argmax, sizes from the feature at the centres."""
        heatmaps_NCHW = probability_NJDHW.detach().flatten(1, 2)
        fine_NCHW = self.deconv(torch.cat([feature_NCHW, heatmaps_NCHW], dim=1))
        centres_N32 = soft_argmax_2d(self.bbox_center(fine_NCHW))
        left, right, face = sample_features(fine_NCHW, centres_N32.detach()).unbind(1)
        sizes = [self.lhand_size(left), self.rhand_size(right), self.face_size(face)]
        return PartBoxes(centres=centres_N32 / self.finer, sizes=torch.stack(sizes, dim=1))


class RoiNet(nn.Module):
    """The backbone of a part, under the checkpoints' name for it."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.backbone = ResNet(layers)

    def forward(self, patch_N3HW: Tensor) -> Tensor:
        """The part's feature map."""
        return self.backbone(patch_N3HW)


class HandRotationNet(nn.Module):
    """Feature map of a hand and its joints to the fingers' rotations (N,6*rotations)."""

    def __init__(self, inputs: JointInputs, channels: int, *, joints: int, rotations: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.hand_conv = inputs.convolution(channels)
        self.hand_pose_out = linear_layers(inputs.size(channels, joints), 6 * rotations)

    def forward(self, feature_NCHW: Tensor, joint_img_NJ3: Tensor) -> Tensor:
        """Six numbers per rotation."""
        return self.hand_pose_out(self.inputs.read(feature_NCHW, self.hand_conv, joint_img_NJ3))


class WristInputs(NamedTuple):
    """What the body's rotations read of each hand: `inputs` at `joints`, or nothing (None)."""

    inputs: JointInputs
    joints: tuple[int, ...]


class BodyRotationNet(nn.Module):
    """Body and hand features with their joints to `BodyNumbers`, the wrists among the rotations."""

    def __init__(
        self,
        inputs: JointInputs,
        wrist: WristInputs | None,
        channels: int,
        *,
        joints: int,
        rotations: int,
        betas: int,
    ) -> None:
        super().__init__()
        self.inputs, self.wrist = inputs, wrist
        self.body_conv = inputs.convolution(channels)
        size = inputs.size(channels, joints)
        if wrist is not None:
            self.lhand_conv = wrist.inputs.convolution(channels)
            self.rhand_conv = wrist.inputs.convolution(channels)
            size += 2 * wrist.inputs.size(channels, len(wrist.joints))
        self.root_pose_out = linear_layers(size, 6)
        self.body_pose_out = linear_layers(size, 6 * rotations)
        self.shape_out = linear_layers(channels, betas)
        self.cam_out = linear_layers(channels, 3)

    def forward(
        self, feature_NCHW: Tensor, joint_img_NJ3: Tensor, left: "PartJoints", right: "PartJoints"
    ) -> BodyNumbers:
        """The numbers of each person."""
        read = [self.inputs.read(feature_NCHW, self.body_conv, joint_img_NJ3)]
        if self.wrist is not None:
            for part, conv in ((left, self.lhand_conv), (right, self.rhand_conv)):
                knuckles = part.joint_img[:, self.wrist.joints]
                read.append(self.wrist.inputs.read(part.feature, conv, knuckles))
        inner_NF, pooled_NC = torch.cat(read, dim=1), feature_NCHW.mean((2, 3))
        return BodyNumbers(
            root=self.root_pose_out(inner_NF),
            pose=self.body_pose_out(inner_NF),
            betas=self.shape_out(pooled_NC),
            camera=self.cam_out(pooled_NC),
        )


class PartJoints(NamedTuple):
    """A hand's feature (N,C,H,W), joint_img (N,J,3) on it, and pose (N,rotations,3) axis-angle."""

    feature: Tensor
    joint_img: Tensor
    pose: Tensor


class FaceRegressor(nn.Module):
    """Feature map of a face to expression (N,10) and jaw rotation (N,6)."""

    def __init__(self, channels: int, expressions: int) -> None:
        super().__init__()
        self.expr_out = linear_layers(channels, expressions)
        self.jaw_pose_out = linear_layers(channels, 6)

    def forward(self, feature_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Expression and jaw."""
        pooled_NC = feature_NCHW.mean((2, 3))
        return self.expr_out(pooled_NC), self.jaw_pose_out(pooled_NC)


class Hand4WholeParts(NamedTuple):
    """The networks that `Hand4Whole` is put together of, named as in the checkpoints."""

    body_position_net: JointHeatmaps
    body_rotation_net: BodyRotationNet
    box_net: BoxNet
    hand_position_net: JointHeatmaps
    hand_rotation_net: HandRotationNet
    face_regressor: FaceRegressor


class Hand4WholeSizes(NamedTuple):
    """The geometry between the parts.

    body_step: pixels of the input per pixel of the body's image; body_stride: pixels of the input
    per pixel of the body's feature map; hand_size and face_size: sides of their square patches,
    px; hand_growth and face_growth: how much wider than the part its patch is; hand_places: side
    of a hand's heat map; depth_scale_m: the largest cam_trans z.
    """

    body_step: int
    body_stride: int
    hand_size: int
    face_size: int
    hand_growth: float
    face_growth: float
    hand_places: int
    depth_scale_m: float


class Hand4Whole(nn.Module):
    """Image (N,3,512,384) RGB 0..1 of a person to `Hand4WholeOutput`."""

    def __init__(self, parts: Hand4WholeParts, sizes: Hand4WholeSizes) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.body_position_net = parts.body_position_net
        self.body_rotation_net = parts.body_rotation_net
        self.box_net = parts.box_net
        self.hand_roi_net = RoiNet(50)
        self.hand_position_net = parts.hand_position_net
        self.hand_rotation_net = parts.hand_rotation_net
        self.face_roi_net = RoiNet(18)
        self.face_regressor = parts.face_regressor
        self.sizes = sizes

    def forward(self, image_N3HW: Tensor) -> Hand4WholeOutput:
        """All parameters; gradients of the parts' losses end at the boxes they were cut from."""
        step = self.sizes.body_step
        feature = self.backbone(image_N3HW[:, :, ::step, ::step])
        body_img, probability = self.body_position_net(feature)
        boxes = self.box_net(feature, probability)
        left_box, right_box, face_box = self._squares(boxes).unbind(1)
        left, right = self._hands(image_N3HW, left_box.detach(), right_box.detach())
        numbers = self.body_rotation_net(feature, body_img, left, right)
        expression, jaw = self._face(image_N3HW, face_box.detach())
        joint_img = [body_img, self._on_body(left, left_box), self._on_body(right, right_box)]
        return Hand4WholeOutput(
            global_orient=axis_angle_from_6d(numbers.root)[:, None],
            body_pose=axis_angle_from_6d(numbers.pose.unflatten(1, (-1, 6))),
            left_hand_pose=left.pose,
            right_hand_pose=right.pose,
            jaw_pose=axis_angle_from_6d(jaw)[:, None],
            betas=numbers.betas,
            expression=expression,
            cam_trans=camera_translation(numbers.camera, self.sizes.depth_scale_m),
            joint_img=torch.cat(joint_img, dim=1),
            left_hand_box=left_box,
            right_hand_box=right_box,
            face_box=face_box,
            box_centres=boxes.centres,
            box_sizes=boxes.sizes,
        )

    def _squares(self, boxes: PartBoxes) -> Tensor:
        """The squares (N,3,4) xyxy px to cut out: about the longer side, widened."""
        sizes = self.sizes
        half_N3 = boxes.sizes.amax(dim=2) * (sizes.body_stride / 2)
        left, right, face = half_N3.unbind(1)
        half = torch.stack(
            [left * sizes.hand_growth, right * sizes.hand_growth, face * sizes.face_growth], dim=1
        )[..., None]
        centres = boxes.centres * sizes.body_stride
        return torch.cat([centres - half, centres + half], dim=2)

    def _hands(
        self, image_N3HW: Tensor, left_box_N4: Tensor, right_box_N4: Tensor
    ) -> tuple[PartJoints, PartJoints]:
        """Both hands in one pass; the left one goes in mirrored and comes back mirrored."""
        size = (self.sizes.hand_size, self.sizes.hand_size)
        left = roi_align(image_N3HW, left_box_N4, size).flip(3)
        right = roi_align(image_N3HW, right_box_N4, size)
        feature = self.hand_roi_net(torch.cat([left, right]))
        joint_img = self.hand_position_net(feature).coordinates
        numbers = self.hand_rotation_net(feature, joint_img)
        pose = axis_angle_from_6d(numbers.unflatten(1, (-1, 6)))
        both = [values.unflatten(0, (2, -1)).unbind() for values in (feature, joint_img, pose)]
        mirrored, right_hand = (PartJoints(*values) for values in zip(*both, strict=True))
        return self._unmirrored(mirrored), right_hand

    def _unmirrored(self, hand: PartJoints) -> PartJoints:
        x, y, z = hand.joint_img.unbind(2)
        about_x, about_y, about_z = hand.pose.unbind(2)
        return PartJoints(
            feature=hand.feature.flip(3),
            joint_img=torch.stack([self.sizes.hand_places - 1 - x, y, z], dim=2),
            pose=torch.stack([about_x, -about_y, -about_z], dim=2),
        )

    def _on_body(self, hand: PartJoints, box_N4: Tensor) -> Tensor:
        """A hand's joints (N,J,3) in pixels of the body's heat map; z stays the hand's own."""
        low_N12, high_N12 = (box_N4.detach()[:, None] / self.sizes.body_stride).split(2, dim=2)
        xy = low_N12 + hand.joint_img[..., :2] / self.sizes.hand_places * (high_N12 - low_N12)
        return torch.cat([xy, hand.joint_img[..., 2:]], dim=2)

    def _face(self, image_N3HW: Tensor, box_N4: Tensor) -> tuple[Tensor, Tensor]:
        size = (self.sizes.face_size, self.sizes.face_size)
        return self.face_regressor(self.face_roi_net(roi_align(image_N3HW, box_N4, size)))
