"""The body layers: the numpy body's points, with gradients."""

import numpy as np
import pytest
import torch

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.training.body_layer import OpenBodyLayer, matrix_from_axis_angle
from pose2rig.core_inference.training.points import OPEN_LANDMARKS, POINT
from pose2rig.rigs import rotation
from pose2rig.rigs.skeleton import joint_positions, world_rotations


def test_points_are_those_of_the_numpy_body(body: BodyModel, layer: OpenBodyLayer) -> None:
    rng = np.random.default_rng(0)
    pose, betas = rng.normal(0.0, 0.5, (3, 55, 3)), rng.normal(size=(3, 10))
    found = layer.points(
        torch.from_numpy(pose).float(), torch.from_numpy(betas).float(), torch.zeros(3, 10)
    ).numpy()
    names = list(OPEN_LANDMARKS)
    for k in range(3):
        rest = np.asarray(body.rest_joints(betas[k]))
        world = np.asarray(world_rotations(rotation.matrix_from_axis_angle(pose[k : k + 1])))
        joints = np.asarray(joint_positions(world, rest, np.zeros((1, 3))))
        marks = body.landmark_points(world, joints, betas[k], list(OPEN_LANDMARKS.values()))[0]
        np.testing.assert_allclose(found[k, :55], joints[0], atol=2e-6)
        np.testing.assert_allclose(found[k, [POINT[n] for n in names]], marks, atol=2e-5)
    assert layer.known_points.sum() == 75


def test_gradients_are_those_of_finite_differences(body: BodyModel) -> None:
    layer = OpenBodyLayer(body).double()
    generator = torch.Generator().manual_seed(1)
    pose = torch.randn(1, 55, 3, generator=generator, dtype=torch.float64).mul(0.3)
    betas = torch.randn(1, 10, generator=generator, dtype=torch.float64).requires_grad_()
    chain = [0, 3, 13, 18, 20, 37]  # from the pelvis to a thumb

    def some(angles: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        whole = pose.index_copy(1, torch.tensor(chain), angles)
        return layer.points(whole, betas, betas)[:, [20, 66]]

    angles = pose[:, chain].clone().requires_grad_()
    assert torch.autograd.gradcheck(some, (angles, betas), atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 1e-6, 1e-3, 1.0, 3.1, np.pi, 4.0])
def test_matrices_are_those_of_rodrigues(angle: float) -> None:
    axis = np.array([[0.6, -0.48, 0.64]])
    found = matrix_from_axis_angle(torch.from_numpy(angle * axis))
    np.testing.assert_allclose(
        found.numpy(), rotation.matrix_from_axis_angle(angle * axis), atol=1e-9
    )


def test_the_gradient_at_rest_is_finite() -> None:
    still = torch.zeros(1, 3, requires_grad=True)
    matrix_from_axis_angle(still)[0, 2, 1].backward()
    assert still.grad is not None
    np.testing.assert_allclose(still.grad.numpy(), [[1.0, 0.0, 0.0]], atol=1e-6)
