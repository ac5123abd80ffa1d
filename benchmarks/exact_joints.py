"""Exact joints in, rotations out: `python benchmarks/exact_joints.py [--footage DIR] [--rate HZ]`.

Every BVH motion of the test data is carried over to the open body, which gives true rotations;
the body's landmarks, without any error, go through the solver as an estimator's would. Printed
per motion: mean joint error over the 55 joints with the pelvises together (the gate: 15 mm) and
as placed in the world; rotation errors in degrees, median over frames, of each body joint,
parent-relative. The peer in the same run is no solver at all: the rest pose turned and placed
by the hips' truth.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from machine import heading, shared_footage

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel, load_open_body
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.posing import quaternions
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.pose_metrics import point_errors, rotation_errors
from pose2rig.core_inference.synthetic import KnownMotion, camera_position, exact_take, known_motion
from pose2rig.rigs.rotation import matrix_from_quaternion
from pose2rig.rigs.skeleton import JOINT_COUNT, JOINT_NAMES, joint_positions, world_rotations

GATE_MM = 15.0
NO_MOTION = ("makehuman_face_poseunits",)
AVERAGE = np.zeros(SHAPE_COUNT)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One motion's errors: mm, degrees per joint (55,), seconds."""

    frames: int
    together_mm: float
    placed_mm: float
    worst_mm: float
    rest_pose_mm: float
    degrees: np.ndarray
    joint_mm: np.ndarray
    seconds: float


def motion_files(footage: Path | None) -> list[Path]:
    """The BVH files of the test data that hold a motion."""
    folder = shared_footage(footage) / "mocap"
    return [path for path in sorted(folder.glob("*.bvh")) if path.stem not in NO_MOTION]


def known_and_seen(
    path: Path, body: BodyModel, rate_hz: float, seconds: float | None = None
) -> tuple[KnownMotion, RawTake]:
    """A motion's first seconds carried over to the body, and its exact landmarks."""
    motion = body_motion(load_bvh(path), np.asarray(body.rest_joints(AVERAGE), dtype=np.float64))
    step = max(1, round(1.0 / rate_hz / (motion.time_s[1] - motion.time_s[0])))
    rows = slice(0, None if seconds is None else round(seconds * rate_hz) * step, step)
    known = known_motion(body, motion.rotations[rows], motion.trans[rows], AVERAGE)
    return known, exact_take(known, body, motion.time_s[rows])


def measure(path: Path, body: BodyModel, rate_hz: float) -> Outcome:
    """Solve one motion's exact landmarks."""
    known, raw = known_and_seen(path, body, rate_hz)
    rest = np.asarray(body.rest_joints(AVERAGE), dtype=np.float64)
    start = time.perf_counter()
    clip = solve(raw, body)
    seconds = time.perf_counter() - start
    own = clip.joints.astype(np.float64)
    truth = known.joints - camera_position(known.joints)
    together = 1000 * point_errors(own - own[:, :1], truth - truth[:, :1])
    own_rotations = np.asarray(matrix_from_quaternion(quaternions(clip)), dtype=np.float64)
    angles = np.degrees(rotation_errors(own_rotations, known.rotations))
    still = np.broadcast_to(np.eye(3), (len(own), JOINT_COUNT, 3, 3)).copy()
    still[:, 0] = known.rotations[:, 0]
    unmoved = joint_positions(world_rotations(still), rest, np.zeros((len(own), 3)))
    return Outcome(
        frames=len(own),
        together_mm=float(together.mean()),
        placed_mm=1000 * float(point_errors(own, truth).mean()),
        worst_mm=float(np.quantile(together, 0.99)),
        rest_pose_mm=1000
        * float(point_errors(unmoved - unmoved[:, :1], truth - truth[:, :1]).mean()),
        degrees=np.median(angles, axis=0),
        joint_mm=together.mean(axis=0),
        seconds=seconds,
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--rate", type=float, default=30.0, help="samples per second")
    options = parser.parse_args()
    paths = motion_files(options.footage)
    print(heading())
    body = load_open_body()
    outcomes = {path.stem: measure(path, body, options.rate) for path in paths}
    print(
        f"{'motion':<26}{'frames':>7}{'mean mm':>9}{'p99 mm':>8}{'placed':>8}{'rest':>7}"
        f"{'median deg':>12}{'s':>6}  gate {GATE_MM:g} mm"
    )
    for name, o in outcomes.items():
        verdict = "passes" if o.together_mm < GATE_MM else "FAILS"
        print(
            f"{name:<26}{o.frames:>7}{o.together_mm:>9.1f}{o.worst_mm:>8.1f}{o.placed_mm:>8.1f}"
            f"{o.rest_pose_mm:>7.0f}{np.median(o.degrees[:22]):>12.1f}{o.seconds:>6.2f}  {verdict}"
        )
    short = [name.split("_")[0][:6] + name[-5:] for name in outcomes]
    print("\nmean mm / median degrees per joint\n" + " " * 18 + "".join(f"{n:>14}" for n in short))
    for joint in range(22):
        cells = [f"{o.joint_mm[joint]:.0f} / {o.degrees[joint]:.1f}" for o in outcomes.values()]
        print(f"{JOINT_NAMES[joint]:<18}" + "".join(f"{cell:>14}" for cell in cells))
    fingers = [
        f"{o.joint_mm[25:].mean():.0f} / {np.median(o.degrees[25:]):.1f}" for o in outcomes.values()
    ]
    print(f"{'fingers':<18}" + "".join(f"{cell:>14}" for cell in fingers))


if __name__ == "__main__":
    main()
