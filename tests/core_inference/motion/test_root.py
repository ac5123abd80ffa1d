"""The root in metres: exact from exact pixels, robust against wrong ones, true to the lens."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.motion.root import MIN_DEPTH_M, solve_root

Float64 = NDArray[np.float64]

FOCAL_PX = 1200.0
COUNT = 30


@pytest.fixture
def points() -> Float64:
    """A body's worth of points (T,18,3) m about the pelvis, camera axes."""
    generator = np.random.default_rng(1)
    return generator.normal(size=(COUNT, 18, 3)) * np.array([0.25, 0.6, 0.2])


@pytest.fixture
def places() -> Float64:
    """A walk towards the camera and across."""
    share = np.linspace(0.0, 1.0, COUNT)
    return np.stack([2.0 * share - 1.0, 0.2 * share, 7.0 - 4.0 * share], axis=-1)


def pixels(points_TN3: Float64, places_T3: Float64, focal_px: float = FOCAL_PX) -> Float64:
    placed = points_TN3 + places_T3[:, None]
    return focal_px * placed[..., :2] / placed[..., 2:]


def test_exact_pixels_give_the_exact_place(points: Float64, places: Float64) -> None:
    found = solve_root(points, pixels(points, places), np.ones((COUNT, 18)), FOCAL_PX)
    np.testing.assert_allclose(found, places, atol=1e-5)


def test_one_wrong_landmark_moves_the_place_little(points: Float64, places: Float64) -> None:
    seen = pixels(points, places)
    seen[:, 3] += np.array([150.0, -90.0])
    found = solve_root(points, seen, np.ones((COUNT, 18)), FOCAL_PX)
    assert np.linalg.norm((found - places)[:, :2], axis=-1).max() < 0.05
    assert np.abs((found - places)[:, 2] / places[:, 2]).max() < 0.05


def test_landmarks_without_weight_say_nothing(points: Float64, places: Float64) -> None:
    seen, weights = pixels(points, places), np.ones((COUNT, 18))
    seen[:, :6] = 9999.0
    weights[:, :6] = 0.0
    seen[:, :6] = np.random.default_rng(2).normal(size=(COUNT, 6, 2)) * 20.0
    np.testing.assert_allclose(solve_root(points, seen, weights, FOCAL_PX), places, atol=1e-4)


def test_twice_the_focal_length_is_about_twice_the_distance(
    points: Float64, places: Float64
) -> None:
    seen = pixels(points, places)
    near = solve_root(points, seen, np.ones((COUNT, 18)), FOCAL_PX)
    far = solve_root(points, seen, np.ones((COUNT, 18)), 2.0 * FOCAL_PX)
    assert np.median(far[:, 2] / near[:, 2]) == pytest.approx(2.0, abs=0.15)


def test_nobody_stands_behind_the_camera(points: Float64) -> None:
    nonsense = np.random.default_rng(3).normal(size=(COUNT, 18, 2)) * 4000.0
    for weights in (np.ones((COUNT, 18)), np.zeros((COUNT, 18))):
        found = solve_root(points, nonsense, weights, FOCAL_PX)
        assert np.isfinite(found).all()
        assert (found[:, 2] >= MIN_DEPTH_M).all()
