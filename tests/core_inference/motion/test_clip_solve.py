"""The clip solve: long takes in windows without a seam, and better than single frames."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.motion import clip_solve
from pose2rig.core_inference.motion.solve import solve, solve_frames
from pose2rig.core_inference.pose_metrics import point_errors
from pose2rig.core_inference.synthetic import KnownMotion, exact_take

from ..known_motions import FPS, random_motion
from ..walkers import walk

Float64 = NDArray[np.float64]

DEPTH_M, DEPTH_S, SIDEWAYS_M, PIXELS = 0.06, 0.2, 0.01, 4.0
"""What an estimator is off: depth by drifts, the rest from frame to frame."""


def estimated(raw: RawTake, seed: int) -> RawTake:
    """The take with the errors of an estimator."""
    rng = np.random.default_rng(seed)
    count, marks = raw.landmarks3d.shape[:2]
    knots = rng.normal(0.0, DEPTH_M, (round(count / FPS / DEPTH_S) + 2, marks))
    frames = np.linspace(0.0, len(knots) - 1.0, count)
    drift = np.stack([np.interp(frames, np.arange(len(knots)), k) for k in knots.T], axis=1)
    noise = rng.normal(0.0, SIDEWAYS_M, raw.landmarks3d.shape)
    noise[..., 2] += drift
    shaken = rng.normal(0.0, PIXELS, raw.landmarks2d.shape)
    return replace(
        raw,
        landmarks3d=(raw.landmarks3d + noise).astype(np.float32),
        landmarks2d=(raw.landmarks2d + shaken).astype(np.float32),
    )


def body_errors(clip: Clip, motion: KnownMotion) -> Float64:
    """Distances (T,22) m of the body's joints, pelvises together."""
    own = clip.joints[:, :22].astype(np.float64)
    return point_errors(own - own[:, :1], motion.joints[:, :22] - motion.joints[:, :1])


@pytest.mark.parametrize("seed", [1, 2])
def test_noisy_landmarks_come_out_better_than_of_single_frames(body: BodyModel, seed: int) -> None:
    for (motion, time_s), share in (
        (random_motion(body, seed, seconds=3.0), 0.9),
        (walk(body, seconds=3.0), 0.8),
    ):
        raw = estimated(exact_take(motion, body, time_s), seed)
        together, single = solve(raw, body), solve_frames(raw, body)
        errors = [body_errors(clip, motion).mean() for clip in (together, single)]
        assert errors[0] < share * errors[1]
        shaking = [
            np.linalg.norm(np.diff(clip.joints[:, :22], n=2, axis=0), axis=-1).mean()
            for clip in (together, single)
        ]
        assert shaking[0] < 0.35 * shaking[1]


def test_bones_keep_one_length(body: BodyModel) -> None:
    motion, time_s = random_motion(body, seed=3, seconds=1.0)
    clip = solve(estimated(exact_take(motion, body, time_s), 3), body)
    shin = np.linalg.norm(clip.joints[:, 7] - clip.joints[:, 4], axis=-1)
    assert np.ptp(shin) < 1e-5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_frames_are_enough(body: BodyModel, count: int) -> None:
    motion, time_s = walk(body, seconds=1.0)
    rows = slice(0, count)
    part = KnownMotion(
        rotations=motion.rotations[rows], joints=motion.joints[rows], open_betas=motion.open_betas
    )
    clip = solve(exact_take(part, body, time_s[rows]), body)
    assert body_errors(clip, part).mean() < 0.02


def in_windows(
    raw: RawTake, body: BodyModel, window: int, monkeypatch: pytest.MonkeyPatch
) -> Float64:
    monkeypatch.setattr(clip_solve, "WINDOW", window)
    return solve(raw, body).joints.astype(np.float64)


@pytest.mark.slow
def test_windows_leave_no_seam(body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two windows beside one over all, of a walker across the picture as an estimator sees it."""
    motion, time_s = walk(body, seconds=20.0, speed_m_s=0.3, turn_deg=90.0)
    raw = estimated(exact_take(motion, body, time_s), 4)
    first, last = clip_solve.WINDOW - clip_solve.OVERLAP, clip_solve.WINDOW
    assert len(time_s) > last
    parted = in_windows(raw, body, clip_solve.WINDOW, monkeypatch)
    whole = in_windows(raw, body, 10 * len(time_s), monkeypatch)
    apart = np.linalg.norm(parted - whole, axis=-1)
    assert np.median(apart) < 0.001
    assert apart.max() < 0.008
    leaps = np.diff(parted - whole, n=2, axis=0)[first - 3 : last + 3] * FPS**2
    assert np.linalg.norm(leaps, axis=-1).max() < 1.0
