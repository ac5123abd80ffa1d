"""How far a clip is from the motion that its footage was rendered from.

Before: the raw take solved frame by frame, put on the ground, its contacts marked; nothing is
filtered, no foot is held and no depth is mended over time. After: the clip as captured.

Legend: T frames, J the body's joints (22).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rendered_motions import Performance

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.metrics import foot_slide
from pose2rig.core_inference.motion.contacts import stance_of, with_contacts
from pose2rig.core_inference.motion.ground import put_on_ground
from pose2rig.core_inference.motion.posing import quaternions
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.core_inference.motion.solve import solve_frames
from pose2rig.core_inference.motion_metrics import accelerations, contact_f1
from pose2rig.core_inference.pose_metrics import (
    aligned_point_errors,
    level_alignment,
    point_errors,
    root_aligned,
    rotation_errors,
)
from pose2rig.core_inference.references import TRC_MARKERS
from pose2rig.rigs.rotation import matrix_from_quaternion
from pose2rig.rigs.skeleton import JOINT

Float64 = NDArray[np.float64]

BODY = 22
"""Pelvis to wrists: the joints that the figures are over."""

TWELVE = tuple(TRC_MARKERS)
"""The joints that raw landmarks show too."""

MM, CM = 1000.0, 100.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One clip's errors over the frames it shares with the truth.

    joints_mm: pelvises together, one turn about z over all frames; pa_mm: similarity alignment
    per frame; twelve_pa_mm: the same of the twelve joints that landmarks show; joint_mm (22,);
    degrees (22,): median per joint, parent-relative, the pelvis in the world; root_mm: the
    pelvis' path after the first frame's body is put onto the true one by a turn about z and a
    shift; path_mm: after the turn and shift that suit the whole path best; acceleration: as a
    share of the true one, relative to the pelvis; slide_cm_s: of heels and toes that truly stand.
    """

    joints_mm: float
    pa_mm: float
    twelve_pa_mm: float
    joint_mm: Float64
    degrees: Float64
    root_mm: float
    path_mm: float
    contact_f1: float
    acceleration: float
    slide_cm_s: float


def before(raw: RawTake, body: BodyModel) -> Clip:
    """What the landmarks alone say, frame by frame."""
    clip = solve_frames(raw, body)
    return put_on_ground(with_contacts(clip, stance_of(clip, body).contacts), body)


def figures(clip: Clip, performance: Performance, body: BodyModel) -> Figures:
    """Measure a clip against what was rendered; row k of the truth is frame k of the footage."""
    rows = clip.frame_index
    own = clip.joints[:, :BODY].astype(np.float64)
    truth = performance.joints[rows, :BODY]
    own_about, truth_about = root_aligned(own, own[:, 0]), root_aligned(truth, truth[:, 0])
    turn, _ = level_alignment(own_about.reshape(-1, 3), truth_about.reshape(-1, 3))
    apart = MM * point_errors(own_about @ turn.T, truth_about)
    twelve = [JOINT[name] for name in TWELVE]
    contacts = performance.contacts[rows]
    return Figures(
        joints_mm=float(apart.mean()),
        pa_mm=MM * float(aligned_point_errors(own, truth).mean()),
        twelve_pa_mm=MM * float(aligned_point_errors(own[:, twelve], truth[:, twelve]).mean()),
        joint_mm=apart.mean(axis=0),
        degrees=_degrees(clip, performance.rotations[rows, :BODY], turn),
        root_mm=MM * _root_error(own, truth, own[0], truth[0]),
        path_mm=MM * _root_error(own, truth, own[:, 0], truth[:, 0]),
        contact_f1=contact_f1(clip.contacts, contacts),
        acceleration=float(
            accelerations(own, own[:, 0]).mean() / accelerations(truth, truth[:, 0]).mean()
        ),
        slide_cm_s=CM * foot_slide(sole_points(clip, body), contacts, clip.time_s),
    )


def _degrees(clip: Clip, truth_TJ33: Float64, turn_33: Float64) -> Float64:
    own = np.asarray(matrix_from_quaternion(quaternions(clip)[:, :BODY]), dtype=np.float64)
    own[:, 0] = turn_33 @ own[:, 0]
    return np.degrees(np.median(rotation_errors(own, truth_TJ33), axis=0))


def _root_error(own_TJ3: Float64, truth_TJ3: Float64, laid_N3: Float64, onto_N3: Float64) -> float:
    """Mean distance in m of the pelvises, the world laid so that points (N,3) m go together."""
    turn, shift = level_alignment(laid_N3, onto_N3)
    return float(point_errors(own_TJ3[:, 0] @ turn.T + shift, truth_TJ3[:, 0]).mean())


def landmarks_pa_mm(raw: RawTake, performance: Performance) -> float:
    """PA-MPJPE of the twelve joints as the raw 3D landmarks have them, in mm."""
    columns = [raw.landmark_names.index(f"body_{name}") for name in TWELVE]
    truth = performance.joints[raw.frame_index][:, [JOINT[name] for name in TWELVE]]
    seen = raw.landmarks3d[:, columns].astype(np.float64)
    return MM * float(aligned_point_errors(seen, truth).mean())


def true_slide_cm_s(performance: Performance) -> float:
    """How far the truth's own feet slide where they stand."""
    return CM * foot_slide(performance.soles, performance.contacts, performance.time_s)
