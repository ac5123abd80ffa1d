"""Clips and raw takes: what a person did, in arrays and on disk. numpy only.

A raw take is what an estimator said, frame by frame, before any filtering: it is never changed.
A clip is a motion made from it. Both are npz files that load with allow_pickle=False; a clip
carries the keys of AMASS / SMPL-X motion files, so other tools read it.

Legend: T frames, J joints (55), L landmarks.
"""

import json
import os
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError, OutputError
from ..rigs.skeleton import JOINT_COUNT

SCHEMA_VERSION = 1
MAX_FILE_BYTES = 8 * 1024**3
MAX_FRAMES = 4_000_000

Float32 = NDArray[np.float32]
Shape = tuple[str | int, ...]

_J = JOINT_COUNT


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """A pinhole camera. focal (2,) px; principal_point (2,) px; image_size (2,) w, h;
    rotation (3,3) and translation (3,) m carry world points into the camera (OpenCV axes)."""

    focal: Float32
    principal_point: Float32
    image_size: NDArray[np.int32]
    rotation: Float32
    translation: Float32

    def project(self, points: NDArray[Any]) -> NDArray[Any]:
        """Project world points (...,3) m to (...,2) px."""
        camera_points = points @ self.rotation.T + self.translation
        return camera_points[..., :2] / camera_points[..., 2:] * self.focal + self.principal_point


@dataclass(frozen=True, kw_only=True, eq=False)
class RawTake:
    """One person as the estimator saw them, untouched; rows only where somebody was seen.

    frame_index (T,) source frames; time_s (T,); boxes (T,4) x y w h px; joints2d (T,55,2) px
    and scores (T,55): detections; landmarks2d (T,L,2) px, landmarks3d (T,L,3) m in camera axes,
    landmark_scores (T,L), landmark_names (L,). image_size (2,) w, h; frame_rate the mean rate;
    focal_px the focal length in use; provenance says where all this came from.
    """

    frame_index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    boxes: Float32
    joints2d: Float32
    scores: Float32
    landmarks2d: Float32
    landmarks3d: Float32
    landmark_scores: Float32
    landmark_names: tuple[str, ...]
    image_size: tuple[int, int]
    frame_rate: float
    focal_px: float
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        _check(self, {"landmark_count": len(self.landmark_names)}, _RAW_SHAPES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """One person's motion: contract.md's clip file as arrays.

    poses (T,165) axis-angle, full parent-relative rotations; trans (T,3) m; rest_joints (55,3) m;
    joints (T,55,3) m, world; joints2d (T,55,2) px; scores (T,55); tracked (T,) bool;
    contacts (T,4) left heel, left toe, right heel, right toe; time_s (T,); frame_index (T,).
    """

    poses: Float32
    trans: Float32
    betas: Float32
    open_betas: Float32
    rest_joints: Float32
    expression: Float32
    joints: Float32
    joints2d: Float32
    scores: Float32
    tracked: NDArray[np.bool_]
    contacts: Float32
    time_s: NDArray[np.float64]
    frame_index: NDArray[np.int64]
    frame_rate: float
    camera: Camera
    body_model: str
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        _check(self, {}, _CLIP_SHAPES)

    @property
    def coverage(self) -> float:
        """The share of rows in which the person was really seen."""
        return float(self.tracked.mean())


_RAW_SHAPES: dict[str, Shape] = {
    "frame_index": ("T",),
    "time_s": ("T",),
    "boxes": ("T", 4),
    "joints2d": ("T", _J, 2),
    "scores": ("T", _J),
    "landmarks2d": ("T", "landmark_count", 2),
    "landmarks3d": ("T", "landmark_count", 3),
    "landmark_scores": ("T", "landmark_count"),
}

_CLIP_SHAPES: dict[str, Shape] = {
    "poses": ("T", 3 * _J),
    "trans": ("T", 3),
    "betas": (10,),
    "open_betas": (10,),
    "rest_joints": (_J, 3),
    "expression": ("T", 10),
    "joints": ("T", _J, 3),
    "joints2d": ("T", _J, 2),
    "scores": ("T", _J),
    "tracked": ("T",),
    "contacts": ("T", 4),
    "time_s": ("T",),
    "frame_index": ("T",),
}


def _check(owner: Any, sizes: dict[str, int], shapes: dict[str, Shape]) -> None:
    sizes = {**sizes, "T": len(owner.frame_index)}
    for name, shape in shapes.items():
        array = getattr(owner, name)
        expected = tuple(sizes[d] if isinstance(d, str) else d for d in shape)
        if array.shape != expected:
            raise ClipFileError(
                f"{name} has the wrong shape",
                expected=str(expected),
                actual=str(array.shape),
                next_step="capture the footage again",
            )


# --- files ---------------------------------------------------------------------------------


def save_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write an npz beside `path` and rename it into place, so that it is whole or absent.

    Raises OutputError when the folder is full or cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with beside.open("wb") as file:
                np.savez(file, **arrays)
            beside.replace(path)
        except BaseException:
            if beside.is_file():
                beside.unlink()
            raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path.name}",
            expected="a folder with room and write permission",
            actual=error.strerror or str(error),
            next_step="free some disk space or choose another --out folder",
        ) from error


_UNREADABLE = (
    OSError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    AttributeError,
    TypeError,
    KeyError,
    NotImplementedError,
    RuntimeError,
)
"""What zipfile, zlib and numpy raise for files that are damaged, encrypted or something else."""


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read an npz of plain arrays; anything else raises ClipFileError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes")
        _check_unpacked_size(path)
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        raise ClipFileError(
            f"cannot read {path.name}",
            expected="an npz file of plain arrays",
            actual=str(error) or type(error).__name__,
            next_step="choose a clip that Pose2Rig or an AMASS tool wrote",
        ) from error


def _check_unpacked_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_FILE_BYTES:
        raise ValueError(f"{size} bytes when unpacked")


def save_clip(path: Path, clip: Clip) -> None:
    """Write the clip file of contract.md."""
    camera = clip.camera
    arrays: dict[str, Any] = {
        name: getattr(clip, name) for name in _CLIP_SHAPES if name != "frame_index"
    }
    arrays |= {
        "time_s": clip.time_s.astype(np.float32),
        "frame_index": clip.frame_index,
        "mocap_frame_rate": np.float64(clip.frame_rate),
        "gender": np.str_("neutral"),
        "surface_model_type": np.str_("smplx"),
        "schema_version": np.int64(SCHEMA_VERSION),
        "image_size": camera.image_size,
        "focal": camera.focal,
        "principal_point": camera.principal_point,
        "camera_rotation": camera.rotation,
        "camera_translation": camera.translation,
        "body_model": np.str_(clip.body_model),
        "provenance": np.str_(json.dumps(clip.provenance, sort_keys=True)),
    }
    save_arrays(path, arrays)


def load_clip(path: Path) -> Clip:
    """Read a clip file of this project; raises ClipFileError with what is missing or wrong."""
    arrays = _Reader(path)
    camera = Camera(
        focal=arrays.floats("focal"),
        principal_point=arrays.floats("principal_point"),
        image_size=arrays.array("image_size").astype(np.int32),
        rotation=arrays.floats("camera_rotation"),
        translation=arrays.floats("camera_translation"),
    )
    floats = {
        f.name: arrays.floats(f.name)
        for f in fields(Clip)
        if f.name in _CLIP_SHAPES and f.name not in ("tracked", "time_s", "frame_index")
    }
    return Clip(
        **floats,
        tracked=arrays.array("tracked").astype(bool),
        time_s=arrays.array("time_s").astype(np.float64),
        frame_index=arrays.array("frame_index").astype(np.int64),
        frame_rate=arrays.number("mocap_frame_rate"),
        camera=camera,
        body_model=str(arrays.array("body_model")),
        provenance=arrays.json("provenance"),
    )


def save_raw_take(path: Path, take: RawTake) -> None:
    """Write a raw take: the clip file's keys as far as an estimator knows them, and landmarks."""
    save_arrays(
        path,
        {
            **{name: getattr(take, name) for name in _RAW_SHAPES},
            "landmark_names": np.array(take.landmark_names),
            "image_size": np.array(take.image_size, dtype=np.int32),
            "mocap_frame_rate": np.float64(take.frame_rate),
            "focal": np.full(2, take.focal_px, dtype=np.float32),
            "principal_point": np.array(take.image_size, dtype=np.float32) / 2,
            "schema_version": np.int64(SCHEMA_VERSION),
            "provenance": np.str_(json.dumps(take.provenance, sort_keys=True)),
        },
    )


def load_raw_take(path: Path) -> RawTake:
    """Read a raw take; raises ClipFileError with what is missing or wrong."""
    arrays = _Reader(path)
    names = ("boxes", "joints2d", "scores", "landmarks2d", "landmarks3d", "landmark_scores")
    width, height = arrays.array("image_size").tolist()
    return RawTake(
        **{name: arrays.floats(name) for name in names},
        frame_index=arrays.array("frame_index").astype(np.int64),
        time_s=arrays.array("time_s").astype(np.float64),
        landmark_names=tuple(arrays.array("landmark_names").tolist()),
        image_size=(width, height),
        frame_rate=arrays.number("mocap_frame_rate"),
        focal_px=float(arrays.floats("focal")[0]),
        provenance=arrays.json("provenance"),
    )


class _Reader:
    """Arrays of one file by name, with errors that name the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrays = load_arrays(path)
        version = self._arrays.get("schema_version")
        if version is None or version.shape != () or int(version) != SCHEMA_VERSION:
            raise self._error("schema_version", f"{SCHEMA_VERSION}", str(version))

    def _error(self, name: str, expected: str, actual: str) -> ClipFileError:
        return ClipFileError(
            f"{self._path.name}: {name} is not usable",
            expected=expected,
            actual=actual,
            next_step="capture the footage again with this version",
        )

    def array(self, name: str) -> NDArray[Any]:
        if name not in self._arrays:
            raise self._error(name, "the key", "no such key")
        array = self._arrays[name]
        if array.ndim and len(array) > MAX_FRAMES:
            raise self._error(name, f"at most {MAX_FRAMES} rows", str(len(array)))
        return array

    def floats(self, name: str) -> Float32:
        array = self.array(name)
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise self._error(name, "finite numbers", str(array.dtype))
        return array.astype(np.float32)

    def number(self, name: str) -> float:
        value = self.floats(name)
        if value.shape != () or value <= 0:
            raise self._error(name, "a number above 0", str(value))
        return float(self.array(name))

    def json(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads(str(self.array(name)))
        except ValueError as error:
            raise self._error(name, "JSON text", str(error)) from error
        if not isinstance(value, dict):
            raise self._error(name, "a JSON object", type(value).__name__)
        return value


def replaced(clip: Clip, **changes: Any) -> Clip:
    """Return the clip with some arrays changed, checked again."""
    values = {f.name: getattr(clip, f.name) for f in fields(Clip)}
    return Clip(**{**values, **changes})
