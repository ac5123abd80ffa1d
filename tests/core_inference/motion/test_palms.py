"""Palms from the pixels of their landmarks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.motion.hands import PALM
from pose2rig.core_inference.motion.palms import turned_onto_pixels
from pose2rig.rigs.rotation import angle_between, matrix_from_axis_angle

Float64 = NDArray[np.float64]

COUNT = 40


def palm_at_rest(body: BodyModel, side: str) -> Float64:
    names = tuple(f"{side}_hand_{name}" for name in PALM)
    places_L3 = body.landmark_rest_points(np.zeros(10))
    return np.asarray(places_L3[body.landmark_indices(names)], dtype=np.float64)


def pixels(turn_T33: Float64, rest_N3: Float64, place_T3: Float64) -> Float64:
    """Rays (T,N,2) of a palm whose middle is at a place, world axes of a level camera."""
    points_TN3 = (rest_N3 - rest_N3.mean(axis=0)) @ np.swapaxes(turn_T33, 1, 2) + place_T3[:, None]
    return np.stack([points_TN3[..., 0], -points_TN3[..., 2]], axis=-1) / points_TN3[..., 1:2]


def tilted(rng: np.random.Generator, most_rad: float) -> Float64:
    return np.asarray(matrix_from_axis_angle(rng.uniform(-most_rad, most_rad, (COUNT, 3))))


def places(rng: np.random.Generator) -> Float64:
    return rng.uniform([-1.0, 2.0, -0.5], [1.0, 4.0, 0.5], (COUNT, 3))


def degrees(one: Float64, other: Float64) -> Float64:
    return np.degrees(angle_between(one, other))


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_palm_that_is_right_stays(body: BodyModel, side: str) -> None:
    rng = np.random.default_rng(3)
    rest_N3, turn_T33 = palm_at_rest(body, side), tilted(rng, 1.5)

    found = turned_onto_pixels(turn_T33, rest_N3, pixels(turn_T33, rest_N3, places(rng)))

    assert degrees(found, turn_T33).max() < 0.5


@pytest.mark.parametrize("side", ["left", "right"])
def test_pixels_mend_most_of_a_wrong_palm(body: BodyModel, side: str) -> None:
    rng = np.random.default_rng(4)
    facing_T33 = np.asarray(matrix_from_axis_angle(np.tile([0.0, 0.0, 0.3], (COUNT, 1))))
    turn_T33 = tilted(rng, 0.4) @ facing_T33 @ matrix_from_axis_angle(np.array([1.2, 0.0, 0.0]))
    rest_N3, wrong_T33 = palm_at_rest(body, side), tilted(rng, 0.4) @ turn_T33

    found = turned_onto_pixels(wrong_T33, rest_N3, pixels(turn_T33, rest_N3, places(rng)))

    before, after = degrees(wrong_T33, turn_T33), degrees(found, turn_T33)
    assert before.mean() > 15.0
    assert after.mean() < 0.5 * before.mean()


def test_how_far_away_a_hand_is_does_not_matter(body: BodyModel) -> None:
    rng = np.random.default_rng(5)
    rest_N3, turn_T33 = palm_at_rest(body, "left"), tilted(rng, 1.0)
    start_T33 = tilted(rng, 0.3) @ turn_T33
    ahead = np.tile([0.0, 1.0, 0.0], (COUNT, 1))

    near, far = (
        turned_onto_pixels(start_T33, rest_N3, pixels(turn_T33, rest_N3, away_m * ahead))
        for away_m in (5.0, 10.0)
    )

    assert degrees(near, far).max() < 1.0


def test_pixels_in_one_point_turn_nothing(body: BodyModel) -> None:
    rest_N3, turn_T33 = palm_at_rest(body, "right"), tilted(np.random.default_rng(6), 1.0)

    found = turned_onto_pixels(turn_T33, rest_N3, np.zeros((COUNT, len(rest_N3), 2)))

    assert np.isfinite(found).all()
