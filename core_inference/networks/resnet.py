"""ResNet-18 and ResNet-50 as image feature extractors, split where the papers enter and leave.

Version 1.5: the 3x3 convolution of a bottleneck carries the stride. No pooled output, no
classifier. Source: He et al. (2016), "Deep Residual Learning for Image Recognition".

Legend: N images, C channels, H and W rows and columns.
"""

from typing import NamedTuple

from torch import Tensor, nn

_WIDTHS = (64, 128, 256, 512)
_DEPTHS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


class _BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the shortcut (ResNet-18)."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(channels, width, stride)

    def forward(self, feature_NCHW: Tensor) -> Tensor:
        kept = feature_NCHW if self.downsample is None else self.downsample(feature_NCHW)
        inner = self.relu(self.bn1(self.conv1(feature_NCHW)))
        return self.relu(self.bn2(self.conv2(inner)) + kept)


class _Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions beside the shortcut (ResNet-50)."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(channels, 4 * width, stride)

    def forward(self, feature_NCHW: Tensor) -> Tensor:
        kept = feature_NCHW if self.downsample is None else self.downsample(feature_NCHW)
        inner = self.relu(self.bn1(self.conv1(feature_NCHW)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        return self.relu(self.bn3(self.conv3(inner)) + kept)


def _shortcut(channels: int, width: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels == width:
        return None
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))


def _stage(
    block: type[_BasicBlock] | type[_Bottleneck], channels: int, width: int, depth: int
) -> nn.Sequential:
    stride = 1 if width == _WIDTHS[0] else 2
    first = block(channels, width, stride)
    rest = [block(width * block.expansion, width, 1) for _ in range(depth - 1)]
    return nn.Sequential(first, *rest)


class ResNetFeatures(NamedTuple):
    """early (N,64,H/4,W/4) after the max-pool; last (N,512 or 2048,H/32,W/32)."""

    early: Tensor
    last: Tensor


class ResNet(nn.Module):
    """Image (N,3,H,W) to its feature map; `layers` is 18 or 50."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        block = _BasicBlock if layers == 18 else _Bottleneck
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        depths = _DEPTHS[layers]
        inputs = (64, *(width * block.expansion for width in _WIDTHS[:-1]))
        self.layer1 = _stage(block, inputs[0], _WIDTHS[0], depths[0])
        self.layer2 = _stage(block, inputs[1], _WIDTHS[1], depths[1])
        self.layer3 = _stage(block, inputs[2], _WIDTHS[2], depths[2])
        self.layer4 = _stage(block, inputs[3], _WIDTHS[3], depths[3])

    def stem(self, image_N3HW: Tensor) -> Tensor:
        """The early feature (N,64,H/4,W/4): what enters the first residual stage."""
        return self.maxpool(self.relu(self.bn1(self.conv1(image_N3HW))))

    def stages(self, early_NCHW: Tensor) -> Tensor:
        """The residual stages alone, from an early feature on."""
        return self.layer4(self.layer3(self.layer2(self.layer1(early_NCHW))))

    def features(self, image_N3HW: Tensor) -> ResNetFeatures:
        """Both the early and the last feature."""
        early = self.stem(image_N3HW)
        return ResNetFeatures(early=early, last=self.stages(early))

    def forward(self, image_N3HW: Tensor) -> Tensor:
        """The last feature (N,512 or 2048,H/32,W/32)."""
        return self.stages(self.stem(image_N3HW))
