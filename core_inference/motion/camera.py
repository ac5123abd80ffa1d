"""The way of a camera that leaves its place, in metres: people and camera go with it.

The background tells the way in heights of the camera; the feet tell how high that is.

Legend: T frames.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..body_model import BodyModel
from ..clip import Clip, RawTake, replaced
from .contacts import FEET
from .ground import OUTLIERS
from .placing import Scene
from .soles import sole_points

Float64 = NDArray[np.float64]

SEEN_SCORE = 0.4
"""Feet below this score do not say where the ground is."""

LEAST_FRAMES = 3
"""In fewer frames with feet nobody knows how high the camera is: then it stays in its place."""


def with_camera_gone(clip: Clip, raw: RawTake, body: BodyModel, scene: Scene | None = None) -> Clip:
    """The clip with the person, and the camera, moved on by the camera's way.

    clip: the rows of the raw take, the camera at the origin in each. scene: the world of a shot
    with several people, which knows the ground, and into which the clip is turned later; else the
    lowest of the person's own feet are on it. The pixels stay as they are.
    """
    if raw.camera_place is None or not clip.camera.is_moving:
        return clip
    height_m = _height_m(clip, body) if scene is None else -scene.ground_m
    way_T3 = np.zeros((len(clip.frame_index), 3))
    way_T3[:, :2] = raw.camera_place.astype(np.float64) * height_m
    if scene is not None:
        way_T3 = way_T3 @ scene.world_from_level
    moved_T3 = clip.camera.rotation.astype(np.float64) @ way_T3[..., None]
    camera = replace(clip.camera, translation=-moved_T3[..., 0].astype(np.float32))
    return replaced(
        clip,
        camera=camera,
        trans=(clip.trans + way_T3).astype(np.float32),
        joints=(clip.joints + way_T3[:, None]).astype(np.float32),
    )


def _height_m(clip: Clip, body: BodyModel) -> float:
    """How high the camera is above the lowest feet, 0 where feet are hardly ever seen."""
    seen_T = (clip.scores[:, FEET] > SEEN_SCORE).any(axis=1)
    if seen_T.sum() < LEAST_FRAMES:
        return 0.0
    lowest_T = sole_points(clip, body)[..., 2].min(axis=1)
    return max(-float(np.quantile(lowest_T[seen_T], OUTLIERS)), 0.0)
