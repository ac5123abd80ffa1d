"""One person followed from frame to frame, and whether that is still a person.

The landmark models answer for whatever stood where they looked last, also once it has gone or was
never a person. The detector looks afresh, so its word decides:

- A person is taken up by a detection of 0.6 or better, and is let go of when no second one comes
  within 0.4 s. Until then only one of 0.7 or better is believed: hands alone reach 0.64. Near
  where somebody was just lost whose clothes look alike, any detection, 0.5 or better, is enough.
- A person whom the detector has not confirmed for one second, though it looked three times, is
  let go of when the limbs flail.
  Measured over one second, the 90th percentile of the limbs' second difference was 0.22 body
  radii on a figure against the light that the models could not read, at most 0.10 on every person
  filmed at 5 to 60 frames per second.

Legend: T frames remembered.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from .base import State
from .body_landmarks import Body
from .clothes import unlikeness
from .person_detector import BODY_MARGIN, Detection
from .questions import Followed
from .regions import Float32, Region

START_SCORE = 0.6
"""Of a detection that may begin a person, or confirm one who is not proven."""

SURE_SCORE = 0.7
"""Of a detection that is believed at once."""

TRUST_S = 1.0
MISSES = 3
PROVE_S = 0.4
BESIDE_S = 0.3
CHECK_EVERY = 16
DOUBT_EVERY = 3
PROVE_EVERY = 2
MATCH_RADII = 0.5
BEHIND_RADII = 0.35
"""A detection of these people is this close to their hips, in body radii; the second number is for
a detection in the image without them."""

FLAIL_RADII = 0.12
SAME_BODY = 0.3
SAME_HEAD = 0.08
"""Bodies or heads whose landmarks are this close, in body radii, are one."""

BELIEF_MIN = 0.6
ALIKE = 0.45
"""Two appearances less unlike than this may be one person's."""

_BELIEF_GAIN = 0.1
_LOOKS_GAIN = 0.1
_BACK_RADII = 1.5
_BACK_SIZE = 1.6
_MIN_HISTORY = 8
_SHOULDER_MIN_M = 0.25
_HEAD_MIN_M = 0.115
_FOREARM_MIN_M = 0.13
_TORSO_MIN_M = 0.40
_LIMBS = [13, 14, 15, 16, 25, 26, 27, 28]
_HIPS = [23, 24]
_HEAD, _TRUNK_AND_LIMBS = slice(0, 11), slice(11, 33)


@dataclass
class Follower:
    """A person and where to look for them next; times in s of the clip, frames since a check.

    plain_s: when the person was last seen, or found, without painting others over; missed: how
    often the detector looked since it last saw them; searched: the hips px in the last frame that
    was searched, which is the one of a state.
    """

    number: int
    where: Followed
    since_s: float
    confirmed_s: float
    plain_s: float
    sure: bool = False
    proven: bool = False
    belief: float = 1.0
    unchecked: int = 0
    missed: int = 0
    searched: tuple[float, float] | None = None
    appearance: Float32 | None = None
    history: deque[tuple[float, Float32]] = field(default_factory=deque[tuple[float, Float32]])

    @property
    def radius(self) -> float:
        """How far the body reaches from the middle of the hips, px."""
        return self.where.body.size / (2 * BODY_MARGIN)

    def is_due(self, time_s: float) -> bool:
        """Tell whether the detector should look at this person again."""
        if not self.stands_alone:
            return self.unchecked >= PROVE_EVERY
        doubted = time_s - self.confirmed_s >= TRUST_S
        return self.unchecked >= (DOUBT_EVERY if doubted else CHECK_EVERY)

    @property
    def stands_alone(self) -> bool:
        """Tell whether this is surely a person, seen without painting others over."""
        return self.proven and self.plain_s >= self.history[-1][0]

    @property
    def is_believed(self) -> bool:
        """Tell whether this is taken for a person so far."""
        return self.is_certain or ((self.sure or self.proven) and self.belief >= BELIEF_MIN)

    @property
    def is_certain(self) -> bool:
        """Tell whether two detections, one of them sure, say so: then the size says nothing."""
        return self.sure and self.proven

    def see(self, body: Body, human: bool, time_s: float) -> None:
        """Note what the body's model says in this frame."""
        self.where = replace(self.where, body=body.next)
        self.belief += _BELIEF_GAIN * (human - self.belief)
        self.history.append((time_s, body.points[:, :2]))
        while len(self.history) > _MIN_HISTORY and time_s - self.history[0][0] > TRUST_S:
            self.history.popleft()
        self.unchecked += 1

    def unsee(self, where: Region) -> None:
        """Take back the last `see`, which was of another person's body."""
        self.where = replace(self.where, body=where)
        self.history.pop()

    def see_parts(self, parts: Followed) -> None:
        """Note where hands and face are to be looked for next."""
        self.where = replace(parts, body=self.where.body)

    def explains(self, detection: Detection, radii: float = MATCH_RADII) -> bool:
        """Tell whether a detection may be this person, going by the hips."""
        return self.off(detection) <= radii

    def off(self, detection: Detection) -> float:
        """Return how far a detection is from the hips, in radii of the smaller one's body.

        The hips are those of the frame that was searched, if one was.
        """
        hips_2 = self._hips() if self.searched is None else self.searched
        off_px = math.hypot(detection.x - hips_2[0], detection.y - hips_2[1])
        return off_px / max(min(detection.radius, self.radius), 1.0)

    def confirm(self, score: float, time_s: float) -> None:
        """Note that the detector sees this person too."""
        if self.proven or score >= START_SCORE:
            self.plain_s = time_s
            self.sure = self.sure or score >= SURE_SCORE
            self.proven = self.proven or time_s > self.since_s
            self.confirmed_s = time_s
            self.missed = 0

    def search_here(self) -> None:
        """Note where the hips are in the frame that is searched now."""
        self.searched = self._hips()

    def check(self) -> None:
        """Note that the detector looks at this person now; `confirm` follows if it sees them."""
        self.unchecked = 0
        self.missed += 1

    def look_like(self, appearance: Float32 | None) -> None:
        """Note how the person looks in this frame, as in `clothes.appearance`."""
        if appearance is not None:
            before = appearance if self.appearance is None else self.appearance
            self.appearance = before + np.float32(_LOOKS_GAIN) * (appearance - before)

    def may_be(self, other: "Follower") -> bool:
        """Tell whether somebody newly seen is this person, by place, size and clothes."""
        smaller, larger = sorted((self.radius, other.radius))
        body = other.where.body
        unlike = unlikeness(self.appearance, other.appearance)
        alike = unlike is not None and unlike < ALIKE
        return alike and self._is_near(body.x, body.y) and larger <= _BACK_SIZE * smaller

    def is_near(self, detection: Detection) -> bool:
        """Tell whether a detection is near enough to this person, lost, to be looked at."""
        return self._is_near(detection.x, detection.y)

    def _is_near(self, x: float, y: float) -> bool:
        here_x, here_y = self._middle()
        return math.hypot(x - here_x, y - here_y) <= _BACK_RADII * self.radius

    def is_over(self, time_s: float) -> bool:
        """Tell whether this is no person, by what the detector and the limbs say."""
        if not self.proven:
            return time_s - self.since_s > PROVE_S and self.missed > 0
        doubted = time_s - self.confirmed_s >= TRUST_S and self.missed >= MISSES
        return doubted and self.flail() > FLAIL_RADII

    def step(self) -> float:
        """Return how far the body moved since the frame before, in body radii; inf if it is new."""
        if len(self.history) < 2:
            return math.inf
        return apart(self.history[-1][1], self.history[-2][1]) / max(self.radius, 1.0)

    def state(self) -> State:
        """Return everything as JSON keeps it."""
        return {
            "number": self.number,
            "where": {name: _numbers(part) for name, part in vars(self.where).items()},
            "since_s": self.since_s,
            "confirmed_s": self.confirmed_s,
            "plain_s": self.plain_s,
            "sure": self.sure,
            "proven": self.proven,
            "belief": self.belief,
            "unchecked": self.unchecked,
            "missed": self.missed,
            "appearance": None if self.appearance is None else self.appearance.tolist(),
            "history": [[time_s, body.tolist()] for time_s, body in self.history],
        }

    @classmethod
    def from_state(cls, state: State) -> "Follower":
        """Return the one that gave this state."""
        places = {name: part and Region(**part) for name, part in state["where"].items()}
        history = [(time_s, np.array(body, dtype=np.float32)) for time_s, body in state["history"]]
        looks = state["appearance"]
        made: State = {
            "where": Followed(**places),
            "history": deque(history),
            "appearance": None if looks is None else np.array(looks, dtype=np.float32),
        }
        person = cls(**(state | made))
        person.search_here()
        return person

    def _hips(self) -> tuple[float, float]:
        if not self.history:
            return self._middle()
        x, y = self.history[-1][1][_HIPS].mean(axis=0).tolist()
        return x, y

    def _middle(self) -> tuple[float, float]:
        return self.where.body.x, self.where.body.y

    def flail(self) -> float:
        """Return how the limbs jerk over the last second, in body radii; 0 where little is known.

        It is the 90th percentile over the frames of the median limb's second difference.
        """
        if len(self.history) < _MIN_HISTORY or self.radius <= 0:
            return 0.0
        limbs_TL2 = np.stack([points[_LIMBS] for _, points in self.history])
        bends_TL = np.linalg.norm(np.diff(limbs_TL2, n=2, axis=0), axis=-1) / self.radius
        return float(np.percentile(np.median(bends_TL, axis=1), 90))


def apart(one: Float32, other: Float32, part: slice = _TRUNK_AND_LIMBS) -> float:
    """Return the median distance px of two bodies' landmarks (33,2), from the neck down."""
    gaps = one[part] - other[part]
    return float(np.median(np.hypot(gaps[:, 0], gaps[:, 1])))


def is_human(body: Body) -> bool:
    """Tell a body from a hand or a thing taken for one, by its size in the models' own metres.

    On every person filmed, seen whole or in part, shoulders were at least 0.27 m apart, ears
    0.12 m, forearms 0.14 m and trunks 0.42 m (5th percentiles); on a hand taken for a person the
    medians were 0.22, 0.11, 0.12 and 0.41 m. Two measures too small make it no person.
    """
    world = body.world
    middle_of_hips, middle_of_shoulders = world[23:25].mean(axis=0), world[11:13].mean(axis=0)
    shoulders = math.dist(world[11], world[12])
    ears = math.dist(world[7], world[8])
    forearms = (math.dist(world[13], world[15]) + math.dist(world[14], world[16])) / 2
    trunk = math.dist(middle_of_shoulders, middle_of_hips)
    small = (
        shoulders < _SHOULDER_MIN_M,
        ears < _HEAD_MIN_M,
        forearms < _FOREARM_MIN_M,
        trunk < _TORSO_MIN_M,
    )
    return sum(small) < 2


def doubles(followers: Sequence[Follower]) -> list[Follower]:
    """Return those that lie on another one's body, though it is one body.

    Of two, the less proven one leaves, or else the one not seen alone for longer, or else the one
    that moved further since the frame before, or else the one that came later.
    """
    gone: list[Follower] = []
    for index, one in enumerate(followers):
        for earlier in followers[:index]:
            if one not in gone and earlier not in gone and _is_one_body(one, earlier):
                gone.append(max(one, earlier, key=_doubt))
    return gone


def _doubt(person: Follower) -> tuple[bool, bool, float, float]:
    return not person.proven, not person.sure, -person.plain_s, person.step()


def _is_one_body(one: Follower, other: Follower) -> bool:
    bodies = one.history[-1][1], other.history[-1][1]
    radius = min(one.radius, other.radius)
    return apart(*bodies) < SAME_BODY * radius or apart(*bodies, part=_HEAD) < SAME_HEAD * radius


def _numbers(region: Region | None) -> dict[str, float] | None:
    return None if region is None else asdict(region)
