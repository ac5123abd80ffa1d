"""How one person's motion is put into the world that the people of its shot share.

`scene.py` finds that world once, over all of them. What it found stands in each raw take's
provenance, so a clip can be made again from that take alone. A take that stands alone says nothing
and keeps the world of a level camera.

Legend: T frames.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import ClipFileError
from ...rigs.rotation import matrix_from_axis_angle, multiply, quaternion_from_matrix
from ..camera import CAMERA_FROM_WORLD, Camera
from ..clip import Clip, RawTake, replaced
from .posing import pose_arrays, quaternions

Float64 = NDArray[np.float64]

SIZES = (0.45, 1.25)
"""How large a person may be beside what landmarks say, which make everybody an adult."""

MAX_TILT_RAD = math.radians(60.0)
MAX_COORDINATE_M = 1e4


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One person's part in the world of a shot.

    The camera looks down by pitch_rad, after a turn about its own axis by roll_rad (its right side
    goes down). The person is `size` times as large as the landmarks say and so as much nearer,
    which leaves the picture as it is. With the camera at the origin the ground lies at z =
    ground_m, and the world's own origin on it at x, y. Raises ClipFileError for numbers out of
    bounds, for a raw take may be a stranger's file.
    """

    pitch_rad: float = 0.0
    roll_rad: float = 0.0
    size: float = 1.0
    ground_m: float = 0.0
    origin: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        tilts = (self.pitch_rad, self.roll_rad)
        places = (self.ground_m, *self.origin)
        is_usable = (
            all(abs(angle) <= MAX_TILT_RAD for angle in tilts)
            and SIZES[0] <= self.size <= SIZES[1]
            and all(abs(metres) <= MAX_COORDINATE_M for metres in places)
        )
        if not is_usable:
            raise _unusable(str(asdict(self)))

    @property
    def world_from_level(self) -> Float64:
        """The turn (3,3) from the axes of a camera taken for level into the world's."""
        angles = np.array([[-self.pitch_rad, 0.0, 0.0], [0.0, self.roll_rad, 0.0]])
        pitch_33, roll_33 = matrix_from_axis_angle(angles)
        return np.asarray(pitch_33 @ roll_33, dtype=np.float64)

    @property
    def with_level_camera(self) -> "Scene":
        """The same world for a camera taken for level: sizes and what is below the first person
        stay, and the ground goes through there."""
        place_3 = self.world_from_level.T @ np.array([*self.origin, self.ground_m])
        x, y, ground_m = place_3.tolist()
        return Scene(size=self.size, ground_m=ground_m, origin=(x, y))

    def as_json(self) -> dict[str, Any]:
        """The scene as plain JSON, for a take's provenance."""
        return {**asdict(self), "origin": list(self.origin)}


_FIELDS = ("pitch_rad", "roll_rad", "size", "ground_m")


def scene_of(raw: RawTake, ground: str = "auto") -> Scene | None:
    """The scene in a take's provenance; None for a take that stands alone.

    ground: as in `stack.MotionSettings`; with level it is that of a level camera. Raises
    ClipFileError where it is not what `Scene.as_json` wrote.
    """
    found = raw.provenance.get("scene")
    if found is None:
        return None
    try:
        values = [float(found[name]) for name in _FIELDS]
        x, y = (float(metres) for metres in cast("list[float]", found["origin"]))
    except (KeyError, TypeError, ValueError) as error:
        raise _unusable(str(found)[:200]) from error
    scene = Scene(**dict(zip(_FIELDS, values, strict=True)), origin=(x, y))
    return scene.with_level_camera if ground == "level" else scene


def _unusable(actual: str) -> ClipFileError:
    return ClipFileError(
        "the raw take's place among the others makes no sense",
        expected="a scene with angles, a size, a ground and an origin",
        actual=actual,
        next_step="capture the footage again",
    )


def camera_of(raw: RawTake) -> Camera:
    """The take's camera at the world's origin: level, and looking along y as its shot begins."""
    rotation = raw.camera_rotation
    if rotation is None:
        rotation = CAMERA_FROM_WORLD.astype(np.float32)
    return Camera(
        focal=np.full(2, raw.focal_px, dtype=np.float32),
        principal_point=np.array(raw.image_size, dtype=np.float32) / 2,
        image_size=np.array(raw.image_size, dtype=np.int32),
        rotation=rotation,
        translation=np.zeros((*rotation.shape[:-2], 3), dtype=np.float32),
        zoom=raw.camera_zoom,
    )


def in_world(raw: RawTake, quaternion_TJ4: Float64, pelvis_T3: Float64) -> tuple[Float64, Float64]:
    """What was solved as before a level camera in every row, in the axes of the world.

    quaternion_TJ4: parent-relative rotations, the first one the root's; pelvis_T3 m, the camera at
    the origin. Nothing changes where the camera stands still.
    """
    if raw.camera_rotation is None:
        return quaternion_TJ4, pelvis_T3
    camera_T33 = raw.camera_rotation.astype(np.float64)
    world_from_level_T33 = np.swapaxes(camera_T33, 1, 2) @ CAMERA_FROM_WORLD
    turn_T4 = quaternion_from_matrix(world_from_level_T33)
    root_T14 = multiply(turn_T4, quaternion_TJ4[:, 0])[:, None]
    turned_T3 = np.einsum("tij,tj->ti", world_from_level_T33, pelvis_T3)
    return np.concatenate([root_T14, quaternion_TJ4[:, 1:]], axis=1), turned_T3


def turned(clip: Clip, world_from_level_33: Float64) -> Clip:
    """Turn person and camera about the origin, where the camera stands; no pixel moves."""
    quaternion_TJ4 = quaternions(clip)
    turn_4 = quaternion_from_matrix(world_from_level_33)
    root_T4 = quaternion_TJ4[:, 0]
    quaternion_TJ4[:, 0] = multiply(np.broadcast_to(turn_4, root_T4.shape), root_T4)
    pelvis_T3 = clip.joints[:, 0].astype(np.float64) @ world_from_level_33.T
    rotation = clip.camera.rotation.astype(np.float64) @ world_from_level_33.T
    camera = replace(clip.camera, rotation=rotation.astype(np.float32))
    trans_T3 = pelvis_T3 - clip.rest_joints[0]
    arrays = pose_arrays(quaternion_TJ4, trans_T3, clip.rest_joints, camera)
    return replaced(clip, camera=camera, **arrays)
