"""Every size of every network, and the settings of the papers' ablation tables.

The defaults are the released networks; another setting is `replace(Settings(), ...)`, whose
network no released file fits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from ...rigs.errors import UsageError
from .crowd3d import CrowdGraph, CrowdRotationNet, JointsToFeature
from .graph import graph_layers, normalised_adjacency
from .hand4whole import (
    BodyRotationNet,
    BoxNet,
    FaceRegressor,
    Hand4Whole,
    Hand4WholeParts,
    Hand4WholeSizes,
    HandRotationNet,
    WristInputs,
)
from .i2l_meshnet import I2LMeshNet, ParamRegressor, PoseToFeature
from .layers import linear_layers
from .mesh_heads import HEADS, HeatmapKind, MeshHead
from .pose2pose import FaceRegressor as Pose2PoseFaceRegressor
from .pose2pose import (
    JointHeatmaps,
    JointInputs,
    Pose2PoseBody,
    Pose2PoseFace,
    Pose2PoseHand,
    RotationNet,
)
from .pose2pose_v1 import BoxNet as V1BoxNet
from .pose2pose_v1 import (
    FlatProcessing,
    GraphProcessing,
    Pooling,
    Pose2PoseV1Body,
    Pose2PoseV1Hand,
    PositionNet,
)
from .pose2pose_v1 import RotationNet as V1RotationNet
from .posenet import PoseHead, PoseNet
from .rootnet import RootHead, RootNet
from .skeletons import BODY, CROWD_BODY, HAND, Skeleton
from .vposer import VPoser

RESNET50, RESNET18 = 2048, 512
"""Channels of the backbones' feature maps."""
EARLY = 64
"""Channels of the feature in front of the first residual stage."""
FEATURE_SIZE, FEATURE_STRIDE = 8, 32
"""Rows and columns of the feature map of a 256x256 image, and pixels of the image between them."""
HEATMAP_DEPTH = 8
"""Places in z of the joints' heat maps on a feature map."""
JOINT_WIDTH = 512
"""Channels of the features at the joints."""
BETAS, EXPRESSIONS = 10, 10
BODY_JOINTS, BODY_ROTATIONS = 25, 21
HAND_ROTATIONS = 15
FOCAL_PX = 5000.0
"""Focal length of the virtual camera that looks at the network's input."""


def depth_scale_m(size_m: float, height: int, width: int) -> float:
    """The distance (m) at which a square of size_m has as many pixels as the input."""
    return FOCAL_PX * size_m / sqrt(height * width)


# ---- Hand4Whole ---------------------------------------------------------------------------------

WristInput = Literal["body", "body+gap", "body+all", "body+mcp"]
RotationInput = Literal["gap", "feature", "2d", "3d", "3d+feature"]

_ROTATION_INPUTS: dict[RotationInput, JointInputs] = {
    "gap": JointInputs(has_pooled=True, has_features=False, coordinates=0),
    "feature": JointInputs(coordinates=0, width=JOINT_WIDTH),
    "2d": JointInputs(has_features=False, coordinates=2),
    "3d": JointInputs(has_features=False),
    "3d+feature": JointInputs(width=JOINT_WIDTH),
}


@dataclass(frozen=True, kw_only=True)
class Hand4WholeSettings:
    """Hand4Whole's choices: wrist_input as in its table 1, rotation_input as in its table 3."""

    wrist_input: WristInput = "body+mcp"
    rotation_input: RotationInput = "3d+feature"


_HAND_JOINTS = 20
_KNUCKLES = (4, 8, 12, 16)
_BOX_WIDTH, _BOX_DOUBLINGS = 256, 3
_HAND4WHOLE_SIZES = Hand4WholeSizes(
    body_step=2,
    body_stride=64,
    hand_size=256,
    face_size=192,
    hand_growth=2.0,
    face_growth=1.5,
    hand_places=8,
    depth_scale_m=depth_scale_m(2.5, 256, 192),
)


def build_hand4whole(settings: Hand4WholeSettings | None = None) -> Hand4Whole:
    """Hand4Whole (2022): image (N,3,512,384) to all SMPL-X parameters."""
    settings = settings or Hand4WholeSettings()
    inputs = _ROTATION_INPUTS[settings.rotation_input]
    parts = Hand4WholeParts(
        body_position_net=JointHeatmaps(RESNET50, BODY_JOINTS, HEATMAP_DEPTH),
        body_rotation_net=BodyRotationNet(
            inputs,
            _wrist_inputs(settings.wrist_input, inputs),
            RESNET50,
            joints=BODY_JOINTS,
            rotations=BODY_ROTATIONS,
            betas=BETAS,
        ),
        box_net=BoxNet(RESNET50, BODY_JOINTS * HEATMAP_DEPTH, _BOX_WIDTH, _BOX_DOUBLINGS),
        hand_position_net=JointHeatmaps(RESNET50, _HAND_JOINTS, HEATMAP_DEPTH),
        hand_rotation_net=HandRotationNet(
            inputs, RESNET50, joints=_HAND_JOINTS, rotations=HAND_ROTATIONS
        ),
        face_regressor=FaceRegressor(RESNET18, EXPRESSIONS),
    )
    return Hand4Whole(parts, _HAND4WHOLE_SIZES)


def _wrist_inputs(wrist_input: WristInput, inputs: JointInputs) -> WristInputs | None:
    if wrist_input == "body":
        return None
    if wrist_input == "body+gap":
        return WristInputs(_ROTATION_INPUTS["gap"], ())
    return WristInputs(inputs, _KNUCKLES if wrist_input == "body+mcp" else (*range(_HAND_JOINTS),))


# ---- Pose2Pose as released ----------------------------------------------------------------------

_POOLING_INPUTS: dict[Pooling, JointInputs] = {
    "gap": JointInputs(has_pooled=True, has_features=False, coordinates=0),
    "gap+ppp": JointInputs(has_pooled=True, width=JOINT_WIDTH),
    "ppp": JointInputs(width=JOINT_WIDTH),
}


@dataclass(frozen=True, kw_only=True)
class Pose2PoseSettings:
    """Released Pose2Pose's choices: pooling as in Pose2Pose's table 1; axes of a joint's position.

    The GAP setting reads no positions; its joints are found all the same.
    """

    pooling: Pooling = "ppp"
    axes: Literal[2, 3] = 3


def _pose2pose_stages(
    settings: Pose2PoseSettings, joints: int, rotations: int
) -> tuple[JointHeatmaps, RotationNet]:
    depth = HEATMAP_DEPTH if settings.axes == 3 else 1
    return JointHeatmaps(RESNET50, joints, depth), RotationNet(
        _POOLING_INPUTS[settings.pooling].with_axes(settings.axes),
        RESNET50,
        joints=joints,
        rotations=rotations,
        betas=BETAS,
    )


def build_pose2pose_body(settings: Pose2PoseSettings | None = None) -> Pose2PoseBody:
    """Pose2Pose (2022) of the body: image (N,3,256,192)."""
    stages = _pose2pose_stages(settings or Pose2PoseSettings(), BODY_JOINTS, BODY_ROTATIONS)
    return Pose2PoseBody(*stages, depth_scale_m=depth_scale_m(2.5, 256, 192))


def build_pose2pose_hand(settings: Pose2PoseSettings | None = None) -> Pose2PoseHand:
    """Pose2Pose (2022) of a right hand: image (N,3,256,256); the wrist is a joint here."""
    stages = _pose2pose_stages(settings or Pose2PoseSettings(), _HAND_JOINTS + 1, HAND_ROTATIONS)
    return Pose2PoseHand(*stages, depth_scale_m=depth_scale_m(0.4, 256, 256))


def build_pose2pose_face() -> Pose2PoseFace:
    """Pose2Pose's face network (2022): image (N,3,256,192)."""
    regressor = Pose2PoseFaceRegressor(
        RESNET50,
        betas=BETAS,
        expressions=EXPRESSIONS,
        depth_scale_m=depth_scale_m(0.4, 256, 192),
    )
    return Pose2PoseFace(regressor)


# ---- RootNet and PoseNet ------------------------------------------------------------------------

_DECONV_CHANNELS = (RESNET50, 256, 256, 256)
_POSENET_DEPTH = 64


def build_rootnet() -> RootNet:
    """RootNet (2019): crop (N,3,256,256) and k to the root."""
    return RootNet(RootHead(_DECONV_CHANNELS))


def build_posenet(joints: int) -> PoseNet:
    """PoseNet (2019): crop (N,3,256,256) to joints, 18 of Human3.6M or 21 of MuCo."""
    return PoseNet(PoseHead(_DECONV_CHANNELS, joints, _POSENET_DEPTH))


# ---- Pose2Pose version 1 and its relative ------------------------------------------------------

_VPOSER_LATENT, _VPOSER_WIDTH = 32, 512
_V1_BOX_WIDTH, _V1_BOX_SIGMA, _V1_FLAT_WIDTH = 256, 1.0, 1024
_CROWD_GIVEN_JOINTS, _CROWD_SIGMA = 30, 2.5


@dataclass(frozen=True, kw_only=True)
class GraphSettings:
    """A graph network: channels of a joint, residual blocks, one set of weights for all joints."""

    width: int = 128
    blocks: int = 4
    is_shared: bool = False


@dataclass(frozen=True, kw_only=True)
class Pose2PoseV1Settings:
    """Version 1's choices: pooling and processing as in its table 1, shared weights as in table 2.

    processing "fc" flattens all joints into one vector instead of the graph; axes of a position.
    """

    pooling: Pooling = "ppp"
    processing: Literal["graph", "fc"] = "graph"
    graph: GraphSettings = GraphSettings()
    axes: Literal[2, 3] = 3


def build_vposer() -> VPoser:
    """VPoser version 1's decoder."""
    return VPoser(_VPOSER_LATENT, _VPOSER_WIDTH, BODY_ROTATIONS)


def build_pose2pose_v1_body(settings: Pose2PoseV1Settings | None = None) -> Pose2PoseV1Body:
    """Pose2Pose version 1 of the body: image (N,3,256,256)."""
    return Pose2PoseV1Body(
        *_pose2pose_v1_stages(settings or Pose2PoseV1Settings(), BODY, _VPOSER_LATENT),
        V1BoxNet(RESNET50, BODY_JOINTS, _V1_BOX_WIDTH, sigma=_V1_BOX_SIGMA, stride=FEATURE_STRIDE),
        build_vposer(),
        sizes=(RESNET50, BETAS),
        depth_scale_m=depth_scale_m(2.5, 256, 256),
    )


def build_pose2pose_v1_hand(settings: Pose2PoseV1Settings | None = None) -> Pose2PoseV1Hand:
    """Pose2Pose version 1 of a right hand: image (N,3,256,256)."""
    return Pose2PoseV1Hand(
        *_pose2pose_v1_stages(settings or Pose2PoseV1Settings(), HAND, 6 * HAND_ROTATIONS),
        sizes=(RESNET50, BETAS),
        depth_scale_m=depth_scale_m(0.4, 256, 256),
    )


def _pose2pose_v1_stages(
    settings: Pose2PoseV1Settings, skeleton: Skeleton, pose_size: int
) -> tuple[PositionNet, V1RotationNet]:
    joints = len(skeleton.joints)
    pooled = 0 if settings.pooling == "ppp" else RESNET50
    own = 0 if settings.pooling == "gap" else RESNET50 + settings.axes + 1
    if settings.processing == "fc":
        sizes = (pooled + joints * own, _V1_FLAT_WIDTH, _V1_FLAT_WIDTH)
        processing = FlatProcessing(linear_layers(*sizes, has_norm=True, is_final=False))
        width = _V1_FLAT_WIDTH
    else:
        graph = _graph(settings.graph, pooled + own, normalised_adjacency(skeleton))
        processing = GraphProcessing(graph, joints)
        width = joints * settings.graph.width
    depth = HEATMAP_DEPTH if settings.axes == 3 else 1
    rotation_net = V1RotationNet(settings.pooling, processing, (width, pose_size), settings.axes)
    return PositionNet(RESNET50, joints, depth), rotation_net


def _graph(settings: GraphSettings, before: int, adjacency_JJ: Tensor) -> nn.Sequential:
    return graph_layers(
        before, settings.width, settings.blocks, adjacency_JJ, is_shared=settings.is_shared
    )


def build_crowd3d_graphcnn() -> CrowdGraph:
    """3DCrowdNet (2022): image (N,3,256,256) and 30 joints in 2D."""
    joints, graph = len(CROWD_BODY.joints), GraphSettings()
    adjacency = normalised_adjacency(CROWD_BODY, has_mirror_pairs=True)
    return CrowdGraph(
        JointsToFeature(EARLY, _CROWD_GIVEN_JOINTS, _CROWD_SIGMA),
        PositionNet(RESNET50, joints, HEATMAP_DEPTH),
        CrowdRotationNet(
            _graph(graph, RESNET50 + 4, adjacency), joints * graph.width, _VPOSER_LATENT, BETAS
        ),
        build_vposer(),
        depth_scale_m=depth_scale_m(2.5, 256, 256),
    )


# ---- I2L-MeshNet --------------------------------------------------------------------------------

_I2L_SIZE, _I2L_SIGMA, _I2L_WIDTH, _I2L_FLAT_WIDTHS = 64, 2.5, 256, (1024, 512)


@dataclass(frozen=True, kw_only=True)
class I2LSettings:
    """I2L-MeshNet of a body model with so many joints, vertices and rotations.

    pose_heatmap of the joints, of size 64; mesh_heatmap and mesh_size of the vertices as in its
    table 2, the size 8 doubled any number of times.
    """

    joints: int
    vertices: int
    rotations: int
    pose_heatmap: HeatmapKind = "lixel"
    mesh_heatmap: HeatmapKind = "lixel"
    mesh_size: int = _I2L_SIZE


I2L_BODY = I2LSettings(joints=29, vertices=6890, rotations=24)
I2L_HAND = I2LSettings(joints=21, vertices=778, rotations=16)


def build_i2l_meshnet(settings: I2LSettings) -> I2LMeshNet:
    """I2L-MeshNet (2020): image (N,3,256,256); `joint_regressor` is still to be filled."""
    joints, vertices = settings.joints, settings.vertices
    return I2LMeshNet(
        build_mesh_head(settings.pose_heatmap, joints, _I2L_SIZE),
        PoseToFeature(EARLY, joints, _I2L_SIZE, _I2L_SIGMA),
        build_mesh_head(settings.mesh_heatmap, vertices, settings.mesh_size),
        ParamRegressor(joints, _I2L_FLAT_WIDTHS, settings.rotations, BETAS),
        torch.zeros(joints, vertices),
    )


def build_mesh_head(kind: HeatmapKind, points: int, size: int) -> MeshHead:
    """I2L-MeshNet's last part alone: feature map (N,2048,8,8) to points on heat maps of `size`."""
    doublings = (size // FEATURE_SIZE).bit_length() - 1
    return HEADS[kind](RESNET50, _I2L_WIDTH, points, size, doublings)


# ---- By name ------------------------------------------------------------------------------------

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "hand4whole": build_hand4whole,
    "pose2pose_body": build_pose2pose_body,
    "pose2pose_hand": build_pose2pose_hand,
    "pose2pose_face": build_pose2pose_face,
    "pose2pose_v1_body": build_pose2pose_v1_body,
    "pose2pose_v1_hand": build_pose2pose_v1_hand,
    "crowd3d_graphcnn": build_crowd3d_graphcnn,
    "vposer": build_vposer,
    "i2l_meshnet_body": lambda: build_i2l_meshnet(I2L_BODY),
    "i2l_meshnet_hand": lambda: build_i2l_meshnet(I2L_HAND),
    "rootnet": build_rootnet,
    "posenet_h36m": lambda: build_posenet(18),
    "posenet_muco": lambda: build_posenet(21),
}
"""Every network as released, untrained."""


def build_network(name: str) -> nn.Module:
    """The network of that name as released, untrained, in training mode.

    Raises:
        UsageError: no network is called that.
    """
    if name not in NETWORKS:
        raise UsageError(
            "unknown network",
            expected=f"one of {', '.join(NETWORKS)}",
            actual=name,
            next_step="choose one of these",
        )
    return NETWORKS[name]()
