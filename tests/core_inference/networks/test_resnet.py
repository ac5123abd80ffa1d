"""Backbones: sizes, and entering or leaving them half-way."""

import pytest
import torch
from torch import nn

from pose2rig.core_inference.networks.resnet import ResNet


@pytest.mark.parametrize(("layers", "count"), [(18, 11_176_512), (50, 23_508_032)])
def test_it_has_the_known_number_of_parameters(layers: int, count: int) -> None:
    with torch.device("meta"):
        network = ResNet(layers)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


@pytest.mark.parametrize(("layers", "channels"), [(18, 512), (50, 2048)])
def test_the_last_feature_has_a_32nd_of_the_size(layers: int, channels: int) -> None:
    with torch.device("meta"):
        feature = ResNet(layers).features(torch.rand(2, 3, 256, 192))
    assert feature.early.shape == (2, 64, 64, 48)
    assert feature.last.shape == (2, channels, 8, 6)


def test_the_whole_is_the_stem_and_then_the_stages() -> None:
    torch.manual_seed(7)
    network = ResNet(18).eval()
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        both, whole = network.features(image), network(image)
        assert torch.equal(both.last, whole)
        assert torch.equal(network.stages(both.early), whole)
    assert whole.std() > 0


def test_the_3x3_convolution_of_a_bottleneck_halves_the_size() -> None:
    with torch.device("meta"):
        blocks = dict(ResNet(50).named_modules())
    for stage, stride in (("layer1", 1), ("layer2", 2), ("layer3", 2), ("layer4", 2)):
        for name, expected in (("conv1", 1), ("conv2", stride), ("conv3", 1)):
            convolution = blocks[f"{stage}.0.{name}"]
            assert isinstance(convolution, nn.Conv2d)
            assert convolution.stride == (expected, expected)
