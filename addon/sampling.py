"""A clip at whole scene frames: numpy only, no Blender.

Axis-angle channels must not be interpolated between sparse or fractional keys, so the motion is
resampled on SO(3) to every whole frame of the scene and keyed there.

Legend: F frames, B bones (55), T rows of the clip.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core_inference.clip import Clip
from ..core_inference.motion_file import SourceMotion
from ..rigs.errors import ClipFileError
from ..rigs.rest_pose import UPRIGHT
from ..rigs.rotation import (
    axis_angle_from_quaternion,
    conjugate,
    multiply,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
    resample,
    sign_continuous,
    wrap_continuous,
)
from ..rigs.skeleton import JOINT_COUNT, JOINT_NAMES

FloatArray = NDArray[np.floating]

SNAP_S = 0.002
"""Time stamps are true to this: many containers round them to milliseconds, and so the origin
and the mean rate that are computed from them."""

MAX_KEYED_FRAMES = 1_000_000
"""More keys than this are refused: nine hours at 30 frames per second."""

CONTACTS = (
    "contact_left_heel",
    "contact_left_toe",
    "contact_right_heel",
    "contact_right_toe",
)
"""The armature's custom properties that hold a clip's contacts, in its order."""

_OPENCV_FROM_BLENDER = np.diag([1.0, -1.0, -1.0])
_MAX_SNAP_FRAMES = 0.4
_TINY = 2e-7  # an angle too small to have an axis


@dataclass(frozen=True, kw_only=True, eq=False)
class Keyframes:
    """Motion at whole scene frames, relative to the armature's rest pose.

    frames (F,) int, rising by one; bones (B,); rotations (F,B,4) wxyz, bone-local, the signs
    continuous in time; root_location (F,3) m, in the rest axes of the first bone; face_shapes
    (F,52) 0..1, or None where the clip has none; contacts (F,4) 0..1 as in the clip, or None.
    """

    frames: NDArray[np.int64]
    bones: tuple[str, ...]
    rotations: FloatArray
    root_location: FloatArray
    face_shapes: FloatArray | None = None
    contacts: FloatArray | None = None


@dataclass(frozen=True, kw_only=True)
class FrameTiming:
    """Frames per second, and the frame on which `origin_s` of the footage's time falls."""

    fps: float
    first_frame: int
    origin_s: float = 0.0


def keyframes_from_clip(clip: Clip, timing: FrameTiming) -> Keyframes:
    """Resample a clip to every whole frame from its first to its last sample, at least one.

    Raises ClipFileError where that would be more than MAX_KEYED_FRAMES.
    """
    positions_T, frames_F = scene_frames(clip, timing)
    poses_TB3 = clip.poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    rotations_FB4 = resample(quaternion_from_axis_angle(poses_TB3), positions_T, frames_F)
    turn = conjugate(quaternion_from_matrix(UPRIGHT))
    rotations_FB4[:, 0] = multiply(
        np.broadcast_to(turn, rotations_FB4[:, 0].shape), rotations_FB4[:, 0]
    )
    rest_3 = clip.rest_joints[0].astype(np.float64)
    pelvis_T3 = clip.trans.astype(np.float64) + rest_3
    pelvis_F3 = _straight(pelvis_T3, positions_T, frames_F)
    face_TS = clip.face_shapes
    return Keyframes(
        frames=frames_F,
        bones=JOINT_NAMES,
        rotations=sign_continuous(rotations_FB4),
        root_location=pelvis_F3 @ UPRIGHT - rest_3,
        face_shapes=None if face_TS is None else _straight(face_TS, positions_T, frames_F),
        contacts=_straight(clip.contacts, positions_T, frames_F),
    )


def _straight(
    rows_TD: FloatArray, positions_T: FloatArray, frames_F: NDArray[np.int64]
) -> FloatArray:
    """Rows (T,D) at whole frames (F,D), in straight lines between neighbours."""
    return np.stack([np.interp(frames_F, positions_T, column) for column in rows_TD.T], axis=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraKeys:
    """A camera at whole scene frames.

    frames (F,) int; rotations (F,4) wxyz from Blender's camera axes (x right, y up, looking along
    -z) into the world, the signs continuous in time; locations (F,3) m, world; zooms (F,) focal
    lengths over that of the shot's first frame, or None where the lens stays as it is.
    """

    frames: NDArray[np.int64]
    rotations: FloatArray
    locations: FloatArray
    zooms: FloatArray | None = None


def camera_keys_from_clip(clip: Clip, timing: FrameTiming) -> CameraKeys:
    """Where a moving camera is and how it is turned, at the frames of the clip's keyframes."""
    positions_T, frames_F = scene_frames(clip, timing)
    world_from_camera_T33 = np.swapaxes(clip.camera.rotation.astype(np.float64), 1, 2)
    locations_T3 = -(world_from_camera_T33 @ clip.camera.translation[..., None])[..., 0]
    turns_T14 = quaternion_from_matrix(world_from_camera_T33 @ _OPENCV_FROM_BLENDER)[:, None]
    zoom_T = clip.camera.zoom
    return CameraKeys(
        frames=frames_F,
        rotations=sign_continuous(resample(turns_T14, positions_T, frames_F))[:, 0],
        locations=np.stack(
            [np.interp(frames_F, positions_T, axis) for axis in locations_T3.T], axis=-1
        ),
        zooms=None if zoom_T is None else np.interp(frames_F, positions_T, zoom_T),
    )


def scene_frames(
    clip: Clip | SourceMotion, timing: FrameTiming
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Where on the scene's frames the clip's rows lie (T,), and the whole frames to key (F,)."""
    positions_T = (clip.time_s - timing.origin_s) * timing.fps + timing.first_frame
    snap = min(SNAP_S * timing.fps, _MAX_SNAP_FRAMES)
    positions_T = _snapped(positions_T, snap)
    return positions_T, _whole_frames(positions_T[0] - snap, positions_T[-1] + snap)


def axis_angle_channels(rotations_FB4: FloatArray) -> FloatArray:
    """Channel values (F,B,4) angle, x, y, z for quaternions (F,B,4), continuous in time.

    The angle may be negative or beyond pi and
    the axis is unit: angle times axis is the axis-angle vector that `wrap_continuous` gives, and
    neither of the two jumps where a rotation passes zero or pi.
    """
    vectors_FB3 = wrap_continuous(axis_angle_from_quaternion(rotations_FB4))
    angles_FB = np.linalg.norm(vectors_FB3, axis=-1)
    axes_FB3 = vectors_FB3 / np.maximum(angles_FB, _TINY)[..., None]
    _fill(axes_FB3, angles_FB > _TINY)
    turned_FB = np.einsum("fbi,fbi->fb", axes_FB3[1:], axes_FB3[:-1]) < 0.0
    signs_FB = np.ones_like(angles_FB)
    signs_FB[1:] = np.cumprod(np.where(turned_FB, -1.0, 1.0), axis=0)
    return np.concatenate([angles_FB[..., None], axes_FB3], axis=-1) * signs_FB[..., None]


def _snapped(positions_T: FloatArray, snap: float) -> FloatArray:
    """Whole positions where all samples are as near to one as rounded time stamps put them."""
    whole_T = np.round(positions_T)
    near = np.all(np.abs(positions_T - whole_T) < snap) and np.all(np.diff(whole_T) > 0.0)
    return whole_T if near else positions_T


def _whole_frames(start: float, end: float) -> NDArray[np.int64]:
    """The whole frames from start to end, or the one nearest to their middle."""
    if not end - start < MAX_KEYED_FRAMES:
        raise ClipFileError(
            "the clip is too long to be keyed",
            expected=f"a time span of at most {MAX_KEYED_FRAMES} frames",
            actual=f"{end - start:.3g} frames",
            next_step="capture a shorter range or lower the scene's frame rate",
        )
    first, last = int(np.ceil(start)), int(np.floor(end))
    if last < first:
        first = last = int(np.round(0.5 * (start + end)))
    return np.arange(first, last + 1)


def _fill(axes_FB3: FloatArray, valid_FB: NDArray[np.bool_]) -> None:
    """Set invalid axes to the last valid one, or the first, or y where a bone has none."""
    for bone in np.flatnonzero(~valid_FB.all(axis=0)):
        valid_F = valid_FB[:, bone]
        last_F = np.maximum.accumulate(np.where(valid_F, np.arange(len(valid_F)), -1))
        source_F = np.where(last_F < 0, np.argmax(valid_F), last_F)
        axes_FB3[:, bone] = axes_FB3[source_F, bone] if valid_F.any() else (0.0, 1.0, 0.0)
