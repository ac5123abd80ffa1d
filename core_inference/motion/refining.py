"""What a research network says of a take, refined over all its frames by the clip solve.

A network looks at frames one by one: its pose jitters, now and then bends a limb the wrong way,
and its feet slide. The pixels of the landmarks beside it do not, for the take holds both. Sought
is the motion of the network's own body that meets those pixels, is as deep and as turned as the
network says of neighbouring frames together, and does what `clip_solve` asks of any motion. The
raw take stays what the network said.

Legend: T frames, J joints (55), M moving joints, N landmarks of `evidence.NAMES`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    angle_between,
    axis_angle_from_matrix,
    matrix_from_quaternion,
    quaternion_from_axis_angle,
)
from ...rigs.skeleton import JOINT_COUNT
from ..body_model import SHAPE_COUNT, BodyModel
from ..camera import CAMERA_FROM_WORLD
from ..clip import EstimatedPose, RawTake
from .blas import one_blas_thread
from .body_chain import body_chain
from .calming import UNSEEN_WEIGHT
from .chain import MOVING, Chain, ChainPose
from .clip_solve import UNSEEN_SIGMA_RAD, solve_clip
from .evidence import NAMES, gather
from .filling import trust_from_score
from .outliers import repaired
from .placing import camera_of
from .points import Points, points_from_raw
from .root import MIN_DEPTH_M, Sight, solve_root
from .smoothing import smooth_rotations

Float64 = NDArray[np.float64]

REFINEMENTS = ("auto", "never")
"""Refined, or left as the network said."""

TURN_SIGMA_RAD = 0.25
"""How far off a joint's turn is as a network has it in neighbouring frames."""

STEADY_HZ = 3.0
STEADY_ROUNDS = 4
LEAP_RAD = 0.2
"""Neighbouring frames together: up to this frequency, what leaps away by more has little say."""

HEARD = 0.5
"""What the network's own joints weigh where no landmark is seen."""


def refined(raw: RawTake, pose: EstimatedPose, body: BodyModel) -> EstimatedPose:
    """The pose (T rows) of a take's network after the clip solve, on the same body.

    pose: the raw take's own or what calibration made of it; world axes are those of a level
    camera at the origin, for a moving camera as its shot began. Wrists, fingers, toes and face
    keep their turns against what carries them; vertices are left out, `mesh.with_mesh` carries
    them. The evidence is the landmarks that the take holds beside the pose, without any the
    network's own joints as it puts them into the picture. Raises ClipFileError where nothing can
    be solved.
    """
    with one_blas_thread():
        return _refined(raw, pose, body)


def _refined(raw: RawTake, pose: EstimatedPose, body: BodyModel) -> EstimatedPose:
    count = len(raw.frame_index)
    chain = network_chain(pose, body)
    own_TJ4 = quaternion_from_axis_angle(
        pose.poses.astype(np.float64).reshape(count, JOINT_COUNT, 3)
    )
    steady_TJ4 = steadied(own_TJ4, raw.scores.astype(np.float64), raw.time_s)
    rest_J3 = chain.rest_joints
    single = ChainPose(
        rotations=np.asarray(matrix_from_quaternion(steady_TJ4), dtype=np.float64),
        pelvis=pose.trans.astype(np.float64) + rest_J3[0],
    )
    camera_T33 = np.broadcast_to(camera_of(raw).rotation.astype(np.float64), (count, 3, 3))
    seen, rays_TN2 = _seen(raw, body, chain, single, camera_T33)
    single = _at_its_pixels(chain, single, camera_T33, seen, rays_TN2)
    evidence = gather(seen, rays_TN2, camera_T33, raw.scores.astype(np.float64), 1.0)
    turned_TM = np.maximum(evidence.unseen, UNSEEN_SIGMA_RAD / TURN_SIGMA_RAD)
    evidence = replace(evidence, unseen=turned_TM)
    solved = solve_clip(chain, single, evidence)
    rotations_TJ33 = np.asarray(matrix_from_quaternion(own_TJ4), dtype=np.float64)
    rotations_TJ33[:, list(MOVING)] = solved.rotations[:, list(MOVING)]
    return replace(
        pose,
        poses=axis_angle_from_matrix(rotations_TJ33).reshape(count, -1).astype(np.float32),
        trans=(solved.pelvis - rest_J3[0]).astype(np.float32),
        vertices=None,
    )


def network_chain(pose: EstimatedPose, body: BodyModel) -> Chain:
    """The network's body with landmarks and soles where the open body of average shape has them."""
    return body_chain(body, np.zeros(SHAPE_COUNT), pose.rest_joints.astype(np.float64))


def steadied(quaternion_TJ4: Float64, scores_TJ: Float64, time_s_T: Float64) -> Float64:
    """Rotations (T,J,4) as neighbouring frames together have them; leaps have no say."""
    if len(time_s_T) < 3:
        return quaternion_TJ4
    hertz_J = np.full(quaternion_TJ4.shape[1], STEADY_HZ)
    own_TJ33 = matrix_from_quaternion(quaternion_TJ4)
    weights_TJ = np.asarray(np.maximum(scores_TJ, UNSEEN_WEIGHT), dtype=np.float64)
    say_TJ = np.ones_like(weights_TJ)
    steady_TJ4 = quaternion_TJ4
    for _ in range(STEADY_ROUNDS):
        steady_TJ4 = smooth_rotations(quaternion_TJ4, time_s_T, weights_TJ * say_TJ, hertz_J)
        off_TJ = angle_between(matrix_from_quaternion(steady_TJ4), own_TJ33)
        say_TJ = np.asarray(1.0 / (1.0 + (off_TJ / LEAP_RAD) ** 2) ** 2, dtype=np.float64)
    return np.asarray(steady_TJ4, dtype=np.float64)


def _seen(
    raw: RawTake, body: BodyModel, chain: Chain, pose: ChainPose, camera_T33: Float64
) -> tuple[Points, Float64]:
    """The landmarks with the network's depth, and the rays (T,N,2) of their pixels.

    Where nobody sees a landmark, the network says in a low voice where it is in the picture.
    """
    level_T33 = CAMERA_FROM_WORLD.T @ camera_T33
    points_TN3 = chain.placed(pose).points[:, : len(NAMES)]
    seen_TN3 = points_TN3 @ np.swapaxes(camera_T33, -1, -2)
    rays_TN2 = seen_TN3[..., :2] / np.maximum(seen_TN3[..., 2:], MIN_DEPTH_M)
    scores_TN = np.zeros(rays_TN2.shape[:2])
    needed = {name for name in body.landmark_names if not name.startswith("face_")}
    if needed <= set(raw.landmark_names):
        found = repaired(points_from_raw(raw, body))
        columns = found.columns(NAMES)
        scores_TN = found.scores[:, columns]
        found_TN2 = raw.rays(found.image[:, columns])
        rays_TN2 += trust_from_score(scores_TN)[..., None] * (found_TN2 - rays_TN2)
    points = Points(
        index={name: column for column, name in enumerate(NAMES)},
        positions=points_TN3 @ np.swapaxes(level_T33, -1, -2),
        image=rays_TN2 * raw.focals[:, None] + np.array(raw.image_size) / 2,
        scores=np.maximum(scores_TN, HEARD),
        rest=chain.rest_joints[chain.carrier[: len(NAMES)]] + chain.offset[: len(NAMES)],
        time_s=raw.time_s,
    )
    return points, rays_TN2


def _at_its_pixels(
    chain: Chain, pose: ChainPose, camera_T33: Float64, seen: Points, rays_TN2: Float64
) -> ChainPose:
    """The same pose where the body meets its pixels."""
    about_TN3 = chain.placed(pose).points[:, : len(NAMES)] - pose.pelvis[:, None]
    sight = Sight(
        body=about_TN3 @ np.swapaxes(camera_T33, -1, -2),
        rays=rays_TN2,
        weights=seen.scores**2,
        time_s=seen.time_s,
    )
    pelvis_T3 = np.einsum("tji,tj->ti", camera_T33, solve_root(sight))
    return ChainPose(rotations=pose.rotations, pelvis=pelvis_T3)
