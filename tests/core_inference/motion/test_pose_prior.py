"""How people hold themselves: limits on both sides alike, and a file that must be there."""

from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.motion import pose_prior
from pose2rig.core_inference.motion.chain import MOVING
from pose2rig.core_inference.motion.pose_prior import LIMIT_SIGMA_RAD, load_pose_prior
from pose2rig.rigs.errors import ModelFileError
from pose2rig.rigs.skeleton import JOINT

MIRROR = np.array([1.0, -1.0, -1.0])


def row(name: str) -> slice:
    first = 3 * (MOVING.index(JOINT[name]) - 1)
    return slice(first, first + 3)


@pytest.mark.parametrize("name", ["hip", "knee", "ankle", "collar", "elbow"])
def test_the_right_side_can_do_what_the_left_can(name: str) -> None:
    prior = load_pose_prior()
    left, right = row(f"left_{name}"), row(f"right_{name}")
    ends = prior.low[left] * MIRROR, prior.high[left] * MIRROR
    np.testing.assert_allclose(prior.low[right], np.minimum(*ends))
    np.testing.assert_allclose(prior.high[right], np.maximum(*ends))
    assert (prior.low[left] < prior.high[left]).all()


def test_within_the_limits_nothing_is_beyond_and_past_them_by_how_much() -> None:
    prior = load_pose_prior()
    angles = np.clip(np.zeros_like(prior.low), prior.low, prior.high)[None]
    assert not prior.beyond(angles).any()
    knee = row("left_knee").start
    angles[0, knee] = np.radians(160.0)
    beyond = prior.beyond(angles)
    assert beyond[0, knee] == pytest.approx(np.radians(10.0) / LIMIT_SIGMA_RAD)
    angles[0, knee] = np.radians(-13.0)
    assert prior.beyond(angles)[0, knee] == pytest.approx(-np.radians(10.0) / LIMIT_SIGMA_RAD)
    assert (prior.beyond(angles) != 0.0).sum() == 1


def test_the_mean_is_usual_and_a_knee_bent_backwards_is_not() -> None:
    prior = load_pose_prior()
    assert not prior.unusual(prior.mean[None]).any()
    standing = np.zeros((1, len(prior.mean)))
    odd = standing.copy()
    odd[0, row("left_knee").start] = np.radians(-60.0)
    far = [float(np.square(prior.unusual(pose)).mean()) for pose in (standing, odd)]
    assert far[0] < 4.0
    assert far[1] > 1.5 * far[0]


@pytest.mark.parametrize("content", [None, b"no archive", {"mean": np.zeros(3)}, "shape"])
def test_a_prior_that_cannot_be_used_says_so(
    content: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "prior.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, mean=np.zeros(3))
    elif content == "shape":
        np.savez(path, mean=np.zeros(3), covariance=np.eye(3))
    monkeypatch.setattr(pose_prior, "PATH", path)
    load_pose_prior.cache_clear()
    with pytest.raises(ModelFileError, match=r"prior\.npz"):
        load_pose_prior()
    load_pose_prior.cache_clear()
