"""The terms of the losses against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from pose2rig.core_inference.training.augmentation import Augmentation
from pose2rig.core_inference.training.clips import RenderedClips
from pose2rig.core_inference.training.items import TrainingItem, View, item_of
from pose2rig.core_inference.training.lixels import edge_loss, normal_loss
from pose2rig.core_inference.training.losses import (
    HeatmapSpace,
    heatmap_l1,
    heatmap_labels,
    masked_l1,
    projected,
    projected_l1,
    relative_l1,
    rotation_l1,
)
from pose2rig.core_inference.training.points import BODY_25, PELVIS, POINT

SPACE = HeatmapSpace(stride=32, bins=8, depth_m=2.0, map_wh=(6, 8))
ALL = torch.ones(77)


@pytest.fixture
def batch(people: RenderedClips) -> TrainingItem:
    view = View(part="body", patch_wh=(192, 256))
    still = Augmentation(gains=np.ones(3))
    return default_collate([item_of(people.person(k), None, view, still) for k in range(2)])


def test_what_is_unknown_counts_as_zero_in_the_mean() -> None:
    predicted, true = torch.tensor([[1.0, 5.0], [2.0, 2.0]]), torch.zeros(2, 2)
    known = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    assert masked_l1(predicted, true, known) == pytest.approx((1 + 2 + 2) / 4)
    predicted.requires_grad_()
    masked_l1(predicted, true, known).backward()
    assert predicted.grad is not None
    assert predicted.grad.tolist() == [[0.25, 0.0], [0.25, 0.25]]


def test_rotations_just_before_and_after_pi_are_near() -> None:
    before = torch.tensor([[[np.pi - 0.01, 0.0, 0.0]]])
    after = torch.tensor([[[-np.pi + 0.01, 0.0, 0.0]]])
    assert rotation_l1(before, after, torch.ones(1, 1)) < 0.01
    quarter = torch.tensor([[[np.pi / 2, 0.0, 0.0]]])
    # The turned axes y and z: four of nine entries differ by one.
    assert rotation_l1(quarter, torch.zeros(1, 1, 3), torch.ones(1, 1)) == pytest.approx(4 / 9)


def test_heat_map_labels_are_pixels_over_the_stride_and_depth_in_bins(batch: TrainingItem) -> None:
    labels = heatmap_labels(batch, BODY_25, PELVIS, SPACE)
    wrist = list(BODY_25).index(POINT["left_wrist"])
    x, y = (batch.pixels[0, POINT["left_wrist"]] / 32).tolist()
    depth = float(batch.points[0, POINT["left_wrist"], 2] - batch.points[0, PELVIS, 2])
    assert labels.joints[0, wrist].tolist() == pytest.approx([x, y, (depth + 1) / 2 * 8], abs=1e-5)
    assert labels.joints[0, 0, 2] == pytest.approx(4.0)
    toe = list(BODY_25).index(POINT["left_small_toe"])
    assert not labels.known[:, toe].any()
    assert labels.known[:, wrist].all()
    assert heatmap_l1(labels.joints, labels) == 0.0
    assert SPACE.to_depth(SPACE.from_depth(torch.tensor(0.3))) == pytest.approx(0.3)


def test_a_joint_outside_the_heat_map_is_unknown(batch: TrainingItem) -> None:
    pixels = batch.pixels.clone()
    pixels[0, POINT["nose"]] = torch.tensor([193.0, 10.0])
    labels = heatmap_labels(batch._replace(pixels=pixels), BODY_25, PELVIS, SPACE)
    nose = list(BODY_25).index(POINT["nose"])
    assert not labels.known[0, nose].any()
    assert labels.known[1, nose].all()


def test_planar_heat_maps_are_compared_in_the_plane_alone(batch: TrainingItem) -> None:
    labels = heatmap_labels(batch, BODY_25, PELVIS, SPACE)
    off = labels.joints[..., :2] + torch.tensor([1.0, 0.0])
    share = labels.known[..., 0].mean() / 2
    assert heatmap_l1(off, labels) == pytest.approx(float(share))


def test_3d_points_are_compared_from_their_root(batch: TrainingItem) -> None:
    moved = batch.points + torch.tensor([1.0, 2.0, 3.0])
    assert relative_l1(moved, batch, BODY_25, PELVIS, ALL) == pytest.approx(0.0, abs=1e-6)
    moved[:, POINT["nose"], 0] += 0.5
    found = relative_l1(moved, batch, BODY_25, PELVIS, ALL)
    assert found == pytest.approx(0.5 / 75, abs=1e-6)
    lacks_nose = ALL.clone()
    lacks_nose[POINT["nose"]] = 0.0
    assert relative_l1(moved, batch, BODY_25, PELVIS, lacks_nose) == pytest.approx(0.0, abs=1e-6)


def test_projection_is_the_virtual_cameras(batch: TrainingItem) -> None:
    """5000 px focal length, middle of a 192 x 256 px image, heat-map px of 32."""
    point = torch.tensor([[[0.2, -0.4, 50.0]]])
    found = projected(point, SPACE, 32.0)[0, 0]
    expected = [(5000 * 0.2 / 50 + 96) / 32, (5000 * -0.4 / 50 + 128) / 32]
    assert found.tolist() == pytest.approx(expected, abs=1e-4)
    labelled = batch.pixels / 32
    assert projected_l1(labelled, batch, BODY_25, SPACE, ALL) == 0.0
    assert projected_l1(labelled + 1, batch, BODY_25, SPACE, ALL) > 0.8


TRIANGLE = torch.tensor([[[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]])
FACE = torch.tensor([[0, 1, 2]])
KNOWN = torch.ones(1, 1, 1)


def test_edges_are_compared_by_length() -> None:
    assert edge_loss(TRIANGLE, TRIANGLE, FACE, KNOWN) == pytest.approx(0.0, abs=1e-6)
    # Edges 3, 4, 5 against 6, 8, 10.
    assert edge_loss(2 * TRIANGLE, TRIANGLE, FACE, KNOWN) == pytest.approx((3 + 4 + 5) / 3)
    assert edge_loss(2 * TRIANGLE, TRIANGLE, FACE, 0 * KNOWN) == 0.0


def test_normals_are_compared_with_the_edges_directions() -> None:
    assert normal_loss(TRIANGLE, TRIANGLE, FACE, KNOWN) == pytest.approx(0.0, abs=1e-6)
    assert normal_loss(5 * TRIANGLE + 1, TRIANGLE, FACE, KNOWN) == pytest.approx(0.0, abs=1e-6)
    raised = TRIANGLE.clone()
    raised[0, 1, 2] = 4.0
    # Edge 0-1 is (3,0,4): 0.8 along z; edge 1-2 is (-3,4,-4): 4/sqrt(41); edge 2-0 lies flat.
    expected = (0.8 + 4 / 41**0.5) / 3
    assert normal_loss(raised, TRIANGLE, FACE, KNOWN) == pytest.approx(expected, abs=1e-6)
