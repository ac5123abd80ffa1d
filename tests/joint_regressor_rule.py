"""The made-up joint regressors behind I2L-MeshNet's parity data; the real ones are licensed.

Every regressed joint is a random average of 16 vertices, seeded by a name; face points or
fingertips are single vertices.
"""

import zlib

import torch
from torch import Tensor

_CORNERS = 16
_FACE_VERTICES = (331, 2802, 6262, 3489, 3990)
_FINGERTIP_VERTICES = (745, 317, 445, 556, 673)
_HAND_ORDER = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)


def body_regressor() -> Tensor:
    """The SMPL body's (29,6890): 24 joints, then nose, eyes and ears."""
    joints = _averages("synthetic_J_regressor_body", joints=24, vertices=6890)
    return torch.cat([joints, torch.eye(6890)[list(_FACE_VERTICES)]])


def hand_regressor() -> Tensor:
    """The MANO hand's (21,778): the wrist, then each finger from its root to its tip."""
    joints = _averages("synthetic_J_regressor_hand", joints=16, vertices=778)
    return torch.cat([joints, torch.eye(778)[list(_FINGERTIP_VERTICES)]])[list(_HAND_ORDER)]


def _averages(name: str, *, joints: int, vertices: int) -> Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    regressor = torch.zeros(joints, vertices)
    for row in regressor:
        corners = torch.randperm(vertices, generator=generator)[:_CORNERS]
        weights = torch.rand(_CORNERS, generator=generator)
        row[corners] = weights / weights.sum()
    return regressor
