"""The landmarks of a whole take by name, and the same points on the body at rest.

Legend: T frames, L landmarks, N points of one question.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import ClipFileError
from ...rigs.rotation import FloatArray, swing_between
from ...rigs.skeleton import JOINT_NAMES
from ..body_model import SHAPE_COUNT, BodyModel
from ..clip import CAMERA_FROM_WORLD, RawTake
from .filling import trust_from_score

Float64 = NDArray[np.float64]

WORLD_FROM_CAMERA = CAMERA_FROM_WORLD.T
"""A level camera: its right is the world's x, its forward the world's y, its down world -z."""

JOINT_LANDMARKS = tuple(f"joint_{name}" for name in JOINT_NAMES)
"""Names under which a source that knows the joints themselves (a marker system) may give them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """positions (T,L,3) m in world axes, image (T,L,2) px, scores (T,L), rest (L,3) m zero pose.

    size: how large the person is beside what the estimator said; the positions are of that size.
    rays (T,L,2): pixels from the principal point over the focal length, once `on_rays` has them.
    """

    index: dict[str, int]
    positions: Float64
    image: Float64
    scores: Float64
    rest: Float64
    time_s: Float64
    size: float = 1.0
    rays: Float64 | None = None

    def columns(self, names: tuple[str, ...]) -> list[int]:
        """Where the named landmarks stand."""
        return [self.index[name] for name in names]

    def at(self, *names: str) -> Float64:
        """The mean of the named landmarks, (T,3) m in world axes."""
        return self.positions[:, self.columns(names)].mean(axis=1)

    def rest_at(self, *names: str) -> Float64:
        """The same mean on the body at rest, (3,) m."""
        return self.rest[self.columns(names)].mean(axis=0)

    def moved(self, positions: Float64) -> "Points":
        """The same landmarks at other positions (T,L,3) m, world axes."""
        return replace(self, positions=positions)

    def scaled(self, factor: float) -> "Points":
        """The same landmarks of a person so many times as large, in the same pixels."""
        return replace(self, positions=self.positions * factor, size=self.size * factor)

    def score(self, *names: str) -> Float64:
        """The lowest score (T,) among the named landmarks."""
        return self.scores[:, self.columns(names)].min(axis=1)


def points_from_raw(raw: RawTake, body: BodyModel) -> Points:
    """Turn a raw take's landmarks into the world's axes beside the body's own points.

    The estimator sees each part of a person as from a camera that looks straight at it; the ray
    towards it turns its 3D points back into the axes of the real camera.
    """
    centre = np.array(raw.image_size) / 2
    pixels = raw.landmarks2d - centre
    boxes = raw.boxes - np.array([*centre, 0.0, 0.0])
    positions = raw.landmarks3d.astype(np.float64)
    for columns, turns in rays_to_parts(raw.landmark_names, pixels, boxes, raw.focals):
        positions[:, columns] = np.einsum("tij,tlj->tli", turns, positions[:, columns])
    _check_names(raw.landmark_names, body)
    image = with_wrists_between(raw.landmark_names, raw.landmarks2d, raw.landmark_scores)
    on_body = {*body.landmark_names, *JOINT_LANDMARKS}
    known = [k for k, name in enumerate(raw.landmark_names) if name in on_body]
    names = [raw.landmark_names[k] for k in known]
    return Points(
        index={name: column for column, name in enumerate(names)},
        positions=positions[:, known] @ WORLD_FROM_CAMERA.T,
        image=image[:, known],
        scores=raw.landmark_scores[:, known].astype(np.float64),
        rest=_rest_points(names, body, np.zeros(SHAPE_COUNT)),
        time_s=raw.time_s,
    )


WRIST_SHARE = 0.5
WRIST_SCORE = (0.3, 0.7)
WRISTS_APART = (0.6, 1.2)
"""The body's own landmarks and a hand's have a wrist each, off in ways of their own (18 and 14 mm,
rendered): so much of the way from one to the other, where the hand scores above the second, and
nothing where they are farther apart than so many lengths of the palm: then one is a mistake."""


def with_wrists_between(
    names: tuple[str, ...], landmarks2d: FloatArray, scores: FloatArray
) -> Float64:
    """The pixels (T,L,2) with the body's wrists drawn to those of the hands."""
    image_TL2 = landmarks2d.astype(np.float64)
    for side in ("left", "right"):
        of_body, of_hand, knuckle = (
            names.index(name)
            for name in (
                f"body_{side}_wrist",
                f"{side}_hand_wrist",
                f"{side}_hand_middle_finger_mcp",
            )
        )
        away_T2 = image_TL2[:, of_hand] - image_TL2[:, of_body]
        palm_px_T = np.linalg.norm(image_TL2[:, knuckle] - image_TL2[:, of_hand], axis=-1)
        apart_T = np.linalg.norm(away_T2, axis=-1) / np.maximum(palm_px_T, 1.0)
        found_T = trust_from_score(scores[:, of_hand].astype(np.float64), *WRIST_SCORE)
        share_T = WRIST_SHARE * found_T * (1.0 - trust_from_score(apart_T, *WRISTS_APART))
        image_TL2[:, of_body] += share_T[:, None] * away_T2
    return image_TL2


def _check_names(names: tuple[str, ...], body: BodyModel) -> None:
    """Raise ClipFileError unless body and hands are complete and the face is whole or absent."""
    face = any(name.startswith("face_") for name in names)
    needed = {name for name in body.landmark_names if face or not name.startswith("face_")}
    missing = sorted(needed.difference(names))
    if missing or len(set(names)) != len(names):
        raise ClipFileError(
            "the raw take's landmarks cannot be solved",
            expected="each landmark of body and hands once, and all of the face or none",
            actual=f"no {missing[0]}" if missing else "a name that stands twice",
            next_step="capture the footage again with this version",
        )


def _rest_points(names: list[str], body: BodyModel, open_betas: FloatArray) -> Float64:
    """Where landmarks and joints (L,3) m are on the body at rest."""
    marks = dict(zip(body.landmark_names, body.landmark_rest_points(open_betas), strict=True))
    marks |= dict(zip(JOINT_LANDMARKS, body.rest_joints(open_betas), strict=True))
    return np.array([marks[name] for name in names], dtype=np.float64)


def with_shape(points: Points, body: BodyModel, open_betas: FloatArray) -> Points:
    """The same landmarks beside a body of another shape (10,)."""
    return replace(points, rest=_rest_points(list(points.index), body, open_betas))


def on_rays(points: Points, root_T3: Float64, rays_TL2: Float64) -> Points:
    """Move the body's landmarks sideways onto the rays of their pixels, depth as it was.

    root_T3 (T,3) m, world axes from the camera: the middle of the hips; rays_TL2: `RawTake.rays`
    of the points' pixels. Pixels are an
    estimator's strong side: this keeps them and takes from its 3D points the depth alone.
    """
    body = [k for name, k in points.index.items() if name.startswith(("body_", "joint_"))]
    depth = points.positions[:, body, 1] + root_T3[:, None, 1]
    rays = rays_TL2[:, body]
    moved = np.stack([rays[..., 0] * depth, depth, -rays[..., 1] * depth], axis=-1)
    positions = points.positions.copy()
    positions[:, body] = moved - root_T3[:, None]
    return replace(points, positions=positions, rays=rays_TL2)


PARTS = ("body_", "joint_", "left_hand_", "right_hand_", "face_")
"""Prefixes of landmark names; an estimator looks at each of these parts in a crop of its own."""


def rays_to_parts(
    names: tuple[str, ...], landmarks2d: FloatArray, boxes: FloatArray, focal_px: FloatArray | float
) -> list[tuple[list[int], Float64]]:
    """Each part's columns and the smallest turns (T,3,3) of the optical axis onto the ray to it.

    Pixels count from the principal point: landmarks2d (T,L,2), boxes (T,4) x y w h; focal_px: one,
    or (T,1). The body is where its box is, hands and face where their own points are.
    """
    parts: list[tuple[list[int], Float64]] = []
    for prefix in PARTS:
        columns = [k for k, name in enumerate(names) if name.startswith(prefix)]
        if not columns:
            continue
        whole = prefix in ("body_", "joint_")
        centre = boxes[:, :2] + boxes[:, 2:] / 2 if whole else landmarks2d[:, columns].mean(axis=1)
        rays = np.concatenate([centre / focal_px, np.ones((len(centre), 1))], axis=1)
        turns = swing_between(np.array([0.0, 0.0, 1.0]), rays.astype(np.float64))
        parts.append((columns, np.asarray(turns, dtype=np.float64)))
    return parts
