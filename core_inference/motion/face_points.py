"""A take's face points in the head's own axes, as large as the open body's, and its face at rest.

Legend: T frames, P points of the face mesh (468), N points of one question.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, kabsch
from ..body_model import FACE_POINT_COUNT
from ..clip import RawTake
from .filling import trust_from_score
from .torso import RIGID_FACE_POINTS

Float64 = NDArray[np.float64]

SIDES = ("Left", "Right")
OUTWARDS = {"Left": 1.0, "Right": -1.0}
"""Along x of the zero pose."""

CHEEK_RAD = np.radians(40.0)
"""How far to the side each half of a face looks."""

POINTS = tuple(f"face_{number:03d}" for number in range(FACE_POINT_COUNT))
IRISES = {"Left": "face_473", "Right": "face_468"}
"""The middle of each iris; only some takes have them."""

RIGID = [int(name.removeprefix("face_")) for name in RIGID_FACE_POINTS]

UPPER_LIDS = {"Left": (387, 386, 385), "Right": (160, 159, 158)}
LOWER_LIDS = {"Left": (373, 374, 380), "Right": (144, 145, 153)}
CORNERS = {"Left": (362, 263), "Right": (133, 33)}
"""Of each eye: the middle of both lids, and the inner and the outer corner."""

LIDS = {
    "Left": (249, 390, 373, 374, 380, 381, 382, 466, 388, 387, 386, 385, 384, 398),
    "Right": (7, 163, 144, 145, 153, 154, 155, 246, 161, 160, 159, 158, 157, 173),
}
"""All points on the edges of each eye's lids."""

INNER_LIPS = (13, 14)

REST_SHARE = 0.2
"""The face at rest is the mean of this share of the frames: those that are most alike."""

MOST_COMPARED = 400
"""So many frames, evenly spaced, are compared with one another."""

PARTED_WEIGHT, SHUT_WEIGHT = 0.3, 0.1
"""How much parted lips and shut eyes speak against a face being at rest, beside its rarity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FacePoints:
    """Points (T,468,3) m in the axes of the zero pose, turned, moved and scaled onto the head's
    rigid points at rest; irises (T,3) m per side, where the take has them; facing (T,3): the unit
    direction from the face to the camera, in the same axes."""

    points: Float64
    irises: dict[str, Float64]
    facing: Float64

    def laid_onto(self, face_P3: Float64) -> "FacePoints":
        """The same, scaled and turned onto the rigid points of another face (468,3) m."""
        everything = np.concatenate(
            [self.points, *(iris[:, None] for iris in self.irises.values())], axis=1
        )
        moved, turn = onto(everything, self.points[:, RIGID], face_P3[RIGID])
        return FacePoints(
            points=moved[:, :FACE_POINT_COUNT],
            irises={side: moved[:, FACE_POINT_COUNT + k] for k, side in enumerate(self.irises)},
            facing=np.einsum("tij,tj->ti", turn, self.facing),
        )

    def view(self, side: str) -> Float64:
        """How well the camera sees a side of the face (T,), 0..1: turned away it does not."""
        outwards = np.array([OUTWARDS[side] * np.sin(CHEEK_RAD), 0.0, np.cos(CHEEK_RAD)])
        return np.asarray(trust_from_score(self.facing @ outwards, 0.0, 0.35))


def face_points(raw: RawTake, rest_P3: Float64) -> FacePoints:
    """Bring the face of every row of the take into the head's axes."""
    columns = {name: column for column, name in enumerate(raw.landmark_names)}
    irises = {side: name for side, name in IRISES.items() if name in columns}
    names = (*POINTS, *irises.values())
    seen = raw.landmarks3d[:, [columns[name] for name in names]].astype(np.float64)
    seen *= [1.0, -1.0, -1.0]
    moved, turn = onto(seen, seen[:, RIGID], rest_P3[RIGID])
    return FacePoints(
        points=moved[:, :FACE_POINT_COUNT],
        irises={side: moved[:, FACE_POINT_COUNT + k] for k, side in enumerate(irises)},
        facing=turn[:, :, 2],
    )


def onto(points_TN3: Float64, source_TN3: Float64, target_N3: Float64) -> tuple[Float64, Float64]:
    """Move points by the similarities that carry source (T,N,3) onto target (N,3) best.

    Returns the moved points and the rotations (T,3,3).
    """
    target = np.broadcast_to(target_N3, source_TN3.shape)
    turn = np.asarray(kabsch(source_TN3, target, np.ones(source_TN3.shape[:2])))
    scale = _spread(target) / np.maximum(_spread(source_TN3), 1e-9)
    centred = (points_TN3 - source_TN3.mean(axis=1, keepdims=True)) * scale[:, None, None]
    return np.einsum("tij,tnj->tni", turn, centred) + target_N3.mean(axis=0), turn


def _spread(points_TN3: FloatArray) -> Float64:
    """Root mean square distance (T,) from the middle of the points."""
    away = points_TN3 - points_TN3.mean(axis=1, keepdims=True)
    return np.sqrt(np.mean(np.sum(away * away, axis=-1), axis=-1))


def resting_face(points_TP3: Float64, trust_T: Float64) -> Float64:
    """The person's own face at rest (468,3) m: the mean of the frames that are most alike.

    Among equally frequent faces the one with closed lips and open eyes is preferred.
    """
    seen = np.flatnonzero(trust_T >= 0.5 * trust_T.max())
    seen = seen[np.linspace(0, len(seen) - 1, min(len(seen), MOST_COMPARED)).astype(int)]
    faces = points_TP3[seen]
    flat = faces[..., :2].reshape(len(faces), -1)
    squares = np.sum(flat * flat, axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * flat @ flat.T, 0.0))
    count = max(1, round(REST_SHARE * len(faces)))
    rarity = np.partition(apart, count - 1, axis=1)[:, count - 1] / np.sqrt(FACE_POINT_COUNT)
    upper, lower = INNER_LIPS
    parted = np.linalg.norm(faces[:, upper] - faces[:, lower], axis=-1)
    opened = np.mean([aperture(faces, side) for side in SIDES], axis=0)
    mode = np.argmin(rarity + PARTED_WEIGHT * parted - SHUT_WEIGHT * opened)
    alike = np.argsort(apart[mode], kind="stable")[:count]
    return np.median(faces[alike], axis=0)


def aperture(points_TP3: Float64, side: str) -> Float64:
    """How far an eye is open (T,) m: how far its upper lid stands above the lower one."""
    upper, lower = list(UPPER_LIDS[side]), list(LOWER_LIDS[side])
    return (points_TP3[:, upper, 1] - points_TP3[:, lower, 1]).mean(axis=1)
