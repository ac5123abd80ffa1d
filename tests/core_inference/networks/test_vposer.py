"""VPoser's decoder: proper rotations, and a plain formula for the same numbers."""

import pytest
import torch

from pose2rig.core_inference.networks.build import build_network
from pose2rig.core_inference.networks.vposer import VPoser


@pytest.fixture
def vposer() -> VPoser:
    torch.manual_seed(0)
    network = build_network("vposer")
    assert isinstance(network, VPoser)
    return network


def test_gives_rotations_of_the_body_joints(vposer: VPoser) -> None:
    pose = vposer.decode(torch.randn(4, 32))
    assert pose.body_pose.shape == (4, 21, 3)
    products = pose.matrices @ pose.matrices.transpose(-1, -2)
    torch.testing.assert_close(products, torch.eye(3).expand(4, 21, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(pose.matrices), torch.ones(4, 21))


def test_both_forms_are_the_same_rotation(vposer: VPoser) -> None:
    pose = vposer(torch.randn(4, 32))
    x, y, z = pose.body_pose.unbind(-1)
    zero = torch.zeros_like(x)
    generator = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    torch.testing.assert_close(torch.linalg.matrix_exp(generator), pose.matrices, atol=1e-5, rtol=0)


def test_gradients_reach_the_code(vposer: VPoser) -> None:
    code = torch.randn(2, 32, requires_grad=True)
    vposer.decode(code).body_pose.square().sum().backward()
    assert code.grad is not None
    assert bool((code.grad != 0).any())


def test_holds_the_decoder_alone(vposer: VPoser) -> None:
    stems = {key.split(".")[0] for key in vposer.state_dict()}
    assert stems == {"bodyprior_dec_fc1", "bodyprior_dec_fc2", "bodyprior_dec_out"}
