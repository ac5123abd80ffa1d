"""The clip solve: all frames of a person at once, from what single frames gave.

Sought is the motion of one body of fixed lengths that meets the landmarks' pixels and moves as
they do, agrees with their depth as far as that can be trusted, holds itself as people do, lets
resting feet rest on one ground, and does not leap. Gauss-Newton, the slopes of points exact, those
of large turns to first order; the equations of a frame reach two frames ahead, so that time grows
with the length of the take. Long takes go in overlapping windows, blended where they overlap.

Legend: T frames, N points, L links, M moving joints, S sole points, P parameters of a frame.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import ClipFileError
from ...rigs.rotation import (
    axis_angle_from_matrix,
    matrix_from_quaternion,
    quaternion_from_matrix,
    slerp,
)
from ...rigs.skeleton import JOINT
from .banded import NormalEquations
from .chain import MOVING, PARAMETERS, Chain, ChainPose, PlacedChain
from .depth import second_differences
from .evidence import FOLLOW_SIGMA_M, LINKS, NAMES, Evidence
from .filling import trust_from_score
from .hinges import ELBOWS, beyond_hinges
from .pose_prior import LIMIT_SIGMA_RAD, PosePrior, load_pose_prior
from .stance import SOLE_MARKS, SOLES, Stance, find_stance

Float64 = NDArray[np.float64]

ROUNDS = (6, 5)
"""Steps before feet rest and after."""

PRIOR_SHARE = 0.6
"""What the usual poses weigh: their joints go together, and frames are not news one by one."""

UNSEEN_SIGMA_RAD = 0.07
"""How far a joint that nothing shows turns from where its neighbours in time have it, or rest."""

TOLD_SIGMA_M = 0.03
"""How far the pelvis is from the depth that a network made for it says."""

HEAD_SIGMA_RAD = 0.15
"""How far the head may turn from where the face shows it."""

ROOT_ACCELERATION_MS2 = 3.0
TURN_ACCELERATION_RAD_S2 = 120.0
"""How the pelvis accelerates in depth, and joints in turning, at the cost of one sigma."""

TILT_SIGMA_RAD = np.radians(12.0)
SWAY_SIGMA_RAD = np.radians(10.0)
TILT_WALK_RAD = np.radians(5.0)
"""An estimator sees a person leaning as a whole: to or from the camera, to its left or right; by
so much, changing by so much in a second."""

SLIDE_M_S = 0.015
GROUND_SIGMA_M = 0.01
"""How fast a resting sole moves and how far off the ground it is, at the cost of one sigma."""

ROBUST = 3.0
"""What is off by more sigmas loses its say."""

WINDOW = 480
OVERLAP = 60
"""Frames solved at once, and how many of them two windows share."""

_DAMPING = 1e-3
_LARGEST_STEP_RAD = 0.5
_SMALLEST_STEP_RAD = 2e-3
_RATE_HZ = 30.0
_MARKS = slice(len(NAMES))
_ALL = PARAMETERS + 2
_TURNS = slice(3, PARAMETERS)
_POSTURE = slice(6, PARAMETERS)
_LEAN = slice(PARAMETERS, _ALL)
_HEAD = [MOVING.index(JOINT[n]) for n in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]


def solve_clip(chain: Chain, start: ChainPose, evidence: Evidence) -> ChainPose:
    """Solve a whole take (T frames), from a pose for every frame, in the world of its camera.

    Raises ClipFileError where numbers that make no sense leave nothing to solve.
    """
    try:
        pose = _in_windows(chain, start, start, evidence, None)
        stance = _stance(chain.placed(pose), evidence)
        return _in_windows(chain, pose, start, evidence, stance)
    except np.linalg.LinAlgError as error:
        raise ClipFileError(
            "the raw take cannot be solved",
            expected="landmarks of a person, in pixels and metres",
            actual=str(error),
            next_step="capture the footage again",
        ) from error


def _stance(placed: PlacedChain, evidence: Evidence) -> Stance:
    trust_TS = evidence.trust[:, SOLE_MARKS]
    return find_stance(placed.points, trust_TS, evidence.camera, evidence.time_s)


def _in_windows(
    chain: Chain,
    pose: ChainPose,
    single: ChainPose,
    evidence: Evidence,
    stance: Stance | None,
) -> ChainPose:
    """Solve window by window, each blended into the one before where they overlap."""
    count = len(evidence.time_s)
    solved: ChainPose | None = None
    for first in range(0, max(count - OVERLAP, 1), WINDOW - OVERLAP):
        frames = slice(first, min(first + WINDOW, count))
        window = _Window(
            chain=chain,
            single=single.part(frames),
            head=chain.placed(single.part(frames)).world[:, JOINT["head"]],
            evidence=evidence.part(frames),
            stance=None if stance is None else stance.part(frames),
        )
        part = window.solve(pose.part(frames))
        solved = part if solved is None else _joined(solved, part, first)
    assert solved is not None, "a take has at least one frame"
    return solved


def _joined(early: ChainPose, late: ChainPose, first: int) -> ChainPose:
    """Both parts as one; the second begins at frame `first` of the first."""
    shared = len(early.pelvis) - first
    share_B = trust_from_score(np.arange(shared) + 0.5, 0.0, shared)
    turn = np.broadcast_to(share_B[:, None], (shared, early.rotations.shape[1]))
    ends = (
        quaternion_from_matrix(early.rotations[first:]),
        quaternion_from_matrix(late.rotations[:shared]),
    )
    between = matrix_from_quaternion(slerp(*ends, turn))
    place = early.pelvis[first:] + share_B[:, None] * (late.pelvis[:shared] - early.pelvis[first:])
    return ChainPose(
        rotations=np.concatenate([early.rotations[:first], between, late.rotations[shared:]]),
        pelvis=np.concatenate([early.pelvis[:first], place, late.pelvis[shared:]]),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Moment:
    """Where a round of a window begins: the slopes (T,N,3,P) of its points among it; how deep links
    (T,L) and the pelvis (T,1) are, m, with their slopes (T,L,P) and (T,1,P)."""

    pose: ChainPose
    placed: PlacedChain
    slopes: Float64
    lean: Float64
    links: tuple[Float64, Float64]
    pelvis: tuple[Float64, Float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Window:
    """The terms of some frames, the pose that each gave by itself, and the head in it (T,3,3)."""

    chain: Chain
    single: ChainPose
    head: Float64
    evidence: Evidence
    stance: Stance | None

    def solve(self, pose: ChainPose) -> ChainPose:
        """Gauss-Newton, robust weights anew in each round."""
        frames = len(self.evidence.time_s)
        lean_T2 = np.zeros((frames, 2))
        for _ in range(ROUNDS[0 if self.stance is None else 1]):
            now = self._moment(pose, lean_T2)
            equations = NormalEquations(frames, _ALL)
            for add in self._terms():
                add(equations, now)
            step_TP = equations.step(_DAMPING)
            lean_T2 = lean_T2 + step_TP[:, _LEAN]
            turns_TM = step_TP[:, _TURNS]
            largest = float(np.abs(turns_TM).max())
            np.clip(turns_TM, -_LARGEST_STEP_RAD, _LARGEST_STEP_RAD, out=turns_TM)
            pose = pose.moved(step_TP[:, :PARAMETERS])
            if largest < _SMALLEST_STEP_RAD:
                break
        return pose

    def _moment(self, pose: ChainPose, lean_T2: Float64) -> _Moment:
        placed = self.chain.placed(pose)
        slopes_TN3P = np.zeros((*placed.points.shape, _ALL))
        slopes_TN3P[..., :PARAMETERS] = self.chain.slopes(placed)
        forward_T3 = self.evidence.camera[:, 2]
        depth_TN = (placed.points[:, _MARKS] * forward_T3[:, None]).sum(axis=-1)
        slopes_TNP = (slopes_TN3P[:, _MARKS] * forward_T3[:, None, :, None]).sum(axis=-2)
        pelvis_T1 = (pose.pelvis * forward_T3).sum(axis=-1, keepdims=True)
        slopes_T1P = np.zeros((len(forward_T3), 1, _ALL))
        slopes_T1P[:, 0, :3] = forward_T3
        return _Moment(
            pose=pose,
            placed=placed,
            slopes=slopes_TN3P,
            lean=lean_T2,
            links=(depth_TN @ LINKS.T, LINKS @ slopes_TNP),
            pelvis=(pelvis_T1, slopes_T1P),
        )

    def _terms(self) -> list[Callable[[NormalEquations, _Moment], None]]:
        terms = [self._pixels, self._depth, self._posture, self._head_stays, self._unseen_stay]
        if len(self.evidence.time_s) > 2:
            terms += [self._depth_is_calm, self._turns_are_calm]
            if self.stance is not None:
                terms += [self._soles_rest]
        return terms

    def _pixels(self, equations: NormalEquations, now: _Moment) -> None:
        """Points lie on the rays of their pixels, and move as these do."""
        evidence = self.evidence
        camera_T133 = evidence.camera[:, None]
        seen_TN3 = (camera_T133 @ now.placed.points[:, _MARKS, :, None])[..., 0]
        turned_TN3P = camera_T133 @ now.slopes[:, _MARKS]
        rays_TN21 = evidence.rays[..., None]
        missed_TN2 = seen_TN3[..., :2] - evidence.rays * seen_TN3[..., 2:]
        slopes_TN2P = turned_TN3P[..., :2, :] - rays_TN21 * turned_TN3P[..., 2:, :]
        sigma_N = evidence.sideways_sigma_m
        off_TN = np.linalg.norm(missed_TN2, axis=-1) / sigma_N
        weight_TN1 = (np.sqrt(evidence.trust) * self._say(off_TN) / sigma_N)[..., None]
        equations.add(_rows(missed_TN2 * weight_TN1), _rows(slopes_TN2P * weight_TN1[..., None]))
        if len(missed_TN2) < 2:
            return
        gap_K11 = np.sqrt(np.diff(evidence.time_s) * _RATE_HZ)[:, None, None]
        sigma_K11 = evidence.noise * FOLLOW_SIGMA_M * gap_K11
        leap_KN2 = np.diff(missed_TN2, axis=0) / sigma_K11
        sure_KN = np.sqrt(np.minimum(evidence.trust[1:], evidence.trust[:-1]))
        say_KN1 = (sure_KN * self._say(np.linalg.norm(leap_KN2, axis=-1)))[..., None]
        weight_KN11 = (say_KN1 / sigma_K11)[..., None]
        equations.add_spans(
            _rows(leap_KN2 * say_KN1),
            [_rows(-weight_KN11 * slopes_TN2P[:-1]), _rows(weight_KN11 * slopes_TN2P[1:])],
        )

    def _depth(self, equations: NormalEquations, now: _Moment) -> None:
        """Links are as deep as the landmarks say, who lean as a whole."""
        evidence = self.evidence
        depth_TL, links_TLP = now.links
        slopes_TLP = links_TLP.copy()
        slopes_TLP[..., _LEAN] = evidence.link_aside
        leaning_TL = (evidence.link_aside @ now.lean[..., None])[..., 0]
        weight_TL = np.sqrt(evidence.link_trust) / evidence.depth_sigma_m
        off_TL = (depth_TL + leaning_TL - evidence.link_depth) * weight_TL
        say_TL = self._say(off_TL)
        equations.add(off_TL * say_TL, slopes_TLP * (weight_TL * say_TL)[..., None])
        if evidence.pelvis_depth is not None:
            pelvis_T1, slopes_T1P = now.pelvis
            off_T1 = (pelvis_T1 - evidence.pelvis_depth[:, None]) / TOLD_SIGMA_M
            equations.add(off_T1, slopes_T1P / TOLD_SIGMA_M)
        sigma_2 = evidence.noise * np.array([TILT_SIGMA_RAD, SWAY_SIGMA_RAD])
        equations.add_own(now.lean / sigma_2, _LEAN, [1.0 / sigma_2])
        if len(depth_TL) > 1:
            walk_K1 = TILT_WALK_RAD * np.sqrt(np.diff(evidence.time_s))[:, None]
            part_K2 = np.broadcast_to(1.0 / walk_K1, (len(walk_K1), 2))
            change_K2 = now.lean[1:] - now.lean[:-1]
            equations.add_own(change_K2 * part_K2, _LEAN, [-part_K2, part_K2])

    def _depth_is_calm(self, equations: NormalEquations, now: _Moment) -> None:
        """Limbs have mass: what accelerates little sideways does not in depth either."""
        bound_TL = self.evidence.link_bound
        bound_T1 = np.full((len(bound_TL), 1), ROOT_ACCELERATION_MS2)
        for (values, slopes), bound in ((now.links, bound_TL), (now.pelvis, bound_T1)):
            parts = self._differences()[..., None] / bound[1:-1]
            equations.add_spans(
                _along(parts, values),
                [
                    part[..., None] * slopes[ahead : ahead + len(part)]
                    for ahead, part in enumerate(parts)
                ],
            )

    def _turns_are_calm(self, equations: NormalEquations, now: _Moment) -> None:
        """Joints do not leap, also where no landmark shows how they turn."""
        turns_TM33 = now.pose.rotations[:, list(MOVING)]
        time_s = self.evidence.time_s
        between = axis_angle_from_matrix(np.swapaxes(turns_TM33[:-1], -1, -2) @ turns_TM33[1:])
        speed_KM3 = between / np.diff(time_s)[:, None, None]
        middle_K = (time_s[2:] - time_s[:-2])[:, None] / 2
        change_KM = np.diff(speed_KM3, axis=0).reshape(len(middle_K), -1) / middle_K
        parts = self._differences()[..., None] / TURN_ACCELERATION_RAD_S2
        equations.add_own(change_KM / TURN_ACCELERATION_RAD_S2, _TURNS, list(parts))

    def _posture(self, equations: NormalEquations, now: _Moment) -> None:
        """Joints are held as people hold them, within what joints can do."""
        prior: PosePrior = load_pose_prior()
        angles_TM3 = axis_angle_from_matrix(now.pose.rotations[:, list(MOVING)[1:]])
        angles_TQ = angles_TM3.reshape(len(angles_TM3), -1)
        unusual_TQ = prior.unusual(angles_TQ)
        far_T = np.sqrt(np.square(unusual_TQ).mean(axis=1))
        weight_T1 = PRIOR_SHARE * _say(far_T)[:, None]
        slopes_TQP = np.zeros((*angles_TQ.shape, _ALL))
        slopes_TQP[..., _POSTURE] = weight_T1[..., None] * prior.whiten.T
        equations.add(unusual_TQ * weight_T1, slopes_TQP)
        beyond_TQ = prior.beyond(angles_TQ)
        limits_TQ = np.where(beyond_TQ == 0.0, 0.0, 1.0 / LIMIT_SIGMA_RAD)
        equations.add_own(beyond_TQ, _POSTURE, [limits_TQ])
        off_TE, slopes_TE3 = beyond_hinges(self.chain, now.pose.rotations)
        hinges_TEP = np.zeros((*off_TE.shape, _ALL))
        for number, elbow in enumerate(ELBOWS):
            first = 3 + 3 * MOVING.index(elbow)
            hinges_TEP[:, number, first : first + 3] = slopes_TE3[:, number]
        equations.add(off_TE / LIMIT_SIGMA_RAD, hinges_TEP / LIMIT_SIGMA_RAD)

    def _head_stays(self, equations: NormalEquations, now: _Moment) -> None:
        """The head looks where the face shows it to."""
        world_TJ33 = now.placed.world
        back_T33 = np.swapaxes(world_TJ33[:, JOINT["head"]], -1, -2)
        turn_T33 = np.swapaxes(self.head, -1, -2) @ world_TJ33[:, JOINT["head"]]
        away_T3 = axis_angle_from_matrix(turn_T33)
        slopes_T3P = np.zeros((len(away_T3), 3, _ALL))
        for number in _HEAD:
            columns = slice(3 + 3 * number, 6 + 3 * number)
            slopes_T3P[..., columns] = back_T33 @ world_TJ33[:, MOVING[number]]
        equations.add(away_T3 / HEAD_SIGMA_RAD, slopes_T3P / HEAD_SIGMA_RAD)

    def _unseen_stay(self, equations: NormalEquations, now: _Moment) -> None:
        """Joints that nothing shows stay where single frames left them."""
        joints = list(MOVING)
        before_TM33 = np.swapaxes(self.single.rotations[:, joints], -1, -2)
        away_TM3 = axis_angle_from_matrix(before_TM33 @ now.pose.rotations[:, joints])
        weight_TM1 = self.evidence.unseen[..., None] / UNSEEN_SIGMA_RAD
        part_TQ = np.broadcast_to(weight_TM1, away_TM3.shape).reshape(len(away_TM3), -1)
        equations.add_own(_rows(away_TM3) * part_TQ, _TURNS, [part_TQ])

    def _soles_rest(self, equations: NormalEquations, now: _Moment) -> None:
        """Soles in contact stay where they are, on the ground."""
        stance = self.stance
        assert stance is not None, "asked without a stance"
        soles_TS3 = now.placed.points[:, SOLES]
        slopes_TS3P = now.slopes[:, SOLES]
        gap_K1 = np.diff(self.evidence.time_s)[:, None]
        both_KS = np.minimum(stance.contacts[1:], stance.contacts[:-1])
        weight_KS1 = (both_KS * np.sqrt(_RATE_HZ / gap_K1) / SLIDE_M_S)[..., None]
        parts_KS3P = (
            weight_KS1[..., None] * slopes_TS3P[:-1],
            weight_KS1[..., None] * slopes_TS3P[1:],
        )
        equations.add_spans(
            _rows(np.diff(soles_TS3, axis=0) * weight_KS1),
            [_rows(-parts_KS3P[0]), _rows(parts_KS3P[1])],
        )
        off_TS = (soles_TS3 @ stance.up - stance.ground_m) / GROUND_SIGMA_M
        weight_TS = stance.contacts * _say(stance.contacts * off_TS)
        slopes_TSP = (slopes_TS3P * stance.up[:, None]).sum(axis=-2) / GROUND_SIGMA_M
        equations.add(off_TS * weight_TS, slopes_TSP * weight_TS[..., None])

    def _say(self, sigmas: Float64) -> Float64:
        """The same for landmarks, against an estimator's sigma."""
        return _say(self.evidence.noise * sigmas)

    def _differences(self) -> Float64:
        return second_differences(self.evidence.time_s)


def _say(sigmas: Float64) -> Float64:
    """What a term still weighs that is off by so many sigmas: Geman and McClure (1987)."""
    return 1.0 / (1.0 + (sigmas / ROBUST) ** 2)


def _along(parts: Float64, values_TR: Float64) -> Float64:
    """The sums (T-2,R) of three neighbours' values, each times its part (3,T-2,R)."""
    count = parts.shape[1]
    return np.sum([part * values_TR[k : k + count] for k, part in enumerate(parts)], axis=0)


def _rows(terms: Float64) -> Float64:
    """Terms (T,N,D) or (T,N,D,P) as rows of their frame: (T,R) or (T,R,P)."""
    return terms.reshape(len(terms), -1, *terms.shape[3:])
