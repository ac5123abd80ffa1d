"""Heat maps to coordinates and back: soft-argmax in one, two and three dimensions, Gaussians.

Coordinates are in heat-map pixels, 0 to size - 1, in the order x, y, z.
Source: Sun et al. (2018), "Integral Human Pose Regression"; I2L-MeshNet, equation 3.

Legend: N images, J joints (or vertices), L lixels, D, H, W depth, rows and columns.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class SoftArgmax(NamedTuple):
    """coordinates (N,J,2 or 3) in heat-map pixels; probability, the softmaxed heat map."""

    coordinates: Tensor
    probability: Tensor


def soft_argmax_1d(heatmap_NJL: Tensor) -> Tensor:
    """Expected position (N,J,1) along a line of lixels."""
    return _expectation(heatmap_NJL.softmax(dim=2))


def soft_argmax_2d(heatmap_NJHW: Tensor) -> Tensor:
    """Expected position (N,J,2) x, y in a plane."""
    probability = heatmap_NJHW.flatten(2).softmax(dim=2).view_as(heatmap_NJHW)
    return torch.cat([_expectation(probability.sum(2)), _expectation(probability.sum(3))], dim=2)


def soft_argmax_3d(heatmap_NJDHW: Tensor) -> SoftArgmax:
    """Expected position (N,J,3) x, y, z in a volume, with the volume of probabilities."""
    probability = heatmap_NJDHW.flatten(2).softmax(dim=2).view_as(heatmap_NJDHW)
    along = [probability.sum((2, 3)), probability.sum((2, 4)), probability.sum((3, 4))]
    return SoftArgmax(
        coordinates=torch.cat([_expectation(line) for line in along], dim=2),
        probability=probability,
    )


def _expectation(probability_NJL: Tensor) -> Tensor:
    places_L = torch.arange(
        probability_NJL.shape[2], dtype=probability_NJL.dtype, device=probability_NJL.device
    )
    return (probability_NJL * places_L).sum(dim=2, keepdim=True)


def gaussian_volumes(coordinates_NJ3: Tensor, size: int, sigma: float) -> Tensor:
    """Blobs (N,J,size,size,size), depth first, of height 1 about points in heat-map pixels."""
    x, y, z = (gaussian_lines(place, size, sigma) for place in coordinates_NJ3.unbind(-1))
    return z[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]


def gaussian_planes(coordinates_NJ2: Tensor, height: int, width: int, sigma: float) -> Tensor:
    """Blobs (N,J,height,width) of height 1 about points x, y in heat-map pixels."""
    across = gaussian_lines(coordinates_NJ2[..., 0], width, sigma)
    down = gaussian_lines(coordinates_NJ2[..., 1], height, sigma)
    return down[..., :, None] * across[..., None, :]


def gaussian_lines(centre_NJ: Tensor, size: int, sigma: float) -> Tensor:
    """Bumps (...,size) of height 1 about places (...) in heat-map pixels."""
    places_L = torch.arange(size, dtype=centre_NJ.dtype, device=centre_NJ.device)
    return torch.exp(-(((places_L - centre_NJ[..., None]) / sigma) ** 2) / 2)
