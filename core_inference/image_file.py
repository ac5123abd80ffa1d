"""Still images through OpenCV, and the two facts it does not give: size unread, focal length."""

import math
import struct
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff")
    + (".jp2", ".ppm", ".pgm", ".pbm", ".pnm")
)
MAX_IMAGE_BYTES = 1 << 30
_FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)
_EXIF_POINTER, _FOCAL_35MM = 0x8769, 0xA405
_MAX_ENTRIES = 500
_SIZE_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def is_image_name(path: Path) -> bool:
    """Say whether the name is that of an image (hidden files, as macOS makes them, are none)."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def read_image(path: Path, max_side: int) -> NDArray[np.uint8] | None:
    """Return the picture (H,W,3) RGB 8 bit, upright by its EXIF, without alpha; None if broken.

    A picture over `max_side` px a side counts as broken, and is not decoded where the header of a
    PNG or JPEG tells; raises OSError if the file cannot be read.
    """
    if path.stat().st_size > MAX_IMAGE_BYTES:
        return None
    data = np.fromfile(path, np.uint8)  # cv2.imread fails on non-ASCII names on Windows
    size = size_from_header(data[: 1 << 20].tobytes())
    if data.size == 0 or (size is not None and max(size) > max_side):
        return None
    cv2.setLogLevel(0)
    try:
        # OpenCV's stubs do not say that it returns None for what is no image.
        image = cast(NDArray[np.uint8] | None, cv2.imdecode(data, cv2.IMREAD_COLOR_RGB))
    except cv2.error:
        return None
    if image is None or min(image.shape[:2]) < 1 or max(image.shape[:2]) > max_side:
        return None
    return image


def size_from_header(head: bytes) -> tuple[int, int] | None:
    """Return width and height in px as stored, from the head of a PNG or JPEG, else None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        width, height = struct.unpack_from(">II", head, 16)
        return width, height
    for marker, body in _jpeg_segments(head):
        if marker in _SIZE_MARKERS and len(body) >= 5:
            height, width = struct.unpack_from(">HH", body, 1)
            return width, height
    return None


def focal_px_from_exif(path: Path, width: int, height: int) -> float | None:
    """Return the focal length in px from a JPEG's FocalLengthIn35mmFilm (EXIF 2.32, tag A405).

    The 35 mm equivalent compares diagonals, so it holds for any aspect; None where there is none.
    """
    with path.open("rb") as file:
        head = file.read(1 << 17)
    for marker, body in _jpeg_segments(head):
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            focal_mm = _focal_35mm(body[6:])
            if focal_mm:
                return focal_mm / _FULL_FRAME_DIAGONAL_MM * math.hypot(width, height)
    return None


def _jpeg_segments(head: bytes) -> list[tuple[int, bytes]]:
    """Return marker and body of the segments before the picture data; [] if it is no JPEG."""
    segments: list[tuple[int, bytes]] = []
    at = 2 if head.startswith(b"\xff\xd8") else len(head)
    while at + 4 <= len(head) and head[at] == 0xFF and head[at + 1] != 0xDA:
        length = struct.unpack_from(">H", head, at + 2)[0]
        segments.append((head[at + 1], head[at + 4 : at + 2 + length]))
        at += 2 + max(2, length)
    return segments


def _focal_35mm(tiff: bytes) -> int | None:
    """Walk a TIFF header's first directory to the EXIF one; every offset is bounds-checked."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    exif_at = _tag_value(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0], _EXIF_POINTER)
    return None if exif_at is None else _tag_value(tiff, order, exif_at, _FOCAL_35MM)


def _tag_value(tiff: bytes, order: str, at: int, tag: int) -> int | None:
    if at + 2 > len(tiff):
        return None
    count = min(struct.unpack_from(order + "H", tiff, at)[0], _MAX_ENTRIES)
    for entry in range(at + 2, min(at + 2 + 12 * count, len(tiff) - 11), 12):
        found, kind = struct.unpack_from(order + "HH", tiff, entry)
        if found == tag and kind in (3, 4):
            return struct.unpack_from(order + ("H" if kind == 3 else "I"), tiff, entry + 8)[0]
    return None
