"""The view from above: paths lie on the grid where the clips say."""

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.drawing import DARK_BGR, PEOPLE_BGR, Image
from pose2rig.core_inference.top_view import GRID_BGR, VIEW_PX, top_view

from .standing import standing

SIZE = (320, 240)
FRAMES = 21


def walking(start: tuple[float, float], end: tuple[float, float]) -> Clip:
    """Somebody whose pelvis goes straight over the ground, in metres."""
    clip = standing(SIZE, range(FRAMES))
    path_T2 = np.linspace(start, end, FRAMES) - clip.joints[:, 0, :2]
    away = np.concatenate([path_T2, np.zeros((FRAMES, 1))], axis=1).astype(np.float32)
    return replaced(
        clip,
        trans=clip.trans + away,
        joints=clip.joints + away[:, None],
        tracked=np.ones(FRAMES, np.bool_),
    )


def painted(image: Image, bgr: tuple[int, int, int]) -> NDArray[np.float64]:
    """Pixels (N,2), x right and y up, of a colour."""
    rows, columns = np.nonzero((image == bgr).all(axis=2))
    return np.stack([columns, image.shape[0] - rows], axis=1).astype(np.float64)


def metre_px(image: Image) -> float:
    """Distance of two grid lines, read near the picture's upper edge."""
    lines = np.flatnonzero((image[10] == GRID_BGR).all(axis=1))
    apart = np.diff(lines)
    return float(np.median(apart[apart > 3]))


def test_paths_are_as_long_and_as_far_apart_as_in_the_world() -> None:
    image = top_view({0: walking((0, 0), (0, 2)), 1: walking((3, 0), (3, 1))})
    metre = metre_px(image)
    first, second = (painted(image, PEOPLE_BGR[number]) for number in (0, 1))
    apart = np.median(second[:, 0]) - np.median(first[:, 0])
    assert abs(apart / metre - 3.0) < 0.05
    assert abs(np.ptp(first[:, 1]) / metre - 2.0) < 0.15
    assert abs(np.ptp(second[:, 1]) / metre - 1.0) < 0.15


def test_forward_is_up_and_a_path_is_faint_where_somebody_was_filled_in() -> None:
    whole = walking((0, 0), (0, 2))
    begun = replaced(whole, tracked=np.arange(FRAMES) < FRAMES // 2)
    image = top_view({0: whole})
    full, part = (painted(top_view({0: clip}), PEOPLE_BGR[0]) for clip in (whole, begun))
    assert part[:, 1].min() == full[:, 1].min()
    assert abs((full[:, 1].max() - part[:, 1].max()) / metre_px(image) - 1.0) < 0.15


def test_the_camera_stands_where_the_clip_has_it() -> None:
    image = top_view({0: walking((0, 0), (0, 2))})
    outline = painted(image, DARK_BGR)
    path = painted(image, PEOPLE_BGR[0])
    assert 3.0 < (path[:, 1].min() - np.sort(outline[:, 1])[0]) / metre_px(image) < 5.5


def test_the_picture_keeps_its_size_however_far_people_go() -> None:
    image = top_view({0: walking((0, 0), (200, 30))})
    assert max(image.shape) == VIEW_PX
