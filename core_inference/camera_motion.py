"""How the camera turns and goes while the footage is watched, told by the background.

A key picture's corners are followed into each frame. Two explanations are carried along: the camera
turned on the spot, as on a tripod (`camera_fit`), or it also went, along flat ground that it sees
(`camera_walk`). When too little of a key picture is left in view, the frame becomes the next one.
At the end of the shot the simplest that explains it is taken: it stood still, it turned, it went;
or nothing can be told, and it is taken for still.

Legend: F frames, N corners.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from ..rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle, power
from .camera_fit import fit_turn
from .camera_path import CameraPath
from .camera_walk import LOW, Walk, WalkSight, fit_walk
from .estimators.base import State
from .footage import Frame
from .key_picture import LONG_SIDE_PX, KeyPicture, small_picture
from .sightings import Box

Float64 = NDArray[np.float64]

FIT_PX = 1.5
"""A corner agrees with a motion within this distance in the small picture."""

LEAST_POINTS = 12
LEAST_GROUND = 8
GROUND_SHARE = 0.5
AGREEING = 0.7
"""A motion is believed when this share of the corners agrees with it, this many of them; a way,
when so many corners on the ground do, which are this share of those below the horizon."""

SPREAD = 0.15
"""Corners that agree stand around so much of the picture, or they are those of one thing."""

BETTER = 0.1
"""A camera is said to go, not only to turn, when so many more of the corners agree."""

FRESH = 0.6
SHIFT = 0.08
"""A key picture serves while this share of its corners is followed, also of those below the
horizon, and their median way is below this share of the long side."""

UNMOVED_PX = 0.3
"""While the corners' median way is shorter, nobody goes anywhere."""

STEADY = 0.5
"""How much of the newest step goes into the one that is expected next."""

STILL_RAD = np.radians(0.5)
STILL_FRAMES = 5
"""Who never turns farther than this, for more than half as many frames in a row, stands still."""

UNSURE_SHARE = 0.2
UNSURE_S = 0.5
"""The user hears of it when nothing could be told for so long; when that is this share of the shot,
or more, the camera is taken for still."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pose:
    """The camera since the shot's first frame: rotation (3,3) from the first one's axes; place (2,)
    right and forward of it, in heights of the camera."""

    rotation: Float64
    place: Float64

    @classmethod
    def from_row(cls, row_5: Float64) -> "_Pose":
        rotation_33 = np.asarray(matrix_from_axis_angle(row_5[:3]), dtype=np.float64)
        return cls(rotation=rotation_33, place=row_5[3:])

    @property
    def row(self) -> Float64:
        """Axis-angle and place (5,)."""
        return np.concatenate([axis_angle_from_matrix(self.rotation), self.place])


_FIRST = _Pose(rotation=np.eye(3), place=np.zeros(2))


@dataclass(kw_only=True)
class _Chain:
    """One explanation, frame after frame: rows as `_Pose.row`, the share of the corners that agrees
    with each, 0 where that says nothing, and the pose at the key picture."""

    rows: list[Float64] = field(default_factory=list[Float64])
    shares: list[float] = field(default_factory=list[float])
    key: _Pose = _FIRST

    def add(self, pose: _Pose, share: float) -> None:
        self.rows.append(pose.row)
        self.shares.append(share)

    @property
    def unsure(self) -> NDArray[np.bool_]:
        return np.array(self.shares) < AGREEING

    @property
    def last(self) -> _Pose:
        return _Pose.from_row(self.rows[-1])

    def expected(self) -> _Pose:
        """Where the last steps would carry the camera by now."""
        if len(self.rows) < 2:
            return self.last
        before, last = _Pose.from_row(self.rows[-2]), self.last
        step_33 = np.asarray(power(last.rotation @ before.rotation.T, STEADY), dtype=np.float64)
        place = last.place + STEADY * (last.place - before.place)
        return _Pose(rotation=step_33 @ last.rotation, place=place)

    def state(self) -> State:
        return {
            "rows": b64encode(np.array(self.rows, dtype="<f8").tobytes()).decode(),
            "shares": list(self.shares),
            "key": self.key.row.tolist(),
            "rotation": self.key.rotation.tolist(),
        }

    @classmethod
    def from_state(cls, state: State) -> "_Chain":
        rows = np.frombuffer(b64decode(state["rows"]), dtype="<f8").reshape(-1, 5)
        rotation = np.array(state["rotation"], dtype=np.float64).reshape(3, 3)
        place = np.array(state["key"], dtype=np.float64)[3:].reshape(2)
        return cls(
            rows=list(rows.astype(np.float64)),
            shares=[float(share) for share in state["shares"]],
            key=_Pose(rotation=rotation, place=place),
        )


@dataclass(kw_only=True)
class CameraMotion:
    """The camera of the shot that is being watched; focal_px is of the footage's own pixels."""

    focal_px: float
    _key: KeyPicture | None = None
    _low: int = 0
    _frames: list[int] = field(default_factory=list[int])
    _times: list[float] = field(default_factory=list[float])
    _turning: _Chain = field(default_factory=_Chain)
    _going: _Chain = field(default_factory=_Chain)

    def observe(self, frame: Frame, boxes: Sequence[Box]) -> None:
        """Look at the shot's next frame; boxes: everybody in it, x, y, width, height px."""
        picture = small_picture(frame.image, boxes)
        focal = self.focal_px * picture.scale
        is_spent = True
        if self._key is None:
            self._turning.add(_FIRST, 1.0)
            self._going.add(_FIRST, 1.0)
        else:
            self._key.follow(picture)
            before, after = self._key.rays(focal)
            self._turn(before, after, FIT_PX / focal)
            self._go(before, after, FIT_PX / focal)
            is_spent = self._is_spent(before, after, focal)
        if is_spent:
            self._key = KeyPicture.of(picture)
            self._turning.key, self._going.key = self._turning.last, self._going.last
            self._low = self._below_horizon(self._key.rays(focal)[0])
        self._frames.append(frame.index)
        self._times.append(frame.time_s)

    def _turn(self, before_N3: Float64, after_N3: Float64, reach: float) -> None:
        """One more frame of a camera that turns on the spot."""
        chain = self._turning
        if len(before_N3) < LEAST_POINTS:
            chain.add(chain.last, 0.0)
            return
        likely_33 = chain.expected().rotation @ chain.key.rotation.T
        turn = fit_turn(before_N3, after_N3, reach, likely_33)
        turned = replace(chain.key, rotation=turn.rotation @ chain.key.rotation)
        is_told = self._is_everywhere(before_N3[turn.fits], reach)
        pose = turned if turn.share >= AGREEING else chain.last
        chain.add(pose, turn.share if is_told else 0.0)

    def _go(self, before_N3: Float64, after_N3: Float64, reach: float) -> None:
        """One more frame of a camera that goes along the ground."""
        chain, key = self._going, self._going.key
        way = np.abs(after_N3 - before_N3).max(axis=1)
        if len(way) < LEAST_POINTS or np.median(way) < UNMOVED_PX / FIT_PX * reach:
            chain.add(chain.last, self._turning.shares[-1])
            return
        expected = chain.expected()
        sight = WalkSight(before=before_N3, after=after_N3, level=key.rotation, reach=reach)
        fit = fit_walk(
            sight,
            Walk(rotation=expected.rotation @ key.rotation.T, way=expected.place - key.place),
        )
        rotation, place = fit.walk.rotation @ key.rotation, key.place + fit.walk.way
        below = self._below_horizon(before_N3)
        is_told = fit.grounded.sum() >= max(LEAST_GROUND, GROUND_SHARE * below)
        is_told = is_told and self._is_everywhere(before_N3[fit.fits], reach)
        gone = _Pose(rotation=rotation, place=place)
        chain.add(gone if fit.share >= AGREEING else chain.last, fit.share if is_told else 0.0)

    def _is_everywhere(self, rays_N3: Float64, reach: float) -> bool:
        """Whether enough corners are left, all over the picture."""
        if len(rays_N3) < LEAST_POINTS:
            return False
        assert self._key is not None
        hull = cv2.convexHull((rays_N3[:, :2] / reach).astype(np.float32))
        return cv2.contourArea(hull) * FIT_PX**2 >= SPREAD * self._key.grey.size

    def _is_spent(self, before_N3: Float64, after_N3: Float64, focal: float) -> bool:
        """Whether too little of the key picture is left in view."""
        assert self._key is not None
        if len(before_N3) < max(FRESH * self._key.count, LEAST_POINTS):
            return True
        way = float(np.median(np.abs(after_N3 - before_N3).max(axis=1))) * focal
        is_far = way > SHIFT * LONG_SIDE_PX
        return is_far or self._below_horizon(before_N3) < FRESH * self._low

    def _below_horizon(self, rays_N3: Float64) -> int:
        return int((rays_N3 @ self._going.key.rotation[:, 1] > LOW).sum())

    def finish(self) -> tuple[CameraPath | None, str | None]:
        """The shot's camera, None for one that stands still, and what the user should hear.

        What was seen is forgotten: the next frame begins a shot.
        """
        frames_F = np.array(self._frames, dtype=np.int64)
        step_s = float(np.median(np.diff(self._times))) if len(frames_F) > 1 else 0.0
        turning, going = self._turning, self._going
        self._key, self._frames, self._times = None, [], []
        self._turning, self._going = _Chain(), _Chain()
        if not len(frames_F):
            return None, None
        goes = np.mean(going.shares) > np.mean(turning.shares) + BETTER
        chain = going if goes and going.unsure.mean() < UNSURE_SHARE else turning
        if chain.unsure.mean() >= UNSURE_SHARE or (goes and chain is turning):
            doubted = going if goes else turning
            return None, _doubt(frames_F, doubted.unsure, step_s, "in the whole shot")
        path = _path(frames_F, np.array(chain.rows), goes=bool(goes))
        warning = None if path is None else _doubt(frames_F, chain.unsure, step_s, "there")
        return path, warning

    def state(self) -> State:
        """Return what it remembers of the shot."""
        return {
            "frames": list(self._frames),
            "times": list(self._times),
            "turning": self._turning.state(),
            "going": self._going.state(),
            "low": self._low,
            "key": None if self._key is None else self._key.state(),
        }

    def restore(self, state: State) -> None:
        """Remember what another one's `state` says; a ValueError says that none could."""
        self._frames = [int(frame) for frame in state["frames"]]
        self._times = [float(time_s) for time_s in state["times"]]
        self._turning = _Chain.from_state(state["turning"])
        self._going = _Chain.from_state(state["going"])
        self._low = int(state["low"])
        self._key = None if state["key"] is None else KeyPicture.from_state(state["key"])


def _path(frames_F: NDArray[np.int64], rows_F5: Float64, *, goes: bool) -> CameraPath | None:
    """The path of a camera that leaves what one at rest measures, not for a moment alone."""
    angles_F = np.linalg.norm(rows_F5[:, :3], axis=1)
    if not goes and median_filter(angles_F, STILL_FRAMES).max() <= STILL_RAD:
        return None
    return CameraPath(
        frame_index=frames_F,
        turns=rows_F5[:, :3].astype(np.float32),
        places=rows_F5[:, 3:].astype(np.float32) if goes else None,
    )


def _doubt(
    frames_F: NDArray[np.int64], unsure_F: NDArray[np.bool_], step_s: float, where: str
) -> str | None:
    if unsure_F.sum() * step_s < UNSURE_S:
        return None
    first, last = frames_F[unsure_F][[0, -1]].tolist()
    return (
        f"how the camera moves cannot be told from the background between frames {first} and "
        f"{last}: it is taken for still {where}"
    )
