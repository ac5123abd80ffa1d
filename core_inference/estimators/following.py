"""Whom to follow: keeps the landmark models on one person who is really there.

The landmark models answer for whatever stood where they looked last, also once it has gone or was
never a person, and they stay with the first comer though a larger person arrives. The detector
sees the whole image afresh, so its word decides:

- A person is taken up, and confirmed, by a detection of 0.6 or better, the largest first.
- A person whom the detector has not confirmed for one second is left for anybody it does see,
  and is let go of when the limbs flail. Measured over one second, the 90th percentile of the
  limbs' second difference was 0.22 body radii on a figure against the light that the models
  could not read, at most 0.10 on every person filmed at 5 to 60 frames per second.
- A confirmed person is left only for somebody one and a half times as large, seen twice running.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from .holistic import Detection, Float32

START_SCORE = 0.6
TRUST_S = 1.0
CHECK_EVERY = 8
DOUBT_EVERY = 2
MATCH_RADII = 0.5
LARGER = 1.5
FLAIL_RADII = 0.12
_MIN_HISTORY = 8
_LIMBS = [13, 14, 15, 16, 25, 26, 27, 28]
_HIPS = [23, 24]


class Verdict(Enum):
    """What to do with the person followed so far."""

    KEEP = auto()
    TAKE = auto()
    NOBODY = auto()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict, and with TAKE the detection to start from."""

    verdict: Verdict
    detection: Detection | None = None


_KEEP = Decision(verdict=Verdict.KEEP)
_NOBODY = Decision(verdict=Verdict.NOBODY)


class Follower:
    """Remembers the person followed and judges detections against them."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, Float32]] = deque()
        self._confirmed_s = 0.0
        self._radius = 0.0
        self._larger_seen = 0
        self._frames = 0

    @property
    def following(self) -> bool:
        """Whether somebody was seen in the frame before."""
        return bool(self._history)

    @property
    def wants_detections(self) -> bool:
        """Whether the detector should look at the next frame."""
        if not self.following:
            return True
        doubted = self._history[-1][0] - self._confirmed_s >= TRUST_S
        return self._frames >= (DOUBT_EVERY if doubted else CHECK_EVERY)

    def forget(self) -> None:
        """Start anew, as after a cut."""
        self.__init__()

    def take(self, detection: Detection, time_s: float) -> None:
        """Begin to follow the person of a detection."""
        self.forget()
        self._confirmed_s = time_s
        self._radius = detection.radius

    def see(self, body_px: Float32, time_s: float) -> None:
        """Note where the landmark models put the body (33,2) px."""
        self._history.append((time_s, body_px))
        while len(self._history) > _MIN_HISTORY and time_s - self._history[0][0] > TRUST_S:
            self._history.popleft()
        self._frames += 1

    def decide(self, detections: tuple[Detection, ...], time_s: float) -> Decision:
        """Judge what the detector sees in this frame; detections are best first."""
        self._frames = 0
        if not self.following:
            return _take_largest([d for d in detections if d.score >= START_SCORE])
        hips_2 = self._history[-1][1][_HIPS].mean(axis=0)
        sure = [d for d in detections if d.score >= START_SCORE]
        near = [d for d in sure if _distance(d, hips_2) <= MATCH_RADII * d.radius]
        others = [d for d in sure if d not in near]
        if near:
            self._confirmed_s = time_s
            self._radius = near[0].radius
        if time_s - self._confirmed_s < TRUST_S:
            return self._weigh([d for d in others if d.radius >= LARGER * self._radius])
        if others:
            return _take_largest(others)
        return _NOBODY if self._flails() else _KEEP

    def _weigh(self, larger: list[Detection]) -> Decision:
        self._larger_seen = self._larger_seen + 1 if larger else 0
        return _take_largest(larger) if self._larger_seen >= 2 else _KEEP

    def _flails(self) -> bool:
        if len(self._history) < _MIN_HISTORY or self._radius <= 0:
            return False
        limbs_TL2 = np.stack([points[_LIMBS] for _, points in self._history])
        bends_TL = np.linalg.norm(np.diff(limbs_TL2, n=2, axis=0), axis=-1) / self._radius
        return bool(np.percentile(np.median(bends_TL, axis=1), 90) > FLAIL_RADII)


def _distance(detection: Detection, point_2: Float32) -> float:
    return float(np.hypot(detection.x - point_2[0], detection.y - point_2[1]))


def _take_largest(detections: list[Detection]) -> Decision:
    if not detections:
        return _NOBODY
    return Decision(verdict=Verdict.TAKE, detection=max(detections, key=lambda d: d.radius))
