"""Positional pose-guided pooling: features of a map where the joints are.

Source: Pose2Pose, section 3.2; Hand4Whole, section 3.1.

Legend: N images, J joints, C channels, D, H, W depth, rows and columns.
"""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


def sample_features(feature_NCHW: Tensor, xy_NJ2: Tensor) -> Tensor:
    """Bilinear features (N,J,C) at points in the map's pixels, zero outside."""
    grid_NJ12 = _grid(xy_NJ2, *feature_NCHW.shape[:1:-1])[:, :, None]
    sampled = grid_sample(feature_NCHW, grid_NJ12, align_corners=True)
    return sampled[..., 0].permute(0, 2, 1)


def sample_scores(probability_NJDHW: Tensor, xyz_NJ3: Tensor) -> Tensor:
    """Each joint's own probability (N,J,1), trilinear at its own point in heat-map pixels."""
    count, joints = probability_NJDHW.shape[:2]
    grid = _grid(xyz_NJ3, *probability_NJDHW.shape[:1:-1]).reshape(count * joints, 1, 1, 1, 3)
    volumes = probability_NJDHW.reshape(count * joints, 1, *probability_NJDHW.shape[2:])
    return grid_sample(volumes, grid, align_corners=True).reshape(count, joints, 1)


def _grid(points: Tensor, *sizes: int) -> Tensor:
    """Points (...,axes) in pixels as grid_sample wants them: -1 and 1 at the outermost pixels.

    The sizes, x first, stay plain numbers: a tensor of them would have to go to the device first.
    """
    along = zip(points.unbind(-1), sizes, strict=True)
    return torch.stack([place / (size - 1) * 2 - 1 for place, size in along], dim=-1)
