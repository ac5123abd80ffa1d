"""Augmentation keeps picture, pixels, points and rotations of one and the same person."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.training.augmentation import (
    NO_AUGMENTATION,
    Augmentation,
    AugmentationRanges,
    drawn,
    patch_of,
)
from pose2rig.core_inference.training.body_layer import OpenBodyLayer
from pose2rig.core_inference.training.clips import RenderedClips
from pose2rig.core_inference.training.labels import LabelledPerson
from pose2rig.core_inference.training.points import MIRRORED_POINTS, PELVIS, POINT

Float64 = NDArray[np.float64]

GAINS = np.ones(3)
BOX = np.array([10.0, 5.0, 60.0, 80.0])
SIZE = (48, 64)
CHANGES = [
    Augmentation(scale=1.2, turn_rad=0.7, is_mirrored=mirrored, gains=GAINS)
    for mirrored in (False, True)
]


@pytest.fixture(scope="module")
def person(people: RenderedClips) -> LabelledPerson:
    return people.person(2)


def body_points(layer: OpenBodyLayer, person: LabelledPerson, mirrored: bool) -> Float64:
    """The points that the rotations give, on the mirrored body where the person is mirrored."""
    pose = torch.from_numpy(person.rotations).float()[None]
    betas = torch.from_numpy(person.betas).float()[None]
    if mirrored:
        # The same points through the unmirrored twin: mirror the rotations back, then the points.
        swap = list(MIRRORED_POINTS)
        pose = pose[:, swap[:55]] * torch.tensor([1.0, -1.0, -1.0])
        points = layer.points(pose, betas, betas)[0].numpy()[swap] * [-1.0, 1.0, 1.0]
    else:
        points = layer.points(pose, betas, betas)[0].numpy()
    return points - points[PELVIS]


@pytest.mark.parametrize("change", CHANGES)
def test_pixels_are_the_projection_of_the_changed_points(
    person: LabelledPerson, change: Augmentation
) -> None:
    patch = patch_of(person, BOX, SIZE, change)
    flat = patch.points3d[:, :2] / patch.points3d[:, 2:]
    projected = flat * patch.focal + patch.principal_point
    np.testing.assert_allclose(patch.points2d, projected, atol=1e-9)


@pytest.mark.parametrize("change", CHANGES)
def test_points_follow_from_the_changed_rotations(
    person: LabelledPerson, layer: OpenBodyLayer, change: Augmentation
) -> None:
    patch = patch_of(person, BOX, SIZE, change)
    apart = body_points(layer, patch, change.is_mirrored) - (patch.points3d - patch.points3d[0])
    assert np.abs(apart[patch.points3d_known]).max() < 1e-4


def test_a_mirrored_person_is_nearly_the_same_body(
    person: LabelledPerson, layer: OpenBodyLayer
) -> None:
    """The mirrored rotations on the unmirrored body: it is symmetric to some millimetres."""
    patch = patch_of(person, BOX, SIZE, CHANGES[1])
    apart = body_points(layer, patch, False) - (patch.points3d - patch.points3d[0])
    assert np.abs(apart[:55]).max() < 0.03
    straight = patch_of(person, BOX, SIZE, CHANGES[0])
    wrong = body_points(layer, straight, False) - (patch.points3d - patch.points3d[0])
    assert np.abs(wrong[:55]).max() > 0.2


def test_mirroring_twice_gives_the_same_labels(person: LabelledPerson) -> None:
    mirror = Augmentation(scale=1.0, turn_rad=0.0, is_mirrored=True, gains=GAINS)
    height, width = person.image.shape[:2]
    whole = np.array([0.0, 0.0, width, height], dtype=np.float64)
    once = patch_of(person, whole, (width, height), mirror)
    twice = patch_of(once, whole, (width, height), mirror)
    for name in ("rotations", "points3d", "points2d", "part_boxes", "principal_point"):
        np.testing.assert_allclose(getattr(twice, name), getattr(person, name), atol=1e-9)
    assert (
        np.abs(once.points2d[POINT["left_wrist"]] - person.points2d[POINT["left_wrist"]]).max() > 1
    )
    left = np.array([width, 0.0]) + person.points2d[POINT["left_wrist"]] * [-1.0, 1.0]
    np.testing.assert_allclose(once.points2d[POINT["right_wrist"]], left, atol=1e-9)


@pytest.mark.parametrize("change", CHANGES)
def test_the_picture_moves_with_the_pixels(person: LabelledPerson, change: Augmentation) -> None:
    """A white spot at the nose is where the nose's pixel went."""
    image = np.zeros_like(person.image)
    x, y = person.points2d[POINT["nose"]].round().astype(int)
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    spotted = replace(
        person,
        image=image,
        points2d=np.tile(np.array([x, y], dtype=np.float64), (len(person.points2d), 1)),
    )
    patch = patch_of(spotted, BOX, SIZE, change)
    rows, columns = np.nonzero(patch.image.sum(axis=2) > 300)
    spot = np.array([columns.mean(), rows.mean()])
    assert np.abs(spot - patch.points2d[POINT["nose"]]).max() < 0.6


def test_gains_colour_the_channels(person: LabelledPerson) -> None:
    still = Augmentation(scale=1.0, turn_rad=0.0, is_mirrored=False, gains=GAINS)
    plain = patch_of(person, BOX, SIZE, still).image.astype(float)
    darker = patch_of(person, BOX, SIZE, replace(still, gains=np.array([0.5, 1.0, 1.0]))).image
    assert np.abs(darker[..., 0] - plain[..., 0] / 2).max() <= 0.5
    np.testing.assert_array_equal(darker[..., 1:], plain[..., 1:])


def test_a_quarter_turn_swaps_a_boxs_sides(person: LabelledPerson) -> None:
    boxes = np.array([[20.0, 30.0, 40.0, 70.0]] * 3)
    turned = patch_of(
        replace(person, part_boxes=boxes),
        BOX,
        SIZE,
        Augmentation(scale=1.0, turn_rad=np.pi / 2, is_mirrored=False, gains=GAINS),
    )
    size = turned.part_boxes[0, 2:] - turned.part_boxes[0, :2]
    np.testing.assert_allclose(size, np.array([40.0, 20.0]) * SIZE[0] / BOX[2], atol=1e-9)


def test_draws_stay_in_their_ranges_and_use_them(body: BodyModel) -> None:
    rng = np.random.default_rng(0)
    many = [drawn(AugmentationRanges(), rng) for _ in range(2000)]
    scales, turns = [c.scale for c in many], [np.degrees(c.turn_rad) for c in many]
    gains = np.array([c.gains for c in many])
    assert 0.75 <= min(scales) < 0.76
    assert 1.24 < max(scales) <= 1.25
    assert -60.0 <= min(turns) < -55.0
    assert 55.0 < max(turns) <= 60.0
    assert 0.8 <= gains.min() < 0.81
    assert 0.45 < np.mean([c.is_mirrored for c in many]) < 0.55
    none = drawn(NO_AUGMENTATION, rng)
    assert (none.scale, none.turn_rad, none.is_mirrored) == (1.0, 0.0, False)
    np.testing.assert_array_equal(none.gains, GAINS)
