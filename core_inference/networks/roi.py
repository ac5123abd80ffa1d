"""RoIAlign: boxes cut out of an image and resized, exact, without loops or dynamic shapes.

Source: He et al. (2017), "Mask R-CNN", section 3; the form the released Hand4Whole was trained
with: coordinates not shifted by half a pixel, as many samples per bin as the bin has pixels
(rounded up), samples more than one pixel outside the image count as zero.

The samples of a bin form a grid and bilinear weights are products, so the mean over a bin is one
sum over rows times one over columns. Along each axis the weight of a pixel on a bin is the sum of
a hat function over evenly spaced samples: an arithmetic series on either side of the pixel.

Legend: N images, C channels, H, W rows and columns, O places of the output, P pixels along an
axis, E edges between pixels.
"""

import torch
from torch import Tensor


def roi_align(image_NCHW: Tensor, boxes_N4: Tensor, size: tuple[int, int]) -> Tensor:
    """One box of each image, resized to `size` (rows, columns): (N,C,*size).

    boxes_N4 is xyxy in pixels; a side shorter than one pixel counts as one.
    """
    x1, y1, x2, y2 = boxes_N4.unbind(1)
    height, width = image_NCHW.shape[2:]
    across_NOW = axis_weights(x1, x2, bins=size[1], pixels=width)
    down_NOH = axis_weights(y1, y2, bins=size[0], pixels=height)
    return down_NOH[:, None] @ image_NCHW @ across_NOW.transpose(1, 2)[:, None]


def axis_weights(start_N: Tensor, end_N: Tensor, *, bins: int, pixels: int) -> Tensor:
    """How much each pixel of an axis counts in each bin of a box's extent: (N,bins,pixels)."""
    places_O = torch.arange(bins, dtype=start_N.dtype, device=start_N.device)
    edges_E = torch.arange(-1, pixels + 1, dtype=start_N.dtype, device=start_N.device)
    bin_N11 = ((end_N - start_N).clamp_min(1.0) / bins)[:, None, None]
    samples_N11 = bin_N11.ceil()
    step_N11 = bin_N11 / samples_N11
    first_NO1 = start_N[:, None, None] + places_O[:, None] * bin_N11 + step_N11 / 2
    # Of a bin's samples, how many lie before each whole coordinate -1, 0, ... pixels; the last
    # coordinate still belongs to the image.
    turn_NOE = (edges_E - first_NO1) / step_N11
    before_NOE = torch.cat([turn_NOE[..., :-1].ceil(), turn_NOE[..., -1:].floor() + 1], dim=2)
    before_NOE = before_NOE.clamp_min(0.0).minimum(samples_N11)
    number_NOE = before_NOE.diff(dim=2)
    nearest_NOE = first_NO1 + before_NOE[..., :-1] * step_N11
    # Sum of the samples' distances from the whole coordinate before them.
    past_NOE = number_NOE * (nearest_NOE - edges_E[:-1])
    past_NOE = past_NOE + step_N11 * number_NOE * (number_NOE - 1) / 2
    rising_NOP = torch.cat([number_NOE[..., :1], past_NOE[..., 1:-1]], dim=2)
    falling_NOP = torch.cat([(number_NOE - past_NOE)[..., 1:-1], number_NOE[..., -1:]], dim=2)
    return (rising_NOP + falling_NOP) / samples_N11
