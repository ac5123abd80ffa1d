"""The blocks all networks are built of; indices in the Sequentials are the checkpoints' names."""

from torch import nn


def conv_layers(*channels: int, kernel: int = 1, is_final: bool = False) -> nn.Sequential:
    """2D convolutions with bias, each with norm and ReLU; a final one has neither.

    channels: before, between and after, so that (a, b, c) makes two convolutions.
    """
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(zip(channels[:-1], channels[1:], strict=True)):
        layers.append(nn.Conv2d(before, after, kernel, 1, kernel // 2))
        if not (is_final and index == len(channels) - 2):
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def conv1d_layers(before: int, after: int, *, is_final: bool = False) -> nn.Sequential:
    """One 1D convolution of length 1 with bias, with norm and ReLU unless final."""
    layers: list[nn.Module] = [nn.Conv1d(before, after, 1)]
    if not is_final:
        layers += [nn.BatchNorm1d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def deconv_layers(*channels: int) -> nn.Sequential:
    """Transposed 4x4 convolutions that double the size, each with norm and ReLU, without bias."""
    layers: list[nn.Module] = []
    for before, after in zip(channels[:-1], channels[1:], strict=True):
        layers += [
            nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def linear_layers(*sizes: int, has_norm: bool = False, is_final: bool = True) -> nn.Sequential:
    """Fully connected layers with ReLU between, and behind the last one unless it is final."""
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        layers.append(nn.Linear(before, after))
        if not (is_final and index == len(sizes) - 2):
            layers += [nn.BatchNorm1d(after)] if has_norm else []
            layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
