"""Elbows are hinges: the forearm bends in one plane of the upper arm, however it twists.

Axis-angle numbers do not show this: where a bent forearm twists, all three of them change. So the
forearm's direction is asked instead.

Legend: T frames, E elbows (2).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import normalized
from ...rigs.skeleton import JOINT
from .chain import Chain

Float64 = NDArray[np.float64]

ELBOWS = (JOINT["left_elbow"], JOINT["right_elbow"])
_WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]
_HINGE = np.array([0.0, 1.0, 0.0])

ASIDE = np.sin(np.radians(10.0))
"""How far a forearm may point along its hinge."""


def beyond_hinges(chain: Chain, rotations_TJ33: Float64) -> tuple[Float64, Float64]:
    """How far (T,E) forearms leave their plane, as sines, and the slopes (T,E,3) of that.

    0 and no slope within `ASIDE`. Slopes count right perturbations of the elbows in radians.
    """
    elbows = list(ELBOWS)
    along_E3 = normalized(chain.rest_joints[_WRISTS] - chain.rest_joints[elbows])
    hinge_E3 = normalized(_HINGE - along_E3 * (along_E3 @ _HINGE)[:, None])
    turned_TE3 = (hinge_E3[:, None] @ rotations_TJ33[:, elbows])[..., 0, :]
    aside_TE = (turned_TE3 * along_E3).sum(axis=-1)
    off_TE = aside_TE - np.clip(aside_TE, -ASIDE, ASIDE)
    slopes_TE3 = np.cross(np.broadcast_to(along_E3, turned_TE3.shape), turned_TE3)
    return off_TE, np.where((off_TE == 0.0)[..., None], 0.0, slopes_TE3)
