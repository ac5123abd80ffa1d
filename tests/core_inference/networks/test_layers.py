"""Blocks: sizes, and the places in the Sequentials that the checkpoints' names rely on."""

import torch
from torch import nn

from pose2rig.core_inference.networks.layers import (
    conv1d_layers,
    conv_layers,
    deconv_layers,
    linear_layers,
)


def weights(layers: nn.Module) -> list[str]:
    """Names of what is learned, in order."""
    return [name for name, _ in layers.named_parameters()]


def test_convolutions_carry_a_bias_and_a_norm_unless_final() -> None:
    inner = ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert weights(conv_layers(4, 5)) == inner
    assert weights(conv_layers(4, 5, is_final=True)) == ["0.weight", "0.bias"]
    assert weights(conv_layers(4, 5, 6, is_final=True)) == [*inner, "3.weight", "3.bias"]
    assert weights(conv1d_layers(4, 5)) == inner
    assert weights(conv1d_layers(4, 5, is_final=True)) == ["0.weight", "0.bias"]


def test_convolutions_keep_the_size() -> None:
    feature = torch.rand(2, 4, 6, 7)
    assert conv_layers(4, 5, kernel=3)(feature).shape == (2, 5, 6, 7)
    assert conv1d_layers(4, 5)(feature[..., 0]).shape == (2, 5, 6)


def test_deconvolutions_double_the_size_each_time() -> None:
    layers = deconv_layers(4, 5, 6)
    assert layers(torch.rand(2, 4, 3, 2)).shape == (2, 6, 12, 8)
    assert weights(layers) == [
        *("0.weight", "1.weight", "1.bias"),
        *("3.weight", "4.weight", "4.bias"),
    ]


def test_what_is_not_final_ends_in_relu() -> None:
    torch.manual_seed(6)
    feature = torch.randn(8, 4)
    assert (linear_layers(4, 9, 16, is_final=False)(feature) >= 0).all()
    assert (linear_layers(4, 9, 16)(feature) < 0).any()
    assert (conv_layers(4, 16)(feature[..., None, None]) >= 0).all()
    assert (deconv_layers(4, 16)(feature[..., None, None]) >= 0).all()


def test_linear_layers_may_have_norms_between() -> None:
    assert weights(linear_layers(3, 4, 5)) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert weights(linear_layers(3, 4, 5, has_norm=True, is_final=False)) == [
        *("0.weight", "0.bias", "1.weight", "1.bias"),
        *("3.weight", "3.bias", "4.weight", "4.bias"),
    ]
