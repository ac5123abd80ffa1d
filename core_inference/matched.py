"""A clip and its reference brought together: the same joints, times and world.

Legend: T frames that both have, N joints that both have, J joints (55).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from ..rigs.errors import ClipFileError
from ..rigs.rotation import quaternion_from_matrix, resample
from ..rigs.skeleton import JOINT
from .clip import Clip
from .part_errors import PARTS
from .pose_metrics import level_alignment
from .references import Reference, are_times

Float64 = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Matched:
    """What can be compared, at the clip's own time stamps.

    rows: the clip's rows (T,) that the reference reaches; time_s (T,). own and truth (T,N,3) m
    of the reference's joints, the clip laid onto the reference's world by turn (3,3) about z and
    shift (3,) m; own_root and truth_root (T,3) m. body: the columns of the body's joints.
    truth_rotations (T,55,4) wxyz parent-relative, or None.
    """

    clip: Clip
    reference: Reference
    rows: NDArray[np.intp]
    time_s: Float64
    own: Float64
    truth: Float64
    own_root: Float64
    truth_root: Float64
    body: list[int]
    turn: Float64
    shift: Float64
    truth_rotations: Float64 | None


def match(clip: Clip, reference: Reference, reference_path: Path) -> Matched:
    """Bring both together; raises ClipFileError where they have no usable times in common.

    Joints between the reference's samples lie on a cubic spline, rotations on the shortest way.
    """
    if not are_times(clip.time_s):
        raise ClipFileError(
            "the clip's times make no sense",
            expected="time_s of footage in seconds",
            actual=f"{clip.time_s[:3].tolist()} ...",
            next_step="capture the footage again",
        )
    rows = _shared_rows(clip, reference, reference_path)
    time_s = clip.time_s[rows]
    truth = _at_times(reference.joints, reference.time_s, time_s)
    names = reference.names
    body = [k for k, name in enumerate(names) if name in PARTS["body"].joints]
    own = clip.joints[rows][:, [JOINT[name] for name in names]].astype(np.float64)
    turn, shift = level_alignment(own[:, body].reshape(-1, 3), truth[:, body].reshape(-1, 3))
    own = own @ turn.T + shift
    roots = [names.index(name) for name in reference.root_names]
    rotations = reference.rotations
    return Matched(
        clip=clip,
        reference=reference,
        rows=rows,
        time_s=time_s,
        own=own,
        truth=truth,
        own_root=own[:, roots].mean(axis=1),
        truth_root=truth[:, roots].mean(axis=1),
        body=body,
        turn=turn,
        shift=shift,
        truth_rotations=None
        if rotations is None
        else np.asarray(
            resample(quaternion_from_matrix(rotations), reference.time_s, time_s),
            dtype=np.float64,
        ),
    )


def _shared_rows(clip: Clip, reference: Reference, path: Path) -> NDArray[np.intp]:
    """The clip's rows that lie within the reference, half a frame of it allowed."""
    times = reference.time_s
    slack = float(np.diff(times).mean()) / 2 if len(times) > 1 else 0.5 / clip.frame_rate
    rows = np.flatnonzero((clip.time_s >= times[0] - slack) & (clip.time_s <= times[-1] + slack))
    if not len(rows):
        raise ClipFileError(
            f"the clip and {path.name} do not overlap in time",
            expected=f"a reference between {clip.time_s[0]:.2f} and {clip.time_s[-1]:.2f} s",
            actual=f"{times[0]:.2f} to {times[-1]:.2f} s",
            next_step="choose the reference of this footage",
        )
    return rows


def _at_times(values_TN3: Float64, source_s: Float64, target_s: Float64) -> Float64:
    """Positions (T,N,3) between samples, on a cubic spline: straight lines would add jerks."""
    if len(source_s) == 1:
        return np.repeat(values_TN3, len(target_s), axis=0)
    within = np.clip(target_s, source_s[0], source_s[-1])
    return np.asarray(CubicSpline(source_s, values_TN3, axis=0)(within), dtype=np.float64)
