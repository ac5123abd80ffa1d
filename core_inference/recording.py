"""Raw takes while they grow: observations become rows, rows become chunks on disk.

Legend: T rows of a chunk or take, L landmarks.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .array_file import load_arrays, save_arrays
from .clip import RawTake
from .footage import Footage
from .people import Observation
from .protocol import Chunk, OnEvent

CHUNK_FRAMES = 256

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

    `run` marks the run in the chunks' names, so that another run's are left alone.
    """

    folder: Path
    on_event: OnEvent
    run: str
    _pending: dict[int, list[Observation]] = field(default_factory=dict[int, list[Observation]])
    _chunks: dict[int, list[Path]] = field(default_factory=dict[int, list[Path]])
    rows: int = 0

    def add(self, observation: Observation) -> None:
        """Take one observation; a full chunk goes to disk."""
        pending = self._pending.setdefault(observation.person_id, [])
        pending.append(observation)
        self.rows += 1
        if len(pending) >= CHUNK_FRAMES:
            self._flush(observation.person_id)

    def flush(self) -> None:
        """Put on disk what is still in memory, as at the end or on cancel."""
        for person_id in list(self._pending):
            self._flush(person_id)

    def _flush(self, person_id: int) -> None:
        pending = self._pending.pop(person_id)
        chunks = self._chunks.setdefault(person_id, [])
        path = self.folder / f"person_{person_id}.{self.run}.chunk_{len(chunks):04d}.npz"
        save_arrays(path, _rows_from_observations(pending))
        chunks.append(path)
        first, last = pending[0].frame_index, pending[-1].frame_index
        self.on_event(Chunk(path=str(path), first=first, last=last))

    def chunks(self, person_id: int) -> tuple[Path, ...]:
        """The files that hold this person's rows, in order."""
        return tuple(self._chunks.get(person_id, ()))


def _rows_from_observations(observations: list[Observation]) -> dict[str, Any]:
    poses = [observation.pose for observation in observations]
    landmarks = [pose.landmarks for pose in poses if pose.landmarks is not None]
    return {
        "frame_index": np.array([o.frame_index for o in observations], dtype=np.int64),
        "time_s": np.array([o.time_s for o in observations], dtype=np.float32),
        "boxes": np.array([pose.box for pose in poses], dtype=np.float32),
        "joints2d": np.stack([pose.joints2d for pose in poses]),
        "scores": np.stack([pose.scores for pose in poses]),
        "landmarks2d": np.stack([marks.points2d for marks in landmarks]),
        "landmarks3d": np.stack([marks.points3d for marks in landmarks]),
        "landmark_scores": np.stack([marks.scores for marks in landmarks]),
    }


@dataclass(frozen=True, kw_only=True)
class TakeFacts:
    """What all takes of a run share."""

    landmark_names: tuple[str, ...]
    footage: Footage
    frame_rate: float
    focal_px: float
    provenance: dict[str, Any]


def take_from_chunks(chunks: tuple[Path, ...], facts: TakeFacts) -> RawTake:
    """Join a person's chunks into the raw take, in the precision of its file.

    So the take in memory and the one read back give the same clip.
    """
    parts = [load_arrays(path) for path in chunks]
    rows: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in _ROWS}
    rows["time_s"] = rows["time_s"].astype(np.float64)
    return RawTake(
        **rows,
        landmark_names=facts.landmark_names,
        image_size=(facts.footage.width, facts.footage.height),
        frame_rate=facts.frame_rate,
        focal_px=float(np.float32(facts.focal_px)),
        provenance=facts.provenance,
    )
