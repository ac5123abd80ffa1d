"""Nobody steers in the air: while no foot stands, the centre of mass falls freely.

Legend: T frames.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT_NAMES
from ..clip import Clip
from .contacts import FEET, stretches
from .filling import trust_from_score
from .mass import centre_of_mass
from .posing import quaternions, with_pose

Float64 = NDArray[np.float64]

GRAVITY_M_S2 = 9.81

IN_THE_AIR = 0.2
"""Below this contact of every sole a person may be flying."""

SEEN_SCORE = 0.2
"""Of feet that are seen worse nobody knows whether they stand."""

SHORTEST_S, LONGEST_S = 0.15, 1.2
"""Shorter flights change nothing that one sees; longer ones are no jumps."""

GRAVITY_SHARE = (0.4, 1.8)
"""What the seen fall must be of the true one: else somebody hangs, climbs or is only badly seen."""

EASE_S = 0.08
"""The fall takes over from the feet, and gives back to them, within this time."""


def fall_freely(clip: Clip) -> Clip:
    """Carry the whole body, in flights between two contacts, onto the parabola nearest to it.

    The world's z is up, in metres; a flight that does not look like one stays as it is.
    """
    unseen_T = ~clip.tracked | (clip.scores[:, FEET].max(axis=1) < SEEN_SCORE)
    grounded_T = (clip.contacts.max(axis=1) > IN_THE_AIR) | unseen_T
    mass_T3 = centre_of_mass(clip.joints.astype(np.float64), JOINT_NAMES)
    shift_T3 = np.zeros_like(mass_T3)
    for first, stop in stretches(~grounded_T):
        if first > 0 and stop < len(grounded_T):
            shift_T3[first:stop] = _to_parabola(mass_T3[first:stop], clip.time_s[first:stop])
    if not shift_T3.any():
        return clip
    return with_pose(clip, quaternions(clip), clip.trans + shift_T3)


def _to_parabola(mass_T3: Float64, time_s_T: Float64) -> Float64:
    """How far (T,3) m a flight's frames are off the free fall that fits them best."""
    lasted_s = time_s_T[-1] - time_s_T[0]
    if len(mass_T3) < 4 or not SHORTEST_S <= lasted_s <= LONGEST_S:
        return np.zeros_like(mass_T3)
    time_T = time_s_T - time_s_T.mean()
    seen_fall = -2.0 * float(np.polyfit(time_T, mass_T3[:, 2], 2)[0])
    low, high = GRAVITY_SHARE
    if not low * GRAVITY_M_S2 <= seen_fall <= high * GRAVITY_M_S2:
        return np.zeros_like(mass_T3)
    falling_T3 = np.zeros_like(mass_T3)
    falling_T3[:, 2] = -0.5 * GRAVITY_M_S2 * time_T**2
    terms_T2 = np.stack([np.ones_like(time_T), time_T], axis=1)
    steady_23 = np.linalg.lstsq(terms_T2, mass_T3 - falling_T3, rcond=None)[0]
    early_T = trust_from_score(time_s_T - time_s_T[0], 0.0, EASE_S)
    late_T = trust_from_score(time_s_T[-1] - time_s_T, 0.0, EASE_S)
    off_T3 = terms_T2 @ steady_23 + falling_T3 - mass_T3
    return np.asarray(np.minimum(early_T, late_T)[:, None] * off_T3, dtype=np.float64)
