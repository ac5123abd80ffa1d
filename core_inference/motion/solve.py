"""Landmarks to the full rotations of the 55 SMPL-X joints: the take as solved.

Orientations come from several landmarks at once (`torso`, `hands`), bones swing to where their
landmarks point and twist by their hinges (`limbs`), one body serves the whole clip
(`proportions`), and the root goes where the posed body meets its pixels (`root`).

Legend: T frames, J joints (55), L landmarks.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import (
    FloatArray,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    quaternion_from_matrix,
    slerp,
)
from ...rigs.skeleton import BODY_PARTS, JOINT, JOINT_COUNT, joint_positions, world_rotations
from ..body_model import SHAPE_COUNT, BodyModel
from ..clip import Clip, RawTake
from .blas import one_blas_thread
from .body_chain import body_chain
from .chain import ChainPose
from .clip_solve import solve_clip
from .evidence import NAMES, gather, noise_of
from .filling import fill_rotations, trust_from_score
from .hand_places import hands_on_pixels
from .hands import relaxed_fingers, solve_fingers, solve_palm
from .limbs import (
    LEFT_ARM,
    LEFT_LEG,
    RIGHT_ARM,
    RIGHT_LEG,
    Limb,
    knee_clue,
    share_twist,
    solve_foot,
    solve_limb,
    swing_onto,
    within_wrist,
)
from .limits import plausibility
from .outliers import repaired
from .placing import camera_of, in_world
from .points import WORLD_FROM_CAMERA, Points, on_rays, points_from_raw, with_shape
from .posing import pose_arrays
from .proportions import solve_shape
from .root import Sight, size_at_depth, solve_root, told_of
from .spine import fit_trunk
from .torso import solve_torso

Float64 = NDArray[np.float64]

ROUNDS = 2
"""Shape, rotations and root are solved in turn; after each round pixels correct the points."""

HANGING_ARM_RAD = np.radians(70.0)
"""An arm that nobody saw hangs down: so far from the T-pose."""

ROOT_LANDMARKS = tuple(
    f"body_{side}_{name}"
    for side in ("left", "right")
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "foot_index", "ear")
)
"""Landmarks whose pixels say where the whole person stands."""


def solve(raw: RawTake, body: BodyModel, size: float = 1.0) -> Clip:
    """Solve every seen frame of a raw take of landmarks, all together; no filtering, no filling.

    World axes are those of a level camera standing at the origin, for a moving camera as it was
    when its shot began. size: how large the person is
    beside what the landmarks say; as many times as far away, in the same pixels. Where the take
    says the pelvis' depth (`camera_root`), the person stands there, as large as the pixels ask.
    """
    return solve_with_frames(raw, body, size).clip


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """What a take gives before all filtering: frames, each nearly by itself, and clip, of all."""

    frames: Clip
    clip: Clip


def solve_with_frames(raw: RawTake, body: BodyModel, size: float = 1.0) -> Solution:
    """The same beside what it began with, `solve_frames`."""
    with one_blas_thread():
        points, start = _frame_by_frame(raw, body, size)
        return Solution(
            frames=_clip(raw, start), clip=_clip(raw, _together(raw, body, points, start))
        )


def solve_frames(raw: RawTake, body: BodyModel, size: float = 1.0) -> Clip:
    """The same without the clip solve: what each frame gives nearly by itself."""
    with one_blas_thread():
        _, solution = _frame_by_frame(raw, body, size)
        return _clip(raw, solution)


def _frame_by_frame(raw: RawTake, body: BodyModel, size: float) -> tuple[Points, "_Solution"]:
    """The landmarks on their rays and what they give, in the world."""
    heard = repaired(points_from_raw(raw, body))
    points = heard.scaled(size)
    solution = _solve_round(points, body, raw, None)
    for _ in range(ROUNDS - 1):
        factor = size_at_depth(solution.pelvis, raw.camera_root)
        points = on_rays(points.scaled(factor), factor * solution.hips, raw.rays(points.image))
        solution = _solve_round(points, body, raw, raw.camera_root)
    quaternion, pelvis = in_world(raw, solution.quaternion, solution.pelvis)
    return points, replace(solution, quaternion=quaternion, pelvis=pelvis, noise=noise_of(heard))


def _together(raw: RawTake, body: BodyModel, points: Points, start: "_Solution") -> "_Solution":
    """The clip solve from what single frames gave; palms and fingers keep their turns."""
    points = with_shape(points, body, start.open_betas)
    chain = body_chain(body, start.open_betas, start.rest_joints)
    rays_TN2 = raw.rays(points.image[:, points.columns(NAMES)])
    camera_T33 = np.broadcast_to(camera_of(raw).rotation, (len(rays_TN2), 3, 3))
    evidence = gather(points, rays_TN2, camera_T33.astype(np.float64), start.scores, start.noise)
    if raw.camera_root is not None:
        depth_T = (start.pelvis * evidence.camera[:, 2]).sum(axis=-1)
        evidence = replace(evidence, pelvis_depth=depth_T)
    rotations_TJ33 = np.asarray(matrix_from_quaternion(start.quaternion), dtype=np.float64)
    solved = solve_clip(chain, ChainPose(rotations=rotations_TJ33, pelvis=start.pelvis), evidence)
    palms_TJ33 = world_rotations(rotations_TJ33)
    solved = hands_on_pixels(chain, solved, palms_TJ33, points, evidence.camera)
    local_TJ33 = solved.rotations.copy()
    solved_TJ33 = chain.placed(solved).world
    for side in ("left", "right"):
        _follow_palm(local_TJ33, solved_TJ33, palms_TJ33, points, side)
    quaternion_TJ4 = quaternion_from_matrix(local_TJ33)
    wrists = list(BODY_PARTS["wrists"])
    seen_TW = trust_from_score(start.scores[:, wrists])
    # A palm that nobody saw goes where the forearm goes, not where it was in the world.
    quaternion_TJ4[:, wrists] = slerp(
        start.quaternion[:, wrists], quaternion_TJ4[:, wrists], seen_TW
    )
    return replace(start, quaternion=quaternion_TJ4, pelvis=solved.pelvis)


def _follow_palm(
    local_TJ33: Float64, solved_TJ33: Float64, before_TJ33: Float64, points: Points, side: str
) -> None:
    """The forearm's twist and the wrist below a solved arm, for the palm as it was (world)."""
    shoulder, elbow, wrist = (JOINT[f"{side}_{n}"] for n in ("shoulder", "elbow", "wrist"))
    limb = LEFT_ARM if side == "left" else RIGHT_ARM
    axis_3 = points.rest_at(limb.end) - points.rest_at(limb.middle)
    upper, palm = solved_TJ33[:, shoulder], before_TJ33[:, wrist]
    bare = swing_onto(upper, axis_3, solved_TJ33[:, elbow] @ axis_3)
    forearm = share_twist(bare, palm, axis_3, side)
    local_TJ33[:, elbow] = _relative(upper, forearm)
    local_TJ33[:, wrist] = _relative(forearm, within_wrist(forearm, palm, axis_3, side))


def _clip(raw: RawTake, solution: "_Solution") -> Clip:
    camera = camera_of(raw)
    count = len(raw.frame_index)
    trans = solution.pelvis - solution.rest_joints[0]
    return Clip(
        **pose_arrays(solution.quaternion, trans, solution.rest_joints, camera),
        betas=np.zeros(SHAPE_COUNT, dtype=np.float32),
        open_betas=solution.open_betas.astype(np.float32),
        rest_joints=solution.rest_joints.astype(np.float32),
        expression=np.zeros((count, 10), dtype=np.float32),
        scores=solution.scores.astype(np.float32),
        tracked=np.ones(count, dtype=bool),
        contacts=np.zeros((count, 4), dtype=np.float32),
        time_s=raw.time_s,
        frame_index=raw.frame_index,
        frame_rate=raw.frame_rate,
        camera=camera,
        body_model="open",
        provenance=raw.provenance,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Solution:
    """One round's answer; pelvis and hips (T,3) m in the world's axes, the camera at the origin."""

    open_betas: Float64
    rest_joints: Float64
    quaternion: FloatArray
    scores: Float64
    pelvis: Float64
    hips: Float64
    noise: float = 1.0


def _solve_round(
    points: Points, body: BodyModel, raw: RawTake, camera_root: NDArray[np.float32] | None
) -> _Solution:
    """Shape, then rotations, then the root, each from the one before."""
    open_betas = solve_shape(points, body)
    points = with_shape(points, body, open_betas)
    rest_joints = body.rest_joints(open_betas).astype(np.float64)
    local_TJ33, scores = solve_rotations(points, rest_joints)
    quaternion = believed_rotations(local_TJ33, scores, points.time_s)
    world_TJ33 = world_rotations(matrix_from_quaternion(quaternion))
    sight, hips = _sight(points, body, open_betas, world_TJ33, raw)
    if camera_root is not None:
        sight = told_of(sight, camera_root)
    pelvis = solve_root(sight) @ WORLD_FROM_CAMERA.T
    return _Solution(
        open_betas=open_betas,
        rest_joints=rest_joints,
        quaternion=quaternion,
        scores=scores,
        pelvis=pelvis,
        hips=pelvis + hips,
    )


def solve_rotations(points: Points, rest_joints_J3: Float64) -> tuple[Float64, Float64]:
    """Parent-relative rotations (T,55,3,3) and scores (T,55) of all joints, top down."""
    count = len(points.time_s)
    local_TJ33 = np.broadcast_to(np.eye(3), (count, JOINT_COUNT, 3, 3)).copy()
    scores = np.zeros((count, JOINT_COUNT))
    torso = solve_torso(points)
    for name, rotation in fit_trunk(points, torso, rest_joints_J3).items():
        local_TJ33[:, JOINT[name]] = rotation
        scores[:, JOINT[name]] = torso.score_of(name)
    for side, limb in (("left", LEFT_LEG), ("right", RIGHT_LEG)):
        _solve_leg(points, side, limb, (local_TJ33, scores))
    trunk_TJ33 = world_rotations(local_TJ33)
    for side, limb in (("left", LEFT_ARM), ("right", RIGHT_ARM)):
        collar = trunk_TJ33[:, JOINT[f"{side}_collar"]]
        _solve_arm(points, limb, collar, side, (local_TJ33, scores))
    return local_TJ33, scores


_Pose = tuple[Float64, Float64]


def _relative(parent: Float64, child: Float64) -> Float64:
    return np.swapaxes(parent, -1, -2) @ child


def _solve_leg(points: Points, side: str, limb: Limb, pose: _Pose) -> None:
    local_TJ33, scores = pose
    hip, knee, ankle, toes = (JOINT[f"{side}_{n}"] for n in ("hip", "knee", "ankle", "foot"))
    pelvis = local_TJ33[:, 0]
    leg = solve_limb(points, limb, pelvis, knee_clue(points, side))
    foot, foot_score = solve_foot(points, side, leg.lower)
    local_TJ33[:, hip] = _relative(pelvis, leg.upper)
    local_TJ33[:, knee] = _relative(leg.upper, leg.lower)
    local_TJ33[:, ankle] = _relative(leg.lower, foot)
    scores[:, hip] = leg.upper_score
    scores[:, knee] = leg.lower_score
    scores[:, ankle] = scores[:, toes] = np.minimum(leg.lower_score, foot_score)


def _solve_arm(points: Points, limb: Limb, collar: Float64, side: str, pose: _Pose) -> None:
    """Solve one arm and hand below the collar's world rotation (T,3,3)."""
    local_TJ33, scores = pose
    shoulder, elbow, wrist = (JOINT[f"{side}_{n}"] for n in ("shoulder", "elbow", "wrist"))
    arm = solve_limb(points, limb, collar)
    palm, palm_score = solve_palm(points, side)
    axis = points.rest_at(limb.end) - points.rest_at(limb.middle)
    forearm = share_twist(arm.lower, palm, axis, side)
    trusted = (palm_score > 0.0)[:, None, None]
    forearm = np.where(trusted, forearm, arm.lower)
    palm = np.where(trusted, within_wrist(forearm, palm, axis, side), arm.lower)
    fingers, fingers_score = solve_fingers(points, side)
    local_TJ33[:, shoulder] = _relative(collar, arm.upper)
    local_TJ33[:, elbow] = _relative(arm.upper, forearm)
    local_TJ33[:, wrist] = _relative(forearm, palm)
    scores[:, shoulder] = arm.upper_score
    scores[:, elbow] = arm.lower_score
    scores[:, wrist] = np.minimum(arm.lower_score, palm_score)
    hand = slice(JOINT[f"{side}_index1"], JOINT[f"{side}_index1"] + 15)
    local_TJ33[:, hand] = fingers
    scores[:, hand] = fingers_score[:, None]


def believed_rotations(local_TJ33: Float64, scores_TJ: Float64, time_s_T: Float64) -> FloatArray:
    """Unit quaternions (T,55,4): what was seen, and where it was not, neighbours or neutral."""
    neutral_J33 = np.broadcast_to(np.eye(3), (JOINT_COUNT, 3, 3)).copy()
    for side, turn in (("left", -HANGING_ARM_RAD), ("right", HANGING_ARM_RAD)):
        neutral_J33[JOINT[f"{side}_shoulder"]] = matrix_from_axis_angle(np.array([0.0, 0.0, turn]))
        first = JOINT[f"{side}_index1"]
        neutral_J33[first : first + 15] = relaxed_fingers(side)
    quaternion = quaternion_from_matrix(local_TJ33)
    trust = trust_from_score(scores_TJ) * plausibility(local_TJ33)
    filled = fill_rotations(quaternion, quaternion_from_matrix(neutral_J33), trust, time_s_T)
    return np.concatenate([quaternion[:, :1], filled[:, 1:]], axis=1)


def _sight(
    points: Points, body: BodyModel, open_betas: Float64, world_TJ33: Float64, raw: RawTake
) -> tuple[Sight, Float64]:
    """The posed body beside its pixels, and the middle of its hips (T,3) m from the pelvis."""
    rest_joints = body.rest_joints(open_betas).astype(np.float64)
    origin = np.broadcast_to(-rest_joints[0], (len(world_TJ33), 3))
    joints = joint_positions(world_TJ33, rest_joints, origin)
    posed = body.landmark_points(world_TJ33, joints, open_betas, ROOT_LANDMARKS)
    columns = points.columns(ROOT_LANDMARKS)
    sight = Sight(
        body=posed @ WORLD_FROM_CAMERA,
        rays=raw.rays(points.image[:, columns]),
        weights=points.scores[:, columns] ** 2,
        time_s=points.time_s,
    )
    return sight, joints[:, [JOINT["left_hip"], JOINT["right_hip"]]].mean(axis=1)
