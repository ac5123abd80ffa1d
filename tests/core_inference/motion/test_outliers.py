"""Landmarks on the wrong limb or leaping: found and repaired, and nothing else touched."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.motion.evidence import SIDES
from pose2rig.core_inference.motion.outliers import KEPT, LIMBS, LONGEST_S, LOST, repaired
from pose2rig.core_inference.motion.points import Points, points_from_raw
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.synthetic import KnownMotion, exact_take, known_motion

from ..known_motions import AVERAGE, FPS, random_motion
from ..walkers import walk

Float64 = NDArray[np.float64]
Rows = NDArray[np.int64]


def points_of(motion: KnownMotion, time_s: Float64, body: BodyModel) -> Points:
    return points_from_raw(exact_take(motion, body, time_s), body)


@pytest.fixture(scope="module")
def walking(body: BodyModel) -> Points:
    """A walker seen from aside, whose legs and arms pass each other in the picture."""
    motion, time_s = walk(body, seconds=6.0, turn_deg=60.0)
    return points_of(motion, time_s, body)


def shaken(points: Points, seed: int) -> Points:
    """With the jitter of an estimator."""
    rng = np.random.default_rng(seed)
    return replace(
        points,
        image=points.image + rng.normal(0.0, 2.0, points.image.shape),
        positions=points.positions + rng.normal(0.0, 0.006, points.positions.shape),
    )


def columns_of(points: Points, limb: str) -> tuple[list[int], list[int]]:
    left, right = (
        points.columns(tuple(f"body_{side}_{name}" for name in LIMBS[limb][1:])) for side in SIDES
    )
    return left, right


def with_sides_exchanged(points: Points, limb: str, rows: Rows) -> Points:
    left, right = columns_of(points, limb)
    arrays = {name: getattr(points, name).copy() for name in ("positions", "image")}
    for array in arrays.values():
        array[rows[:, None], left], array[rows[:, None], right] = (
            array[rows[:, None], right],
            array[rows[:, None], left],
        )
    return replace(points, **arrays)


def apart_px(points: Points, limb: str) -> Float64:
    """How far the ends of both limbs (T,) are apart in the picture."""
    left, right = columns_of(points, limb)
    return np.linalg.norm(points.image[:, left] - points.image[:, right], axis=-1).mean(axis=1)


def test_clean_motion_is_left_alone(walking: Points, body: BodyModel) -> None:
    seeds = [random_motion(body, seed, seconds=6.0) for seed in (1, 2, 3)]
    for points in [walking, *(points_of(*motion, body) for motion in seeds)]:
        for seen in (points, shaken(points, 4)):
            for name in ("positions", "image", "scores"):
                np.testing.assert_array_equal(getattr(repaired(seen), name), getattr(seen, name))


@pytest.mark.slow
def test_recorded_motion_is_left_alone(shared_dir: Path, body: BodyModel) -> None:
    for path in sorted((shared_dir / "footage" / "mocap").glob("*.bvh")):
        if path.stem == "makehuman_face_poseunits":
            continue
        rest = np.asarray(body.rest_joints(AVERAGE), dtype=np.float64)
        motion = body_motion(load_bvh(path), rest)
        step = max(1, round(1.0 / FPS / (motion.time_s[1] - motion.time_s[0])))
        known = known_motion(body, motion.rotations[::step], motion.trans[::step], AVERAGE)
        points = points_of(known, motion.time_s[::step], body)
        np.testing.assert_array_equal(repaired(points).scores, points.scores)
        np.testing.assert_array_equal(repaired(points).image, points.image)


@pytest.mark.parametrize("frames", [1, 3, 8])
@pytest.mark.parametrize("limb", ["arm", "leg"])
def test_exchanged_sides_are_exchanged_back(walking: Points, limb: str, frames: int) -> None:
    """More than nine in ten of those that show in the picture, and their scores tell of it."""
    seen = shaken(walking, 5)
    starts = np.arange(10, len(seen.time_s) - frames - 5, 11 + 3 * frames)
    rows = (starts[:, None] + np.arange(frames)).ravel()
    back = repaired(with_sides_exchanged(seen, limb, rows))
    left, right = columns_of(seen, limb)
    both = [*left, *right]
    off_T = np.linalg.norm(back.image - seen.image, axis=-1)[:, both].max(axis=1)
    visible = apart_px(seen, limb)[rows] > 0.2 * np.ptp(seen.image[0, :, 1])
    assert visible.sum() >= 3
    assert np.mean(off_T[rows][visible] == 0.0) > 0.9
    others = np.delete(np.arange(len(off_T)), rows)
    assert not off_T[others].any()
    found = rows[off_T[rows] == 0.0]
    np.testing.assert_array_equal(back.scores[found][:, both], KEPT)
    assert np.mean(back.scores[others][:, both] == 1.0) > 0.99


def test_what_is_exchanged_for_long_is_taken_for_the_truth(walking: Points) -> None:
    rows = np.arange(30, 30 + round(2.0 * LONGEST_S * FPS))
    seen = with_sides_exchanged(walking, "leg", rows)
    np.testing.assert_array_equal(repaired(seen).image[rows], seen.image[rows])


def test_a_landmark_that_leaps_away_and_back_loses_its_score(walking: Points) -> None:
    wrist = walking.index["body_left_wrist"]
    image, positions = walking.image.copy(), walking.positions.copy()
    image[40:43, wrist] += 200.0
    positions[40:43, wrist] += 0.3
    back = repaired(replace(walking, image=image, positions=positions))
    np.testing.assert_array_equal(np.flatnonzero(back.scores[:, wrist] < 1.0), [40, 41, 42])
    assert (back.scores[40:43, wrist] == LOST).all()
    assert (np.delete(back.scores, wrist, axis=1) == 1.0).all()


def test_a_leap_from_which_it_does_not_come_back_is_believed(walking: Points) -> None:
    wrist = walking.index["body_left_wrist"]
    image = walking.image.copy()
    image[90:, wrist] += 200.0
    seen = replace(walking, image=image)
    np.testing.assert_array_equal(repaired(seen).scores, seen.scores)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_frames_are_left_alone(walking: Points, count: int) -> None:
    arrays = {name: getattr(walking, name)[:count] for name in ("positions", "image", "scores")}
    few = replace(walking, **arrays, time_s=walking.time_s[:count])
    np.testing.assert_array_equal(repaired(few).image, few.image)


def test_a_clip_whose_legs_were_exchanged_is_the_clip_of_the_true_ones(body: BodyModel) -> None:
    motion, time_s = walk(body, seconds=3.0, turn_deg=60.0)
    raw = exact_take(motion, body, time_s)
    apart = apart_px(points_of(motion, time_s, body), "leg")
    rows = np.flatnonzero(apart > np.quantile(apart, 0.6))[::6]
    arrays = {name: getattr(raw, name).copy() for name in ("landmarks2d", "landmarks3d")}
    left, right = (
        [raw.landmark_names.index(f"body_{side}_{name}") for name in LIMBS["leg"][1:]]
        for side in SIDES
    )
    for array in arrays.values():
        array[rows[:, None], left], array[rows[:, None], right] = (
            array[rows[:, None], right],
            array[rows[:, None], left],
        )
    whole, mended = solve(raw, body), solve(replace(raw, **arrays), body)
    off = (whole.joints - whole.joints[:, :1]) - (mended.joints - mended.joints[:, :1])
    assert np.linalg.norm(off, axis=-1).max() < 0.02
    assert mended.scores[rows, 4].max() <= KEPT + 1e-6
