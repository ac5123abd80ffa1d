"""A character's armature at rest, described neutrally, so that the math needs no Blender.

Space and axes are Blender's: right-handed, z up; a bone's y axis points from its head to its tail.
A bone's rest matrix stands in the armature's own space and units, as Blender's
`bone.matrix_local`; `world` carries that space into the world, in metres.

Legend: B bones.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .errors import RigError

Float64 = NDArray[np.float64]

MAX_BONES = 4096
_TOLERANCE = 1e-3
_SHORTEST = 1e-9
_OBJECT_SCALE = "a positive scale, the same on all three axes, and no shear"
_APPLY_SCALE = "apply the armature object's scale and that of its parents (Object > Apply)"
_REPAIR = "repair the armature in edit mode, or choose another"


@dataclass(frozen=True, kw_only=True, eq=False)
class Armature:
    """A character's bones at rest, parents before their children.

    names (B,) unique; parents (B,) index or -1; rest (B,4,4) bone to armature space, rotation
    right-handed and orthonormal, translation the head; lengths (B,) armature units, above 0;
    world (4,4) armature space to world, m: any rotation and place and one uniform scale above 0.
    Raises RigError where it is none, names the bone at fault and says what to do.
    """

    names: tuple[str, ...]
    parents: NDArray[np.int64]
    rest: Float64
    lengths: Float64
    world: Float64

    def __post_init__(self) -> None:
        self._check_shapes()
        self._check_tree()
        self._check_bones()
        self._check_world()

    @cached_property
    def heads(self) -> Float64:
        """(B,3) m, where every bone begins, world."""
        return self.rest[:, :3, 3] @ self.world[:3, :3].T + self.world[:3, 3]

    @cached_property
    def tails(self) -> Float64:
        """(B,3) m, where every bone ends, world."""
        along_B3 = self.rest[:, :3, 1] * self.lengths[:, None]
        return self.heads + along_B3 @ self.world[:3, :3].T

    @cached_property
    def index(self) -> dict[str, int]:
        """Name of a bone to its row."""
        return {name: bone for bone, name in enumerate(self.names)}

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """(B,) the rows of every bone's children."""
        found: list[list[int]] = [[] for _ in self.names]
        for bone, parent in enumerate(self.parents.tolist()):
            if parent >= 0:
                found[parent].append(bone)
        return tuple(tuple(bones) for bones in found)

    def above(self, bone: int) -> list[int]:
        """Rows of the bones that `bone` hangs on, the nearest first."""
        line: list[int] = []
        while (bone := int(self.parents[bone])) >= 0:
            line.append(bone)
        return line

    def _check_shapes(self) -> None:
        count = len(self.names)
        if not count:
            raise _unusable("the armature has no bones", "a skeleton", "0 bones", _REPAIR)
        if count > MAX_BONES:
            expected = f"at most {MAX_BONES} bones"
            raise _unusable("the armature is too large", expected, f"{count} bones", _REPAIR)
        shapes = (self.parents.shape, self.rest.shape, self.lengths.shape, self.world.shape)
        wanted = ((count,), (count, 4, 4), (count,), (4, 4))
        if shapes != wanted:
            what = "parents, rest, lengths and world do not belong to the bones"
            raise _unusable(what, f"shapes {wanted}", str(shapes), _REPAIR)

    def _check_tree(self) -> None:
        seen: set[str] = set()
        for bone, (name, parent) in enumerate(zip(self.names, self.parents.tolist(), strict=True)):
            if name in seen or not name:
                raise _unusable(
                    f"bone {name!r} is not to be told from another",
                    "a name of its own for every bone",
                    "no name" if not name else "the same name twice",
                    "rename the bones",
                )
            if not -1 <= parent < bone:
                what = f"bone {name!r} stands before its parent"
                raise _unusable(what, "parents before their children", f"row {parent}", _REPAIR)
            seen.add(name)

    def _check_bones(self) -> None:
        self._check_each(np.isfinite(self.rest).all((1, 2)), "a place and a turn in numbers", "nan")
        long_B = np.isfinite(self.lengths) & (self.lengths > _SHORTEST * self._extent())
        self._check_each(long_B, "a length above 0", "zero length")
        rot_B33 = self.rest[:, :3, :3]
        product_B33 = np.swapaxes(rot_B33, 1, 2) @ rot_B33
        square_B = np.abs(product_B33 - np.eye(3)).max((1, 2)) < _TOLERANCE
        right_B = square_B & (np.linalg.det(rot_B33) > 0.0)
        self._check_each(right_B, "a right-handed rotation at rest", "scale, shear or a mirror")

    def _extent(self) -> float:
        return float(np.abs(self.rest[:, :3, 3]).max())

    def _check_each(self, good_B: NDArray[np.bool_], expected: str, actual: str) -> None:
        bad = np.flatnonzero(~good_B)
        if not len(bad):
            return
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        what = f"bone {self.names[bad[0]]!r}{more} cannot be turned"
        raise _unusable(what, expected, actual, _REPAIR)

    def _check_world(self) -> None:
        axes_33 = self.world[:3, :3]
        if not np.isfinite(self.world).all() or np.linalg.det(axes_33) <= 0.0:
            actual = "a negative scale, none at all, or no number"
            raise _unusable("the armature object is mirrored", _OBJECT_SCALE, actual, _APPLY_SCALE)
        scale_3 = np.linalg.norm(axes_33, axis=0)
        unit_33 = axes_33 / scale_3
        level = np.abs(unit_33.T @ unit_33 - np.eye(3)).max() < _TOLERANCE
        if np.ptp(scale_3) > _TOLERANCE * scale_3.max() or not level:
            actual = " x ".join(f"{scale:.4g}" for scale in scale_3) + (
                "" if level else ", sheared"
            )
            raise _unusable("the armature object is distorted", _OBJECT_SCALE, actual, _APPLY_SCALE)


def _unusable(what: str, expected: str, actual: str, next_step: str) -> RigError:
    return RigError(what, expected=expected, actual=actual, next_step=next_step)
