"""The root in metres: exact from exact pixels, robust against wrong ones, true to the lens."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.motion.placing import SIZES
from pose2rig.core_inference.motion.root import (
    MIN_DEPTH_M,
    Sight,
    size_at_depth,
    solve_root,
    steady_depth,
    told_of,
)

Float64 = NDArray[np.float64]

FOCAL_PX = 1200.0
COUNT = 30
TIME_S = np.arange(COUNT) / 30.0


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


def solved(
    points_TN3: Float64, pixels_TN2: Float64, weights_TN: Float64, focal_px: float = FOCAL_PX
) -> Float64:
    rays = pixels_TN2 / focal_px
    return solve_root(Sight(body=points_TN3, rays=rays, weights=weights_TN, time_s=TIME_S))


def test_exact_pixels_give_the_exact_place(points: Float64, places: Float64) -> None:
    found = solved(points, pixels(points, places), np.ones((COUNT, 18)))
    np.testing.assert_allclose(found, places, atol=1e-5)


def test_one_wrong_landmark_moves_the_place_little(points: Float64, places: Float64) -> None:
    seen = pixels(points, places)
    seen[:, 3] += np.array([150.0, -90.0])
    found = solved(points, seen, np.ones((COUNT, 18)))
    assert np.linalg.norm((found - places)[:, :2], axis=-1).max() < 0.05
    assert np.abs((found - places)[:, 2] / places[:, 2]).max() < 0.05


def test_landmarks_without_weight_say_nothing(points: Float64, places: Float64) -> None:
    seen, weights = pixels(points, places), np.ones((COUNT, 18))
    seen[:, :6] = 9999.0
    weights[:, :6] = 0.0
    seen[:, :6] = np.random.default_rng(2).normal(size=(COUNT, 6, 2)) * 20.0
    np.testing.assert_allclose(solved(points, seen, weights), places, atol=1e-4)


def test_twice_the_focal_length_is_about_twice_the_distance(
    points: Float64, places: Float64
) -> None:
    seen = pixels(points, places)
    near = solved(points, seen, np.ones((COUNT, 18)))
    far = solved(points, seen, np.ones((COUNT, 18)), 2.0 * FOCAL_PX)
    assert np.median(far[:, 2] / near[:, 2]) == pytest.approx(2.0, abs=0.15)


def test_nobody_stands_behind_the_camera(points: Float64) -> None:
    nonsense = np.random.default_rng(3).normal(size=(COUNT, 18, 2)) * 4000.0
    for weights in (np.ones((COUNT, 18)), np.zeros((COUNT, 18))):
        found = solved(points, nonsense, weights)
        assert np.isfinite(found).all()
        assert (found[:, 2] >= MIN_DEPTH_M).all()


def test_depth_does_not_leap_and_comes_back_for_a_moment() -> None:
    time_s = np.arange(120) / 30.0
    depth = 5.0 - 0.5 * time_s
    np.testing.assert_allclose(steady_depth(depth, time_s), depth, atol=1e-12)
    leaping = depth.copy()
    leaping[60:66] += 2.0
    found = steady_depth(leaping, time_s)
    assert np.abs(found - depth)[60:66].max() < 0.4
    np.testing.assert_allclose(steady_depth(leaping[:2], time_s[:2]), leaping[:2])


# --- a root that a network saw -----------------------------------------------------------------


def test_a_given_depth_holds_and_the_pixels_say_the_rest(points: Float64, places: Float64) -> None:
    """The person is told to be a tenth farther: as much farther aside, to stay on the pixels."""
    rays = pixels(points, places) / FOCAL_PX
    sight = Sight(body=points, rays=rays, weights=np.ones((COUNT, 18)), time_s=TIME_S)
    found = solve_root(told_of(sight, (1.1 * places).astype(np.float32)))
    np.testing.assert_allclose(found[:, 2], 1.1 * places[:, 2], rtol=1e-5)
    np.testing.assert_allclose(found[:, :2], 1.1 * places[:, :2], atol=0.12)


def test_where_no_landmark_is_seen_the_networks_pixel_remains(
    points: Float64, places: Float64
) -> None:
    rays = np.zeros((COUNT, 18, 2))
    sight = Sight(body=points, rays=rays, weights=np.zeros((COUNT, 18)), time_s=TIME_S)
    found = solve_root(told_of(sight, places.astype(np.float32)))
    np.testing.assert_allclose(found, places, atol=1e-4)


def test_a_depth_says_how_large_the_person_is() -> None:
    pelvis = np.array([[0.0, 4.0, 0.0], [0.0, 5.0, 0.0], [0.0, 2.0, 0.0]])
    nearer = np.array([[0.0, 0.0, 3.2], [0.0, 0.0, 4.0], [0.0, 0.0, 9.0]], np.float32)
    assert size_at_depth(pelvis, None) == 1.0
    assert size_at_depth(pelvis, nearer) == pytest.approx(0.8)
    assert size_at_depth(pelvis, 0.01 * nearer) == SIZES[0]
    assert size_at_depth(pelvis, 100.0 * nearer) == SIZES[1]
