"""Exact joints in, rotations out, on real motion capture."""

from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.pose_metrics import point_errors
from pose2rig.core_inference.synthetic import exact_take, known_motion

from ..known_motions import AVERAGE

MOTIONS = (
    "cmu_01_01_forward_jumps",
    "cmu_12_01_walk",
    "cmu_jumping_jacks",
    "fair1_wave_hello",
    "fair1_zombie",
    "pymo_expressive_walk",
    "rokoko_dance_fingers",
)

STEP_S = 1 / 15
"""Samples this far apart show the same poses as all frames do."""


@pytest.mark.slow
@pytest.mark.parametrize("name", MOTIONS)
def test_mean_joint_error_is_under_15_mm(shared_dir: Path, name: str):
    body = load_open_body()
    path = shared_dir / "footage" / "mocap" / f"{name}.bvh"
    motion = body_motion(load_bvh(path), np.asarray(body.rest_joints(AVERAGE), dtype=np.float64))
    step = max(1, round(STEP_S / (motion.time_s[1] - motion.time_s[0])))
    known = known_motion(body, motion.rotations[::step], motion.trans[::step], AVERAGE)
    clip = solve(exact_take(known, body, motion.time_s[::step]), body)
    joints = clip.joints.astype(np.float64)
    errors = point_errors(joints - joints[:, :1], known.joints - known.joints[:, :1])
    assert errors.mean() < 0.015
