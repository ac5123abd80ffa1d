"""Observations while they come: rows of every tracklet, in chunks on disk.

Chunks hold what the estimator said, in the camera's axes.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..rigs.errors import OutputError
from .array_file import save_arrays
from .clip_checks import MAX_MESH_BYTES, mesh_bytes
from .estimators.base import POSE_ROWS, Landmarks, State
from .people import Observation
from .portrait import RGB, jpeg, portrait, showiness
from .protocol import Chunk, OnEvent, Warned

CHUNK_MESH_BYTES = 64 * 1024**2
"""Vertices of all people together that memory holds before everybody's rows go to disk."""

BETTER_PORTRAIT = 1.1
"""A portrait is replaced by one this much better: not on every step towards the camera."""

CHUNK_NAME = r"person_\d+\.(\w+)\.chunk_\d+\.npz"
"""The name of a chunk, with the run's mark."""


@dataclass
class Recorder:
    """Writes every tracklet's observations to `folder` in chunks; memory holds what is not flushed.

    `run` marks the run in the chunks' names, so that another run's are left alone. A tracklet's
    vertices are kept as long as the take's stay within MAX_MESH_BYTES; beyond, a warning says
    that they are left out. A chunk holds the tracklet's best portrait so far if that is new.
    """

    folder: Path
    on_event: OnEvent
    run: str
    rows: int = 0
    _pending: dict[int, list[Observation]] = field(default_factory=dict[int, list[Observation]])
    _sizes: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    _first: dict[int, int] = field(default_factory=dict[int, int])
    _shown: dict[int, float] = field(default_factory=dict[int, float])
    _portraits: dict[int, RGB] = field(default_factory=dict[int, RGB])
    _mesh_bytes: int = 0
    _warned: bool = False

    def add(self, observation: Observation, image: RGB) -> None:
        """Take one observation and the frame (H,W,3) it was made in."""
        if observation.pose.vertices is not None:
            observation = self._bounded(observation)
        self._pending.setdefault(observation.person_id, []).append(observation)
        self.rows += 1
        self._mesh_bytes += _mesh_bytes_of(observation)
        tracklet, shown = observation.person_id, showiness(image, observation.pose)
        if shown > BETTER_PORTRAIT * self._shown.get(tracklet, 0.0):
            self._shown[tracklet] = shown
            self._portraits[tracklet] = portrait(image, observation.pose.box)

    @property
    def is_full(self) -> bool:
        """Whether memory holds as many vertices as it should."""
        return self._mesh_bytes >= CHUNK_MESH_BYTES

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
        """Put on disk everybody's rows that are still in memory."""
        for tracklet in list(self._pending):
            self._flush(tracklet)

    def _flush(self, tracklet: int) -> None:
        pending = self._pending.pop(tracklet)
        self._mesh_bytes -= sum(_mesh_bytes_of(observation) for observation in pending)
        rows = _rows_from_observations(pending)
        picture = self._portraits.pop(tracklet, None)
        if picture is not None:
            rows["portrait"] = jpeg(picture)
            rows["showiness"] = np.float64(self._shown[tracklet])
        sizes = self._sizes.setdefault(tracklet, [])
        path = self._path(tracklet, len(sizes))
        save_arrays(path, rows)
        sizes.append(path.stat().st_size)
        first, last = pending[0].frame_index, pending[-1].frame_index
        self.on_event(Chunk(path=str(path), first=first, last=last))

    def _path(self, tracklet: int, number: int) -> Path:
        return self.folder / f"person_{tracklet}.{self.run}.chunk_{number:04d}.npz"

    def chunks(self, tracklet: int) -> tuple[Path, ...]:
        """The files that hold a tracklet's rows, in order."""
        count = len(self._sizes.get(tracklet, ()))
        return tuple(self._path(tracklet, number) for number in range(count))

    def forget(self, tracklets: set[int]) -> None:
        """Forget what is only needed while a tracklet goes on; its chunks stay."""
        for memory in (self._first, self._shown):
            for tracklet in tracklets & memory.keys():
                del memory[tracklet]

    def state(self) -> State:
        """Return what is on disk and what is remembered; to be asked with everything flushed."""
        return {
            "rows": self.rows,
            "chunks": [[tracklet, sizes] for tracklet, sizes in self._sizes.items()],
            "first": list(self._first.items()),
            "shown": list(self._shown.items()),
            "warned": self._warned,
        }

    def restore(self, state: State) -> None:
        """Go on as the recorder that gave this state; the run's later chunks are deleted.

        Raises OutputError where a chunk is not as that recorder left it.
        """
        self.rows = int(state["rows"])
        self._sizes = {int(k): [int(size) for size in sizes] for k, sizes in state["chunks"]}
        self._first = {int(k): int(frame) for k, frame in state["first"]}
        self._shown = {int(k): float(shown) for k, shown in state["shown"]}
        self._warned = bool(state["warned"])
        known: set[Path] = set()
        for tracklet, sizes in self._sizes.items():
            for path, size in zip(self.chunks(tracklet), sizes, strict=True):
                known.add(path)
                _check_size(path, size)
        for path in self.folder.glob(f"person_*.{self.run}.chunk_*.npz"):
            if path not in known:
                path.unlink()


def _check_size(path: Path, size: int) -> None:
    actual = path.stat().st_size if path.is_file() else None
    if actual != size:
        raise OutputError(
            f"{path.name} is not as the unfinished capture left it",
            expected=f"a file of {size} bytes",
            actual="no such file" if actual is None else f"{actual} bytes",
            next_step="capture again with --overwrite",
        )


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
    wanted = POSE_ROWS if poses[0].rotations is not None else {}
    rows |= {name: np.stack([getattr(pose, name) for pose in poses]) for name in wanted}
    roots = [pose.camera_root for pose in poses if pose.camera_root is not None]
    if len(roots) == len(poses):
        rows["camera_root"] = np.stack(roots)
    meshes = [pose.vertices for pose in poses if pose.vertices is not None]
    if len(meshes) == len(poses):
        rows["vertices"] = np.stack(meshes)
    return rows
