"""Where a person stands in our camera, from what the authors' networks say of it.

Ours is one pinhole for the whole image, its principal point in the middle. Theirs is one of three:
a virtual camera per crop (Hand4Whole, Pose2Pose), a depth per box (RootNet), or lixels, a heat-map
position per vertex with depths about the root (I2L-MeshNet).

Camera axes are OpenCV's: x right, y down, z forward.

Legend: T frames or people, V vertices.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    normalized,
    swing_between,
)
from .crops import in_image

FloatArray = NDArray[np.floating[Any]]
Float64 = NDArray[np.float64]

VIRTUAL_FOCAL = 5000.0
PATCH_HEIGHT = 256.0
"""The virtual camera's focal length in px of an input 256 px high, whatever its width."""

NEAREST_M = 0.1
"""A virtual camera is at least this far away: a network may put it into the pelvis."""

PERSON_SIZE_MM = 2000.0
"""RootNet takes a person's processed square box for this high and wide."""

HEATMAP_SIZE = 64.0
PIXELS_PER_CELL = 256.0 / HEATMAP_SIZE
LIXEL_DEPTH_M = 1.0
"""Heat maps of 64 cells over inputs of 256 px, and over 1 m before and behind the root."""

_MM_PER_M = 1000.0
_AHEAD = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Lens:
    """Our camera: focal_px, and the image's width and height in px; no distortion."""

    focal_px: float
    image_size: tuple[int, int]

    @property
    def centre(self) -> Float64:
        """The principal point (2,) px: the middle of the image."""
        return np.array(self.image_size, dtype=np.float64) / 2

    def rays(self, pixels: FloatArray) -> Float64:
        """Directions (...,3) with z = 1 through pixels (...,2)."""
        aside = (pixels - self.centre) / self.focal_px
        return np.concatenate([aside, np.ones_like(aside[..., :1])], axis=-1)

    def points(self, pixels: FloatArray, depth_m: FloatArray) -> Float64:
        """Points (...,3) m seen at pixels (...,2) at depths (...) m."""
        return self.rays(pixels) * depth_m[..., None]

    def project(self, points: FloatArray) -> Float64:
        """Pixels (...,2) of points (...,3) m."""
        aside = points[..., :2] / points[..., 2:]
        return np.asarray(aside * self.focal_px + self.centre, dtype=np.float64)


# --- the virtual camera ------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class VirtualView:
    """People as the authors' virtual cameras see them.

    cam_trans (T,3) m, rest_pelvis (T,3) m, the pelvis joint of each one's shape in the zero pose:
    the posed pelvis stands at their sum; global_orient (T,3) axis-angle in the virtual camera's
    axes; boxes (T,4) x y w h px of what each network saw.
    """

    cam_trans: FloatArray
    rest_pelvis: FloatArray
    global_orient: FloatArray
    boxes: FloatArray

    def __post_init__(self) -> None:
        count = len(self.cam_trans)
        for name, width in (
            ("cam_trans", 3),
            ("rest_pelvis", 3),
            ("global_orient", 3),
            ("boxes", 4),
        ):
            actual = getattr(self, name).shape
            if actual != (count, width):
                raise ValueError(f"{name}: expected {(count, width)}, got {actual}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """The pelvis joint root (T,3) m and global_orient (T,3) axis-angle, both in our camera."""

    root: Float64
    global_orient: Float64


def view_turns(boxes_T4: FloatArray, lens: Lens) -> Float64:
    """The smallest turns (T,3,3) of our optical axis onto the rays through boxes' middles.

    What a network says of a crop is said in the axes of a camera that looks straight at it; the
    turn carries it into ours. So a hand's crop and its body's differ by both turns.
    """
    return np.asarray(swing_between(_AHEAD, lens.rays(_middles(boxes_T4))), dtype=np.float64)


def in_our_axes(global_orient_T3: FloatArray, boxes_T4: FloatArray, lens: Lens) -> Float64:
    """Orientations (T,3) axis-angle said of crops, carried into our camera by `view_turns`."""
    turned_T33 = view_turns(boxes_T4, lens) @ matrix_from_axis_angle(global_orient_T3)
    return np.asarray(axis_angle_from_matrix(turned_T33), dtype=np.float64)


def place(view: VirtualView, lens: Lens) -> Placed:
    """Carry people from their virtual cameras into ours.

    A virtual camera stands 5000 / 256 box heights away in focal lengths, so it sees almost
    without perspective, straight along the ray through its box. The body is turned by that ray,
    the pelvis put onto its pixel, and the distance D along the ray is where our camera sees the
    same area: there a metre across covers f / (D cos a) by f / (D cos² a) px, a being the ray's
    angle off the optical axis, and in the virtual camera f_v / z both ways.
    Source: the overlay of the authors' demo (focal 5000 / 256 of the box's height, principal
    point in its middle); the turn and cos a are ours.
    """
    pelvis_T3 = view.cam_trans.astype(np.float64) + view.rest_pelvis
    depth_T = np.maximum(pelvis_T3[:, 2], NEAREST_M)
    focal_T = VIRTUAL_FOCAL / PATCH_HEIGHT * view.boxes[:, 3]
    aside_T2 = pelvis_T3[:, :2] / depth_T[:, None] * focal_T[:, None]
    pelvis_rays_T3 = lens.rays(_middles(view.boxes) + aside_T2)
    towards_T3 = normalized(lens.rays(_middles(view.boxes)))
    distance_T = depth_T * lens.focal_px / focal_T / towards_T3[:, 2] ** 1.5
    along_T = np.sum(pelvis_rays_T3 * towards_T3, axis=-1)
    return Placed(
        root=pelvis_rays_T3 * (distance_T / along_T)[:, None],
        global_orient=in_our_axes(view.global_orient, view.boxes, lens),
    )


def _middles(boxes_T4: FloatArray) -> Float64:
    return np.asarray(boxes_T4[:, :2] + boxes_T4[:, 2:] / 2, dtype=np.float64)


# --- RootNet -----------------------------------------------------------------------------------


def rootnet_k(boxes_T4: FloatArray, lens: Lens) -> Float64:
    """RootNet's k (T,) in mm: how far away a person of 2 m by 2 m would fill the box (T,4).

    The boxes are processed, square, x y w h px. k is linear in the focal length.
    Source: RootNet, equation 2.
    """
    area_T = boxes_T4[:, 2].astype(np.float64) * boxes_T4[:, 3]
    return np.sqrt(PERSON_SIZE_MM**2 * lens.focal_px**2 / area_T)


def depth_from_box(boxes_T4: FloatArray, lens: Lens) -> Float64:
    """The root's depth (T,) m from the processed box alone: k, as if RootNet's factor were 1.

    A guess for want of RootNet: right for a grown person who stands upright and is seen whole.
    """
    return rootnet_k(boxes_T4, lens) / _MM_PER_M


def root_from_rootnet(
    coordinates_T3: FloatArray, image_from_patch_T23: FloatArray, lens: Lens
) -> Float64:
    """The pelvis (T,3) m in our camera from RootNet's x, y in heat-map cells and depth in mm.

    The k that made the depth must be of the same lens.
    """
    return root_from_cells(
        coordinates_T3[:, :2], coordinates_T3[:, 2] / _MM_PER_M, image_from_patch_T23, lens
    )


# --- lixels ------------------------------------------------------------------------------------


def root_from_cells(
    cells_T2: FloatArray, depth_T: FloatArray, image_from_patch_T23: FloatArray, lens: Lens
) -> Float64:
    """The root (T,3) m in our camera from its x, y (T,2) in heat-map cells and its depth (T,) m.

    For I2L-MeshNet the cells are the pelvis that its joint regressor finds on its lixel mesh.
    """
    return lens.points(_cells_in_image(cells_T2[:, None], image_from_patch_T23)[:, 0], depth_T)


def mesh_from_lixels(
    mesh_TV3: FloatArray, image_from_patch_T23: FloatArray, root_depth_T: FloatArray, lens: Lens
) -> Float64:
    """I2L-MeshNet's mesh (T,V,3) m in our camera from its lixels (T,V,3), x y z in cells.

    root_depth_T (T,) m, of RootNet or `depth_from_box`. Joints in cells work as well.
    Source: I2L-MeshNet's demo: cells times 4 are px of the patch, z is (z / 64 * 2 - 1) m.
    """
    depth_TV = (mesh_TV3[..., 2] / HEATMAP_SIZE * 2 - 1) * LIXEL_DEPTH_M + root_depth_T[:, None]
    return lens.points(_cells_in_image(mesh_TV3[..., :2], image_from_patch_T23), depth_TV)


def _cells_in_image(cells_TV2: FloatArray, image_from_patch_T23: FloatArray) -> Float64:
    return in_image(cells_TV2.astype(np.float64) * PIXELS_PER_CELL, image_from_patch_T23)
