"""Landmarks that an estimator has on the wrong limb or leaps with, found and repaired.

Now and then the left and the right leg, or arm, are exchanged for some frames: there both limbs
leap to where the other one was, and back. Of all ways to exchange them or not, the one is taken
in which the limbs accelerate least and keep their lengths; an exchange has to be worth it. A
landmark that leaps away alone and comes back soon loses its score, so that its neighbours in time
speak for it. What was repaired scores lower, for whoever looks at the clip to see it.

Legend: T frames, L landmarks, N landmarks of a limb, S states (0 as seen, 1 exchanged).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .contacts import stretches
from .evidence import SIDES
from .points import Points
from .torso import HIPS

Float64 = NDArray[np.float64]

LIMBS = {
    "arm": ("shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
    "leg": ("hip", "knee", "ankle", "heel", "foot_index"),
}
"""Where a limb hangs, which is never exchanged, and what is."""

EXCHANGE_M = 0.1
OFTEN = 4.0
"""What each beginning and end of an exchange has to save, per landmark; and so many times what a
landmark usually accelerates from frame to frame."""

STAY_M = 0.01
"""What every frame of it has to save, per landmark."""

LONGEST_S = 1.0
"""What is exchanged for longer is taken for the truth."""

KEPT = 0.6
LOST = 0.1
"""The highest score of what was exchanged back, and of what leapt."""

LEAP_M = 0.15
LEAP_SHARE = 0.5
LEAP_S = 0.35
"""A landmark leaps whose step differs so much from those before and after; it has come back where
it is nearer than this share of its leap to where it left, after so long at most."""


def repaired(points: Points) -> Points:
    """The landmarks of a take with limbs exchanged back and leaping landmarks scored low."""
    if len(points.time_s) < 3:
        return points
    for limb, names in LIMBS.items():
        points = _exchanged_back(points, limb, names)
    return _without_leaps(points)


# --- exchanged sides ---------------------------------------------------------------------------


def _exchanged_back(points: Points, limb: str, names: tuple[str, ...]) -> Points:
    left, right = (
        points.columns(tuple(f"body_{side}_{name}" for name in names[1:])) for side in SIDES
    )
    rows = np.flatnonzero(exchanged(points, names))[:, None]
    if not rows.size:
        return points
    arrays = {name: getattr(points, name).copy() for name in ("positions", "image", "scores")}
    for array in arrays.values():
        array[rows, left], array[rows, right] = array[rows, right], array[rows, left]
    scores_TL = arrays["scores"]
    both = [*left, *right]
    scores_TL[rows, both] = np.minimum(scores_TL[rows, both], KEPT)
    if limb == "arm":
        hands = [k for name, k in points.index.items() if "_hand_" in name]
        scores_TL[rows, hands] = np.minimum(scores_TL[rows, hands], LOST)
    return replace(points, **arrays)


def exchanged(points: Points, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """In which frames (T,) the landmarks of both sides, after the first, are exchanged.

    The way through all frames that costs least (Viterbi 1967), over pairs of neighbours' states.
    """
    columns = [points.columns(tuple(f"body_{side}_{name}" for name in names)) for side in SIDES]
    seen_T2N2 = in_metres(points)[:, columns][:, :, 1:]
    trust_T = points.scores[:, columns].reshape(len(seen_T2N2), -1).min(axis=1)
    usual_m = float(np.median(_lengths(np.diff(seen_T2N2, n=2, axis=0))))
    marks = 2 * len(names[1:])
    switch = marks * (EXCHANGE_M + OFTEN * usual_m)
    states_TS2N2 = np.stack([seen_T2N2, seen_T2N2[:, ::-1]], axis=1)
    bent_TSSS = _accelerations(states_TS2N2) * trust_T[2:, None, None, None]
    odd_TS = _odd_lengths(points.positions[:, columns]) * trust_T[:, None] + marks * np.array(
        [0.0, STAY_M]
    )
    change_SS = switch * (1.0 - np.eye(2))
    cost_SS = (odd_TS[0] + change_SS[0])[:, None] + odd_TS[1] + change_SS
    came_from: list[NDArray[np.intp]] = []
    for bent_SSS, odd_S in zip(bent_TSSS, odd_TS[2:], strict=True):
        total_SSS = cost_SS[:, :, None] + bent_SSS + change_SS + odd_S
        came_from.append(total_SSS.argmin(axis=0))
        cost_SS = total_SSS.min(axis=0)
    last, now = np.unravel_index(cost_SS.argmin(), cost_SS.shape)
    states = [int(now), int(last)]
    for from_SS in reversed(came_from):
        states.append(int(from_SS[states[-1], states[-2]]))
    return _short(np.array(states[::-1], dtype=bool), points.time_s)


def _short(exchanged_T: NDArray[np.bool_], time_s_T: Float64) -> NDArray[np.bool_]:
    """The same without what lasts too long."""
    kept_T = exchanged_T.copy()
    for first, stop in stretches(exchanged_T):
        kept_T[first:stop] = time_s_T[stop - 1] - time_s_T[first] <= LONGEST_S
    return kept_T


def in_metres(points: Points) -> Float64:
    """Pixels about the hips' (T,L,2) m, as far apart as the body's 3D points are."""
    body = [k for name, k in points.index.items() if name.startswith("body_")]
    spread_px = points.image[:, body].std(axis=1).mean(axis=-1)
    spread_m = points.positions[:, body][..., [0, 2]].std(axis=1).mean(axis=-1)
    scale = np.median(spread_m) / np.maximum(np.median(spread_px), 1e-6)
    hips_T12 = points.image[:, points.columns(HIPS)].mean(axis=1, keepdims=True)
    return np.asarray((points.image - hips_T12) * scale, dtype=np.float64)


def _accelerations(states_TS2N2: Float64) -> Float64:
    """How much the limbs accelerate (T-2,S,S,S) m, summed, for the states of three neighbours."""
    first, second, third = states_TS2N2[:-2], states_TS2N2[1:-1], states_TS2N2[2:]
    bent = first[:, :, None, None] - 2.0 * second[:, None, :, None] + third[:, None, None]
    return np.asarray(_lengths(bent).sum(axis=(-2, -1)), dtype=np.float64)


def _odd_lengths(limbs_T2N3: Float64) -> Float64:
    """How far (T,S) m the first bones are from the usual length, both sides summed."""
    root_T23, middle_T23 = limbs_T2N3[:, :, 0], limbs_T2N3[:, :, 1]
    length_TS2 = np.stack(
        [_lengths(middle_T23 - root_T23), _lengths(middle_T23[:, ::-1] - root_T23)], axis=1
    )
    usual = np.median(length_TS2[:, 0], axis=0).mean()
    return np.asarray(np.abs(length_TS2 - usual).sum(axis=-1), dtype=np.float64)


# --- leaps -------------------------------------------------------------------------------------


def _without_leaps(points: Points) -> Points:
    columns = [k for name, k in points.index.items() if name.startswith("body_")]
    gone_TN = leapt(in_metres(points)[:, columns], points.time_s)
    gone_TN |= leapt(points.positions[:, columns], points.time_s)
    scores_TL = points.scores.copy()
    scores_TL[:, columns] = np.where(
        gone_TN, np.minimum(scores_TL[:, columns], LOST), scores_TL[:, columns]
    )
    return replace(points, scores=scores_TL)


def leapt(places_TND: Float64, time_s_T: Float64) -> NDArray[np.bool_]:
    """Where (T,N) landmarks, (T,N,2) or (T,N,3) m, have leapt away to come back soon."""
    step_KND = np.diff(places_TND, axis=0)
    before, after = np.roll(step_KND, 1, axis=0), np.roll(step_KND, -1, axis=0)
    before[0], after[-1] = after[0], before[-1]
    odd_KN = _lengths(step_KND - (before + after) / 2.0)
    usual_N = np.median(_lengths(np.diff(places_TND, n=2, axis=0)), axis=0)
    leaps_KN = odd_KN > LEAP_M + OFTEN * usual_N
    gone_TN = np.zeros(places_TND.shape[:2], dtype=bool)
    for leap, mark in np.argwhere(leaps_KN).tolist():
        path_TD = places_TND[:, mark]
        until = int(np.searchsorted(time_s_T, time_s_T[leap] + LEAP_S, side="right"))
        back_T = _lengths(path_TD[leap + 2 : until] - path_TD[leap])
        size = float(_lengths(step_KND[leap, mark]))
        returns = leaps_KN[leap + 1 : until - 1, mark] & (back_T < LEAP_SHARE * size)
        if returns.any():
            gone_TN[leap + 1 : leap + 2 + int(returns.argmax()), mark] = True
    return gone_TN


def _lengths(vectors: Float64) -> Float64:
    return np.asarray(np.linalg.norm(vectors, axis=-1), dtype=np.float64)
