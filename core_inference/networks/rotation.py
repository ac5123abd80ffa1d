"""Rotations as the networks say them: six numbers to a matrix to an axis-angle vector, in torch.

Source: Zhou et al. (2019), "On the Continuity of Rotation Representations in Neural Networks".
The six numbers stand row by row in a (3,2) matrix whose columns are the two axes.
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize

_TINY = 1e-12


def matrix_from_6d(numbers: Tensor) -> Tensor:
    """Rotation matrices (...,3,3) from (...,6): Gram-Schmidt on the two columns."""
    columns = numbers.unflatten(-1, (3, 2))
    first = normalize(columns[..., 0], dim=-1)
    second = columns[..., 1]
    second = normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    third = torch.linalg.cross(first, second, dim=-1)
    return torch.stack([first, second, third], dim=-1)


def quaternion_from_matrix(matrix: Tensor) -> Tensor:
    """Unit quaternions (...,4) wxyz of rotation matrices (...,3,3), the largest part positive.

    Of the four equal formulas the one with the largest divisor is taken, as Shepperd (1978) does.
    """
    m = matrix.flatten(-2).unbind(-1)
    (m00, m01, m02, m10, m11, m12, m20, m21, m22) = m
    four = torch.stack(
        [
            torch.stack([1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01], dim=-1),
            torch.stack([m21 - m12, 1 + m00 - m11 - m22, m10 + m01, m02 + m20], dim=-1),
            torch.stack([m02 - m20, m10 + m01, 1 - m00 + m11 - m22, m21 + m12], dim=-1),
            torch.stack([m10 - m01, m02 + m20, m21 + m12, 1 - m00 - m11 + m22], dim=-1),
        ],
        dim=-2,
    )
    best = four.diagonal(dim1=-2, dim2=-1).argmax(dim=-1)
    index = best[..., None, None].expand(*best.shape, 1, 4)
    return normalize(four.gather(-2, index)[..., 0, :], dim=-1)


def axis_angle_from_matrix(matrix: Tensor) -> Tensor:
    """Axis-angle vectors (...,3) of at most pi from rotation matrices (...,3,3)."""
    quaternion = quaternion_from_matrix(matrix)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    imaginary = quaternion[..., 1:]
    squared = (imaginary * imaginary).sum(-1, keepdim=True)
    sine = squared.clamp_min(_TINY).sqrt()
    angle = 2 * torch.atan2(sine, quaternion[..., :1])
    return imaginary * torch.where(squared > _TINY, angle / sine, torch.full_like(sine, 2.0))


def axis_angle_from_6d(numbers: Tensor) -> Tensor:
    """Axis-angle vectors (...,3) from (...,6)."""
    return axis_angle_from_matrix(matrix_from_6d(numbers))
