"""Planted feet on a character of other proportions: what stands on the source stands here.

While a heel or toe of the source stands, the character's stays where it is, and as far above its
ground as the source's is above its own. What the feet ask for in common the hips follow; the rest
thighs and shins reach. Around a contact the correction eases in and out. Feet keep their turn.

Legend: T frames, F feet (2), S sole points of a foot (2: heel, toe).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .binding import SIDES, Binding
from .errors import RigError
from .reaching import Leg, reach
from .rotation import multiply
from .source import BALL_AHEAD_SHARE, HEEL_SHARE, TIP_SHARE, Source, turned
from .turning import BoneTurns
from .walking import Places, Stance

Float64 = NDArray[np.float64]

STANDS = 0.5
EASE_S = 0.25
"""A correction comes and goes within this time."""

GROUND_M, STILL_M_S = 0.05, 0.1
"""A source's sole that stands so near to the ground stands on it, and stands still so slow; from
twice as much on it is believed to stand higher, or on something that moves."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Contacts:
    """What stands: standing (T,4) 0..1, left heel, left toe, right heel, right toe; time_s (T,)."""

    standing: Float64
    time_s: Float64

    def __post_init__(self) -> None:
        count = len(self.time_s)
        if self.standing.shape != (count, 4) or self.time_s.shape != (count,):
            raise RigError(
                "the contacts do not belong to the motion",
                expected="four contacts and one time a frame",
                actual=f"shapes {self.standing.shape} and {self.time_s.shape}",
                next_step="take contacts and times from one clip",
            )


class Character:
    """The character whose feet are planted: its binding, turns, places and reference pose."""

    def __init__(
        self, binding: Binding, turns: BoneTurns, places: Places, reference_B33: Float64
    ) -> None:
        self.binding, self.turns, self.places = binding, turns, places
        self._reference = reference_B33

    def row(self, side: str, part: str) -> int | None:
        """The first bone of a leg's joint."""
        return self.binding.chains.get(f"{side}_{part}", (None,))[0]

    def path(self, side: str, part: str) -> Float64:
        """Where a leg's joint is (T,3) m, world."""
        row = self.binding.chains[f"{side}_{part}"][0]
        return self.places[row]

    def soles(self, side: str, stance: Stance) -> Float64:
        """Heel and toe (T,2,3) m of a foot."""
        leg_m, down_m = stance.leg_m, stance.ankle_m
        ankle = self.binding.chains[f"{side}_ankle"][0]
        toe = self.row(side, "foot")
        heel_3 = np.array([0.0, HEEL_SHARE * leg_m, -down_m])
        tip_3 = np.array([0.0, -(BALL_AHEAD_SHARE + TIP_SHARE) * leg_m, -down_m])
        if toe is not None:
            heads_B3, turn_33 = self.binding.armature.heads, self._reference[ankle]
            drop_m = (turn_33 @ (heads_B3[ankle] - heads_B3[toe]))[2]
            tip_3 = np.array([0.0, -TIP_SHARE * leg_m, drop_m - down_m])
        carriers = (ankle, ankle if toe is None else toe)
        points = [
            self.places[row] + turned(self.turns[row], self._reference[row].T @ offset_3)
            for row, offset_3 in zip(carriers, (heel_3, tip_3), strict=True)
        ]
        return np.stack(points, axis=1)

    def reach(self, side: str, shift_T3: Float64) -> None:
        """Turn thigh and shin so that the ankle goes (T,3) m from where it is."""
        thigh, shin = (self.binding.chains[f"{side}_{part}"][0] for part in ("hip", "knee"))
        leg = Leg(
            hip=self.path(side, "hip"),
            knee=self.path(side, "knee"),
            ankle=self.path(side, "ankle"),
            front=turned(self.turns[thigh], self._reference[thigh].T @ np.array([0.0, -1.0, 0.0])),
        )
        turns = reach(leg, leg.ankle + shift_T3)
        for part, row, turn_T4 in zip(("hip", "knee"), (thigh, shin), turns, strict=True):
            for bone in {row, *self.binding.twists.get(f"{side}_{part}", ())}:
                turned_T4 = np.asarray(multiply(turn_T4, self.turns[bone]), dtype=np.float64)
                self.turns.replace(bone, turned_T4)


def plant_feet(character: Character, source: Source, contacts: Contacts, stance: Stance) -> None:
    """Hold the character's soles where the source's stand."""
    asked: list[_Asked] = []
    least: list[Float64] = []
    for foot, side in enumerate(SIDES):
        standing_TS = contacts.standing[:, 2 * foot : 2 * foot + 2] > STANDS
        soles_TS3, known_TS3 = character.soles(side, stance), stance.scale * source.soles(side)
        soles_TS3[..., 2] -= stance.ground_m
        lowest_T = np.minimum(known_TS3[..., 2].min(axis=1), 0.0)
        least.append(lowest_T - soles_TS3[..., 2].min(axis=1))
        asked.append(_asked(soles_TS3, known_TS3, standing_TS, contacts.time_s))
    shares_FT1 = np.stack([foot.share for foot in asked])[..., None]
    offsets_FT3 = shares_FT1 * np.stack([foot.offset for foot in asked])
    hips_T3 = offsets_FT3.sum(axis=0) / np.maximum(shares_FT1.sum(axis=0), 1.0)
    character.places.shift_hips(hips_T3)
    for side, foot, offset_T3, least_T in zip(SIDES, asked, offsets_FT3, least, strict=True):
        goal_T3 = offset_T3 + (1.0 - foot.share[:, None]) * hips_T3
        goal_T3[:, 2] = np.maximum(goal_T3[:, 2], least_T)
        character.reach(side, goal_T3 - hips_T3)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """What holding a foot asks: offset (T,3) m and how much it holds (T,) 0..1."""

    offset: Float64
    share: Float64


def _believed(values: Float64, sizes: Float64, noise: float) -> Float64:
    """Values that count in full from twice the noise on, below it not at all."""
    return np.asarray(values * np.clip(sizes / noise - 1.0, 0.0, 1.0), dtype=np.float64)


def _asked(
    soles_TS3: Float64, known_TS3: Float64, standing_TS: NDArray[np.bool_], time_s_T: Float64
) -> _Asked:
    """What a foot asks so that its soles (T,2,3) m, from its ground, go as known ones stand."""
    standing_T = standing_TS.any(axis=1)
    offset_T3 = np.zeros((len(standing_T), 3))
    if not standing_T.any():
        return _Asked(offset=offset_T3, share=np.zeros(len(standing_T)))
    step_s_T1 = np.diff(time_s_T)[:, None]
    known_T3 = _slides(known_TS3, standing_TS)
    speed_T1 = np.linalg.norm(known_T3, axis=1, keepdims=True) / step_s_T1
    known_T3 = _believed(known_T3, speed_T1, STILL_M_S)
    offset_T3[1:] = np.cumsum(known_T3 - _slides(soles_TS3, standing_TS), axis=0)
    for first, stop in _stretches(standing_T):
        offset_T3[first:stop] -= offset_T3[first:stop].mean(axis=0)
    heights_TS = _believed(known_TS3[..., 2], np.abs(known_TS3[..., 2]), GROUND_M)
    rises_TS = standing_TS * (heights_TS - soles_TS3[..., 2])
    offset_T3[:, 2] = rises_TS.sum(axis=1) / np.maximum(standing_TS.sum(axis=1), 1)
    known_s = time_s_T[standing_T]
    filled = [np.interp(time_s_T, known_s, axis[standing_T]) for axis in offset_T3.T]
    after = np.searchsorted(known_s, time_s_T)
    near = [known_s[np.clip(after - side, 0, len(known_s) - 1)] for side in (0, 1)]
    away_T = np.abs(time_s_T - np.stack(near)).min(axis=0) / EASE_S
    share_T = np.clip(1.0 - away_T, 0.0, 1.0)
    return _Asked(
        offset=np.stack(filled, axis=1),
        share=share_T * share_T * (3.0 - 2.0 * share_T),
    )


def _slides(soles_TS3: Float64, standing_TS: NDArray[np.bool_]) -> Float64:
    """How far (T-1,3) m what stands goes from frame to frame."""
    steps_TS3 = np.diff(soles_TS3, axis=0)
    both_TS = standing_TS[1:] & standing_TS[:-1]
    any_T1 = (standing_TS[1:].any(axis=1) & standing_TS[:-1].any(axis=1))[:, None]
    weights_TS = np.where(both_TS.any(axis=1, keepdims=True), both_TS, any_T1).astype(np.float64)
    total_T1 = np.maximum(weights_TS.sum(axis=1, keepdims=True), 1.0)
    mean_T3 = (weights_TS[..., None] * steps_TS3).sum(axis=1) / total_T1
    return np.asarray(mean_T3, dtype=np.float64)


def _stretches(standing_T: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frames and ends of the stretches that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], standing_T, [False]]).astype(np.int8)))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]
