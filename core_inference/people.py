"""People over time: which of the poses, frame by frame, are the same person, and whom to keep.

Legend: T frames of one person.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..rigs.skeleton import JOINT
from .estimators.base import PersonPose
from .footage import Frame

Float32 = NDArray[np.float32]
Box = tuple[float, float, float, float]

SHORTEST_S = 0.5
"""A person never seen this long without a break is dropped; in a shorter shot, half of it."""

STATUE_SCORE = 0.5
STATUE_MOTION = 0.01
STATUE_S = 1.0
"""Below this score, a box that stirs less than 1 % of its size for a second is no person."""

_REACH_SIZES = 0.4
_REACH_SIZES_PER_S = 4.0
_REACH_LIMIT = 1.5
_PREDICT_S = 0.5
_OVERLAP = 0.7
_OVERLAP_S = 0.25
_BEST_JOINTS = 3
_BODY_JOINTS = slice(JOINT["pelvis"], JOINT["right_eye_smplhf"] + 1)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One person in one frame."""

    frame_index: int
    time_s: float
    person_id: int
    pose: PersonPose


@dataclass(frozen=True, kw_only=True)
class PersonTrack:
    """One person's way through one shot.

    frame_index (T,) int64 source frames, rising; time_s (T,) float64; boxes (T,4) x, y, width,
    height px; scores (T,) 0..1, of the three body joints seen best. shot counts the
    footage's shots from 0, person_id the people from 0; shot_s is how long the shot lasts.
    """

    person_id: int
    shot: int
    shot_s: float
    frame_index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    boxes: Float32
    scores: Float32

    def __post_init__(self) -> None:
        count = len(self.frame_index)
        if self.boxes.shape != (count, 4) or self.scores.shape != (count,) or count == 0:
            raise ValueError(
                f"expected boxes ({count},4) and scores ({count},) of at least one frame, "
                f"got {self.boxes.shape} and {self.scores.shape}"
            )


@dataclass
class _Sighting:
    """Where one person was seen so far; the velocity is of the box's middle, px/s."""

    person_id: int
    shot: int
    frame_index: list[int] = field(default_factory=list[int])
    time_s: list[float] = field(default_factory=list[float])
    boxes: list[Box] = field(default_factory=list[Box])
    scores: list[float] = field(default_factory=list[float])
    velocity_2: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def add(self, frame: Frame, box: Box, score: float) -> None:
        if self.boxes:
            gap_s = max(frame.time_s - self.time_s[-1], 1e-3)
            now_2 = (_middle(box) - _middle(self.boxes[-1])) / gap_s
            self.velocity_2 = 0.5 * self.velocity_2 + 0.5 * now_2
        self.frame_index.append(frame.index)
        self.time_s.append(frame.time_s)
        self.boxes.append(box)
        self.scores.append(score)

    def distance(self, box: Box, time_s: float) -> float:
        """Return how far off a box is: 0 where expected, above 1 out of this person's reach."""
        gap_s = max(time_s - self.time_s[-1], 0.0)
        expected_2 = _middle(self.boxes[-1]) + self.velocity_2 * min(gap_s, _PREDICT_S)
        apart_px = np.linalg.norm(_middle(box) - expected_2)
        size_px = max(_size(self.boxes[-1]), _size(box), 1.0)
        reach = min(_REACH_SIZES + _REACH_SIZES_PER_S * gap_s, _REACH_LIMIT)
        distance = float(apart_px / size_px / reach)
        if gap_s <= _OVERLAP_S and _shared(box, self.boxes[-1]) >= _OVERLAP:
            return min(distance, 1.0)
        return distance


class PersonTracker:
    """Gives the poses of a clip their person ids, frame by frame and in order."""

    def __init__(self) -> None:
        self._people: list[_Sighting] = []
        self._shot = 0
        self._shot_start_s: list[float] = []
        self._shot_end_s: list[float] = []

    def observe(self, frame: Frame, pose: PersonPose | None, is_cut: bool) -> Observation | None:
        """Say whose pose this is; ids count from 0 and never cross a cut.

        A pose belongs to the person of this shot whom it is nearest to, measured from where their
        last speed carries them and within a reach that grows with the time since they were seen;
        out of everybody's reach it is a new person.
        """
        if is_cut and self._shot_start_s:
            self._shot += 1
        if len(self._shot_start_s) == self._shot:
            self._shot_start_s.append(frame.time_s)
            self._shot_end_s.append(frame.time_s)
        self._shot_end_s[self._shot] = frame.time_s
        if pose is None:
            return None
        here = [person for person in self._people if person.shot == self._shot]
        distances = [person.distance(pose.box, frame.time_s) for person in here]
        if distances and min(distances) <= 1.0:
            person = here[int(np.argmin(distances))]
        else:
            person = _Sighting(person_id=len(self._people), shot=self._shot)
            self._people.append(person)
        person.add(frame, pose.box, _seen(pose))
        return Observation(
            frame_index=frame.index, time_s=frame.time_s, person_id=person.person_id, pose=pose
        )

    def tracks(self) -> tuple[PersonTrack, ...]:
        """Return everybody seen so far, in order of appearance."""
        return tuple(
            PersonTrack(
                person_id=person.person_id,
                shot=person.shot,
                shot_s=self._shot_end_s[person.shot] - self._shot_start_s[person.shot],
                frame_index=np.array(person.frame_index, dtype=np.int64),
                time_s=np.array(person.time_s, dtype=np.float64),
                boxes=np.array(person.boxes, dtype=np.float32),
                scores=np.array(person.scores, dtype=np.float32),
            )
            for person in self._people
        )


def choose(tracks: tuple[PersonTrack, ...], image_size: tuple[int, int]) -> tuple[PersonTrack, ...]:
    """Keep the largest person of each shot: the one whose boxes cover most over all frames.

    image_size is width, height px: boxes count within it. Dropped are statues, and people never
    seen for half a second without a break (in a shot shorter than a second: for half the shot; the
    person of a single image stays). A shot with nobody left gives nobody.
    """
    people = [track for track in tracks if _lasts(track) and not _is_statue(track)]
    return tuple(
        max(
            (track for track in people if track.shot == shot),
            key=lambda track: _covered(track, image_size),
        )
        for shot in sorted({track.shot for track in people})
    )


def _middle(box: Box) -> NDArray[np.float64]:
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])


def _size(box: Box) -> float:
    return float(np.hypot(box[2], box[3]) / np.sqrt(2.0))


def _shared(one: Box, other: Box) -> float:
    """Return how much of the smaller box lies in the larger, 0..1: limbs come into view."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    smaller = max(min(one[2] * one[3], other[2] * other[3]), 1.0)
    return max(width, 0.0) * max(height, 0.0) / smaller


def _seen(pose: PersonPose) -> float:
    """Return the mean score of the three body joints seen best: a face alone is a person."""
    return float(np.sort(pose.scores[_BODY_JOINTS])[-_BEST_JOINTS:].mean())


def _lasts(track: PersonTrack) -> bool:
    breaks = np.flatnonzero(np.diff(track.frame_index) > 1)
    firsts = np.concatenate([[0], breaks + 1])
    lasts = np.concatenate([breaks, [len(track.time_s) - 1]])
    longest_s = float((track.time_s[lasts] - track.time_s[firsts]).max())
    return longest_s >= min(SHORTEST_S, track.shot_s / 2)


def _is_statue(track: PersonTrack) -> bool:
    size_px = max(float(np.median(np.hypot(track.boxes[:, 2], track.boxes[:, 3]))), 1.0)
    stirring = float(track.boxes.std(axis=0).max()) / size_px
    return (
        float(track.time_s[-1] - track.time_s[0]) >= STATUE_S
        and float(track.scores.mean()) < STATUE_SCORE
        and stirring < STATUE_MOTION
    )


def _covered(track: PersonTrack, image_size: tuple[int, int]) -> float:
    limit_2 = np.array(image_size, dtype=np.float32)
    low_T2 = np.clip(track.boxes[:, :2], 0, limit_2)
    high_T2 = np.clip(track.boxes[:, :2] + track.boxes[:, 2:], 0, limit_2)
    return float(np.prod(high_T2 - low_T2, axis=1, dtype=np.float64).sum())
