"""Clips measured against known motions: the figures are those of errors put in on purpose."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import Clip, save_clip
from pose2rig.core_inference.evaluate import Evaluation, evaluate, format_evaluation
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.rigs.errors import ClipFileError
from pose2rig.rigs.rotation import matrix_from_axis_angle, multiply, quaternion_from_axis_angle
from pose2rig.rigs.skeleton import JOINT

from .known_motions import FPS, Float64, clip_of, random_motion


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_open_body()


@pytest.fixture(scope="module")
def truth(body: BodyModel) -> Clip:
    motion, time_s = random_motion(body, 1, seconds=2.0)
    return clip_of(motion, body, time_s)


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


def test_the_text_ends_in_one_line_with_mm_and_degrees(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, bent(truth, "left_elbow", 20.0), truth)
    text = format_evaluation(result)
    summary = text.splitlines()[-1]
    assert f"{result.mpjpe_mm:.1f} mm" in summary and "degrees" in summary
    assert f"{len(truth.time_s)} of {len(truth.time_s)} frames" in summary
    elbow = next(line for line in text.splitlines() if line.startswith("left_elbow"))
    assert elbow.split()[-1] == f"{result.joint_deg['left_elbow']:.1f}"


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
    assert "degrees" not in format_evaluation(result).splitlines()[-1]
