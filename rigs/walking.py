"""Where a character goes: the way over the ground, and bones that hang on nothing that moves.

Legend: T frames, B bones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .binding import SIDES, Binding
from .reference import upright_turn
from .rotation import matrix_from_quaternion
from .skeleton import JOINT
from .source import ANKLE_SHARE, BALL_SHARE, leg_length, turned
from .turning import BoneTurns

Float64 = NDArray[np.float64]

SOLE_BELOW = (0.02, 0.35)
"""A character whose ankles are so far above its origin, in shares of the leg, stands on it."""


@dataclass(frozen=True, kw_only=True)
class Stance:
    """How a character stands, upright: leg_m, thigh and shin together; ankle_m, how high its ankles
    are over its soles; ground_m, the world's z of its soles; origin, its armature object's x and y
    in the world, m; source_leg_m, the source's thigh and shin."""

    leg_m: float
    ankle_m: float
    ground_m: float
    origin: tuple[float, float]
    source_leg_m: float

    @property
    def scale(self) -> float:
        """The character's legs over the source's."""
        return self.leg_m / self.source_leg_m

    def carried(self, centre_T3: Float64) -> Float64:
        """From the middle (T,3) m between the source's hips to the character's, world.

        A leg that stands straight, or bent as much, on the source's ground does so on its own.
        """
        over_3 = np.array([0.0, 0.0, ANKLE_SHARE * self.source_leg_m])
        ankles_3 = np.array([*self.origin, self.ground_m + self.ankle_m])
        return ankles_3 + self.scale * (centre_T3 - over_3)


def stance_of(binding: Binding, rest_joints_J3: Float64) -> Stance:
    """Measure a character at rest, to go the way of a source of rest joints (55,3) m."""
    armature, first = binding.armature, {j: rows[0] for j, rows in binding.chains.items()}
    leg_m = leg_length({joint: armature.heads[row] for joint, row in first.items()})
    ankles = [first[f"{side}_ankle"] for side in SIDES]
    origin_3 = armature.world[:3, 3]
    heights_B = (armature.heads - origin_3) @ upright_turn(binding)[2]
    ankle_m = float(heights_B[ankles].mean())
    sole_m = 0.0
    if not SOLE_BELOW[0] < ankle_m / leg_m < SOLE_BELOW[1]:
        sole_m = ankle_m - ANKLE_SHARE * leg_m
        toes = [row for row in range(len(heights_B)) if set(armature.above(row)) & set(ankles)]
        if toes:
            sole_m = min(float(heights_B[toes].min()) - BALL_SHARE * leg_m, sole_m)
    return Stance(
        leg_m=leg_m,
        ankle_m=ankle_m - sole_m,
        ground_m=float(origin_3[2]) + sole_m,
        origin=(float(origin_3[0]), float(origin_3[1])),
        source_leg_m=leg_length({name: rest_joints_J3[row] for name, row in JOINT.items()}),
    )


class Places:
    """Where bones begin in the world: paths (T,3) m by row."""

    def __init__(self, binding: Binding, turns: BoneTurns) -> None:
        self._binding, self._turns = binding, turns
        self._placed: dict[int, Float64] = {}
        self._loose: dict[int, int] = {}
        for joint, rows in binding.chains.items():
            anchor = binding.anchor(joint)
            if anchor is not None and anchor not in binding.armature.above(rows[0]):
                self._loose.setdefault(rows[0], anchor)

    @property
    def rows(self) -> list[int]:
        """The rows that are placed: what carries the way first, bones without hold last."""
        return [*self._placed, *self._loose]

    def place_hips(self, centre_T3: Float64) -> None:
        """Put the middle between the hip joints at (T,3) m, a root bone below it on the ground."""
        binding, heads_B3 = self._binding, self._binding.armature.heads
        thighs = [binding.chains[f"{side}_hip"][0] for side in SIDES]
        rest_centre_3 = heads_B3[thighs].mean(axis=0)
        if binding.root is not None and binding.root != binding.hips:
            level = np.array([1.0, 1.0, 0.0])
            self._placed[binding.root] = heads_B3[binding.root] + level * (
                centre_T3 - rest_centre_3
            )
        offset_3 = rest_centre_3 - heads_B3[binding.hips]
        self._placed[binding.hips] = centre_T3 - turned(self._turns[binding.hips], offset_3)

    def shift_hips(self, shift_T3: Float64) -> None:
        """Move the hips on by (T,3) m."""
        self._placed[self._binding.hips] = self._placed[self._binding.hips] + shift_T3

    def __getitem__(self, row: int) -> Float64:
        if row in self._placed:
            return self._placed[row]
        if row in self._loose:
            return self._carried(row, self._loose[row])
        return self.natural(row)

    def natural(self, row: int) -> Float64:
        """Where a bone's parent carries it, (T,3) m."""
        parent = int(self._binding.armature.parents[row])
        if parent < 0:
            return np.broadcast_to(self._binding.armature.heads[row], (1, 3))
        return self._carried(row, parent)

    def location(self, row: int) -> Float64:
        """How far (T,3) a placed bone is from there, in its own rest axes, armature units."""
        axes_T33 = matrix_from_quaternion(self._turns.into_rest_axes(row))
        away_T3 = self[row] - self.natural(row)
        scale = float(np.linalg.norm(self._binding.armature.world[:3, 0]))
        return (axes_T33 @ away_T3[..., None])[..., 0] / scale

    def _carried(self, row: int, by: int) -> Float64:
        heads_B3 = self._binding.armature.heads
        return self[by] + turned(self._turns[by], heads_B3[row] - heads_B3[by])
