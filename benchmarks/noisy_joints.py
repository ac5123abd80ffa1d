"""Noisy landmarks in, motion out: `python benchmarks/noisy_joints.py [--footage DIR] [--rate HZ]`.

Every BVH motion of the test data is carried over to the open body, and its landmarks are made as
wrong as the estimator's: off in depth by a constant (58 mm) and by what comes and goes within
0.15 s (50 mm), with 10 mm of jitter in depth and 5 mm sideways, as measured on the pose2sim
footage. Printed per motion: error of twelve joints after similarity alignment, acceleration as
a share of the true one, and how wrist speeds go together; as the peer in the same run, of the
landmarks themselves.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from exact_joints import known_and_seen, motion_files
from machine import heading
from pose2sim import JOINTS, acceleration, wrist_speed

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.pose_metrics import aligned_point_errors
from pose2rig.rigs.skeleton import JOINT

CONSTANT_M, DRIFT_M, DRIFT_S, JITTER_M, SIDEWAYS_M = 0.058, 0.050, 0.15, 0.010, 0.005
SECONDS = 12.0


def with_noise(raw: RawTake, seed: int) -> RawTake:
    """Return the take with the body's landmarks off as the estimator's are."""
    random = np.random.default_rng(seed)
    body = [k for k, name in enumerate(raw.landmark_names) if name.startswith("body_")]
    shape = (len(raw.time_s), len(body))
    drift = np.zeros(shape)
    drift[0] = random.normal(0, DRIFT_M, len(body))
    for frame, step_s in enumerate(np.diff(raw.time_s), start=1):
        keep = np.exp(-step_s / DRIFT_S)
        fresh = random.normal(0, DRIFT_M, len(body))
        drift[frame] = keep * drift[frame - 1] + np.sqrt(1 - keep**2) * fresh
    points = raw.landmarks3d.astype(np.float64)
    points[:, body, 2] += random.normal(0, CONSTANT_M, len(body)) + drift
    points[:, body, 2] += random.normal(0, JITTER_M, shape)
    points[:, body, :2] += random.normal(0, SIDEWAYS_M, (*shape, 2))
    return replace(raw, landmarks3d=points.astype(np.float32))


def cells(points_TN3: np.ndarray, truth_TN3: np.ndarray) -> str:
    """Three figures."""
    error = 1000 * float(aligned_point_errors(points_TN3, truth_TN3).mean())
    lively = acceleration(points_TN3) / acceleration(truth_TN3)
    wrists = np.corrcoef(wrist_speed(points_TN3), wrist_speed(truth_TN3))[0, 1]
    return f"{error:8.1f}{lively:8.2f}{wrists:8.2f}"


def measure(path: Path, body: BodyModel, rate_hz: float) -> str:
    """One motion's figures, the landmarks' before the clip's."""
    known, exact = known_and_seen(path, body, rate_hz, SECONDS)
    raw = with_noise(exact, seed=0)
    clip = process(raw, body, MotionSettings())
    truth = known.joints[:, [JOINT[name] for name in JOINTS]]
    marks = [raw.landmark_names.index(f"body_{name}") for name in JOINTS]
    joints = clip.joints[:, [JOINT[name] for name in JOINTS]].astype(np.float64)
    seen = raw.landmarks3d[:, marks].astype(np.float64)
    return f"{len(joints):>7}{cells(seen, truth)}{cells(joints, truth)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--rate", type=float, default=30.0, help="samples per second")
    options = parser.parse_args()
    paths = motion_files(options.footage)
    print(heading())
    body = load_open_body()
    print(f"{'':<26}{'':>7}{'landmarks':^24}{'clip':^24}")
    print(f"{'motion':<26}{'frames':>7}" + f"{'PA mm':>8}{'acc':>8}{'wrists':>8}" * 2)
    for path in paths:
        print(f"{path.stem:<26}{measure(path, body, options.rate)}", flush=True)


if __name__ == "__main__":
    main()
