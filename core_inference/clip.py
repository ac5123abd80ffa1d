"""Clips and raw takes: what a person did, in arrays and on disk. numpy only.

A raw take is what an estimator said, frame by frame, before any filtering: it is never changed.
A clip is a motion made from it. Both are npz files that load with allow_pickle=False; a clip
carries the keys of AMASS / SMPL-X motion files, so other tools read it.

Legend: T frames, J joints (55), L landmarks, V vertices.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.face_shapes import FACE_SHAPE_COUNT
from ..rigs.rotation import matrix_from_axis_angle
from ..rigs.skeleton import JOINT_COUNT, joint_positions, world_rotations
from .array_file import SCHEMA_VERSION, ArrayFile, Float32, save_arrays
from .camera import CAMERA_FROM_WORLD, Camera, check_zoom
from .clip_checks import (
    Shape,
    as_numbers,
    check_body,
    check_finite,
    check_mesh,
    check_places,
    check_rotations,
    check_rows,
    check_seen,
    check_shapes,
    unusable,
)

_J = JOINT_COUNT

BODY_MODELS = ("open", "smplx")
"""Whose joints a motion moves: the open body's, or those of the user's licensed SMPL-X."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EstimatedPose:
    """What an estimator of rotations says of a take, before any filtering.

    poses (T,165) axis-angle, full parent-relative rotations, and trans (T,3) m, in the world of
    a level camera at its origin; rest_joints (55,3) m, zero pose, of the one body of the take
    with betas (10,), which are zero where body_model is 'open'; frame_betas (T,10) as each frame
    had them; expression (T,10); vertices (T,V,3) m, world, the estimator's own mesh, or None.
    """

    poses: Float32
    trans: Float32
    rest_joints: Float32
    betas: Float32
    frame_betas: Float32
    expression: Float32
    body_model: str
    vertices: Float32 | None = None

    def __post_init__(self) -> None:
        check_shapes(self, {"T": len(self.poses)}, _POSE_SHAPES)
        check_body(self.rest_joints)
        check_places(self, ("trans",))
        if self.body_model not in BODY_MODELS:
            raise unusable("body_model is unknown", " or ".join(BODY_MODELS), self.body_model)

    def joints(self) -> Float32:
        """Forward kinematics (T,55,3) m, world."""
        rotations = self.poses.astype(np.float64).reshape(-1, _J, 3)
        world_TJ33 = world_rotations(matrix_from_axis_angle(rotations))
        rest = self.rest_joints.astype(np.float64)
        return joint_positions(world_TJ33, rest, self.trans).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class RawTake:
    """One person as the estimator saw them, untouched; rows only where somebody was seen.

    frame_index (T,) source frames; time_s (T,); boxes (T,4) x y w h px; joints2d (T,55,2) px
    and scores (T,55): detections (with a pose, joints2d are each frame's own projection);
    landmarks2d (T,L,2) px, landmarks3d (T,L,3) m in camera axes, landmark_scores (T,L),
    landmark_names (L,), L = 0 where the estimator has none. image_size (2,) w, h; frame_rate the
    mean rate; focal_px the focal length in use; provenance says where all this came from. pose:
    the rotations, None for an estimator of landmarks. camera_root (T,3) m, camera axes: where a
    network made for it puts the pelvis of an estimator of landmarks, or None. camera_rotation
    (T,3,3): world to camera in each row, the world that of a level camera in the first frame of
    the shot; None for a camera that stands still and level. camera_place (T,2): where a camera
    that also leaves its place is, right and forward of the shot's first frame, in heights of the
    camera above the ground, or None. camera_zoom (T,): each row's focal length over focal_px, that
    of the shot's first frame, beside camera_rotation; None for a lens that stays as it is.
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
    pose: EstimatedPose | None = None
    camera_root: Float32 | None = None
    camera_rotation: Float32 | None = None
    camera_place: Float32 | None = None
    camera_zoom: Float32 | None = None

    def __post_init__(self) -> None:
        sizes = {"T": len(self.frame_index), "landmark_count": len(self.landmark_names)}
        check_shapes(self, sizes, _RAW_SHAPES)
        check_rows(self.frame_index, self.time_s)
        scores = (self.scores, self.landmark_scores)
        check_seen(scores, self.landmarks2d, self.time_s, self.focal_px)
        if self.pose is not None:
            check_shapes(self.pose, sizes, _POSE_SHAPES)
            check_mesh(self.pose.vertices, self.frame_index)
        given = {n: s for n, s in _CAMERA_ROWS.items() if getattr(self, n) is not None}
        check_shapes(self, sizes, given)
        check_places(self, ("landmarks3d", *given))
        if self.camera_rotation is not None:
            check_rotations("camera_rotation", self.camera_rotation)
        if self.camera_zoom is not None:
            check_zoom(self.camera_zoom, None if self.camera_rotation is None else sizes["T"])

    @property
    def focals(self) -> NDArray[np.float64]:
        """The focal length in each row (T,1) px."""
        zoom_T = np.ones(len(self.frame_index)) if self.camera_zoom is None else self.camera_zoom
        return self.focal_px * zoom_T.astype(np.float64)[:, None]

    def rays(self, pixels_TN2: NDArray[Any]) -> NDArray[np.float64]:
        """Pixels (T,N,2) from the principal point over each row's focal length."""
        aside_TN2 = pixels_TN2 - np.array(self.image_size) / 2
        return np.asarray(aside_TN2 / self.focals[:, None], dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """One person's motion: contract.md's clip file as arrays.

    poses (T,165) axis-angle, full parent-relative rotations; trans (T,3) m; rest_joints (55,3) m;
    joints (T,55,3) m, world; joints2d (T,55,2) px; scores (T,55); tracked (T,) bool;
    contacts (T,4) left heel, left toe, right heel, right toe; time_s (T,); frame_index (T,);
    vertices (T,V,3) m, world, where the estimator gave a mesh of its own, else None;
    face_shapes (T,52) 0..1 in the order of rigs.face_shapes, None where no face was ever seen.
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
    vertices: Float32 | None = None
    face_shapes: Float32 | None = None

    def __post_init__(self) -> None:
        sizes = {"T": len(self.frame_index)}
        check_shapes(self, sizes, _CLIP_SHAPES)
        check_rows(self.frame_index, self.time_s)
        check_mesh(self.vertices, self.frame_index)
        if self.face_shapes is not None:
            check_shapes(self, sizes, {"face_shapes": ("T", FACE_SHAPE_COUNT)})
        if self.camera.is_moving:
            check_shapes(self.camera, sizes, {"rotation": ("T", 3, 3)})

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

_CAMERA_ROWS: dict[str, Shape] = {
    "camera_root": ("T", 3),
    "camera_rotation": ("T", 3, 3),
    "camera_place": ("T", 2),
}
"""What only some raw takes have."""

_MAYBE_ROWS = ("camera_root", "camera_place", "camera_zoom")

_POSE_SHAPES: dict[str, Shape] = {
    "poses": ("T", 3 * _J),
    "trans": ("T", 3),
    "rest_joints": (_J, 3),
    "betas": (10,),
    "frame_betas": ("T", 10),
    "expression": ("T", 10),
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


def save_clip(path: Path, clip: Clip) -> None:
    """Write the clip file of contract.md; raises ClipFileError for what is not finite."""
    camera = clip.camera
    arrays: dict[str, Any] = {
        name: getattr(clip, name) for name in _CLIP_SHAPES if name != "frame_index"
    }
    arrays |= {
        "time_s": clip.time_s.astype(np.float32),
        "frame_index": clip.frame_index,
        "image_size": camera.image_size.astype(np.float32),
        "focal": camera.focal,
        "principal_point": camera.principal_point,
        "camera_rotation": camera.rotation,
        "camera_translation": camera.translation,
        **_facts(clip.body_model, clip.frame_rate, clip.provenance),
        **({} if clip.vertices is None else {"vertices": clip.vertices}),
        **({} if camera.zoom is None else {"camera_zoom": camera.zoom}),
        **({} if clip.face_shapes is None else {"face_shapes": clip.face_shapes}),
    }
    check_finite(arrays)
    save_arrays(path, arrays)


class _ClipArrays(ArrayFile):
    """An array file with keys that only some have; a raw take is known by its boxes."""

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def mesh(self) -> Float32 | None:
        """The vertices, unchecked in shape, or None."""
        return as_numbers(self.array("vertices", 3)) if "vertices" in self else None


def load_clip(path: Path) -> Clip:
    """Read a clip file of this project; raises ClipFileError with what is missing or wrong."""
    arrays = _ClipArrays(path)
    if "boxes" in arrays:
        raise ClipFileError(
            f"{path.name} is a raw take",
            expected="a clip",
            actual="what an estimator saw, before any motion was made of it",
            next_step="make a clip of it with pose2rig process",
        )
    camera = Camera(
        focal=arrays.floats("focal"),
        principal_point=arrays.floats("principal_point"),
        image_size=np.array(arrays.size("image_size"), dtype=np.int32),
        rotation=arrays.floats("camera_rotation"),
        translation=arrays.floats("camera_translation"),
        zoom=arrays.floats("camera_zoom") if "camera_zoom" in arrays else None,
    )
    floats = {
        f.name: arrays.floats(f.name)
        for f in fields(Clip)
        if f.name in _CLIP_SHAPES and f.name not in ("tracked", "time_s", "frame_index")
    }
    return Clip(
        **floats,
        tracked=arrays.integers("tracked").astype(bool),
        time_s=arrays.doubles("time_s"),
        frame_index=arrays.integers("frame_index"),
        frame_rate=arrays.frame_rate("mocap_frame_rate"),
        camera=camera,
        body_model=arrays.text("body_model"),
        provenance=arrays.json("provenance"),
        vertices=arrays.mesh(),
        face_shapes=arrays.floats("face_shapes") if "face_shapes" in arrays else None,
    )


def save_raw_take(path: Path, take: RawTake) -> None:
    """Write a raw take: the clip file's keys but those that only a solver knows, and landmarks.

    What the estimator does not say stands at its neutral value.
    """
    count, pose, rotation = len(take.frame_index), take.pose, take.camera_rotation
    if rotation is None:
        rotation = CAMERA_FROM_WORLD.astype(np.float32)
    save_arrays(
        path,
        {
            **{name: getattr(take, name) for name in _RAW_SHAPES},
            "time_s": take.time_s.astype(np.float32),
            "landmark_names": np.array(take.landmark_names, dtype=np.str_),
            "betas": np.zeros(10, dtype=np.float32),
            "open_betas": np.zeros(10, dtype=np.float32),
            "expression": np.zeros((count, 10), dtype=np.float32),
            "contacts": np.zeros((count, 4), dtype=np.float32),
            "tracked": np.ones(count, dtype=bool),
            "image_size": np.array(take.image_size, dtype=np.float32),
            "focal": np.full(2, take.focal_px, dtype=np.float32),
            "principal_point": np.array(take.image_size, dtype=np.float32) / 2,
            "camera_rotation": rotation,
            "camera_translation": np.zeros((*rotation.shape[:-2], 3), dtype=np.float32),
            **_facts("open", take.frame_rate, take.provenance),
            **({} if pose is None else _pose_arrays(pose)),
            **{n: getattr(take, n) for n in _MAYBE_ROWS if getattr(take, n) is not None},
        },
    )


def _pose_arrays(pose: EstimatedPose) -> dict[str, Any]:
    """The keys of a raw take whose estimator gives rotations."""
    return {
        **{name: getattr(pose, name) for name in _POSE_SHAPES},
        "joints": pose.joints(),
        "body_model": np.str_(pose.body_model),
        **({} if pose.vertices is None else {"vertices": pose.vertices}),
    }


def _facts(body_model: str, frame_rate: float, provenance: dict[str, Any]) -> dict[str, Any]:
    """The keys of a file that are no arrays."""
    return {
        "mocap_frame_rate": np.float64(frame_rate),
        "gender": np.str_("neutral"),
        "surface_model_type": np.str_("smplx"),
        "schema_version": np.int64(SCHEMA_VERSION),
        "body_model": np.str_(body_model),
        "provenance": np.str_(json.dumps(provenance, sort_keys=True)),
    }


def load_raw_take(path: Path) -> RawTake:
    """Read a raw take; raises ClipFileError with what is missing or wrong."""
    arrays = _ClipArrays(path)
    if "poses" in arrays and "boxes" not in arrays:
        raise ClipFileError(
            f"{path.name} is a clip",
            expected="a raw take",
            actual="a motion that was already made from one",
            next_step="choose the raw take beside it, raw/person_<id>.npz",
        )
    names = ("boxes", "joints2d", "scores", "landmarks2d", "landmarks3d", "landmark_scores")
    rotation = arrays.floats("camera_rotation")
    return RawTake(
        **{name: arrays.floats(name) for name in names},
        frame_index=arrays.integers("frame_index"),
        time_s=arrays.doubles("time_s"),
        landmark_names=tuple(str(name) for name in arrays.array("landmark_names", 1).tolist()),
        image_size=arrays.size("image_size"),
        frame_rate=arrays.frame_rate("mocap_frame_rate"),
        focal_px=arrays.focal_px("focal"),
        provenance=arrays.json("provenance"),
        pose=_load_pose(arrays) if "poses" in arrays else None,
        camera_rotation=rotation if rotation.ndim == 3 else None,
        **{name: arrays.floats(name) for name in _MAYBE_ROWS if name in arrays},
    )


def _load_pose(arrays: _ClipArrays) -> EstimatedPose:
    return EstimatedPose(
        **{name: arrays.floats(name) for name in _POSE_SHAPES},
        body_model=arrays.text("body_model"),
        vertices=arrays.mesh(),
    )


def replaced(clip: Clip, **changes: Any) -> Clip:
    """Return the clip with some arrays changed, checked again."""
    values = {f.name: getattr(clip, f.name) for f in fields(Clip)}
    return Clip(**{**values, **changes})
