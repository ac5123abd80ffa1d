"""Reference motions of every kind, and files that are not what they should be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.clip import save_arrays, save_clip
from pose2rig.core_inference.pose_metrics import rotation_errors
from pose2rig.core_inference.references import TRC_MARKERS, average_shape, load_reference
from pose2rig.rigs.errors import ClipFileError
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from pose2rig.rigs.skeleton import (
    JOINT,
    JOINT_NAMES,
    PARENTS,
    joint_positions,
    world_rotations,
)

from .known_motions import AVERAGE, Float64, clip_of, random_motion


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_open_body()


def turn(x: float, y: float, z: float) -> Float64:
    return np.asarray(matrix_from_axis_angle(np.radians([x, y, z])), dtype=np.float64)


# --- npz ---------------------------------------------------------------------------------------


def test_a_clip_is_its_own_reference(tmp_path: Path, body: BodyModel):
    motion, time_s = random_motion(body, 1, seconds=1.0)
    clip = clip_of(motion, body, time_s)
    save_clip(tmp_path / "clip.npz", clip)
    reference = load_reference(tmp_path / "clip.npz", average_shape(body))
    assert reference.names == JOINT_NAMES
    assert reference.joints == pytest.approx(clip.joints)
    assert reference.rotations is not None
    assert np.degrees(rotation_errors(reference.rotations, motion.rotations)).max() < 0.01
    assert reference.contacts is not None


@pytest.mark.parametrize("rate_key", ["mocap_frame_rate", "mocap_framerate"])
@pytest.mark.parametrize("width", [72, 156, 165])
def test_amass_poses_of_every_width(tmp_path: Path, body: BodyModel, width: int, rate_key: str):
    motion, _ = random_motion(body, 2, seconds=0.5)
    axis_angle = np.asarray(axis_angle_from_matrix(motion.rotations), dtype=np.float64)
    hands = axis_angle[:, 25:]
    parts = {
        72: [axis_angle[:, :22], np.ones((len(axis_angle), 2, 3))],
        156: [axis_angle[:, :22], hands],
        165: [axis_angle],
    }
    poses = np.concatenate(parts[width], axis=1).reshape(len(axis_angle), -1)
    rest = body.rest_joints(AVERAGE)
    trans = motion.joints[:, 0] - rest[0]
    path = tmp_path / "amass.npz"
    save_arrays(path, {"poses": poses, "trans": trans, rate_key: np.float64(30.0)})
    reference = load_reference(path, average_shape(body))
    columns = [JOINT[name] for name in reference.names]
    assert len(columns) == {72: 22, 156: 52, 165: 55}[width]
    assert reference.known.sum() == len(columns)
    assert reference.joints == pytest.approx(motion.joints[:, columns], abs=1e-6)
    assert np.diff(reference.time_s) == pytest.approx(1 / 30)


@pytest.mark.parametrize(
    "arrays",
    [
        {"trans": np.zeros((2, 3)), "mocap_frame_rate": np.float64(30)},
        {"poses": np.zeros((2, 99)), "trans": np.zeros((2, 3)), "mocap_frame_rate": np.float64(30)},
        {"poses": np.zeros((2, 72)), "trans": np.zeros((3, 3)), "mocap_frame_rate": np.float64(30)},
        {"poses": np.zeros((0, 72)), "trans": np.zeros((0, 3)), "mocap_frame_rate": np.float64(30)},
        {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3)), "mocap_frame_rate": np.float64(0)},
        {"poses": np.zeros((2, 72)), "trans": np.zeros((2, 3))},
        {
            "poses": np.full((2, 72), np.nan),
            "trans": np.zeros((2, 3)),
            "mocap_frame_rate": np.float64(30),
        },
        {
            "poses": np.full((2, 72), "a"),
            "trans": np.zeros((2, 3)),
            "mocap_frame_rate": np.float64(30),
        },
    ],
)
def test_other_npz_files_are_refused(
    tmp_path: Path, body: BodyModel, arrays: dict[str, NDArray[Any]]
):
    path = tmp_path / "other.npz"
    save_arrays(path, arrays)
    with pytest.raises(ClipFileError, match=r"other\.npz"):
        load_reference(path, average_shape(body))


def test_pickled_objects_are_refused(tmp_path: Path, body: BodyModel):
    path = tmp_path / "hostile.npz"
    np.savez(path, poses=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ClipFileError):
        load_reference(path, average_shape(body))


@pytest.mark.parametrize(
    "name", ["motion.c3d", "motion", "missing.npz", "missing.bvh", "missing.trc"]
)
def test_what_is_no_reference_is_refused(tmp_path: Path, body: BodyModel, name: str):
    with pytest.raises(ClipFileError):
        load_reference(tmp_path / name, average_shape(body))


# --- trc ---------------------------------------------------------------------------------------


def trc_text(points_TM3: Float64, units: str, markers: tuple[str, ...]) -> str:
    rows = [
        "\t".join([str(k + 1), f"{(k + 1) / 60:.6f}", *(f"{v:.6f}" for v in row.ravel())])
        for k, row in enumerate(points_TM3)
    ]
    heading = [
        "PathFileType\t4\t(X/Y/Z)\ttest.trc",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits",
        f"60\t60\t{len(points_TM3)}\t{len(markers)}\t{units}",
        "Frame#\tTime\t" + "\t\t\t".join(markers) + "\t\t",
        "\t\t" + "\t".join(f"{a}{k + 1}" for k in range(len(markers)) for a in "XYZ"),
    ]
    return "\n".join([*heading, *rows]) + "\n"


def markers_of(count: int = 5) -> Float64:
    return np.random.default_rng(3).normal(0.0, 1.0, (count, 13, 3))


NAMES = ("Neck", *TRC_MARKERS.values())


@pytest.mark.parametrize(("units", "factor"), [("m", 1.0), ("mm", 1000.0), ("cm", 100.0)])
def test_trc_markers_become_joints_in_metres_with_z_up(
    tmp_path: Path, body: BodyModel, units: str, factor: float
):
    points = markers_of()
    path = tmp_path / "markers.trc"
    path.write_text(trc_text(points * factor, units, NAMES))
    reference = load_reference(path, average_shape(body))
    assert reference.names == tuple(TRC_MARKERS)
    assert reference.joints[..., 2] == pytest.approx(points[:, 1:, 1], abs=1e-5)
    assert reference.time_s == pytest.approx(np.arange(5) / 60, abs=1e-5)
    assert reference.rotations is None
    lengths = np.linalg.norm(np.diff(reference.joints, axis=1), axis=-1)
    assert lengths == pytest.approx(
        np.linalg.norm(np.diff(points[:, 1:], axis=1), axis=-1), abs=1e-4
    )


def test_trc_holes_are_filled_from_neighbours(tmp_path: Path, body: BodyModel):
    points = np.cumsum(np.ones((5, 13, 3)), axis=0)
    path = tmp_path / "markers.trc"
    lines = trc_text(points, "m", NAMES).splitlines()
    cells = lines[7].split("\t")
    cells[5:8] = ["", "", ""]
    lines[7] = "\t".join(cells)
    path.write_text("\n".join(lines))
    reference = load_reference(path, average_shape(body))
    assert reference.joints[2, 0] == pytest.approx([3.0, -3.0, 3.0])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PathFileType", "Name"),
        ("\tm\n", "\tparsec\n"),
        ("LWrist", "Tail"),
        ("\n2\t", "\nx\t"),
        ("\n3\t0.05", "\n3\t0.01"),
        ("\n3\t0.05", "\n3\t"),
    ],
)
def test_malformed_trc_files_are_refused(tmp_path: Path, body: BodyModel, old: str, new: str):
    path = tmp_path / "markers.trc"
    text = trc_text(markers_of(), "m", NAMES)
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ClipFileError, match=r"markers\.trc"):
        load_reference(path, average_shape(body))


@pytest.mark.parametrize("lines", [0, 3, 5])
def test_trc_files_without_rows_are_refused(tmp_path: Path, body: BodyModel, lines: int):
    path = tmp_path / "markers.trc"
    path.write_text("\n".join(trc_text(markers_of(), "m", NAMES).splitlines()[:lines]))
    with pytest.raises(ClipFileError, match=r"markers\.trc"):
        load_reference(path, average_shape(body))


@pytest.mark.slow
def test_the_real_trc_is_read(shared_dir: Path, body: BodyModel):
    path = shared_dir / "footage" / "samples3d" / "pose2sim_balance" / "Pose2Sim_markers.trc"
    reference = load_reference(path, average_shape(body))
    assert reference.joints.shape == (100, 12, 3)
    assert reference.time_s[0] == 0.0 and reference.time_s[-1] == pytest.approx(99 / 60)
    heights = {n: reference.joints[:, k, 2].mean() for k, n in enumerate(reference.names)}
    assert heights["left_ankle"] < heights["left_knee"] < heights["left_hip"]
    assert heights["left_hip"] < heights["left_shoulder"] < 1.8


# --- BVH ---------------------------------------------------------------------------------------

BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Spine
  {
    OFFSET 0 10 0
    CHANNELS 3 Yrotation Zrotation Xrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
0 90 0 0 0 0 0 0 0
5 90 1 90 20 30 40 50 60
"""


def test_bvh_channels_multiply_in_the_files_order(tmp_path: Path):
    path = tmp_path / "tiny.bvh"
    path.write_text(BVH)
    motion = load_bvh(path)
    assert motion.names == ("Hips", "Spine") and motion.parents == (-1, 0)
    assert motion.frame_time_s == 0.04
    assert motion.tips[1] == pytest.approx([0, 5, 0])
    hips = turn(0, 0, 90) @ turn(20, 0, 0) @ turn(0, 30, 0)
    spine = turn(0, 40, 0) @ turn(0, 0, 50) @ turn(60, 0, 0)
    assert motion.rotations[1] == pytest.approx(np.stack([hips, spine]))
    world = motion.world_rotations()
    assert world[1, 1] == pytest.approx(hips @ spine)
    assert motion.positions(world)[1] == pytest.approx(
        np.stack([[5, 90, 1], hips @ [0, 10, 0] + [5, 90, 1]])
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("HIERARCHY", "HELLO"),
        ("MOTION", ""),
        ("5 90 1 90 20 30 40 50 60\n", ""),
        ("5 90 1 90 20 30 40 50 60\n", "5 90 1 90 20 30 40 50 nan\n"),
        ("5 90 1 90 20 30 40 50 60\n", "5 90 1 90 20 30 40 50 sixty\n"),
        ("Frames: 2", "Frames: 0"),
        ("Frames: 2", "Frames: 999999999999"),
        ("Frame Time: 0.04", "Frame Time: 0"),
        ("Frame Time: 0.04", ""),
        ("OFFSET 0 10 0", "OFFSET 0 ten 0"),
        ("OFFSET 0 10 0", "OFFSET 0 inf 0"),
        ("CHANNELS 3 Yrotation", "CHANNELS 3 Wrotation"),
        ("CHANNELS 3 Yrotation", "CHANNELS 300000 Yrotation"),
        ("CHANNELS 3 Yrotation", "CHANNELS -3 Yrotation"),
        ("JOINT Spine", "JOINT"),
        ("}\nMOTION", "MOTION"),
        ("}\nMOTION", "}}\nMOTION"),
        ("ROOT Hips\n{", "ROOT Hips\n"),
        ("ROOT Hips", "ROOT Tail { } ROOT Hips"),
    ],
)
def test_malformed_bvh_files_are_refused(tmp_path: Path, body: BodyModel, old: str, new: str):
    path = tmp_path / "tiny.bvh"
    assert old in BVH
    path.write_text(BVH.replace(old, new))
    with pytest.raises(ClipFileError):
        load_reference(path, average_shape(body))


def test_a_bvh_of_no_person_says_which_bones_are_missing(tmp_path: Path, body: BodyModel):
    path = tmp_path / "tiny.bvh"
    path.write_text(BVH)
    with pytest.raises(ClipFileError, match="no bone for"):
        load_reference(path, average_shape(body))


def test_too_many_bones_are_refused(tmp_path: Path):
    path = tmp_path / "deep.bvh"
    chain = "JOINT a\n{\n" * 5000
    path.write_text("HIERARCHY\nROOT r\n{\n" + chain + "}\n" * 5001 + "MOTION\nFrames: 1\n")
    with pytest.raises(ClipFileError, match="more than"):
        load_bvh(path)


def bvh_text(rotations_TJ33: Float64, root_T3: Float64, rest_J3: Float64) -> str:
    """A y-up BVH with the SMPL-X names, written here on its own: z, x, y Euler angles."""

    def joint(index: int) -> list[str]:
        children = [k for k, parent in enumerate(PARENTS) if parent == index]
        offset = rest_J3[index] - (rest_J3[PARENTS[index]] if index else rest_J3[0])
        place = "Xposition Yposition Zposition " if index == 0 else ""
        lines = [
            f"{'JOINT' if index else 'ROOT'} {JOINT_NAMES[index]}",
            "{",
            "OFFSET " + " ".join(f"{v:.6f}" for v in offset),
            f"CHANNELS {6 if index == 0 else 3} {place}Zrotation Xrotation Yrotation",
        ]
        order.append(index)
        for child in children:
            lines += joint(child)
        return [*lines, *([] if children else ["End Site", "{", "OFFSET 0 0.02 0", "}"]), "}"]

    order: list[int] = []
    hierarchy = joint(0)
    r = rotations_TJ33
    x = np.arcsin(np.clip(r[..., 2, 1], -1, 1))
    z = np.arctan2(-r[..., 0, 1], r[..., 1, 1])
    y = np.arctan2(-r[..., 2, 0], r[..., 2, 2])
    angles = np.degrees(np.stack([z, x, y], axis=-1))[:, order].reshape(len(r), -1)
    rows = np.concatenate([root_T3, angles], axis=1)
    motion = [" ".join(f"{v:.6f}" for v in row) for row in rows]
    heading = ["MOTION", f"Frames: {len(rows)}", "Frame Time: 0.033333"]
    return "\n".join(["HIERARCHY", *hierarchy, *heading, *motion])


def test_a_bvh_of_the_smplx_skeleton_comes_back_whole(tmp_path: Path, body: BodyModel):
    motion, _ = random_motion(body, 4, seconds=0.5)
    rest = np.asarray(body.rest_joints(AVERAGE), dtype=np.float64)
    y_up = motion.rotations.copy()
    y_up[:, 0] = UPRIGHT.T @ y_up[:, 0]
    path = tmp_path / "ours.bvh"
    path.write_text(bvh_text(y_up, motion.joints[:, 0] @ UPRIGHT, rest))
    reference = load_reference(path, average_shape(body))
    assert reference.names == JOINT_NAMES and reference.known.all()
    assert reference.joints == pytest.approx(motion.joints, abs=1e-4)
    assert reference.rotations is not None
    assert np.degrees(rotation_errors(reference.rotations, motion.rotations)).max() < 0.05


PEOPLE = {
    "cmu_01_01_forward_jumps": 22,
    "cmu_12_01_walk": 22,
    "cmu_jumping_jacks": 22,
    "fair1_wave_hello": 22,
    "fair1_zombie": 22,
    "pymo_expressive_walk": 22,
    "rokoko_dance_fingers": 52,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PEOPLE)
def test_real_bvh_motions_point_their_limbs_as_the_file_does(
    shared_dir: Path, body: BodyModel, name: str
):
    path = shared_dir / "footage" / "mocap" / f"{name}.bvh"
    rest = np.asarray(body.rest_joints(AVERAGE), dtype=np.float64)
    motion = body_motion(load_bvh(path), rest)
    reference = load_reference(path, average_shape(body))
    posed = joint_positions(world_rotations(motion.rotations), rest, motion.trans)
    assert motion.known.sum() == PEOPLE[name]
    for side in ("left", "right"):
        for start, end in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("hip", "knee"),
            ("knee", "ankle"),
        ):
            pair = (f"{side}_{start}", f"{side}_{end}")
            own = posed[:, JOINT[pair[1]]] - posed[:, JOINT[pair[0]]]
            columns = [reference.names.index(joint) for joint in pair]
            true = reference.joints[:, columns[1]] - reference.joints[:, columns[0]]
            cosine = np.sum(own * true, axis=-1)
            cosine /= np.linalg.norm(own, axis=-1) * np.linalg.norm(true, axis=-1)
            assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.1, pair
    up = posed[:, JOINT["head"], 2] - posed[:, JOINT["left_ankle"], 2]
    assert np.median(up) > 0.8


@pytest.mark.slow
def test_a_bvh_of_a_face_is_no_motion_of_a_person(shared_dir: Path, body: BodyModel):
    path = shared_dir / "footage" / "mocap" / "makehuman_face_poseunits.bvh"
    with pytest.raises(ClipFileError, match="not a person's motion"):
        load_reference(path, average_shape(body))
