"""Boxes and patches against the authors' numbers, and against exact bilinear sampling."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from pose2rig.core_inference.estimators.crops import (
    Crop,
    crop_people,
    crop_person,
    in_image,
    in_patch,
    part_box,
    processed_box,
)

Float64 = NDArray[np.float64]
RGB = NDArray[np.uint8]

NETWORKS = {
    "h4w_512x384": (384, 512),
    "p2p_body_face_256x192": (192, 256),
    "i2l_p2phand_256x256": (256, 256),
}
BOXES = {
    "inside": (139.41, 102.25, 222.39, 241.57),
    "edge": (0.5, 43.74, 90.1, 420.0),
    "wide": (300.0, 200.0, 400.0, 120.0),
}
KINDS = ("bbox", "img2bb", "bb2img", "patch_stride8", "patch_mean")
WIDTH, HEIGHT = 640, 480

BOX_TOLERANCE_PX = 1e-4
MAP_TOLERANCE = 3e-4
PATCH_TOLERANCE = 0.02
"""Grey levels of 255: the authors' float32 maps move a sample by up to 1e-4 px."""

ROUNDED_TOLERANCE = 0.52
"""A patch of an 8-bit warp is the same, rounded."""


def authors_image() -> RGB:
    """The image that the expected numbers were made from."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    red = np.round(127.5 + 127.5 * np.sin(x / 17 + y / 29))
    green = np.round(127.5 + 127.5 * np.cos(x / 41 - y / 13))
    return np.stack([red, green, (x + 2 * y) % 256], axis=-1).astype(np.uint8)


def noise(seed: int, width: int = 90, height: int = 60) -> RGB:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def random_boxes(seed: int, count: int) -> Float64:
    """Boxes around, across and beyond the borders of the noise image."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(-60, 80, (count, 2)), rng.uniform(2, 120, (count, 2))], 1)


def sampled(image: RGB, crop: Crop) -> Float64:
    """The whole image sampled in double precision where the crop says its pixels are."""
    height, width = crop.patch.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float64)
    places = in_image(np.stack([x, y], axis=-1), crop.image_from_patch)
    channels = [
        map_coordinates(
            image[..., k].astype(np.float64),
            [places[..., 1], places[..., 0]],
            order=1,
            mode="grid-constant",
        )
        for k in range(3)
    ]
    return np.stack(channels, axis=-1)


# --- the authors' numbers ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def expected(shared_dir: Path) -> dict[str, NDArray[np.float32]]:
    path = shared_dir / "parity" / "preprocess" / "expected.npz"
    if not path.is_file():
        pytest.skip("no expected patches in ../shared/parity/preprocess")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_every_expected_number_is_known(expected: dict[str, NDArray[np.float32]]) -> None:
    names = product(NETWORKS, BOXES, ("flip0", "flip1"), ("uint8", "float32"), KINDS)
    assert set(expected) == {"|".join(name) for name in names}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("mirrored", [False, True])
def test_crops_are_the_authors(
    expected: dict[str, NDArray[np.float32]], network: str, box: str, mirrored: bool
) -> None:
    size = NETWORKS[network]
    seen = processed_box(BOXES[box], (WIDTH, HEIGHT), size[0] / size[1])
    assert seen is not None
    crop = crop_person(authors_image(), seen, size, mirrored=mirrored)
    flip = np.array([[-1.0, 0.0, WIDTH - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    flip = flip if mirrored else np.eye(3)
    for dtype, tolerance in (("float32", PATCH_TOLERANCE), ("uint8", ROUNDED_TOLERANCE)):
        told = {k: expected[f"{network}|{box}|flip{mirrored:d}|{dtype}|{k}"] for k in KINDS}
        np.testing.assert_allclose(crop.box, told["bbox"], atol=BOX_TOLERANCE_PX)
        into = crop.patch_from_image @ flip
        np.testing.assert_allclose(into, told["img2bb"], atol=MAP_TOLERANCE)
        back = flip[:2] @ np.vstack([crop.image_from_patch, [0.0, 0.0, 1.0]])
        np.testing.assert_allclose(back, told["bb2img"], atol=MAP_TOLERANCE)
        shown = crop.patch[::8, ::8]
        np.testing.assert_allclose(shown, told["patch_stride8"], atol=tolerance)
        mean = crop.patch.mean(axis=(0, 1), dtype=np.float64)
        np.testing.assert_allclose(mean, told["patch_mean"], atol=tolerance / 5)


# --- boxes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "box",
    [(10, 10, 0, 20), (10, 10, 20, -3), (700, 10, 20, 20), (10, 480, 20, 20), (5, 5, 1, 1)],
)
def test_nothing_in_the_image_is_refused(box: tuple[float, ...]) -> None:
    assert processed_box(box, (WIDTH, HEIGHT), 1.0) is None
    assert processed_box(box, (WIDTH, HEIGHT), 1.0, keep_flat=True) is None


@pytest.mark.parametrize("box", [(10, 10, 1, 41), (639, 10, 50, 41)])
def test_a_flat_box_is_kept_only_on_request(box: tuple[float, ...]) -> None:
    assert processed_box(box, (WIDTH, HEIGHT), 1.0) is None
    kept = processed_box(box, (WIDTH, HEIGHT), 1.0, keep_flat=True)
    assert kept is not None
    np.testing.assert_allclose(kept[2:], 1.25 * 40)


def test_a_box_grows_about_its_centre() -> None:
    box = processed_box((100, 100, 101, 41), (WIDTH, HEIGHT), 0.5)
    assert box is not None
    np.testing.assert_allclose(box[:2] + box[2:] / 2, (150, 120))
    np.testing.assert_allclose(box[2:], (125, 250))


def test_a_part_is_found_in_the_image() -> None:
    crop = crop_person(noise(1), (10.0, 5.0, 45.0, 60.0), (192, 256))
    corners = in_patch(np.array([[20.0, 30.0], [32.0, 36.0]]), crop.patch_from_image)
    hand = part_box(corners.ravel(), crop.image_from_patch, aspect=1.0, scale=2.0)
    np.testing.assert_allclose(hand, (26 - 12, 33 - 12, 24, 24))
    face = part_box(corners.ravel(), crop.image_from_patch, aspect=0.75, scale=1.0)
    np.testing.assert_allclose(face, (20, 33 - 8, 12, 16))


def test_parts_come_in_batches_and_never_vanish() -> None:
    crops = crop_people(noise(1), random_boxes(3, 4), (96, 128))
    boxes = np.random.default_rng(5).uniform(0, 128, (4, 4))
    together = part_box(boxes, crops.image_from_patch, aspect=1.0, scale=1.5)
    for number, box in enumerate(boxes):
        alone = part_box(box, crops.image_from_patch[number], aspect=1.0, scale=1.5)
        np.testing.assert_allclose(together[number], alone)
    assert (boxes[:, 2] < boxes[:, 0]).any() and together[:, 2:].min() >= 1.5


# --- patches -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_patch_is_the_whole_image_sampled_bilinearly(mirrored: bool) -> None:
    image, outside = noise(2), 0
    for box in random_boxes(4, 40):
        crop = crop_person(image, box, (33, 47), mirrored=mirrored)
        np.testing.assert_allclose(crop.patch, sampled(image, crop), atol=2e-3)
        outside += int((crop.patch == 0.0).all())
    assert 0 < outside < 20


def test_the_image_itself_comes_back() -> None:
    image = noise(3)
    crop = crop_person(image, (0.0, 0.0, 90.0, 60.0), (90, 60))
    np.testing.assert_array_equal(crop.patch, image)
    crop = crop_person(image, (0.0, 0.0, 90.0, 60.0), (90, 60), mirrored=True)
    np.testing.assert_array_equal(crop.patch[:, 1:], image[:, :0:-1])


def test_several_people_are_each_as_alone() -> None:
    image, boxes = noise(6), random_boxes(7, 5)
    mirrored = np.array([True, False, True, False, False])
    crops = crop_people(image, boxes, (24, 32), mirrored)
    assert crops.patches.flags.c_contiguous
    for number in range(5):
        alone = crop_person(image, boxes[number], (24, 32), mirrored=bool(mirrored[number]))
        together = crops.one(number)
        for name in ("patch", "box", "image_from_patch", "patch_from_image"):
            np.testing.assert_array_equal(getattr(together, name), getattr(alone, name))


def test_nobody_gives_an_empty_batch() -> None:
    assert crop_people(noise(1), np.zeros((0, 4)), (24, 32)).patches.shape == (0, 32, 24, 3)


def test_only_the_box_matters() -> None:
    """Pixels that no patch pixel lies next to have no influence at all."""
    image, box = noise(8), (20.3, 11.8, 22.4, 30.1)
    changed = np.zeros_like(image)
    changed[11:43, 20:44] = image[11:43, 20:44]
    ours, theirs = (crop_person(i, box, (40, 50)).patch for i in (image, changed))
    np.testing.assert_array_equal(ours, theirs)


# --- points ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mirrored", [False, True])
def test_points_go_into_the_patch_and_back(mirrored: bool) -> None:
    rng = np.random.default_rng(9)
    marks = np.full(6, mirrored)
    crops = crop_people(noise(1), random_boxes(10, 6), (48, 64), marks)
    points = rng.uniform(0, 60, (6, 11, 2))
    there = in_patch(points, crops.patch_from_image)
    np.testing.assert_allclose(in_image(there, crops.image_from_patch), points, atol=1e-9)
    alone = in_patch(points[2], crops.patch_from_image[2])
    np.testing.assert_allclose(there[2], alone)


def test_a_bright_pixel_is_where_its_point_is() -> None:
    image = np.zeros((60, 90, 3), dtype=np.uint8)
    image[20, 35] = 255
    for mirrored in (False, True):
        crop = crop_person(image, (30.0, 15.0, 12.0, 12.0), (96, 96), mirrored=mirrored)
        row, column = np.unravel_index(crop.patch[..., 0].argmax(), (96, 96))
        place = in_patch(np.array([[35.0, 20.0]]), crop.patch_from_image)[0]
        np.testing.assert_allclose((column, row), place, atol=0.51)


def test_shapes_are_checked() -> None:
    crop = crop_person(noise(1), (0.0, 0.0, 9.0, 9.0), (8, 8))
    with pytest.raises(ValueError, match=r"box: expected \(4,\), got \(3,\)"):
        Crop(
            patch=crop.patch,
            box=crop.box[:3],
            image_from_patch=crop.image_from_patch,
            patch_from_image=crop.patch_from_image,
        )
    with pytest.raises(ValueError, match="patch: expected"):
        Crop(
            patch=crop.patch[0],
            box=crop.box,
            image_from_patch=crop.image_from_patch,
            patch_from_image=crop.patch_from_image,
        )
