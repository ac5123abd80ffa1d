"""The depth of links over a whole take, from lengths, landmarks and bounded acceleration."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.motion.depth import DEPTH_SIGMA_M, Link, link_depth

Float64 = NDArray[np.float64]

LENGTH_M = 0.25
RATE_HZ = 30.0


def swing(hertz: float, degrees: float, seconds: float = 4.0, plane: float = 0.5) -> Float64:
    """A link (T,3) m that swings about upright; plane: how much of it is in depth, 0..1."""
    time_s = np.arange(0.0, seconds, 1 / RATE_HZ)
    angle = np.radians(degrees) * np.sin(2 * np.pi * hertz * time_s)
    aside, depth = np.sqrt(1 - plane) * np.sin(angle), np.sqrt(plane) * np.sin(angle)
    return LENGTH_M * np.stack((aside, depth, np.cos(angle)), axis=1)


def link(seen_T3: Float64) -> Link:
    return Link(
        seen=seen_T3,
        trust=np.ones(len(seen_T3)),
        time_s=np.arange(len(seen_T3)) / RATE_HZ,
        length_m=LENGTH_M,
        length_sigma_m=0.02,
        acceleration=15.0,
    )


def noisy(truth_T3: Float64, seed: int = 0) -> Float64:
    """The link as landmarks see it: off in depth by a constant and by what comes and goes."""
    random = np.random.default_rng(seed)
    drift = np.zeros(len(truth_T3))
    keep = np.exp(-1 / RATE_HZ / 0.15)
    for frame in range(1, len(drift)):
        drift[frame] = keep * drift[frame - 1] + np.sqrt(1 - keep**2) * random.normal(0, 0.05)
    seen = truth_T3.copy()
    seen[:, 1] += random.normal(0, 0.05) + drift + random.normal(0, 0.01, len(drift))
    return seen


def test_a_still_link_seen_rightly_stays() -> None:
    still = np.tile([0.15, 0.2, 0.0], (40, 1))
    np.testing.assert_allclose(link_depth(link(still)), 0.2, atol=1e-6)


@pytest.mark.parametrize("hertz", [1.0, 2.0, 3.0])
def test_a_wide_fast_swing_keeps_its_depth(hertz: float) -> None:
    truth = swing(hertz, 70.0)
    middle = slice(30, -30)
    kept = np.std(link_depth(link(truth))[middle]) / np.std(truth[middle, 1])
    assert 0.93 < kept < 1.05


def test_depth_is_nearer_the_truth_than_the_landmarks_and_as_calm() -> None:
    for seed in range(5):
        truth = swing(0.5, 50.0)
        seen = noisy(truth, seed)
        depth = link_depth(link(seen))
        errors = [np.abs(one - truth[:, 1]).mean() for one in (depth, seen[:, 1])]
        assert errors[0] < 0.75 * errors[1]
        jerks = [np.abs(np.diff(one, n=2)).mean() for one in (depth, seen[:, 1], truth[:, 1])]
        assert jerks[0] < 0.2 * jerks[1]
        assert jerks[0] < 3.0 * jerks[2]


def test_the_side_it_points_to_does_not_flicker() -> None:
    truth = np.tile([0.2, 0.15, 0.0], (60, 1))
    seen = truth.copy()
    seen[20:23, 1] = -0.15
    assert (link_depth(link(seen)) > 0.1).all()
    seen[30:] = [0.2, -0.15, 0.0]
    depth = link_depth(link(seen))
    assert depth[10] > 0.1
    assert depth[50] < -0.1


def test_an_unseen_spell_is_bridged() -> None:
    truth = swing(0.5, 50.0)
    seen = truth.copy()
    seen[50:56] = [0.0, 5.0, 0.0]
    blind = link(seen)
    trust = blind.trust.copy()
    trust[50:56] = 1e-3
    depth = link_depth(replace(blind, trust=trust))
    assert np.abs(depth - truth[:, 1]).max() < DEPTH_SIGMA_M / 3


def test_it_depends_on_seconds_and_not_on_frames() -> None:
    every = swing(1.0, 50.0)
    half = link(every[::2])
    half = replace(half, time_s=link(every).time_s[::2])
    np.testing.assert_allclose(link_depth(half), link_depth(link(every))[::2], atol=0.02)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_frames_are_enough(count: int) -> None:
    seen = np.tile([0.15, 0.1, 0.0], (count, 1))
    depth = link_depth(link(seen))
    assert depth.shape == (count,)
    assert (depth > 0.1).all()
    assert (depth < 0.2).all()
