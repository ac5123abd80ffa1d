"""Rendered people: the picture, the points and the rotations tell of the same person."""

import numpy as np
import torch

from pose2rig.core_inference.training.body_layer import OpenBodyLayer
from pose2rig.core_inference.training.clips import RenderedClips
from pose2rig.core_inference.training.points import PELVIS, POINT


def test_the_same_number_gives_the_same_person(people: RenderedClips) -> None:
    first, again, other = people.person(4), people.person(4), people.person(5)
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.rotations, again.rotations)
    assert np.abs(first.rotations - other.rotations).max() > 0.01
    assert (first.image != other.image).any()


def test_pixels_are_the_projection_of_the_points(people: RenderedClips) -> None:
    for index in range(5):
        person = people.person(index)
        flat = person.points3d[:, :2] / person.points3d[:, 2:] * person.focal
        np.testing.assert_allclose(person.points2d, flat + person.principal_point, atol=1e-9)
        inside = (person.points2d > 0).all() and (person.points2d < person.image.shape[0]).all()
        assert inside


def test_points_follow_from_rotations_and_shape(
    people: RenderedClips, layer: OpenBodyLayer
) -> None:
    for index in range(5):
        person = people.person(index)
        arrays = (person.rotations, person.betas, person.expression)
        tensors = [torch.from_numpy(values).float()[None] for values in arrays]
        points = layer.points(*tensors)[0].numpy()
        known = person.points3d_known
        apart = (points - points[PELVIS]) - (person.points3d - person.points3d[PELVIS])
        assert np.abs(apart[known]).max() < 1e-4


def test_the_body_is_drawn_where_its_joints_are(people: RenderedClips) -> None:
    """The spine's pixel is of the shirt: unlike the same place of a picture without the person."""
    hits = 0
    for index in range(10):
        person = people.person(index)
        x, y = person.points2d[POINT["spine2"]].round().astype(int)
        left, top, width, height = person.box.round().astype(int)
        assert left <= x <= left + width
        assert top <= y <= top + height
        edge = person.image[y, max(left - 3, 0)].astype(int)
        patch = person.image[y - 1 : y + 2, x - 1 : x + 2].astype(int)
        hits += int(np.ptp(patch, axis=(0, 1)).max() < 60 and np.abs(patch[1, 1] - edge).max() > 8)
    assert hits >= 7


def test_part_boxes_hold_the_parts(people: RenderedClips) -> None:
    for index in range(5):
        person = people.person(index)
        for box, name in zip(
            person.part_boxes, ("left_middle2", "right_middle2", "nose"), strict=True
        ):
            point = person.points2d[POINT[name]]
            assert (point > box[:2]).all()
            assert (point < box[2:]).all()
