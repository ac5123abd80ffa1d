"""Who was found where: average precision of people's roots in camera space.

Legend: N predicted roots, M true roots.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

ROOT_THRESHOLD_M = 0.25
"""A root nearer than this to the truth is found: AP_root25."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Roots:
    """People's roots: positions (N,3) m in camera space, and the image (N,) each one is in."""

    positions: Float64
    images: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.positions.shape != (len(self.images), 3) or self.images.ndim != 1:
            shapes = f"{self.positions.shape} and {self.images.shape}"
            raise ValueError(f"roots need positions (N,3) and images (N,), got {shapes}")


def root_average_precision(
    predicted: Roots, scores_N: Float64, truth: Roots, threshold_m: float = ROOT_THRESHOLD_M
) -> float:
    """AP of people's 3D root locations, 0..1; at 25 cm it is AP_root25.

    Predictions of all images are taken by falling score. Each belongs to the nearest true root of
    its image; it is right where that is nearer than the threshold and still free, else wrong.
    Predictions in images without a true root do not count. AP = sum over predictions n of
    precision_n (recall_n - recall_{n-1}), recall_0 = 0. The sum of the authors' released script
    begins with the second prediction, which gives at most one part in M less. Without any true
    root there is nothing to find: 0. Source: Moon, dissertation, section 2.8.1.
    """
    if not len(truth.images):
        return 0.0
    order = np.argsort(-scores_N, kind="stable")
    order = order[np.isin(predicted.images[order], truth.images)]
    found = _matches(predicted.positions[order], predicted.images[order], truth, threshold_m)
    precision = np.cumsum(found) / np.arange(1, len(found) + 1)
    return float(precision[found].sum()) / len(truth.images)


def _matches(
    positions_N3: Float64, images_N: NDArray[np.int64], truth: Roots, threshold_m: float
) -> NDArray[np.bool_]:
    """Which predictions, best first, take a free true root: greedy, so one after the other."""
    order = np.argsort(truth.images, kind="stable")
    truth_M3, images_M = truth.positions[order], truth.images[order]
    starts, ends = (np.searchsorted(images_M, images_N, side) for side in ("left", "right"))
    taken = np.zeros(len(images_M), dtype=bool)
    found = np.zeros(len(images_N), dtype=bool)
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        away = np.linalg.norm(truth_M3[start:end] - positions_N3[n], axis=-1)
        best = int(np.argmin(away))
        found[n] = away[best] < threshold_m and not taken[start + best]
        taken[start + best] |= found[n]
    return found
