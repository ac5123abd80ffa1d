"""A clip measured against a known motion: `pose2rig evaluate CLIP REFERENCE`.

Legend: T frames, N joints that both have, J joints (55), S sole points (4).
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import matrix_from_quaternion
from ..rigs.skeleton import JOINT, JOINT_NAMES, PARENTS, joint_positions, world_rotations
from .body_model import BodyModel, load_open_body
from .clip import load_clip
from .matched import Matched, match
from .mesh_metrics import PosedBody, mesh_frames, mesh_part_errors
from .metrics import bone_length_variation, foot_slide, jerk
from .motion.posing import quaternions, world_matrices
from .motion.soles import sole_points, soles_of
from .motion_metrics import (
    acceleration_errors,
    accelerations,
    contact_f1,
    nearest,
    person_frame_coverage,
    seen_at,
    timed_acceleration_errors,
)
from .part_errors import MM_PER_M, PARTS, PartErrors, joint_part_errors
from .pose_metrics import (
    RootErrors,
    aligned_point_errors,
    pck,
    pck_auc,
    point_errors,
    root_aligned,
    root_errors,
    rotation_errors,
)
from .references import load_reference, shape_of

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

BODY_JOINTS = PARTS["body"].joints
"""The joints the headline speaks of: all but face and fingers."""

_CM_PER_M = 100.0


@dataclass(frozen=True, kw_only=True)
class Steadiness:
    """How quietly a motion moves, over the body's joints that clip and reference both have.

    foot_slide_cm_s counts the frames in which the reference's feet stand, or the clip's where
    the reference does not say; None where there are no feet or no contacts of the motion's own.
    """

    jitter_m_s3: float
    foot_slide_cm_s: float | None
    bone_length_cv: float | None


@dataclass(frozen=True, kw_only=True)
class CameraErrors:
    """Errors in camera space, without any alignment: MRPE, 3DPCK_abs and its AUC (0..1)."""

    root: RootErrors
    pck_abs: float
    auc_abs: float


@dataclass(frozen=True, kw_only=True)
class MeshErrors:
    """Errors of the skin: per part, over `frames` evenly spread frames, on the bodies named."""

    frames: int
    bodies: str
    parts: dict[str, PartErrors]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Errors of a clip. Headline figures are over `joints` of the body's joints and `frames`
    frames; the worlds are turned about z and shifted onto each other once.

    coverage: share of the reference's frames in which the person was seen. mpjpe_mm: every
    frame's root together, which is the middle of the joints root_names. pa_mpjpe_mm: similarity
    alignment per frame. pck_rel at 150 mm and auc_rel after root alignment, 0..1. acceleration_mm
    and the reference's in mm per frame², relative to the root, and the error between them, also in
    m/s² over true times. root_path_mm: the root after the one turn and shift. camera: where the
    reference's camera is known. rotation_deg: median over the body's joints of each one's median
    angle, parent-relative. parts: joints per part. mesh: where both are bodies that can be
    skinned here. joint_mm and joint_deg per joint. What the reference does not have is None or
    absent.
    """

    frames: int
    clip_frames: int
    joints: int
    coverage: float
    root_names: tuple[str, ...]
    mpjpe_mm: float
    pa_mpjpe_mm: float
    pck_rel: float
    auc_rel: float
    acceleration_mm: float
    reference_acceleration_mm: float
    acceleration_error_mm: float
    acceleration_error_m_s2: float
    root_path_mm: float
    camera: CameraErrors | None
    rotation_deg: float | None
    contact_f1: float | None
    clip_steadiness: Steadiness
    reference_steadiness: Steadiness
    parts: dict[str, PartErrors]
    mesh: MeshErrors | None
    joint_mm: dict[str, float]
    joint_deg: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """All figures by name, ready for JSON."""
        return asdict(self)


def evaluate(clip_path: Path, reference_path: Path) -> Evaluation:
    """Compare a clip with a reference motion at the clip's own time stamps.

    A reference without a body of its own (AMASS, SMPL-X) moves the clip's, so that the figures
    speak of the motion alone. Raises ClipFileError where either cannot be read, where one is a
    raw take, or where they have no time in common.
    """
    clip = load_clip(clip_path)
    reference = load_reference(reference_path, shape_of(clip))
    return _compare(match(clip, reference, reference_path), load_open_body())


def _compare(both: Matched, body: BodyModel) -> Evaluation:
    clip, reference, columns = both.clip, both.reference, both.body
    own, truth = root_aligned(both.own, both.own_root), root_aligned(both.truth, both.truth_root)
    placed = point_errors(own, truth)
    own_B, truth_B = own[:, columns], truth[:, columns]
    degrees = _rotation_degrees(both)
    still = np.zeros_like(both.own_root)
    names, root_names = reference.names, reference.root_names
    known = None if reference.contacts is None else _contacts(both)
    return Evaluation(
        frames=len(both.rows),
        clip_frames=len(clip.time_s),
        joints=len(columns),
        coverage=_coverage(both),
        root_names=root_names,
        mpjpe_mm=MM_PER_M * float(placed[:, columns].mean()),
        pa_mpjpe_mm=MM_PER_M * float(aligned_point_errors(own_B, truth_B).mean()),
        pck_rel=pck(placed[:, columns]),
        auc_rel=pck_auc(placed[:, columns]),
        acceleration_mm=MM_PER_M * float(accelerations(own_B, still).mean()),
        reference_acceleration_mm=MM_PER_M * float(accelerations(truth_B, still).mean()),
        acceleration_error_mm=MM_PER_M * float(acceleration_errors(own_B, truth_B).mean()),
        acceleration_error_m_s2=float(
            timed_acceleration_errors(own_B, truth_B, both.time_s).mean()
        ),
        root_path_mm=MM_PER_M * float(point_errors(both.own_root, both.truth_root).mean()),
        camera=_camera_errors(both),
        rotation_deg=_body_median(degrees),
        contact_f1=None if known is None else contact_f1(clip.contacts[both.rows], known),
        clip_steadiness=_steadiness(both, both.own, _own_soles(both, body)),
        reference_steadiness=_steadiness(both, both.truth, _true_soles(both, body)),
        parts=joint_part_errors(names, both.own, both.truth, root_names),
        mesh=_mesh_errors(both, body),
        joint_mm={n: MM_PER_M * float(placed[:, k].mean()) for k, n in enumerate(names)},
        joint_deg=degrees,
    )


def _body_median(degrees: dict[str, float]) -> float | None:
    body = [angle for name, angle in degrees.items() if name in BODY_JOINTS]
    return float(np.median(body)) if body else None


def _coverage(both: Matched) -> float:
    clip = both.clip
    slack_s = 0.5 / clip.frame_rate
    return person_frame_coverage(seen_at(both.reference.time_s, clip.time_s, clip.tracked, slack_s))


def _rotation_degrees(both: Matched) -> dict[str, float]:
    """Median angle in degrees of each known joint, parent-relative, the pelvis in the world."""
    if both.truth_rotations is None:
        return {}
    own = np.asarray(matrix_from_quaternion(quaternions(both.clip)[both.rows]), dtype=np.float64)
    own[:, 0] = both.turn @ own[:, 0]
    truth = np.asarray(matrix_from_quaternion(both.truth_rotations), dtype=np.float64)
    medians = np.degrees(np.median(rotation_errors(own, truth), axis=0))
    known = both.reference.known
    return {name: float(medians[k]) for name, k in JOINT.items() if known[k]}


# --- in front of the camera --------------------------------------------------------------------


def _camera_errors(both: Matched) -> CameraErrors | None:
    """Errors in the axes of either side's own camera, both the one that filmed the footage."""
    camera = both.reference.camera
    if camera is None:
        return None
    world = (both.own - both.shift) @ both.turn
    own = both.clip.camera.at(both.rows).seen(world)
    truth = camera.at(nearest(both.reference.time_s, both.time_s)).seen(both.truth)
    roots = [both.reference.names.index(name) for name in both.reference.root_names]
    errors = point_errors(own, truth)[:, both.body]
    return CameraErrors(
        root=root_errors(own[:, roots].mean(axis=1), truth[:, roots].mean(axis=1)),
        pck_abs=pck(errors),
        auc_abs=pck_auc(errors),
    )


# --- steadiness --------------------------------------------------------------------------------


def _steadiness(both: Matched, joints_TN3: Float64, soles_TS3: Float64 | None) -> Steadiness:
    names = [both.reference.names[k] for k in both.body]
    parents = [(name, JOINT_NAMES[PARENTS[JOINT[name]]]) for name in names if name != "pelvis"]
    bones = [(names.index(n), names.index(up)) for n, up in parents if up in names]
    joints = joints_TN3[:, both.body]
    return Steadiness(
        jitter_m_s3=float(jerk(joints, both.time_s).mean()),
        foot_slide_cm_s=None
        if soles_TS3 is None
        else _CM_PER_M * foot_slide(soles_TS3, _contacts(both), both.time_s),
        bone_length_cv=bone_length_variation(joints, bones) if bones else None,
    )


def _contacts(both: Matched) -> Float32:
    """The reference's foot contacts (T,4) where it has them, else the clip's."""
    known = both.reference.contacts
    if known is None:
        return both.clip.contacts[both.rows]
    return known[nearest(both.reference.time_s, both.time_s)]


def _own_soles(both: Matched, body: BodyModel) -> Float64:
    return sole_points(both.clip, body)[both.rows]


def _true_soles(both: Matched, body: BodyModel) -> Float64 | None:
    truth = _true_body(both)
    if truth is None or both.reference.contacts is None:
        return None
    soles = soles_of(body, truth.betas).at(truth.world, truth.joints)
    return np.asarray(soles, dtype=np.float64)


# --- skin --------------------------------------------------------------------------------------


def _mesh_errors(both: Matched, body: BodyModel) -> MeshErrors | None:
    own, truth = _own_body(both), _true_body(both)
    if own is None or truth is None:
        return None
    return MeshErrors(
        frames=mesh_frames(len(both.rows)),
        bodies="the open body, each in its own shape"
        if both.reference.own_shape
        else "the open body, both in the clip's shape",
        parts=mesh_part_errors(body, own, truth, both.reference.known),
    )


def _own_body(both: Matched) -> PosedBody | None:
    """The clip's body in the reference's world, where it is the open one."""
    betas = shape_of(both.clip).open_betas
    if betas is None:
        return None
    joints = both.clip.joints[both.rows].astype(np.float64)
    return PosedBody(
        world=both.turn @ world_matrices(both.clip)[both.rows],
        joints=joints @ both.turn.T + both.shift,
        betas=betas,
    )


def _true_body(both: Matched) -> PosedBody | None:
    """The reference's body at the clip's times, where it is the open one."""
    shape, rotations = both.reference.shape, both.truth_rotations
    if shape is None or shape.open_betas is None or rotations is None:
        return None
    world = world_rotations(matrix_from_quaternion(rotations))
    pelvis = both.truth[:, both.reference.names.index("pelvis")]
    joints = joint_positions(world, shape.rest_joints, pelvis - shape.rest_joints[0])
    return PosedBody(
        world=np.asarray(world, dtype=np.float64),
        joints=np.asarray(joints, dtype=np.float64),
        betas=shape.open_betas,
    )
