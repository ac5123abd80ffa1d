"""How a character's bones turn in the world, from rest, all frames at once.

Legend: T frames, J joints (55), B bones.
"""

import numpy as np
from numpy.typing import NDArray

from .binding import UPPER, Binding, Drive
from .rotation import (
    FloatArray,
    conjugate,
    multiply,
    normalized,
    quaternion_from_matrix,
    slerp,
)

Float64 = NDArray[np.float64]

_IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


class BoneTurns:
    """World turns of bones from their rest, unit quaternions (T,4), found by row.

    What nothing moves keeps its parent's turn; what stands above everything moved does not turn.
    """

    def __init__(self, binding: Binding, world_JT4: Float64, reference_B33: Float64) -> None:
        self._parents = binding.armature.parents.tolist()
        self._still_T4 = np.broadcast_to(_IDENTITY, world_JT4.shape[1:])
        reference_B4 = quaternion_from_matrix(reference_B33)
        self._own: dict[int, Float64] = {
            row: _float64(multiply(_driven(world_JT4, drive), reference_B4[row]))
            for row, drive in binding.drives.items()
        }
        axes_B33 = binding.armature.world[:3, :3] @ binding.armature.rest[:, :3, :3]
        unit_B33 = axes_B33 / np.linalg.norm(axes_B33, axis=1, keepdims=True)
        self._rest_B4 = quaternion_from_matrix(unit_B33)
        for joint in binding.twists:
            self._share_twist(binding, joint)

    @property
    def rows(self) -> list[int]:
        """The rows that turn by themselves, parents first."""
        return sorted(self._own)

    def __getitem__(self, row: int) -> Float64:
        while row not in self._own:
            row = self._parents[row]
            if row < 0:
                return self._still_T4
        return self._own[row]

    def above(self, row: int) -> Float64:
        """The turn (T,4) of a bone's parent."""
        parent = self._parents[row]
        return self._still_T4 if parent < 0 else self[parent]

    def replace(self, row: int, turn_T4: Float64) -> None:
        """Give a bone another turn."""
        self._own[row] = turn_T4

    def local(self, row: int) -> Float64:
        """A bone's turn (T,4) in its own rest axes, its parent's taken off, as Blender keys it."""
        rest_4 = self._rest_B4[row]
        relative_T4 = multiply(conjugate(self.above(row)), self[row])
        return _float64(multiply(multiply(conjugate(rest_4), relative_T4), rest_4))

    def into_rest_axes(self, row: int) -> Float64:
        """The rotation (T,4) from the world to a bone's rest axes as its parent carries them."""
        return _float64(conjugate(multiply(self.above(row), self._rest_B4[row])))

    def _share_twist(self, binding: Binding, joint: str) -> None:
        """Spread a limb's turn about itself along its bones.

        An upper arm's or thigh's skin does not twist where it begins and does fully where it
        ends; a forearm's or shin's twist is what its hand or foot turns against it.
        """
        end = binding.next_joint(joint)
        if end is None:
            return
        first, last = binding.chains[joint][0], binding.chains[end][0]
        heads_B3 = binding.armature.heads
        line_3 = heads_B3[last] - heads_B3[first]
        axis_3 = _float64(normalized(line_3))
        main_T4, twists = self[first], binding.twists[joint]
        inline, upper = binding.inline(joint), joint.endswith(UPPER)
        base_T4, tip_T4 = (self.above(first), main_T4) if upper else (main_T4, self[last])
        relative_T4 = _float64(multiply(conjugate(base_T4), tip_T4))
        angle_T = _twist(relative_T4, axis_3)
        if upper:
            untwisted_T4 = multiply(relative_T4, _about(axis_3, -angle_T))
            base_T4 = _float64(multiply(base_T4, untwisted_T4))
        places = {
            row: float((heads_B3[row] - heads_B3[first]) @ line_3 / (line_3 @ line_3))
            for row in twists
        }
        if upper and inline:
            places |= {
                row: place / (len(inline) + 1)
                for place, row in enumerate((first, *inline), start=1)
            }
        for row, place in places.items():
            share = min(max(place, 0.0), 1.0)
            self._own[row] = _float64(multiply(base_T4, _about(axis_3, share * angle_T)))


def _driven(world_JT4: Float64, drive: Drive) -> Float64:
    if drive.share >= 1.0:
        return world_JT4[drive.end]
    share_T = np.full(world_JT4.shape[1], drive.share)
    return _float64(slerp(world_JT4[drive.start], world_JT4[drive.end], share_T))


def _twist(quaternion_T4: Float64, axis_3: Float64) -> Float64:
    """How far (T,) rad a rotation turns about an axis, without jumps, the median within +-pi."""
    along_T = quaternion_T4[:, 1:] @ axis_3
    angle_T = np.unwrap(2.0 * np.arctan2(along_T, quaternion_T4[:, 0]))
    return angle_T - 2.0 * np.pi * np.round(np.median(angle_T) / (2.0 * np.pi))


def _about(axis_3: Float64, angle_T: Float64) -> Float64:
    half_T1 = 0.5 * angle_T[:, None]
    return np.concatenate([np.cos(half_T1), np.sin(half_T1) * axis_3], axis=1)


def _float64(values: FloatArray) -> Float64:
    return np.asarray(values, dtype=np.float64)
