"""The camera that a clip was seen by, at rest or moving. numpy only.

Legend: T frames, N points.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .array_file import Float32
from .clip_checks import Shape, check_shapes, unusable

CAMERA_FROM_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""A level camera that looks along the world's y: the one a raw take is told in."""

_NEAREST_M = 1e-6
"""A point in the plane of the lens has no pixel: it counts as one just before it."""

MAX_ZOOM = 20.0
"""No lens and no crop makes a picture so many times as large, or as small, within a shot."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """A pinhole camera. focal (2,) px; principal_point (2,) px; image_size (2,) w, h;
    rotation (3,3) and translation (3,) m carry world points into the camera (OpenCV axes), one
    for the clip, or (T,3,3) and (T,3) where the camera moves, one for each of its rows; zoom (T,)
    each row's focal length over `focal`, of a moving camera alone, or None. Raises ClipFileError
    for other shapes, and zooms that no lens has."""

    focal: Float32
    principal_point: Float32
    image_size: NDArray[np.int32]
    rotation: Float32
    translation: Float32
    zoom: Float32 | None = None

    def __post_init__(self) -> None:
        moving = self.rotation.ndim == 3
        shapes = _MOVING_SHAPES if moving else _STILL_SHAPES
        check_shapes(self, {"T": len(self.rotation)}, shapes | _LENS_SHAPES)
        if self.zoom is not None:
            check_zoom(self.zoom, len(self.rotation) if moving else None)

    @property
    def is_moving(self) -> bool:
        """Whether each row of the clip has a camera of its own."""
        return self.rotation.ndim == 3

    def at(self, rows: NDArray[Any]) -> "Camera":
        """The camera of some of the clip's rows."""
        if not self.is_moving:
            return self
        moved = replace(
            self, rotation=self.rotation[rows], translation=self.translation[rows], zoom=None
        )
        if self.zoom is None:
            return moved
        if moved.is_moving:
            return replace(moved, zoom=self.zoom[rows])
        return replace(moved, focal=self.focal * self.zoom[rows])

    def seen(self, points: NDArray[Any]) -> NDArray[Any]:
        """World points (...,3) m in the camera's axes; before a moving camera (T,...,3)."""
        if not self.is_moving:
            return points @ self.rotation.T + self.translation
        points_TN3 = points.reshape(len(points), -1, 3)
        seen_TN3 = points_TN3 @ np.swapaxes(self.rotation, 1, 2) + self.translation[:, None]
        return seen_TN3.reshape(points.shape)

    def project(self, points: NDArray[Any]) -> NDArray[Any]:
        """Project world points (...,3) m to (...,2) px; before a moving camera (T,...,3)."""
        camera_points = self.seen(points)
        focal = self.focal
        if self.zoom is not None:
            focal = focal * self.zoom.reshape(-1, *(1 for _ in points.shape[1:]))
        depth = camera_points[..., 2:]
        depth = np.where(np.abs(depth) < _NEAREST_M, _NEAREST_M, depth)
        return camera_points[..., :2] / depth * focal + self.principal_point


def check_zoom(zoom_T: Float32, count: int | None) -> None:
    """One focal length for each row, over the first one, that a lens or a crop may have.

    count: the rows of a moving camera; None for one at rest, which has no zoom at all.
    """
    if count is None:
        raise unusable("camera_zoom stands beside a camera at rest", "none", str(zoom_T.shape))
    if zoom_T.shape != (count,):
        raise unusable("camera_zoom has the wrong shape", f"({count},)", str(zoom_T.shape))
    if not ((zoom_T >= 1.0 / MAX_ZOOM) & (zoom_T <= MAX_ZOOM)).all():
        expected = f"focal lengths over the first one of {1 / MAX_ZOOM:g} to {MAX_ZOOM:g}"
        raise unusable("camera_zoom is not usable", expected, "others")


_LENS_SHAPES: dict[str, Shape] = {
    "focal": (2,),
    "principal_point": (2,),
    "image_size": (2,),
}

_STILL_SHAPES: dict[str, Shape] = {"rotation": (3, 3), "translation": (3,)}

_MOVING_SHAPES: dict[str, Shape] = {"rotation": ("T", 3, 3), "translation": ("T", 3)}
