"""A character posed like the SMPL-X zero pose, whatever pose it rests in.

Every bone gets a turn in the world from its rest to the reference pose. Limbs and fingers swing,
by the smallest turn, until each points to its next joint as the source's does; so no skin is
twisted. Where a bone of the trunk begins is a matter of build, not of pose: the trunk is set
upright as a whole. Palms face as the source's do, soles stay level.

Legend: J joints (55), B bones.
"""

import numpy as np
from numpy.typing import NDArray

from .binding import FINGERS, SEGMENTS, SIDES, SPINE, Binding
from .rest_pose import UPRIGHT
from .rotation import (
    matrix_from_two_axes,
    normalized,
    power,
    rotation_about,
    swing_between,
    twist_angle,
)
from .skeleton import JOINT

Float64 = NDArray[np.float64]

BUILD_RAD = np.radians(20.0)
"""Trunk, neck and collars may point so far from the source's: that much is build. What is more is
how the character was posed, and taken off."""

AXIS_RAD = np.radians(30.0)
"""A trunk so near to an axis of its armature stands along it."""

ALONG_RAD = np.radians(8.0)
"""A chain's y axes that point to the next bone within this tell where its last bone points."""

BENT_RAD = np.radians(75.0)
"""A last bone whose y axis turns off the one before by more is not believed to lie along it."""

FOREARM_SHARE = 0.5
"""Of the roll that brings the palm into place, the forearm takes so much."""

_FINGERTIPS = tuple(f"{side}_{finger}3" for side in SIDES for finger in FINGERS)
_SWUNG = {
    *SEGMENTS,
    *(f"{side}_{finger}{k}" for side in SIDES for finger in FINGERS for k in (1, 2)),
}
_UP = np.array([0.0, 0.0, 1.0])
_LEFT = np.array([1.0, 0.0, 0.0])


def reference_turns(binding: Binding, rest_joints_J3: Float64) -> Float64:
    """World turns (B,3,3) that carry the bones from rest into the zero pose, upright, facing -y.

    Args: rest_joints_J3 (55,3) m, zero pose in SMPL-X axes. Bones above the hips do not turn;
        bones without a joint go along with their parents.
    """
    return _Posing(binding, rest_joints_J3).turns()


def upright_turn(binding: Binding) -> Float64:
    """The world turn (3,3) that sets a character at rest upright, facing -y."""
    heads_B3, first = binding.armature.heads, {j: rows[0] for j, rows in binding.chains.items()}
    hips_3 = 0.5 * (heads_B3[first["left_hip"]] + heads_B3[first["right_hip"]])
    tops = [first[name] for name in ("neck", "head", *reversed(SPINE)) if name in first]
    tops += [first["pelvis"]]
    up_3 = _settled(normalized(heads_B3[tops[0]] - hips_3), binding.armature.world[:3, :3])
    pairs = [("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")]
    across = [
        normalized(heads_B3[first[left]] - heads_B3[first[right]])
        for left, right in pairs
        if left in first and right in first
    ]
    own_33 = matrix_from_two_axes(up_3, np.sum(across, axis=0))
    return np.asarray(matrix_from_two_axes(_UP, _LEFT) @ own_33.T, dtype=np.float64)


def _settled(up_3: Float64, world_33: Float64) -> Float64:
    """The armature's axis that is nearest to a direction, if near enough."""
    axes_63 = normalized(np.concatenate([world_33.T, -world_33.T]))
    best = int(np.argmax(axes_63 @ up_3))
    near = axes_63[best] @ up_3 > np.cos(AXIS_RAD)
    return np.asarray(axes_63[best] if near else up_3, dtype=np.float64)


class _Posing:
    """One character on its way from rest into the reference pose, top-down."""

    def __init__(self, binding: Binding, rest_joints_J3: Float64) -> None:
        self.binding = binding
        self.heads = binding.armature.heads
        self.source = rest_joints_J3 @ UPRIGHT.T
        self.upright = upright_turn(binding)
        self.palms = {side: self._palm_turn(side) for side in SIDES}
        self.joint_of = {rows[0]: joint for joint, rows in reversed(binding.chains.items())}

    def turns(self) -> Float64:
        """See `reference_turns`."""
        parents = self.binding.armature.parents.tolist()
        turns_B33 = np.broadcast_to(np.eye(3), (len(parents), 3, 3)).copy()
        moved = np.zeros(len(parents), dtype=bool)
        for row, parent in enumerate(parents):
            moved[row] = row in self.joint_of or (parent >= 0 and moved[parent])
            if moved[row]:
                carried = parent >= 0 and moved[parent]
                turns_B33[row] = turns_B33[parent] if carried else self.upright
            if row in self.joint_of:
                turns_B33[row] = self._turn(self.joint_of[row], turns_B33[row])
        return turns_B33

    def _turn(self, joint: str, carried_33: Float64) -> Float64:
        """A joint's turn, from the one that its bone is carried along with."""
        side, _, part = joint.partition("_")
        if joint == "pelvis" or joint == "head":
            return self.upright
        if part == "ankle":
            return self._level(joint)
        if part == "wrist" and (palm_33 := self.palms[side]) is not None:
            return palm_33
        if joint in _SWUNG and self.binding.next_joint(joint) is not None:
            turn_33 = self._swung(joint, carried_33)
            return self._rolled(side, turn_33) if part == "elbow" else turn_33
        if joint == self._first_spine() or joint == "neck" or part == "collar":
            return self._straightened(joint)
        if part == "wrist" or joint in _FINGERTIPS:
            return self._pointed(joint, carried_33)
        return carried_33

    def _first_spine(self) -> str | None:
        return next((name for name in SPINE if name in self.binding.chains), None)

    def _own(self, joint: str, end: str) -> Float64:
        """From a joint's bone to another's at rest, a unit vector in the world."""
        chains = self.binding.chains
        return np.asarray(normalized(self.heads[chains[end][0]] - self.heads[chains[joint][0]]))

    def _wanted(self, joint: str, end: str) -> Float64:
        """The same of the source."""
        return np.asarray(normalized(self.source[JOINT[end]] - self.source[JOINT[joint]]))

    def _swung(self, joint: str, carried_33: Float64) -> Float64:
        end = self.binding.next_joint(joint) or joint
        swing_33 = swing_between(carried_33 @ self._own(joint, end), self._wanted(joint, end))
        return np.asarray(swing_33 @ carried_33, dtype=np.float64)

    def _straightened(self, joint: str) -> Float64:
        """A bone of the trunk upright, and swung by what is more than build."""
        end = self.binding.next_joint(joint)
        if end is None:
            return self.upright
        start = SPINE[0] if joint in SPINE else joint
        own_3, wanted_3 = self.upright @ self._own(joint, end), self._wanted(start, end)
        angle = float(np.arccos(np.clip(own_3 @ wanted_3, -1.0, 1.0)))
        share = max(angle - BUILD_RAD, 0.0) / max(angle, BUILD_RAD)
        swing_33 = power(swing_between(own_3, wanted_3), share)
        return np.asarray(swing_33 @ self.upright, dtype=np.float64)

    def _level(self, ankle: str) -> Float64:
        """A foot as level as at rest, heading where the source's heads."""
        toe = ankle.replace("ankle", "foot")
        if toe not in self.binding.chains:
            return self.upright
        headings = (self.upright @ self._own(ankle, toe), self._wanted(ankle, toe))
        own_rad, wanted_rad = (np.arctan2(heading[1], heading[0]) for heading in headings)
        turn_33 = rotation_about(_UP, np.asarray(wanted_rad - own_rad))
        return np.asarray(turn_33 @ self.upright, dtype=np.float64)

    def _palm_turn(self, side: str) -> Float64 | None:
        """The turn that lays a hand as the source's; None where too few fingers tell."""
        chains, wrist = self.binding.chains, f"{side}_wrist"
        known = [name for f in FINGERS if (name := f"{side}_{f}1") in chains]
        if wrist not in chains or len(known) < 2:
            return None
        palm = [name for name in known if "thumb" not in name]
        first, last = palm[0], palm[-1] if len(palm) > 1 else known[-1]
        middle = f"{side}_middle1" if f"{side}_middle1" in known else palm[0]
        frames = [
            matrix_from_two_axes(
                direction(wrist, middle), direction(wrist, last) - direction(wrist, first)
            )
            for direction in (self._own, self._wanted)
        ]
        return np.asarray(frames[1] @ frames[0].T, dtype=np.float64)

    def _rolled(self, side: str, forearm_33: Float64) -> Float64:
        """A forearm turned about itself by its share of the roll that its palm needs."""
        palm_33 = self.palms[side]
        if palm_33 is None:
            return forearm_33
        axis_3 = self._own(f"{side}_elbow", f"{side}_wrist")
        roll_rad = twist_angle(forearm_33.T @ palm_33, axis_3)
        return np.asarray(forearm_33 @ rotation_about(axis_3, FOREARM_SHARE * roll_rad))

    def _pointed(self, joint: str, carried_33: Float64) -> Float64:
        """A last bone in line with the one before, where the bones' own axes tell directions."""
        armature, chains = self.binding.armature, self.binding.chains
        before = joint.replace("wrist", "elbow") if "wrist" in joint else f"{joint[:-1]}2"
        if before not in chains:
            return carried_33
        along_3 = self._own(before, joint)
        axes = armature.tails - armature.heads
        if normalized(axes[chains[before][0]]) @ along_3 < np.cos(ALONG_RAD):
            return carried_33
        own_3 = normalized(axes[chains[joint][0]])
        if own_3 @ along_3 < np.cos(BENT_RAD):
            return carried_33
        swing_33 = swing_between(carried_33 @ own_3, self._wanted(before, joint))
        return np.asarray(swing_33 @ carried_33, dtype=np.float64)
