"""Points on a chain of joints: their slopes against finite differences."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.motion.chain import MOVING, PARAMETERS, Chain, ChainPose
from pose2rig.rigs.skeleton import JOINT

from ..known_motions import AVERAGE, random_motion

Float64 = NDArray[np.float64]

CARRIERS = ("pelvis", "head", "left_wrist", "right_foot", "left_index3", "spine2")
STEP = 1e-6


@pytest.fixture(scope="module")
def chain(body: BodyModel) -> Chain:
    rng = np.random.default_rng(4)
    return Chain(
        rest_joints=np.asarray(body.rest_joints(AVERAGE), dtype=np.float64),
        carrier=np.array([JOINT[name] for name in CARRIERS]),
        offset=rng.normal(size=(len(CARRIERS), 3)) * 0.1,
    )


@pytest.fixture(scope="module")
def pose(body: BodyModel) -> ChainPose:
    motion, _ = random_motion(body, seed=5, seconds=0.1)
    return ChainPose(rotations=motion.rotations, pelvis=motion.joints[:, 0])


def test_points_are_where_their_joints_carry_them(chain: Chain, pose: ChainPose) -> None:
    placed = chain.placed(pose)
    np.testing.assert_allclose(placed.joints[:, 0], pose.pelvis, atol=1e-12)
    away = placed.points - placed.joints[:, chain.carrier]
    back = np.swapaxes(placed.world[:, chain.carrier], -1, -2) @ away[..., None]
    np.testing.assert_allclose(back[..., 0], np.broadcast_to(chain.offset, away.shape), atol=1e-12)


def test_slopes_are_those_of_finite_differences(chain: Chain, pose: ChainPose) -> None:
    slopes_TN3P = chain.slopes(chain.placed(pose))
    frames = len(pose.pelvis)
    for number in range(PARAMETERS):
        step_TP = np.zeros((frames, PARAMETERS))
        step_TP[:, number] = STEP
        ahead, behind = (chain.placed(pose.moved(sign * step_TP)).points for sign in (1, -1))
        expected = (ahead - behind) / (2 * STEP)
        np.testing.assert_allclose(slopes_TN3P[..., number], expected, atol=1e-8)
    assert np.abs(slopes_TN3P).max() > 0.5


def test_a_joint_moves_only_what_hangs_on_it(chain: Chain, pose: ChainPose) -> None:
    slopes_TN3P = chain.slopes(chain.placed(pose))
    elbow = 3 + 3 * MOVING.index(JOINT["left_elbow"])
    moved_N = np.abs(slopes_TN3P[..., elbow : elbow + 3]).max(axis=(0, 2, 3)) > 0.0
    assert moved_N.tolist() == [name.startswith("left_") for name in CARRIERS]


def test_parts_are_the_same_frames(pose: ChainPose) -> None:
    part = pose.part(slice(1, 3))
    np.testing.assert_array_equal(part.rotations, pose.rotations[1:3])
    np.testing.assert_array_equal(part.pelvis, pose.pelvis[1:3])
