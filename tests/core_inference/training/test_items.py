"""Items: the same for the same place and epoch; parts cut out, left hands turned into right."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.training.augmentation import (
    NO_AUGMENTATION,
    Augmentation,
    AugmentationRanges,
)
from pose2rig.core_inference.training.clips import RenderedClips
from pose2rig.core_inference.training.items import (
    MEAN_RGB,
    STD_RGB,
    TrainingItems,
    View,
    item_of,
)
from pose2rig.core_inference.training.meshes import body_mesh, right_hand_mesh
from pose2rig.core_inference.training.points import (
    HEAD,
    LEFT_HAND_20,
    LEFT_WRIST,
    PELVIS,
    RIGHT_HAND_20,
    RIGHT_HAND_21,
    RIGHT_WRIST,
    SMPL_29,
)
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import world_rotations

BODY = View(part="body", patch_wh=(48, 64))
STILL = Augmentation(gains=np.ones(3))


def same(first: tuple[torch.Tensor, ...], second: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_an_item_depends_on_seed_epoch_and_number_alone(people: RenderedClips) -> None:
    items = TrainingItems((people,), BODY, AugmentationRanges(), seed=5)
    again = TrainingItems((people,), BODY, AugmentationRanges(), seed=5)
    other = TrainingItems((people,), BODY, AugmentationRanges(), seed=6)
    _ = items[0], items[7]
    assert same(items[3], again[3])
    assert not same(items[3], other[3])
    items.epoch = 1
    assert not same(items[3], again[3])
    assert len(items) == len(people)


def test_hands_are_two_per_person_and_all_right(people: RenderedClips) -> None:
    view = View(part="hand", patch_wh=(64, 64))
    items = TrainingItems((people,), view, NO_AUGMENTATION, seed=0)
    assert len(items) == 2 * len(people)
    left, right, person = items[0], items[1], people.person(0)
    hand = right.points[list(RIGHT_HAND_20)] - right.points[RIGHT_WRIST]
    expected = person.points3d[list(RIGHT_HAND_20)] - person.points3d[RIGHT_WRIST]
    np.testing.assert_allclose(hand.numpy(), expected, atol=1e-6)
    mirrored = left.points[list(RIGHT_HAND_20)] - left.points[RIGHT_WRIST]
    expected = person.points3d[list(LEFT_HAND_20)] - person.points3d[LEFT_WRIST]
    np.testing.assert_allclose(mirrored.numpy(), expected * [-1.0, 1.0, 1.0], atol=1e-6)
    for item in (left, right):
        hand = item.pixels[list(RIGHT_HAND_20)]
        assert ((hand > 0) & (hand < 64)).all()
        assert (hand.amax(0) - hand.amin(0)).max() > 30


@pytest.mark.parametrize(("part", "joint"), [("hand", RIGHT_WRIST), ("face", HEAD)])
def test_a_parts_orientation_is_its_joints_in_the_camera(
    people: RenderedClips, part: str, joint: int
) -> None:
    view = View(part="hand" if part == "hand" else "face", patch_wh=(64, 64))
    person = people.person(1)
    item = item_of(person, 1 if part == "hand" else 2, view, STILL)
    local = np.asarray(matrix_from_axis_angle(person.rotations))[None]
    expected = np.asarray(world_rotations(local))[0, joint]
    found = matrix_from_axis_angle(item.orient.numpy().astype(np.float64))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert item.orient_known == 1.0
    known = person.rotations_known.copy()
    known[9] = False
    unknown = item_of(replace(person, rotations_known=known), None, view, STILL)
    assert unknown.orient_known == 0.0


def test_a_box_outside_the_picture_teaches_nothing(people: RenderedClips) -> None:
    person = replace(people.person(0), box=np.array([500.0, 20.0, 20.0, 20.0]))
    item = item_of(person, None, BODY, STILL)
    masks = [getattr(item, name) for name in item._fields if name.endswith("_known")]
    assert len(masks) == 8
    assert not any(bool(mask.any()) for mask in masks)
    assert not item.image.any()


def test_pixels_are_scaled_as_the_network_was_trained(people: RenderedClips) -> None:
    person = people.person(0)
    unit = item_of(person, None, BODY, STILL).image
    whole = item_of(person, None, replace(BODY, is_unit=False), STILL).image
    assert unit.shape == (3, 64, 48)
    assert 0.0 <= float(unit.min()) < float(unit.max()) <= 1.0
    back = whole.numpy() * STD_RGB[:, None, None] + MEAN_RGB[:, None, None]
    np.testing.assert_allclose(back, unit.numpy() * 255.0, atol=1e-4)


def test_k_is_the_distance_at_which_two_metres_fill_the_box(people: RenderedClips) -> None:
    person = people.person(0)
    item = item_of(person, None, BODY, STILL)
    wide = item_of(person, None, BODY, replace(STILL, scale=1.25))
    at_distance = float(item.focal[0]) * 2000.0 / np.sqrt(48 * 64)
    np.testing.assert_allclose(float(item.k), at_distance, rtol=1e-5)
    np.testing.assert_allclose(float(wide.k), at_distance / 1.25, rtol=1e-5)


@pytest.mark.parametrize("mirrored", [False, True])
def test_mesh_vertices_give_the_joints(
    people: RenderedClips, body: BodyModel, mirrored: bool
) -> None:
    """The regressor's joints lie where the labels' are, in the patch and in depth."""
    mesh = body_mesh(body, SMPL_29, 0.05)
    view = replace(BODY, mesh=mesh)
    change = replace(STILL, turn_rad=0.4, is_mirrored=mirrored)
    item = item_of(people.person(3), None, view, change)
    assert item.vertices.shape == (mesh.count, 3)
    joints = torch.from_numpy(mesh.joint_regressor) @ item.vertices
    apart = joints[:, :2] - item.pixels[list(SMPL_29)]
    px_per_m = float(item.focal[0] / item.points[PELVIS, 2])
    assert apart.norm(dim=1).median() < 0.015 * px_per_m
    assert apart.norm(dim=1).max() < 0.05 * px_per_m
    depth = item.points[list(SMPL_29), 2] - item.points[PELVIS, 2]
    assert (joints[:, 2] - depth).abs().max() < 0.05
    assert item.vertices_known == 1.0


def test_a_hands_mesh_gives_its_joints(people: RenderedClips, body: BodyModel) -> None:
    mesh = right_hand_mesh(body, 0.02)
    person = people.person(3)
    posed = mesh.posed(person.rotations, person.betas, RIGHT_WRIST)
    true = person.points3d[list(RIGHT_HAND_21)] - person.points3d[RIGHT_WRIST]
    # posed() stands in camera axes because the pelvis' rotation does.
    apart = np.linalg.norm(mesh.joint_regressor @ posed - true, axis=1)
    assert apart.max() < 0.01
    assert (mesh.faces >= 0).all()
    assert mesh.faces.max() < mesh.count
