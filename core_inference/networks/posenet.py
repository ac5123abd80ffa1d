"""PoseNet: every joint of a person relative to the root, from one crop.

Source: Moon et al. (2019), "Camera Distance-aware Top-down Approach", section 6; Sun et al. (2018).

Legend: N crops, J joints, H, W rows and columns.
"""

from typing import NamedTuple

from torch import Tensor, nn

from .heatmaps import soft_argmax_3d
from .layers import deconv_layers
from .resnet import ResNet


class PoseNetOutput(NamedTuple):
    """coordinates (N,J,3): x, y and z relative to the root, in heat-map pixels."""

    coordinates: Tensor


class PoseHead(nn.Module):
    """Feature map (N,channels,H,W) to volumes of `depth` for each joint, through deconvolutions."""

    def __init__(self, channels: tuple[int, ...], joints: int, depth: int) -> None:
        super().__init__()
        self.depth = depth
        self.deconv_layers = deconv_layers(*channels)
        self.final_layer = nn.Conv2d(channels[-1], joints * depth, 1)

    def forward(self, feature_NCHW: Tensor) -> Tensor:
        """Heat maps (N,J,depth,H,W)."""
        return self.final_layer(self.deconv_layers(feature_NCHW)).unflatten(1, (-1, self.depth))


class PoseNet(nn.Module):
    """Crop (N,3,256,256), RGB 0..255 with ImageNet's mean and deviation taken off, to joints."""

    def __init__(self, head: PoseHead) -> None:
        super().__init__()
        self.backbone = ResNet(50)
        self.head = head

    def forward(self, image_N3HW: Tensor) -> PoseNetOutput:
        """Joints in 0..63."""
        heatmaps = self.head(self.backbone(image_N3HW))
        return PoseNetOutput(coordinates=soft_argmax_3d(heatmaps).coordinates)
