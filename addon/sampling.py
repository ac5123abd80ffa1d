"""A clip at whole scene frames: numpy only, no Blender.

Axis-angle channels must not be interpolated between sparse or fractional keys, so the motion is
resampled on SO(3) to every whole frame of the scene and keyed there.

Legend: F frames, B bones (55), T rows of the clip.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core_inference.clip import Clip
from ..rigs.rest_pose import UPRIGHT
from ..rigs.rotation import (
    conjugate,
    multiply,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
    resample,
    sign_continuous,
)
from ..rigs.skeleton import JOINT_COUNT, JOINT_NAMES

FloatArray = NDArray[np.floating]

SNAP_FRAMES = 0.01
"""A sample this close to a whole frame stands on it (time stamps are rounded in files)."""

_TINY = 1e-7  # half the sine of a rotation too small to have an axis


@dataclass(frozen=True, kw_only=True, eq=False)
class Keyframes:
    """Motion at whole scene frames, relative to the armature's rest pose.

    frames (F,) int, rising by one; bones (B,); rotations (F,B,4) wxyz, bone-local, the signs
    continuous in time; root_location (F,3) m, in the rest axes of the first bone.
    """

    frames: NDArray[np.int64]
    bones: tuple[str, ...]
    rotations: FloatArray
    root_location: FloatArray


@dataclass(frozen=True, kw_only=True)
class FrameTiming:
    """Frames per second, and the frame on which `origin_s` of the footage's time falls."""

    fps: float
    first_frame: int
    origin_s: float = 0.0


def keyframes_from_clip(clip: Clip, timing: FrameTiming) -> Keyframes:
    """Resample a clip to every whole frame from its first to its last sample, at least one."""
    positions_T = (clip.time_s - timing.origin_s) * timing.fps + timing.first_frame
    positions_T = _snapped(positions_T)
    first, last = int(np.ceil(positions_T[0])), int(np.floor(positions_T[-1]))
    if last < first:
        first = last = int(np.round(positions_T[0]))
    frames_F = np.arange(first, last + 1)
    poses_TB3 = clip.poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    rotations_FB4 = resample(quaternion_from_axis_angle(poses_TB3), positions_T, frames_F)
    turn = conjugate(quaternion_from_matrix(UPRIGHT))
    rotations_FB4[:, 0] = multiply(
        np.broadcast_to(turn, rotations_FB4[:, 0].shape), rotations_FB4[:, 0]
    )
    rest_3 = clip.rest_joints[0].astype(np.float64)
    pelvis_T3 = clip.trans.astype(np.float64) + rest_3
    pelvis_F3 = np.stack([np.interp(frames_F, positions_T, axis) for axis in pelvis_T3.T], axis=-1)
    return Keyframes(
        frames=frames_F,
        bones=JOINT_NAMES,
        rotations=sign_continuous(rotations_FB4),
        root_location=pelvis_F3 @ UPRIGHT - rest_3,
    )


def axis_angle_channels(rotations_FB4: FloatArray) -> FloatArray:
    """Channel values (F,B,4) angle, x, y, z for quaternions (F,B,4), continuous in time.

    The rotations' signs must be continuous in time. The angle may be negative or beyond pi and
    the axis is unit: angle times axis is the axis-angle vector that `wrap_continuous` gives, and
    neither of the two jumps where a rotation passes zero or pi.
    """
    sines_FB = np.linalg.norm(rotations_FB4[..., 1:], axis=-1)
    axes_FB3 = rotations_FB4[..., 1:] / np.maximum(sines_FB, _TINY)[..., None]
    _fill(axes_FB3, sines_FB > _TINY)
    turned_FB = np.einsum("fbi,fbi->fb", axes_FB3[1:], axes_FB3[:-1]) < 0.0
    signs_FB = np.ones_like(sines_FB)
    signs_FB[1:] = np.cumprod(np.where(turned_FB, -1.0, 1.0), axis=0)
    angles_FB = np.unwrap(2.0 * np.arctan2(sines_FB, rotations_FB4[..., 0]) * signs_FB, axis=0)
    channels_FB4 = np.empty_like(rotations_FB4)
    channels_FB4[..., 0] = angles_FB - 2.0 * np.pi * np.round(angles_FB[:1] / (2.0 * np.pi))
    channels_FB4[..., 1:] = axes_FB3 * signs_FB[..., None]
    return channels_FB4


def _snapped(positions_T: FloatArray) -> FloatArray:
    whole_T = np.round(positions_T)
    snapped_T = np.where(np.abs(positions_T - whole_T) < SNAP_FRAMES, whole_T, positions_T)
    return snapped_T if np.all(np.diff(snapped_T) > 0.0) else positions_T


def _fill(axes_FB3: FloatArray, valid_FB: NDArray[np.bool_]) -> None:
    """Set invalid axes to the last valid one, or the first, or y where a bone has none."""
    for bone in np.flatnonzero(~valid_FB.all(axis=0)):
        valid_F = valid_FB[:, bone]
        last_F = np.maximum.accumulate(np.where(valid_F, np.arange(len(valid_F)), -1))
        source_F = np.where(last_F < 0, np.argmax(valid_F), last_F)
        axes_FB3[:, bone] = axes_FB3[source_F, bone] if valid_F.any() else (0.0, 1.0, 0.0)
