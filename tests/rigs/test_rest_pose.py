"""Rest poses: neutral, checked, and SMPL-X's upright."""

import numpy as np
import pytest

from pose2rig.rigs.errors import RigError
from pose2rig.rigs.rest_pose import UPRIGHT, RestPose, smplx_rest_pose
from pose2rig.rigs.skeleton import JOINT_NAMES, PARENTS

AXES = np.eye(3)


def test_upright_stands_y_up_and_faces_minus_y() -> None:
    """The head's direction goes up, the face's direction to -y, the left hand stays at +x."""
    assert np.array_equal(UPRIGHT @ AXES[1], [0, 0, 1])
    assert np.array_equal(UPRIGHT @ AXES[2], [0, -1, 0])
    assert np.array_equal(UPRIGHT @ AXES[0], [1, 0, 0])
    assert np.linalg.det(UPRIGHT) == 1.0


def test_smplx_rest_pose_turns_joints_and_gives_all_bones_one_orientation() -> None:
    """Heads are the rest joints stood upright, rotations all the same."""
    rest_joints = np.random.default_rng(3).normal(size=(55, 3))
    pose = smplx_rest_pose(rest_joints)
    assert pose.names == JOINT_NAMES
    assert pose.parents == PARENTS
    expected = np.stack([rest_joints[:, 0], -rest_joints[:, 2], rest_joints[:, 1]], axis=-1)
    assert np.allclose(pose.heads, expected, atol=1e-12)
    assert np.array_equal(pose.rotations, np.tile(UPRIGHT, (55, 1, 1)))


@pytest.mark.parametrize(
    ("names", "parents", "bones"),
    [
        (("a", "a"), (-1, 0), 2),
        (("a", "b"), (1, -1), 2),
        (("a", "b"), (-1, 1), 2),
        (("a", "b"), (-1, -2), 2),
        (("a", "b"), (-1,), 2),
        (("a", "b"), (-1, 0), 3),
    ],
)
def test_contradictions_are_refused(
    names: tuple[str, ...], parents: tuple[int, ...], bones: int
) -> None:
    """Double names, late or absent parents and disagreeing shapes raise RigError."""
    with pytest.raises(RigError, match="rest pose"):
        RestPose(
            names=names,
            parents=parents,
            heads=np.zeros((bones, 3)),
            rotations=np.tile(AXES, (bones, 1, 1)),
        )
