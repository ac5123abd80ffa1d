"""Least squares over neighbouring frames: the same step as the whole problem solved densely."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.motion.banded import NormalEquations

Float64 = NDArray[np.float64]

FRAMES, PARAMETERS = 7, 3


def dense_rows(slopes_KRP: list[Float64]) -> Float64:
    """Terms of neighbours as rows (K R, T P) of one large matrix."""
    spans, residuals = slopes_KRP[0].shape[:2]
    rows = np.zeros((spans, residuals, FRAMES, PARAMETERS))
    for ahead, slopes in enumerate(slopes_KRP):
        for frame in range(spans):
            rows[frame, :, frame + ahead] += slopes[frame]
    return rows.reshape(spans * residuals, FRAMES * PARAMETERS)


def dense_step(terms: list[tuple[Float64, list[Float64]]], damping: float) -> Float64:
    rows = np.concatenate([dense_rows(slopes) for _, slopes in terms])
    residuals = np.concatenate([residual.ravel() for residual, _ in terms])
    held = np.sqrt(damping) * np.eye(FRAMES * PARAMETERS)
    padded = np.concatenate([-residuals, np.zeros(len(held))])
    step = np.linalg.lstsq(np.concatenate([rows, held]), padded, rcond=None)[0]
    return np.asarray(step, dtype=np.float64).reshape(FRAMES, PARAMETERS)


@pytest.mark.parametrize("damping", [1e-6, 0.5])
def test_the_step_is_that_of_the_dense_problem(damping: float) -> None:
    rng = np.random.default_rng(1)
    own = (rng.normal(size=(FRAMES, 4)), [rng.normal(size=(FRAMES, 4, PARAMETERS))])
    terms: list[tuple[Float64, list[Float64]]] = [own]
    equations = NormalEquations(FRAMES, PARAMETERS)
    equations.add(own[0], own[1][0])
    for reach in (2, 3):
        spans = FRAMES + 1 - reach
        slopes = [rng.normal(size=(spans, 2, PARAMETERS)) for _ in range(reach)]
        terms.append((rng.normal(size=(spans, 2)), slopes))
        equations.add_spans(terms[-1][0], slopes)
    np.testing.assert_allclose(equations.step(damping), dense_step(terms, damping), atol=1e-9)


def test_terms_of_the_parameters_themselves_are_the_same_written_out() -> None:
    rng = np.random.default_rng(2)
    columns = slice(1, 3)
    spans = FRAMES - 2
    residuals = rng.normal(size=(spans, 2))
    parts = [rng.normal(size=(spans, 2)) for _ in range(3)]
    slopes = [np.zeros((spans, 2, PARAMETERS)) for _ in range(3)]
    for ahead in range(3):
        slopes[ahead][:, [0, 1], [1, 2]] = parts[ahead]
    anchor = (rng.normal(size=(FRAMES, 3)), rng.normal(size=(FRAMES, 3, PARAMETERS)))
    short, long = (NormalEquations(FRAMES, PARAMETERS) for _ in range(2))
    for equations in (short, long):
        equations.add(*anchor)
    short.add_own(residuals, columns, parts)
    long.add_spans(residuals, slopes)
    np.testing.assert_allclose(short.step(1e-3), long.step(1e-3), atol=1e-10)
    alone = NormalEquations(FRAMES, PARAMETERS)
    alone.add(*anchor)
    assert np.abs(short.step(1e-3) - alone.step(1e-3)).max() > 1e-2


def test_a_single_frame_and_two_are_enough() -> None:
    rng = np.random.default_rng(3)
    for frames in (1, 2):
        slopes = rng.normal(size=(frames, 5, PARAMETERS))
        sought = rng.normal(size=(frames, PARAMETERS))
        equations = NormalEquations(frames, PARAMETERS)
        equations.add(-(slopes @ sought[..., None])[..., 0], slopes)
        np.testing.assert_allclose(equations.step(0.0), sought, atol=1e-10)
