"""One body for the whole clip: its shape from the lengths seen in all frames."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.points import points_from_raw
from pose2rig.core_inference.motion.proportions import (
    LENGTHS,
    MAX_SHAPE,
    solve_shape,
    weighted_quantile,
)
from pose2rig.core_inference.synthetic import exact_take, known_motion

from ..known_motions import random_motion

Float64 = NDArray[np.float64]


def take(body: BodyModel, betas: Float64) -> RawTake:
    """Exact landmarks of a body of that shape in motion."""
    motion, time_s = random_motion(body, seed=5, seconds=2.0)
    trans = motion.joints[:, 0]
    shaped = known_motion(body, motion.rotations, trans, betas)
    return exact_take(shaped, body, time_s)


def lengths(body: BodyModel, betas: Float64) -> list[float]:
    """The lengths that the solver looks at, of a body at rest."""
    rest = body.landmark_rest_points(betas)
    ends = [
        [rest[body.landmark_indices(group)].mean(axis=0) for group in (start, end)]
        for start, end, _ in LENGTHS
    ]
    return [float(np.linalg.norm(end - start)) for start, end in ends]


def test_the_average_body_is_found_as_the_average_body(body: BodyModel) -> None:
    found = solve_shape(points_from_raw(take(body, np.zeros(SHAPE_COUNT)), body), body)
    off = np.subtract(lengths(body, found), lengths(body, np.zeros(SHAPE_COUNT)))
    assert np.abs(off).max() < 0.015


@pytest.mark.parametrize("component", range(3))
@pytest.mark.parametrize("amount", [-1.0, 1.0])
def test_a_body_of_another_shape_gets_its_lengths_back(
    body: BodyModel, component: int, amount: float
) -> None:
    betas = np.zeros(SHAPE_COUNT)
    betas[component] = amount
    found = solve_shape(points_from_raw(take(body, betas), body), body)
    truth, average = lengths(body, betas), lengths(body, np.zeros(SHAPE_COUNT))
    off = np.abs(np.subtract(lengths(body, found), truth))
    assert off.max() < max(0.02, 0.5 * np.abs(np.subtract(average, truth)).max())


def test_what_was_never_seen_stays_average(body: BodyModel) -> None:
    raw = take(body, np.full(SHAPE_COUNT, 0.5))
    raw.landmark_scores[:] = 0.0
    found = solve_shape(points_from_raw(raw, body), body)
    np.testing.assert_allclose(found, 0.0, atol=1e-6)


def test_no_shape_leaves_what_bodies_can_be(body: BodyModel) -> None:
    raw = take(body, np.zeros(SHAPE_COUNT))
    raw.landmarks3d[:] *= 4.0
    found = solve_shape(points_from_raw(raw, body), body)
    assert np.abs(found).max() <= MAX_SHAPE


def test_a_weighted_quantile_splits_the_weights() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0])
    assert weighted_quantile(values, weights, 0.5) == 2.0
    assert weighted_quantile(values, np.array([10.0, 1.0, 1.0]), 0.5) == 3.0
    assert weighted_quantile(values, np.array([0.0, 1.0, 0.0]), 0.9) == 1.0
    assert weighted_quantile(values, np.zeros(3), 0.5) == 0.0
