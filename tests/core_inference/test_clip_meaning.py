"""The clip file's meaning: one test for each sentence of contract.md, on a known and a real clip.

Legend: T frames, J joints (55).
"""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import (
    load_clip,
    load_raw_take,
)
from pose2rig.core_inference.footage import open_footage, read
from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES, PARENTS

from .conftest import Arrays, Captured, Files

Float64 = NDArray[np.float64]

# --- meaning: the world and the zero pose ------------------------------------------------------


def world_rotations(poses: NDArray[Any]) -> list[Rotation]:
    """World rotations of the 55 joints by scipy, each (T,)."""
    local = poses.reshape(-1, 55, 3).astype(np.float64)
    world: list[Rotation] = []
    for joint, parent in enumerate(PARENTS):
        turn = Rotation.from_rotvec(local[:, joint])
        world.append(turn if parent < 0 else world[parent] * turn)
    return world


def positions(poses: NDArray[Any], trans: NDArray[Any], rest: NDArray[Any]) -> Float64:
    """Forward kinematics (T,55,3) by scipy in float64."""
    world = world_rotations(poses)
    rest = rest.astype(np.float64)
    places = [trans.astype(np.float64) + rest[0]]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        places.append(places[parent] + world[parent].apply(rest[joint] - rest[parent]))
    return np.stack(places, axis=1)


def test_the_world_is_right_handed(arrays: Arrays) -> None:
    """The camera's axes are right-handed (x right, y down, z forward), and no mirror lies between:
    a rotation carries one world into the other."""
    rotation = arrays["camera_rotation"].astype(np.float64)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
    assert float(np.linalg.det(rotation)) == pytest.approx(1.0, abs=1e-6)


def test_z_is_up(arrays: Arrays) -> None:
    """The head stands above the pelvis and the pelvis above the feet; y points down the image."""
    joints = arrays["joints"]
    height = np.median(joints[..., 2], axis=0)
    for side in ("left", "right"):
        assert height[JOINT["head"]] > height[0] > height[JOINT[f"{side}_ankle"]]
    rows = np.median(arrays["joints2d"][..., 1], axis=0)
    assert rows[JOINT["head"]] < rows[0] < rows[JOINT["left_ankle"]]


def test_the_ground_is_at_z_0(arrays: Arrays, files: Files, body: BodyModel) -> None:
    """The lowest sole of the clip touches it: by skinning, at most 3 cm off."""
    clip = load_clip(files.clip)
    world = np.stack([turn.as_matrix() for turn in world_rotations(clip.poses)], axis=1)
    below_ankle = np.flatnonzero(
        body.weights[:, [JOINT["left_foot"], JOINT["right_foot"]]].sum(axis=1) > 0.5
    )
    feet = body.skin(world, clip.joints.astype(np.float64), clip.open_betas, below_ankle)
    lowest = feet[..., 2].min(axis=1)[clip.tracked]
    assert abs(float(np.quantile(lowest, 0.01))) < 0.03
    assert arrays["joints"][..., 2].min() > -0.1


def test_the_zero_pose_is_a_t_with_y_up_facing_z(arrays: Arrays) -> None:
    rest = arrays["rest_joints"]
    place = {name: rest[joint] for name, joint in JOINT.items()}
    assert place["head"][1] > place["pelvis"][1] > place["left_ankle"][1]
    assert place["left_wrist"][0] > place["left_shoulder"][0] > 0.0
    assert place["right_wrist"][0] < place["right_shoulder"][0] < 0.0
    arm = place["left_wrist"] - place["left_shoulder"]
    assert abs(arm[0]) / np.linalg.norm(arm) > 0.98
    assert place["left_foot"][2] > place["left_ankle"][2] + 0.05
    assert place["left_eye_smplhf"][2] > place["head"][2]


def test_joint_frames_are_aligned_with_the_axes_in_the_zero_pose(arrays: Arrays) -> None:
    """So a knee, whose hinge lies across the body, bends about its own +x."""
    bent = 0
    for name in ("left_knee", "right_knee"):
        turn = arrays["poses"].reshape(-1, 55, 3)[:, JOINT[name]]
        angle = np.linalg.norm(turn, axis=-1)
        axis = turn[angle > np.radians(15.0)] / angle[angle > np.radians(15.0), None]
        bent += len(axis)
        assert len(axis) == 0 or np.median(axis[:, 0]) > 0.9
    assert bent > 0


def test_global_orient_carries_the_zero_pose_into_the_world(arrays: Arrays) -> None:
    """The first three numbers alone turn the hips and the spine's foot to where they stand."""
    root = Rotation.from_rotvec(arrays["poses"][:, :3].astype(np.float64))
    rest = arrays["rest_joints"].astype(np.float64)
    for name in ("left_hip", "right_hip", "spine1"):
        bone = root.apply(rest[JOINT[name]] - rest[0])
        seen = arrays["joints"][:, JOINT[name]] - arrays["joints"][:, 0]
        np.testing.assert_allclose(seen, bone, atol=1e-4)


def test_a_person_standing_upright_has_a_root_rotation_of_about_90_degrees(
    arrays: Arrays,
) -> None:
    """Its y axis points up; and where the person faces -y as well, that is 90 degrees about x."""
    root = Rotation.from_rotvec(arrays["poses"][:, :3].astype(np.float64))
    up = root.apply([0.0, 1.0, 0.0])[:, 2]
    front = -root.apply([0.0, 0.0, 1.0])[:, 1]
    standing = (up > np.cos(np.radians(15.0))) & (front > np.cos(np.radians(15.0)))
    assert standing.any()
    assert np.abs(np.degrees(root[standing].magnitude()) - 90.0).max() < 30.0
    assert np.degrees(root[standing].as_rotvec())[:, 0].min() > 60.0
    assert np.median(up) > np.cos(np.radians(30.0))


# --- meaning: joints ---------------------------------------------------------------------------


def test_joint_0_is_trans_plus_rest_joint_0(arrays: Arrays) -> None:
    expected = arrays["trans"] + arrays["rest_joints"][0]
    np.testing.assert_allclose(arrays["joints"][:, 0], expected, atol=1e-5)


def test_all_joints_follow_by_forward_kinematics_within_a_tenth_of_a_millimetre(
    arrays: Arrays,
) -> None:
    found = positions(arrays["poses"], arrays["trans"], arrays["rest_joints"])
    assert np.linalg.norm(found - arrays["joints"], axis=-1).max() < 1e-4


def test_joints2d_is_the_projection_through_the_stored_camera_within_half_a_pixel(
    arrays: Arrays,
) -> None:
    rotation = arrays["camera_rotation"].astype(np.float64)
    seen = arrays["joints"].astype(np.float64) @ rotation.T + arrays["camera_translation"]
    assert (seen[..., 2] > 0.1).all()
    pixels = arrays["focal"] * seen[..., :2] / seen[..., 2:] + arrays["principal_point"]
    assert np.linalg.norm(pixels - arrays["joints2d"], axis=-1).max() < 0.5


@pytest.mark.slow
def test_the_projected_body_lies_where_the_person_was_detected(captured: Captured) -> None:
    """Not only consistent with itself: shoulders, hips and knees lie on the person in the image."""
    clip, raw = load_clip(captured.clip), load_raw_take(captured.raw)
    names = ("shoulder", "hip", "knee")
    columns = [JOINT[f"{side}_{name}"] for side in ("left", "right") for name in names]
    rows = np.isin(clip.frame_index, raw.frame_index)
    off = clip.joints2d[rows][:, columns] - raw.joints2d[:, columns]
    height = np.median(raw.boxes[:, 3])
    seen = raw.scores[:, columns] > 0.5
    assert seen.mean() > 0.5
    assert np.median(np.linalg.norm(off, axis=-1)[seen]) < 0.04 * height


# --- meaning: shape ----------------------------------------------------------------------------


def test_with_the_open_body_betas_is_zero_and_its_shape_is_open_betas(
    arrays: Arrays, body: BodyModel
) -> None:
    assert str(arrays["body_model"]) == "open"
    np.testing.assert_array_equal(arrays["betas"], np.zeros(10, np.float32))
    expected = body.rest_joints(arrays["open_betas"].astype(np.float64))
    np.testing.assert_allclose(arrays["rest_joints"], expected, atol=1e-5)


def test_the_open_bodys_pelvis_rests_near_that_of_smplx(arrays: Arrays) -> None:
    """SMPL-X's neutral template has its pelvis at (0.003, -0.351, 0.012) m."""
    assert np.linalg.norm(arrays["rest_joints"][0] - [0.003, -0.351, 0.012]) < 0.1


# --- meaning: rows and time --------------------------------------------------------------------


def test_there_is_one_row_per_source_frame_from_the_first_to_the_last_appearance(
    arrays: Arrays, raw_arrays: Arrays
) -> None:
    seen = raw_arrays["frame_index"]
    np.testing.assert_array_equal(arrays["frame_index"], np.arange(seen[0], seen[-1] + 1))


def test_tracked_is_false_exactly_where_the_frame_was_filled_in(
    arrays: Arrays, raw_arrays: Arrays
) -> None:
    expected = np.isin(arrays["frame_index"], raw_arrays["frame_index"])
    np.testing.assert_array_equal(arrays["tracked"], expected)
    assert (arrays["scores"][~arrays["tracked"]] == 0.0).all()


def test_coverage_is_the_mean_of_tracked_over_these_rows(files: Files) -> None:
    clip, raw = load_clip(files.clip), load_raw_take(files.raw)
    rows = raw.frame_index[-1] - raw.frame_index[0] + 1
    assert clip.coverage == pytest.approx(len(raw.frame_index) / rows)


@pytest.mark.slow
def test_the_report_says_the_same_coverage(captured: Captured) -> None:
    report = json.loads((captured.out / "report.json").read_text(encoding="utf-8"))
    assert report["people"]["0"]["coverage"] == load_clip(captured.clip).coverage


@pytest.mark.slow
def test_frame_index_counts_source_frames_from_0_and_time_s_is_their_time(
    captured: Captured,
) -> None:
    clip = load_clip(captured.clip)
    times = {f.index: f.time_s for f in read(open_footage(captured.footage))}
    assert clip.frame_index[-1] < len(times)
    expected = [times[int(index)] for index in clip.frame_index]
    np.testing.assert_allclose(clip.time_s, expected, atol=1e-4)


@pytest.mark.slow
def test_mocap_frame_rate_is_the_nominal_rate(captured: Captured) -> None:
    rate = float(np.load(captured.clip, allow_pickle=False)["mocap_frame_rate"])
    assert rate == pytest.approx(open_footage(captured.footage).fps, rel=1e-3)


# --- as AMASS tools read it --------------------------------------------------------------------


def test_amass_tools_find_every_part_where_they_look_for_it(arrays: Arrays) -> None:
    """Cut `poses` as AMASS loaders do, name the joints as smplx does: the joints come out."""
    joint_names = pytest.importorskip("smplx.joint_names", reason="needs the research extra")
    names: list[str] = list(joint_names.JOINT_NAMES[:55])
    poses = arrays["poses"]
    parts = {
        "root_orient": (poses[:, :3], names[:1]),
        "pose_body": (poses[:, 3:66], names[1:22]),
        "pose_jaw": (poses[:, 66:69], ["jaw"]),
        "pose_eye": (poses[:, 69:75], ["left_eye_smplhf", "right_eye_smplhf"]),
        "pose_hand": (poses[:, 75:165], names[25:55]),
    }
    by_name = {
        name: numbers.reshape(len(poses), -1, 3)[:, k]
        for numbers, members in parts.values()
        for k, name in enumerate(members)
    }
    rebuilt = np.stack([by_name[name] for name in JOINT_NAMES], axis=1)
    found = positions(rebuilt, arrays["trans"], arrays["rest_joints"])
    assert np.linalg.norm(found - arrays["joints"], axis=-1).max() < 1e-4


def test_amass_tools_read_the_other_keys_as_they_do(arrays: Arrays) -> None:
    assert float(arrays["mocap_frame_rate"]) > 0.0
    assert str(arrays["gender"].astype(str)) == "neutral"
    assert arrays["betas"][:10].shape == (10,)
    assert len(arrays["trans"]) == len(arrays["poses"])
