"""Raw takes while they grow: observations become rows, rows become chunks on disk.

Chunks hold what the estimator said, in the camera's axes; a take stands in the world's.

Legend: T rows of a chunk or take, L landmarks, J joints (55), V vertices.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import (
    axis_angle_from_quaternion,
    multiply,
    quaternion_from_axis_angle,
    quaternion_from_matrix,
)
from .array_file import load_arrays, save_arrays
from .clip import CAMERA_FROM_WORLD, EstimatedPose, RawTake
from .clip_checks import MAX_MESH_BYTES, mesh_bytes
from .estimators.base import POSE_ROWS, Landmarks, TakeBody
from .footage import Footage
from .people import Observation
from .protocol import Chunk, OnEvent, Warned

Float64 = NDArray[np.float64]

CHUNK_FRAMES = 256

CHUNK_MESH_BYTES = 64 * 1024**2
"""Vertices of all people together that memory holds before everybody's rows go to disk."""

NO_SCORE = 1e-6
"""What a frame whose joints all score 0 still weighs."""

_ROWS = (
    "frame_index",
    "time_s",
    "boxes",
    "joints2d",
    "scores",
    "landmarks2d",
    "landmarks3d",
    "landmark_scores",
)


@dataclass
class Recorder:
    """Writes every person's observations to `folder` in chunks; memory holds one chunk each.

    `run` marks the run in the chunks' names, so that another run's are left alone. A person's
    vertices are kept as long as the take's stay within MAX_MESH_BYTES; beyond, a warning says
    that they are left out.
    """

    folder: Path
    on_event: OnEvent
    run: str
    _pending: dict[int, list[Observation]] = field(default_factory=dict[int, list[Observation]])
    _chunks: dict[int, list[Path]] = field(default_factory=dict[int, list[Path]])
    rows: int = 0
    _first: dict[int, int] = field(default_factory=dict[int, int])
    _mesh_bytes: int = 0
    _warned: bool = False

    def add(self, observation: Observation) -> None:
        """Take one observation; a full chunk goes to disk."""
        if observation.pose.vertices is not None:
            observation = self._bounded(observation)
        pending = self._pending.setdefault(observation.person_id, [])
        pending.append(observation)
        self.rows += 1
        self._mesh_bytes += _mesh_bytes_of(observation)
        if len(pending) >= CHUNK_FRAMES:
            self._flush(observation.person_id)
        elif self._mesh_bytes >= CHUNK_MESH_BYTES:
            self.flush()

    def _bounded(self, observation: Observation) -> Observation:
        """The observation, without its vertices where the take's would grow too large."""
        first = self._first.setdefault(observation.person_id, observation.frame_index)
        frames = observation.frame_index - first + 1
        if frames * _mesh_bytes_of(observation) <= MAX_MESH_BYTES:
            return observation
        if not self._warned:
            self._warned = True
            size = f"{MAX_MESH_BYTES / 1024**3:g} GiB"
            self.on_event(
                Warned(
                    code="mesh_left_out",
                    message=f"a take longer than {size} of vertices is kept without them; "
                    "capture a shorter range to keep them",
                )
            )
        return replace(observation, pose=replace(observation.pose, vertices=None))

    def flush(self) -> None:
        """Put on disk what is still in memory, as at the end or on cancel."""
        for person_id in list(self._pending):
            self._flush(person_id)

    def _flush(self, person_id: int) -> None:
        pending = self._pending.pop(person_id)
        self._mesh_bytes -= sum(_mesh_bytes_of(observation) for observation in pending)
        chunks = self._chunks.setdefault(person_id, [])
        path = self.folder / f"person_{person_id}.{self.run}.chunk_{len(chunks):04d}.npz"
        save_arrays(path, _rows_from_observations(pending))
        chunks.append(path)
        first, last = pending[0].frame_index, pending[-1].frame_index
        self.on_event(Chunk(path=str(path), first=first, last=last))

    def chunks(self, person_id: int) -> tuple[Path, ...]:
        """The files that hold this person's rows, in order."""
        return tuple(self._chunks.get(person_id, ()))


def _mesh_bytes_of(observation: Observation) -> int:
    vertices = observation.pose.vertices
    return 0 if vertices is None else mesh_bytes(1, len(vertices))


def _no_landmarks() -> Landmarks:
    """What stands in the chunks of an estimator without landmarks."""
    nothing = np.zeros((0, 3), dtype=np.float32)
    return Landmarks(points2d=nothing[:, :2], points3d=nothing, scores=nothing[:, 0])


def _rows_from_observations(observations: list[Observation]) -> dict[str, Any]:
    poses = [observation.pose for observation in observations]
    landmarks = [pose.landmarks or _no_landmarks() for pose in poses]
    rows: dict[str, Any] = {
        "frame_index": np.array([o.frame_index for o in observations], dtype=np.int64),
        "time_s": np.array([o.time_s for o in observations], dtype=np.float32),
        "boxes": np.array([pose.box for pose in poses], dtype=np.float32),
        "joints2d": np.stack([pose.joints2d for pose in poses]),
        "scores": np.stack([pose.scores for pose in poses]),
        "landmarks2d": np.stack([marks.points2d for marks in landmarks]),
        "landmarks3d": np.stack([marks.points3d for marks in landmarks]),
        "landmark_scores": np.stack([marks.scores for marks in landmarks]),
    }
    if poses[0].rotations is not None:
        rows |= {name: np.stack([getattr(pose, name) for pose in poses]) for name in POSE_ROWS}
    meshes = [pose.vertices for pose in poses if pose.vertices is not None]
    if len(meshes) == len(poses):
        rows["vertices"] = np.stack(meshes)
    return rows


@dataclass(frozen=True, kw_only=True)
class TakeFacts:
    """What all takes of a run share; `body` is None for an estimator of landmarks."""

    landmark_names: tuple[str, ...]
    footage: Footage
    frame_rate: float
    focal_px: float
    provenance: dict[str, Any]
    body: TakeBody | None = None


def take_from_chunks(chunks: tuple[Path, ...], facts: TakeFacts) -> RawTake:
    """Join a person's chunks into the raw take, in the precision of its file.

    So the take in memory and the one read back give the same clip. Vertices stay where every
    chunk has them.
    """
    parts = [load_arrays(path) for path in chunks]
    rows: dict[str, Any] = {name: _joined(parts, name) for name in _ROWS}
    rows["time_s"] = rows["time_s"].astype(np.float64)
    return RawTake(
        **rows,
        landmark_names=facts.landmark_names,
        image_size=(facts.footage.width, facts.footage.height),
        frame_rate=facts.frame_rate,
        focal_px=float(np.float32(facts.focal_px)),
        provenance=facts.provenance,
        pose=None if facts.body is None else _pose_from_parts(parts, facts.body, rows["scores"]),
    )


_Arrays = dict[str, NDArray[Any]]


def _joined(parts: list[_Arrays], name: str) -> NDArray[Any]:
    return np.concatenate([part[name] for part in parts])


def _pose_from_parts(
    parts: list[_Arrays], body: TakeBody, scores_TJ: NDArray[np.float32]
) -> EstimatedPose:
    """Turn the rows from the camera's axes into the world's, and give the take one body."""
    world_from_camera = CAMERA_FROM_WORLD.T
    rotations_TJ3 = _joined(parts, "rotations").astype(np.float64)
    turn_4 = quaternion_from_matrix(world_from_camera)
    orient_T4 = quaternion_from_axis_angle(rotations_TJ3[:, 0])
    turned_T4 = multiply(np.broadcast_to(turn_4, orient_T4.shape), orient_T4)
    rotations_TJ3[:, 0] = axis_angle_from_quaternion(turned_T4)
    frame_betas = _joined(parts, "betas")
    betas = np.zeros(frame_betas.shape[1])
    if body.body_model != "open":
        betas = weighted_median(frame_betas.astype(np.float64), scores_TJ.mean(axis=1))
    rest_joints = np.asarray(body.rest_joints(betas), dtype=np.float64)
    pelvis_T3 = _joined(parts, "root").astype(np.float64) @ world_from_camera.T
    return EstimatedPose(
        poses=rotations_TJ3.reshape(len(rotations_TJ3), -1).astype(np.float32),
        trans=(pelvis_T3 - rest_joints[0]).astype(np.float32),
        rest_joints=rest_joints.astype(np.float32),
        betas=betas.astype(np.float32),
        frame_betas=frame_betas.astype(np.float32),
        expression=_joined(parts, "expression").astype(np.float32),
        body_model=body.body_model,
        vertices=_mesh_from_parts(parts),
    )


def weighted_median(values_TK: Float64, weights_T: NDArray[np.float32]) -> Float64:
    """The median over rows (K,), a row counting by its weight of 0 and up; the lower of two."""
    order_TK = np.argsort(values_TK, axis=0, kind="stable")
    share_TK = np.cumsum(weights_T.astype(np.float64)[order_TK] + NO_SCORE, axis=0)
    row_K = np.argmax(share_TK >= 0.5 * share_TK[-1], axis=0)
    row_K = np.take_along_axis(order_TK, row_K[None], axis=0)[0]
    return np.take_along_axis(values_TK, row_K[None], axis=0)[0]


def _mesh_from_parts(parts: list[_Arrays]) -> NDArray[np.float32] | None:
    """The vertices (T,V,3) m, world; each chunk's are let go as soon as they are turned."""
    if any("vertices" not in part for part in parts):
        return None
    camera_from_world = CAMERA_FROM_WORLD.astype(np.float32)
    return np.concatenate([part.pop("vertices") @ camera_from_world for part in parts])
