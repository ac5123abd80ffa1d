"""The embedded default: MediaPipe's landmarks of one person, in pixels and metres, with scores.

Legend: L landmarks (553), J joints (55).
"""

import math
from collections.abc import Sequence

import numpy as np

from ..footage import Frame
from . import topology
from .base import Float32, Landmarks, PersonPose, TakeBody
from .following import Follower, Verdict
from .holistic import (
    Detection,
    HolisticGraph,
    HolisticResult,
    Image,
    PersonDetector,
    weights_sha256,
)

EYE_CORNERS_M = 0.09
"""Distance between an adult's outer eye corners, which gives the face its size in metres."""

FULL_SIZE_HAND_PX = 24.0
"""A hand this large or larger has enough pixels; a smaller one loses score in proportion."""

WRONG_SIDE = 0.2
"""What is left of a hand's score where it looks like a hand of the other side for certain."""

VISIBLE = 0.3
"""From this score on a landmark counts as seen, for the box around the person."""

_LEFT_WRIST, _RIGHT_WRIST = 15, 16
_SHOULDER_MIN_M = 0.25
_HEAD_MIN_M = 0.115
_FOREARM_MIN_M = 0.13
_TORSO_MIN_M = 0.40
_BELIEF_GAIN = 0.1
_BELIEF_MIN = 0.6
_SEED_RADII = 1.25
_MIN_BOX_POINTS = 3


class LandmarkEstimator:
    """Estimator over MediaPipe Holistic: follows one person, gives landmarks and no rotations."""

    name = "landmarks"
    landmark_names = topology.LANDMARK_NAMES
    licence_note = (
        "Landmark models: MediaPipe 0.10.21 by Google, Apache-2.0; "
        "results may be used commercially."
    )
    batch_size = 1
    body: TakeBody | None = None
    warnings: tuple[tuple[str, str], ...] = ()

    def __init__(self) -> None:
        self.weights_sha256 = weights_sha256()
        self._detector = PersonDetector()
        self._graph = HolisticGraph()
        self._follower = Follower()
        self._graph_is_fresh = True
        self._belief = 1.0

    def estimate_all(self, frames: Sequence[Frame]) -> list[PersonPose | None]:
        """Return the person in each frame, None where there is nobody."""
        return [self.estimate(frame) for frame in frames]

    def estimate(self, frame: Frame) -> PersonPose | None:
        """Return the person in the frame, or None where there is nobody."""
        image = np.ascontiguousarray(frame.image)
        wants = self._follower.wants_detections
        seed = self._choose(image, frame.time_s) if wants else image
        result = None if seed is None else self._graph.process(seed, frame.time_s)
        self._graph_is_fresh = seed is None and self._graph_is_fresh
        if result is None:
            self._follower.forget()
            return None
        height, width = image.shape[:2]
        body_px = result.body[:, :2] * np.array([width, height], dtype=np.float32)
        self._follower.see(body_px, frame.time_s)
        human = _is_human(result)
        self._belief += _BELIEF_GAIN * (human - self._belief)
        if not human or self._belief < _BELIEF_MIN:
            return None
        return _pose_from_result(result, width, height)

    def reset(self) -> None:
        """Forget what came before, as after a cut."""
        self._follower.forget()
        self._restart_graph()
        self._belief = 1.0

    def close(self) -> None:
        """Release the models."""
        self._graph.close()
        self._detector.close()

    def _choose(self, image: Image, time_s: float) -> Image | None:
        """Return the image to look at: all of it, only the person to take up, or None."""
        detections = self._detector.detect(image)
        decision = self._follower.decide(detections, time_s)
        if decision.verdict is Verdict.KEEP:
            return image
        self._restart_graph()
        if decision.detection is None:
            self._follower.forget()
            return None
        self._follower.take(decision.detection, time_s)
        return image if len(detections) == 1 else _only(image, decision.detection)

    def _restart_graph(self) -> None:
        if not self._graph_is_fresh:
            self._graph.restart()
            self._graph_is_fresh = True


def _only(image: Image, detection: Detection) -> Image:
    """Return a copy of the image (H,W,3) with everything away from the detected person grey."""
    height, width = image.shape[:2]
    reach = _SEED_RADII * detection.radius
    left, right = np.clip([detection.x - reach, detection.x + reach], 0, width).astype(int)
    top, bottom = np.clip([detection.y - reach, detection.y + reach], 0, height).astype(int)
    seed = np.full_like(image, 128)
    seed[top:bottom, left:right] = image[top:bottom, left:right]
    return seed


def _is_human(result: HolisticResult) -> bool:
    """Tell a body from a hand or a thing taken for one, by its size in the models' own metres.

    On every person filmed, seen whole or in part, shoulders were at least 0.27 m apart, ears
    0.12 m, forearms 0.14 m and trunks 0.42 m (5th percentiles); on a hand taken for a person the
    medians were 0.22, 0.11, 0.12 and 0.41 m. Two measures too small make it no person.
    """
    world = result.body_world[:, :3]
    middle_of_hips, middle_of_shoulders = world[23:25].mean(axis=0), world[11:13].mean(axis=0)
    shoulders = _apart(world[11], world[12])
    ears = _apart(world[7], world[8])
    forearms = (_apart(world[13], world[15]) + _apart(world[14], world[16])) / 2
    trunk = _apart(middle_of_shoulders, middle_of_hips)
    small = (
        shoulders < _SHOULDER_MIN_M,
        ears < _HEAD_MIN_M,
        forearms < _FOREARM_MIN_M,
        trunk < _TORSO_MIN_M,
    )
    return sum(small) < 2


def _pose_from_result(result: HolisticResult, width: int, height: int) -> PersonPose:
    landmarks = _landmarks_from_result(result, width, height)
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
    )


def _landmarks_from_result(result: HolisticResult, width: int, height: int) -> Landmarks:
    count = len(topology.LANDMARK_NAMES)
    to_px = np.array([width, height, width], dtype=np.float32)
    points2d = np.zeros((count, 2), dtype=np.float32)
    points3d = np.zeros((count, 3), dtype=np.float32)
    scores = np.zeros(count, dtype=np.float32)

    points2d[topology.BODY] = result.body[:, :2] * to_px[:2]
    points3d[topology.BODY] = result.body_world[:, :3]
    scores[topology.BODY] = result.body_score * result.body[:, 3] * result.body[:, 4]
    _place_hands(result, to_px, (points2d, points3d, scores))
    if result.face is not None:
        face_px = result.face[:, :3] * to_px
        points2d[topology.FACE] = face_px[:, :2]
        points3d[topology.FACE] = _metric_face(face_px)
        scores[topology.FACE] = result.face_score * _face_agreement(face_px, points2d[0])
    scores *= _nearness_to_image(points2d, width, height)
    lost = scores <= 0
    points2d[lost] = 0
    points3d[lost] = 0
    return Landmarks(points2d=points2d, points3d=points3d, scores=scores)


def _place_hands(
    result: HolisticResult, to_px: Float32, into: tuple[Float32, Float32, Float32]
) -> None:
    """Write both hands into points2d, points3d and scores; the body must stand there already."""
    points2d, points3d, scores = into
    left, right = topology.LEFT_HAND, topology.RIGHT_HAND
    sure_left = result.left_hand_score * max(result.left_hand_side, WRONG_SIDE)
    sure_right = result.right_hand_score * max(result.right_hand_side, WRONG_SIDE)
    for part, wrist, hand, world, sure in (
        (left, _LEFT_WRIST, result.left_hand, result.left_hand_world, sure_left),
        (right, _RIGHT_WRIST, result.right_hand, result.right_hand_world, sure_right),
    ):
        if hand is not None and world is not None:
            points2d[part] = hand[:, :2] * to_px[:2]
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
