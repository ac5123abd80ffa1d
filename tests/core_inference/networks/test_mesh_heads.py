"""Lixel, pixel and voxel heads: where a peak is found, and how memory grows with the size."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.networks.mesh_heads import (
    HEADS,
    HeatmapKind,
    LixelHead,
    MeshHead,
    PixelHead,
    VoxelHead,
)

from .largest_tensor import LargestTensor

SIZE, COLUMN, ROW, DEPTH = 8, 2, 5, 3
SHARP = 1e4


def quiet(head: nn.Module) -> None:
    """Zero every weight."""
    for layer in head.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d):
            for values in layer.parameters():
                nn.init.zeros_(values)


def see_depth(head: LixelHead | PixelHead) -> None:
    """Let the second point follow place DEPTH of the first channel of the line in depth."""
    head.get_parameter("conv_z_1.0.bias").data[DEPTH] = 1.0
    head.get_parameter("conv_z_2.0.weight").data[1, 0] = SHARP


def look(head: MeshHead) -> None:
    """Let the second point follow channel 0, at DEPTH."""
    quiet(head)
    if isinstance(head, LixelHead):
        for name in ("conv_x.0.weight", "conv_y.0.weight"):
            head.get_parameter(name).data[1, 0] = SHARP
        see_depth(head)
    elif isinstance(head, PixelHead):
        head.get_parameter("conv_xy.0.weight").data[1, 0] = SHARP
        see_depth(head)
    else:
        head.get_parameter("conv_xyz.0.weight").data[SIZE + DEPTH, 0] = SHARP


@pytest.fixture(params=HEADS)
def kind(request: pytest.FixtureRequest) -> HeatmapKind:
    return request.param


def test_finds_the_peak(kind: HeatmapKind) -> None:
    head = HEADS[kind](3, 3, 2, SIZE, 0).eval()
    look(head)
    feature = torch.zeros(1, 3, SIZE, SIZE)
    feature[0, 0, ROW, COLUMN] = 1.0
    middle = [(SIZE - 1) / 2] * 3
    expected = torch.tensor([[middle, [float(COLUMN), float(ROW), float(DEPTH)]]])
    torch.testing.assert_close(head(feature), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("size", "doublings"), [(8, 0), (16, 1), (32, 2)])
def test_points_lie_on_heat_maps_of_any_size(kind: HeatmapKind, size: int, doublings: int) -> None:
    torch.manual_seed(0)
    head = HEADS[kind](6, 4, 5, size, doublings)
    feature = torch.randn(2, 6, 8, 8, requires_grad=True)
    points = head(feature)
    assert points.shape == (2, 5, 3)
    assert bool(((points >= 0) & (points <= size - 1)).all())
    points.square().sum().backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in weights(head))


def weights(head: nn.Module) -> list[Tensor]:
    """A bias in front of a norm or a softmax has no effect, so only weights are looked at."""
    return [p for name, p in head.named_parameters() if name.endswith("weight")]


@pytest.mark.parametrize(("kind", "power"), [("lixel", 1), ("pixel", 2), ("voxel", 3)])
def test_memory_grows_as_the_paper_says(kind: Any, power: int) -> None:
    biggest: list[int] = []
    for size, doublings in ((8, 0), (16, 1)):
        head = HEADS[kind](4, 4, 500, size, doublings).eval()
        with torch.inference_mode(), LargestTensor() as largest:
            head(torch.randn(1, 4, 8, 8))
        biggest.append(largest.numbers)
    assert biggest[0] == 500 * 8**power
    assert biggest[1] == biggest[0] * 2**power


def test_voxel_and_lixel_are_different_networks() -> None:
    assert {*HEADS.values()} == {LixelHead, PixelHead, VoxelHead}
