"""A clip measured against a known motion: `pose2rig evaluate CLIP REFERENCE`.

Legend: T frames, N joints that both have, J joints (55).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.rotation import matrix_from_quaternion, quaternion_from_matrix, resample
from ..rigs.skeleton import JOINT, JOINT_COUNT, JOINT_NAMES
from .body_model import load_open_body
from .clip import Clip, load_clip
from .metrics import (
    accelerations,
    aligned_joint_errors,
    contact_f1,
    joint_errors,
    level_alignment,
    rotation_errors,
)
from .motion.posing import quaternions
from .references import Reference, load_reference

Float64 = NDArray[np.float64]

BODY_JOINTS = JOINT_NAMES[:22]
"""The joints the headline speaks of: all but face and fingers."""

_MM_PER_M = 1000.0


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Errors of a clip. Figures over `joints` of the body's joints and `frames` frames.

    mpjpe_mm: the worlds turned about z onto each other, every frame's hips moved together.
    pa_mpjpe_mm: similarity alignment per frame. accelerations in mm per frame², relative to the
    middle of the hips. root_path_mm: middle of the hips, after one turn about z and one shift.
    rotation_deg: median over the body's joints of each one's median
    angle, parent-relative. joint_mm
    and joint_deg per joint; what the reference does not have is None or absent.
    """

    frames: int
    clip_frames: int
    joints: int
    mpjpe_mm: float
    pa_mpjpe_mm: float
    acceleration_mm: float
    reference_acceleration_mm: float
    root_path_mm: float
    rotation_deg: float | None
    contact_f1: float | None
    joint_mm: dict[str, float]
    joint_deg: dict[str, float]


def evaluate(clip_path: Path, reference_path: Path) -> Evaluation:
    """Compare a clip with a reference motion at the clip's own time stamps.

    Raises ClipFileError where either cannot be read or they have no time in common.
    """
    clip = load_clip(clip_path)
    reference = load_reference(reference_path, load_open_body())
    rows = _shared_rows(clip, reference)
    if not rows.any():
        raise ClipFileError(
            "the clip and the reference do not overlap in time",
            expected=f"a reference between {clip.time_s[0]:.2f} and {clip.time_s[-1]:.2f} s",
            actual=f"{reference.time_s[0]:.2f} to {reference.time_s[-1]:.2f} s",
            next_step="choose the reference of this footage",
        )
    return _compare(clip, reference, rows)


def _shared_rows(clip: Clip, reference: Reference) -> NDArray[np.bool_]:
    """The clip's rows that lie within the reference, half a frame of it allowed."""
    times = reference.time_s
    slack = float(np.diff(times).mean()) / 2 if len(times) > 1 else 0.5 / clip.frame_rate
    return (clip.time_s >= times[0] - slack) & (clip.time_s <= times[-1] + slack)


def _compare(clip: Clip, reference: Reference, rows: NDArray[np.bool_]) -> Evaluation:
    columns = [JOINT[name] for name in reference.names]
    time_s = clip.time_s[rows]
    truth = _at_times(reference.joints, reference.time_s, time_s)
    own = clip.joints[rows][:, columns].astype(np.float64)
    body = [k for k, name in enumerate(reference.names) if name in BODY_JOINTS]
    turn, shift = level_alignment(own[:, body].reshape(-1, 3), truth[:, body].reshape(-1, 3))
    own = own @ turn.T + shift
    hips = [reference.names.index(name) for name in ("left_hip", "right_hip")]
    own_root, truth_root = own[:, hips].mean(axis=1), truth[:, hips].mean(axis=1)
    placed = joint_errors(own - own_root[:, None], truth - truth_root[:, None])
    degrees = _rotation_degrees(clip, reference, rows, turn)
    said, true = clip.contacts[rows], reference.contacts
    return Evaluation(
        frames=len(time_s),
        clip_frames=len(clip.time_s),
        joints=len(body),
        mpjpe_mm=_MM_PER_M * float(placed[:, body].mean()),
        pa_mpjpe_mm=_MM_PER_M * float(aligned_joint_errors(own[:, body], truth[:, body]).mean()),
        acceleration_mm=_MM_PER_M * float(accelerations(own[:, body], own_root).mean()),
        reference_acceleration_mm=_MM_PER_M
        * float(accelerations(truth[:, body], truth_root).mean()),
        root_path_mm=_MM_PER_M * float(np.linalg.norm(own_root - truth_root, axis=-1).mean()),
        rotation_deg=_body_median(degrees),
        contact_f1=None
        if true is None
        else contact_f1(said, true[_nearest(reference.time_s, time_s)]),
        joint_mm={
            name: _MM_PER_M * float(placed[:, k].mean()) for k, name in enumerate(reference.names)
        },
        joint_deg=degrees,
    )


def _body_median(degrees: dict[str, float]) -> float | None:
    body = [angle for name, angle in degrees.items() if name in BODY_JOINTS]
    return float(np.median(body)) if body else None


def _at_times(values_TN3: Float64, source_s: Float64, target_s: Float64) -> Float64:
    """Positions (T,N,3) between samples, in straight lines."""
    flat = values_TN3.reshape(len(values_TN3), -1)
    columns = [np.interp(target_s, source_s, column) for column in flat.T]
    return np.stack(columns, axis=-1).reshape(len(target_s), *values_TN3.shape[1:])


def _nearest(source_s: Float64, target_s: Float64) -> NDArray[np.intp]:
    right = np.clip(np.searchsorted(source_s, target_s), 1, max(len(source_s) - 1, 1))
    right = np.minimum(right, len(source_s) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(target_s - source_s[left] < source_s[right] - target_s, left, right)


def _rotation_degrees(
    clip: Clip, reference: Reference, rows: NDArray[np.bool_], turn_33: Float64
) -> dict[str, float]:
    """Median angle in degrees of each known joint, parent-relative, the pelvis in the world."""
    if reference.rotations is None:
        return {}
    truth = resample(
        quaternion_from_matrix(reference.rotations), reference.time_s, clip.time_s[rows]
    )
    own = matrix_from_quaternion(quaternions(clip)[rows])
    own[:, 0] = turn_33 @ own[:, 0]
    angles = rotation_errors(
        np.asarray(own, dtype=np.float64),
        np.asarray(matrix_from_quaternion(truth), dtype=np.float64),
    )
    medians = np.degrees(np.median(angles, axis=0))
    return {
        JOINT_NAMES[joint]: float(medians[joint])
        for joint in range(JOINT_COUNT)
        if reference.known[joint]
    }


# --- text --------------------------------------------------------------------------------------


def format_evaluation(evaluation: Evaluation) -> str:
    """A table of all joints, the figures, and last a one-line summary."""
    lines = [f"{'joint':<20}{'mm':>8}{'degrees':>10}"]
    for name in JOINT_NAMES:
        if name in evaluation.joint_mm or name in evaluation.joint_deg:
            distance = _cell(evaluation.joint_mm.get(name))
            angle = _cell(evaluation.joint_deg.get(name))
            lines.append(f"{name:<20}{distance:>8}{angle:>10}")
    return "\n".join([*lines, "", *_figures(evaluation), "", _summary(evaluation)])


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _figures(evaluation: Evaluation) -> list[str]:
    rows = [
        ("MPJPE, hips together", f"{evaluation.mpjpe_mm:.1f} mm"),
        ("PA-MPJPE", f"{evaluation.pa_mpjpe_mm:.1f} mm"),
        ("root path", f"{evaluation.root_path_mm:.1f} mm"),
        (
            "acceleration (reference)",
            f"{evaluation.acceleration_mm:.1f} ({evaluation.reference_acceleration_mm:.1f}) "
            "mm/frame²",
        ),
    ]
    if evaluation.rotation_deg is not None:
        rows.append(("rotation, median", f"{evaluation.rotation_deg:.1f} degrees"))
    if evaluation.contact_f1 is not None:
        rows.append(("foot contacts, F1", f"{evaluation.contact_f1:.2f}"))
    return [f"{name:<26}{value}" for name, value in rows]


def _summary(evaluation: Evaluation) -> str:
    rotation = (
        ""
        if evaluation.rotation_deg is None
        else f", rotations {evaluation.rotation_deg:.1f} degrees (median)"
    )
    return (
        f"error against the reference: {evaluation.mpjpe_mm:.1f} mm "
        f"({evaluation.pa_mpjpe_mm:.1f} mm aligned){rotation}, over {evaluation.joints} joints "
        f"and {evaluation.frames} of {evaluation.clip_frames} frames"
    )
