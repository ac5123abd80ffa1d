"""Turns and walks of a camera from points alone, with wrong ones among them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.camera_fit import fit_turn, fit_zoom, projected
from pose2rig.core_inference.camera_walk import Walk, WalkSight, fit_walk
from pose2rig.rigs.rotation import angle_between, matrix_from_axis_angle

Float64 = NDArray[np.float64]

REACH = 0.003
TURN = np.asarray(matrix_from_axis_angle(np.array([0.02, -0.08, 0.03])), dtype=np.float64)
RESTING = Walk(rotation=np.eye(3), way=np.zeros(2))


def flat(rays_N3: Float64) -> Float64:
    return np.concatenate([projected(rays_N3), np.ones((len(rays_N3), 1))], axis=1)


def spread_rays(count: int, seed: int = 1) -> Float64:
    random = np.random.default_rng(seed)
    plane = random.uniform([-0.5, -0.3], [0.5, 0.3], (count, 2))
    return np.concatenate([plane, np.ones((count, 1))], axis=1)


def degrees_off(one_33: Float64, other_33: Float64) -> float:
    return float(np.degrees(angle_between(one_33, other_33)))


@pytest.mark.parametrize("wrong_share", [0.0, 0.3])
def test_a_turn_is_found_among_wrong_points(wrong_share: float) -> None:
    before = spread_rays(120)
    after = flat(before @ TURN.T)
    random = np.random.default_rng(2)
    after[:, :2] += random.normal(0.0, 0.0002, (120, 2))
    wrong = random.random(120) < wrong_share
    after[wrong, :2] += random.uniform(0.02, 0.1, (int(wrong.sum()), 2))
    turn = fit_turn(before, after, REACH, np.eye(3))
    assert degrees_off(turn.rotation, TURN) < 0.02
    np.testing.assert_array_equal(turn.fits, ~wrong)
    assert turn.share == pytest.approx(1.0 - wrong.mean())


def test_a_likely_turn_and_none_end_at_the_same() -> None:
    before = spread_rays(60, 4)
    after = flat(before @ TURN.T)
    turns = [fit_turn(before, after, REACH, likely) for likely in (TURN, np.eye(3))]
    assert degrees_off(turns[0].rotation, turns[1].rotation) < 1e-4


def scene(way: Float64, turn_33: Float64, seed: int = 3) -> tuple[Float64, Float64]:
    """Ground and things above it, before and after a walk; the camera is 1 high."""
    random = np.random.default_rng(seed)
    ground = random.uniform([-3, 1.0, 2.5], [3, 1.0, 9.0], (60, 3))
    things = random.uniform([-6, -4.0, 6.0], [6, 0.9, 14.0], (60, 3))
    points = np.concatenate([ground, things])
    return flat(points), flat((points - [way[0], 0.0, way[1]]) @ turn_33.T)


def test_a_walk_is_told_from_the_ground_and_a_turn_from_all() -> None:
    way = np.array([0.25, -0.1])
    before, after = scene(way, TURN)
    sight = WalkSight(before=before, after=after, level=np.eye(3), reach=REACH)
    fit = fit_walk(sight, Walk(rotation=TURN, way=np.array([0.2, -0.08])))
    assert degrees_off(fit.walk.rotation, TURN) < 0.05
    np.testing.assert_allclose(fit.walk.way, way, atol=0.01)
    assert fit.share > 0.95
    assert fit.grounded[:60].mean() > 0.95


def test_a_walk_survives_things_that_move_by_themselves() -> None:
    way = np.array([0.1, 0.05])
    before, after = scene(way, np.eye(3))
    random = np.random.default_rng(5)
    wrong = random.random(len(after)) < 0.2
    after[wrong, :2] += random.uniform(0.02, 0.1, (int(wrong.sum()), 2))
    sight = WalkSight(before=before, after=after, level=np.eye(3), reach=REACH)
    fit = fit_walk(sight, RESTING)
    np.testing.assert_allclose(fit.walk.way, way, atol=0.01)
    assert degrees_off(fit.walk.rotation, np.eye(3)) < 0.1


def test_without_ground_the_way_stays_as_expected() -> None:
    before = spread_rays(80)
    before[:, 1] = -np.abs(before[:, 1])
    after = flat(before @ TURN.T)
    sight = WalkSight(before=before, after=after, level=np.eye(3), reach=REACH)
    expected = Walk(rotation=TURN, way=np.array([0.02, 0.0]))
    fit = fit_walk(sight, expected)
    assert not fit.grounded.any()
    np.testing.assert_allclose(fit.walk.way, [0.0, 0.0], atol=0.1)


@pytest.mark.parametrize("wrong_share", [0.0, 0.3])
@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.25])
def test_a_zoom_is_found_beside_the_turn_among_wrong_points(
    zoom: float, wrong_share: float
) -> None:
    before = spread_rays(120)
    after = flat(before @ TURN.T) * [zoom, zoom, 1.0]
    random = np.random.default_rng(2)
    after[:, :2] += random.normal(0.0, 0.0002, (120, 2))
    wrong = random.random(120) < wrong_share
    after[wrong, :2] += random.uniform(0.02, 0.1, (int(wrong.sum()), 2))
    turn = fit_zoom(before, after, REACH, (np.eye(3), 1.0))
    assert turn.zoom == pytest.approx(zoom, rel=5e-4)
    assert degrees_off(turn.rotation, TURN) < 0.02
    np.testing.assert_array_equal(turn.fits, ~wrong)


def test_points_that_only_turned_have_no_zoom() -> None:
    before = spread_rays(60, 4)
    turn = fit_zoom(before, flat(before @ TURN.T), REACH, (np.eye(3), 1.1))
    assert turn.zoom == pytest.approx(1.0, abs=1e-9)
    assert degrees_off(turn.rotation, TURN) < 1e-4


def assert_turns(turn_33: Float64) -> None:
    np.testing.assert_allclose(turn_33 @ turn_33.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(turn_33) == pytest.approx(1.0, abs=1e-5)


def test_points_that_coincide_tell_no_turn_and_hide_none() -> None:
    """Two thirds of the points lie in four heaps, as corners do that were drawn together."""
    before = spread_rays(120)
    before[:80] = before[np.arange(80) % 4]
    after = flat(before @ TURN.T) * [1.1, 1.1, 1.0]
    zoom = fit_zoom(before, after, REACH, (np.eye(3), 1.0))
    assert zoom.zoom == pytest.approx(1.1, rel=1e-4)
    assert_turns(zoom.rotation)
    assert degrees_off(zoom.rotation, TURN) < 0.01
    turn = fit_turn(before, flat(before @ TURN.T), REACH, np.eye(3))
    assert degrees_off(turn.rotation, TURN) < 0.01


@pytest.mark.parametrize("heaps", [1, 2])
def test_a_rotation_comes_out_whatever_goes_in(heaps: int) -> None:
    rays = spread_rays(40)[np.arange(40) % heaps]
    elsewhere = spread_rays(40, 9)
    for before, after in ((rays, rays), (rays, elsewhere), (elsewhere, rays)):
        zoom = fit_zoom(before, after, REACH, (np.diag([-1.0, 1.0, -1.0]), 1.0))
        assert_turns(zoom.rotation)
        assert 0.1 < zoom.zoom < 10.0
        assert_turns(fit_turn(before, after, REACH, np.eye(3)).rotation)
