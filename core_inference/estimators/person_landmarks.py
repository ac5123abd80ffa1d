"""One person as the landmark models saw them: the product's landmarks in px and m, with scores.

Legend: L landmarks (553), J joints (55).
"""

import math

import numpy as np

from . import topology
from .base import Float32, Landmarks, PersonPose
from .whole_body import PersonSeen

EYE_CORNERS_M = 0.09
"""Distance between an adult's outer eye corners, which gives the face its size in metres."""

FULL_SIZE_HAND_PX = 24.0
"""A hand this large or larger has enough pixels; a smaller one loses score in proportion."""

WRONG_SIDE = 0.2
"""What is left of a hand's score where it looks like a hand of the other side for certain."""

VISIBLE = 0.3
"""From this score on a landmark counts as seen, for the box around the person."""

_LEFT_WRIST, _RIGHT_WRIST = 15, 16
_MIN_BOX_POINTS = 3


def pose_from_seen(
    seen: PersonSeen, size: tuple[int, int], followed: int, clothes: Float32 | None
) -> PersonPose:
    """Return a person as the product's landmarks, in an image of a width and height in px.

    followed, clothes: as in PersonPose, the latter its appearance.
    """
    width, height = size
    landmarks = _landmarks_from_seen(seen, width, height)
    first_J, second_J = topology.JOINT_PAIRS.T
    known_J = first_J >= 0
    joints2d_J2 = (landmarks.points2d[first_J] + landmarks.points2d[second_J]) / 2
    scores_J = np.minimum(landmarks.scores[first_J], landmarks.scores[second_J])
    known_J &= scores_J > 0
    return PersonPose(
        joints2d=np.where(known_J[:, None], joints2d_J2, 0).astype(np.float32),
        scores=np.where(known_J, scores_J, 0).astype(np.float32),
        box=_box(landmarks, width, height),
        landmarks=landmarks,
        followed=followed,
        appearance=clothes,
    )


def _landmarks_from_seen(seen: PersonSeen, width: int, height: int) -> Landmarks:
    count = len(topology.LANDMARK_NAMES)
    points2d = np.zeros((count, 2), dtype=np.float32)
    points3d = np.zeros((count, 3), dtype=np.float32)
    scores = np.zeros(count, dtype=np.float32)

    points2d[topology.BODY] = seen.body[:, :2]
    points3d[topology.BODY] = seen.body_world[:, :3]
    scores[topology.BODY] = seen.body_score * seen.body[:, 3] * seen.body[:, 4]
    _place_hands(seen, (points2d, points3d, scores))
    if seen.face is not None:
        face_px = seen.face
        points2d[topology.FACE] = face_px[:, :2]
        points3d[topology.FACE] = _metric_face(face_px)
        scores[topology.FACE] = seen.face_score * _face_agreement(face_px, points2d[0])
    scores *= _nearness_to_image(points2d, width, height)
    lost = scores <= 0
    points2d[lost] = 0
    points3d[lost] = 0
    return Landmarks(points2d=points2d, points3d=points3d, scores=scores)


def _place_hands(seen: PersonSeen, into: tuple[Float32, Float32, Float32]) -> None:
    """Write both hands into points2d, points3d and scores; the body must stand there already."""
    points2d, points3d, scores = into
    left, right = topology.LEFT_HAND, topology.RIGHT_HAND
    sure_left = seen.left_hand_score * max(seen.left_hand_side, WRONG_SIDE)
    sure_right = seen.right_hand_score * max(seen.right_hand_side, WRONG_SIDE)
    for part, wrist, hand, world, sure in (
        (left, _LEFT_WRIST, seen.left_hand, seen.left_hand_world, sure_left),
        (right, _RIGHT_WRIST, seen.right_hand, seen.right_hand_world, sure_right),
    ):
        if hand is not None and world is not None:
            points2d[part] = hand[:, :2]
            points3d[part] = world[:, :3] - world[0, :3]
            scores[part] = sure * _hand_agreement(points2d[part], points2d[wrist])


def _extent(points_N2: Float32) -> float:
    low_2, high_2 = points_N2.min(axis=0).tolist(), points_N2.max(axis=0).tolist()
    return max(high_2[0] - low_2[0], high_2[1] - low_2[1], 1e-3)


def _apart(one_2: Float32, other_2: Float32) -> float:
    return math.dist(one_2.tolist(), other_2.tolist())


def _hand_agreement(hand_px: Float32, wrist_px: Float32) -> float:
    """Say how far a hand (21,2) px can be this arm's: its wrist against the body's, its size.

    1 where the two wrists lie within half a hand of each other, falling to 0 at one and a half.
    """
    size = _extent(hand_px)
    near = min(max(1.5 - _apart(hand_px[0], wrist_px) / size, 0.0), 1.0)
    return near * min(1.0, size / FULL_SIZE_HAND_PX)


def _face_agreement(face_px: Float32, nose_px: Float32) -> float:
    """Say how far a face (478,3) px can be this head's: its middle against the body's nose.

    1 where they lie within half a face of each other, falling to 0 at one and a half.
    """
    points_N2 = face_px[:, :2]
    apart = _apart(points_N2.mean(axis=0), nose_px) / _extent(points_N2)
    return min(max(1.5 - apart, 0.0), 1.0)


def _metric_face(face_px: Float32) -> Float32:
    """Scale a face (478,3) px to metres by its eye corners, about the middle of its points."""
    right, left = (face_px[index] for index in topology.EYE_CORNERS)
    metres_per_px = EYE_CORNERS_M / max(_apart(right, left), 1e-3)
    return (face_px - face_px.mean(axis=0)) * np.float32(metres_per_px)


def _nearness_to_image(points_L2: Float32, width: int, height: int) -> Float32:
    """Return (L,) 1 inside the image, halved for every 5 % of its longer side outside."""
    nearness_L = np.ones(len(points_L2), dtype=np.float32)
    limit_2 = np.array([width, height], dtype=np.float32)
    beyond_L2 = np.abs(points_L2 - limit_2 / 2) - limit_2 / 2
    outside_L = (beyond_L2 > 0).any(axis=1)
    if outside_L.any():
        outside_px = np.linalg.norm(np.maximum(beyond_L2[outside_L], 0), axis=1)
        nearness_L[outside_L] = np.exp2(-outside_px / (0.05 * max(width, height)))
    return nearness_L


def _box(landmarks: Landmarks, width: int, height: int) -> tuple[float, float, float, float]:
    """Return x, y, width, height px around the landmarks seen, cut to the image."""
    seen_L = landmarks.scores >= VISIBLE
    if seen_L.sum() < _MIN_BOX_POINTS:
        seen_L = np.zeros_like(seen_L)
        seen_L[topology.BODY] = True
    limit_2 = np.array([width, height], dtype=np.float32)
    points_N2 = np.clip(landmarks.points2d[seen_L], 0, limit_2)
    low_2, high_2 = points_N2.min(axis=0), points_N2.max(axis=0)
    return (
        float(low_2[0]),
        float(low_2[1]),
        float(high_2[0] - low_2[0]),
        float(high_2[1] - low_2[1]),
    )
