"""The terms that the papers' losses are made of; every label without a value counts as zero.

All are L1 and means over every entry, known or not, as the authors train: so a batch split over
processes has the same gradient as a whole one.

Legend: N people, K joints or points, J joints (55), P points (77).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .body_layer import matrix_from_axis_angle
from .items import TrainingItem

FOCAL_PX = 5000.0
"""The networks' virtual camera (Hand4Whole, section 3.5)."""

_NEAREST_M = 1e-4


@dataclass(frozen=True, kw_only=True)
class HeatmapSpace:
    """Where a network's joint coordinates live.

    stride: patch px per heat-map px; bins: the heat map's size in depth; depth_m: what these bins
    span, the root in the middle; map_wh: width and height of the heat map.
    """

    stride: float
    bins: int
    depth_m: float
    map_wh: tuple[int, int]

    def from_pixels(self, pixels: Tensor) -> Tensor:
        """x and y (...,2) of the patch, in heat-map px."""
        return pixels / self.stride

    def from_depth(self, depth_m: Tensor) -> Tensor:
        """Depth (...) in m from the root, in heat-map px."""
        return (depth_m / (self.depth_m / 2) + 1) / 2 * self.bins

    def to_depth(self, bins: Tensor) -> Tensor:
        """Undo `from_depth`."""
        return (bins / self.bins * 2 - 1) * (self.depth_m / 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """A network's joints as they should be: (N,K,3) heat-map px, known (N,K,3) 0 or 1."""

    joints: Tensor
    known: Tensor


def masked_l1(predicted: Tensor, true: Tensor, known: Tensor) -> Tensor:
    """The mean of |predicted - true| * known; `known` broadcasts."""
    return ((predicted - true).abs() * known).mean()


def rotation_l1(predicted_NK3: Tensor, true_NK3: Tensor, known_NK: Tensor) -> Tensor:
    """L1 between rotation matrices of axis-angle vectors.

    The papers say L1 between parameters. On axis-angle numbers it would jump where a rotation
    passes pi, and a person upright before the camera is turned by pi: matrices have no such place.
    """
    predicted, true = matrix_from_axis_angle(predicted_NK3), matrix_from_axis_angle(true_NK3)
    return masked_l1(predicted, true, known_NK[..., None, None])


def heatmap_labels(
    batch: TrainingItem, points: tuple[int, ...], root: int, space: HeatmapSpace
) -> Labelled:
    """The labels of a network's joints; what lies outside the heat map counts as unknown."""
    chosen = list(points)
    xy_NK2 = space.from_pixels(batch.pixels[:, chosen])
    size = torch.tensor(space.map_wh, dtype=xy_NK2.dtype, device=xy_NK2.device)
    inside_NK = ((xy_NK2 >= 0) & (xy_NK2 < size)).all(dim=2) * batch.pixels_known[:, chosen]
    z_NK = space.from_depth(batch.points[:, chosen, 2] - batch.points[:, [root], 2])
    deep_NK = batch.points_known[:, chosen] * batch.points_known[:, [root]]
    deep_NK = deep_NK * inside_NK * ((z_NK >= 0) & (z_NK < space.bins))
    return Labelled(
        joints=torch.cat([xy_NK2, z_NK[..., None]], dim=2),
        known=torch.stack([inside_NK, inside_NK, deep_NK], dim=2),
    )


def heatmap_l1(predicted_NK3: Tensor, labels: Labelled) -> Tensor:
    """L1 between joints in heat-map px; planar networks predict x and y alone."""
    axes = predicted_NK3.shape[2]
    return masked_l1(predicted_NK3, labels.joints[..., :axes], labels.known[..., :axes])


def relative_l1(
    predicted_NP3: Tensor, batch: TrainingItem, points: tuple[int, ...], root: int, has_P: Tensor
) -> Tensor:
    """L1 in metres between points told from a root; `has_P` says which the body layer gives."""
    chosen = list(points)
    true = batch.points[:, chosen] - batch.points[:, [root]]
    predicted = predicted_NP3[:, chosen] - predicted_NP3[:, [root]]
    known = batch.points_known[:, chosen] * batch.points_known[:, [root]] * has_P[chosen]
    return masked_l1(predicted, true, known[..., None])


def projected(camera_NK3: Tensor, space: HeatmapSpace, input_stride: float) -> Tensor:
    """Points (N,K,3) m of the virtual camera in heat-map px (N,K,2).

    input_stride is how many px of the image that the virtual camera belongs to make one of the map.
    """
    centre = torch.tensor(space.map_wh, dtype=camera_NK3.dtype, device=camera_NK3.device) / 2
    depth = camera_NK3[..., 2:] + _NEAREST_M
    return camera_NK3[..., :2] / depth * (FOCAL_PX / input_stride) + centre


def projected_l1(
    predicted_NP2: Tensor,
    batch: TrainingItem,
    points: tuple[int, ...],
    space: HeatmapSpace,
    has_P: Tensor,
) -> Tensor:
    """L1 in heat-map px between projected and labelled points that lie in the patch."""
    chosen = list(points)
    true = space.from_pixels(batch.pixels[:, chosen])
    size = torch.tensor(space.map_wh, dtype=true.dtype, device=true.device)
    known = ((true >= 0) & (true < size)).all(dim=2) * batch.pixels_known[:, chosen] * has_P[chosen]
    return masked_l1(predicted_NP2[:, chosen], true, known[..., None])
