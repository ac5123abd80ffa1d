"""Takes whose pose is calibrated: mesh and armature go where the target has them, nothing else."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.__main__ import main
from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel
from pose2rig.core_inference.camera import CAMERA_FROM_WORLD
from pose2rig.core_inference.clip import (
    EstimatedPose,
    RawTake,
    load_clip,
    load_raw_take,
    save_clip,
    save_raw_take,
)
from pose2rig.core_inference.motion.calibration import CalibrationWeights
from pose2rig.core_inference.motion.calibration_mesh import open_body_plan
from pose2rig.core_inference.motion.calibration_take import CalibrationSettings, calibrated
from pose2rig.core_inference.motion.calibration_target import at_the_meshs_place, lifted
from pose2rig.core_inference.motion.calibration_weights import (
    BONES,
    geometric_weights,
    save_weights,
)
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.settings import CaptureSettings, calibration_settings
from pose2rig.core_inference.synthetic import KnownMotion, camera_position, exact_take
from pose2rig.core_inference.synthetic_meshes import RegressorErrors, regressed
from pose2rig.rigs.errors import ModelFileError, UsageError
from pose2rig.rigs.rotation import (
    angle_between,
    axis_angle_from_matrix,
    matrix_from_axis_angle,
)
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, world_rotations

from ..known_motions import random_motion

Float64 = NDArray[np.float64]

PARALLEL = CalibrationSettings(target="parallel")
SERIAL = CalibrationSettings(target="serial")
RIGHT_SHAPE = RegressorErrors(shape=0.0)
"""Wrong about the pose alone: the motions' people are of average shape."""


@pytest.fixture(scope="module")
def known(body: BodyModel) -> tuple[KnownMotion, Float64]:
    return random_motion(body, seed=21, seconds=1.0)


@pytest.fixture(scope="module")
def raw(known: tuple[KnownMotion, Float64], body: BodyModel) -> RawTake:
    """A regressor's take of the motion, beside landmarks without any error."""
    motion, time_s = known
    pose = regressed(motion, body, time_s, np.random.default_rng(22), RIGHT_SHAPE)
    return replace(exact_take(motion, body, time_s), pose=pose)


@pytest.fixture(scope="module")
def parallel(raw: RawTake, body: BodyModel) -> EstimatedPose:
    return calibrated(raw, pose_of(raw), body, PARALLEL)


def pose_of(raw: RawTake) -> EstimatedPose:
    assert raw.pose is not None
    return raw.pose


def mesh_of(pose: EstimatedPose) -> Float64:
    assert pose.vertices is not None
    return pose.vertices.astype(np.float64)


def world_of(pose: EstimatedPose) -> Float64:
    rotations = pose.poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    return np.asarray(world_rotations(matrix_from_axis_angle(rotations)), dtype=np.float64)


def true_mesh(motion: KnownMotion, body: BodyModel) -> Float64:
    world = world_rotations(motion.rotations)
    joints = motion.joints - camera_position(motion.joints)
    return np.asarray(body.skin(world, joints, motion.open_betas), dtype=np.float64)


def mean_mm(left: Float64, right: Float64) -> float:
    return 1000 * float(np.linalg.norm(left - right, axis=-1).mean())


# --- parallel -----------------------------------------------------------------------------------


def test_the_mesh_comes_near_the_truth(
    raw: RawTake,
    parallel: EstimatedPose,
    known: tuple[KnownMotion, Float64],
    body: BodyModel,
) -> None:
    truth = true_mesh(known[0], body)
    before = mean_mm(mesh_of(pose_of(raw)), truth)
    assert before > 50.0
    assert mean_mm(mesh_of(parallel), truth) < 0.45 * before


def test_the_armature_points_where_the_target_points_and_stays_where_it_was(
    raw: RawTake, parallel: EstimatedPose, known: tuple[KnownMotion, Float64]
) -> None:
    motion = known[0]
    truth = motion.joints - motion.joints[:, :1]
    own, done = (pose.joints().astype(np.float64) for pose in (pose_of(raw), parallel))
    np.testing.assert_allclose(done[:, 0], own[:, 0], atol=1e-6)
    body_joints = slice(1, 22)
    before, after = (
        mean_mm((joints - joints[:, :1])[:, body_joints], truth[:, body_joints])
        for joints in (own, done)
    )
    assert before > 50.0
    assert after < 0.4 * before


def test_fingers_and_face_keep_their_rotation_against_their_parent(
    raw: RawTake, parallel: EstimatedPose
) -> None:
    own, done = (pose.poses.reshape(-1, JOINT_COUNT, 3) for pose in (pose_of(raw), parallel))
    for rotations in (own, done):
        assert np.isfinite(rotations).all()
    kept = [JOINT["left_foot"], JOINT["jaw"], *range(25, 55)]
    matrices = [matrix_from_axis_angle(r[:, kept].astype(np.float64)) for r in (own, done)]
    assert np.degrees(angle_between(*matrices)).max() < 0.1
    np.testing.assert_array_equal(parallel.trans, pose_of(raw).trans)
    np.testing.assert_array_equal(parallel.expression, pose_of(raw).expression)


def test_a_take_that_is_right_already_hardly_changes(
    known: tuple[KnownMotion, Float64], body: BodyModel
) -> None:
    motion, time_s = known
    right = RegressorErrors(joint_rad=0.0, orient_rad=0.0, shape=0.0)
    pose = regressed(motion, body, time_s, np.random.default_rng(23), right)
    raw = replace(exact_take(motion, body, time_s), pose=pose)
    done = calibrated(raw, pose, body, PARALLEL)
    assert mean_mm(mesh_of(done), mesh_of(pose)) < 30.0
    turned = np.degrees(angle_between(world_of(done), world_of(pose)))
    assert np.median(turned) < 5.0


def test_where_nobody_was_seen_the_regressor_is_believed(raw: RawTake, body: BodyModel) -> None:
    blind = replace(raw, landmark_scores=np.zeros_like(raw.landmark_scores))
    done = calibrated(blind, pose_of(raw), body, PARALLEL)
    assert np.degrees(angle_between(world_of(done), world_of(pose_of(raw)))).max() < 0.1
    np.testing.assert_allclose(mesh_of(done), mesh_of(pose_of(raw)), atol=1e-4)


def test_size_and_place_stay_the_regressors(raw: RawTake) -> None:
    own = pose_of(raw).joints().astype(np.float64)
    found = 0.7 * (own - own[:, :1]) + np.array([5.0, 3.0, 1.0])
    target = at_the_meshs_place(own, found, np.ones(own.shape[:2]))
    ends = np.unique(BONES)
    np.testing.assert_allclose(target[:, ends], own[:, ends], atol=1e-9)


def test_an_estimator_without_a_mesh_gets_its_armature_calibrated(
    raw: RawTake, parallel: EstimatedPose, body: BodyModel
) -> None:
    bare = replace(pose_of(raw), vertices=None)
    done = calibrated(replace(raw, pose=bare), bare, body, PARALLEL)
    assert done.vertices is None
    np.testing.assert_array_equal(done.poses, parallel.poses)


# --- serial -------------------------------------------------------------------------------------


def test_lifting_keeps_every_pixel_and_steadies_lengths(raw: RawTake) -> None:
    own = pose_of(raw).joints().astype(np.float64)
    nearer = np.random.default_rng(24).normal(1.0, 0.01, size=(*own.shape[:2], 1))
    nearer[:, 0] = 1.0  # the pelvis is where it is: everything hangs on it
    trembling = own * nearer
    done = lifted(trembling, raw.time_s)
    ends = np.unique(BONES)
    for axis in (0, 2):
        ratios = [joints[:, ends, axis] / joints[:, ends, 1] for joints in (done, trembling)]
        np.testing.assert_allclose(ratios[0], ratios[1], atol=1e-9)

    def unsteady(joints: Float64) -> float:
        lengths = np.linalg.norm(joints[:, BONES[:, 1]] - joints[:, BONES[:, 0]], axis=-1)
        return float((lengths.std(axis=0) / lengths.mean(axis=0)).mean())

    assert unsteady(done) < 0.5 * unsteady(trembling)
    body_joints = [joint for joint in ends.tolist() if joint < 22]
    off = [mean_mm(joints[:, body_joints], own[:, body_joints]) for joints in (done, trembling)]
    assert off[0] < 0.8 * off[1]


def test_serial_needs_no_landmarks(raw: RawTake, body: BodyModel) -> None:
    bare = replace(
        raw,
        landmarks2d=raw.landmarks2d[:, :0],
        landmarks3d=raw.landmarks3d[:, :0],
        landmark_scores=raw.landmark_scores[:, :0],
        landmark_names=(),
    )
    done, again = (calibrated(take, pose_of(raw), body, SERIAL) for take in (bare, raw))
    np.testing.assert_array_equal(done.poses, again.poses)
    assert np.abs(done.poses - pose_of(raw).poses).max() > 0.01


def test_a_turning_camera_changes_nothing_of_what_is_lifted(raw: RawTake, body: BodyModel) -> None:
    """The same pictures, told in a world that the camera has turned away from by 30 degrees."""
    turns = np.zeros((len(raw.time_s), 3))
    turns[:, 2] = np.radians(np.linspace(0.0, 30.0, len(turns)))
    world_from_level = matrix_from_axis_angle(turns)
    pose = pose_of(raw)
    own = mesh_of(pose) @ np.swapaxes(world_from_level, -1, -2)
    pelvis = (pose.trans + pose.rest_joints[0])[:, None] @ np.swapaxes(world_from_level, -1, -2)
    poses = pose.poses.reshape(-1, JOINT_COUNT, 3).copy()
    poses[:, 0] = axis_angle_from_matrix(world_from_level @ world_of(pose)[:, 0])
    turned = replace(
        pose,
        poses=poses.reshape(len(poses), -1),
        trans=(pelvis[:, 0] - pose.rest_joints[0]).astype(np.float32),
        vertices=own.astype(np.float32),
    )
    rotation = CAMERA_FROM_WORLD @ np.swapaxes(world_from_level, -1, -2)
    moving = replace(raw, pose=turned, camera_rotation=rotation.astype(np.float32))
    still, done = (calibrated(take, pose_of(take), body, SERIAL) for take in (raw, moving))
    np.testing.assert_allclose(mesh_of(done) @ world_from_level, mesh_of(still), atol=1e-3)
    kept = (
        done.poses.reshape(-1, JOINT_COUNT, 3)[:, 1:],
        still.poses.reshape(-1, JOINT_COUNT, 3)[:, 1:],
    )
    np.testing.assert_allclose(kept[0], kept[1], atol=1e-3)


# --- in the stack -------------------------------------------------------------------------------


def test_without_the_option_nothing_changes(raw: RawTake, body: BodyModel) -> None:
    assert calibrated(raw, pose_of(raw), body, CalibrationSettings()) is raw.pose
    assert CalibrationSettings().as_json() == {}


def test_the_clip_follows_and_says_so(raw: RawTake, body: BodyModel) -> None:
    plain, clip = (
        process(raw, body, MotionSettings(smooth=0.0, refine="never", calibration=how))
        for how in (CalibrationSettings(), PARALLEL)
    )
    done = calibrated(raw, pose_of(raw), body, PARALLEL)
    above = [JOINT["spine3"], *range(12, 20)]  # later stages see to feet, ground and hands
    rotations = [
        matrix_from_axis_angle(poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)[:, above])
        for poses in (clip.poses, done.poses, plain.poses)
    ]
    assert np.degrees(angle_between(rotations[0], rotations[1])).max() < 0.1
    assert np.degrees(angle_between(rotations[0], rotations[2])).max() > 5.0
    assert clip.vertices is not None
    assert plain.vertices is not None
    assert np.abs(clip.vertices - plain.vertices).max() > 0.05
    assert clip.provenance["motion"] == {**plain.provenance["motion"], "calibrate": "parallel"}
    assert "calibrate" not in plain.provenance["motion"]


def test_one_frame_is_enough(raw: RawTake, body: BodyModel) -> None:
    first = {
        name: getattr(raw, name)[:1]
        for name in ("frame_index", "time_s", "boxes", "joints2d", "scores")
        + ("landmarks2d", "landmarks3d", "landmark_scores")
    }
    own = ("poses", "trans", "frame_betas", "expression", "vertices")
    pose = replace(pose_of(raw), **{name: getattr(raw.pose, name)[:1] for name in own})
    for how in (PARALLEL, SERIAL):
        done = calibrated(replace(raw, **first, pose=pose), pose, body, how)
        assert np.isfinite(mesh_of(done)).all()


def test_learned_weights_are_used_and_named(
    raw: RawTake, parallel: EstimatedPose, body: BodyModel, tmp_path: Path
) -> None:
    plan = open_body_plan(body)
    weights = geometric_weights(plan.rest, plan.skin, plan.joints)
    rigid = CalibrationWeights(share=weights.share, along=np.zeros_like(weights.along))
    save_weights(tmp_path / "w.npz", rigid)
    settings = calibration_settings("parallel", tmp_path / "w.npz")
    done = calibrated(raw, pose_of(raw), body, settings)
    assert np.abs(mesh_of(done) - mesh_of(parallel)).max() > 1e-4
    np.testing.assert_array_equal(done.poses, parallel.poses)
    assert len(settings.as_json()["calibration_sha256"]) == 64
    save_weights(
        tmp_path / "few.npz", CalibrationWeights(share=rigid.share[:9], along=rigid.along[:9])
    )
    few = calibration_settings("parallel", tmp_path / "few.npz")
    with pytest.raises(ModelFileError, match="another mesh"):
        calibrated(raw, pose_of(raw), body, few)


# --- the command line ---------------------------------------------------------------------------


def test_processing_a_raw_file_gives_the_clip_bit_for_bit(
    raw: RawTake, body: BodyModel, tmp_path: Path
) -> None:
    motion = MotionSettings(calibration=PARALLEL)
    save_raw_take(tmp_path / "raw.npz", raw)
    recorded = load_raw_take(tmp_path / "raw.npz")
    save_clip(tmp_path / "captured.npz", process(recorded, body, motion))
    arguments = ("process", "raw.npz", "--out", "again.npz", "--calibrate", "parallel")
    done = subprocess.run(
        [sys.executable, "-m", "pose2rig.core_inference", *arguments],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    captured, again = (load_clip(tmp_path / f"{name}.npz") for name in ("captured", "again"))
    np.testing.assert_array_equal(again.poses, captured.poses)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "captured.npz").read_bytes()


def test_landmarks_are_not_calibrated_to_themselves(
    raw: RawTake, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save_raw_take(tmp_path / "raw.npz", replace(raw, pose=None))
    clip = tmp_path / "clip.npz"
    arguments = ["process", str(tmp_path / "raw.npz"), "--out", str(clip), "--calibrate", "serial"]
    assert main(arguments) == 2
    assert "--calibrate makes no sense" in capfd.readouterr().err
    assert not clip.exists()
    with pytest.raises(UsageError, match="--calibrate"):
        CaptureSettings(footage=tmp_path, out=tmp_path, motion=MotionSettings(calibration=PARALLEL))


def test_weights_without_a_calibration_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--calibration-weights"):
        calibration_settings("none", tmp_path / "w.npz")
    with pytest.raises(ValueError, match="target"):
        CalibrationSettings(target="both")


# --- the order of the paper's table 3 -----------------------------------------------------------


def test_a_regressor_errs_as_it_is_told(
    known: tuple[KnownMotion, Float64], body: BodyModel
) -> None:
    motion, time_s = known
    errors = RegressorErrors(joint_rad=0.0, orient_rad=np.radians(5.0), shape=0.0)
    poses = [
        regressed(motion, body, time_s, np.random.default_rng(seed), errors) for seed in range(20)
    ]
    rotations = np.stack([pose.poses.reshape(-1, JOINT_COUNT, 3) for pose in poses])
    truth = np.broadcast_to(motion.rotations, (20, *motion.rotations.shape))
    off = np.degrees(angle_between(matrix_from_axis_angle(rotations.astype(np.float64)), truth))
    assert off[:, :, 1:].max() < 0.1
    assert np.sqrt(np.square(off[:, :, 0]).mean()) == pytest.approx(5.0 * np.sqrt(3), rel=0.2)
    shaped = regressed(motion, body, time_s, np.random.default_rng(1))
    assert SHAPE_COUNT == 10
    assert np.abs(mesh_of(shaped) - mesh_of(poses[0])).max() > 0.01
