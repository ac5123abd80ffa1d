"""Where the person stands: the root in metres from 2D landmarks, the posed body and the lens.

Legend: T frames, N landmarks.
"""

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

ROBUST_ROUNDS = 3
ROBUST_SCALE = 0.02
"""Residuals, in image heights of the person, beyond which a landmark loses its say."""

MIN_DEPTH_M = 0.2


def solve_root(
    body_TN3: Float64, image_TN2: Float64, weights_TN: Float64, focal_px: float
) -> Float64:
    """The translation (T,3) m, camera axes, that puts posed points onto their pixels.

    Args: body_TN3 m, camera axes, relative to the pelvis; image_TN2 px from the principal point;
        weights_TN 0 and up; focal_px.
    A point at depth z projects to f x / z, so u (z + t_z) = f (x + t_x) is linear in t: weighted
    least squares in closed form for all frames at once, repeated with outliers weighed down.
    """
    rays_TN2 = image_TN2 / focal_px
    size_T = np.maximum(np.ptp(rays_TN2[..., 1], axis=1), 1e-3)
    weights = weights_TN.copy()
    translation_T3 = np.zeros((len(body_TN3), 3))
    for _ in range(ROBUST_ROUNDS):
        translation_T3 = _weighted(body_TN3, rays_TN2, weights)
        placed = body_TN3 + translation_T3[:, None]
        depth = np.maximum(placed[..., 2:], MIN_DEPTH_M)
        miss = np.linalg.norm(placed[..., :2] / depth - rays_TN2, axis=-1)
        weights = weights_TN / (1.0 + (miss / (ROBUST_SCALE * size_T[:, None])) ** 2)
    return translation_T3


def _weighted(body_TN3: Float64, rays_TN2: Float64, weights_TN: Float64) -> Float64:
    """One round: the normal equations (T,3,3) of both image axes, solved together."""
    count = len(body_TN3)
    rows = np.zeros((*rays_TN2.shape, 3))
    rows[..., 0, 0] = 1.0
    rows[..., 1, 1] = 1.0
    rows[..., 2] = -rays_TN2
    targets = rays_TN2 * body_TN3[..., 2:] - body_TN3[..., :2]
    rows = rows.reshape(count, -1, 3)
    weights = np.repeat(weights_TN, 2, axis=1)
    normal = np.einsum("tni,tn,tnj->tij", rows, weights, rows) + 1e-9 * np.eye(3)
    right = np.einsum("tni,tn,tn->ti", rows, weights, targets.reshape(count, -1))
    translation = np.linalg.solve(normal, right[..., None])[..., 0]
    translation[:, 2] = np.maximum(translation[:, 2], MIN_DEPTH_M)
    return translation
