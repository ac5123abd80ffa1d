"""Finding with anchors: raw outputs of a single-shot detector to boxes and points, once each.

The detectors of MediaPipe look at a square image. Every cell of a grid, or of several, holds some
anchors; a network's output is offsets from them.

Legend: A anchors, D detections, K points of each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .certainty import PRESENT, probability

Float32 = NDArray[np.float32]

_OVERLAP_MAX = 0.3
_BOX_VALUES = 4


@dataclass(frozen=True, kw_only=True)
class Found:
    """Detections, best first: boxes (D,4) x, y, x, y; points (D,K,2); scores (D,) 0..1.

    Positions are 0..1 in the square image.
    """

    boxes: Float32
    points: Float32
    scores: Float32

    def __post_init__(self) -> None:
        count = len(self.scores)
        if self.boxes.shape != (count, 4) or self.points.shape[::2] != (count, 2):
            raise ValueError(
                f"expected {count} boxes and points, got {self.boxes.shape} and {self.points.shape}"
            )


def anchors(side_px: int, strides: tuple[int, ...]) -> Float32:
    """Return the anchors' middles (A,2), 0..1: two per cell for every time a stride is named."""
    layers: list[Float32] = []
    for stride in dict.fromkeys(strides):
        cells = -(-side_px // stride)
        middles = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        grid_A2 = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
        layers.append(np.repeat(grid_A2, 2 * strides.count(stride), axis=0))
    return np.concatenate(layers).astype(np.float32)


def found(offsets_AV: Float32, logits_A1: Float32, anchors_A2: Float32, side_px: int) -> Found:
    """Return what the network's outputs say, best first, several sightings of one merged.

    offsets_AV: x, y, width, height of a box, then x, y of each point, px of the square image.
    """
    scores_A = probability(logits_A1[:, 0])
    (kept_D,) = np.nonzero(scores_A >= PRESENT)
    kept_D = kept_D[np.argsort(-scores_A[kept_D], kind="stable")]
    pairs_AV2 = offsets_AV.reshape(len(offsets_AV), -1, 2)
    values_DV2 = pairs_AV2[kept_D] / np.float32(side_px)
    middles_D12 = anchors_A2[kept_D][:, None]
    points_DK2 = values_DV2[:, _BOX_VALUES // 2 :] + middles_D12
    halves_D12 = values_DV2[:, 1:2] / 2
    boxes_D22 = values_DV2[:, :1] + middles_D12 + np.concatenate((-halves_D12, halves_D12), axis=1)
    return _merged(boxes_D22.reshape(-1, 4), points_DK2, scores_A[kept_D])


def _merged(boxes_D4: Float32, points_DK2: Float32, scores_D: Float32) -> Found:
    """Replace each group of boxes that overlap its best one by their mean, weighted by score."""
    rows_DV = np.concatenate((boxes_D4, points_DK2.reshape(-1, 2 * points_DK2.shape[1])), axis=1)
    merged: list[Float32] = []
    scores: list[float] = []
    left_D = np.arange(len(scores_D))
    while len(left_D):
        near_D = _overlaps(boxes_D4[left_D[0]], boxes_D4[left_D]) > _OVERLAP_MAX
        near_D[0] = True
        group_D = left_D[near_D]
        weights_D = scores_D[group_D] / scores_D[group_D].sum()
        merged.append(weights_D @ rows_DV[group_D])
        scores.append(float(scores_D[left_D[0]]))
        left_D = left_D[~near_D]
    rows_DV = np.array(merged, dtype=np.float32).reshape(len(merged), rows_DV.shape[1])
    return Found(
        boxes=rows_DV[:, :4],
        points=rows_DV[:, 4:].reshape(-1, points_DK2.shape[1], 2),
        scores=np.array(scores, dtype=np.float32),
    )


def _overlaps(box_4: Float32, boxes_D4: Float32) -> Float32:
    """Return (D,) the shared area of a box and each of the boxes over that of both together."""
    low_D2 = np.maximum(box_4[:2], boxes_D4[:, :2])
    high_D2 = np.minimum(box_4[2:], boxes_D4[:, 2:])
    shared_D = np.maximum(high_D2 - low_D2, 0).prod(axis=1)
    areas_D = (boxes_D4[:, 2:] - boxes_D4[:, :2]).prod(axis=1)
    both_D = areas_D + (box_4[2:] - box_4[:2]).prod() - shared_D
    return shared_D / np.maximum(both_D, np.finfo(np.float32).tiny)
