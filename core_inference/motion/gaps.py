"""One row per source frame: frames nobody was seen in are filled in and flagged.

Legend: T rows before, U rows after.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    matrix_from_quaternion,
    quaternion_from_matrix,
    resample,
    sign_continuous,
)
from ..camera import Camera
from ..clip import Clip, replaced
from .posing import pose_arrays, quaternions


def fill_gaps(clip: Clip, frame_times_s: NDArray[np.float64]) -> Clip:
    """Fill the missing source frames between the first and the last row.

    frame_times_s: presentation times of all source frames from the first row to the last (U,).
    Rotations go by slerp, also a moving camera's, root and expression in straight lines; filled
    rows have score 0 and tracked False. The clip has no vertices yet.
    """
    first, last = int(clip.frame_index[0]), int(clip.frame_index[-1])
    frames = np.arange(first, last + 1)
    if len(frames) == len(clip.frame_index):
        return clip
    seen = np.searchsorted(frames, clip.frame_index)
    quaternion = resample(quaternions(clip), clip.time_s, frame_times_s)
    trans = _straight(clip.trans, clip.time_s, frame_times_s)
    expression = _straight(clip.expression, clip.time_s, frame_times_s)
    camera = _filled(clip.camera, seen, clip.time_s, frame_times_s)
    return replaced(
        clip,
        **pose_arrays(quaternion, trans, clip.rest_joints, camera),
        camera=camera,
        expression=expression.astype(np.float32),
        scores=_spread_rows(clip.scores, seen, len(frames)),
        tracked=_spread_rows(clip.tracked, seen, len(frames)),
        contacts=_spread_rows(clip.contacts, seen, len(frames)),
        time_s=frame_times_s,
        frame_index=frames,
    )


def _filled(
    camera: Camera,
    seen: NDArray[np.int64],
    source_s: NDArray[np.float64],
    target_s: NDArray[np.float64],
) -> Camera:
    """The camera of other times; between two it turns, goes and zooms evenly."""
    if not camera.is_moving:
        return camera
    rotation_T33 = camera.rotation.astype(np.float64)
    turn_T14 = sign_continuous(quaternion_from_matrix(rotation_T33)[:, None])
    rotation_U33 = matrix_from_quaternion(resample(turn_T14, source_s, target_s)[:, 0])
    rotation_U33[seen] = rotation_T33
    place_T3 = (np.swapaxes(rotation_T33, 1, 2) @ -camera.translation[..., None])[..., 0]
    place_U3 = _straight(place_T3, source_s, target_s)
    translation_U3 = -(rotation_U33 @ place_U3[..., None])[..., 0]
    zoom_T = camera.zoom
    return replace(
        camera,
        rotation=rotation_U33.astype(np.float32),
        translation=translation_U3.astype(np.float32),
        zoom=None if zoom_T is None else np.interp(target_s, source_s, zoom_T).astype(np.float32),
    )


def _straight(
    rows_TD: NDArray[Any], source_s: NDArray[np.float64], target_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rows (T,D) at other times (U,D), in straight lines between neighbours."""
    return np.stack([np.interp(target_s, source_s, column) for column in rows_TD.T], axis=-1)


def _spread_rows(rows: NDArray[Any], seen: NDArray[np.int64], count: int) -> NDArray[Any]:
    """Put rows at their places among `count`, zeros elsewhere."""
    result = np.zeros((count, *rows.shape[1:]), dtype=rows.dtype)
    result[seen] = rows
    return result
