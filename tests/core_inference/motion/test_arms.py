"""An arm that reaches: the wrist comes where it shall, the hand keeps its turn."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.motion.arms import REACHING, reaching_arm
from pose2rig.core_inference.synthetic import KnownMotion
from pose2rig.rigs.rotation import angle_between, matrix_from_quaternion
from pose2rig.rigs.skeleton import JOINT, joint_positions, world_rotations

from ..known_motions import random_motion

Float64 = NDArray[np.float64]

SIDES = ("left", "right")


@pytest.fixture(scope="module")
def motion(body: BodyModel) -> KnownMotion:
    return random_motion(body, seed=8, seconds=2.0)[0]


def reached(motion: KnownMotion, body: BodyModel, shift_T3: Float64, side: str) -> KnownMotion:
    world_TJ33 = world_rotations(motion.rotations)
    turns_T34 = reaching_arm(world_TJ33, motion.joints, shift_T3, side)
    rotations_TJ33 = motion.rotations.copy()
    arm = [JOINT[f"{side}_{name}"] for name in REACHING]
    rotations_TJ33[:, arm] = matrix_from_quaternion(turns_T34)
    rest_J3 = body.rest_joints(motion.open_betas)
    trans_T3 = motion.joints[:, 0] - rest_J3[0]
    joints_TJ3 = joint_positions(world_rotations(rotations_TJ33), rest_J3, trans_T3)
    return KnownMotion(rotations=rotations_TJ33, joints=joints_TJ3, open_betas=motion.open_betas)


@pytest.mark.parametrize("side", SIDES)
def test_the_wrist_goes_as_far_as_it_shall(motion: KnownMotion, body: BodyModel, side: str) -> None:
    shoulder, wrist = JOINT[f"{side}_shoulder"], JOINT[f"{side}_wrist"]
    inwards_T3 = 0.15 * (motion.joints[:, shoulder] - motion.joints[:, wrist])
    other = reached(motion, body, inwards_T3, side)
    goal_T3 = motion.joints[:, wrist] + inwards_T3
    np.testing.assert_allclose(other.joints[:, wrist], goal_T3, atol=1e-6)
    turns = [world_rotations(m.rotations)[:, wrist] for m in (motion, other)]
    assert angle_between(turns[0], turns[1]).max() < 1e-6


@pytest.mark.parametrize("side", SIDES)
def test_an_elbow_stays_on_its_side(motion: KnownMotion, body: BodyModel, side: str) -> None:
    shoulder, elbow, wrist = (JOINT[f"{side}_{name}"] for name in REACHING)
    outwards_T3 = 0.5 * (motion.joints[:, wrist] - motion.joints[:, shoulder])
    other = reached(motion, body, outwards_T3, side)
    planes = [
        np.cross(
            m.joints[:, elbow] - m.joints[:, shoulder], m.joints[:, wrist] - m.joints[:, elbow]
        )
        for m in (motion, other)
    ]
    assert (planes[0] * planes[1]).sum(axis=-1).min() > 0.0


@pytest.mark.parametrize("side", SIDES)
def test_no_way_to_go_turns_nothing(motion: KnownMotion, body: BodyModel, side: str) -> None:
    other = reached(motion, body, np.zeros((len(motion.joints), 3)), side)
    assert angle_between(motion.rotations, other.rotations).max() < 1e-3
