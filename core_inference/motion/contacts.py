"""Foot contacts of a clip, and the way up that they show.

Legend: T frames, S sole points (left heel, left toe, right heel, right toe).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Clip, replaced
from .evidence import NAMES
from .posing import world_matrices
from .soles import sole_points
from .stance import Stance, find_stance

Float64 = NDArray[np.float64]

FEET = [JOINT[name] for name in ("left_ankle", "left_foot", "right_ankle", "right_foot")]
"""The joints whose scores say how well heels and toes are seen."""


STANDS = {"auto": 0.5, "always": 0.25}
"""From this contact on a sole stands, as far as feet are held."""

SHORTEST_S = 0.06
"""Shorter contacts pass for noise."""

FARTHEST_M = 0.125
"""A sole that gets farther from its place while it is said to stand is sliding,"""

DRIFT_M_S = 0.05
"""unless it does so more slowly than this: then whoever looks is drifting."""


def stance_of(clip: Clip, body: BodyModel) -> Stance:
    """Which soles stand where in a clip, and which way is up."""
    marks_TN3 = body.landmark_points(
        world_matrices(clip), clip.joints.astype(np.float64), clip.open_betas, NAMES
    )
    points_TN3 = np.concatenate([marks_TN3, sole_points(clip, body)], axis=1)
    count = len(clip.frame_index)
    camera_T33 = np.broadcast_to(clip.camera.rotation.astype(np.float64), (count, 3, 3))
    seen = np.flatnonzero(clip.tracked)
    trust_TS = np.stack(
        [np.interp(clip.time_s, clip.time_s[seen], clip.scores[seen, joint]) for joint in FEET],
        axis=1,
    )
    return find_stance(points_TN3, trust_TS, camera_T33, clip.time_s)


def settled(contacts_TS: Float64, clip: Clip, body: BodyModel, mode: str) -> Float64:
    """Contacts (T,S) without blinks and slides; feet `always` held take them as they are."""
    kept_TS = contacts_TS.copy()
    frame_s = float(np.median(np.diff(clip.time_s))) if len(clip.time_s) > 1 else 0.0
    soles_TS3 = sole_points(clip, body)
    for sole in range(kept_TS.shape[1] if mode != "always" else 0):
        for first, stop in stretches(kept_TS[:, sole] > STANDS["auto"]):
            path_T3 = soles_TS3[first:stop, sole]
            travelled = np.linalg.norm(path_T3 - np.median(path_T3, axis=0), axis=1).max()
            lasted_s = clip.time_s[stop - 1] - clip.time_s[first] + frame_s
            slides = travelled > FARTHEST_M and travelled > DRIFT_M_S * lasted_s
            if lasted_s < SHORTEST_S or slides:
                kept_TS[first:stop, sole] = 0.0
    return kept_TS


def with_contacts(clip: Clip, contacts_TS: NDArray[np.floating[Any]]) -> Clip:
    """Fill in `contacts` (T,4): left heel, left toe, right heel, right toe, 0..1."""
    return replaced(clip, contacts=contacts_TS.astype(np.float32))


def stretches(standing_T: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each stretch that stands."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], standing_T.astype(np.int8), [0]])))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def speeds(points_TS3: Float64, time_s_T: Float64) -> Float64:
    """Metres per second (T,S) by central differences over presentation times; 0 for one frame."""
    if len(points_TS3) < 2:
        return np.zeros(points_TS3.shape[:-1])
    velocity = np.gradient(points_TS3, time_s_T, axis=0)
    return np.asarray(np.linalg.norm(velocity, axis=-1), dtype=np.float64)
