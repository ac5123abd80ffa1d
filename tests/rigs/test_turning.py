"""Twist bones: a limb's turn about itself spreads along it, and ends where the next joint is."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.rigs.rotation import matrix_from_axis_angle, twist_angle
from pose2rig.rigs.skeleton import JOINT

Float64 = NDArray[np.float64]

TURN_DEG = 80.0


@pytest.mark.parametrize("kind", ["inline", "beside"])
@pytest.mark.parametrize("joint", ["left_shoulder", "right_elbow", "left_hip", "right_knee"])
def test_half_way_along_a_limb_its_skin_twists_half_as_much(
    joint: str, kind: str, made: ModuleType, measures: ModuleType, rest_J3: Float64
) -> None:
    """An upper limb turns about itself, or below a lower one the hand or foot does."""
    end = {"shoulder": "elbow", "elbow": "wrist", "hip": "knee", "knee": "ankle"}
    side, part = joint.split("_")
    below = f"{side}_{end[part]}"
    upper = part in ("shoulder", "hip")
    motion = measures.zero_pose(rest_J3)
    axis_3 = rest_J3[JOINT[below]] - rest_J3[JOINT[joint]]
    axis_3 = axis_3 / np.linalg.norm(axis_3)
    turn_33 = matrix_from_axis_angle(np.radians(TURN_DEG) * axis_3)
    motion.rotations[0, JOINT[joint if upper else below]] = turn_33
    character = made.made_character(made.BUILDS[f"twists {kind}"], rest_J3)
    middle, tip = _twists(measures, character, motion, (joint, below))
    assert middle == pytest.approx(0.5 * TURN_DEG, abs=1.5)
    assert tip == pytest.approx(TURN_DEG, abs=1.5)


def _twists(
    measures: ModuleType, character: Any, motion: Any, bone: tuple[str, str]
) -> tuple[float, float]:
    """How far a bone's skin twists from the zero pose half way along, and where it ends."""
    armature, mapping = character
    ends = [
        measures.carried(own, character)[0, :, :3, :3]
        for own in (measures.zero_pose(motion.rest_joints), motion)
    ]
    turns_B33 = ends[1] @ np.swapaxes(ends[0], -1, -2)
    start, below = (armature.index[mapping.joints[joint][0]] for joint in bone)
    twist = armature.index[mapping.twists[bone[0]][0]]
    inline = twist in armature.above(below)
    half = start if inline and ("shoulder" in bone[0] or "hip" in bone[0]) else twist
    heads_B3 = measures.carried(measures.zero_pose(motion.rest_joints), character)[0, :, :3, 3]
    axis_3 = heads_B3[below] - heads_B3[start]
    middle, tip = (np.degrees(twist_angle(turns_B33[row], axis_3)) for row in (half, below))
    return abs(float(middle)), abs(float(tip))
