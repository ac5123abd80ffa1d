"""Six numbers and matrices to axis-angle vectors, against the project's numpy rotations."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pose2rig.core_inference.networks.rotation import (
    axis_angle_from_6d,
    axis_angle_from_matrix,
    matrix_from_6d,
    quaternion_from_matrix,
)
from pose2rig.rigs.rotation import matrix_from_axis_angle

ANGLES = [0.0, 1e-7, 1e-3, 0.4, 1.6, 2.9, 3.1415]


def axes(count: int) -> Tensor:
    """Directions (count,3), the coordinate axes first."""
    drawn = torch.randn(count - 3, 3, generator=torch.Generator().manual_seed(3))
    directions = torch.cat([torch.eye(3), drawn]).double()
    return directions / directions.norm(dim=1, keepdim=True)


def numbers(count: int) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(4)).double()


@pytest.mark.parametrize("angle", ANGLES)
def test_axis_angle_comes_back(angle: float) -> None:
    vectors = angle * axes(20)
    matrices = torch.from_numpy(matrix_from_axis_angle(vectors.numpy()))
    assert torch.allclose(axis_angle_from_matrix(matrices), vectors, atol=1e-9)


def test_a_half_turn_keeps_its_plane() -> None:
    vectors = np.pi * axes(20)
    matrices = torch.from_numpy(matrix_from_axis_angle(vectors.numpy()))
    found = axis_angle_from_matrix(matrices)
    again = torch.from_numpy(matrix_from_axis_angle(found.numpy()))
    assert torch.allclose(again, matrices, atol=1e-9)


def test_the_numbers_are_two_columns_row_by_row() -> None:
    matrix = matrix_from_6d(torch.tensor([0.0, -2.0, 3.0, 0.0, 0.0, 0.0]))
    assert torch.equal(matrix, torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))


def test_any_numbers_give_a_rotation() -> None:
    matrices = matrix_from_6d(numbers(50))
    assert torch.allclose(matrices @ matrices.mT, torch.eye(3).double().expand(50, 3, 3))
    assert torch.allclose(torch.linalg.det(matrices), torch.ones(50).double())


def test_three_at_once_are_the_same_as_each_alone() -> None:
    three = numbers(3)
    alone = torch.stack([axis_angle_from_6d(row) for row in three])
    assert torch.allclose(axis_angle_from_6d(three), alone)


def test_vectors_are_at_most_pi_long() -> None:
    assert axis_angle_from_6d(numbers(500)).norm(dim=1).max() <= np.pi + 1e-12


def test_quaternions_are_unit() -> None:
    quaternions = quaternion_from_matrix(matrix_from_6d(numbers(50)))
    assert torch.allclose(quaternions.norm(dim=1), torch.ones(50).double())


def test_numbers_without_direction_give_no_rotation() -> None:
    assert torch.equal(axis_angle_from_6d(torch.zeros(2, 6)), torch.zeros(2, 3))


def test_gradients_are_those_of_the_formula() -> None:
    assert torch.autograd.gradcheck(axis_angle_from_6d, (numbers(5).requires_grad_(),))


@pytest.mark.parametrize("row", [[1.0, 0, 0, 1, 0, 0], [-1.0, 0, 0, -1, 0, 0], [0.0] * 6])
def test_gradients_are_finite_where_the_formula_has_no_direction(row: list[float]) -> None:
    given = torch.tensor(row, requires_grad=True)
    axis_angle_from_6d(given).sum().backward()
    assert given.grad is not None
    assert given.grad.isfinite().all()
