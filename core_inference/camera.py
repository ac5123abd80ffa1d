"""The camera that a clip was seen by, at rest or moving. numpy only.

Legend: T frames, N points.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .array_file import Float32
from .clip_checks import Shape, check_shapes

CAMERA_FROM_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""A level camera that looks along the world's y: the one a raw take is told in."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """A pinhole camera. focal (2,) px; principal_point (2,) px; image_size (2,) w, h;
    rotation (3,3) and translation (3,) m carry world points into the camera (OpenCV axes), one
    for the clip, or (T,3,3) and (T,3) where the camera moves, one for each of its rows."""

    focal: Float32
    principal_point: Float32
    image_size: NDArray[np.int32]
    rotation: Float32
    translation: Float32

    def __post_init__(self) -> None:
        moving = self.rotation.ndim == 3
        shapes = _MOVING_SHAPES if moving else _STILL_SHAPES
        check_shapes(self, {"T": len(self.rotation)}, shapes | _LENS_SHAPES)

    @property
    def is_moving(self) -> bool:
        """Whether each row of the clip has a camera of its own."""
        return self.rotation.ndim == 3

    def at(self, rows: NDArray[Any]) -> "Camera":
        """The camera of some of the clip's rows."""
        if not self.is_moving:
            return self
        return replace(self, rotation=self.rotation[rows], translation=self.translation[rows])

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
        return camera_points[..., :2] / camera_points[..., 2:] * self.focal + self.principal_point


_LENS_SHAPES: dict[str, Shape] = {
    "focal": (2,),
    "principal_point": (2,),
    "image_size": (2,),
}

_STILL_SHAPES: dict[str, Shape] = {"rotation": (3, 3), "translation": (3,)}

_MOVING_SHAPES: dict[str, Shape] = {"rotation": ("T", 3, 3), "translation": ("T", 3)}
