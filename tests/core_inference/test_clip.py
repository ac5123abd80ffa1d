"""The clip file as contract.md has it: keys, types, and one test for each sentence on meaning.

Every file is looked at twice: made from a known motion with a gap in it, and captured from the
bundled clip through the command line (slow).

Legend: T frames, J joints (55).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pose2rig.core_inference import VERSION
from pose2rig.core_inference.array_file import load_arrays
from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import (
    CAMERA_FROM_WORLD,
    Clip,
    RawTake,
    load_clip,
    load_raw_take,
    replaced,
    save_clip,
    save_raw_take,
)
from pose2rig.core_inference.estimators.topology import LANDMARK_NAMES
from pose2rig.core_inference.footage import content_sha256, open_footage, read
from pose2rig.core_inference.motion.points import WORLD_FROM_CAMERA
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.synthetic import exact_take
from pose2rig.rigs.errors import ClipFileError, OutputError
from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES, PARENTS

from .conftest import Captured
from .known_motions import random_motion
from .running import files_under

Arrays = dict[str, NDArray[Any]]
Float64 = NDArray[np.float64]

FIRST_FRAME = 12
UNSEEN = slice(40, 46)
BOTH = ["known motion", pytest.param("capture", marks=pytest.mark.slow)]


@dataclass(frozen=True, kw_only=True)
class Files:
    """A clip file and the raw take it was made from."""

    clip: Path
    raw: Path


def rows_of(take: RawTake, keep: NDArray[np.int64], first_frame: int) -> RawTake:
    """Only some rows of a take, as if nobody had been seen in the others."""
    names = ("boxes", "joints2d", "scores", "landmarks2d", "landmarks3d", "landmark_scores")
    return RawTake(
        **{name: getattr(take, name)[keep] for name in names},
        frame_index=take.frame_index[keep] + first_frame,
        time_s=take.time_s[keep],
        landmark_names=take.landmark_names,
        image_size=take.image_size,
        frame_rate=take.frame_rate,
        focal_px=take.focal_px,
        provenance={
            "program": f"pose2rig {VERSION}",
            "estimator": "landmarks",
            "weights_sha256": "0" * 64,
            "footage_sha256": "0" * 64,
            "licence_note": "made by a test",
            "settings": {},
        },
    )


@pytest.fixture(scope="session")
def known_files(body: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A known motion as a take whose person is out of sight for six frames."""
    motion, time_s = random_motion(body, seed=1, seconds=3.0)
    rows = np.delete(np.arange(len(time_s)), UNSEEN)
    raw = rows_of(exact_take(motion, body, time_s), rows, FIRST_FRAME)
    folder = tmp_path_factory.mktemp("known")
    files = Files(clip=folder / "clip.npz", raw=folder / "raw.npz")
    save_raw_take(files.raw, raw)
    save_clip(files.clip, process(raw, body, MotionSettings()))
    return files


@pytest.fixture(params=BOTH)
def files(request: pytest.FixtureRequest) -> Files:
    if request.param == "known motion":
        return request.getfixturevalue("known_files")
    captured: Captured = request.getfixturevalue("captured")
    return Files(clip=captured.clip, raw=captured.raw)


@pytest.fixture
def arrays(files: Files) -> Arrays:
    """The clip file as any program reads it."""
    with np.load(files.clip, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture
def raw_arrays(files: Files) -> Arrays:
    with np.load(files.raw, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


# --- keys, types and shapes --------------------------------------------------------------------

FLOAT_KEYS: dict[str, tuple[str | int, ...]] = {
    "poses": ("T", 165),
    "trans": ("T", 3),
    "betas": (10,),
    "open_betas": (10,),
    "rest_joints": (55, 3),
    "expression": ("T", 10),
    "joints": ("T", 55, 3),
    "joints2d": ("T", 55, 2),
    "scores": ("T", 55),
    "contacts": ("T", 4),
    "time_s": ("T",),
    "focal": (2,),
    "principal_point": (2,),
    "camera_rotation": (3, 3),
    "camera_translation": (3,),
}
SOLVED = ("poses", "trans", "joints", "rest_joints")


def assert_float_keys(arrays: Arrays, names: list[str]) -> None:
    count = len(arrays["frame_index"])
    for name in names:
        shape = tuple(count if size == "T" else size for size in FLOAT_KEYS[name])
        assert arrays[name].shape == shape, name
        assert arrays[name].dtype == np.float32, name
        assert np.isfinite(arrays[name]).all(), name


def assert_other_keys(arrays: Arrays) -> None:
    count = len(arrays["frame_index"])
    assert arrays["frame_index"].shape == (count,)
    assert arrays["frame_index"].dtype.kind == "i"
    assert arrays["tracked"].shape == (count,)
    assert arrays["tracked"].dtype == np.bool_
    assert arrays["image_size"].shape == (2,)
    assert arrays["image_size"].dtype.kind == "i"
    assert arrays["schema_version"].shape == ()
    assert arrays["schema_version"].dtype.kind == "i"
    assert arrays["mocap_frame_rate"].shape == ()
    assert arrays["mocap_frame_rate"].dtype.kind == "f"
    for name, text in (("gender", "neutral"), ("surface_model_type", "smplx")):
        assert (arrays[name].shape, str(arrays[name])) == ((), text)
    assert str(arrays["body_model"]) in ("open", "smplx")


def test_the_clip_has_every_key_in_its_type_and_shape(arrays: Arrays) -> None:
    assert_float_keys(arrays, list(FLOAT_KEYS))
    assert_other_keys(arrays)


def test_the_clip_has_no_key_that_the_contract_does_not_know(arrays: Arrays) -> None:
    others = {"frame_index", "tracked", "image_size", "schema_version", "mocap_frame_rate"}
    texts = {"gender", "surface_model_type", "body_model", "provenance"}
    assert set(arrays) == set(FLOAT_KEYS) | others | texts


def test_no_file_holds_an_object_that_would_need_pickle(files: Files) -> None:
    for path in (files.clip, files.raw):
        assert all(array.dtype.kind in "fiubU" for array in load_arrays(path).values())


@pytest.mark.parametrize("name", ["scores", "contacts"])
def test_scores_and_contacts_lie_within_0_and_1(arrays: Arrays, name: str) -> None:
    assert (arrays[name] >= 0.0).all()
    assert (arrays[name] <= 1.0).all()
    assert arrays[name].max() > 0.5


def test_provenance_is_json_with_program_estimator_weights_footage_settings_and_licence(
    arrays: Arrays,
) -> None:
    provenance = json.loads(str(arrays["provenance"]))
    assert provenance["program"] == f"pose2rig {VERSION}"
    assert provenance["estimator"] == "landmarks"
    for name in ("weights_sha256", "footage_sha256"):
        assert len(bytes.fromhex(provenance[name])) == 32
    assert provenance["licence_note"]
    assert isinstance(provenance["settings"], dict)
    assert provenance["motion"] == {"smooth": 0.5}


@pytest.mark.slow
def test_provenance_names_the_footage_by_its_hash(captured: Captured) -> None:
    sha256 = load_clip(captured.clip).provenance["footage_sha256"]
    assert sha256 == content_sha256(open_footage(captured.footage))


def test_results_can_be_read_by_whoever_may_read_the_folder(files: Files) -> None:
    beside = files.clip.parent / "beside.txt"
    beside.write_text("", encoding="utf-8")
    assert files.clip.stat().st_mode == beside.stat().st_mode == files.raw.stat().st_mode
    beside.unlink()


# --- meaning: the world and the zero pose ------------------------------------------------------


def world_rotations(poses: Float64) -> list[Rotation]:
    """World rotations of the 55 joints by scipy, each (T,)."""
    local = poses.reshape(-1, 55, 3).astype(np.float64)
    world: list[Rotation] = []
    for joint, parent in enumerate(PARENTS):
        turn = Rotation.from_rotvec(local[:, joint])
        world.append(turn if parent < 0 else world[parent] * turn)
    return world


def positions(poses: Float64, trans: Float64, rest: Float64) -> Float64:
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
    """With all rotations zero the joints stand at rest_joints: no frame has an offset of its own."""
    rest = arrays["rest_joints"]
    zero = positions(np.zeros((1, 165)), np.zeros((1, 3)), rest)
    np.testing.assert_allclose(zero[0], rest, atol=1e-6)


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


# --- meaning: the raw take ---------------------------------------------------------------------


def test_the_raw_take_has_the_clips_keys_but_no_poses_trans_joints_or_rest_joints(
    arrays: Arrays, raw_arrays: Arrays
) -> None:
    assert set(arrays) - set(raw_arrays) == set(SOLVED)
    assert_float_keys(raw_arrays, [name for name in FLOAT_KEYS if name not in SOLVED])
    assert_other_keys(raw_arrays)


def test_the_raw_take_has_the_landmarks_their_scores_and_names(raw_arrays: Arrays) -> None:
    count, names = len(raw_arrays["frame_index"]), raw_arrays["landmark_names"]
    assert names.dtype.kind == "U"
    assert raw_arrays["landmarks2d"].shape == (count, len(names), 2)
    assert raw_arrays["landmarks3d"].shape == (count, len(names), 3)
    assert raw_arrays["landmark_scores"].shape == (count, len(names))
    for name in ("landmarks2d", "landmarks3d", "landmark_scores"):
        assert raw_arrays[name].dtype == np.float32
    assert {"body_left_hip", "left_hand_wrist", "right_hand_wrist"} <= set(names.tolist())


def test_the_raw_takes_rows_are_frames_in_which_the_person_was_seen(raw_arrays: Arrays) -> None:
    assert raw_arrays["tracked"].all()
    assert (np.diff(raw_arrays["frame_index"]) > 0).all()
    assert (raw_arrays["scores"].max(axis=1) > 0.0).all()


@pytest.mark.slow
def test_the_raw_takes_joints2d_are_detections_not_projections(captured: Captured) -> None:
    """They are means of landmarks' pixels, such as the hips; the clip's are not."""
    raw, clip = load_raw_take(captured.raw), load_clip(captured.clip)
    assert raw.landmark_names == LANDMARK_NAMES
    hip = raw.landmarks2d[:, raw.landmark_names.index("body_left_hip")]
    column = JOINT["left_hip"]
    np.testing.assert_allclose(raw.joints2d[:, column], hip, atol=1e-3)
    rows = np.isin(clip.frame_index, raw.frame_index)
    assert np.abs(clip.joints2d[rows, column] - hip).max() > 0.01


def test_the_raw_takes_camera_is_the_level_one_that_the_solver_takes() -> None:
    np.testing.assert_array_equal(CAMERA_FROM_WORLD, WORLD_FROM_CAMERA.T)


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


# --- saving and loading ------------------------------------------------------------------------


def test_a_clip_comes_back_as_it_was_saved(known_files: Files, tmp_path: Path) -> None:
    clip = load_clip(known_files.clip)
    save_clip(tmp_path / "again.npz", clip)
    assert files_under(tmp_path)["again.npz"] == files_under(known_files.clip.parent)["clip.npz"]


def test_a_raw_take_comes_back_as_it_was_saved(known_files: Files, tmp_path: Path) -> None:
    save_raw_take(tmp_path / "again.npz", load_raw_take(known_files.raw))
    assert files_under(tmp_path)["again.npz"] == files_under(known_files.raw.parent)["raw.npz"]


def test_replacing_an_array_checks_its_shape(known_files: Files) -> None:
    clip = load_clip(known_files.clip)
    moved = replaced(clip, trans=clip.trans + 1)
    np.testing.assert_array_equal(moved.trans, clip.trans + 1)
    assert moved.poses is clip.poses
    with pytest.raises(ClipFileError, match="trans has the wrong shape; expected"):
        replaced(clip, trans=clip.trans[:, :2])


def test_a_folder_that_cannot_be_written_is_an_output_error(
    known_files: Files, tmp_path: Path
) -> None:
    clip = load_clip(known_files.clip)
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with pytest.raises(OutputError, match=r"cannot write clip\.npz; expected"):
        save_clip(tmp_path / "file" / "clip.npz", clip)
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(OutputError):
        save_clip(tmp_path / "folder.npz", clip)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.npz"]


# --- files from strangers ----------------------------------------------------------------------


def rewritten(source: Path, target: Path, changes: dict[str, Any], without: str = "") -> Path:
    """Copy a file's arrays with some replaced and one left out."""
    arrays: dict[str, Any] = {k: v for k, v in load_arrays(source).items() if k != without}
    np.savez(target, **{**arrays, **changes})
    return target


LOADERS: list[tuple[str, Callable[[Path], Clip | RawTake]]] = [
    ("clip", load_clip),
    ("raw", load_raw_take),
]


@pytest.mark.parametrize(("kind", "load"), LOADERS)
@pytest.mark.parametrize("name", ["scores", "frame_index", "focal", "provenance", "schema_version"])
def test_a_missing_key_is_named(
    known_files: Files, tmp_path: Path, kind: str, load: Callable[[Path], object], name: str
) -> None:
    path = rewritten(getattr(known_files, kind), tmp_path / "less.npz", {}, without=name)
    with pytest.raises(ClipFileError, match=rf"less\.npz: {name} is not usable"):
        load(path)


WRONG: list[tuple[str, Any]] = [
    ("schema_version", np.int64(2)),
    ("schema_version", np.zeros(3)),
    ("scores", np.array(["a", "b"])),
    ("scores", np.full((84, 55), np.nan)),
    ("scores", np.full((84, 55), 1e300)),
    ("scores", np.zeros((84, 54))),
    ("time_s", np.array(["soon"] * 84)),
    ("time_s", np.zeros(84)),
    ("frame_index", np.arange(84)[::-1]),
    ("frame_index", np.arange(84) * 10**9),
    ("frame_index", np.linspace(0.0, 1.0, 84)),
    ("image_size", np.array([640])),
    ("image_size", np.array(["wide", "high"])),
    ("focal", np.float64(500.0)),
    ("mocap_frame_rate", np.float64(0.0)),
    ("mocap_frame_rate", np.array([30.0, 30.0])),
    ("mocap_frame_rate", np.float64(np.inf)),
    ("provenance", np.str_("{")),
    ("provenance", np.str_("[1]")),
    ("provenance", np.str_("[" * 100_000)),
    ("provenance", np.zeros(3)),
]


@pytest.mark.parametrize(("kind", "load"), LOADERS)
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_an_unusable_value_is_one_clear_error(
    known_files: Files,
    tmp_path: Path,
    kind: str,
    load: Callable[[Path], object],
    name: str,
    value: object,
) -> None:
    path = rewritten(getattr(known_files, kind), tmp_path / "odd.npz", {name: value})
    with pytest.raises(ClipFileError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_without_rows_is_refused(known_files: Files, tmp_path: Path) -> None:
    arrays = load_arrays(known_files.raw)
    count = len(arrays["frame_index"])
    empty = {k: v[:0] for k, v in arrays.items() if v.ndim and len(v) == count}
    with pytest.raises(ClipFileError, match="no row"):
        load_raw_take(rewritten(known_files.raw, tmp_path / "empty.npz", empty))


@pytest.mark.parametrize(
    "content",
    [b"", b"no npz at all", b"PK\x03\x04 half a zip", b"\x93NUMPY\x01\x00", b"\x80\x04K\x01."],
)
def test_what_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(content)
    with pytest.raises(ClipFileError, match=r"cannot read clip\.npz"):
        load_clip(path)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.npz", tmp_path):
        with pytest.raises(ClipFileError, match="cannot read"):
            load_clip(path)


class _Trap:
    """What a pickle would call on loading."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._mark,)


def test_nothing_in_a_file_is_executed(known_files: Files, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    trap = np.array([_Trap(mark)], dtype=object)
    path = rewritten(known_files.clip, tmp_path / "trap.npz", {"poses": trap})
    with pytest.raises(ClipFileError, match="cannot read"):
        load_clip(path)
    assert not mark.exists()


def test_damaged_files_either_load_or_are_refused(known_files: Files, tmp_path: Path) -> None:
    """Bytes changed, cut off, or packed and then changed: nothing but ClipFileError."""
    generator = np.random.default_rng(9)
    packed = tmp_path / "packed.npz"
    np.savez_compressed(packed, **load_arrays(known_files.clip))
    refused = 0
    for source in (known_files.clip, packed):
        whole = np.frombuffer(source.read_bytes(), np.uint8)
        for round_number in range(40):
            damaged = whole.copy()
            where = generator.integers(0, len(whole), size=1 + 4 * (round_number % 8))
            damaged[where] = generator.integers(0, 256, size=len(where))
            length = len(whole) if round_number % 4 else int(generator.integers(1, len(whole)))
            path = tmp_path / "damaged.npz"
            path.write_bytes(damaged[:length].tobytes())
            try:
                load_clip(path)
            except ClipFileError:
                refused += 1
    assert refused > 20
