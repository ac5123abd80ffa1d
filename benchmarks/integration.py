"""Hands joined to the body: `python benchmarks/integration.py [--footage DIR] [--frames N]`.

In the spirit of the dissertation's Table 4.6. The networks' errors are put into real motions,
carried over to the open body: elbows and wrists of the body rolled wrongly about the forearm
(normal, standard deviation in degrees), hands right within 5 degrees an axis, a share of them
random as of a box that shows no hand. Printed per size of error: the mean distance of the
vertices of forearms and hands with the pelvis in place (mm), and the mean distance of the whole
body's vertices after similarity alignment (PA MPVPE, mm), without integration, with Algorithm 1
without its anatomical limits and with them; in how many of the motions the three stand in this
order, worst first; and the shares of right and of random hands that the limits let through. All
motions weigh the same.

Table 4.6 itself compares the last two, 55.5 and 51.9 mm PA MPVPE of the whole body on EHF.

The last table says what joining does to a body that was right, with the two ways to compare
rolls: how far the elbow is turned (degrees).
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from exact_joints import motion_files
from machine import heading

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.clip import CAMERA_FROM_WORLD
from pose2rig.core_inference.estimators.integration import IntegrationSettings, integrate
from pose2rig.core_inference.pose_metrics import (
    aligned_point_errors,
    point_errors,
    rotation_errors,
)
from pose2rig.core_inference.synthetic_parts import (
    AVERAGE,
    PartErrors,
    arm_vertices,
    posed_vertices,
    seen_parts,
    with_body_pose,
)
from pose2rig.rigs.skeleton import JOINT

ROLLS_DEG = (20.0, 30.0, 45.0, 60.0)
LOST_SHARES = (0.0, 0.05, 0.1, 0.2)
WITHOUT = IntegrationSettings(anatomical_limits=False)
WITH = IntegrationSettings()
ELBOWS = [JOINT["left_elbow"], JOINT["right_elbow"]]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One motion at one size of error: mm without integration, without limits, with limits."""

    arms: tuple[float, float, float]
    whole: tuple[float, float, float]
    kept: tuple[float, float]


def measure(motion: np.ndarray, body: BodyModel, errors: PartErrors) -> Outcome:
    """Put the errors in, join, compare."""
    seen = seen_parts(motion, errors, seed=0)
    joined = [integrate(seen.poses, settings) for settings in (WITHOUT, WITH)]
    poses = [seen.poses.body_pose, *(result.body_pose for result in joined)]
    arms, whole = arm_vertices(body, 6), np.arange(0, len(body.v_template), 24)
    picked = np.concatenate([arms, whole])
    truth = posed_vertices(motion, body, picked)
    arm_mm, whole_mm = [], []
    for pose in poses:
        found = posed_vertices(with_body_pose(motion, pose), body, picked)
        split = len(arms)
        arm_mm.append(1000 * float(point_errors(found[:, :split], truth[:, :split]).mean()))
        aligned = aligned_point_errors(found[:, split:], truth[:, split:])
        whole_mm.append(1000 * float(aligned.mean()))
    let = [joined[1].accepted[which] for which in (~seen.lost, seen.lost)]
    return Outcome(
        arms=tuple(arm_mm),
        whole=tuple(whole_mm),
        kept=tuple(float(share.mean()) if share.size else np.nan for share in let),
    )


def in_order(three: tuple[float, float, float]) -> bool:
    """Whether each step helps."""
    return three[0] > three[1] > three[2]


def print_sizes(motions: dict[str, np.ndarray], body: BodyModel) -> None:
    """The errors over all sizes of what is wrong."""
    print(
        f"{'roll':>5}{'lost':>6}{'forearms, hands: none':>24}{'joined':>8}{'limits':>8}{'order':>7}"
        f"{'PA MPVPE: none':>17}{'joined':>8}{'limits':>8}{'order':>7}{'right':>8}{'random':>8}"
    )
    for roll in ROLLS_DEG:
        for lost in LOST_SHARES:
            errors = PartErrors(roll_deg=roll, lost_share=lost)
            results = [measure(motion, body, errors) for motion in motions.values()]
            arms = np.mean([result.arms for result in results], axis=0)
            whole = np.mean([result.whole for result in results], axis=0)
            kept = np.mean([result.kept for result in results], axis=0)
            orders = [
                f"{sum(in_order(three) for three in kind)}/{len(results)}"
                for kind in ([r.arms for r in results], [r.whole for r in results])
            ]
            print(
                f"{roll:>5.0f}{lost:>6.0%}{arms[0]:>24.1f}{arms[1]:>8.1f}{arms[2]:>8.1f}"
                f"{orders[0]:>7}{whole[0]:>17.1f}{whole[1]:>8.1f}{whole[2]:>8.1f}{orders[1]:>7}"
                f"{kept[0]:>8.0%}{'-' if not lost else format(kept[1], '.0%'):>8}"
            )


def print_rolls(motions: dict[str, np.ndarray]) -> None:
    """What joining does to elbows that were right."""
    print(f"\n{'elbow turned, degrees':<26}{'about the forearm':>22}{'in camera axes':>22}")
    print(" " * 26 + f"{'median':>10}{'p99':>6}{'max':>6}" * 2)
    for name, motion in motions.items():
        seen = seen_parts(motion, PartErrors(roll_deg=0.0, lost_share=0.0), seed=0)
        cells = ""
        for camera in (False, True):
            settings = IntegrationSettings(roll_in_camera=camera)
            joined = with_body_pose(motion, integrate(seen.poses, settings).body_pose)
            turned = np.degrees(rotation_errors(joined[:, ELBOWS], motion[:, ELBOWS]))
            middle, high, worst = np.quantile(turned, (0.5, 0.99, 1.0))
            cells += f"{middle:>10.1f}{high:>6.0f}{worst:>6.0f}"
        print(f"{name:<26}{cells}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--frames", type=int, default=200, help="frames of each motion")
    options = parser.parse_args()
    print(heading())
    body = load_open_body()
    rest = np.asarray(body.rest_joints(AVERAGE), dtype=np.float64)
    motions = {}
    for path in motion_files(options.footage):
        rotations = body_motion(load_bvh(path), rest).rotations
        picked = np.linspace(0, len(rotations) - 1, options.frames).astype(int)
        motions[path.stem] = rotations[picked]
        motions[path.stem][:, 0] = CAMERA_FROM_WORLD @ motions[path.stem][:, 0]
    print_sizes(motions, body)
    print_rolls(motions)


if __name__ == "__main__":
    main()
