"""The clip file and the raw take as contract.md has them: their keys, types and shapes.

Every file is looked at twice: made from a known motion with a gap in it, and captured from the
bundled clip through the command line (slow).
"""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference import VERSION
from pose2rig.core_inference.array_file import load_arrays
from pose2rig.core_inference.clip import (
    CAMERA_FROM_WORLD,
    load_clip,
    load_raw_take,
)
from pose2rig.core_inference.estimators.topology import LANDMARK_NAMES
from pose2rig.core_inference.footage import content_sha256, open_footage
from pose2rig.core_inference.motion.points import WORLD_FROM_CAMERA
from pose2rig.rigs.skeleton import JOINT

from .conftest import Arrays, Captured, Files

Float64 = NDArray[np.float64]

# --- keys, types and shapes --------------------------------------------------------------------

FLOAT_KEYS: dict[str, tuple[str | int, ...]] = {
    "poses": ("T", 165),
    "trans": ("T", 3),
    "betas": (10,),
    "open_betas": (10,),
    "rest_joints": (55, 3),
    "expression": ("T", 10),
    "face_shapes": ("T", 52),
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
SOLVED = ("poses", "trans", "joints", "rest_joints", "face_shapes")


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
    assert arrays["image_size"].dtype == np.float32
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
    motion = {"smooth": 0.5, "hands": 0.5, "feet": "auto", "ground": "auto"}
    assert motion.items() <= provenance["motion"].items()


@pytest.mark.slow
def test_provenance_names_the_footage_by_its_hash(captured: Captured) -> None:
    sha256 = load_clip(captured.clip).provenance["footage_sha256"]
    assert sha256 == content_sha256(open_footage(captured.footage))


def test_results_can_be_read_by_whoever_may_read_the_folder(files: Files) -> None:
    beside = files.clip.parent / "beside.txt"
    beside.write_text("", encoding="utf-8")
    assert files.clip.stat().st_mode == beside.stat().st_mode == files.raw.stat().st_mode
    beside.unlink()


# --- the raw take --------- ---------------------------------------------------------------------


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
