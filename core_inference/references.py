"""Known motions to measure a clip against: our clips, AMASS / SMPL-X npz, BVH and .trc files.

Legend: T frames, N reference joints, J joints (55), M markers.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.rotation import matrix_from_axis_angle, matrix_from_quaternion
from ..rigs.skeleton import JOINT, JOINT_COUNT, JOINT_NAMES, joint_positions, world_rotations
from .array_file import FRAME_RATES, MAX_FRAMES, load_arrays
from .body_model import SHAPE_COUNT, BodyModel
from .bvh import load_bvh
from .bvh_motion import body_motion, known_positions
from .clip import Camera, Clip, load_clip
from .motion.posing import quaternions

Float64 = NDArray[np.float64]

MAX_TEXT_BYTES = 256 * 1024**2

MAX_AWAY_M = 1e5
"""Nobody is further away than this: 100 km, in a file whose unit is what it says."""

MAX_POSE = 1e4
"""The largest number of a pose in radians; a turn has 6.3, and none spins that often."""

MIN_STEP_S, MAX_TIME_S = 1e-6, 1e7
"""Frames are no nearer to each other, and no footage goes on for longer."""

HIPS = ("left_hip", "right_hip")

TRC_MARKERS: dict[str, str] = {
    "left_hip": "LHip",
    "right_hip": "RHip",
    "left_knee": "LKnee",
    "right_knee": "RKnee",
    "left_ankle": "LAnkle",
    "right_ankle": "RAnkle",
    "left_shoulder": "LShoulder",
    "right_shoulder": "RShoulder",
    "left_elbow": "LElbow",
    "right_elbow": "RElbow",
    "left_wrist": "LWrist",
    "right_wrist": "RWrist",
}
"""The twelve joints that Pose2Sim's keypoints and SMPL-X have in common."""

_METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}

_WORLD_FROM_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyShape:
    """Whose bones a motion moves: rest_joints (55,3) m, zero pose, and open_betas (10,), the
    open body of that shape, or None where they are another body's."""

    rest_joints: Float64
    open_betas: Float64 | None

    def __post_init__(self) -> None:
        betas = self.open_betas
        if self.rest_joints.shape != (JOINT_COUNT, 3) or (
            betas is not None and betas.shape != (SHAPE_COUNT,)
        ):
            raise ValueError(f"a body shape needs (55,3) joints, got {self.rest_joints.shape}")


def shape_of(clip: Clip) -> BodyShape:
    """The body that a clip moves."""
    is_open = clip.body_model == "open"
    return BodyShape(
        rest_joints=clip.rest_joints.astype(np.float64),
        open_betas=clip.open_betas.astype(np.float64) if is_open else None,
    )


def average_shape(body: BodyModel) -> BodyShape:
    """The open body as it is without any shape component."""
    betas = np.zeros(SHAPE_COUNT)
    return BodyShape(
        rest_joints=np.asarray(body.rest_joints(betas), dtype=np.float64), open_betas=betas
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """What really happened, in a z-up world.

    joints (T,N,3) m of the SMPL-X joints in `names` (N,); root_names: the joints whose middle is
    the body's root, the pelvis where it is the same joint as ours, else the hips; time_s (T,)
    rising from the first frame of the footage; rotations (T,55,3,3) parent-relative with known
    (55,), or None; shape: the body these turn, or None where it is none of ours; own_shape: this
    is the person's own, not lent by the clip; contacts (T,4) as in a clip, or None; camera: the
    footage's, where it is known.
    """

    names: tuple[str, ...]
    joints: Float64
    root_names: tuple[str, ...]
    time_s: Float64
    known: NDArray[np.bool_]
    rotations: Float64 | None = None
    shape: BodyShape | None = None
    own_shape: bool = False
    contacts: NDArray[np.float32] | None = None
    camera: Camera | None = None

    def __post_init__(self) -> None:
        frames, count = len(self.time_s), len(self.names)
        shapes = [self.joints.shape, self.known.shape]
        expected: list[tuple[int, ...]] = [(frames, count, 3), (JOINT_COUNT,)]
        if self.rotations is not None:
            shapes.append(self.rotations.shape)
            expected.append((frames, JOINT_COUNT, 3, 3))
        if shapes != expected:
            raise ValueError(f"a reference has shapes {expected}, got {shapes}")


def load_reference(path: Path, shape: BodyShape) -> Reference:
    """Read a reference motion by its ending: .npz, .bvh or .trc.

    shape: the body for motions that come without one of ours: an AMASS motion's own betas belong
    to a model that is not here, and a BVH may have any unit of length. Raises ClipFileError for
    other endings and for files that are not what their ending says.
    """
    readers = {".npz": _load_npz, ".bvh": _load_bvh, ".trc": _load_trc}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise _error(path, "a .npz, .bvh or .trc file", path.suffix or "no ending")
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused right below
        reference = reader(path, shape)
    _check_sizes(path, reference)
    return reference


def _check_sizes(path: Path, reference: Reference) -> None:
    away = float(np.abs(reference.joints).max())
    if not away <= MAX_AWAY_M:
        raise _error(path, f"joints within {MAX_AWAY_M:.0f} m", f"one {away:.3g} m away")
    if reference.rotations is not None and not np.isfinite(reference.rotations).all():
        raise _error(path, "rotations", "numbers that are none")
    if not are_times(reference.time_s):
        actual = f"{reference.time_s[:3].tolist()} ..."
        raise _error(path, "times of footage in seconds", actual)


def are_times(time_s_T: Float64) -> bool:
    """Whether rising times are those of footage: neither too near to each other nor too late."""
    apart = float(np.diff(time_s_T).min()) if len(time_s_T) > 1 else MIN_STEP_S
    return apart >= MIN_STEP_S and float(np.abs(time_s_T).max()) <= MAX_TIME_S


def _error(path: Path, expected: str, actual: str) -> ClipFileError:
    return ClipFileError(
        f"cannot use {path.name} as a reference",
        expected=expected,
        actual=actual,
        next_step="choose a clip, an AMASS npz, a BVH or a .trc file",
    )


# --- npz ---------------------------------------------------------------------------------------


def _load_npz(path: Path, shape: BodyShape) -> Reference:
    arrays = load_arrays(path)
    if "schema_version" in arrays:
        return _from_clip(path)
    return _from_amass(path, arrays, shape)


def _from_clip(path: Path) -> Reference:
    clip = load_clip(path)
    return Reference(
        names=JOINT_NAMES,
        joints=clip.joints.astype(np.float64),
        root_names=("pelvis",),
        time_s=clip.time_s,
        known=np.ones(JOINT_COUNT, dtype=bool),
        rotations=np.asarray(matrix_from_quaternion(quaternions(clip)), dtype=np.float64),
        shape=shape_of(clip),
        own_shape=True,
        contacts=clip.contacts,
        camera=clip.camera,
    )


_BODY_JOINTS = list(range(22))
_HAND_JOINTS = list(range(25, 55))
POSE_JOINTS: dict[int, list[int]] = {
    66: _BODY_JOINTS,
    72: _BODY_JOINTS,
    156: _BODY_JOINTS + _HAND_JOINTS,
    165: list(range(55)),
}
"""Which SMPL-X joints the rows of SMPL, SMPL-H and SMPL-X poses hold, by their length; SMPL's
last two, its hands, are left out."""


def _from_amass(path: Path, arrays: dict[str, NDArray[np.generic]], shape: BodyShape) -> Reference:
    """An AMASS or SMPL-X motion on a body of ours; betas and gender need not be there."""
    poses = _numbers(path, arrays, "poses", 2)
    trans = _numbers(path, arrays, "trans", 2)
    joints = POSE_JOINTS.get(poses.shape[1])
    if joints is None or trans.shape != (len(poses), 3) or not 0 < len(poses) <= MAX_FRAMES:
        raise _error(path, "poses (T,72), (T,156) or (T,165) and trans (T,3)", str(poses.shape))
    if np.abs(poses).max() > MAX_POSE or np.abs(trans).max() > MAX_AWAY_M:
        raise _error(path, "poses in radians and trans in metres", "far larger numbers")
    axis_angle_TJ3 = np.zeros((len(poses), JOINT_COUNT, 3))
    axis_angle_TJ3[:, joints] = poses[:, : 3 * len(joints)].reshape(len(poses), -1, 3)
    rotations = matrix_from_axis_angle(axis_angle_TJ3)
    positions = joint_positions(world_rotations(rotations), shape.rest_joints, trans)
    known = np.zeros(JOINT_COUNT, dtype=bool)
    known[joints] = True
    return Reference(
        names=tuple(JOINT_NAMES[joint] for joint in joints),
        joints=np.asarray(positions[:, joints], dtype=np.float64),
        root_names=("pelvis",),
        time_s=np.arange(len(poses)) / _frame_rate(path, arrays),
        known=known,
        rotations=np.asarray(rotations, dtype=np.float64),
        shape=shape,
    )


def _frame_rate(path: Path, arrays: dict[str, NDArray[np.generic]]) -> float:
    """Frames per second under either of AMASS's spellings; one number, in a list or not."""
    key = "mocap_frame_rate" if "mocap_frame_rate" in arrays else "mocap_framerate"
    rates = {**arrays, key: arrays[key].reshape(-1)} if key in arrays else arrays
    values = _numbers(path, rates, key, 1)
    low, high = FRAME_RATES
    if len(values) != 1 or not low <= values[0] <= high:
        actual = str(values[:4].tolist())
        raise _error(path, f"one frame rate of {low} to {high:.0f} per second", actual)
    return float(values[0])


def _numbers(
    path: Path, arrays: dict[str, NDArray[np.generic]], key: str, dimensions: int
) -> Float64:
    if key not in arrays:
        raise _error(path, f"the key {key}, as in AMASS files", f"{sorted(arrays)[:8]}")
    array = arrays[key]
    if array.dtype.kind not in "fiu" or array.ndim != dimensions:
        raise _error(path, f"{key} with {dimensions} dimensions", f"{array.dtype} {array.shape}")
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise _error(path, f"finite {key}", "nan or infinity")
    return numbers


# --- BVH ---------------------------------------------------------------------------------------


def _load_bvh(path: Path, shape: BodyShape) -> Reference:
    bvh = load_bvh(path)
    motion = body_motion(bvh, shape.rest_joints)
    names, joints = known_positions(bvh, shape.rest_joints)
    return Reference(
        names=names,
        joints=joints,
        root_names=HIPS,
        time_s=motion.time_s,
        known=motion.known,
        rotations=motion.rotations,
    )


# --- trc ---------------------------------------------------------------------------------------


def _load_trc(path: Path, _: BodyShape) -> Reference:
    lines = _read_lines(path)
    heading = dict(zip(lines[1].split(), lines[2].split(), strict=False))
    metres = _METRES.get(heading.get("Units", "").lower())
    if metres is None:
        raise _error(path, "Units of m, cm or mm", str(heading.get("Units")))
    markers = [name.split(":")[-1] for name in lines[3].split("\t")[2::3] if name.strip()]
    missing = [marker for marker in TRC_MARKERS.values() if marker not in markers]
    if missing:
        raise _error(path, "Pose2Sim's markers of hips to wrists", f"no {', '.join(missing)}")
    rows = _trc_rows(path, lines[5:], 2 + 3 * len(markers))
    points_TM3 = rows[:, 2:].reshape(len(rows), len(markers), 3)
    columns = [markers.index(marker) for marker in TRC_MARKERS.values()]
    joints = _without_holes(path, points_TM3[:, columns]) * metres
    known = np.zeros(JOINT_COUNT, dtype=bool)
    known[[JOINT[name] for name in TRC_MARKERS]] = True
    return Reference(
        names=tuple(TRC_MARKERS),
        joints=joints @ _WORLD_FROM_Y_UP.T,
        root_names=HIPS,
        time_s=rows[:, 1] - rows[0, 1],
        known=known,
    )


def _read_lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise _error(path, f"at most {MAX_TEXT_BYTES} bytes", f"{path.stat().st_size}")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _error(path, "a readable file", error.strerror or str(error)) from error
    lines = text.splitlines()
    if len(lines) < 6 or not lines[0].startswith("PathFileType"):
        raise _error(path, "a .trc file: five heading lines, then rows", f"{len(lines)} lines")
    return lines


def _trc_rows(path: Path, lines: list[str], width: int) -> Float64:
    """Frame number, time and coordinates (T,width); empty cells become nan."""
    cells = [line.split("\t")[:width] for line in lines if line.strip()]
    try:
        padded = [row + [""] * (width - len(row)) for row in cells]
        numbers = [[float(cell) if cell.strip() else np.nan for cell in row] for row in padded]
    except ValueError as error:
        raise _error(path, "numbers", str(error)) from error
    rows = np.array(numbers, dtype=np.float64).reshape(-1, width)
    if not len(rows) or not np.isfinite(rows[:, :2]).all() or (np.diff(rows[:, 1]) <= 0).any():
        raise _error(path, "rows whose times rise", f"{len(rows)} rows")
    return rows


def _without_holes(path: Path, points_TN3: Float64) -> Float64:
    """Fill missing coordinates from the same marker's neighbours in time."""
    filled = points_TN3.copy()
    frames = np.arange(len(filled))
    for column in filled.reshape(len(filled), -1).T:
        seen = np.isfinite(column)
        if not seen.any():
            raise _error(path, "every marker in at least one row", "one in none")
        column[~seen] = np.interp(frames[~seen], frames[seen], column[seen])
    return filled
