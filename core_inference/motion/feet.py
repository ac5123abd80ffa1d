"""Planted feet: what stands does not move, what lifts lets go softly.

Each stretch of contact of a heel or a toe gets one place. The body is carried over to these
places as a whole, smoothly; what is left, legs reach by hip and knee, each knee bending the way
it did. Around a contact the correction fades in and out, so nothing pops.

Legend: T frames, S sole points (4: left heel, left toe, right heel, right toe), F feet (2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from ...rigs.rotation import normalized, quaternion_from_matrix, swing_between
from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Clip
from .contacts import STANDS, stretches
from .filling import trust_from_score
from .legs import Leg, reach_ankle
from .posing import quaternions, with_pose, world_matrices
from .smoothing import calm
from .soles import sole_points

Float64 = NDArray[np.float64]

MODES = ("auto", "always", "never")

EASE_S = 0.25
"""A correction comes and goes within this time."""

EDGE_S = 0.05
"""A contact reaches to its neighbouring frames where they are as close as this."""

SNAP_M = {"auto": 0.06, "always": 0.25}
"""What stands so close to the ground stands on it; farther off it is a step, or a chair."""

FITTING_ROUNDS = 30
"""So often heel and toe places that one foot joins are moved towards its length, in turns."""

BODY_HZ = 3.0
"""The body as a whole is corrected no faster than this."""


SUNK_M = (0.1, 0.2)
"""A free foot that is so far below the ground is lifted onto it, from the second depth on not: then
the ground is lower there."""

ALONE_S = (0.5, 1.5)
"""So long before and after a contact the body goes where its feet asked, from the second on it
stays where it was seen."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Held:
    """What holding one sole asks: offset (T,3) m, and how much it holds (T,) 0..1."""

    offset: Float64
    share: Float64


def plant_feet(clip: Clip, body: BodyModel, mode: str, *, grounded: bool = True) -> Clip:
    """Hold standing soles in place; mode is one of `MODES` but `never`.

    grounded: whether the world's ground is at z = 0, so that what stands close to it stands on it.
    """
    if len(clip.frame_index) < 3:
        return clip
    snap_m = SNAP_M[mode] if grounded else 0.0
    soles_TS3 = sole_points(clip, body)
    standing_TS = clip.contacts > STANDS[mode]
    pairs = [slice(0, 2), slice(2, 4)]
    held = [
        _held_foot(soles_TS3[:, pair], standing_TS[:, pair], clip.time_s, snap_m) for pair in pairs
    ]
    if not any(sole.share.any() for foot in held for sole in foot):
        return clip
    world_TJ33 = world_matrices(clip)
    joints_TJ3 = clip.joints.astype(np.float64)
    feet = [
        _foot(soles_TS3[:, pair], own, world_TJ33, joints_TJ3, side)
        for side, pair, own in zip(("left", "right"), pairs, held, strict=True)
    ]
    shift_T3 = _body_shift(feet, joints_TJ3, clip.time_s)
    legs = [_leg(joints_TJ3, world_TJ33, foot.side) for foot in feet]
    shift_T3 = shift_T3 + _towards(feet, legs, shift_T3, clip.time_s)
    shift_T3 = shift_T3 + _with_legs(feet, legs, shift_T3, clip.time_s)
    local_TJ4 = quaternions(clip)
    for foot, leg in zip(feet, legs, strict=True):
        moved = leg.moved(shift_T3)
        goal_T3 = foot.reached_by(moved)
        if grounded:
            goal_T3 = goal_T3 + foot.lift(goal_T3)
        joints = [JOINT[f"{foot.side}_{name}"] for name in ("hip", "knee", "ankle")]
        thigh_T33, shin_T33 = reach_ankle(moved, goal_T3)
        world = [thigh_T33 @ world_TJ33[:, joints[0]], shin_T33 @ world_TJ33[:, joints[1]]]
        above = [world_TJ33[:, 0], *world]
        for joint, parent_T33, own_T33 in zip(joints, above, [*world, foot.world], strict=True):
            relative_T33 = np.swapaxes(parent_T33, -1, -2) @ own_T33
            local_TJ4[:, joint] = quaternion_from_matrix(relative_T33)
    return with_pose(clip, local_TJ4, clip.trans + shift_T3)


def _held_foot(
    soles_T23: Float64, standing_T2: NDArray[np.bool_], time_s_T: Float64, snap_m: float
) -> list[_Held]:
    """What holding heel and toe of a foot asks."""
    heel, toe = (_contacts(soles_T23[:, k], standing_T2[:, k], time_s_T, snap_m) for k in (0, 1))
    _fit_to_foot(heel, toe, np.linalg.norm(soles_T23[:, 1] - soles_T23[:, 0], axis=-1))
    return [_hold(soles_T23[:, k], own, time_s_T) for k, own in enumerate((heel, toe))]


@dataclass(kw_only=True, eq=False)
class _Contact:
    """One stretch that a sole stands: first and last frame, and its place (3,) m."""

    first: int
    last: int
    place: Float64

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.last + 1 - self.first


def _contacts(
    sole_T3: Float64, standing_T: NDArray[np.bool_], time_s_T: Float64, snap_m: float
) -> list[_Contact]:
    """Where a sole stands, contact by contact, each with the frames at its ends."""
    contacts: list[_Contact] = []
    for first, stop in stretches(standing_T):
        place_3 = np.median(sole_T3[first:stop], axis=0)
        if abs(place_3[2]) < snap_m:
            place_3[2] = 0.0
        first, last = _with_edges(first, stop - 1, time_s_T)
        contacts.append(_Contact(first=first, last=last, place=place_3))
    return contacts


def _fit_to_foot(heels: list[_Contact], toes: list[_Contact], length_T: Float64) -> None:
    """Move places of a heel and a toe that stand together as far apart as their foot is long.

    Along the ground; of two contacts the longer one stays more where it is.
    """
    pairs = [(heel, toe, _flat_m(heel, toe, length_T)) for heel, toe in _together(heels, toes)]
    for _ in range(FITTING_ROUNDS):
        for heel, toe, flat in pairs:
            line_3 = toe.place - heel.place
            line_3[2] = 0.0
            away = float(np.linalg.norm(line_3))
            missing_3 = (flat - away) / max(away, 1e-9) * line_3
            toe_share = heel.frames / (heel.frames + toe.frames)
            toe.place = toe.place + toe_share * missing_3
            heel.place = heel.place - (1.0 - toe_share) * missing_3


def _together(heels: list[_Contact], toes: list[_Contact]) -> list[tuple[_Contact, _Contact]]:
    """Each heel and toe that both stand in some frame; both come one after the other in time."""
    begins = np.searchsorted([toe.last for toe in toes], [heel.first for heel in heels])
    stops = np.searchsorted([toe.first for toe in toes], [heel.last for heel in heels], "right")
    return [
        (heel, toe)
        for heel, begin, stop in zip(heels, begins, stops, strict=True)
        for toe in toes[begin:stop]
    ]


def _flat_m(heel: _Contact, toe: _Contact, length_T: Float64) -> float:
    """How far apart along the ground a heel and a toe are at the heights of their places."""
    rows = slice(max(heel.first, toe.first), min(heel.last, toe.last) + 1)
    rise = toe.place[2] - heel.place[2]
    return float(np.sqrt(max(float(np.median(length_T[rows])) ** 2 - rise**2, 0.0)))


def _hold(sole_T3: Float64, contacts: list[_Contact], time_s_T: Float64) -> _Held:
    """Where one sole has to go, contact by contact, and between them."""
    offset_T3 = np.zeros_like(sole_T3)
    share_T = np.zeros(len(sole_T3))
    known_T = np.zeros(len(sole_T3), dtype=bool)
    for contact in contacts:
        rows = slice(contact.first, contact.last + 1)
        offset_T3[rows] = contact.place - sole_T3[rows]
        known_T[rows] = True
        begins_s, ends_s = time_s_T[contact.first], time_s_T[contact.last]
        around = slice(*np.searchsorted(time_s_T, [begins_s - EASE_S, ends_s + EASE_S]))
        early_K = trust_from_score(time_s_T[around] - (begins_s - EASE_S), 0.0, EASE_S)
        late_K = trust_from_score((ends_s + EASE_S) - time_s_T[around], 0.0, EASE_S)
        share_T[around] = np.maximum(share_T[around], np.minimum(early_K, late_K))
    if not known_T.any():
        return _Held(offset=offset_T3, share=share_T)
    filled_T3 = np.stack(
        [np.interp(time_s_T, time_s_T[known_T], axis[known_T]) for axis in offset_T3.T], axis=1
    )
    return _Held(offset=filled_T3, share=share_T)


def _with_edges(first: int, last: int, time_s_T: Float64) -> tuple[int, int]:
    """A frame more at both ends where it is close: contacts begin and end between frames."""
    if first > 0 and time_s_T[first] - time_s_T[first - 1] < EDGE_S:
        first -= 1
    if last + 1 < len(time_s_T) and time_s_T[last + 1] - time_s_T[last] < EDGE_S:
        last += 1
    return first, last


@dataclass(frozen=True, kw_only=True, eq=False)
class _Foot:
    """A foot as it is to be: side, ankle (T,3) m, world (T,33), how far its lowest sole is below
    the ankle (T,) m, and how much it is held (T,)."""

    side: str
    ankle: Float64
    world: Float64
    below: Float64
    share: Float64

    def reached_by(self, leg: Leg) -> Float64:
        """Where a leg has to bring the ankle (T,3) m."""
        share_T1 = self.share[:, None]
        return share_T1 * self.ankle + (1.0 - share_T1) * leg.ankle

    def lift(self, ankle_T3: Float64) -> Float64:
        """How far (T,3) m the foot has to rise above ground that it sinks into while it is free."""
        depth_T = np.maximum(self.below - ankle_T3[:, 2], 0.0)
        lift_T = (1.0 - self.share) * (1.0 - trust_from_score(depth_T, *SUNK_M)) * depth_T
        return lift_T[:, None] * np.array([0.0, 0.0, 1.0])


def _foot(
    soles_T23: Float64,
    held: list[_Held],
    world_TJ33: Float64,
    joints_TJ3: Float64,
    side: str,
) -> _Foot:
    """Turn and place a foot so that what is held of heel and toe comes where it belongs."""
    heel, toe = held
    line_T3 = soles_T23[:, 1] - soles_T23[:, 0]
    wanted_heel_T3 = soles_T23[:, 0] + _asked(heel, toe)
    wanted_toe_T3 = soles_T23[:, 1] + _asked(toe, heel)
    along_T3 = normalized(wanted_toe_T3 - wanted_heel_T3)
    turn_T33 = swing_between(normalized(line_T3), along_T3)
    length_T1 = np.linalg.norm(line_T3, axis=-1, keepdims=True)
    toe_share_T1 = _share_of_toe(heel, toe)[:, None]
    from_heel_T3 = wanted_heel_T3 + length_T1 * along_T3
    placed_toe_T3 = toe_share_T1 * wanted_toe_T3 + (1.0 - toe_share_T1) * from_heel_T3
    ankle_T3 = joints_TJ3[:, JOINT[f"{side}_ankle"]]
    reach_T3 = (turn_T33 @ (ankle_T3 - soles_T23[:, 1])[..., None])[..., 0]
    under_T23 = (turn_T33[:, None] @ (soles_T23 - ankle_T3[:, None])[..., None])[..., 0]
    return _Foot(
        side=side,
        ankle=placed_toe_T3 + reach_T3,
        world=turn_T33 @ world_TJ33[:, JOINT[f"{side}_ankle"]],
        below=-under_T23[..., 2].min(axis=1),
        share=np.maximum(heel.share, toe.share),
    )


def _share_of_toe(heel: _Held, toe: _Held) -> Float64:
    """How much (T,) the foot is placed by its toe: all where that stands alone, nothing where the
    heel does, and on the way from one to the other between."""
    heel_stands_T, toe_stands_T = heel.share >= 1.0, toe.share >= 1.0
    alone = np.flatnonzero(heel_stands_T != toe_stands_T)
    if len(alone) == 0:
        return np.full(len(heel.share), 0.5)
    return np.interp(np.arange(len(heel.share)), alone, toe_stands_T[alone].astype(np.float64))


def _leg(joints_TJ3: Float64, world_TJ33: Float64, side: str) -> Leg:
    hip, knee, ankle = (JOINT[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    return Leg(
        hip=joints_TJ3[:, hip],
        knee=joints_TJ3[:, knee],
        ankle=joints_TJ3[:, ankle],
        front=world_TJ33[:, hip, :, 2],
    )


def _asked(own: _Held, other: _Held) -> Float64:
    """How far a sole goes (T,3) m: where it is held itself, else along with the other one."""
    share_T1, other_T1 = own.share[:, None], other.share[:, None]
    return share_T1 * own.offset + (1.0 - share_T1) * other_T1 * other.offset


def _body_shift(feet: list[_Foot], joints_TJ3: Float64, time_s_T: Float64) -> Float64:
    """How far (T,3) m the body goes with its feet, between contacts on the way to the next, as
    far as one is near."""
    ankles = [joints_TJ3[:, JOINT[f"{foot.side}_ankle"]] for foot in feet]
    share_FT = np.stack([np.where(foot.share >= 1.0, 1.0, 0.0) for foot in feet])
    asked_FT3 = np.stack([foot.ankle - ankle for foot, ankle in zip(feet, ankles, strict=True)])
    total_T = share_FT.sum(axis=0)
    known = np.flatnonzero(total_T)
    mean_T3 = np.einsum("ft,fti->ti", share_FT, asked_FT3)[known] / total_T[known, None]
    whole_T3 = np.stack([np.interp(time_s_T, time_s_T[known], axis) for axis in mean_T3.T], axis=1)
    after = np.searchsorted(known, np.arange(len(time_s_T)))
    nearest_2T = [known[np.clip(after - side, 0, len(known) - 1)] for side in (0, 1)]
    alone_s_T = np.abs(time_s_T - time_s_T[nearest_2T]).min(axis=0)
    near_T1 = 1.0 - trust_from_score(alone_s_T, *ALONE_S)[:, None]
    return calm(near_T1 * whole_T3, time_s_T, BODY_HZ)


def _towards(feet: list[_Foot], legs: list[Leg], shift_T3: Float64, time_s_T: Float64) -> Float64:
    """How far (T,3) m the body goes towards feet that its legs do not reach."""
    pull_T3 = np.zeros_like(shift_T3)
    for foot, leg in zip(feet, legs, strict=True):
        line_T3 = foot.ankle - (leg.hip + shift_T3)
        length_T1 = np.linalg.norm(line_T3, axis=-1, keepdims=True)
        missing_T1 = np.maximum(length_T1 - leg.easy_reach, 0.0) * (foot.share >= 1.0)[:, None]
        pull_T3 = pull_T3 + missing_T1 * line_T3 / np.maximum(length_T1, 1e-9)
    reach = max(1, round(EASE_S / 2 / float(np.median(np.diff(time_s_T)))))
    size_T = maximum_filter1d(np.linalg.norm(pull_T3, axis=-1), 2 * reach + 1, mode="nearest")
    heading_T3 = calm(pull_T3, time_s_T, BODY_HZ)
    return calm(size_T[:, None] * normalized(heading_T3), time_s_T, BODY_HZ)


def _with_legs(feet: list[_Foot], legs: list[Leg], shift_T3: Float64, time_s_T: Float64) -> Float64:
    """How far (T,3) m the body goes with quick changes of its standing legs' lengths.

    Else the knees would have to take them: of a leg that is nearly straight by centimetres.
    """
    pull_T3 = np.zeros_like(shift_T3)
    for foot, leg in zip(feet, legs, strict=True):
        moved = leg.moved(shift_T3)
        line_T3 = foot.reached_by(moved) - moved.hip
        length_T1 = np.linalg.norm(line_T3, axis=-1, keepdims=True)
        longer_T1 = length_T1 - np.linalg.norm(leg.ankle - leg.hip, axis=-1, keepdims=True)
        quick_T1 = longer_T1 - calm(longer_T1, time_s_T, BODY_HZ)
        pull_T3 = pull_T3 + foot.share[:, None] * quick_T1 * line_T3 / length_T1
    return pull_T3 / np.maximum(sum(foot.share for foot in feet), 1.0)[:, None]
