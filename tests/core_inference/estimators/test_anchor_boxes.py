"""Detections from anchors: how many there are, where they say things are, each thing once."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.anchor_boxes import Found, anchors, found

Float32 = NDArray[np.float32]
SIDE = 224


@pytest.fixture(scope="module")
def grid() -> Float32:
    return anchors(SIDE, (8, 16, 32, 32, 32))


def raw(grid: Float32, sightings: dict[int, tuple[float, Float32]]) -> tuple[Float32, Float32]:
    """Return a network's outputs: nothing anywhere but logits and boxes at some anchors.

    A box is its middle and sides in 0..1; the two points are its middle and its right end.
    """
    offsets = np.zeros((len(grid), 8), dtype=np.float32)
    logits = np.full((len(grid), 1), -1000, dtype=np.float32)
    for index, (logit, box) in sightings.items():
        logits[index] = logit
        end = box[:2] + [box[2] / 2, 0]
        shifts = (box[:2] - grid[index], box[2:], box[:2] - grid[index], end - grid[index])
        offsets[index] = np.concatenate(shifts) * SIDE
    return offsets, logits


def test_anchors_of_the_person_and_of_the_face_detector(grid: Float32) -> None:
    assert grid.shape == (2254, 2)
    assert anchors(128, (8, 16, 16, 16)).shape == (896, 2)
    np.testing.assert_allclose(grid[:4], np.array([[4, 4], [4, 4], [12, 4], [12, 4]]) / SIDE)
    np.testing.assert_allclose(grid[-6:], 1 - 16 / np.float32(SIDE), rtol=1e-6)
    assert len(np.unique(grid[:1568], axis=0)) == 28 * 28


def test_what_a_box_says_is_read_off(grid: Float32) -> None:
    box = np.array([0.4, 0.6, 0.2, 0.1], dtype=np.float32)
    people = found(*raw(grid, {700: (1000.0, box)}), grid, SIDE)
    np.testing.assert_allclose(people.boxes, [[0.3, 0.55, 0.5, 0.65]], atol=1e-6)
    np.testing.assert_allclose(people.points, [[[0.4, 0.6], [0.5, 0.6]]], atol=1e-6)
    np.testing.assert_allclose(people.scores, [1.0])


def test_sightings_of_one_thing_are_averaged_by_score_and_others_kept(grid: Float32) -> None:
    one, same, other = (
        np.array([x, 0.5, 0.2, 0.2], dtype=np.float32) for x in (0.300, 0.320, 0.600)
    )
    sightings = {10: (0.4, same), 500: (2.0, one), 2000: (1.0, other), 900: (-0.1, other)}
    people = found(*raw(grid, sightings), grid, SIDE)
    weights = 1 / (1 + np.exp(-np.array([2.0, 0.4])))
    middle = weights @ [0.300, 0.320] / weights.sum()
    np.testing.assert_allclose(people.points[:, 0, 0], [middle, 0.6], atol=1e-6)
    np.testing.assert_allclose(people.scores, 1 / (1 + np.exp([-2.0, -1.0])), rtol=1e-6)


def test_nothing_is_found_where_nothing_is_sure(grid: Float32) -> None:
    box = np.array([0.4, 0.6, 0.2, 0.1], dtype=np.float32)
    people = found(*raw(grid, {700: (-0.01, box)}), grid, SIDE)
    assert people.boxes.shape == (0, 4)
    assert people.points.shape == (0, 2, 2)


def test_detections_of_unequal_number_are_refused() -> None:
    with pytest.raises(ValueError, match="2 boxes"):
        Found(
            boxes=np.zeros((1, 4), dtype=np.float32),
            points=np.zeros((2, 4, 2), dtype=np.float32),
            scores=np.zeros(2, dtype=np.float32),
        )
