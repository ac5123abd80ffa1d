"""What a mesh regressor says of a known motion: the right motion with a regressor's errors.

They measure and test the calibration. A regressor is wrong about every joint by a turn that half
stays and half comes and goes, and about the shape.

Legend: T frames, J joints (55), V vertices.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from ..rigs.skeleton import JOINT_COUNT, joint_positions, world_rotations
from .body_model import SHAPE_COUNT, BodyModel
from .clip import EstimatedPose
from .synthetic import KnownMotion, camera_position

Float64 = NDArray[np.float64]

BODY_JOINTS = 22
"""Pelvis to wrists: the joints that are wrong. Fingers, jaw and eyes are as they were."""


@dataclass(frozen=True, kw_only=True)
class RegressorErrors:
    """How wrong a regressor is, standard deviations.

    joint_rad, orient_rad: of each joint's turn and of the whole person's, per axis, half of the
    variance constant and half coming and going within drift_s; shape: what it gives a person as
    components, whatever the person's own are. As they stand, joints are 88 mm off on recorded
    motions of people of shape 1, as HMR's are on Human3.6M (PC-HMR, table 1).
    """

    joint_rad: float = np.radians(5.0)
    orient_rad: float = np.radians(3.5)
    drift_s: float = 0.4
    shape: float = 1.5


def regressed(
    motion: KnownMotion,
    body: BodyModel,
    time_s_T: Float64,
    random: np.random.Generator,
    errors: RegressorErrors | None = None,
) -> EstimatedPose:
    """Return pose and mesh (T,V,3) of the open body as a regressor in a level camera gives them.

    The pelvis is where it was; the armature is of the average shape, as with the open body it is,
    the mesh of the regressor's own.
    """
    errors = errors or RegressorErrors()
    size_J1 = np.zeros((JOINT_COUNT, 1))
    size_J1[:BODY_JOINTS] = errors.joint_rad
    size_J1[0] = errors.orient_rad
    turns_TJ3 = size_J1 * wandering(random, time_s_T, (JOINT_COUNT, 3), errors.drift_s)
    rotations_TJ33 = motion.rotations @ matrix_from_axis_angle(turns_TJ3)
    betas = random.normal(0, errors.shape, SHAPE_COUNT)
    pelvis_T3 = motion.joints[:, 0] - camera_position(motion.joints)
    world_TJ33 = world_rotations(rotations_TJ33)
    shaped_J3 = body.rest_joints(betas)
    joints_TJ3 = joint_positions(world_TJ33, shaped_J3, pelvis_T3 - shaped_J3[0])
    rest_J3 = body.rest_joints(np.zeros(SHAPE_COUNT))
    count = len(time_s_T)
    return EstimatedPose(
        poses=axis_angle_from_matrix(rotations_TJ33).reshape(count, -1).astype(np.float32),
        trans=(pelvis_T3 - rest_J3[0]).astype(np.float32),
        rest_joints=rest_J3.astype(np.float32),
        betas=np.zeros(10, dtype=np.float32),
        frame_betas=np.zeros((count, 10), dtype=np.float32),
        expression=np.zeros((count, 10), dtype=np.float32),
        body_model="open",
        vertices=body.skin(world_TJ33, joints_TJ3, betas).astype(np.float32),
    )


def wandering(
    random: np.random.Generator, time_s_T: Float64, shape: tuple[int, ...], drift_s: float
) -> Float64:
    """Numbers (T,*shape) of variance 1: half of it constant, half forgotten within drift_s."""
    fresh = random.normal(size=(len(time_s_T), *shape))
    drift = fresh.copy()
    for frame, step_s in enumerate(np.diff(time_s_T), start=1):
        keep = np.exp(-step_s / drift_s)
        drift[frame] = keep * drift[frame - 1] + np.sqrt(1 - keep**2) * fresh[frame]
    return np.sqrt(0.5) * (drift + random.normal(size=shape))
