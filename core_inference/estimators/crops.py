"""Boxes in the image to patches for the networks, and points between image and patch.

Every network of the authors sees a person through the same steps: the box is cut at the image's
borders, grown to the network's aspect ratio, widened, and sampled bilinearly with black outside
the image. Boxes are x, y, width, height in px of the image; pixel k is at coordinate k. No patch
is turned, so a map between image and patch scales and shifts each axis by itself; where the patch
is mirrored, its x scale is negative.

Legend: P patches of one image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
FloatArray = NDArray[np.floating[Any]]
RGB = NDArray[np.uint8]

PERSON_MARGIN = 1.25
"""A person's box is widened by this after it has the network's aspect ratio."""

_SMALLEST_PX = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Crop:
    """One patch and where it is in its image.

    patch (h,w,3) float32 RGB 0..255; box (4,) x y w h px of what the patch shows;
    image_from_patch and patch_from_image (2,3) carry pixel coordinates.
    """

    patch: Float32
    box: Float64
    image_from_patch: Float64
    patch_from_image: Float64

    def __post_init__(self) -> None:
        if self.patch.ndim != 3 or self.patch.shape[2] != 3 or self.patch.dtype != np.float32:
            raise ValueError(
                f"patch: expected (h,w,3) float32, got {self.patch.shape} {self.patch.dtype}"
            )
        _check_places(self, ())


@dataclass(frozen=True, kw_only=True, eq=False)
class Crops:
    """Patches of several people, or of several parts of them, from one image.

    patches (P,h,w,3) float32 RGB 0..255; boxes (P,4) x y w h px; image_from_patch and
    patch_from_image (P,2,3).
    """

    patches: Float32
    boxes: Float64
    image_from_patch: Float64
    patch_from_image: Float64

    def __post_init__(self) -> None:
        shape = self.patches.shape
        if len(shape) != 4 or shape[3] != 3 or self.patches.dtype != np.float32:
            raise ValueError(
                f"patches: expected (P,h,w,3) float32, got {shape} {self.patches.dtype}"
            )
        _check_places(self, shape[:1])

    def one(self, number: int) -> Crop:
        """The crop at a place in the batch, a view of its patch."""
        return Crop(
            patch=self.patches[number],
            box=self.boxes[number],
            image_from_patch=self.image_from_patch[number],
            patch_from_image=self.patch_from_image[number],
        )


def _check_places(crop: Crop | Crops, leading: tuple[int, ...]) -> None:
    """Raise ValueError unless box and maps have the shapes of as many patches."""
    boxes = crop.box if isinstance(crop, Crop) else crop.boxes
    for name, array, shape in (
        ("box", boxes, (*leading, 4)),
        ("image_from_patch", crop.image_from_patch, (*leading, 2, 3)),
        ("patch_from_image", crop.patch_from_image, (*leading, 2, 3)),
    ):
        if array.shape != shape:
            raise ValueError(f"{name}: expected {shape}, got {array.shape}")


# --- boxes -------------------------------------------------------------------------------------


def processed_box(
    box_xywh: Sequence[float] | FloatArray,
    image_size_wh: tuple[int, int],
    aspect: float,
    *,
    keep_flat: bool = False,
) -> Float64 | None:
    """The part of the image (4,) x y w h px that a network sees of the person in a box.

    Args: image_size_wh in px; aspect: width over height of the network's input; keep_flat: keep
        a box that is one pixel wide or high inside the image, as RootNet and PoseNet do.
    Returns: None where nothing of the box lies in the image, or too little.
    Source: the authors' preprocessing: cut at the last pixel, aspect, margin of 1.25.
    """
    x, y, width, height = (float(number) for number in box_xywh)
    left, top = max(x, 0.0), max(y, 0.0)
    right = min(image_size_wh[0] - 1.0, left + max(width - 1.0, 0.0))
    bottom = min(image_size_wh[1] - 1.0, top + max(height - 1.0, 0.0))
    inside_w, inside_h = right - left, bottom - top
    if width * height <= 0.0 or max(inside_w, inside_h) <= 0.0:
        return None
    smallest = min(inside_w, inside_h)
    if smallest < 0.0 or (smallest == 0.0 and not keep_flat):
        return None
    corners = np.array([left, top, right, bottom])
    return _grown(corners, aspect, PERSON_MARGIN)


def part_box(
    box_xyxy: FloatArray, image_from_patch: FloatArray, *, aspect: float, scale: float
) -> Float64:
    """Where a part seen in a person's patch is in the image: hands (aspect 1) or the face.

    Args: box_xyxy (...,4) left, top, right, bottom in px of the patch, as a network gives it;
        image_from_patch (...,2,3), from an unmirrored patch; aspect: width over height of the
        part network's input; scale: how much to widen the box after that.
    Returns: boxes (...,4) x y w h px of the image, not cut at its borders, at least 1 px wide:
        nothing keeps a network from predicting a negative size.
    Source: Pose2Pose, section 5: parts are cropped from the original image.
    """
    first = in_image(box_xyxy[..., None, :2], image_from_patch)[..., 0, :]
    last = in_image(box_xyxy[..., None, 2:], image_from_patch)[..., 0, :]
    centre = (first + last) / 2
    half = np.maximum(last - first, _SMALLEST_PX) / 2
    return _grown(np.concatenate([centre - half, centre + half], axis=-1), aspect, scale)


def _grown(box_xyxy: Float64, aspect: float, scale: float) -> Float64:
    """Boxes (...,4) x y w h whose short side is grown to the aspect ratio, then both by scale."""
    centre = (box_xyxy[..., :2] + box_xyxy[..., 2:]) / 2
    size = box_xyxy[..., 2:] - box_xyxy[..., :2]
    height = scale * np.maximum(size[..., 1], size[..., 0] / aspect)
    grown = np.stack([height * aspect, height], axis=-1)
    return np.concatenate([centre - grown / 2, grown], axis=-1)


# --- patches -----------------------------------------------------------------------------------


def crop_person(
    image: RGB,
    box: Sequence[float] | FloatArray,
    patch_size_wh: tuple[int, int],
    *,
    mirrored: bool = False,
) -> Crop:
    """Sample what a box (4,) shows, from `processed_box` or `part_box`, as a patch.

    Args: image (H,W,3) uint8 RGB; patch_size_wh px; mirrored: flip the patch's x, as the
        authors flip left hands (about the middle of the patch's pixel w / 2).
    """
    boxes = np.asarray(box, dtype=np.float64)[None]
    return crop_people(image, boxes, patch_size_wh, np.array([mirrored])).one(0)


def crop_people(
    image: RGB,
    boxes_P4: FloatArray,
    patch_size_wh: tuple[int, int],
    mirrored_P: NDArray[np.bool_] | None = None,
) -> Crops:
    """Sample several boxes of one image into one batch, as `crop_person` does each.

    Args: image (H,W,3) uint8 RGB; boxes_P4 (P,4) x y w h px; mirrored_P (P,), None for none.
    Only the pixels that a patch needs become floating, never the whole image.
    """
    boxes = boxes_P4.astype(np.float64)
    size = np.array(patch_size_wh, dtype=np.float64)
    centre_P2, scale_P2 = boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:] / size
    if mirrored_P is not None:
        scale_P2 = scale_P2 * np.where(mirrored_P[:, None], [-1.0, 1.0], 1.0)
    image_from_patch = _scaling(scale_P2, centre_P2 - scale_P2 * size / 2)
    patches = np.empty((len(boxes), patch_size_wh[1], patch_size_wh[0], 3), dtype=np.float32)
    for patch, matrix in zip(patches, image_from_patch, strict=True):
        _sample(image, matrix, patch)
    return Crops(
        patches=patches,
        boxes=boxes,
        image_from_patch=image_from_patch,
        patch_from_image=_scaling(1.0 / scale_P2, size / 2 - centre_P2 / scale_P2),
    )


def _scaling(scale_P2: Float64, shift_P2: Float64) -> Float64:
    """Maps (P,2,3) that scale and shift each axis."""
    return np.concatenate([scale_P2[:, :, None] * np.eye(2), shift_P2[..., None]], axis=-1)


def _sample(image: RGB, image_from_patch: Float64, patch: Float32) -> None:
    """Fill a patch (h,w,3) by bilinear sampling with exact weights, black outside the image.

    OpenCV's own warp before version 5 rounds positions to 1/32 px; this is exact as version 5 is.
    """
    scale, shift = image_from_patch[:, :2].diagonal(), image_from_patch[:, 2]
    columns = _taps(scale[0], shift[0], patch.shape[1], image.shape[1])
    rows = _taps(scale[1], shift[1], patch.shape[0], image.shape[0])
    first = min(int(columns.low.min()), int(columns.high.min()))
    last = max(int(columns.low.max()), int(columns.high.max()))
    region = image[:, first : last + 1]
    blended = _rows(region, rows.low, rows.low_share)
    blended += _rows(region, rows.high, rows.high_share)
    blended = blended.reshape(len(patch), -1, 3)
    np.take(blended, columns.low - first, axis=1, out=patch, mode="clip")
    patch *= columns.low_share[:, None].repeat(3, axis=1)
    other = np.take(blended, columns.high - first, axis=1)
    other *= columns.high_share[:, None].repeat(3, axis=1)
    patch += other


def _rows(region: RGB, picked: NDArray[np.intp], share: Float32) -> Float32:
    """Some rows of a region times their shares, each row flat: long rows are what numpy likes."""
    rows = region[picked].reshape(len(picked), -1).astype(np.float32)
    rows *= share[:, None]
    return rows


@dataclass(frozen=True, kw_only=True, eq=False)
class _Taps:
    """Which two pixels of an axis make each pixel of the patch, and their float32 shares."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    low_share: Float32
    high_share: Float32


def _taps(scale: float, shift: float, count: int, size: int) -> _Taps:
    """Neighbours of scale * k + shift for k below count; a pixel outside 0..size-1 has no share."""
    place = scale * np.arange(count) + shift
    low = np.floor(place).astype(np.intp)
    share = (place - low).astype(np.float32)
    high = low + 1
    return _Taps(
        low=np.clip(low, 0, size - 1),
        high=np.clip(high, 0, size - 1),
        low_share=np.where((low >= 0) & (low < size), 1.0 - share, 0.0).astype(np.float32),
        high_share=np.where((high >= 0) & (high < size), share, 0.0).astype(np.float32),
    )


# --- points ------------------------------------------------------------------------------------


def in_image(points: FloatArray, image_from_patch: FloatArray) -> Float64:
    """Carry points (...,N,2) px of a patch into its image by a map (...,2,3)."""
    matrix = image_from_patch.astype(np.float64)
    carried = points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]
    return np.asarray(carried, dtype=np.float64)


def in_patch(points: FloatArray, patch_from_image: FloatArray) -> Float64:
    """Carry points (...,N,2) px of an image into a patch by a map (...,2,3)."""
    return in_image(points, patch_from_image)
