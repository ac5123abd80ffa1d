"""What a turning or going camera sees: footage made of known motions, with somebody in the way."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.footage import Frame
from pose2rig.core_inference.sightings import Box
from pose2rig.rigs.rotation import matrix_from_axis_angle

RGB = NDArray[np.uint8]
Float64 = NDArray[np.float64]

SIZE = (640, 360)
FOCAL_PX = 700.0
FPS = 30.0
LENS: Float64 = np.array(
    [[FOCAL_PX, 0.0, SIZE[0] / 2], [0.0, FOCAL_PX, SIZE[1] / 2], [0.0, 0.0, 1.0]]
)


def texture(seed: int, width: int, height: int) -> RGB:
    """Spots of all sizes, as a wall full of things."""
    random = np.random.default_rng(seed)
    image = np.full((height, width, 3), 120, np.uint8)
    for _ in range(width * height // 900):
        place = (int(random.integers(width)), int(random.integers(height)))
        colour = [int(value) for value in random.integers(20, 235, 3)]
        cv2.circle(image, place, int(random.integers(4, 22)), colour, cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8)


def turned_views(turns_T3: Float64, seed: int = 1, zooms_T: Float64 | None = None) -> list[RGB]:
    """A picture far away, 2400 px wide at the lens' own scale, seen by a camera on a tripod.

    turns_T3: axis-angle from the first camera's axes into each frame's; zooms_T: how many times
    as long its focal length is in each.
    """
    wall = texture(seed, 2400, 1600)
    middle = np.array([[1.0, 0.0, 1200.0], [0.0, 1.0, 800.0], [0.0, 0.0, 1.0]])
    ray_from_wall = np.diag([1 / FOCAL_PX, 1 / FOCAL_PX, 1.0]) @ np.linalg.inv(middle)
    zooms_T = np.ones(len(turns_T3)) if zooms_T is None else zooms_T
    return [
        _warped(wall, LENS @ np.diag([zoom, zoom, 1.0]) @ turn_33 @ ray_from_wall)
        for turn_33, zoom in zip(matrix_from_axis_angle(turns_T3), zooms_T, strict=True)
    ]


def gone_views(places_T2: Float64, seed: int = 2) -> list[RGB]:
    """A floor and a wall 12 heights away, seen by a level camera that goes right and forward.

    places_T2: in heights of the camera.
    """
    floor, wall = texture(seed, 2400, 1600), texture(seed + 1, 2400, 900)
    scale = 100.0
    images: list[RGB] = []
    for right, forward in places_T2:
        # Floor px (u, v) stands at x = u / scale - 12, z = 16 - v / scale, y = 1.
        floor_33: Float64 = np.array(
            [[1 / scale, 0.0, -12.0 - right], [0.0, 0.0, 1.0], [0.0, -1 / scale, 16.0 - forward]]
        )
        wall_33: Float64 = np.array(
            [
                [1 / scale, 0.0, -12.0 - right],
                [0.0, 1 / scale, -8.0],
                [0.0, 0.0, 12.0 - forward],
            ]
        )
        image, back = _warped(floor, LENS @ floor_33), _warped(wall, LENS @ wall_33)
        foot = round(SIZE[1] / 2 + FOCAL_PX / (12.0 - forward))
        image[:foot] = back[:foot]
        images.append(image)
    return images


def frames_of(images: list[RGB]) -> list[Frame]:
    """The pictures as frames of a video."""
    return [Frame(index=k, time_s=k / FPS, image=image) for k, image in enumerate(images)]


def with_somebody(images: list[RGB], seed: int = 3) -> tuple[list[RGB], list[list[Box]]]:
    """Somebody, a spotted rectangle, wanders through the pictures; where, frame by frame."""
    clothes = texture(seed, 120, 260)
    shown: list[RGB] = []
    boxes: list[list[Box]] = []
    for k, image in enumerate(images):
        x, y = 260 + round(150 * np.sin(k / 17.0)), 60 + round(20 * np.sin(k / 5.0))
        picture = image.copy()
        picture[y : y + 260, x : x + 120] = clothes
        shown.append(picture)
        boxes.append([(float(x), float(y), 120.0, 260.0)])
    return shown, boxes


def _warped(image: RGB, picture_from_image_33: Float64) -> RGB:
    warped = cv2.warpPerspective(
        image, picture_from_image_33, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(warped, np.uint8)
