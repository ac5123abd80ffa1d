"""I2L-MeshNet: the cheap way to mix joints into the feature, what trains what, the keys."""

import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.networks.build import (
    I2L_BODY,
    I2LSettings,
    build_i2l_meshnet,
    build_network,
)
from pose2rig.core_inference.networks.i2l_meshnet import I2LMeshNet, PoseToFeature
from pose2rig.core_inference.networks.mesh_heads import HeatmapKind

from ...joint_regressor_rule import body_regressor, hand_regressor
from .largest_tensor import LargestTensor

CHANNELS, JOINTS, SIZE = 6, 5, 16
SMALL = I2LSettings(joints=4, vertices=20, rotations=3)


@pytest.fixture
def mix() -> PoseToFeature:
    torch.manual_seed(0)
    return PoseToFeature(CHANNELS, JOINTS, SIZE, sigma=2.5)


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor]:
    """Early features, and joints inside, at the borders of, and outside the map."""
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(3, JOINTS, 3, generator=generator) * (SIZE - 1)
    joints[1, 0], joints[1, 1], joints[1, 2] = 0.0, SIZE - 1.0, -2.0
    return torch.randn(3, CHANNELS, SIZE, SIZE, generator=generator), joints


@pytest.mark.parametrize("is_training", [False, True])
def test_lines_give_what_volumes_give(
    mix: PoseToFeature, inputs: tuple[Tensor, Tensor], is_training: bool
) -> None:
    mix.train(is_training)
    from_lines = mix(*inputs)
    mix.is_separable = False
    from_volumes = mix(*inputs)
    torch.testing.assert_close(from_lines, from_volumes, atol=2e-5, rtol=1e-5)
    assert float(from_lines.detach().std()) > 0.01


def test_lines_train_as_volumes_train(mix: PoseToFeature, inputs: tuple[Tensor, Tensor]) -> None:
    gradients: list[list[Tensor]] = []
    for mix.is_separable in (True, False):
        mix.zero_grad()
        mix(*inputs).square().sum().backward()
        gradients.append([p.grad.clone() for p in mix.parameters() if p.grad is not None])
    assert len(gradients[0]) == 4
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, atol=2e-3, rtol=1e-3)


def test_joints_matter_and_get_no_gradient(
    mix: PoseToFeature, inputs: tuple[Tensor, Tensor]
) -> None:
    early, joints = inputs
    joints.requires_grad_()
    mixed = mix(early, joints)
    assert not torch.allclose(mixed, mix(early, joints + 1.0))
    mixed.sum().backward()
    assert joints.grad is None


def test_no_volumes_are_made(mix: PoseToFeature, inputs: tuple[Tensor, Tensor]) -> None:
    early, joints = inputs[0][:1], inputs[1][:1]
    sizes: list[int] = []
    for mix.is_separable in (True, False):
        with torch.inference_mode(), LargestTensor() as largest:
            mix(early, joints)
        sizes.append(largest.numbers)
    assert sizes[0] < JOINTS * SIZE**3 <= sizes[1]


@pytest.fixture(scope="module")
def small() -> I2LMeshNet:
    torch.manual_seed(0)
    network = build_i2l_meshnet(SMALL)
    network.joint_regressor.copy_(torch.rand(4, 20).softmax(dim=1))
    return network


def reached(network: I2LMeshNet, loss: Tensor) -> set[str]:
    """The parts of the network that a loss trains."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    gradients = cast(
        tuple[Tensor | None, ...],
        torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True),
    )
    found = zip(names, gradients, strict=True)
    return {name.split(".")[0] for name, gradient in found if gradient is not None}


@pytest.mark.slow
def test_each_loss_trains_its_part(small: I2LMeshNet) -> None:
    output = small(torch.rand(2, 3, 256, 256))
    shapes = [tuple(values.shape) for values in output]
    assert shapes == [(2, 4, 3), (2, 20, 3), (2, 4, 3), (2, 3, 3), (2, 10)]
    torch.testing.assert_close(output.mesh_joint_img, small.joint_regressor @ output.mesh_img)
    parts = {
        "joints": reached(small, output.joint_img.sum()),
        "mesh": reached(small, output.mesh_joint_img.sum()),
        "parameters": reached(small, output.pose.sum() + output.betas.sum()),
    }
    mesh = {"pose_backbone", "pose2feat", "mesh_backbone", "mesh_net"}
    assert parts == {
        "joints": {"pose_backbone", "pose_net"},
        "mesh": mesh,
        "parameters": {"param_regressor"},
    }


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "size"), [("pixel", 32), ("voxel", 8), ("lixel", 128)])
def test_mesh_heat_maps_are_a_choice(kind: HeatmapKind, size: int) -> None:
    torch.manual_seed(0)
    network = build_i2l_meshnet(replace(SMALL, mesh_heatmap=kind, mesh_size=size)).eval()
    with torch.inference_mode():
        mesh = network(torch.rand(1, 3, 256, 256)).mesh_img
    assert mesh.shape == (1, 20, 3)
    assert bool(((mesh >= 0) & (mesh <= size - 1)).all())


@pytest.mark.slow
def test_can_be_exported(small: I2LMeshNet) -> None:
    image = torch.rand(1, 3, 256, 256)
    small.eval()
    program = torch.export.export(small, (image,)).module()
    for found, expected in zip(program(image), small(image), strict=True):
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-4)
    small.train()


@pytest.mark.parametrize("part", ["body", "hand"])
def test_state_dict_is_the_released_one(shared_dir: Path, part: str) -> None:
    path = shared_dir / "parity" / f"i2l_meshnet_{part}" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    expected = {key.removeprefix("module."): shape for key, shape, _ in manifest["state_dict"]}
    with torch.device("meta"):
        network = build_network(f"i2l_meshnet_{part}")
    assert {key: list(values.shape) for key, values in network.state_dict().items()} == expected


def test_joint_regressor_is_no_part_of_a_checkpoint() -> None:
    with torch.device("meta"):
        network: nn.Module = build_i2l_meshnet(I2L_BODY)
    assert network.get_buffer("joint_regressor").shape == (29, 6890)
    assert "joint_regressor" not in network.state_dict()


@pytest.mark.parametrize(
    ("regressor", "shape"), [(body_regressor(), (29, 6890)), (hand_regressor(), (21, 778))]
)
def test_made_up_regressors_average_vertices(regressor: Tensor, shape: tuple[int, int]) -> None:
    assert regressor.shape == shape
    torch.testing.assert_close(regressor.sum(dim=1), torch.ones(shape[0]))
    assert int((regressor != 0).sum(dim=1).min()) == 1
