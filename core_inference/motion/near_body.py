"""Hands near the body keep their distance: they neither sink into it nor hover where they rest.

A hand that has come into the body, the head or the other hand is brought out; one that stays a
little above them, as near as it may be seen wrongly, is laid on. Both go by the way that the
picture has least against: sideways the hand is where it was seen, in depth it was hardly seen.

Legend: T frames, B balls of a hand, H hands (left, right), G what each can touch (skin, the other
hand).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import normalized
from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Camera, Clip, replaced
from .arms import REACHING, reaching_arm
from .evidence import SIDES
from .filling import trust_from_score
from .posing import quaternions, with_pose, world_matrices
from .smoothing import calm, lasting
from .touch import (
    Gaps,
    Patch,
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

BLOCK = 512
"""So many frames at a time: the whole skin of each is a hundred kilobytes."""


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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Hand:
    """A hand: balls (T,B,3) m, velocity (T,3) m/s of their middle, how far off it is, squared
    (T,3,3) m², and how surely it was seen (T,) 0..1."""

    balls: Float64
    velocity: Float64
    ways: Float64
    seen: Float64

    def at(self, rows: slice) -> "_Hand":
        """The hand in some frames."""
        return _Hand(
            balls=self.balls[rows],
            velocity=self.velocity[rows],
            ways=self.ways[rows],
            seen=self.seen[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Block:
    """Both hands in some frames, and the skin around each."""

    hands: list[_Hand]
    patches: list[Patch]

    def gaps(self, own: int, shift_HT3: Float64, soft_m: float) -> list[Gaps]:
        """How far a moved hand is from the skin and from the other, moved one: from that half the
        way, as both go, and by half of what they are soft together."""
        balls, others = (self.hands[k].balls + shift_HT3[k, :, None] for k in (own, 1 - own))
        of_hand = gaps_to_hand(balls, others, self.hands[1 - own].velocity)
        of_hand = replace(of_hand, gap=(of_hand.gap - soft_m) / 2.0)
        return [gaps_to_skin(balls, self.patches[own]), of_hand]


def _asked(clip: Clip, body: BodyModel, world_TJ33: Float64, joints_TJ3: Float64) -> Float64:
    """How far (H,T,3) m, world, each hand has to go, frame by frame."""
    blocks = list(_blocks(clip, body, world_TJ33, joints_TJ3))
    laid = zip(*(_laid_on(block) for block in blocks), strict=True)
    share_HGT, move_HGT3 = (np.concatenate(parts, axis=2) for parts in laid)
    lasting_HGT = np.array(
        [[lasting(share_T, clip.time_s, TOUCH_HZ) for share_T in of_hand] for of_hand in share_HGT]
    )
    shift_HT3 = (lasting_HGT[..., None] * move_HGT3).sum(axis=1)
    parts = np.split(shift_HT3, list(range(BLOCK, len(clip.time_s), BLOCK)), axis=1)
    brought = [_brought_out(block, part) for block, part in zip(blocks, parts, strict=True)]
    return np.concatenate(brought, axis=1)


def _blocks(
    clip: Clip, body: BodyModel, world_TJ33: Float64, joints_TJ3: Float64
) -> Iterator[_Block]:
    """The clip's hands and the skin around them, `BLOCK` frames after `BLOCK` frames."""
    skin = skin_of(body, clip.open_betas)
    balls = [hand_balls(body, world_TJ33, joints_TJ3, clip.open_betas, side) for side in SIDES]
    middles = [balls_TB3.mean(axis=1) for balls_TB3 in balls]
    hands = [
        _Hand(
            balls=balls_TB3,
            velocity=np.gradient(middle_T3, clip.time_s, axis=0),
            ways=_ways(clip.camera, middle_T3),
            seen=trust_from_score(clip.scores[:, JOINT[f"{side}_wrist"]]),
        )
        for side, balls_TB3, middle_T3 in zip(SIDES, balls, middles, strict=True)
    ]
    for first in range(0, len(clip.time_s), BLOCK):
        rows = slice(first, first + BLOCK)
        around = slice(max(first - 1, 0), rows.stop + 1)
        inside = slice(first - around.start, rows.stop - around.start)
        posed = posed_skin(skin, world_TJ33[around], joints_TJ3[around])
        patches = [
            patch_around(
                middle_T3[around], posed, beside_arm(skin, side), clip.time_s[around], inside
            )
            for side, middle_T3 in zip(SIDES, middles, strict=True)
        ]
        yield _Block(hands=[hand.at(rows) for hand in hands], patches=patches)


def _laid_on(block: _Block) -> tuple[Float64, Float64]:
    """How far each hand seems to touch (H,G,T) 0..1 skin and the other hand, and the moves
    (H,G,T,3) m that lay it there."""
    still_HT3 = np.zeros((len(SIDES), *block.hands[0].velocity.shape))
    both_T = block.hands[0].seen * block.hands[1].seen
    laid = [
        [
            _touching(gaps, hand, seen_T)
            for gaps, seen_T in zip(
                block.gaps(own, still_HT3, 0.0), (hand.seen, both_T), strict=True
            )
        ]
        for own, hand in enumerate(block.hands)
    ]
    shares, moves = ([[one[part] for one in of_hand] for of_hand in laid] for part in (0, 1))
    return np.array(shares), np.array(moves)


def _brought_out(block: _Block, shift_HT3: Float64) -> Float64:
    """The moves (H,T,3) m of both hands with what brings them out, no farther than they may go."""
    for _ in range(LOOKS):
        out = [
            _out(block.gaps(own, shift_HT3, SOFT_M), hand.ways)
            for own, hand in enumerate(block.hands)
        ]
        shift_HT3 = _no_farther(shift_HT3 + np.array(out))
    return shift_HT3


def _no_farther(shift_HT3: Float64) -> Float64:
    """Moves (...,3) m, each at most `FARTHEST_M`."""
    length_HT1 = np.linalg.norm(shift_HT3, axis=-1, keepdims=True)
    return np.asarray(shift_HT3 * np.minimum(1.0, FARTHEST_M / np.maximum(length_HT1, 1e-9)))


def _ways(camera: Camera, hand_T3: Float64) -> Float64:
    """How far off a hand at (T,3) m is, squared (T,3,3) m²: along its ray more than across."""
    seen_T3 = camera.seen(hand_T3)
    from_camera_T33 = np.broadcast_to(camera.rotation, (len(seen_T3), 3, 3))
    ray_T3 = normalized((seen_T3[:, None] @ from_camera_T33)[:, 0])
    along_T33 = ray_T3[:, :, None] * ray_T3[:, None]
    return ASIDE_M**2 * np.eye(3) + (DEPTH_M**2 - ASIDE_M**2) * along_T33


def _easiest(away_TB3: Float64, ways_T33: Float64) -> tuple[Float64, Float64]:
    """The easiest way (T,B,3) out along each unit vector (T,B,3), per metre, and how far off the
    hand is along that, squared (T,B) m²; no way where the vector is none."""
    way_TB3 = away_TB3 @ ways_T33
    square_TB = np.maximum((way_TB3 * away_TB3).sum(axis=-1), 1e-12)
    return way_TB3 / square_TB[..., None], square_TB


def _touching(gaps: Gaps, hand: _Hand, seen_T: Float64) -> tuple[Float64, Float64]:
    """How far (T,) 0..1 a hand seems to touch, and the move (T,3) m that lays its nearest ball
    on what it would touch."""
    rows, nearest_T = np.arange(len(seen_T)), gaps.gap.argmin(axis=1)
    way_T13, square_T1 = _easiest(gaps.away[rows, nearest_T][:, None], hand.ways)
    gap_T = np.maximum(gaps.gap[rows, nearest_T], 0.0)
    over_T3 = hand.velocity - gaps.velocity[rows, nearest_T]
    fast_T = trust_from_score(np.linalg.norm(over_T3, axis=-1), *RESTING_M_S)
    far_T = trust_from_score(gap_T / np.sqrt(square_T1[:, 0]), *LIKELY)
    return seen_T * (1.0 - np.maximum(far_T, fast_T)), -gap_T[:, None] * way_T13[:, 0]


def _out(every: list[Gaps], ways_T33: Float64) -> Float64:
    """The move (T,3) m that brings balls out, the deepest first, each on its easiest way."""
    gap_TB = np.concatenate([gaps.gap for gaps in every], axis=1)
    away_TB3 = np.concatenate([gaps.away for gaps in every], axis=1)
    rows = np.arange(len(gap_TB))
    way_TB3, _ = _easiest(away_TB3, ways_T33)
    move_T3 = np.zeros((len(gap_TB), 3))
    for _ in range(PUSHES):
        left_TB = SOFT_M + gap_TB + (away_TB3 @ move_T3[..., None])[..., 0]
        deepest_T = left_TB.argmin(axis=1)
        depth_T1 = np.maximum(-left_TB[rows, deepest_T], 0.0)[:, None]
        move_T3 += depth_T1 * way_TB3[rows, deepest_T]
    return move_T3


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
    return _no_farther(calm(share_T1 * filled_T3, time_s_T, CALM_HZ))
