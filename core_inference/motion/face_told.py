"""The face of a take whose landmarks show none: what a network's jaw alone says of it.

Legend: T frames.
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.face_shapes import FACE_SHAPE, FACE_SHAPE_COUNT, JAW_OPEN_RAD
from ...rigs.skeleton import JOINT
from ..clip import Clip

Float64 = NDArray[np.float64]

OPENS_RAD = np.radians(1.0)
"""A jaw that never opens farther says nothing."""


def told_shapes(clip: Clip) -> Float64 | None:
    """Face shapes (T,52) 0..1 of which only `jawOpen` is known, by the turn of the clip's jaw.

    None where the jaw never opens: what moves it then is no network.
    """
    first = 3 * JOINT["jaw"]
    opened_T = clip.poses[:, first].astype(np.float64)
    if opened_T.max() < OPENS_RAD:
        return None
    shapes_TS = np.zeros((len(opened_T), FACE_SHAPE_COUNT))
    shapes_TS[:, FACE_SHAPE["jawOpen"]] = np.clip(opened_T / JAW_OPEN_RAD, 0.0, 1.0)
    return shapes_TS
