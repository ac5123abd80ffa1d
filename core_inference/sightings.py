"""One person's way through a shot as it grows, and how well a pose would continue it.

Legend: T frames of one person, J joints (55).
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.skeleton import JOINT
from .estimators.base import Float32, PersonPose, State
from .footage import Frame

Float64 = NDArray[np.float64]
Box = tuple[float, float, float, float]

SEEN = 0.3
"""From this score on a joint counts as seen."""

_REACH_SIZES = 0.4
_REACH_SIZES_PER_S = 4.0
_REACH_LIMIT = 1.5
_PREDICT_S = 0.5
_OVERLAP = 0.7
_OVERLAP_S = 0.25
_BEST_JOINTS = 3
_MIN_COMMON = 3
_STEADY = 0.05
_APPEARANCE_GAIN = 0.1
_BODY_JOINTS = slice(JOINT["pelvis"], JOINT["right_eye_smplhf"] + 1)


@dataclass
class Sighting:
    """Where one person was seen so far; the velocity is of the box's middle, px/s."""

    person_id: int
    shot: int
    followed: int = -1
    ended: bool = False
    frame_index: list[int] = field(default_factory=list[int])
    time_s: list[float] = field(default_factory=list[float])
    boxes: list[Box] = field(default_factory=list[Box])
    scores: list[float] = field(default_factory=list[float])
    body_scores: list[float] = field(default_factory=list[float])
    velocity_2: Float64 = field(default_factory=lambda: np.zeros(2))
    joints2d: Float32 = field(default_factory=lambda: np.zeros((0, 2), dtype=np.float32))
    joint_scores: Float32 = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    appearance: Float64 | None = None

    def add(self, frame: Frame, pose: PersonPose) -> None:
        """Note the person's next frame."""
        if self.boxes:
            gap_s = max(frame.time_s - self.time_s[-1], 1e-3)
            now_2 = (middle(pose.box) - middle(self.boxes[-1])) / gap_s
            self.velocity_2 = 0.5 * self.velocity_2 + 0.5 * now_2
        self.frame_index.append(frame.index)
        self.time_s.append(frame.time_s)
        self.boxes.append(pose.box)
        self.scores.append(seen(pose))
        self.body_scores.append(float(pose.scores[_BODY_JOINTS].mean()))
        self.joints2d, self.joint_scores = pose.joints2d, pose.scores
        self.followed = pose.followed
        if pose.appearance is not None:
            now_A = pose.appearance.astype(np.float64)
            old_A = now_A if self.appearance is None else self.appearance
            self.appearance = old_A + _APPEARANCE_GAIN * (now_A - old_A)

    def expected_move(self, time_s: float) -> Float64:
        """Return (2,) px how far its last speed should have carried the person by now."""
        return self.velocity_2 * min(max(time_s - self.time_s[-1], 0.0), _PREDICT_S)

    def distance(self, box: Box, time_s: float) -> float:
        """Return how far off a box is: 0 where expected, above 1 out of this person's reach."""
        gap_s = max(time_s - self.time_s[-1], 0.0)
        expected_2 = middle(self.boxes[-1]) + self.expected_move(time_s)
        size_px = max(size(self.boxes[-1]), size(box), 1.0)
        apart = float(np.linalg.norm(middle(box) - expected_2)) / size_px / reach(gap_s)
        if gap_s <= _OVERLAP_S and shared(box, self.boxes[-1]) >= _OVERLAP:
            return min(apart, 1.0)
        return apart

    def joint_distance(self, pose: PersonPose, time_s: float) -> float | None:
        """Return the median way of the joints seen in both, as `distance`; None with too few."""
        common_J = (self.joint_scores >= SEEN) & (pose.scores >= SEEN)
        common_J[_BODY_JOINTS.stop :] = False
        if common_J.sum() < _MIN_COMMON:
            return None
        moved_J2 = pose.joints2d[common_J] - self.joints2d[common_J] - self.expected_move(time_s)
        size_px = max(size(self.boxes[-1]), size(pose.box), 1.0)
        way_px = float(np.median(np.linalg.norm(moved_J2, axis=1)))
        return way_px / size_px / reach(max(time_s - self.time_s[-1], 0.0))

    def state(self) -> State:
        """Return everything as JSON keeps it; the long columns as base64 of their bytes."""
        columns = {
            "frame_index": np.array(self.frame_index, dtype="<i8"),
            "time_s": np.array(self.time_s, dtype="<f8"),
            "boxes": np.array(self.boxes, dtype="<f8"),
            "scores": np.array(self.scores, dtype="<f8"),
            "body_scores": np.array(self.body_scores, dtype="<f8"),
            "joints2d": self.joints2d.astype("<f4"),
            "joint_scores": self.joint_scores.astype("<f4"),
        }
        return {
            "person_id": self.person_id,
            "shot": self.shot,
            "followed": self.followed,
            "ended": self.ended,
            "velocity_2": self.velocity_2.tolist(),
            "appearance": None if self.appearance is None else self.appearance.tolist(),
            **{name: b64encode(values.tobytes()).decode() for name, values in columns.items()},
        }

    @classmethod
    def from_state(cls, state: State) -> "Sighting":
        """Return what gave this state."""

        def column(name: str, dtype: str) -> NDArray[Any]:
            return np.frombuffer(b64decode(state[name]), dtype=dtype)

        boxes: list[Box] = [tuple(row) for row in column("boxes", "<f8").reshape(-1, 4).tolist()]
        return cls(
            person_id=state["person_id"],
            shot=state["shot"],
            followed=state["followed"],
            ended=state["ended"],
            frame_index=column("frame_index", "<i8").tolist(),
            time_s=column("time_s", "<f8").tolist(),
            boxes=boxes,
            scores=column("scores", "<f8").tolist(),
            body_scores=column("body_scores", "<f8").tolist(),
            velocity_2=np.array(state["velocity_2"]),
            joints2d=column("joints2d", "<f4").reshape(-1, 2).astype(np.float32),
            joint_scores=column("joint_scores", "<f4").astype(np.float32),
            appearance=None if state["appearance"] is None else np.array(state["appearance"]),
        )


def reach(gap_s: float) -> float:
    """Return how many sizes off a person may be after so long out of sight."""
    return min(_REACH_SIZES + _REACH_SIZES_PER_S * gap_s, _REACH_LIMIT)


def middle(box: Box) -> Float64:
    """Return the box's middle (2,) px."""
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])


def size(box: Box) -> float:
    """Return the side px of the square with the box's diagonal."""
    return float(np.hypot(box[2], box[3]) / np.sqrt(2.0))


def shared(one: Box, other: Box) -> float:
    """Return how much of the smaller box lies in the larger, 0..1: limbs come into view."""
    smaller = max(min(one[2] * one[3], other[2] * other[3]), 1.0)
    return _common(one, other) / smaller


def overlap(one: Box, other: Box) -> float:
    """Return the boxes' intersection over union, 0..1."""
    common = _common(one, other)
    return common / max(one[2] * one[3] + other[2] * other[3] - common, 1.0)


def overlaps(one_T4: Float32, other_T4: Float32) -> Float32:
    """Return `overlap` (T,) of boxes (T,4) frame by frame."""
    low_T2 = np.maximum(one_T4[:, :2], other_T4[:, :2])
    high_T2 = np.minimum(one_T4[:, :2] + one_T4[:, 2:], other_T4[:, :2] + other_T4[:, 2:])
    common_T = np.prod(np.maximum(high_T2 - low_T2, 0), axis=1)
    both_T = np.prod(one_T4[:, 2:], axis=1) + np.prod(other_T4[:, 2:], axis=1) - common_T
    return common_T / np.maximum(both_T, 1.0)


def _common(one: Box, other: Box) -> float:
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def shown(boxes_T4: Float32, body_scores_T: Float32, image_size: tuple[int, int]) -> float:
    """Return how much of somebody is seen well, summed over the frames.

    It is the area px^2 of the box in an image of width, height px, times score and steadiness.
    Where the models cannot read a figure its limbs, and so its box, jump from frame to frame.
    """
    limit_2 = np.array(image_size, dtype=np.float32)
    low_T2 = np.clip(boxes_T4[:, :2], 0, limit_2)
    high_T2 = np.clip(boxes_T4[:, :2] + boxes_T4[:, 2:], 0, limit_2)
    area_T = np.prod(high_T2 - low_T2, axis=1, dtype=np.float64)
    return float((area_T * body_scores_T * _steadiness(boxes_T4)).sum())


def _steadiness(boxes_T4: Float32) -> Float64:
    """Return (T,) 1 where the box goes its way evenly, a half where it swerves by 5 %."""
    swerve_T = np.zeros(len(boxes_T4))
    if len(boxes_T4) > 2:
        size_T = np.maximum(np.hypot(boxes_T4[1:-1, 2], boxes_T4[1:-1, 3]), 1.0)
        swerve_T[1:-1] = np.linalg.norm(np.diff(boxes_T4, n=2, axis=0), axis=1) / size_T
    return 1.0 / (1.0 + swerve_T / _STEADY)


def seen(pose: PersonPose) -> float:
    """Return the mean score of the three body joints seen best: a face alone is a person."""
    return float(np.sort(pose.scores[_BODY_JOINTS])[-_BEST_JOINTS:].mean())
