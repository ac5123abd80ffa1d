"""One explanation of a camera's motion, carried on for long and through its state."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.camera_chain import FIRST, Chain, Pose
from pose2rig.rigs.rotation import matrix_from_axis_angle

Float64 = NDArray[np.float64]

STEP: Float64 = np.asarray(matrix_from_axis_angle(np.array([0.001, -0.01, 0.002])), np.float64)


def carried(count: int) -> Chain:
    """Each frame begins where the one before was expected to end; every third is a key picture."""
    chain = Chain()
    chain.add(FIRST, 1.0)
    for k in range(count):
        likely_33 = chain.expected().rotation @ chain.key.rotation.T
        seen_33 = STEP @ chain.last.rotation @ chain.key.rotation.T
        rotation_33 = 0.5 * (likely_33 + seen_33) @ chain.key.rotation
        place: Float64 = np.array([0.01, -0.02]) * float(k)
        chain.add(Pose(rotation=rotation_33, place=place, zoom=1.001 ** (k + 1)), 0.9)
        if k % 3 == 0:
            chain.key = chain.last
    return chain


def test_rotations_stay_rotations_over_a_thousand_key_pictures() -> None:
    last_33 = carried(3000).last.rotation
    np.testing.assert_allclose(last_33 @ last_33.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(last_33) == pytest.approx(1.0)


def test_half_of_the_last_step_is_expected_again() -> None:
    chain = Chain()
    chain.add(FIRST, 1.0)
    chain.add(Pose(rotation=STEP, place=np.array([0.2, 0.0]), zoom=1.21), 1.0)
    expected = chain.expected()
    np.testing.assert_allclose(expected.place, [0.3, 0.0])
    assert expected.zoom == pytest.approx(1.331)
    half_33 = matrix_from_axis_angle(1.5 * np.array([0.001, -0.01, 0.002]))
    np.testing.assert_allclose(expected.rotation, half_33, atol=1e-5)
    assert chain.has_left and not Chain(rows=chain.rows[:1], shares=[1.0]).has_left


def test_a_chain_comes_back_from_its_state_to_the_last_bit() -> None:
    chain = carried(20)
    again = Chain.from_state(json.loads(json.dumps(chain.state())))
    assert again.state() == chain.state()
    np.testing.assert_array_equal(again.zooms(), chain.zooms())
    np.testing.assert_array_equal(again.turns(), chain.turns())
    np.testing.assert_array_equal(again.expected().row, chain.expected().row)


def test_rows_of_another_length_are_refused() -> None:
    state = carried(4).state()
    with pytest.raises(ValueError, match="reshape"):
        Chain.from_state({**state, "key": [0.0] * 5})
