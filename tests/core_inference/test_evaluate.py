"""Clips measured against known motions: the figures are those of errors put in on purpose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference import mesh_metrics
from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Camera, Clip, load_raw_take, save_arrays, save_clip
from pose2rig.core_inference.evaluate import Evaluation, evaluate
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.rigs.errors import ClipFileError
from pose2rig.rigs.rotation import matrix_from_axis_angle, multiply, quaternion_from_axis_angle
from pose2rig.rigs.skeleton import JOINT

from .conftest import Files
from .known_motions import AVERAGE, FPS, Float64, clip_of, random_motion


@pytest.fixture(scope="module")
def truth(body: BodyModel) -> Clip:
    motion, time_s = random_motion(body, 1, seconds=2.0)
    return clip_of(motion, body, time_s)


@pytest.fixture(autouse=True)
def few_meshes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skinning is what takes time; how many frames have it is tested with the mesh metrics."""
    monkeypatch.setattr(mesh_metrics, "MAX_MESH_FRAMES", 2)


def compared(folder: Path, clip: Clip, reference: Clip) -> Evaluation:
    save_clip(folder / "clip.npz", clip)
    save_clip(folder / "reference.npz", reference)
    return evaluate(folder / "clip.npz", folder / "reference.npz")


def rows(clip: Clip, part: slice) -> Clip:
    names = ("poses", "trans", "expression", "joints", "joints2d", "scores", "tracked")
    names += ("contacts", "time_s", "frame_index")
    return replace(clip, **{name: getattr(clip, name)[part] for name in names})


def bent(clip: Clip, joint: str, degrees: float) -> Clip:
    rotations = quaternions(clip)
    turn: Float64 = quaternion_from_axis_angle(np.radians([0.0, degrees, 0.0]))
    rotations[:, JOINT[joint]] = multiply(rotations[:, JOINT[joint]], turn)
    return with_pose(clip, rotations, clip.trans.astype(np.float64))


def test_a_clip_against_itself_has_no_error(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, truth, truth)
    assert result.frames == result.clip_frames == len(truth.time_s)
    assert result.joints == 22
    assert max(result.joint_mm.values()) < 0.01
    assert max(result.joint_deg.values()) < 0.1
    assert result.pa_mpjpe_mm < 0.01 and result.root_path_mm < 0.01
    assert result.acceleration_mm == pytest.approx(result.reference_acceleration_mm, rel=1e-4)
    assert result.contact_f1 == 1.0


def test_another_place_and_heading_in_the_world_is_no_error(tmp_path: Path, truth: Clip):
    heading = quaternion_from_axis_angle(np.array([0.0, 0.0, 2.0]))
    turn = matrix_from_axis_angle(np.array([0.0, 0.0, 2.0]))
    rotations = quaternions(truth)
    rotations[:, 0] = multiply(heading[None], rotations[:, 0])
    rest = truth.rest_joints[0].astype(np.float64)
    trans = truth.joints[:, 0] @ turn.T + [5.0, -3.0, 1.0] - rest
    moved = with_pose(truth, rotations, np.asarray(trans, dtype=np.float64))
    result = compared(tmp_path, moved, truth)
    assert result.mpjpe_mm < 0.05 and result.root_path_mm < 0.05
    assert result.joint_deg["pelvis"] < 0.1


def test_a_bent_joint_shows_in_degrees_there_and_in_mm_below(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, bent(truth, "left_elbow", 20.0), truth)
    assert result.joint_deg["left_elbow"] == pytest.approx(20.0, abs=0.2)
    assert result.joint_deg["right_elbow"] < 0.2
    forearm = 1000 * float(np.linalg.norm(truth.rest_joints[20] - truth.rest_joints[18]))
    swing = 2 * np.sin(np.radians(10.0)) * forearm
    assert result.joint_mm["left_wrist"] == pytest.approx(swing, rel=0.1)
    assert result.joint_mm["right_wrist"] < 5.0


def test_drift_of_the_root_shows_in_its_path_alone(tmp_path: Path, truth: Clip):
    wander = np.zeros((len(truth.time_s), 3))
    wander[:, 2] = 0.1 * np.where(np.arange(len(wander)) % 2, 1.0, -1.0)
    moved = with_pose(truth, quaternions(truth), truth.trans + wander)
    result = compared(tmp_path, moved, truth)
    assert result.root_path_mm == pytest.approx(100.0, rel=0.05)
    assert result.mpjpe_mm < 1.0 and result.pa_mpjpe_mm < 0.01


def test_times_are_matched_not_rows(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, rows(truth, slice(10, 40, 3)), truth)
    assert result.frames == 10
    assert result.mpjpe_mm < 0.05
    coarse = compared(tmp_path, truth, rows(truth, slice(0, None, 2)))
    assert 0.0 < coarse.mpjpe_mm < 5.0


def test_rows_outside_the_reference_are_left_out(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, truth, rows(truth, slice(0, 30)))
    assert (result.frames, result.clip_frames) == (30, 60)


def test_no_common_time_is_an_error(tmp_path: Path, truth: Clip):
    later = replace(truth, time_s=truth.time_s + 100.0)
    with pytest.raises(ClipFileError, match="do not overlap"):
        compared(tmp_path, truth, later)


def test_one_frame_is_enough(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, rows(truth, slice(5, 6)), truth)
    assert result.frames == 1 and result.acceleration_mm == 0.0
    still = rows(truth, slice(5, 6))
    assert compared(tmp_path, still, still).mpjpe_mm < 0.01


def test_contacts_are_compared(tmp_path: Path, truth: Clip):
    count = len(truth.time_s)
    planted = replace(truth, contacts=np.ones((count, 4), dtype=np.float32))
    half = planted.contacts.copy()
    half[count // 2 :] = 0.0
    result = compared(tmp_path, replace(truth, contacts=half), planted)
    assert result.contact_f1 == pytest.approx(2 / 3)


def test_a_reference_without_rotations_is_measured_in_mm_alone(tmp_path: Path, truth: Clip):
    names = {"LHip": 1, "RHip": 2, "LKnee": 4, "RKnee": 5, "LAnkle": 7, "RAnkle": 8}
    names |= {"LShoulder": 16, "RShoulder": 17, "LElbow": 18, "RElbow": 19}
    names |= {"LWrist": 20, "RWrist": 21}
    points = 1000 * truth.joints[:, list(names.values())].astype(np.float64)
    y_up = points @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]).T
    cells = [
        "\t".join([str(k + 1), f"{(k + 1) / FPS:.6f}", *(f"{v:.4f}" for v in row.ravel())])
        for k, row in enumerate(y_up)
    ]
    heading = ["PathFileType\t4", "DataRate\tUnits", f"{FPS}\tmm"]
    heading += ["Frame#\tTime\t" + "\t\t\t".join(names), "\t\tX1"]
    save_clip(tmp_path / "clip.npz", truth)
    (tmp_path / "truth.trc").write_text("\n".join([*heading, *cells]))
    result = evaluate(tmp_path / "clip.npz", tmp_path / "truth.trc")
    assert result.joints == 12 and result.frames == len(truth.time_s)
    assert result.mpjpe_mm < 0.1 and result.rotation_deg is None and result.contact_f1 is None
    assert result.mesh is None and result.camera is None and list(result.parts) == ["body"]
    assert result.root_names == ("left_hip", "right_hip")
    assert result.reference_steadiness.foot_slide_cm_s is None
    assert result.reference_steadiness.bone_length_cv == pytest.approx(0.0, abs=1e-4)


# --- parts and skin ----------------------------------------------------------------------------


def test_every_part_has_its_own_root(tmp_path: Path, truth: Clip):
    """A bent elbow moves the hand, not its joints about the wrist but by its turn."""
    result = compared(tmp_path, bent(truth, "left_wrist", 30.0), truth)
    assert list(result.parts) == ["whole body", "body", "left hand", "right hand", "face"]
    assert [part.points for part in result.parts.values()] == [55, 22, 16, 16, 5]
    left, right = result.parts["left hand"], result.parts["right hand"]
    assert left.error_mm > 20.0 and left.aligned_mm < 0.01
    assert right.error_mm < 0.1 and result.parts["face"].error_mm < 0.1
    assert result.parts["body"].error_mm == pytest.approx(result.mpjpe_mm)


def test_the_face_stands_about_the_neck(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, bent(truth, "spine3", 15.0), truth)
    nodded = compared(tmp_path, bent(truth, "neck", 15.0), truth)
    assert result.parts["body"].error_mm > 5.0
    assert nodded.parts["face"].error_mm > 10.0 > 0.1 > nodded.parts["left hand"].error_mm


def test_skins_are_compared_on_each_sides_own_shape(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, bent(truth, "left_wrist", 30.0), truth)
    assert result.mesh is not None and result.mesh.frames == 2
    left, right = result.mesh.parts["left hand"], result.mesh.parts["right hand"]
    assert left.error_mm > 10.0 > left.aligned_mm and right.error_mm < 0.1
    assert right.f_5mm == 1.0 and left.f_15mm is not None and left.f_15mm > 0.97
    assert "own shape" in result.mesh.bodies


def test_another_shape_shows_in_the_skin(tmp_path: Path, body: BodyModel, truth: Clip):
    betas = np.zeros(10, dtype=np.float32)
    betas[0] = 2.0
    rest = body.rest_joints(betas).astype(np.float32)
    other = replace(truth, open_betas=betas, rest_joints=rest)
    other = with_pose(other, quaternions(other), other.trans.astype(np.float64))
    result = compared(tmp_path, other, truth)
    assert result.mesh is not None and result.mesh.parts["whole body"].error_mm > 5.0
    assert max(result.joint_deg.values()) < 0.1


def test_the_licensed_bodys_skin_is_not_here(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, replace(truth, body_model="smplx"), truth)
    assert result.mesh is None and result.mpjpe_mm < 0.01


def amass(folder: Path, clip: Clip, **changes: object) -> Path:
    arrays = {"poses": clip.poses.astype(np.float64), "trans": clip.trans.astype(np.float64)}
    path = folder / "amass.npz"
    save_arrays(path, {**arrays, "mocap_framerate": np.float64(FPS), **changes})
    return path


def test_an_amass_motion_moves_the_clips_own_body(tmp_path: Path, body: BodyModel, truth: Clip):
    """So another shape than the average is no error."""
    betas = np.linspace(-1.0, 1.0, 10).astype(np.float32)
    rest = body.rest_joints(betas).astype(np.float32)
    clip = replace(truth, open_betas=betas, rest_joints=rest)
    clip = with_pose(clip, quaternions(clip), clip.trans.astype(np.float64))
    save_clip(tmp_path / "clip.npz", clip)
    result = evaluate(tmp_path / "clip.npz", amass(tmp_path, clip))
    assert np.abs(rest - body.rest_joints(AVERAGE)).max() > 0.01
    assert result.mpjpe_mm < 0.01 and result.root_path_mm < 0.01
    assert result.mesh is not None and "both in the clip's shape" in result.mesh.bodies
    assert result.mesh.parts["whole body"].error_mm < 0.05
    assert result.root_names == ("pelvis",) and result.camera is None
    assert result.reference_steadiness.foot_slide_cm_s is None


def test_what_an_smplh_motion_lacks_is_left_out(tmp_path: Path, truth: Clip):
    save_clip(tmp_path / "clip.npz", truth)
    poses = np.concatenate([truth.poses[:, :66], truth.poses[:, 75:]], axis=1)
    result = evaluate(tmp_path / "clip.npz", amass(tmp_path, truth, poses=poses))
    assert list(result.parts) == ["whole body", "body", "left hand", "right hand"]
    assert result.mesh is not None
    assert list(result.mesh.parts) == ["body", "left hand", "right hand"]


# --- in front of the camera, over time ---------------------------------------------------------


def test_root_errors_are_told_in_the_cameras_axes(tmp_path: Path, truth: Clip):
    """1 m further along the camera's z, told of a world that is turned about its z besides."""
    camera = truth.camera
    further = replace(
        camera, translation=camera.translation + np.array([0.0, 0.0, 1.0], dtype=np.float32)
    )
    result = compared(tmp_path, replace(truth, camera=further), truth)
    assert result.camera is not None
    root = result.camera.root
    assert root.mrpe_mm == pytest.approx(root.z_mm) == pytest.approx(1000.0, abs=0.5)
    assert root.x_mm < 0.1 and root.y_mm < 0.1
    assert result.camera.pck_abs == 0.0 and result.pck_rel == 1.0
    assert result.auc_rel == pytest.approx(30 / 31)
    assert result.root_path_mm < 0.01


def test_another_world_of_the_same_camera_is_no_root_error(tmp_path: Path, truth: Clip):
    turn = matrix_from_axis_angle(np.array([0.0, 0.0, 2.0]))
    rotations = quaternions(truth)
    heading = quaternion_from_axis_angle(np.array([0.0, 0.0, 2.0]))
    rotations[:, 0] = multiply(heading[None], rotations[:, 0])
    trans = truth.joints[:, 0] @ turn.T - truth.rest_joints[0]
    old = truth.camera
    camera = Camera(
        focal=old.focal,
        principal_point=old.principal_point,
        image_size=old.image_size,
        rotation=(old.rotation @ turn.T).astype(np.float32),
        translation=old.translation,
    )
    moved = with_pose(replace(truth, camera=camera), rotations, trans)
    assert camera.rotation @ moved.joints[5, 7] == pytest.approx(
        old.rotation @ truth.joints[5, 7], abs=1e-5
    )
    result = compared(tmp_path, moved, truth)
    assert result.camera is not None and result.camera.root.mrpe_mm < 0.1


def test_shaking_shows_in_acceleration_error_and_jitter(tmp_path: Path, truth: Clip):
    """One wrist of 22 joints by 1 mm up and down: 4 mm per frame², over 22."""
    joints = truth.joints.copy()
    joints[:, JOINT["left_wrist"], 2] += 0.001 * (-1.0) ** np.arange(len(joints))
    result = compared(tmp_path, replace(truth, joints=joints), truth)
    assert result.acceleration_error_mm == pytest.approx(4 / 22, rel=1e-2)
    assert result.acceleration_error_m_s2 == pytest.approx(0.004 / 22 * FPS**2, rel=1e-2)
    assert result.clip_steadiness.jitter_m_s3 > result.reference_steadiness.jitter_m_s3 + 5.0
    assert result.clip_steadiness.bone_length_cv == pytest.approx(0.0, abs=1e-3)
    still = compared(tmp_path, truth, truth)
    assert still.acceleration_error_mm < 0.01
    assert still.clip_steadiness.jitter_m_s3 == pytest.approx(
        still.reference_steadiness.jitter_m_s3, rel=1e-3
    )


def test_feet_slide_while_the_references_feet_stand(tmp_path: Path, truth: Clip):
    """The clip glides on at half a metre a second on top of what the reference does."""
    count = len(truth.time_s)
    planted = replace(truth, contacts=np.ones((count, 4), dtype=np.float32))
    away = np.zeros((count, 3))
    away[:, 2] = 3.0
    away[:, 0] = 40.0 * truth.time_s
    result = compared(tmp_path, with_pose(truth, quaternions(truth), truth.trans + away), planted)
    own, true = result.clip_steadiness, result.reference_steadiness
    assert true.foot_slide_cm_s is not None and own.foot_slide_cm_s is not None
    assert 0.0 < true.foot_slide_cm_s < 1000.0
    assert own.foot_slide_cm_s == pytest.approx(4000.0, rel=0.1)


def test_coverage_is_the_share_of_the_references_frames(tmp_path: Path, truth: Clip):
    count = len(truth.time_s)
    blind = replace(truth, tracked=np.arange(count) % 3 != 0)
    assert compared(tmp_path, blind, truth).coverage == pytest.approx(2 / 3)
    half = rows(truth, slice(0, count // 2))
    assert compared(tmp_path, half, truth).coverage == pytest.approx(1 / 2)
    assert compared(tmp_path, truth, half).coverage == 1.0


def test_a_coarse_reference_adds_no_jerks(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, truth, rows(truth, slice(0, None, 2)))
    assert result.acceleration_error_mm < 0.5 * result.reference_acceleration_mm


# --- what cannot be compared -------------------------------------------------------------------


@pytest.mark.parametrize("clip_first", [True, False])
def test_a_raw_take_on_either_side_says_what_to_do(
    tmp_path: Path, known_files: Files, clip_first: bool
):
    assert len(load_raw_take(known_files.raw).time_s) > 0
    pair = (
        (known_files.clip, known_files.raw) if clip_first else (known_files.raw, known_files.clip)
    )
    with pytest.raises(ClipFileError, match="is a raw take") as caught:
        evaluate(*pair)
    assert "pose2rig process" in caught.value.next_step


def test_times_that_are_none_are_refused(tmp_path: Path, truth: Clip):
    close = replace(truth, time_s=1e-9 * np.arange(len(truth.time_s)))
    with pytest.raises(ClipFileError, match="times make no sense"):
        compared(tmp_path, close, truth)
