"""What a body's bones say by where they stand: which way is up, forward and left, and two legs.

Everything is measured in lengths of the leg, so that size, units and the turn of the armature
object do not matter.

Legend: B bones.
"""

import numpy as np
from numpy.typing import NDArray

from .armature import Armature
from .body_plan import SIDES, Body
from .errors import RigError
from .rotation import normalized

Float64 = NDArray[np.float64]

_FORWARD_OF_BLENDER = np.array([0.0, -1.0, 0.0])
_LEAST_TRUNK, _MOST_TRUNK = 0.2, 4.0  # of a leg: how high shoulders stand over hips; people 0.6
_LEAST_RISE = 0.6  # of the way from hips to shoulders: what must lead upwards
_LEAST_HANDS = 0.1  # of a leg, by which the arms end above the feet
_ON_GROUND = 0.3  # of a leg over the ankles: the highest that a root on the ground begins
_CLEAR = 0.03  # of a leg: what points less far forward than this tells no direction


def up_direction(armature: Armature, body: Body) -> tuple[Float64, float]:
    """Where the body's up is, a unit vector (3,), world, and how long its legs are, m."""
    leg_3 = _middle(armature, body, "hip") - _leg_ends(armature, body)
    length = float(np.linalg.norm(leg_3))
    if length <= 0.0:
        raise no_humanoid("its legs have no length", "two legs below the hips", "hips at the feet")
    return leg_3 / length, length


def forward_direction(armature: Armature, body: Body) -> Float64:
    """Where the body faces, a unit vector (3,), world: where its toes point, else its bent knees.

    Where neither tells, as Blender's characters do: along -y.
    """
    up_3, leg = up_direction(armature, body)
    clues = (_toes(armature, body), _knees(armature, body), _FORWARD_OF_BLENDER)
    for clue_3 in clues:
        level_3 = clue_3 - up_3 * (clue_3 @ up_3)
        if np.linalg.norm(level_3) > _CLEAR * leg:
            return normalized(level_3)
    return normalized(np.cross(up_3, np.array([1.0, 0.0, 0.0])))


def check_two_legged(armature: Armature, body: Body) -> None:
    """Raise RigError where the arms are front legs, or the trunk does not rise over the legs."""
    up_3, leg = up_direction(armature, body)
    trunk_3 = _middle(armature, body, "shoulder") - _middle(armature, body, "hip")
    rise, length = float(trunk_3 @ up_3), float(np.linalg.norm(trunk_3))
    if not _LEAST_TRUNK * leg < rise < _MOST_TRUNK * leg or rise < _LEAST_RISE * length:
        raise no_humanoid(
            "its shoulders do not stand over its hips, as on four legs",
            f"shoulders {_LEAST_TRUNK:g} to {_MOST_TRUNK:g} leg lengths above the hips",
            f"{rise / leg:.2f} above and {np.sqrt(max(length**2 - rise**2, 0.0)) / leg:.2f} aside",
        )
    feet = _leg_ends(armature, body) @ up_3
    ends = [_last(body, side, ("elbow", "wrist")) for side in SIDES]
    hands = (np.mean(armature.heads[ends], axis=0) @ up_3 - feet) / leg
    if hands < _LEAST_HANDS:
        raise no_humanoid(
            "its arms end where its legs end, as on four legs",
            f"arms that end at least {_LEAST_HANDS:.1f} leg lengths above the feet",
            f"{hands:.2f}",
        )


def no_humanoid(reason: str, expected: str, actual: str) -> RigError:
    """The error for an armature that no human motion fits."""
    return RigError(
        f"the armature is no humanoid: {reason}",
        expected=expected,
        actual=actual,
        next_step="choose a character with two arms and two legs, or map its bones by hand",
    )


def stands_on_ground(armature: Armature, body: Body, row: int) -> bool:
    """Whether a bone begins where the body stands, not up at its hips."""
    up_3, leg = up_direction(armature, body)
    height = float((armature.heads[row] - _leg_ends(armature, body)) @ up_3)
    return height < _ON_GROUND * leg


def _middle(armature: Armature, body: Body, joint: str) -> Float64:
    rows = [body[f"{side}_{joint}"][0] for side in SIDES]
    return np.mean(armature.heads[rows], axis=0)


def _last(body: Body, side: str, joints: tuple[str, ...]) -> int:
    return next(body[f"{side}_{joint}"][0] for joint in joints[::-1] if f"{side}_{joint}" in body)


def _leg_ends(armature: Armature, body: Body) -> Float64:
    """The middle between the ankles; where a rig has none, between the ends of the shins."""
    ends = [
        armature.heads[body[f"{side}_ankle"][0]]
        if f"{side}_ankle" in body
        else armature.tails[body[f"{side}_knee"][0]]
        for side in SIDES
    ]
    return np.mean(ends, axis=0)


def _toes(armature: Armature, body: Body) -> Float64:
    """From the ankles to the toes (3,), m; along the foot bones where a rig has no toes."""
    way_3 = np.zeros(3)
    for side in SIDES:
        ankle = body.get(f"{side}_ankle")
        if ankle is None:
            continue
        toes = body.get(f"{side}_foot")
        end_3 = armature.heads[toes[0]] if toes else armature.tails[ankle[0]]
        way_3 = way_3 + end_3 - armature.heads[ankle[0]]
    return way_3


def _knees(armature: Armature, body: Body) -> Float64:
    """From the lines between hip and ankle to the knees (3,), m."""
    straight_3 = (_middle(armature, body, "hip") + _leg_ends(armature, body)) / 2.0
    return 2.0 * (_middle(armature, body, "knee") - straight_3)
