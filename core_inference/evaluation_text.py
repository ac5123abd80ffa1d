"""An evaluation as text: tables that end in one line, or one JSON object."""

import json
from collections.abc import Sequence

from ..rigs.skeleton import JOINT_NAMES
from .evaluate import CameraErrors, Evaluation, MeshErrors, Steadiness
from .part_errors import PartErrors

_DASH = "-"


def json_evaluation(evaluation: Evaluation) -> str:
    """All figures as one line of JSON, named as in `Evaluation`."""
    return json.dumps(evaluation.as_dict(), allow_nan=False)


def format_evaluation(evaluation: Evaluation) -> str:
    """Tables of all joints, of the parts and of the figures, and last a one-line summary."""
    blocks = [
        _joint_table(evaluation),
        _part_table("joints", "MPJPE", evaluation.parts),
        *([] if evaluation.mesh is None else [_mesh_table(evaluation.mesh)]),
        _steadiness_table(evaluation.clip_steadiness, evaluation.reference_steadiness),
        _figures(evaluation),
        _summary(evaluation),
    ]
    return "\n\n".join(blocks)


def _joint_table(evaluation: Evaluation) -> str:
    lines = [f"{'joint':<20}{'mm':>8}{'degrees':>10}"]
    for name in JOINT_NAMES:
        if name in evaluation.joint_mm or name in evaluation.joint_deg:
            distance = _cell(evaluation.joint_mm.get(name))
            angle = _cell(evaluation.joint_deg.get(name))
            lines.append(f"{name:<20}{distance:>8}{angle:>10}")
    return "\n".join(lines)


def _part_table(points: str, error: str, parts: dict[str, PartErrors]) -> str:
    heading = f"{'part':<14}{points:>10}{error + ' mm':>11}{'PA-' + error + ' mm':>13}"
    has_f = any(part.f_5mm is not None for part in parts.values())
    lines = [heading + (f"{'F@5':>7}{'F@15':>7}" if has_f else "")]
    for title, part in parts.items():
        line = f"{title:<14}{part.points:>10}{part.error_mm:>11.1f}{part.aligned_mm:>13.1f}"
        scores = f"{_cell(part.f_5mm, 2):>7}{_cell(part.f_15mm, 2):>7}" if has_f else ""
        lines.append(line + scores)
    return "\n".join(lines)


def _mesh_table(mesh: MeshErrors) -> str:
    table = _part_table("vertices", "MPVPE", mesh.parts)
    return f"{table}\nskin of {mesh.bodies}; {mesh.frames} frames"


def _steadiness_table(clip: Steadiness, reference: Steadiness) -> str:
    rows: Sequence[tuple[str, float | None, float | None, str]] = (
        ("jitter", clip.jitter_m_s3, reference.jitter_m_s3, "m/s³"),
        ("foot slide", clip.foot_slide_cm_s, reference.foot_slide_cm_s, "cm/s"),
        ("bone variation", _percent(clip), _percent(reference), "%"),
    )
    lines = [f"{'':<16}{'clip':>10}{'reference':>12}"]
    for name, own, true, unit in rows:
        lines.append(f"{name:<16}{_cell(own):>10}{_cell(true):>12} {unit}")
    return "\n".join(lines)


def _percent(steadiness: Steadiness) -> float | None:
    variation = steadiness.bone_length_cv
    return None if variation is None else 100.0 * variation


def _cell(value: float | None, digits: int = 1) -> str:
    return _DASH if value is None else f"{value:.{digits}f}"


def _figures(evaluation: Evaluation) -> str:
    root = evaluation.root_names[0] if len(evaluation.root_names) == 1 else "hips"
    rows = [
        (f"MPJPE, {root} together", f"{evaluation.mpjpe_mm:.1f} mm"),
        ("PA-MPJPE", f"{evaluation.pa_mpjpe_mm:.1f} mm"),
        ("3DPCK rel (AUC)", f"{evaluation.pck_rel:.1%} ({evaluation.auc_rel:.1%})"),
        *([] if evaluation.camera is None else _camera_rows(evaluation.camera)),
        ("root path", f"{evaluation.root_path_mm:.1f} mm"),
        (
            "acceleration (reference)",
            f"{evaluation.acceleration_mm:.1f} ({evaluation.reference_acceleration_mm:.1f}) "
            "mm/frame²",
        ),
        (
            "acceleration error",
            f"{evaluation.acceleration_error_mm:.1f} mm/frame², "
            f"{evaluation.acceleration_error_m_s2:.1f} m/s²",
        ),
    ]
    if evaluation.rotation_deg is not None:
        rows.append(("rotation, median", f"{evaluation.rotation_deg:.1f} degrees"))
    if evaluation.contact_f1 is not None:
        rows.append(("foot contacts, F1", f"{evaluation.contact_f1:.2f}"))
    rows.append(("coverage of the reference", f"{evaluation.coverage:.1%}"))
    return "\n".join(f"{name:<26}{value}" for name, value in rows)


def _camera_rows(camera: CameraErrors) -> list[tuple[str, str]]:
    root = camera.root
    along = f"x {root.x_mm:.1f}, y {root.y_mm:.1f}, z {root.z_mm:.1f}"
    return [
        ("3DPCK abs (AUC)", f"{camera.pck_abs:.1%} ({camera.auc_abs:.1%})"),
        ("MRPE, in the camera", f"{root.mrpe_mm:.1f} mm ({along})"),
    ]


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
