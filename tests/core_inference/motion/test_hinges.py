"""Forearms bend in one plane of the upper arm."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import SHAPE_COUNT, load_open_body
from pose2rig.core_inference.motion.chain import Chain
from pose2rig.core_inference.motion.hinges import ASIDE, ELBOWS, beyond_hinges
from pose2rig.rigs.rotation import matrix_from_axis_angle, rotation_about
from pose2rig.rigs.skeleton import JOINT_COUNT

Float64 = NDArray[np.float64]

X, Y, Z = np.eye(3)


@pytest.fixture(scope="module")
def chain() -> Chain:
    rest = np.asarray(load_open_body().rest_joints(np.zeros(SHAPE_COUNT)), dtype=np.float64)
    return Chain(rest_joints=rest, carrier=np.zeros(0, dtype=np.int64), offset=np.zeros((0, 3)))


def posed(elbow_T33: Float64) -> Float64:
    rotations = np.broadcast_to(np.eye(3), (len(elbow_T33), JOINT_COUNT, 3, 3)).copy()
    rotations[:, list(ELBOWS)] = elbow_T33[:, None]
    return rotations


def test_a_twisted_forearm_may_bend_as_far_as_it_likes(chain: Chain) -> None:
    bend, twist = np.meshgrid(np.radians([-150, -90, -30, 0]), np.radians([-90, 0, 80]))
    turns = rotation_about(Y, bend.ravel()) @ rotation_about(X, twist.ravel())
    off, slopes = beyond_hinges(chain, posed(turns))
    assert np.abs(off).max() == 0.0
    assert np.abs(slopes).max() == 0.0


def test_a_forearm_that_leaves_its_plane_is_told_by_how_much(chain: Chain) -> None:
    off, _ = beyond_hinges(chain, posed(rotation_about(Z, np.radians([40.0, -40.0]))))
    expected = np.sin(np.radians(40.0)) - ASIDE
    assert np.allclose(np.abs(off), expected, atol=0.06)
    assert (off[0] * off[1] < 0).all()


def test_slopes_are_those_of_differences(chain: Chain) -> None:
    random = np.random.default_rng(4)
    turns = matrix_from_axis_angle(random.normal(0, 1.0, (20, 3)))
    off, slopes = beyond_hinges(chain, posed(turns))
    step = 1e-6
    for axis in range(3):
        nudge = matrix_from_axis_angle(step * np.eye(3)[axis])
        moved, _ = beyond_hinges(chain, posed(turns @ nudge))
        assert np.allclose((moved - off) / step, slopes[..., axis], atol=1e-5)
    assert (off != 0).mean() > 0.3
