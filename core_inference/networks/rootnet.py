"""RootNet: how far a person's pelvis is from the camera, and where it is in the crop.

Source: Moon et al. (2019), "Camera Distance-aware Top-down Approach", section 5.

Legend: N crops, H, W rows and columns.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .heatmaps import soft_argmax_2d
from .layers import deconv_layers
from .resnet import ResNet


class RootNetOutput(NamedTuple):
    """coordinates (N,3): x, y in heat-map pixels and the depth in mm."""

    coordinates: Tensor


class RootHead(nn.Module):
    """Feature map (N,channels,H,W) to the root's place and the correction of its depth."""

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.deconv_layers = deconv_layers(*channels)
        self.xy_layer = nn.Conv2d(channels[-1], 1, 1)
        self.depth_layer = nn.Conv2d(channels[0], 1, 1)

    def forward(self, feature_NCHW: Tensor, k_N: Tensor) -> Tensor:
        """Coordinates (N,3); the depth is k times the correction."""
        xy_N2 = soft_argmax_2d(self.xy_layer(self.deconv_layers(feature_NCHW)))[:, 0]
        correction_N1 = self.depth_layer(feature_NCHW.mean((2, 3), keepdim=True)).flatten(1)
        return torch.cat([xy_N2, correction_N1 * k_N[:, None]], dim=1)


class RootNet(nn.Module):
    """Crop (N,3,256,256), RGB 0..255 with ImageNet's mean and deviation taken off, to the root.

    k_N (mm) is the depth at which a person of average area fills such a box: the square root of
    that area times both focal lengths over the area of the box in pixels.
    """

    def __init__(self, root: RootHead) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.root = root

    def forward(self, image_N3HW: Tensor, k_N: Tensor) -> RootNetOutput:
        """The root of each crop."""
        return RootNetOutput(coordinates=self.root(self.backbone(image_N3HW), k_N))
