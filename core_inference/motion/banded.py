"""Least squares over a whole clip: terms of single frames and of neighbours, solved at once.

The normal equations of such terms are banded: their cost grows with the length of the clip, not
with its square. All terms come in units of their sigma.

Legend: T frames, P parameters of a frame, R residuals, K spans of neighbouring frames.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

Float64 = NDArray[np.float64]

REACH = 2
"""A span reaches at most so many frames ahead."""


class NormalEquations:
    """A sum of squared terms, each linear in the step (T,P) that is sought."""

    def __init__(self, frames: int, parameters: int) -> None:
        self._blocks = [
            np.zeros((max(frames - ahead, 0), parameters, parameters)) for ahead in range(REACH + 1)
        ]
        self._gradient_TP = np.zeros((frames, parameters))

    def add(self, residuals_TR: Float64, slopes_TRP: Float64) -> None:
        """Add terms of one frame each."""
        self.add_spans(residuals_TR, [slopes_TRP])

    def add_spans(self, residuals_KR: Float64, slopes_KRP: Sequence[Float64]) -> None:
        """Add terms of one to three neighbours, with each neighbour's slopes, frame k's first."""
        count = len(residuals_KR)
        turned_KPR = [np.swapaxes(slopes, -1, -2) for slopes in slopes_KRP]
        for early, turned in enumerate(turned_KPR):
            pulled_KP = (turned @ residuals_KR[..., None])[..., 0]
            self._gradient_TP[early : early + count] += pulled_KP
            for late in range(early, len(turned_KPR)):
                block = self._blocks[late - early][early : early + count]
                block += turned @ slopes_KRP[late]

    def add_own(
        self, residuals_KR: Float64, columns: slice, parts_KR: Sequence[Float64 | float]
    ) -> None:
        """Add terms whose slopes are the parameters in `columns` themselves, times parts."""
        count = len(residuals_KR)
        numbers = np.arange(columns.start, columns.stop)
        for early, part in enumerate(parts_KR):
            self._gradient_TP[early : early + count, columns] += part * residuals_KR
            for late in range(early, len(parts_KR)):
                block = self._blocks[late - early][early : early + count]
                block[:, numbers, numbers] += part * parts_KR[late]

    def step(self, damping: float) -> Float64:
        """The step (T,P) that makes the sum least, held back a little by the damping."""
        frames, parameters = self._gradient_TP.shape
        width = (REACH + 1) * parameters - 1
        bands = np.zeros((width + 1, frames * parameters), order="F")
        row_PP, column_PP = np.indices((parameters, parameters))
        for ahead, blocks in enumerate(self._blocks):
            kept_PP = np.ones_like(row_PP, dtype=bool) if ahead else row_PP <= column_PP
            rows_B = (width + row_PP - column_PP - ahead * parameters)[kept_PP]
            first_K1 = parameters * (np.arange(len(blocks)) + ahead)[:, None]
            bands[rows_B, first_K1 + column_PP[kept_PP]] = blocks[:, kept_PP]
        bands[-1] += damping
        step = solveh_banded(
            bands, -self._gradient_TP.ravel(), overwrite_ab=True, check_finite=False
        )
        return np.asarray(step, dtype=np.float64).reshape(frames, parameters)
