"""Heads that turn a feature map into points: lixel, pixel and voxel heat maps with soft-argmax.

A lixel head keeps three lines per point, a pixel head a plane and a line in depth, a voxel head a
volume, so that their memory grows with the heat map's size, its square and its cube.
Source: I2L-MeshNet, sections 3.1 and 3.2 and table 2.

Legend: N images, C channels, H, W rows and columns, P points (joints or vertices), L lixels.
"""

from typing import Literal

from torch import Tensor, cat, nn
from torch.nn.functional import linear

from .heatmaps import soft_argmax_1d, soft_argmax_2d, soft_argmax_3d
from .layers import conv1d_layers, conv_layers, deconv_layers

HeatmapKind = Literal["lixel", "pixel", "voxel"]


class _DepthLine(nn.Module):
    """Where points are in depth, from the globally pooled feature."""

    conv_z_1: nn.Sequential
    conv_z_2: nn.Sequential

    def _add_depth(self, before: int, width: int, points: int, size: int) -> None:
        self.size = size
        self.conv_z_1 = conv1d_layers(before, width * size)
        self.conv_z_2 = conv1d_layers(width, points, is_final=True)

    def _depth(self, feature_NCHW: Tensor) -> Tensor:
        """Expected depth (N,P,1); the convolution over the line's single place is a product."""
        convolution, norm, relu = self.conv_z_1
        assert isinstance(convolution, nn.Conv1d)
        pooled_NC = feature_NCHW.mean((2, 3))
        inner_NC1 = linear(pooled_NC, convolution.weight[..., 0], convolution.bias)[..., None]
        line_NCL = relu(norm(inner_NC1)).view(len(pooled_NC), -1, self.size)
        return soft_argmax_1d(self.conv_z_2(line_NCL))


class LixelHead(_DepthLine):
    """Feature map (N,before,H,W) to points (N,P,3) x, y, z in 0..size - 1."""

    def __init__(self, before: int, width: int, points: int, size: int, doublings: int) -> None:
        super().__init__()
        channels = (before, *(width,) * doublings)
        self.deconv = deconv_layers(*channels)
        self.conv_x = conv1d_layers(channels[-1], points, is_final=True)
        self.conv_y = conv1d_layers(channels[-1], points, is_final=True)
        self._add_depth(before, width, points, size)

    def forward(self, feature_NCHW: Tensor) -> Tensor:
        """Points (N,P,3) in heat-map pixels."""
        fine_NCHW = self.deconv(feature_NCHW)
        across = soft_argmax_1d(self.conv_x(fine_NCHW.mean(2)))
        down = soft_argmax_1d(self.conv_y(fine_NCHW.mean(3)))
        return cat([across, down, self._depth(feature_NCHW)], dim=2)


class PixelHead(_DepthLine):
    """As `LixelHead`, with one plane per point instead of the lines in x and y."""

    def __init__(self, before: int, width: int, points: int, size: int, doublings: int) -> None:
        super().__init__()
        channels = (before, *(width,) * doublings)
        self.deconv = deconv_layers(*channels)
        self.conv_xy = conv_layers(channels[-1], points, is_final=True)
        self._add_depth(before, width, points, size)

    def forward(self, feature_NCHW: Tensor) -> Tensor:
        """Points (N,P,3) in heat-map pixels."""
        plane = soft_argmax_2d(self.conv_xy(self.deconv(feature_NCHW)))
        return cat([plane, self._depth(feature_NCHW)], dim=2)


class VoxelHead(nn.Module):
    """As `LixelHead`, with one volume per point."""

    def __init__(self, before: int, width: int, points: int, size: int, doublings: int) -> None:
        super().__init__()
        channels = (before, *(width,) * doublings)
        self.size = size
        self.deconv = deconv_layers(*channels)
        self.conv_xyz = conv_layers(channels[-1], points * size, is_final=True)

    def forward(self, feature_NCHW: Tensor) -> Tensor:
        """Points (N,P,3) in heat-map pixels."""
        volumes = self.conv_xyz(self.deconv(feature_NCHW)).unflatten(1, (-1, self.size))
        return soft_argmax_3d(volumes).coordinates


MeshHead = LixelHead | PixelHead | VoxelHead

HEADS: dict[HeatmapKind, type[MeshHead]] = {
    "lixel": LixelHead,
    "pixel": PixelHead,
    "voxel": VoxelHead,
}
