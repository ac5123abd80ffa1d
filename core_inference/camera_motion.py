"""How the camera turns, zooms and goes while the footage is watched, told by the background.

A key picture's corners are followed into each frame. Three explanations are carried along: the
camera turned on the spot, as on a tripod, it zoomed besides (both `camera_fit`), or it also went,
along flat ground that it sees (`camera_walk`). When too little of a key picture is left in view,
the frame becomes the next one. At the end of the shot the simplest that explains it is taken: it
stood still, it turned, it zoomed, it went; or nothing can be told, and it is taken for still.

Legend: F frames, N corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from .camera import MAX_ZOOM
from .camera_chain import AGREEING, FIRST, Chain, Pose
from .camera_fit import Turn, fit_turn, fit_zoom
from .camera_path import CameraPath
from .camera_walk import LOW, Walk, WalkFit, WalkSight, fit_walk
from .clip_checks import SHORTEST_FRAME_S
from .estimators.base import State
from .footage import Frame
from .key_picture import LONG_SIDE_PX, KeyPicture, SmallPicture, small_picture
from .sightings import Box

Float64 = NDArray[np.float64]

FIT_PX = 1.5
"""A corner agrees with a motion within this distance in the small picture."""

LEAST_POINTS = 12
LEAST_GROUND = 8
GROUND_SHARE = 0.5
"""A motion is believed when so many of the corners agree with it; a way, when so many corners on
the ground do, which are this share of those below the horizon."""

TELLING = 3.0
"""A zoom is believed when corners below the horizon are so many times better where it puts them
than where a way over flat ground does, in squares: both make the picture larger."""

SPREAD = 0.15
"""Corners that agree stand around so much of the picture, or they are those of one thing."""

BETTER = 0.1
"""A camera is said to go, not only to turn, when so many more of the corners agree."""

CLOSELY = 1 / 3
TURNING = 0.9
"""As long as a turn puts this share of the corners so close, in reaches, from the shot's first
frame on, the camera has done nothing else."""

FRESH = 0.6
SHIFT = 0.08
"""A key picture serves while this share of its corners is followed, also of those below the
horizon, and their median way is below this share of the long side."""

UNMOVED_PX = 0.3
RESTING = 0.8
"""While the corners' median way is shorter, nobody goes anywhere; while that of so many is, the
camera rests."""

STILL_RAD = np.radians(0.5)
STILL_ZOOM = np.log(1.03)
STILL_S = 1 / 6
"""Who never turns or zooms farther than this, for more than half as long at a stretch, does
neither."""

ZOOM_DOUBT = (
    "whether the camera zooms or goes forward cannot be told from the background: it is taken "
    "for one that does neither"
)

UNSURE_S = 0.5
"""The user hears of it when nothing could be told for so long."""


def _no_strangeness() -> Float64:
    """How badly zoom and way (2,) put the corners below the horizon, in squared reaches."""
    return np.zeros(2)


@dataclass(kw_only=True)
class CameraMotion:
    """The camera of the shot that is being watched; focal_px is of the footage's own pixels."""

    focal_px: float
    _key: KeyPicture | None = None
    _low: int = 0
    _rests: bool = False
    _frames: list[int] = field(default_factory=list[int])
    _times: list[float] = field(default_factory=list[float])
    _turning: Chain = field(default_factory=Chain)
    _zooming: Chain = field(default_factory=Chain)
    _going: Chain = field(default_factory=Chain)
    _strangeness: Float64 = field(default_factory=_no_strangeness)

    def observe(self, frame: Frame, boxes: Sequence[Box]) -> None:
        """Look at the shot's next frame; boxes: everybody in it, x, y, width, height px."""
        picture = small_picture(frame.image, boxes)
        focal = self.focal_px * picture.scale
        if self._key is None:
            for chain in self._chains:
                chain.add(FIRST, 1.0)
            self._begin(picture, focal)
        elif not (self._rests and self._is_resting(self._key, picture, focal)):
            self._key.follow(picture)
            before, after = self._key.rays(focal)
            turn = self._turn(before, after, FIT_PX / focal)
            zoom = self._zoom(before, after, FIT_PX / focal, turn)
            walk = self._go(before, after, FIT_PX / focal, turn)
            if zoom is not None and walk is not None:
                self._compare(before, zoom, walk)
            off_N = np.abs(after - before).max(axis=1) * focal
            self._rests = len(off_N) > 0 and bool((off_N < UNMOVED_PX).mean() >= RESTING)
            if self._is_spent(before, after, focal):
                self._begin(picture, focal)
        self._frames.append(frame.index)
        self._times.append(frame.time_s)

    @property
    def _chains(self) -> tuple[Chain, Chain, Chain]:
        return self._turning, self._zooming, self._going

    def _begin(self, picture: SmallPicture, focal: float) -> None:
        """Make the newest frame the key picture."""
        self._key = KeyPicture.of(picture)
        self._rests = True
        for chain in self._chains:
            chain.key = chain.last
        self._low = self._below_horizon(self._key.rays(focal)[0])

    def _is_resting(self, key: KeyPicture, picture: SmallPicture, focal: float) -> bool:
        """Whether one more frame shows what the key picture does; if so, it is told."""
        corners, there = key.nearby(picture)
        if len(corners) < max(FRESH * key.count, LEAST_POINTS):
            return False
        off_N = np.abs(there - corners).max(axis=1)
        if (off_N < UNMOVED_PX).mean() < RESTING:
            return False
        fits_N = off_N < FIT_PX
        reach = FIT_PX / focal
        is_told = self._is_everywhere(key.rays_of(corners[fits_N], focal), reach)
        for chain in self._chains:
            chain.add(chain.key, float(fits_N.mean()) if is_told else 0.0)
        return True

    def _turn(self, before_N3: Float64, after_N3: Float64, reach: float) -> Turn | None:
        """One more frame of a camera that turns on the spot, and the turn."""
        chain = self._turning
        if len(before_N3) < LEAST_POINTS:
            chain.add(chain.last, 0.0)
            return None
        likely_33 = chain.expected().rotation @ chain.key.rotation.T
        turn = fit_turn(before_N3, after_N3, reach, likely_33)
        turned = replace(chain.key, rotation=turn.rotation @ chain.key.rotation)
        is_told = self._is_everywhere(before_N3[turn.fits], reach)
        pose = turned if turn.share >= AGREEING else chain.last
        chain.add(pose, turn.share if is_told else 0.0)
        return turn

    def _only_turns(self, chain: Chain, turn: Turn | None) -> bool:
        """Whether a frame needs no more than its turn, or cannot be told; then it is added."""
        if turn is None:
            chain.add(chain.last, 0.0)
        elif (turn.off < CLOSELY).mean() >= TURNING and not chain.has_left:
            turned = replace(chain.key, rotation=turn.rotation @ chain.key.rotation)
            chain.add(turned, self._turning.shares[-1])
        else:
            return False
        return True

    def _zoom(
        self, before_N3: Float64, after_N3: Float64, reach: float, turn: Turn | None
    ) -> Turn | None:
        """One more frame of a camera that also zooms; rays are as of the first focal length."""
        chain, key = self._zooming, self._zooming.key
        if self._only_turns(chain, turn):
            return None
        expected = chain.expected()
        likely = expected.rotation @ key.rotation.T, expected.zoom / key.zoom
        lens_3 = np.array([key.zoom, key.zoom, 1.0])
        turn = fit_zoom(before_N3 / lens_3, after_N3 / lens_3, reach / key.zoom, likely)
        zoom = turn.zoom * key.zoom
        zoomed = replace(key, rotation=turn.rotation @ key.rotation, zoom=zoom)
        is_sane = turn.share >= AGREEING and 1 / MAX_ZOOM < zoom < MAX_ZOOM
        is_told = is_sane and self._is_everywhere(before_N3[turn.fits], reach)
        chain.add(zoomed if is_sane else chain.last, turn.share if is_told else 0.0)
        return turn

    def _go(
        self, before_N3: Float64, after_N3: Float64, reach: float, turn: Turn | None
    ) -> WalkFit | None:
        """One more frame of a camera that goes along the ground, once a turn says too little."""
        chain, key = self._going, self._going.key
        if self._only_turns(chain, turn):
            return None
        if _way(before_N3, after_N3) < UNMOVED_PX / FIT_PX * reach:
            chain.add(chain.last, self._turning.shares[-1])
            return None
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
        gone = Pose(rotation=rotation, place=place)
        chain.add(gone if fit.share >= AGREEING else chain.last, fit.share if is_told else 0.0)
        return fit

    def _compare(self, before_N3: Float64, zoom: Turn, walk: WalkFit) -> None:
        """Remember how well both explain the corners that lie on the ground if it is seen."""
        below_N = before_N3 @ self._going.key.rotation[:, 1] > LOW
        off_2N = np.stack([zoom.off, np.where(walk.grounded, walk.off, 1.0)])[:, below_N]
        explained_2N = np.minimum(off_2N[:, off_2N.min(axis=0) < 1.0], 1.0)
        self._strangeness = self._strangeness + (explained_2N**2).sum(axis=1)

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
        is_far = _way(before_N3, after_N3) * focal > SHIFT * LONG_SIDE_PX
        return is_far or self._below_horizon(before_N3) < FRESH * self._low

    def _below_horizon(self, rays_N3: Float64) -> int:
        return int((rays_N3 @ self._going.key.rotation[:, 1] > LOW).sum())

    def finish(self) -> tuple[CameraPath | None, str | None]:
        """The shot's camera, None for one that stands still, and what the user should hear.

        What was seen is forgotten: the next frame begins a shot.
        """
        frames_F = np.array(self._frames, dtype=np.int64)
        step_s = float(np.median(np.diff(self._times))) if len(frames_F) > 1 else 0.0
        turning, zooming, going = self._chains
        self._key, self._rests, self._frames, self._times = None, False, [], []
        self._turning, self._zooming, self._going = Chain(), Chain(), Chain()
        if not len(frames_F):
            return None, None
        strangeness, self._strangeness = self._strangeness, _no_strangeness()
        is_zoomed = _most(np.log(zooming.zooms()), step_s) > STILL_ZOOM
        is_zoomed = is_zoomed and not zooming.is_doubtful
        chain, doubt = _simplest((turning, zooming, going), strangeness, is_zoomed=is_zoomed)
        if chain.is_doubtful:
            return None, _doubt(frames_F, chain.unsure, step_s, "in the whole shot")
        is_turned = _most(np.linalg.norm(chain.turns(), axis=1), step_s) > STILL_RAD
        if not (is_turned or chain is going or chain is zooming):
            return None, doubt
        path = _path(frames_F, chain, goes=chain is going, zooms=chain is zooming)
        return path, _doubt(frames_F, chain.unsure, step_s, "there") or doubt

    def state(self) -> State:
        """Return what it remembers of the shot."""
        return {
            "frames": list(self._frames),
            "times": list(self._times),
            "turning": self._turning.state(),
            "zooming": self._zooming.state(),
            "going": self._going.state(),
            "low": self._low,
            "rests": self._rests,
            "strangeness": self._strangeness.tolist(),
            "key": None if self._key is None else self._key.state(),
        }

    def restore(self, state: State) -> None:
        """Remember what another one's `state` says; a ValueError says that none could."""
        self._frames = [int(frame) for frame in state["frames"]]
        self._times = [float(time_s) for time_s in state["times"]]
        self._turning = Chain.from_state(state["turning"])
        self._zooming = Chain.from_state(state["zooming"])
        self._going = Chain.from_state(state["going"])
        self._low, self._rests = int(state["low"]), bool(state["rests"])
        self._strangeness = np.array(state["strangeness"], dtype=np.float64).reshape(2)
        self._key = None if state["key"] is None else KeyPicture.from_state(state["key"])


def _way(before_N3: Float64, after_N3: Float64) -> float:
    """How far half of the corners went, in the plane z = 1."""
    return float(np.median(np.abs(after_N3 - before_N3).max(axis=1)))


def _most(values_F: Float64, step_s: float) -> float:
    """How large values become, not for a moment alone."""
    window = 2 * int(STILL_S / max(step_s, SHORTEST_FRAME_S) / 2) + 1
    return float(median_filter(np.abs(values_F), max(window, 3)).max())


def _simplest(
    chains: tuple[Chain, Chain, Chain], strangeness: Float64, *, is_zoomed: bool
) -> tuple[Chain, str | None]:
    """The simplest explanation that no other one beats, and what the user should hear."""
    turning, zooming, going = chains
    by_zoom, by_way = strangeness.tolist()
    if is_zoomed and by_way > TELLING * by_zoom:
        return zooming, None
    is_told = by_zoom > by_way or going.share > zooming.share + BETTER
    if going.share > turning.share + BETTER and is_told:
        return going, None
    if is_zoomed and zooming.share > turning.share + BETTER:
        return turning, ZOOM_DOUBT
    return turning, None


def _path(frames_F: NDArray[np.int64], chain: Chain, *, goes: bool, zooms: bool) -> CameraPath:
    """The path of a camera that leaves what one at rest measures."""
    return CameraPath(
        frame_index=frames_F,
        turns=chain.turns().astype(np.float32),
        places=chain.places().astype(np.float32) if goes else None,
        zooms=chain.zooms().astype(np.float32) if zooms else None,
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
