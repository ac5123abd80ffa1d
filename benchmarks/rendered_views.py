"""Where the rendered footage is filmed from: two still cameras and one that pans.

Legend: T frames, J joints (55).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Float64 = NDArray[np.float64]

SIZE_PX = 640
FOCAL_PX = float(np.hypot(SIZE_PX, SIZE_PX))
"""The image diagonal: what Pose2Rig assumes of footage that says nothing of its lens."""

FILLED = 0.88
"""The share of the picture's half width or height that the person may reach."""

NEAREST_M, FURTHEST_M, STEP_M = 2.0, 12.0, 0.1
PAN_BLUR_FRAMES = 6.0
"""How softly the operator follows the person (standard deviation)."""

SWAY_RAD, SWAY_HZ = np.radians(5.0), 0.25
"""An operator's pan where the person stays: so far to either side of them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """A camera's way: axes (T,3,3), columns right, down and forward in the world (OpenCV);
    origin (3,) m, world; focal and principal point are those of this module."""

    axes: Float64
    origin: Float64

    @property
    def translations(self) -> Float64:
        """World to camera: points @ axes + translations (T,3) m."""
        return -self.origin @ self.axes

    def project(self, points_TN3: Float64) -> Float64:
        """World points (T,N,3) m to pixels (T,N,2)."""
        seen = points_TN3 @ self.axes + self.translations[:, None]
        return seen[..., :2] / seen[..., 2:] * FOCAL_PX + SIZE_PX / 2


def front(joints_TJ3: Float64) -> View:
    """Nearly from the front and level, at the height of the chest."""
    return _filled(joints_TJ3, lambda far: _still(joints_TJ3, far, np.radians(12.0), 0.0))


def oblique(joints_TJ3: Float64) -> View:
    """From 45 degrees aside and 25 degrees above."""
    return _filled(
        joints_TJ3, lambda far: _still(joints_TJ3, far, np.radians(-45.0), np.radians(25.0))
    )


def panning(joints_TJ3: Float64) -> View:
    """On a tripod 35 degrees aside, turning after the person, swaying a little about them."""
    return _filled(joints_TJ3, lambda far: _following(joints_TJ3, far, np.radians(35.0)))


VIEWS: dict[str, Callable[[Float64], View]] = {
    "front": front,
    "oblique": oblique,
    "panning": panning,
}


def _filled(joints_TJ3: Float64, view_from: Callable[[float], View]) -> View:
    """The nearest of the views that shows the whole motion."""
    for far in np.arange(NEAREST_M, FURTHEST_M, STEP_M):
        view = view_from(float(far))
        seen = joints_TJ3 @ view.axes + view.translations[:, None]
        reach = np.abs(view.project(joints_TJ3) - SIZE_PX / 2).max()
        if seen[..., 2].min() > 1.0 and reach < FILLED * SIZE_PX / 2:
            return view
    raise ValueError(f"no camera within {FURTHEST_M} m sees the whole motion")


def _place(joints_TJ3: Float64, far_m: float, aside: float, above: float) -> tuple[Float64, ...]:
    """The camera's origin and the middle of the motion (3,) m, which it stands `far_m` from."""
    middle = (joints_TJ3.min(axis=(0, 1)) + joints_TJ3.max(axis=(0, 1))) / 2
    away = [np.sin(aside) * np.cos(above), -np.cos(aside) * np.cos(above), np.sin(above)]
    return middle + far_m * np.array(away), middle


def _still(joints_TJ3: Float64, far_m: float, aside: float, above: float) -> View:
    origin, middle = _place(joints_TJ3, far_m, aside, above)
    ahead = np.broadcast_to(middle - origin, (len(joints_TJ3), 3))
    return View(axes=looking(ahead), origin=origin)


def _following(joints_TJ3: Float64, far_m: float, aside: float) -> View:
    origin, _ = _place(joints_TJ3, far_m, aside, np.radians(4.0))
    body = (joints_TJ3.min(axis=1) + joints_TJ3.max(axis=1)) / 2
    away = gaussian_filter1d(body, PAN_BLUR_FRAMES, axis=0, mode="nearest") - origin
    sway = SWAY_RAD * np.sin(2 * np.pi * SWAY_HZ * np.arange(len(away)) / 30.0)
    yaw = np.arctan2(away[:, 1], away[:, 0]) + sway
    level = np.linalg.norm(away[:, :2], axis=1)
    ahead = np.stack([level * np.cos(yaw), level * np.sin(yaw), away[:, 2]], axis=1)
    return View(axes=looking(ahead), origin=origin)


def looking(ahead_T3: Float64) -> Float64:
    """Camera axes (T,3,3) as columns right, down, forward of cameras held upright."""
    forward = ahead_T3 / np.linalg.norm(ahead_T3, axis=1, keepdims=True)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(forward, right), forward], axis=-1)
