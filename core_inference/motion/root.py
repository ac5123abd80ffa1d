"""Where the person stands: the root in metres from 2D landmarks, the posed body and the lens.

Legend: T frames, N landmarks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from .placing import SIZES

Float64 = NDArray[np.float64]

ROBUST_ROUNDS = 3
ROBUST_SCALE = 0.02
"""Residuals, in image heights of the person, beyond which a landmark loses its say."""

MIN_DEPTH_M = 0.2

STEADY_S = 1.0
DEPTH_LEAP = 0.06
"""Depth may leave the median of the second before and after by no more than this share of it.

A pose that is wrong in depth (a squat seen from the front) makes the whole person seem nearer or
farther; people themselves do not leap towards the camera and back within a second.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """Posed points and where they are seen.

    body (T,N,3) m, camera axes, relative to the pelvis; rays (T,N,2) pixels from the principal
    point over the focal length; weights (T,N), 0 and up; time_s (T,); depth (T,) m of
    the pelvis where something else says it, else None.
    """

    body: Float64
    rays: Float64
    weights: Float64
    time_s: Float64
    depth: Float64 | None = None


def solve_root(sight: Sight) -> Float64:
    """The translation (T,3) m, camera axes, that puts posed points onto their pixels.

    A point at depth z projects to f x / z, so u (z + t_z) = f (x + t_x) is linear in t: weighted
    least squares in closed form for all frames at once, repeated with outliers weighed down.
    Depth, this one or the given one, is then held steady, and the pixels say the rest at it.
    """
    body_TN3, rays_TN2, weights_TN = sight.body, sight.rays, sight.weights
    size_T = np.maximum(np.ptp(rays_TN2[..., 1], axis=1), 1e-3)
    weights = weights_TN.copy()
    translation_T3 = np.zeros((len(body_TN3), 3))
    for _ in range(ROBUST_ROUNDS):
        translation_T3 = _weighted(body_TN3, rays_TN2, weights)
        placed = body_TN3 + translation_T3[:, None]
        depth = np.maximum(placed[..., 2:], MIN_DEPTH_M)
        miss = np.linalg.norm(placed[..., :2] / depth - rays_TN2, axis=-1)
        weights = weights_TN / (1.0 + (miss / (ROBUST_SCALE * size_T[:, None])) ** 2)
    said_T = translation_T3[:, 2] if sight.depth is None else sight.depth
    depth_T = steady_depth(said_T, sight.time_s)
    aside = rays_TN2 * (body_TN3[..., 2:] + depth_T[:, None, None]) - body_TN3[..., :2]
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    lateral_T2 = np.einsum("tn,tni->ti", share, aside)
    return np.concatenate([lateral_T2, depth_T[:, None]], axis=1)


def told_of(sight: Sight, camera_root_T3: NDArray[np.float32]) -> Sight:
    """The same sight with what a network says of the pelvis (T,3) m, camera axes.

    Its depth holds; its pixel is one more point to meet, as sure as a landmark seen for certain.
    """
    root_T3 = camera_root_T3.astype(np.float64)
    depth_T = np.maximum(root_T3[:, 2], MIN_DEPTH_M)
    count = len(root_T3)
    return Sight(
        body=np.concatenate([sight.body, np.zeros((count, 1, 3))], axis=1),
        rays=np.concatenate([sight.rays, (root_T3[:, :2] / depth_T[:, None])[:, None]], axis=1),
        weights=np.concatenate([sight.weights, np.ones((count, 1))], axis=1),
        time_s=sight.time_s,
        depth=depth_T,
    )


def size_at_depth(pelvis_T3: Float64, camera_root_T3: NDArray[np.float32] | None) -> float:
    """How many times as large a person solved at a pelvis (T,3) m, world, is at another depth.

    The median over the frames, within `SIZES`; 1 where nothing says another depth (T,3) m, camera.
    """
    if camera_root_T3 is None:
        return 1.0
    factor_T = np.maximum(camera_root_T3[:, 2].astype(np.float64), MIN_DEPTH_M) / pelvis_T3[:, 1]
    return float(np.clip(np.median(factor_T), *SIZES))


def steady_depth(depth_T: Float64, time_s_T: Float64) -> Float64:
    """Depth (T,) m without leaps: deviations from the running median are cut off."""
    if len(depth_T) < 3:
        return depth_T
    half = round(STEADY_S / float(np.median(np.diff(time_s_T))))
    half = min(max(1, half), len(depth_T) - 1)
    before = 2.0 * depth_T[0] - depth_T[half:0:-1]
    after = 2.0 * depth_T[-1] - depth_T[-2 : -half - 2 : -1]
    median = median_filter(np.concatenate([before, depth_T, after]), size=2 * half + 1)
    median = median[half : half + len(depth_T)]
    leap = DEPTH_LEAP * np.abs(median)
    return np.maximum(median + np.clip(depth_T - median, -leap, leap), MIN_DEPTH_M)


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
