"""Somebody in the T-pose before a level camera, as a clip."""

from collections.abc import Sequence

import numpy as np

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import Camera, Clip, replaced
from pose2rig.core_inference.motion.posing import pose_arrays
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import quaternion_from_matrix
from pose2rig.rigs.skeleton import JOINT_COUNT


def standing(size: tuple[int, int], frames: Sequence[int]) -> Clip:
    """Somebody in the T-pose, 4 m in front of a level camera, in the given source frames."""
    body = load_open_body()
    betas = np.zeros(10)
    count = len(frames)
    rotations = np.tile(np.eye(3), (count, JOINT_COUNT, 1, 1))
    rotations[:, 0] = UPRIGHT
    rest = body.rest_joints(betas)
    camera = Camera(
        focal=np.full(2, 1.5 * min(size), np.float32),
        principal_point=np.array(size, np.float32) / 2,
        image_size=np.array(size, np.int32),
        rotation=np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32),
        translation=np.array([0, 1, 4], np.float32),
    )
    pelvis = np.tile([0.0, 0.0, 1.0], (count, 1))
    return Clip(
        **pose_arrays(quaternion_from_matrix(rotations), pelvis - rest[0], rest, camera),
        betas=np.zeros(10, np.float32),
        open_betas=betas.astype(np.float32),
        rest_joints=rest.astype(np.float32),
        expression=np.zeros((count, 10), np.float32),
        scores=np.ones((count, JOINT_COUNT), np.float32),
        tracked=np.ones(count, np.bool_),
        contacts=np.zeros((count, 4), np.float32),
        time_s=np.array(frames) / 30.0,
        frame_index=np.array(frames, np.int64),
        frame_rate=30.0,
        camera=camera,
        body_model="open",
        provenance={"program": "test"},
    )


def beside(clip: Clip, metres: float) -> Clip:
    """The same person, so far to the camera's right."""
    away = np.array([metres, 0, 0], np.float32)
    joints = clip.joints + away
    return replaced(
        clip,
        trans=clip.trans + away,
        joints=joints,
        joints2d=clip.camera.project(joints).astype(np.float32),
    )
