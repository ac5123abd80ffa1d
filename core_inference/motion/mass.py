"""Where the mass of a body is.

Legend: T frames, N points.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

SHARES = {
    "ear": 0.037,
    "head": 0.075,
    "shoulder": 0.138,
    "elbow": 0.02,
    "wrist": 0.014,
    "hip": 0.178,
    "knee": 0.083,
    "ankle": 0.033,
}
"""Each segment's mass shared by its two ends, as a share of the body's: de Leva (1996), rounded.

Of the head there are two ears or one joint.
"""


def centre_of_mass(points_TN3: Float64, names: Sequence[str]) -> Float64:
    """Where the centre of mass is (T,3) m, from points whose names end in those of `SHARES`.

    Points of other names have no say.
    """
    share_N = np.array([SHARES.get(name.rsplit("_", 1)[-1], 0.0) for name in names])
    return np.asarray(np.einsum("n,tni->ti", share_N / share_N.sum(), points_TN3))
