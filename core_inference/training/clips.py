"""Labelled people rendered from clips: the clips' poses on open bodies of random shape.

Every number has a person of its own: frame, side of view, distance, lens, shape, colours and
background are drawn from (seed, number), so a data set needs no files and never changes.

Legend: J joints (55), P points (77), V kept vertices.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import ClipFileError
from ...rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ...rigs.skeleton import JOINT, JOINT_COUNT, joint_positions, world_rotations
from ..body_model import SHAPE_COUNT, BodyModel
from ..clip import CAMERA_FROM_WORLD, load_clip
from .body_layer import surface_places
from .labels import LabelledPerson, box_around
from .points import LEFT_HAND_20, LEFT_WRIST, RIGHT_HAND_20, RIGHT_WRIST
from .rendering import Paint, draw_body, thinned

Float64 = NDArray[np.float64]

FOCAL_SHARES = (0.9, 1.6)
"""Focal lengths, as shares of the image's side."""

BOX_GROWTH = 1.1
PART_BOX_GROWTH = 1.2
_GREY = 128.0
LIMB_JOINTS = tuple(
    JOINT[f"{side}_{part}"]
    for side in ("left", "right")
    for part in ("hip", "knee", "shoulder", "elbow", "wrist")
)


@dataclass(frozen=True, kw_only=True)
class Studio:
    """How people are shown.

    size_px: side of the square image; distances in m, angles in degrees; shape: standard deviation
    of the shape components, pose_deg: of the turns added to limbs; clutter: how far the background
    is from plain grey, 0 to 1; has_open_shape: false where the network learns another body's shape.
    """

    size_px: int = 320
    distance_m: tuple[float, float] = (2.5, 5.0)
    yaw_deg: float = 180.0
    pitch_deg: float = 15.0
    shape: float = 0.7
    pose_deg: float = 8.0
    clutter: float = 1.0
    has_open_shape: bool = True


class RenderedClips:
    """People of clip files, `count` of them, drawn at random but for ever the same by `seed`."""

    def __init__(
        self, paths: tuple[Path, ...], body: BodyModel, *, count: int, seed: int, studio: Studio
    ) -> None:
        self._body, self._count, self._seed, self._studio = body, count, seed, studio
        self._mesh = thinned(body)
        self._rotations_TJ3 = np.concatenate([_rotations(path) for path in paths])
        corners_E3, self._shares_E3, known_E = surface_places(body)
        self._corners = corners_E3.ravel()
        self._known_P = np.concatenate([np.ones(JOINT_COUNT, dtype=bool), known_E])
        self._face = [k for k, n in enumerate(body.landmark_names) if n.startswith("face_")]
        self._face_corners = body.landmark_vertices[self._face, 0]

    def __len__(self) -> int:
        """How many people there are."""
        return self._count

    def has_part(self, index: int, part_box: int) -> bool:
        """Hands and face are always in the picture."""
        return True

    def person(self, index: int) -> LabelledPerson:
        """Draw, pose and render the person of that number."""
        rng = np.random.default_rng((self._seed, index))
        betas = np.clip(rng.normal(0.0, self._studio.shape, SHAPE_COUNT), -2.0, 2.0)
        rotations_J3 = self._pose(rng)
        focal = float(rng.uniform(*FOCAL_SHARES)) * self._studio.size_px
        world_JJ, joints_J3 = self._placed(rotations_J3, betas, focal, rng)
        skin, surface_E3, face = self._skinned(world_JJ, joints_J3, betas)
        image = _background(rng, self._studio)
        draw_body(image, skin, self._flat(skin, focal), self._mesh, _paint(rng, self._body))
        points_P3 = np.concatenate([joints_J3, surface_E3])
        points_P2 = self._flat(points_P3, focal)
        low, high = np.split(box_around(self._flat(skin, focal), BOX_GROWTH), 2)
        return LabelledPerson(
            image=image,
            box=np.concatenate([low, high - low]),
            focal=np.full(2, focal),
            principal_point=np.full(2, self._studio.size_px / 2),
            rotations=np.concatenate([_vector(world_JJ[:1]), rotations_J3[1:]]),
            rotations_known=np.ones(JOINT_COUNT, dtype=bool),
            betas=betas,
            betas_known=self._studio.has_open_shape,
            expression=np.zeros(10),
            expression_known=False,
            points3d=points_P3,
            points3d_known=self._known_P,
            points2d=points_P2,
            points2d_known=self._known_P,
            part_boxes=_part_boxes(points_P2, self._flat(face, focal)),
            part_boxes_known=np.ones(3, dtype=bool),
        )

    def _skinned(
        self, world_JJ: Float64, joints_J3: Float64, betas: Float64
    ) -> tuple[Float64, Float64, Float64]:
        """The mesh (V,3), the surface points (E,3) and points of the face, m camera."""
        wanted = (self._mesh.vertices, self._corners, self._face_corners)
        skinned = self._body.skin(world_JJ[None], joints_J3[None], betas, np.concatenate(wanted))
        kept, corners = len(self._mesh.vertices), len(self._corners)
        skin, surface, face = np.split(np.asarray(skinned[0]), [kept, kept + corners])
        surface_E3 = np.einsum("ec,eca->ea", self._shares_E3, surface.reshape(-1, 3, 3))
        return skin, surface_E3, face

    def _flat(self, points: Float64, focal: float) -> Float64:
        """Camera points (...,3) m to px."""
        return points[:, :2] / points[:, 2:] * focal + self._studio.size_px / 2

    def _pose(self, rng: np.random.Generator) -> Float64:
        """A frame's rotations (55,3) with small turns of the limbs added."""
        rotations_J3 = self._rotations_TJ3[rng.integers(len(self._rotations_TJ3))].copy()
        spread = np.radians(self._studio.pose_deg)
        rotations_J3[list(LIMB_JOINTS)] += rng.normal(0.0, spread, (len(LIMB_JOINTS), 3))
        return rotations_J3

    def _placed(
        self, rotations_J3: Float64, betas: Float64, focal: float, rng: np.random.Generator
    ) -> tuple[Float64, Float64]:
        """World rotations (55,3,3) and joints (55,3) m in camera axes, within the image."""
        studio = self._studio
        yaw = np.radians(rng.uniform(-studio.yaw_deg, studio.yaw_deg))
        pitch = np.radians(rng.uniform(-studio.pitch_deg, studio.pitch_deg))
        turns = np.asarray(matrix_from_axis_angle(np.array([[0.0, 0.0, yaw], [pitch, 0.0, 0.0]])))
        local_JJ = np.asarray(matrix_from_axis_angle(rotations_J3), dtype=np.float64)
        local_JJ[0] = turns[1] @ CAMERA_FROM_WORLD @ turns[0] @ local_JJ[0]
        world_JJ = np.asarray(world_rotations(local_JJ[None])[0])
        rest = np.asarray(self._body.rest_joints(betas), dtype=np.float64)
        joints_J3 = np.asarray(joint_positions(world_JJ[None], rest, -rest[:1])[0])
        middle = (joints_J3.min(axis=0) + joints_J3.max(axis=0)) / 2
        reach = float(np.abs(joints_J3 - middle).max()) + 0.2
        nearest = 2.0 * reach * focal / studio.size_px + reach
        distance = max(float(rng.uniform(*studio.distance_m)), nearest)
        aside = rng.uniform(-0.1, 0.1, 2) * distance * studio.size_px / focal
        return world_JJ, joints_J3 - middle + np.array([*aside, distance])


def _rotations(path: Path) -> Float64:
    """The frames of a clip in which the person was really seen, (T,55,3)."""
    clip = load_clip(path)
    rotations_TJ3 = clip.poses.reshape(-1, JOINT_COUNT, 3).astype(np.float64)[clip.tracked]
    if not len(rotations_TJ3):
        raise ClipFileError(
            f"nothing to train on in {path.name}",
            expected="frames in which the person was seen",
            actual="none",
            next_step="capture the footage again or leave the clip out",
        )
    return rotations_TJ3


def _part_boxes(points_P2: Float64, face: Float64) -> Float64:
    """The xyxy px boxes (3,4) of left hand, right hand and face."""
    hands = ((LEFT_WRIST, *LEFT_HAND_20), (RIGHT_WRIST, *RIGHT_HAND_20))
    parts = [*(points_P2[list(hand)] for hand in hands), face]
    return np.stack([box_around(part, PART_BOX_GROWTH) for part in parts])


def _vector(matrix_133: Float64) -> Float64:
    return np.asarray(axis_angle_from_matrix(matrix_133), dtype=np.float64)


def _paint(rng: np.random.Generator, body: BodyModel) -> Paint:
    """Random cloth; skin from pale to dark; eyes, teeth and tongue as they are."""
    colours = rng.uniform(20.0, 235.0, (len(body.part_names), 3))
    skin = np.array([225.0, 175.0, 145.0]) * rng.uniform(0.35, 1.1)
    fixed = {
        "skin": skin,
        "lips": skin * np.array([0.9, 0.6, 0.6]),
        "brows": skin * 0.4,
        "eye_white": np.full(3, 235.0),
        "teeth": np.full(3, 230.0),
    }
    for part, colour in fixed.items():
        colours[body.part_names.index(part)] = colour
    light = rng.normal(size=3) + np.array([0.0, -1.0, -1.5])
    return Paint(colours=np.clip(colours, 0.0, 255.0), light=light / np.linalg.norm(light))


def _background(rng: np.random.Generator, studio: Studio) -> NDArray[np.uint8]:
    """Smooth random colour with a few rectangles and noise (side,side,3) RGB."""
    side = studio.size_px
    coarse = rng.uniform(0.0, 255.0, (4, 4, 3)).astype(np.float32)
    image = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(rng.integers(0, 6))):
        corner, size = rng.integers(0, side, 2), rng.integers(side // 16, side // 2, 2)
        colour = rng.uniform(0.0, 255.0, 3).tolist()
        cv2.rectangle(image, corner.tolist(), (corner + size).tolist(), colour, cv2.FILLED)
    noisy = np.clip(image + rng.normal(0.0, 6.0, image.shape), 0.0, 255.0)
    return (_GREY + studio.clutter * (noisy - _GREY)).astype(np.uint8)
