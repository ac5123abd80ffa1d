"""Hands near the body keep their distance: they neither sink into it nor hover where they rest.

A hand that has come into the body, the head or the other hand is brought out; one that stays a
little above them, as near as it may be seen wrongly, is laid on. Both go by the way that the
picture has least against: sideways the hand is where it was seen, in depth it was hardly seen.

Legend: T frames, B balls of a hand.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import normalized
from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Camera, Clip, replaced
from .arms import REACHING, reaching_arm
from .filling import trust_from_score
from .posing import quaternions, with_pose, world_matrices
from .smoothing import smooth_vectors
from .touch import (
    SIDES,
    Gaps,
    beside_arm,
    gaps_to_hand,
    gaps_to_skin,
    hand_balls,
    patch_around,
    posed_skin,
    skin_of,
)

Float64 = NDArray[np.float64]

ASIDE_M, DEPTH_M = 0.015, 0.05
"""How far off a hand is across the view and along it."""

LIKELY = (1.0, 2.0)
RESTING_M_S = (0.1, 0.3)
"""A hand that is no farther from what it would touch than the first, in what it is off by, and no
faster over it, touches; beyond the second it does not."""

TOUCH_HZ = 1.5
"""It begins and ends to touch no faster: who passes by does not touch."""

EASE_S = 0.25
"""A correction comes and goes within this time."""

CALM_HZ = 3.0
"""It changes no faster than this."""

FARTHEST_M = 0.15
"""No hand is moved farther."""

SOFT_M = 0.005
"""Skin gives way, and the body's shape is not known better: so deep a hand may lie in it."""

PUSHES = 6
LOOKS = 2
"""So often the deepest ball is brought out, and the nearest skin looked for."""


def keep_distance(clip: Clip, body: BodyModel) -> Clip:
    """Bring hands out of body, head and each other; frames in which they are clear stay as is."""
    if len(clip.frame_index) < 2:
        return clip
    world_TJ33, joints_TJ3 = world_matrices(clip), clip.joints.astype(np.float64)
    shifts = _asked(clip, body, world_TJ33, joints_TJ3)
    eased = [_eased(shift_T3, clip.time_s) for shift_T3 in shifts]
    moved_T = np.any([shift_T3.any(axis=1) for shift_T3 in eased], axis=0)
    if not moved_T.any():
        return clip
    local_TJ4 = quaternions(clip)
    for side, shift_T3 in zip(SIDES, eased, strict=True):
        arm = [JOINT[f"{side}_{name}"] for name in REACHING]
        local_TJ4[:, arm] = reaching_arm(world_TJ33, joints_TJ3, shift_T3, side)
    reached = with_pose(clip, local_TJ4, clip.trans.astype(np.float64))
    arrays = {
        name: np.where(
            moved_T.reshape(-1, *[1] * (getattr(clip, name).ndim - 1)),
            getattr(reached, name),
            getattr(clip, name),
        )
        for name in ("poses", "joints", "joints2d")
    }
    return replaced(clip, **arrays)


def _asked(clip: Clip, body: BodyModel, world_TJ33: Float64, joints_TJ3: Float64) -> list[Float64]:
    """How far (T,3) m, world, each hand has to go, frame by frame."""
    skin = skin_of(body, clip.open_betas)
    posed = posed_skin(skin, world_TJ33, joints_TJ3)
    hands = [hand_balls(body, world_TJ33, joints_TJ3, clip.open_betas, side) for side in SIDES]
    middles = [hand.mean(axis=1) for hand in hands]
    speeds = [np.gradient(middle, clip.time_s, axis=0) for middle in middles]
    patches = [
        patch_around(middle, posed, beside_arm(skin, side), clip.time_s)
        for middle, side in zip(middles, SIDES, strict=True)
    ]
    ways = [_ways(clip.camera, middle) for middle in middles]
    seen = [trust_from_score(clip.scores[:, JOINT[f"{side}_wrist"]]) for side in SIDES]
    shifts = [np.zeros((len(world_TJ33), 3)) for _ in SIDES]
    for look in range(1 + LOOKS):
        now = [hand + shift[:, None] for hand, shift in zip(hands, shifts, strict=True)]
        for own, other in ((0, 1), (1, 0)):
            of_skin = gaps_to_skin(now[own], patches[own])
            of_hand = gaps_to_hand(now[own], now[other], speeds[other])
            # Both hands go half the way, and are soft together.
            soft_m = SOFT_M if look > 0 else 0.0
            of_hand = replace(of_hand, gap=(of_hand.gap - soft_m) / 2.0)
            if look > 0:
                shifts[own] += _out([of_skin, of_hand], ways[own])
                continue
            for gaps, seen_T in ((of_skin, seen[own]), (of_hand, seen[0] * seen[1])):
                share_T = seen_T * _touches(gaps, speeds[own], ways[own])
                shifts[own] += _onto(gaps, ways[own], _lasting(share_T, clip.time_s))
    return shifts


def _ways(camera: Camera, hand_T3: Float64) -> Float64:
    """How far off a hand at (T,3) m is, squared (T,3,3) m²: along its ray more than across."""
    seen_T3 = camera.seen(hand_T3)
    from_camera_T33 = np.broadcast_to(camera.rotation, (len(seen_T3), 3, 3))
    ray_T3 = normalized((seen_T3[:, None] @ from_camera_T33)[:, 0])
    along_T33 = ray_T3[:, :, None] * ray_T3[:, None]
    return ASIDE_M**2 * np.eye(3) + (DEPTH_M**2 - ASIDE_M**2) * along_T33


def _nearest(gaps: Gaps, ways_T33: Float64) -> tuple[NDArray[np.intp], Float64, Float64]:
    """The nearest ball of each frame (T,), its easiest way there (T,3) per metre, and how many
    times what it may be off by the gap is (T,)."""
    rows, nearest_T = np.arange(len(gaps.gap)), gaps.gap.argmin(axis=1)
    away_T3 = gaps.away[rows, nearest_T]
    way_T3 = (ways_T33 @ away_T3[..., None])[..., 0]
    square_T = (way_T3 * away_T3).sum(axis=-1)
    gap_T = np.maximum(gaps.gap[rows, nearest_T], 0.0)
    return nearest_T, -gap_T[:, None] * way_T3 / square_T[:, None], gap_T / np.sqrt(square_T)


def _touches(gaps: Gaps, velocity_T3: Float64, ways_T33: Float64) -> Float64:
    """How far (T,) 0..1 a hand that moves so fast (T,3) m/s seems to touch."""
    nearest_T, _, off_T = _nearest(gaps, ways_T33)
    over_T3 = velocity_T3 - gaps.velocity[np.arange(len(nearest_T)), nearest_T]
    fast_T = trust_from_score(np.linalg.norm(over_T3, axis=-1), *RESTING_M_S)
    return 1.0 - np.maximum(trust_from_score(off_T, *LIKELY), fast_T)


def _lasting(share_T: Float64, time_s_T: Float64) -> Float64:
    """A share (T,) without what passes soon."""
    even_T1 = np.ones((len(share_T), 1))
    calm_T11 = smooth_vectors(share_T[:, None, None], time_s_T, even_T1, np.array([TOUCH_HZ]))
    return np.clip(np.minimum(calm_T11[:, 0, 0], share_T), 0.0, 1.0)


def _onto(gaps: Gaps, ways_T33: Float64, share_T: Float64) -> Float64:
    """The move (T,3) m that lays a hand on what it touches, by its share (T,)."""
    return share_T[:, None] * _nearest(gaps, ways_T33)[1]


def _out(every: list[Gaps], ways_T33: Float64) -> Float64:
    """The move (T,3) m that brings balls out, the deepest first, each on its easiest way."""
    gap_TB = np.concatenate([gaps.gap for gaps in every], axis=1)
    away_TB3 = np.concatenate([gaps.away for gaps in every], axis=1)
    rows = np.arange(len(gap_TB))
    way_TB3 = away_TB3 @ ways_T33
    way_TB3 /= (way_TB3 * away_TB3).sum(axis=-1, keepdims=True)
    move_T3 = np.zeros((len(gap_TB), 3))
    for _ in range(PUSHES):
        left_TB = SOFT_M + gap_TB + (away_TB3 @ move_T3[..., None])[..., 0]
        deepest_T = left_TB.argmin(axis=1)
        depth_T1 = np.maximum(-left_TB[rows, deepest_T], 0.0)[:, None]
        move_T3 += depth_T1 * way_TB3[rows, deepest_T]
    length_T1 = np.linalg.norm(move_T3, axis=1, keepdims=True)
    return move_T3 * np.minimum(1.0, FARTHEST_M / np.maximum(length_T1, 1e-9))


def _eased(shift_T3: Float64, time_s_T: Float64) -> Float64:
    """A move (T,3) m that comes before it is asked for and goes after, without a leap."""
    asked_T = shift_T3.any(axis=1)
    if not asked_T.any():
        return shift_T3
    when_s_K = time_s_T[asked_T]
    filled_T3 = np.stack([np.interp(time_s_T, when_s_K, axis) for axis in shift_T3[asked_T].T], 1)
    after = (
        np.searchsorted(when_s_K, time_s_T).clip(1, len(when_s_K) - 1)
        if len(when_s_K) > 1
        else np.zeros(len(time_s_T), dtype=np.intp)
    )
    ends = np.stack([when_s_K[after - 1], when_s_K[after]])
    away_s_T = np.abs(time_s_T - ends).min(axis=0)
    share_T1 = 1.0 - trust_from_score(away_s_T, 0.0, EASE_S)[:, None]
    even_T1 = np.ones((len(time_s_T), 1))
    calm_T13 = smooth_vectors(
        (share_T1 * filled_T3)[:, None], time_s_T, even_T1, np.array([CALM_HZ])
    )
    return np.asarray(calm_T13[:, 0], dtype=np.float64)
