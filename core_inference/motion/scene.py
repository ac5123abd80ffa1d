"""The people of one shot in one world: one camera, one ground, everybody in their own size.

The picture says of a person only size times distance, and landmark models take everybody for an
adult: a child comes out as an adult too far away, its feet below the floor. What ties people
together is the ground. Unknown are the camera's tilt, its height and each person's size; known are
the feet that stand somewhere, which way up people stretch, and how large people use to be. A small
robust fit weighs them. Where these say too little the camera stays level; who does not fit (sits,
stands on furniture) keeps the size that the landmarks say.

Legend: P people, T frames looked at, K places of feet, S sole points (4).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ...rigs.rotation import normalized
from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Clip, EstimatedPose, RawTake
from .camera import with_camera_gone
from .contacts import FEET
from .estimated import clip_from_estimate
from .ground import OUTLIERS
from .placing import MAX_TILT_RAD, SIZES, Scene
from .refining import refined
from .soles import sole_points
from .solve import solve

Float64 = NDArray[np.float64]

PARTS = 8
PART_FRAMES = 16
"""A person is looked at in so many stretches of so many frames, spread over the take."""

SURE_SCORE = 0.5
SLOW_M_S = 0.3
"""A sole seen this surely that moves no faster, across the picture, stands on something."""

STRETCHED = 0.93
"""From this share of its length at rest on, ankles to neck, a body is stretched."""

FOOT_SIGMA_M = 0.03
LEAN_SIGMA_RAD = np.radians(5.0)
"""Measured: people filmed at 23 and 25 degrees stretched 1, 4 and 8 degrees off."""

PITCH_SIGMA_RAD = np.radians(20.0)
ROLL_SIGMA_RAD = np.radians(8.0)
SIZE_SIGMA = 0.08
"""How far adults' sizes, and what landmarks make of them, lie apart. Children are outliers."""

CHILD_COST = 4.5
RAISED_COST = 5.0
SUNK_COST = 40.0
"""What it costs at most that somebody is a child, that all feet of somebody are above the ground
(on a chair, on a step), that they are below it; half squares of residuals are the coin. One on a
chair is likelier than two children, one child likelier than one on a chair."""

UNSURE_RAD = np.radians(8.0)
"""A tilt known no better than this is no tilt."""

OFF_M = 0.15
GROWN = 1.15
"""Whose feet are so far from the ground, or who must grow so much to reach it, does not fit."""

_LEVEL_SIGMA_RAD = 1e-6
_HEIGHTS_M = (0.02, 100.0)
_STARTS = 5
_NEAR = 0.15


def stand_together(takes: Sequence[RawTake], body: BodyModel) -> list[RawTake]:
    """Put the people of one shot into one world: the same takes with a scene in the provenance.

    `stack.process` obeys it. The origin is below the first take's first pelvis. One person alone
    keeps the world of a level camera, and gets no scene. The sizes of takes with rotations or a
    root of their own stay as they are.
    """
    if len(takes) < 2:
        return list(takes)
    people = [_look_at(take, body) for take in takes]
    world = _explained(people)
    turn_33 = Scene(pitch_rad=world.pitch_rad, roll_rad=world.roll_rad).world_from_level
    x, y, _ = (turn_33 @ (people[0].first_pelvis * world.sizes[0])).tolist()
    return [
        replace(
            take,
            provenance={
                **take.provenance,
                "scene": Scene(
                    pitch_rad=world.pitch_rad,
                    roll_rad=world.roll_rad,
                    size=float(size),
                    ground_m=-world.height_m,
                    origin=(x, y),
                ).as_json(),
            },
        )
        for take, size in zip(takes, world.sizes, strict=True)
    ]


# --- what is seen of each person -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Person:
    """One person at the size of the landmarks, in the axes of a level camera at the origin, m.

    stood (K,3): where feet stood; up (3,) unit: which way the stretched body points, or None;
    soles (T,4,3); first_pelvis (3,); is_sized: whether the size may change.
    """

    stood: Float64
    up: Float64 | None
    soles: Float64
    first_pelvis: Float64
    is_sized: bool


def _look_at(take: RawTake, body: BodyModel) -> _Person:
    thin = thinned(take)
    if thin.pose is None:
        clip = solve(thin, body)
    else:
        clip = clip_from_estimate(thin, refined(thin, thin.pose, body))
    clip = with_camera_gone(clip, thin, body)
    soles_TS3 = sole_points(clip, body)
    return _Person(
        stood=_stood(clip, soles_TS3),
        up=_up(clip, soles_TS3),
        soles=soles_TS3,
        first_pelvis=clip.joints[0, 0].astype(np.float64),
        is_sized=take.pose is None and take.camera_root is None,
    )


def thinned(take: RawTake) -> RawTake:
    """The rows that `stand_together` looks at: all of a short take, else stretches of it.

    It makes the same of thinned takes as of whole ones.
    """
    count = len(take.frame_index)
    if count <= PARTS * PART_FRAMES:
        return take
    starts = np.linspace(0, count - PART_FRAMES, PARTS).astype(np.int64)
    rows = (starts[:, None] + np.arange(PART_FRAMES)).ravel()
    return replace(
        take,
        frame_index=take.frame_index[rows],
        time_s=take.time_s[rows],
        boxes=take.boxes[rows],
        joints2d=take.joints2d[rows],
        scores=take.scores[rows],
        landmarks2d=take.landmarks2d[rows],
        landmarks3d=take.landmarks3d[rows],
        landmark_scores=take.landmark_scores[rows],
        pose=None if take.pose is None else _thinned_pose(take.pose, rows),
        camera_root=None if take.camera_root is None else take.camera_root[rows],
        camera_rotation=None if take.camera_rotation is None else take.camera_rotation[rows],
        camera_place=None if take.camera_place is None else take.camera_place[rows],
        camera_zoom=None if take.camera_zoom is None else take.camera_zoom[rows],
    )


def _thinned_pose(pose: EstimatedPose, rows: NDArray[np.int64]) -> EstimatedPose:
    return replace(
        pose,
        poses=pose.poses[rows],
        trans=pose.trans[rows],
        frame_betas=pose.frame_betas[rows],
        expression=pose.expression[rows],
        vertices=None,
    )


def _stood(clip: Clip, soles_TS3: Float64) -> Float64:
    """Where soles stood (K,3) m, one place per stretch of frames at most.

    A jumper's feet rest at the top as well: the mean of the lower half counts.
    """
    count = len(soles_TS3)
    places: list[Float64] = []
    for part in np.array_split(np.arange(count), min(PARTS, -(-count // PART_FRAMES))):
        soles = soles_TS3[part]
        across = np.zeros(soles.shape[:2])
        if len(part) > 1:
            velocity = np.gradient(soles, clip.time_s[part], axis=0)
            forward = clip.camera.at(part).rotation[..., 2, :].reshape(-1, 1, 3).astype(np.float64)
            towards = (velocity * forward).sum(axis=-1, keepdims=True)
            across = np.linalg.norm(velocity - towards * forward, axis=-1)
        still = soles[(across < SLOW_M_S) & (clip.scores[part][:, FEET] > SURE_SCORE)]
        if len(still) >= len(part) / 2:
            lowest_first = still[np.argsort(still[:, 2])]
            places.append(lowest_first[: -(-len(still) // 2)].mean(axis=0))
    return np.array(places).reshape(-1, 3)


def _up(clip: Clip, soles_TS3: Float64) -> Float64 | None:
    """Which way (3,) a stretched body points from its soles to its neck; None if it never is.

    On motion capture of standing and walking people that is upright within 2 to 3 degrees.
    """
    ankles, neck = [JOINT["left_ankle"], JOINT["right_ankle"]], JOINT["neck"]
    along = clip.joints[:, neck] - clip.joints[:, ankles].mean(axis=1)
    at_rest = clip.rest_joints[neck] - clip.rest_joints[ankles].mean(axis=0)
    is_stretched = np.linalg.norm(along, axis=-1) > STRETCHED * np.linalg.norm(at_rest)
    is_stretched &= (clip.scores[:, ankles] > SURE_SCORE).all(axis=1)
    if is_stretched.sum() < max(1, len(along) // PARTS):
        return None
    towards = clip.joints[is_stretched, neck] - soles_TS3[is_stretched].mean(axis=1)
    return np.asarray(normalized(np.median(normalized(towards), axis=0)), dtype=np.float64)


# --- the fit -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _World:
    """The camera's tilt and height above the ground, and everybody's size (P,)."""

    pitch_rad: float
    roll_rad: float
    height_m: float
    sizes: Float64


def _explained(people: Sequence[_Person]) -> _World:
    """The world that explains the people; who does not fit it has no say in it."""
    fit = _Fit(people)
    world = fit.best()
    off_P = fit.off_m(world)
    fits_P = (off_P <= OFF_M) & (world.sizes <= GROWN)
    if not fits_P.all():
        fit = _Fit([p if ok else _silent(p) for p, ok in zip(people, fits_P, strict=True)])
        world = fit.best()
    if not fit.has_feet:
        up_3 = _up_of(world.pitch_rad, world.roll_rad)
        floors = [np.quantile((p.soles @ up_3).min(axis=1), OUTLIERS) for p in people]
        world = replace(world, height_m=-float(np.median(floors)))
    return world


def _silent(person: _Person) -> _Person:
    return replace(person, stood=np.zeros((0, 3)), up=None)


def _up_of(pitch_rad: float, roll_rad: float) -> Float64:
    """The world's up (3,) in the axes of a level camera."""
    return np.array(
        [
            -np.sin(roll_rad) * np.cos(pitch_rad),
            -np.sin(pitch_rad),
            np.cos(roll_rad) * np.cos(pitch_rad),
        ]
    )


def _capped(residual: Float64, cap: Float64 | float) -> Float64:
    """Residuals whose half squares grow to no more than a cap (Welsch's loss)."""
    half_squares = -cap * np.expm1(-(residual**2) / (2.0 * cap))
    return np.asarray(np.copysign(np.sqrt(2.0 * half_squares), residual), dtype=np.float64)


class _Fit:
    """Robust least squares over pitch, roll, height and the logarithms of the sizes."""

    def __init__(self, people: Sequence[_Person]) -> None:
        self._count = len(people)
        self._stood_K3 = np.concatenate([person.stood for person in people])
        counts = [len(person.stood) for person in people]
        self._owner_K = np.repeat(np.arange(len(people)), counts)
        self._own = [np.flatnonzero(self._owner_K == k) for k in range(len(people))]
        self._share_K = 1.0 / np.array(counts, dtype=np.float64)[self._owner_K]
        self._sized = [k for k, p in enumerate(people) if p.is_sized and len(p.stood)]
        ups = [person.up for person in people if person.up is not None]
        self._ups_N3 = np.array(ups).reshape(-1, 3)
        self._tilt_sigma_2 = np.array([PITCH_SIGMA_RAD, ROLL_SIGMA_RAD])

    @property
    def has_feet(self) -> bool:
        """Whether anybody's feet stand anywhere."""
        return len(self._stood_K3) > 0

    def best(self) -> _World:
        """The likeliest world; a tilt that is not known well is none."""
        world, unsure_rad = self._likeliest()
        if unsure_rad > UNSURE_RAD:
            self._tilt_sigma_2 = np.full(2, _LEVEL_SIGMA_RAD)
            world, _ = self._likeliest()
            world = replace(world, pitch_rad=0.0, roll_rad=0.0)
        return world

    def off_m(self, world: _World) -> Float64:
        """How far (P,) m everybody's feet are from the ground in the middle; 0 without any."""
        up_3 = _up_of(world.pitch_rad, world.roll_rad)
        off_K = np.abs(world.sizes[self._owner_K] * (self._stood_K3 @ up_3) + world.height_m)
        return np.array([np.median(off_K[k]) if len(k) else 0.0 for k in self._own])

    def _likeliest(self) -> tuple[_World, float]:
        """The best of several starts, and how unsure its pitch is in radians."""
        low = np.array([-MAX_TILT_RAD, -MAX_TILT_RAD, _HEIGHTS_M[0]])
        high = np.array([MAX_TILT_RAD, MAX_TILT_RAD, _HEIGHTS_M[1]])
        sizes_low, sizes_high = (np.full(len(self._sized), np.log(size)) for size in SIZES)
        bounds = (np.concatenate([low, sizes_low]), np.concatenate([high, sizes_high]))
        fits = [
            least_squares(self._residuals, np.clip(start, *bounds), bounds=bounds)
            for start in self._starts()
        ]
        best = fits[int(np.argmin([fit.cost for fit in fits]))]
        precision = best.jac.T @ best.jac + 1e-12 * np.eye(len(best.x))
        pitch, roll, height = best.x[:3].tolist()
        world = _World(
            pitch_rad=pitch, roll_rad=roll, height_m=height, sizes=self._sizes(best.x[3:])
        )
        return world, float(np.sqrt(np.linalg.inv(precision)[0, 0]))

    def _starts(self) -> list[Float64]:
        """Level or as people stretch; the ground below the feet of one or another; either all
        people reach it by their size, or those alone who nearly do so without."""
        tilts = [(0.0, 0.0)]
        if len(self._ups_N3):
            up_3 = normalized(np.median(self._ups_N3, axis=0))
            tilts.append((-float(np.arcsin(up_3[1])), float(np.arctan2(-up_3[0], up_3[2]))))
        starts: list[Float64] = []
        for pitch, roll in tilts:
            below_K = np.maximum(-self._stood_K3 @ _up_of(pitch, roll), _HEIGHTS_M[0])
            below_P = np.array([np.median(below_K[k]) for k in self._own if len(k)])
            shares = np.linspace(0.0, 1.0, min(_STARTS, len(below_P)))
            for height in np.quantile(below_P, shares) if len(below_P) else [1.0]:
                sized = [float(np.median(below_K[self._own[k]])) for k in self._sized]
                reaching = np.log(height / np.array(sized))
                near = np.where(np.abs(reaching) < _NEAR, reaching, 0.0)
                starts += [np.array([pitch, roll, height, *logs]) for logs in (reaching, near)]
        return starts

    def _sizes(self, log_sizes: Float64) -> Float64:
        sizes_P = np.ones(self._count)
        sizes_P[self._sized] = np.exp(log_sizes)
        return sizes_P

    def _residuals(self, unknown: Float64) -> Float64:
        pitch, roll, height = unknown[:3]
        up_3 = _up_of(pitch, roll)
        sizes_P = self._sizes(unknown[3:])
        above_K = sizes_P[self._owner_K] * (self._stood_K3 @ up_3) + height
        caps_K = self._share_K * np.where(above_K > 0.0, RAISED_COST, SUNK_COST)
        log_sizes = unknown[3:] / SIZE_SIGMA
        return np.concatenate(
            [
                _capped(above_K / FOOT_SIGMA_M, caps_K),
                _capped((self._ups_N3 - up_3).ravel() / LEAN_SIGMA_RAD, RAISED_COST),
                np.where(log_sizes < 0.0, _capped(log_sizes, CHILD_COST), log_sizes),
                unknown[:2] / self._tilt_sigma_2,
            ]
        )
