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


SPEED_M_S = (0.15, 0.45)
"""A sole of a solved clip stands up to the first speed, not from the second: what the solve took
for standing is slower than what was seen."""

STANDS = {"auto": 0.5, "always": 0.25, "never": 0.5}
"""From this contact on a sole stands, as far as feet are held."""

SHORTEST_S = 0.06
"""Shorter contacts pass for noise."""

BLINK_S, TAP_M = 0.2, 0.05
"""A contact that stops for less than this goes on, where the sole stays near and rises by less."""

CUT_S = 0.05
"""Two contacts with a slide between them are apart by this to either side of its fastest moment,
and by one frame at least."""

FARTHEST_M = 0.15
"""A sole that gets farther from its place while it is said to stand is sliding,"""

DRIFT_M_S, DRIFTED_M = 0.05, 0.3
"""unless all of its way is slower than this: then whoever looks is drifting, which pulls nobody
farther than the second."""


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
    return find_stance(points_TN3, trust_TS, camera_T33, clip.time_s, SPEED_M_S)


def settled(contacts_TS: Float64, clip: Clip, body: BodyModel, mode: str) -> Float64:
    """Contacts (T,S) without blinks and slides; feet `always` held may slide."""
    soles_TS3 = sole_points(clip, body)
    columns = [
        _settled_sole(contacts_TS[:, sole], soles_TS3[:, sole], clip.time_s, mode)
        for sole in range(contacts_TS.shape[1])
    ]
    return np.stack(columns, axis=1)


def _settled_sole(contact_T: Float64, path_T3: Float64, time_s_T: Float64, mode: str) -> Float64:
    said_T = contact_T > STANDS[mode]
    if not said_T.any():
        return contact_T
    parts = stretches(said_T)
    if mode != "always":
        parts = [part for whole in parts for part in _without_slides(path_T3, time_s_T, whole)]
    frame_s = float(np.median(np.diff(time_s_T))) if len(time_s_T) > 1 else 0.0
    stands_T = np.zeros(len(contact_T), dtype=bool)
    for first, stop in _without_blinks(path_T3, time_s_T, parts):
        lasted_s = time_s_T[stop - 1] - time_s_T[first] + frame_s
        stands_T[first:stop] = lasted_s >= SHORTEST_S
    through_T = np.interp(time_s_T, time_s_T[said_T], contact_T[said_T])
    return np.where(stands_T, through_T, np.where(said_T, 0.0, contact_T))


def _without_slides(
    path_T3: Float64, time_s_T: Float64, whole: tuple[int, int]
) -> list[tuple[int, int]]:
    """The stretches of one contact in which its sole stays: it is cut where it moves fastest."""
    open_parts, parts = [whole], list[tuple[int, int]]()
    while open_parts:
        first, stop = open_parts.pop()
        if not _slides(path_T3[first:stop], time_s_T[first:stop]):
            parts.append((first, stop))
            continue
        steps = np.linalg.norm(np.diff(path_T3[first:stop], axis=0), axis=1)
        fastest = first + int((steps / np.diff(time_s_T[first:stop])).argmax())
        moment_s = time_s_T[fastest : fastest + 2].mean()
        cut = np.searchsorted(time_s_T, [moment_s - CUT_S, moment_s + CUT_S])
        before, after = (
            (first, min(fastest + 1, int(cut[0]))),
            (max(fastest + 2, int(cut[1])), stop),
        )
        open_parts += [part for part in (before, after) if part[0] < part[1]]
    return sorted(parts)


def _without_blinks(
    path_T3: Float64, time_s_T: Float64, parts: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The stretches of contact: one where the sole only seems to leave, farther apart in time
    where it is soon elsewhere, as nothing gets there at once."""
    kept: list[tuple[int, int]] = []
    for first, stop in parts:
        begins = first
        if kept and time_s_T[first] - time_s_T[kept[-1][1] - 1] < BLINK_S:
            start, left = kept.pop()
            places = [np.median(path_T3[a:b], axis=0) for a, b in ((start, left), (first, stop))]
            highest = max(place[2] for place in places)
            taps = (path_T3[left:first, 2] > highest + TAP_M).any()
            near = np.linalg.norm(places[1] - places[0]) < FARTHEST_M
            if near and not taps and not _slides(path_T3[start:stop], time_s_T[start:stop]):
                kept.append((start, stop))
                continue
            if not near:
                middle_s = (time_s_T[left - 1] + time_s_T[first]) / 2
                ends_s = [middle_s - BLINK_S / 2, middle_s + BLINK_S / 2]
                left, begins = (int(frame) for frame in np.searchsorted(time_s_T, ends_s))
            kept += [(start, left)] if start < left else []
        kept += [(begins, stop)] if begins < stop else []
    return kept


def _slides(path_T3: Float64, time_s_T: Float64) -> bool:
    """Whether a sole does not stay while it is said to stand."""
    farthest_m = np.linalg.norm(path_T3 - np.median(path_T3, axis=0), axis=1).max()
    # Of an even way half lies to either side of its median.
    drifted_m = DRIFT_M_S * (time_s_T[-1] - time_s_T[0]) / 2.0
    return bool(farthest_m > np.clip(drifted_m, FARTHEST_M, DRIFTED_M))


def with_contacts(clip: Clip, contacts_TS: NDArray[np.floating[Any]]) -> Clip:
    """Fill in `contacts` (T,4): left heel, left toe, right heel, right toe, 0..1."""
    return replaced(clip, contacts=contacts_TS.astype(np.float32))


def stretches(standing_T: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each stretch that stands."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], standing_T.astype(np.int8), [0]])))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]
