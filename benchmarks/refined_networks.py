"""A network's frames in, motion out: `python benchmarks/refined_networks.py [--footage DIR]`.

Every BVH motion of the test data is carried over to the open body. Beside landmarks as wrong as
the estimator's (`estimated_landmarks.py`) stands what a research network would say
(`estimated_rotations.py`). Both go through the default processing, first with the network's
rotations as they are (`--refine never`), then refined. Printed per motion, before and after: mean
error of the body's 22 joints, pelvises together, the worlds turned about z once; the same after
similarity alignment of every frame; median error of rotations; acceleration as a share of the true
one; horizontal speed of heels and toes while they truly stand; as the peer in the same run, the
landmarks alone.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from estimated_landmarks import as_estimated
from estimated_rotations import Seen, with_estimate
from exact_joints import known_and_seen, motion_files
from machine import heading
from numpy.typing import NDArray
from rendered_motions import true_contacts

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.camera import CAMERA_FROM_WORLD
from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.metrics import foot_slide
from pose2rig.core_inference.motion.posing import quaternions
from pose2rig.core_inference.motion.soles import sole_points, soles_of
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.motion_metrics import accelerations
from pose2rig.core_inference.pose_metrics import (
    aligned_point_errors,
    level_alignment,
    point_errors,
    root_aligned,
    rotation_errors,
)
from pose2rig.core_inference.synthetic import KnownMotion, camera_position
from pose2rig.rigs.rotation import matrix_from_quaternion
from pose2rig.rigs.skeleton import world_rotations

Float64 = NDArray[np.float64]

RATE_HZ, SECONDS = 30.0, 10.0
BODY = 22
COLUMNS = ("mm", "PA", "deg", "acc", "cm/s")


def network_take(known: KnownMotion, raw: RawTake, body: BodyModel, seed: int) -> RawTake:
    """A take of landmarks with a network's rotations beside them, wrong as both are."""
    rotations = known.rotations.copy()
    rotations[:, 0] = CAMERA_FROM_WORLD @ rotations[:, 0]
    pelvis = (known.joints[:, 0] - camera_position(known.joints)) @ CAMERA_FROM_WORLD.T
    rest = np.asarray(body.rest_joints(known.open_betas), dtype=np.float64)
    seen = Seen(rotations=rotations, pelvis=pelvis, rest_joints=rest)
    return with_estimate(as_estimated(raw, seed), seen, seed + 1)


def figures(clip: Clip, known: KnownMotion, body: BodyModel) -> Float64:
    """The five figures of `COLUMNS`."""
    own, truth = clip.joints[:, :BODY].astype(np.float64), known.joints[:, :BODY]
    own_about, truth_about = root_aligned(own, own[:, 0]), root_aligned(truth, truth[:, 0])
    turn, _ = level_alignment(own_about.reshape(-1, 3), truth_about.reshape(-1, 3))
    rotations = np.asarray(matrix_from_quaternion(quaternions(clip)[:, :BODY]), dtype=np.float64)
    rotations[:, 0] = turn @ rotations[:, 0]
    degrees = np.degrees(np.median(rotation_errors(rotations, known.rotations[:, :BODY]), axis=0))
    world = np.asarray(world_rotations(known.rotations), dtype=np.float64)
    soles = soles_of(body, known.open_betas).at(world, known.joints)
    contacts = true_contacts(soles, clip.time_s)
    lively = accelerations(own, own[:, 0]).mean() / accelerations(truth, truth[:, 0]).mean()
    return np.array(
        [
            1000 * point_errors(own_about @ turn.T, truth_about).mean(),
            1000 * aligned_point_errors(own, truth).mean(),
            degrees.mean(),
            lively,
            100 * foot_slide(sole_points(clip, body), contacts, clip.time_s),
        ]
    )


def cells(figures_F: Float64) -> str:
    """Five figures."""
    mm, aligned, degrees, lively, slide = figures_F
    return f"{mm:7.1f}{aligned:6.1f}{degrees:6.1f}{lively:6.2f}{slide:6.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    paths = motion_files(options.footage)
    print(heading())
    body = load_open_body()
    print(f"{'':<26}{'as the network said':^31}{'refined':^31}{'landmarks alone':^31}")
    names = f"{COLUMNS[0]:>7}" + "".join(f"{name:>6}" for name in COLUMNS[1:])
    print(f"{'motion':<26}{3 * names}")
    rows: list[Float64] = []
    for path in paths:
        known, raw = known_and_seen(path, body, RATE_HZ, options.seconds)
        take = network_take(known, raw, body, options.seed)
        clips = (
            process(take, body, MotionSettings(refine="never")),
            process(take, body, MotionSettings()),
            process(replace(take, pose=None), body, MotionSettings()),
        )
        rows.append(np.stack([figures(clip, known, body) for clip in clips]))
        print(f"{path.stem:<26}{''.join(cells(row) for row in rows[-1])}", flush=True)
    print(f"{'mean':<26}{''.join(cells(row) for row in np.mean(rows, axis=0))}")


if __name__ == "__main__":
    main()
