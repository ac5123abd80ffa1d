"""Turned squares of an image: the same places in patch and image, and who is looked at."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.regions import (
    Margin,
    Patch,
    Region,
    in_image,
    in_image3,
    region_around,
    region_of_box,
    region_of_turned_box,
    right_along,
    turned,
    up_along,
)

Float32 = NDArray[np.float32]
RGB = NDArray[np.uint8]

PLAIN = Margin(factor=1.0)


@pytest.fixture
def ramp() -> RGB:
    """An image whose red says how far right a px is and whose green how far down."""
    columns, rows = np.meshgrid(np.arange(200), np.arange(160))
    return np.stack((columns, rows, np.zeros_like(rows)), axis=-1).astype(np.uint8)


def point(x: float, y: float) -> Float32:
    return np.array([x, y], dtype=np.float32)


@pytest.mark.parametrize("angle", [0.0, 0.6, -2.5, math.pi])
@pytest.mark.parametrize("side_px", [32, 64, 20])
def test_a_patch_shows_what_lies_at_its_places(ramp: RGB, angle: float, side_px: int) -> None:
    region = Region(x=100, y=80, size=90, angle=angle)
    patch = Patch(side_px).cut(ramp, region)
    assert patch.shape == (side_px, side_px, 3)
    assert patch.dtype == np.float32
    rng = np.random.default_rng(0)
    cells = rng.integers(2, side_px - 2, (50, 2))
    seen = patch[cells[:, 1], cells[:, 0], :2] * 255
    places = in_image(region, (cells / side_px).astype(np.float32))
    assert np.abs(seen - places).max() < 1.1


def test_corners_of_a_turned_region() -> None:
    region = Region(x=10, y=20, size=4, angle=math.pi / 2)
    corners = in_image(region, np.array([[0, 0], [1, 0], [0.5, 0.5]], dtype=np.float32))
    np.testing.assert_allclose(corners, [[12, 18], [12, 22], [10, 20]], atol=1e-5)


def test_depth_is_scaled_and_vectors_only_turned() -> None:
    region = Region(x=10, y=20, size=4, angle=math.pi / 2)
    places = in_image3(region, np.array([[0.5, 0.5, 0.25]], dtype=np.float32))
    np.testing.assert_allclose(places, [[10, 20, 1]], atol=1e-5)
    vectors = turned(region, np.array([[0, -1, 3]], dtype=np.float32))
    np.testing.assert_allclose(vectors, [[1, 0, 3]], atol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 1.0, -1.0, 3.0])
def test_directions_come_back_as_angles(angle: float) -> None:
    start = point(3, 4)
    up = start + point(7 * math.sin(angle), -7 * math.cos(angle))
    right = start + point(7 * math.cos(angle), 7 * math.sin(angle))
    assert up_along(start, up) == pytest.approx(angle, abs=1e-5)
    assert right_along(start, right) == pytest.approx(angle, abs=1e-5)


def test_regions_reach_their_points_and_rise_along_their_up() -> None:
    centre, edge = point(50, 60), point(50, 40)
    region = region_around(centre, edge, math.pi / 2, Margin(factor=1.5, rise=0.25))
    assert (region.x, region.y, region.size) == pytest.approx((60, 60, 60))
    box = region_of_box(np.stack((point(0, 0), point(10, 4))), 0.0, Margin(factor=2, rise=0.5))
    assert (box.x, box.y, box.size) == pytest.approx((5, 0, 20))


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0])
def test_a_turned_box_holds_its_points_tightly(angle: float) -> None:
    rng = np.random.default_rng(1)
    region = Region(x=30, y=-5, size=20, angle=angle)
    inside = rng.uniform(0.2, 0.7, (30, 2)).astype(np.float32)
    inside[:4] = [[0, 0.5], [1, 0.5], [0.5, 0.1], [0.5, 0.9]]
    around = region_of_turned_box(in_image(region, inside), angle, PLAIN)
    assert (around.x, around.y, around.size) == pytest.approx((30, -5, 20), abs=1e-4)


def test_outside_the_image_its_edge_goes_on_or_it_is_black() -> None:
    image = np.full((40, 40, 3), 200, dtype=np.uint8)
    beyond = Region(x=-100, y=-100, size=30, angle=0.3)
    assert Patch(16).cut(image, beyond) == pytest.approx(200 / 255)
    assert Patch(16).cut(image, beyond, cv2.BORDER_CONSTANT).max() == 0
    assert beyond.misses(image)
    assert not Region(x=-10, y=20, size=30, angle=0.3).misses(image)


@pytest.mark.parametrize("place", [(-500.0, 80.0), (100.0, 700.0), (0.0, 0.0), (199.0, 159.0)])
def test_large_regions_anywhere_keep_their_places(ramp: RGB, place: tuple[float, float]) -> None:
    region = Region(x=place[0], y=place[1], size=300, angle=0.4)
    patch = Patch(32).cut(ramp, region)
    cells = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1).reshape(-1, 2)
    places = in_image(region, (cells / 32).astype(np.float32))
    within = ((places > 12) & (places < [187, 147])).all(axis=1)
    seen = patch[cells[:, 1], cells[:, 0], :2] * 255
    assert np.abs(seen - places)[within].max(initial=0) < 1.5


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (300, 2, 3)])
def test_tiny_images_have_patches(shape: tuple[int, ...]) -> None:
    image = np.full(shape, 90, dtype=np.uint8)
    for size in (0.0, 1.0, 400.0):
        patch = Patch(32).cut(image, Region(x=1, y=1, size=size, angle=1.0))
        assert patch == pytest.approx(90 / 255)
