"""A person's raw take, joined from the chunks of the tracklets that are this person.

Chunks are in the camera's axes; a take stands in the world's.

Legend: T rows of a take, J joints (55), V vertices.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.rotation import (
    axis_angle_from_quaternion,
    multiply,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
)
from .array_file import load_arrays
from .camera_path import CameraPath
from .clip import CAMERA_FROM_WORLD, EstimatedPose, RawTake
from .estimators.base import POSE_ROWS, TakeBody
from .footage import Footage

Float64 = NDArray[np.float64]

NO_SCORE = 1e-6
"""What a frame whose joints all score 0 still weighs."""

_ROWS = (
    "time_s",
    "boxes",
    "joints2d",
    "scores",
    "landmarks2d",
    "landmarks3d",
    "landmark_scores",
)


@dataclass(frozen=True, kw_only=True)
class TakeFacts:
    """What all takes of a run share; `body` is None for an estimator of landmarks.

    camera: how the camera of the takes' shot moves, None for one that stands still.
    """

    landmark_names: tuple[str, ...]
    footage: Footage
    frame_rate: float
    focal_px: float
    provenance: dict[str, Any]
    body: TakeBody | None = None
    camera: CameraPath | None = None


def take_from_chunks(chunks: tuple[Path, ...], facts: TakeFacts) -> RawTake:
    """Join a person's chunks into the raw take, its rows in order of time.

    In the precision of its file, so that the take in memory and the one read back give the same
    clip. Memory holds the take and one chunk. Vertices and network roots stay where every chunk
    has them. Raises ClipFileError for a chunk that is not what a recorder writes.
    """
    try:
        rows = _joined(chunks, facts)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise ClipFileError(
            "the chunks of a capture do not belong together",
            expected="rows of the same arrays in each",
            actual=str(error),
            next_step="capture the footage again with --overwrite",
        ) from error
    camera, rotation = facts.camera, _rotation(facts, rows["frame_index"])
    zoom = None if camera is None else camera.zooms_at(rows["frame_index"])
    pose = None if facts.body is None else _pose_from_rows(rows, facts.body, rotation)
    return RawTake(
        **{name: rows[name] for name in ("frame_index", *_ROWS)},
        landmark_names=facts.landmark_names,
        image_size=(facts.footage.width, facts.footage.height),
        frame_rate=facts.frame_rate,
        focal_px=float(np.float32(facts.focal_px)),
        provenance=facts.provenance,
        pose=pose,
        camera_root=rows.get("camera_root"),
        camera_rotation=None if camera is None else rotation,
        camera_place=None if camera is None else camera.at(rows["frame_index"]),
        camera_zoom=zoom,
    )


_Arrays = dict[str, NDArray[Any]]


def _rotation(facts: TakeFacts, frame_index_T: NDArray[np.int64]) -> NDArray[np.float32]:
    """World to camera, (3,3) for a camera that stands still, else (T,3,3)."""
    if facts.camera is None:
        return CAMERA_FROM_WORLD.astype(np.float32)
    return facts.camera.rotations(frame_index_T)


def _joined(chunks: tuple[Path, ...], facts: TakeFacts) -> _Arrays:
    """The rows of all chunks by name, each copied to its place at once, vertices in the world."""
    frames = [load_arrays(path, ("frame_index",))["frame_index"] for path in chunks]
    order_T = np.argsort(np.concatenate(frames), kind="stable")
    place_T = np.empty_like(order_T)
    place_T[order_T] = np.arange(len(order_T))
    rows: _Arrays = {"frame_index": np.concatenate(frames)[order_T]}
    wanted = [*_ROWS, *(POSE_ROWS if facts.body is not None else ()), "camera_root", "vertices"]
    first = 0
    for path, own_frames in zip(chunks, frames, strict=True):
        part = load_arrays(path, wanted)
        zoom_T = None if facts.camera is None else facts.camera.zooms_at(own_frames)
        if zoom_T is not None:
            _as_far_as_zoomed(part, zoom_T)
        if "vertices" in part:
            part["vertices"] = part["vertices"] @ _rotation(facts, own_frames)
        last = first + len(own_frames)
        for name in list(wanted):
            if name not in part and name in ("camera_root", "vertices"):
                wanted.remove(name)
                rows.pop(name, None)
                continue
            if name not in rows:
                rows[name] = np.empty((len(place_T), *part[name].shape[1:]), part[name].dtype)
            rows[name][place_T[first:last]] = part[name]
        first = last
    rows["time_s"] = rows["time_s"].astype(np.float64)
    return rows


def _as_far_as_zoomed(part: _Arrays, zoom_T: NDArray[np.float32]) -> None:
    """Networks count on the first focal length: with a longer one, people are so much farther."""
    for name in ("root", "camera_root"):
        if name in part:
            farther_T3 = np.zeros_like(part[name])
            farther_T3[:, 2] = part[name][:, 2] * (zoom_T - 1.0)
            part[name] = part[name] + farther_T3
            if name == "root" and "vertices" in part:
                part["vertices"] = part["vertices"] + farther_T3[:, None]


def best_portrait(chunks: tuple[Path, ...]) -> bytes | None:
    """The JPEG of the person's best portrait among the chunks, or None."""
    best, data = 0.0, None
    for path in chunks:
        part = load_arrays(path, ("portrait", "showiness"))
        if "portrait" in part and float(part["showiness"]) > best:
            best, data = float(part["showiness"]), part["portrait"].tobytes()
    return data


def _pose_from_rows(
    rows: _Arrays, body: TakeBody, camera_from_world: NDArray[np.float32]
) -> EstimatedPose:
    """Turn the rows into the world's axes, vertices being there, and give the take one body.

    camera_from_world: (3,3) or (T,3,3).
    """
    rotation = camera_from_world.astype(np.float64)
    rotations_TJ3 = rows["rotations"].astype(np.float64)
    turn = quaternion_from_matrix(np.swapaxes(rotation, -1, -2))
    orient_T4 = quaternion_from_axis_angle(rotations_TJ3[:, 0])
    turned_T4 = multiply(np.broadcast_to(turn, orient_T4.shape), orient_T4)
    rotations_TJ3[:, 0] = axis_angle_from_quaternion(turned_T4)
    frame_betas = rows["betas"]
    betas = np.zeros(frame_betas.shape[1])
    if body.body_model != "open":
        weights_T = rows["scores"].mean(axis=1)
        betas = weighted_median(frame_betas.astype(np.float64), weights_T)
    rest_joints = np.asarray(body.rest_joints(betas), dtype=np.float64)
    pelvis_T3 = (rows["root"].astype(np.float64)[:, None] @ rotation)[:, 0]
    return EstimatedPose(
        poses=rotations_TJ3.reshape(len(rotations_TJ3), -1).astype(np.float32),
        trans=(pelvis_T3 - rest_joints[0]).astype(np.float32),
        rest_joints=rest_joints.astype(np.float32),
        betas=betas.astype(np.float32),
        frame_betas=frame_betas.astype(np.float32),
        expression=rows["expression"].astype(np.float32),
        body_model=body.body_model,
        vertices=rows.get("vertices"),
    )


def weighted_median(values_TK: Float64, weights_T: NDArray[np.float32]) -> Float64:
    """The median over rows (K,), a row counting by its weight of 0 and up; the lower of two."""
    order_TK = np.argsort(values_TK, axis=0, kind="stable")
    share_TK = np.cumsum(weights_T.astype(np.float64)[order_TK] + NO_SCORE, axis=0)
    row_K = np.argmax(share_TK >= 0.5 * share_TK[-1], axis=0)
    row_K = np.take_along_axis(order_TK, row_K[None], axis=0)[0]
    return np.take_along_axis(values_TK, row_K[None], axis=0)[0]
