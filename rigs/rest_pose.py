"""Rest poses: what an armature looks like before anything moves it.

`RestPose` describes any armature neutrally, so that the math needs no Blender. Positions and
rotations stand in the armature's own space: right-handed, z up, metres.

Legend: B bones, J joints (55).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import RigError
from .skeleton import JOINT_COUNT, JOINT_NAMES, PARENTS

FloatArray = NDArray[np.floating[Any]]

UPRIGHT: NDArray[np.float64] = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""The +90 degree turn about x that carries SMPL-X axes (y up, facing +z) to z up, facing -y."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RestPose:
    """An armature at rest, parents before their children.

    names (B,); parents (B,) index or -1; heads (B,3) m; rotations (B,3,3), the bones' axes as
    columns. Raises RigError when the shapes disagree, a name is double or a parent comes late.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    heads: FloatArray
    rotations: FloatArray

    def __post_init__(self) -> None:
        count = len(self.names)
        shapes = (len(self.parents), *self.heads.shape, *self.rotations.shape)
        if shapes != (count, count, 3, count, 3, 3):
            raise _error(f"{count} parents, heads and rotations", f"shapes {shapes}")
        if len(set(self.names)) != count:
            raise _error("every bone name once", "a name twice")
        if any(not -1 <= parent < bone for bone, parent in enumerate(self.parents)):
            raise _error("parents before their children", "a bone before its parent")


def _error(expected: str, actual: str) -> RigError:
    return RigError(
        "the armature's rest pose is not usable",
        expected=expected,
        actual=actual,
        next_step="choose another armature",
    )


def smplx_rest_pose(rest_joints_J3: FloatArray) -> RestPose:
    """The SMPL-X T-pose stood upright, facing -y; every bone has the axes `UPRIGHT`.

    Args: rest_joints_J3 (55,3) m, zero pose in SMPL-X axes.
    """
    return RestPose(
        names=JOINT_NAMES,
        parents=PARENTS,
        heads=rest_joints_J3.astype(np.float64) @ UPRIGHT.T,
        rotations=np.broadcast_to(UPRIGHT, (JOINT_COUNT, 3, 3)),
    )
