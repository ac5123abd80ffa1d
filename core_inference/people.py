"""People over time: which of the poses, frame by frame, are the same person, and whom to keep.

While the footage streams past, `PersonTracker` makes tracklets, which end rather than risk a
switch; `link` then joins those of one person, knowing the whole shot; `choose` says who is wanted.

Legend: T frames of one person, A cells of an appearance, N tracklets of a shot.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from .estimators.base import PersonPose, State
from .estimators.clothes import unlikeness
from .footage import Frame
from .sightings import Box, Float32, Sighting, middle, overlap, overlaps, reach, shown, size

Float64 = NDArray[np.float64]

SHORTEST_S = 0.5
"""A person never seen this long without a break is dropped; in a shorter shot, half of it."""

STATUE_SCORE = 0.5
STATUE_MOTION = 0.01
STATUE_S = 1.0
"""Below this score, a box that stirs less than 1 % of its size for a second is no person."""

LOST_S = 0.5
"""A tracklet ends when its person is out of sight this long."""

CROWDED = 0.3
"""Boxes with this intersection over union may hide one person behind the other."""

_OTHER_REGION = 0.3
_CROWD_UNLIKE = 0.5
_CROWD_STEP = 0.3
_AMBIGUOUS = 0.1
_OUT_OF_REACH = 1e3
_SPEED_S = 0.3
_LINK_MAX = 2.0
_SAME_REGION = 0.5
_LINK_UNLIKE = 0.35
_SAME = 0.6


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One person in one frame; person_id is the number of a tracklet."""

    frame_index: int
    time_s: float
    person_id: int
    pose: PersonPose


@dataclass(frozen=True, kw_only=True)
class PersonTrack:
    """One person's way through one shot.

    frame_index (T,) int64 source frames, rising; time_s (T,) float64; boxes (T,4) x, y, width,
    height px; scores (T,) 0..1, of the three body joints seen best; body_scores (T,) 0..1, the mean
    of all body joints. shot counts the
    footage's shots from 0, person_id the people from 0; shot_s is how long the shot lasts.
    parts: the tracklets whose observations together are this person, in order of time.
    appearance (A,) as in PersonPose, or None; followed: the last pose's, see PersonPose.
    """

    person_id: int
    shot: int
    shot_s: float
    frame_index: NDArray[np.int64]
    time_s: NDArray[np.float64]
    boxes: Float32
    scores: Float32
    body_scores: Float32
    parts: tuple[int, ...]
    appearance: Float32 | None = None
    followed: int = -1

    def __post_init__(self) -> None:
        count = len(self.frame_index)
        shapes = (self.boxes.shape, self.scores.shape, self.body_scores.shape)
        if shapes != ((count, 4), (count,), (count,)) or count == 0:
            raise ValueError(
                f"expected boxes ({count},4), scores and body_scores ({count},) of at least one "
                f"frame, got {shapes}"
            )


@dataclass
class PersonTracker:
    """Gives the poses of a clip their tracklets, frame by frame and in order."""

    _people: list[Sighting] = field(default_factory=list[Sighting])
    _shot: int = 0
    _next_id: int = 0
    _shot_s: dict[int, tuple[float, float]] = field(default_factory=dict[int, tuple[float, float]])

    def observe(self, frame: Frame, poses: list[PersonPose], is_cut: bool) -> list[Observation]:
        """Say whose poses these are, in their order; tracklets count from 0 and never cross a cut.

        Poses go to the tracklets of this shot by the least sum of distances: from where the last
        speed carries each, within a reach that grows with the time since it was seen. A pose out
        of everybody's reach begins a new tracklet, and so does one that among people close
        together moves or looks unlike the tracklet's person.
        """
        if is_cut and self._shot_s:
            self._shot += 1
        begin_s, _ = self._shot_s.get(self._shot, (frame.time_s, frame.time_s))
        self._shot_s[self._shot] = (begin_s, frame.time_s)
        here = [p for p in self._people if _goes_on(p, self._shot, frame.time_s)]
        owners = _assign(here, poses, frame.time_s)
        found: list[Observation] = []
        for pose, owner in zip(poses, owners, strict=True):
            person = self._begin() if owner is None else owner
            person.add(frame, pose)
            found.append(
                Observation(
                    frame_index=frame.index,
                    time_s=frame.time_s,
                    person_id=person.person_id,
                    pose=pose,
                )
            )
        return found

    def tracks(self) -> tuple[PersonTrack, ...]:
        """Return every tracklet not forgotten, in order of appearance."""
        return tuple(self._track(person) for person in self._people)

    def forget_shot(self) -> None:
        """Forget the tracklets so far, as where a shot is done; their numbers are not used again.

        The frame observed next has to be a cut, or none of them goes on.
        """
        self._people = []
        self._shot_s = {self._shot: self._shot_s[self._shot]} if self._shot_s else {}

    def state(self) -> State:
        """Return everything that `restore` needs to go on alike, as JSON keeps it."""
        return {
            "people": [person.state() for person in self._people],
            "shot": self._shot,
            "next_id": self._next_id,
            "shot_s": [[shot, *seconds] for shot, seconds in self._shot_s.items()],
        }

    def restore(self, state: State) -> None:
        """Go on as the tracker that gave this state."""
        self._people = [Sighting.from_state(person) for person in state["people"]]
        self._shot = state["shot"]
        self._next_id = state["next_id"]
        self._shot_s = {shot: (begin, end) for shot, begin, end in state["shot_s"]}

    def _begin(self) -> Sighting:
        person = Sighting(person_id=self._next_id, shot=self._shot)
        self._next_id += 1
        self._people.append(person)
        return person

    def _track(self, person: Sighting) -> PersonTrack:
        begin_s, end_s = self._shot_s[person.shot]
        looks = person.appearance
        return PersonTrack(
            person_id=person.person_id,
            shot=person.shot,
            shot_s=end_s - begin_s,
            frame_index=np.array(person.frame_index, dtype=np.int64),
            time_s=np.array(person.time_s, dtype=np.float64),
            boxes=np.array(person.boxes, dtype=np.float32),
            scores=np.array(person.scores, dtype=np.float32),
            body_scores=np.array(person.body_scores, dtype=np.float32),
            parts=(person.person_id,),
            appearance=None if looks is None else looks.astype(np.float32),
            followed=person.followed,
        )


def link(tracks: tuple[PersonTrack, ...]) -> tuple[PersonTrack, ...]:
    """Join the tracklets of each shot that are one person's, over crossings and absences.

    Each tracklet gets at most one successor, which begins after its end, so that nobody is
    twice in a frame; together they cost least by predicted motion, size and appearance. People
    come in order of appearance, under the number of their first tracklet.
    """
    linked: list[PersonTrack] = []
    for shot in sorted({track.shot for track in tracks}):
        here = [track for track in tracks if track.shot == shot]
        cost_NN = np.full((len(here), len(here)), _OUT_OF_REACH)
        first_N = np.array([track.frame_index[0] for track in here])
        last_N = np.array([track.frame_index[-1] for track in here])
        for n, m in np.argwhere(last_N[:, None] < first_N[None, :]).tolist():
            cost_NN[n, m] = _link_cost(here[n], here[m])
        successor = _matches(cost_NN, _LINK_MAX)
        starts = sorted(set(range(len(here))) - set(successor.values()))
        for start in starts:
            chain = [start]
            while chain[-1] in successor:
                chain.append(successor[chain[-1]])
            linked.append(_joined([here[index] for index in chain]))
    return tuple(linked)


def choose(tracks: tuple[PersonTrack, ...], image_size: tuple[int, int]) -> tuple[PersonTrack, ...]:
    """Keep real people, each once, shot by shot, the largest first, numbered in this order.

    image_size is width, height px: boxes count within it. The largest is of whom most is seen
    well: the area of the box times the mean score of the body's joints, less where the box
    swerves, summed over the frames. Dropped are statues, second tracks of somebody, and people
    never seen for half a second without a break (in a shot shorter than a second: for half the
    shot; the person of a single image stays). A shot with nobody left gives nobody.
    """
    real = [track for track in tracks if _lasts(track) and not _is_statue(track)]
    ranked = sorted(
        real, key=lambda track: (track.shot, -shown(track.boxes, track.body_scores, image_size))
    )
    people: list[PersonTrack] = []
    for track in ranked:
        if not any(_is_same(track, other) for other in people):
            people.append(track)
    return tuple(replace(track, person_id=number) for number, track in enumerate(people))


def _goes_on(person: Sighting, shot: int, time_s: float) -> bool:
    return person.shot == shot and not person.ended and time_s - person.time_s[-1] <= LOST_S


def _assign(
    people: list[Sighting], poses: list[PersonPose], time_s: float
) -> list[Sighting | None]:
    """Return whose each pose is, None for somebody new.

    Among people close together, a pose that two of them could be ends both their tracklets.
    """
    if not people or not poses:
        return [None] * len(poses)
    steps_NM = np.array([[_step(person, pose, time_s) for pose in poses] for person in people])
    crowded_N = np.array(_crowded([person.boxes[-1] for person in people]))
    crowded_M = np.array(_crowded([pose.box for pose in poses]))
    crowded_NM = crowded_N[:, None] | crowded_M[None, :]
    cost_NM = np.array(
        [
            [_cost(person, pose, steps_NM[n, m], crowded_NM[n, m]) for m, pose in enumerate(poses)]
            for n, person in enumerate(people)
        ]
    )
    owners: list[Sighting | None] = [None] * len(poses)
    for n, m in _matches(cost_NM, _OUT_OF_REACH).items():
        rivals = np.flatnonzero(crowded_NM[:, m] & (steps_NM[:, m] < steps_NM[n, m] + _AMBIGUOUS))
        if len(rivals) > 1:
            for rival in rivals.tolist():
                people[rival].ended = True
        else:
            owners[m] = people[n]
    return owners


def _step(person: Sighting, pose: PersonPose, time_s: float) -> float:
    """Return how far the pose is from where the person should be, in reaches; 1 is the limit."""
    distance = person.distance(pose.box, time_s)
    joints = person.joint_distance(pose, time_s)
    return distance if joints is None or distance > 1.0 else min(joints, 1.0)


def _cost(person: Sighting, pose: PersonPose, step: float, crowded: bool) -> float:
    unlike = unlikeness(person.appearance, pose.appearance) or 0.0
    same_region = pose.followed == person.followed
    strange = not same_region or step > _CROWD_STEP or unlike > _CROWD_UNLIKE
    if step > 1.0 or (crowded and strange):
        return _OUT_OF_REACH
    return step + unlike + (0.0 if same_region else _OTHER_REGION)


def _crowded(boxes: list[Box]) -> list[bool]:
    """Say of each box whether another one overlaps it much."""
    return [
        any(n != m and overlap(one, other) >= CROWDED for m, other in enumerate(boxes))
        for n, one in enumerate(boxes)
    ]


def _matches(cost_NM: NDArray[np.float64], limit: float) -> dict[int, int]:
    """Return row to column of the cheapest assignment, pairs at or above the limit left out."""
    solve: Callable[..., Any] = linear_sum_assignment
    rows, columns = solve(np.minimum(cost_NM, limit))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {n: m for n, m in pairs if cost_NM[n, m] < limit}


def _link_cost(one: PersonTrack, other: PersonTrack) -> float:
    """Return how unlikely it is that `other` goes on where `one` ends, which is earlier."""
    gap_s = float(other.time_s[0] - one.time_s[-1])
    end, start = _box_of(one.boxes[-1]), _box_of(other.boxes[0])
    size_px = max(size(end), size(start), 1.0)
    ahead_s = min(gap_s, LOST_S)
    ahead_2 = middle(end) + _velocity(one, -1) * ahead_s - middle(start)
    back_2 = middle(start) - _velocity(other, 0) * ahead_s - middle(end)
    apart = float(np.linalg.norm(ahead_2) + np.linalg.norm(back_2)) / 2
    grown = abs(math.log(max(size(start), 1.0) / max(size(end), 1.0)))
    unlike = unlikeness(one.appearance, other.appearance)
    cost = apart / size_px / reach(gap_s) + 0.5 * grown
    if unlike is not None:
        same_region = one.followed == other.followed
        cost += (unlike / _LINK_UNLIKE) ** 2 - 0.25 - (_SAME_REGION if same_region else 0.0)
    return cost


def _velocity(track: PersonTrack, end: int) -> Float64:
    """Return the speed (2,) px/s of the box's middle at the track's start (0) or end (-1)."""
    near_T = np.abs(track.time_s - track.time_s[end]) <= _SPEED_S
    time_T = track.time_s[near_T]
    if len(time_T) < 3:
        return np.zeros(2)
    boxes_T4 = track.boxes[near_T].astype(np.float64)
    middle_T2 = boxes_T4[:, :2] + boxes_T4[:, 2:] / 2
    since_T = time_T - time_T.mean()
    return (since_T @ (middle_T2 - middle_T2.mean(axis=0))) / max(float(since_T @ since_T), 1e-9)


def _box_of(row_4: Float32) -> Box:
    x, y, width, height = row_4.tolist()
    return (x, y, width, height)


def _joined(chain: list[PersonTrack]) -> PersonTrack:
    looks = [(t.appearance, len(t.scores)) for t in chain if t.appearance is not None]
    return replace(
        chain[0],
        frame_index=np.concatenate([track.frame_index for track in chain]),
        time_s=np.concatenate([track.time_s for track in chain]),
        boxes=np.concatenate([track.boxes for track in chain]),
        scores=np.concatenate([track.scores for track in chain]),
        body_scores=np.concatenate([track.body_scores for track in chain]),
        parts=tuple(part for track in chain for part in track.parts),
        appearance=_mean_appearance(looks) if looks else None,
        followed=chain[-1].followed,
    )


def _mean_appearance(looks: list[tuple[Float32, int]]) -> Float32:
    weights = [count for _, count in looks]
    return np.average([cells for cells, _ in looks], axis=0, weights=weights).astype(np.float32)


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


def _is_same(track: PersonTrack, other: PersonTrack) -> bool:
    """Say whether the track lies on the other one in most of its frames."""
    if track.shot != other.shot:
        return False
    _, mine, theirs = np.intersect1d(
        track.frame_index, other.frame_index, assume_unique=True, return_indices=True
    )
    if len(mine) <= len(track.frame_index) / 2:
        return False
    together = overlaps(track.boxes[mine], other.boxes[theirs]) >= _SAME
    return bool(together.sum() > len(track.frame_index) / 2)
