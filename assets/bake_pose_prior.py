"""Bake how people hold themselves: `python bake_pose_prior.py MOCAP_FOLDER [OUT.npz]`.

Every BVH motion of the folder is carried over to the open body; what the joints do, and what
they do mirrored, gives a mean and a covariance of their axis-angle numbers. Motions count alike
whatever their length. The spread is made half as wide again and no component narrower than 0.04
rad, for a few motions are not all that people do.
"""

import sys
from pathlib import Path

import numpy as np

from pose2rig.core_inference.body_model import SHAPE_COUNT, load_open_body
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.motion.chain import MOVING
from pose2rig.rigs.rotation import axis_angle_from_matrix
from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES

WIDER = 1.5
FLOOR_RAD = 0.04
NO_MOTION = ("makehuman_face_poseunits",)


def poses_of(path: Path, rest_joints: np.ndarray) -> np.ndarray:
    """Axis-angle (T,55,3) of a motion carried over to the body."""
    motion = body_motion(load_bvh(path), rest_joints)
    return np.asarray(axis_angle_from_matrix(motion.rotations), dtype=np.float64)


def mirrored(poses_TJ3: np.ndarray) -> np.ndarray:
    """The same poses with left and right exchanged."""
    swap = {"left": "right", "right": "left"}
    order = [
        JOINT["_".join((swap.get(side, side), *rest))]
        for side, *rest in (name.split("_") for name in JOINT_NAMES)
    ]
    return poses_TJ3[:, order] * np.array([1.0, -1.0, -1.0])


def spread_of(motions: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean (Q,) and covariance (Q,Q) over motions (T,55,3) that count alike."""
    joints = list(MOVING)[1:]
    both = [poses for motion in motions for poses in (motion, mirrored(motion))]
    rows = np.concatenate([poses[:, joints].reshape(len(poses), -1) for poses in both])
    weights = np.concatenate([np.full(len(poses), 1.0 / len(poses)) for poses in both])
    weights /= weights.sum()
    mean = weights @ rows
    away = rows - mean
    covariance = WIDER**2 * (away * weights[:, None]).T @ away
    return mean, covariance + FLOOR_RAD**2 * np.eye(len(mean))


def main() -> None:
    """Bake and say what of."""
    folder = Path(sys.argv[1])
    default = Path(__file__).parent / "pose_prior.npz"
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else default
    rest = np.asarray(load_open_body().rest_joints(np.zeros(SHAPE_COUNT)), dtype=np.float64)
    paths = [path for path in sorted(folder.glob("*.bvh")) if path.stem not in NO_MOTION]
    mean, covariance = spread_of([poses_of(path, rest) for path in paths])
    np.savez(out, mean=mean.astype(np.float32), covariance=covariance.astype(np.float32))
    print(f"{out.name}: {len(mean)} numbers of {', '.join(path.stem for path in paths)}")


if __name__ == "__main__":
    main()
