"""Where people went, seen from above: paths on the ground plane over a grid of metres.

Pixels are BGR here, as OpenCV writes them. Up in the picture is forward from the camera.

Legend: T frames, N points.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .clip import Camera, Clip
from .drawing import DARK_BGR, Bgr, Image, person_bgr

Float64 = NDArray[np.float64]

VIEW_PX = 960
MARGIN_M = 1.0
PAPER_BGR = (250, 250, 250)
GRID_BGR = (215, 215, 215)
UNSEEN_SHADE = 0.45

_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Ground points (N,2) m, world x and y, onto a picture: low is its lower left corner."""

    low: Float64
    high: Float64

    @property
    def px_per_m(self) -> float:
        return VIEW_PX / float((self.high - self.low).max())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        width, height = ((self.high - self.low) * self.px_per_m).round().astype(int).tolist()
        return width, height

    def pixels(self, points_N2: Float64) -> NDArray[np.int32]:
        right_N2 = (points_N2 - self.low) * self.px_per_m
        right_N2[..., 1] = self.size[1] - right_N2[..., 1]
        return right_N2.round().astype(np.int32)


def top_view(people: Mapping[int, Clip]) -> Image:
    """Draw the pelvis' path of every person of a capture, with the camera, from above.

    A path begins at a dot with the person's number and is faint where the person was filled in;
    the grid is one metre wide. Args: people: clips by number, all in one world.
    """
    paths = {number: _on_ground(clip.joints[:, 0]) for number, clip in people.items()}
    cameras = [camera for clip in people.values() for camera in _cameras(clip.camera)]
    places = [_camera_place(camera) for camera in cameras]
    everything_N2 = np.concatenate([*paths.values(), places])
    plan = _Plan(
        low=np.floor(everything_N2.min(axis=0) - MARGIN_M),
        high=np.ceil(everything_N2.max(axis=0) + MARGIN_M),
    )
    width, height = plan.size
    image = np.full((height, width, 3), PAPER_BGR, dtype=np.uint8)
    _draw_grid(image, plan)
    for camera in cameras:
        _draw_camera(image, plan, camera)
    for number, path_T2 in paths.items():
        _draw_path(image, plan.pixels(path_T2), people[number].tracked, person_bgr(number))
    for number, path_T2 in paths.items():
        _draw_start(image, plan.pixels(path_T2)[0], number)
    return image


def _on_ground(points_N3: NDArray[np.float32]) -> Float64:
    return points_N3[:, :2].astype(np.float64)


def _cameras(camera: Camera) -> list[Camera]:
    """The camera that stands still, or where a moving one was at first and at last."""
    if not camera.is_moving:
        return [camera]
    return [camera.at(np.array(row)) for row in (0, -1)]


def _camera_place(camera: Camera) -> Float64:
    """Where the camera stands on the ground plane (2,)."""
    return -(camera.rotation.T @ camera.translation)[:2].astype(np.float64)


def _draw_grid(image: Image, plan: _Plan) -> None:
    for axis in (0, 1):
        for metre in np.arange(plan.low[axis], plan.high[axis] + 0.5):
            ends_22 = np.array([plan.low, plan.high])
            ends_22[:, axis] = metre
            first, last = plan.pixels(ends_22).tolist()
            cv2.line(image, first, last, GRID_BGR, 2 if metre == 0 else 1)
            place = (first[0] + 3, image.shape[0] - 5) if axis == 0 else (3, first[1] - 3)
            if axis == 0 or metre > plan.low[1]:
                cv2.putText(image, f"{metre:.0f}", place, _FONT, 0.4, DARK_BGR, 1, cv2.LINE_AA)


def _draw_camera(image: Image, plan: _Plan, camera: Camera) -> None:
    """A triangle that opens the way the camera looks, as wide as it sees."""
    place = _camera_place(camera)
    edges_px = np.array([0.0, float(camera.image_size[0])])
    rays_23 = np.ones((2, 3))
    rays_23[:, 0] = (edges_px - camera.principal_point[0]) / camera.focal[0]
    rays_23[:, 1] = 0.0
    corners_22 = place + 0.5 * (rays_23 @ camera.rotation)[:, :2]
    outline = plan.pixels(np.concatenate([place[None], corners_22]))
    cv2.polylines(image, [outline], True, DARK_BGR, 2, cv2.LINE_AA)


def _draw_path(
    image: Image, path_T2: NDArray[np.int32], seen_T: NDArray[np.bool_], colour: Bgr
) -> None:
    """The whole path faintly, over it the runs of frames in which the person was seen."""
    faint = np.array(PAPER_BGR) + UNSEEN_SHADE * (np.array(colour) - np.array(PAPER_BGR))
    cv2.polylines(image, [path_T2], False, tuple(faint.tolist()), 2, cv2.LINE_AA)
    cuts = np.flatnonzero(np.diff(seen_T.astype(np.int8))) + 1
    for run in np.split(np.arange(len(seen_T)), cuts):
        if seen_T[run[0]]:
            cv2.polylines(image, [path_T2[run]], False, colour, 2, cv2.LINE_AA)


def _draw_start(image: Image, place_2: NDArray[np.int32], number: int) -> None:
    x, y = place_2.tolist()
    cv2.circle(image, (x, y), 7, DARK_BGR, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(image, (x, y), 5, person_bgr(number), cv2.FILLED, cv2.LINE_AA)
    cv2.putText(image, str(number), (x + 10, y + 5), _FONT, 0.6, DARK_BGR, 1, cv2.LINE_AA)
