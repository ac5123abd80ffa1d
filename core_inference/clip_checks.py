"""What makes the arrays of a clip or a raw take usable: shapes, rising rows, bounded sizes.

Everything that is not raises ClipFileError.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.skeleton import PARENTS
from .array_file import MAX_FRAMES, MAX_GAP_FRAMES, Float32

Shape = tuple[str | int, ...]

MAX_MESH_BYTES = 1024**3
"""What a take's vertices may fill, a row counted for every source frame from its first to its
last: about 13,000 frames of SMPL's mesh. A longer take is kept without them."""


MAX_PIXEL = 1e6
SHORTEST_FRAME_S = 1e-4
"""Farther from the image, and faster than this, no camera sees anybody."""

FARTHEST_M = 1e4
FOCALS_PX = (1e-2, 1e7)
"""Nobody is seen from farther away, nor by a lens that is shorter or longer."""

REST_REACH_M = 10.0
SHORTEST_BONE_M = 1e-3
"""A body at rest is about its origin, and each of its bones has a direction."""

ROTATION_TOLERANCE = 1e-3


def check_shapes(owner: object, sizes: dict[str, int], shapes: dict[str, Shape]) -> None:
    """Compare an object's arrays with their shapes, in which `sizes` stand for their letters."""
    for name, shape in shapes.items():
        expected = tuple(sizes[d] if isinstance(d, str) else d for d in shape)
        actual: tuple[int, ...] = getattr(owner, name).shape
        if actual != expected:
            raise unusable(f"{name} has the wrong shape", str(expected), str(actual))


def check_rows(frame_index_T: NDArray[np.int64], time_s_T: NDArray[np.float64]) -> None:
    """There is a row, frames and times rise, and no gap is longer than a clip may be."""
    rising = all(bool((np.diff(values) > 0).all()) for values in (frame_index_T, time_s_T))
    near = bool((np.diff(frame_index_T) <= MAX_GAP_FRAMES).all())
    if not len(frame_index_T) or not rising or not near or np.ptp(frame_index_T) >= MAX_FRAMES:
        raise unusable(
            "the rows make no sense",
            f"frame_index and time_s that rise, no {MAX_GAP_FRAMES} frames apart",
            "no row" if not len(frame_index_T) else "rows out of order or too far apart",
        )


def check_seen(
    scores: tuple[Float32, Float32],
    pixels: Float32,
    time_s_T: NDArray[np.float64],
    focal_px: float,
) -> None:
    """What a solver counts on: scores from 0 to 1, pixels of an image, frames that take time, and
    a focal length that a lens may have."""
    low_px, high_px = FOCALS_PX
    if not low_px <= focal_px <= high_px:
        raise unusable("focal is not usable", f"{low_px:g} to {high_px:g} px", f"{focal_px:g}")
    if not all(((score >= 0.0) & (score <= 1.0)).all() for score in scores):
        raise unusable("the scores make no sense", "numbers from 0 to 1", "others")
    if pixels.size and np.abs(pixels).max() > MAX_PIXEL:
        raise unusable("the landmarks make no sense", f"within {MAX_PIXEL:g} px", "farther away")
    if len(time_s_T) > 1 and np.diff(time_s_T).min() < SHORTEST_FRAME_S:
        expected = f"frames at least {SHORTEST_FRAME_S} s apart"
        raise unusable("time_s makes no sense", expected, f"{np.diff(time_s_T).min():.3g} s")


def check_places(owner: object, names: tuple[str, ...]) -> None:
    """An object's arrays of places, in metres or heights of the camera, within `FARTHEST_M`."""
    for name in names:
        if not (np.abs(getattr(owner, name)) <= FARTHEST_M).all():
            raise unusable(f"{name} is not usable", f"places within {FARTHEST_M:g}", "farther away")


def check_body(rest_joints_J3: Float32) -> None:
    """The joints (55,3) m of a body that can be posed."""
    bones_J3 = rest_joints_J3[1:] - rest_joints_J3[list(PARENTS[1:])]
    is_near = bool((np.abs(rest_joints_J3) <= REST_REACH_M).all())
    if not is_near or np.linalg.norm(bones_J3, axis=1).min() < SHORTEST_BONE_M:
        expected = f"joints within {REST_REACH_M:g} m, bones above {SHORTEST_BONE_M:g} m"
        raise unusable("rest_joints is not usable", expected, "another body")


def check_finite(arrays: dict[str, Any]) -> None:
    """Numbers alone in all arrays of a file that is about to be written."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise unusable(f"{name} is not usable", "finite numbers", "infinite or no numbers")


def check_rotations(name: str, rotations_T33: Float32) -> None:
    """Matrices that turn and do nothing else."""
    squares_T33 = rotations_T33 @ np.swapaxes(rotations_T33, 1, 2)
    is_right = np.abs(squares_T33 - np.eye(3)).max() < ROTATION_TOLERANCE
    if not (is_right and (np.linalg.det(rotations_T33) > 0.0).all()):
        raise unusable(f"{name} is not usable", "rotations", "other matrices")


def check_mesh(vertices_TV3: Float32 | None, frame_index_T: NDArray[np.int64]) -> None:
    """Where there are vertices, each row has them all, and all frames' stay within the bound."""
    if vertices_TV3 is None:
        return
    shape, rows = vertices_TV3.shape, len(frame_index_T)
    if len(shape) != 3 or shape[0] != rows or shape[1] == 0 or shape[2] != 3:
        raise unusable("vertices has the wrong shape", f"({rows}, vertices, 3)", str(shape))
    size = mesh_bytes(int(np.ptp(frame_index_T)) + 1, shape[1])
    if size > MAX_MESH_BYTES:
        raise unusable("vertices is too large", f"at most {MAX_MESH_BYTES} bytes", str(size))


def mesh_bytes(frames: int, vertices: int) -> int:
    """What a mesh of so many vertices fills over so many frames, in float32."""
    return frames * vertices * 3 * np.dtype(np.float32).itemsize


def unusable(what: str, expected: str, actual: str) -> ClipFileError:
    """The error for arrays that only another capture can mend."""
    next_step = "capture the footage again"
    return ClipFileError(what, expected=expected, actual=actual, next_step=next_step)


def as_numbers(values: NDArray[Any]) -> Float32:
    """Many numbers as float32, without a copy where they are; others raise ClipFileError."""
    if values.dtype.kind != "f":
        raise unusable("vertices is not usable", "numbers", str(values.dtype))
    if values.size and not (np.isfinite(values.min()) and np.isfinite(values.max())):
        raise unusable("vertices is not usable", "finite numbers", "infinite or no numbers")
    return values.astype(np.float32, copy=False)
