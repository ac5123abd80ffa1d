"""The landmarks of a whole take by name, and the same points on the body at rest.

Legend: T frames, L landmarks, N points of one question.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, swing_between
from ..body_model import BodyModel
from ..clip import RawTake

Float64 = NDArray[np.float64]

WORLD_FROM_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""A level camera: its right is the world's x, its forward the world's y, its down world -z."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """positions (T,L,3) m in world axes, image (T,L,2) px, scores (T,L), rest (L,3) m zero pose."""

    index: dict[str, int]
    positions: Float64
    image: Float64
    scores: Float64
    rest: Float64
    time_s: Float64

    def columns(self, names: tuple[str, ...]) -> list[int]:
        """Where the named landmarks stand."""
        return [self.index[name] for name in names]

    def at(self, *names: str) -> Float64:
        """The mean of the named landmarks, (T,3) m in world axes."""
        return self.positions[:, self.columns(names)].mean(axis=1)

    def rest_at(self, *names: str) -> Float64:
        """The same mean on the body at rest, (3,) m."""
        return self.rest[self.columns(names)].mean(axis=0)

    def score(self, *names: str) -> Float64:
        """The lowest score (T,) among the named landmarks."""
        return self.scores[:, self.columns(names)].min(axis=1)


def points_from_raw(raw: RawTake, body: BodyModel, open_betas: FloatArray) -> Points:
    """Turn a raw take's landmarks into the world's axes beside the body's own points.

    The estimator sees each person as from a camera that looks straight at them; the ray towards
    them turns its 3D points back into the axes of the real camera.
    """
    camera_from_ray_T33 = _ray_rotations(raw)
    positions = np.einsum("tij,tlj->tli", camera_from_ray_T33, raw.landmarks3d.astype(np.float64))
    rest = body.landmark_rest_points(open_betas)
    order = [
        body.landmark_index[name] for name in raw.landmark_names if name in body.landmark_index
    ]
    known = [k for k, name in enumerate(raw.landmark_names) if name in body.landmark_index]
    return Points(
        index={raw.landmark_names[k]: column for column, k in enumerate(known)},
        positions=positions[:, known] @ WORLD_FROM_CAMERA.T,
        image=raw.landmarks2d[:, known].astype(np.float64),
        scores=raw.landmark_scores[:, known].astype(np.float64),
        rest=np.asarray(rest[order], dtype=np.float64),
        time_s=raw.time_s,
    )


def _ray_rotations(raw: RawTake) -> Float64:
    """The smallest turns (T,3,3) of the optical axis onto the ray to each box's centre."""
    centre = raw.boxes[:, :2] + raw.boxes[:, 2:] / 2 - np.array(raw.image_size) / 2
    rays = np.concatenate([centre / raw.focal_px, np.ones((len(centre), 1))], axis=1)
    return swing_between(np.array([0.0, 0.0, 1.0]), rays)
