"""How the papers train each network: what it sees, its schedule, its losses. Data only.

VPoser is not among them: it is another paper's prior, which these networks take as it is.
Sources: Hand4Whole, section 4; Pose2Pose, section 5; I2L-MeshNet, section 4; Moon's dissertation,
section 2.7 (RootNet and PoseNet); 3DCrowdNet for its own sizes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from ...rigs.skeleton import RIGHT_HAND
from .body_layer import BodyLayer
from .coordinates import PoseNetObjective, RootNetObjective
from .items import Part, TrainingItem
from .lixels import LixelObjective
from .losses import HeatmapSpace
from .meshes import LabelMesh
from .objectives import Objective
from .parametric import JointGroup, ParametricObjective
from .points import (
    BODY_25,
    COCO_BODY_17,
    CROWD_15,
    FACE_POINTS,
    H36M_18,
    HEAD,
    LEFT_HAND_20,
    LEFT_WRIST,
    MUCO_21,
    PELVIS,
    POINT,
    RIGHT_HAND_20,
    RIGHT_HAND_21,
    RIGHT_WRIST,
    SMPL_29,
)

BODY_DEPTH_M, HAND_DEPTH_M = 2.0, 0.3
CROWD_GIVEN_30 = (*SMPL_29, POINT["head_top"])
"""The joints that 3DCrowdNet is given in 2D."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Adam's start and where its rate falls to a tenth; epochs count from 0."""

    batch: int
    learning_rate: float = 1e-4
    drop_epoch: int = 10
    epochs: int = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Bodies:
    """What objectives need of bodies: the layer on the device, and I2L's mesh."""

    layer: BodyLayer
    mesh: LabelMesh | None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One network's training.

    patch_wh px as released; is_unit: pixels / 255; turn_deg: the largest turn in augmentation;
    mesh_points: the joints of I2L's mesh, None for other networks; objective: builds the losses
    for a patch size.
    """

    part: Part
    patch_wh: tuple[int, int]
    schedule: Schedule
    objective: Callable[[tuple[int, int], Bodies], Objective]
    is_unit: bool = True
    turn_deg: float = 60.0
    mesh_points: tuple[int, ...] | None = None


def _space(patch_wh: tuple[int, int], stride: int, bins: int, depth_m: float) -> HeatmapSpace:
    size = (patch_wh[0] // stride, patch_wh[1] // stride)
    return HeatmapSpace(stride=stride, bins=bins, depth_m=depth_m, map_wh=size)


def _image_alone(network: nn.Module, batch: TrainingItem) -> Any:
    return network(batch.image)


def _with_joints(network: nn.Module, batch: TrainingItem) -> Any:
    """3DCrowdNet with its 2D joints in pixels of the early feature, a quarter of the patch."""
    given = list(CROWD_GIVEN_30)
    known: Tensor = batch.pixels_known[:, given, None]
    return network(batch.image, batch.pixels[:, given] / 4.0, known)


_LEFT = JointGroup(points=LEFT_HAND_20, root=LEFT_WRIST)
_RIGHT = JointGroup(points=RIGHT_HAND_20, root=RIGHT_WRIST)
_BODY = JointGroup(points=BODY_25, root=PELVIS)
_FACE = JointGroup(points=FACE_POINTS, root=HEAD)
_CROWD = JointGroup(points=CROWD_15, root=PELVIS)
_CROWD_LAYER = JointGroup(points=tuple(dict.fromkeys((*CROWD_15, *COCO_BODY_17))), root=PELVIS)
_HAND = JointGroup(points=RIGHT_HAND_21, root=RIGHT_WRIST)


def _hand4whole(patch_wh: tuple[int, int], bodies: Bodies) -> Objective:
    body = _space(patch_wh, 64, 8, BODY_DEPTH_M)
    hand = replace(body, depth_m=HAND_DEPTH_M)
    return ParametricObjective(
        layer=bodies.layer,
        part="body",
        heatmap=((_BODY, body), (_LEFT, hand), (_RIGHT, hand)),
        layer_groups=(_BODY, _LEFT, _RIGHT, _FACE),
        space=body,
        input_stride=192 / body.map_wh[0],
        run=_image_alone,
    )


def _pose2pose(
    part: Part, group: JointGroup, input_width: int
) -> Callable[[tuple[int, int], Bodies], Objective]:
    """Losses of one part; the virtual camera's image stays as wide as the released input."""

    def build(patch_wh: tuple[int, int], bodies: Bodies) -> Objective:
        depth_m = BODY_DEPTH_M if part == "body" else HAND_DEPTH_M
        space = _space(patch_wh, 32, 8, depth_m)
        return ParametricObjective(
            layer=bodies.layer,
            part=part,
            heatmap=() if part == "face" else ((group, space),),
            layer_groups=(group,),
            space=space,
            input_stride=input_width / space.map_wh[0],
            run=_image_alone,
        )

    return build


def _crowd(patch_wh: tuple[int, int], bodies: Bodies) -> Objective:
    space = _space(patch_wh, 32, 8, BODY_DEPTH_M)
    return ParametricObjective(
        layer=bodies.layer,
        part="body",
        heatmap=((_CROWD, space),),
        layer_groups=(_CROWD_LAYER,),
        space=space,
        input_stride=256 / space.map_wh[0],
        run=_with_joints,
    )


def _i2l(
    part: Part, points: tuple[int, ...], rotations: tuple[int, ...]
) -> Callable[[tuple[int, int], Bodies], Objective]:
    """Losses of the body or the right hand on a mesh of the open body."""

    def build(patch_wh: tuple[int, int], bodies: Bodies) -> Objective:
        assert bodies.mesh is not None
        return LixelObjective(
            part=part,
            points=points,
            rotations=rotations,
            mesh=bodies.mesh,
            hand_mean=bodies.layer.hand_mean,
            space=_space(patch_wh, 4, 64, BODY_DEPTH_M if part == "body" else HAND_DEPTH_M),
        )

    return build


def _posenet(points: tuple[int, ...]) -> Callable[[tuple[int, int], Bodies], Objective]:
    def build(patch_wh: tuple[int, int], bodies: Bodies) -> Objective:
        return PoseNetObjective(points=points, space=_space(patch_wh, 4, 64, BODY_DEPTH_M))

    return build


def _rootnet(patch_wh: tuple[int, int], bodies: Bodies) -> Objective:
    return RootNetObjective(space=_space(patch_wh, 4, 64, BODY_DEPTH_M))


_SQUARE = (256, 256)
_POSE2POSE = Schedule(batch=192)
_I2L = Schedule(batch=48)
_DISTANCE = Schedule(batch=128, learning_rate=1e-3, drop_epoch=17, epochs=20)
_HAND_ROTATIONS = (RIGHT_WRIST, *range(RIGHT_HAND.start, RIGHT_HAND.stop))

RECIPES: dict[str, Recipe] = {
    "hand4whole": Recipe(
        part="body", patch_wh=(384, 512), schedule=Schedule(batch=96), objective=_hand4whole
    ),
    "pose2pose_body": Recipe(
        part="body",
        patch_wh=(192, 256),
        schedule=_POSE2POSE,
        objective=_pose2pose("body", _BODY, 192),
    ),
    "pose2pose_hand": Recipe(
        part="hand",
        patch_wh=_SQUARE,
        schedule=_POSE2POSE,
        objective=_pose2pose("hand", _HAND, 256),
    ),
    "pose2pose_face": Recipe(
        part="face",
        patch_wh=(192, 256),
        schedule=_POSE2POSE,
        objective=_pose2pose("face", _FACE, 192),
    ),
    "pose2pose_v1_body": Recipe(
        part="body",
        patch_wh=_SQUARE,
        schedule=_POSE2POSE,
        objective=_pose2pose("body", _BODY, 256),
    ),
    "pose2pose_v1_hand": Recipe(
        part="hand",
        patch_wh=_SQUARE,
        schedule=_POSE2POSE,
        objective=_pose2pose("hand", _HAND, 256),
    ),
    "crowd3d_graphcnn": Recipe(
        part="body", patch_wh=_SQUARE, schedule=Schedule(batch=64), objective=_crowd
    ),
    "i2l_meshnet_body": Recipe(
        part="body",
        patch_wh=_SQUARE,
        schedule=_I2L,
        objective=_i2l("body", SMPL_29, tuple(range(22))),
        mesh_points=SMPL_29,
    ),
    "i2l_meshnet_hand": Recipe(
        part="hand",
        patch_wh=_SQUARE,
        schedule=_I2L,
        objective=_i2l("hand", RIGHT_HAND_21, _HAND_ROTATIONS),
        mesh_points=RIGHT_HAND_21,
    ),
    "rootnet": Recipe(
        part="body",
        patch_wh=_SQUARE,
        schedule=_DISTANCE,
        objective=_rootnet,
        is_unit=False,
        turn_deg=30.0,
    ),
    "posenet_h36m": Recipe(
        part="body",
        patch_wh=_SQUARE,
        schedule=_DISTANCE,
        objective=_posenet(H36M_18),
        is_unit=False,
        turn_deg=30.0,
    ),
    "posenet_muco": Recipe(
        part="body",
        patch_wh=_SQUARE,
        schedule=_DISTANCE,
        objective=_posenet(MUCO_21),
        is_unit=False,
        turn_deg=30.0,
    ),
}
"""Every network that can be trained."""
