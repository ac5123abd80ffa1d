"""RoIAlign against a plain loop over samples.

Legend: N images, C channels, H, W rows and columns.
"""

import math

import pytest
import torch
from torch import Tensor

from pose2rig.core_inference.networks.roi import axis_weights, roi_align

HEIGHT, WIDTH = 13, 18
SIZE = (4, 6)
BOXES = {
    "inside": (2.3, 1.7, 14.1, 9.9),
    "larger than the output": (0.0, 0.0, 17.9, 12.9),
    "over the left top": (-7.4, -5.2, 6.0, 4.4),
    "over the right bottom": (9.5, 6.25, 29.7, 31.2),
    "all around": (-40.0, -33.0, 55.5, 47.25),
    "outside": (30.0, 40.0, 44.0, 52.0),
    "smaller than a pixel": (5.2, 5.1, 5.4, 5.3),
    "inside out": (9.0, 8.0, 4.0, 3.0),
    "samples on the last edges": (-3.5, -1.5, 20.5, 14.5),
}


def sampled(image_CHW: Tensor, y: float, x: float) -> Tensor:
    """Bilinear value (C,), zero more than a pixel outside, the border's value within it."""
    height, width = image_CHW.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return torch.zeros(len(image_CHW), dtype=image_CHW.dtype)
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    total = torch.zeros(len(image_CHW), dtype=image_CHW.dtype)
    for row, share_y in ((top, 1 - (y - top)), (top + 1, y - top)):
        for column, share_x in ((left, 1 - (x - left)), (left + 1, x - left)):
            total += share_y * share_x * image_CHW[:, row, column]
    return total


def looped(image_CHW: Tensor, box: tuple[float, ...], size: tuple[int, int]) -> Tensor:
    """RoIAlign as it is defined: the mean of a grid of samples in every bin."""
    x1, y1, x2, y2 = box
    bin_y, bin_x = max(y2 - y1, 1.0) / size[0], max(x2 - x1, 1.0) / size[1]
    count_y, count_x = math.ceil(bin_y), math.ceil(bin_x)
    out = torch.zeros(len(image_CHW), *size, dtype=image_CHW.dtype)
    for row in range(size[0]):
        for column in range(size[1]):
            samples = [
                sampled(
                    image_CHW,
                    y1 + (row + (i + 0.5) / count_y) * bin_y,
                    x1 + (column + (j + 0.5) / count_x) * bin_x,
                )
                for i in range(count_y)
                for j in range(count_x)
            ]
            out[:, row, column] = torch.stack(samples).mean(0)
    return out


@pytest.fixture(scope="module")
def image() -> Tensor:
    return torch.rand(2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_it_equals_the_loop_over_samples(image: Tensor, box: tuple[float, ...]) -> None:
    found = roi_align(image[None], torch.tensor([box]).double(), SIZE)[0]
    assert torch.allclose(found, looped(image, box, SIZE), atol=1e-12)


def test_single_precision_loses_nothing_in_a_large_image() -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(1, 3, 512, 384, generator=generator)
    box = torch.tensor([[-13.7, 101.3, 331.2, 446.2]])
    exact = roi_align(image.double(), box.double(), (64, 64))
    assert (roi_align(image, box, (64, 64)) - exact).abs().max() < 2e-5


def test_outside_is_black(image: Tensor) -> None:
    assert not roi_align(image[None], torch.tensor([BOXES["outside"]]).double(), SIZE).any()


def test_each_image_has_its_own_box(image: Tensor) -> None:
    images = torch.stack([image, image.flip(2)])
    boxes = torch.tensor([BOXES["inside"], BOXES["all around"]]).double()
    alone = [roi_align(images[i : i + 1], boxes[i : i + 1], SIZE)[0] for i in range(2)]
    assert torch.allclose(roi_align(images, boxes, SIZE), torch.stack(alone))


def test_the_weights_of_a_bin_inside_sum_to_one() -> None:
    weights = axis_weights(torch.tensor([2.2]), torch.tensor([9.7]), bins=5, pixels=12)
    assert torch.allclose(weights.sum(2), torch.ones(1, 5))
    assert (weights >= 0).all()


def test_gradients_reach_image_and_box(image: Tensor) -> None:
    small = image[None, :1, :6, :7].clone().requires_grad_()
    box = torch.tensor([[1.3, -2.2, 5.8, 4.1]]).double().requires_grad_()

    def cut(image_NCHW: Tensor, box_N4: Tensor) -> Tensor:
        return roi_align(image_NCHW, box_N4, (3, 2))

    assert torch.autograd.gradcheck(cut, (small, box), eps=1e-7, atol=1e-5)
