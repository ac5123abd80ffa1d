"""A known motion of the SMPL-X joints as a file, for a Blender that puts it on a character.

Legend: T frames, J joints (55).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.skeleton import JOINT_COUNT
from .array_file import load_arrays, save_arrays

Float64 = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class SourceMotion:
    """What a character is to do, in a z-up world with the ground at z = 0.

    rotations (T,55,3,3), each joint in its parent's frame, the pelvis in the world's; pelvis
    (T,3) m; rest_joints (55,3) m, zero pose; time_s (T,) rising; frame_rate per second;
    contacts (T,4) 0..1, left heel, left toe, right heel, right toe, or None where unknown.
    Raises ClipFileError where these do not belong together.
    """

    rotations: Float64
    pelvis: Float64
    rest_joints: Float64
    time_s: Float64
    frame_rate: float
    contacts: Float64 | None

    def __post_init__(self) -> None:
        frames = len(self.time_s)
        shapes = [self.rotations.shape, self.pelvis.shape, self.rest_joints.shape]
        wanted: list[tuple[int, ...]] = [(frames, JOINT_COUNT, 3, 3), (frames, 3), (JOINT_COUNT, 3)]
        if self.contacts is not None:
            shapes.append(self.contacts.shape)
            wanted.append((frames, 4))
        if shapes != wanted or not frames:
            raise _malformed(f"arrays of shapes {wanted}", str(shapes))


def save_motion(path: Path, motion: SourceMotion) -> None:
    """Write a motion as an npz of plain arrays; raises OutputError where that cannot be."""
    arrays = {name: array for name, array in vars(motion).items() if array is not None}
    save_arrays(path, arrays)


def load_motion(path: Path) -> SourceMotion:
    """Read `save_motion`'s file back; raises ClipFileError where it is anything else."""
    arrays = load_arrays(path)
    needed = {"rotations", "pelvis", "rest_joints", "time_s", "frame_rate"}
    if not needed <= set(arrays) or any(array.dtype.kind != "f" for array in arrays.values()):
        raise _malformed(f"the numbers {', '.join(sorted(needed))}", f"{sorted(arrays)[:8]}")
    numbers = {name: array.astype(np.float64) for name, array in arrays.items()}
    return SourceMotion(
        rotations=numbers["rotations"],
        pelvis=numbers["pelvis"],
        rest_joints=numbers["rest_joints"],
        time_s=numbers["time_s"],
        frame_rate=float(numbers["frame_rate"]),
        contacts=numbers.get("contacts"),
    )


def _malformed(expected: str, actual: str) -> ClipFileError:
    return ClipFileError(
        "the motion file is malformed",
        expected=expected,
        actual=actual,
        next_step="start it through the pose2rig command",
    )
