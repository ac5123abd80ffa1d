"""The open body's reader, shape and skinning."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.rigs.errors import ModelFileError
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import (
    JOINT,
    JOINT_COUNT,
    PARENTS,
    joint_positions,
    world_rotations,
)

Arrays = dict[str, NDArray[np.generic]]
OPEN_BODY = Path(__file__).parents[2] / "assets" / "open_body.npz"


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return load_open_body()


@pytest.fixture
def arrays() -> Arrays:
    with np.load(OPEN_BODY, allow_pickle=False) as file:
        return {key: file[key] for key in file}


def random_betas(seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=10)


def random_world(frames: int, seed: int) -> NDArray[np.float64]:
    vectors = np.random.default_rng(seed).normal(scale=0.3, size=(frames * JOINT_COUNT, 3))
    turned = Rotation.from_rotvec(vectors).as_matrix().reshape(frames, JOINT_COUNT, 3, 3)
    return world_rotations(turned)


def test_identity_rotations_reproduce_the_rest_shape(model: BodyModel) -> None:
    betas = random_betas(0)
    world = np.tile(np.eye(3), (2, JOINT_COUNT, 1, 1))
    joints = np.tile(model.rest_joints(betas), (2, 1, 1))
    skinned = model.skin(world, joints, betas)
    np.testing.assert_allclose(skinned[1], model.rest_vertices(betas), atol=1e-6)


def test_a_rigid_motion_moves_every_vertex_rigidly(model: BodyModel) -> None:
    betas = random_betas(1)
    turn = Rotation.from_rotvec([0.3, -0.8, 0.5]).as_matrix()
    shift = np.array([1.0, 2.0, -3.0])
    joints = model.rest_joints(betas) @ turn.T + shift
    skinned = model.skin(np.tile(turn, (1, JOINT_COUNT, 1, 1)), joints[None], betas)
    np.testing.assert_allclose(skinned[0], model.rest_vertices(betas) @ turn.T + shift, atol=1e-6)


def test_chunks_and_subsets_agree_with_one_frame_at_a_time(model: BodyModel) -> None:
    betas = random_betas(2)
    world = random_world(70, 3)
    joints = joint_positions(world, model.rest_joints(betas), np.zeros((70, 3)))
    picked = np.array([5, 700, 12000, 5])
    together = model.skin(world, joints, betas, picked)
    assert together.shape == (70, 4, 3)
    for frame in (0, 31, 32, 69):
        one = model.skin(world[frame : frame + 1], joints[frame : frame + 1], betas)
        np.testing.assert_allclose(together[frame], one[0, picked], atol=1e-9)


def test_no_frames_give_no_vertices(model: BodyModel) -> None:
    nothing = model.skin(np.empty((0, 55, 3, 3)), np.empty((0, 55, 3)), np.zeros(10))
    assert nothing.shape == (0, len(model.v_template), 3)


def test_shape_directions_are_the_change_of_the_rest_joints(model: BodyModel) -> None:
    betas = random_betas(4)
    change = model.rest_joints(betas) - model.rest_joints(np.zeros(10))
    np.testing.assert_allclose(model.joint_directions @ betas, change, atol=1e-9)


def test_joints_are_the_regressed_vertices(model: BodyModel) -> None:
    betas = random_betas(5)
    expected = model.j_regressor @ model.rest_vertices(betas)
    np.testing.assert_allclose(model.rest_joints(betas), expected, atol=1e-9)


def test_vertices_of_one_joint_keep_their_distance_to_it(model: BodyModel) -> None:
    """A vertex wholly on the head turns with the head joint of forward kinematics."""
    betas = np.zeros(10)
    world = random_world(5, 6)
    rest = model.rest_joints(betas)
    joints = joint_positions(world, rest, np.ones((5, 3)))
    head = JOINT["head"]
    own = np.flatnonzero(model.weights[:, head] > 1 - 1e-6)
    assert len(own) > 500
    offsets = model.rest_vertices(betas)[own] - rest[head]
    expected = joints[:, None, head] + np.einsum("tab,vb->tva", world[:, head], offsets)
    np.testing.assert_allclose(model.skin(world, joints, betas, own), expected, atol=1e-5)


def test_landmarks_follow_joints_and_skin(model: BodyModel) -> None:
    betas = random_betas(7)
    world = random_world(3, 8)
    joints = joint_positions(world, model.rest_joints(betas), np.zeros((3, 3)))
    names = ["body_nose", "left_hand_index_finger_pip", "face_152", "body_left_hip"]
    points = model.landmark_points(world, joints, betas, names)
    np.testing.assert_array_equal(points[:, 1], joints[:, JOINT["left_index2"]])
    np.testing.assert_array_equal(points[:, 3], joints[:, JOINT["left_hip"]])
    everything = model.landmark_points(world, joints, betas)
    indices = model.landmark_indices(names)
    np.testing.assert_allclose(everything[:, indices], points, atol=1e-12)
    skinned = model.skin(world, joints, betas)
    chin = model.landmark_names.index("face_152")
    corners = skinned[:, model.landmark_vertices[chin]]
    expected = np.einsum("c,tci->ti", model.landmark_weights[chin], corners)
    np.testing.assert_allclose(points[:, 2], expected, atol=1e-9)


def test_landmarks_at_rest_are_landmarks_of_the_zero_pose(model: BodyModel) -> None:
    betas = random_betas(9)
    world = np.tile(np.eye(3), (1, JOINT_COUNT, 1, 1))
    posed = model.landmark_points(world, model.rest_joints(betas)[None], betas)
    np.testing.assert_allclose(posed[0], model.landmark_rest_points(betas), atol=1e-6)


def test_an_unknown_landmark_is_a_key_error(model: BodyModel) -> None:
    with pytest.raises(KeyError, match="body_tail"):
        model.landmark_indices(["body_tail"])


def test_landmark_parents_move_them(model: BodyModel) -> None:
    parent = dict(zip(model.landmark_names, model.landmark_parent, strict=True))
    assert parent["body_nose"] == JOINT["head"]
    assert parent["face_152"] == JOINT["jaw"]
    assert parent["right_hand_thumb_tip"] == JOINT["right_thumb3"]
    assert parent["body_left_heel"] == JOINT["left_ankle"]
    assert parent["body_right_knee"] == JOINT["right_knee"]


def test_betas_of_another_length_are_refused(model: BodyModel) -> None:
    with pytest.raises(ValueError, match=r"\(10,\)"):
        model.rest_vertices(np.zeros(16))


def bend(model: BodyModel, joint: str, degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    """Vertices (V,3) of the T-pose with one joint turned by an axis-angle."""
    local = np.tile(np.eye(3), (1, JOINT_COUNT, 1, 1))
    local[0, JOINT[joint]] = matrix_from_axis_angle(np.deg2rad(np.array([degrees], dtype=float)))[0]
    world = world_rotations(local)
    joints = joint_positions(world, model.rest_joints(np.zeros(10)), np.zeros((1, 3)))
    moved = joints + model.rest_joints(np.zeros(10))[0] - joints[:, :1]
    return model.skin(world, moved, np.zeros(10))[0]


def surface(model: BodyModel, vertices: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    index = model.landmark_names.index(name)
    return model.landmark_weights[index] @ vertices[model.landmark_vertices[index]]


def test_jaw_opens_the_mouth(model: BodyModel) -> None:
    """Inner lips are face points 13 (upper) and 14 (lower)."""
    shut, opened = (bend(model, "jaw", (d, 0.0, 0.0)) for d in (0.0, 20.0))
    gap = [surface(model, v, "face_013") - surface(model, v, "face_014") for v in (shut, opened)]
    assert gap[1][1] - gap[0][1] > 0.02
    nose = surface(model, opened, "body_nose") - surface(model, shut, "body_nose")
    assert np.linalg.norm(nose) < 0.001


@pytest.mark.parametrize(("side", "sign"), [("left", -1.0), ("right", 1.0)])
def test_fingers_bend_towards_the_palm(model: BodyModel, side: str, sign: float) -> None:
    flat = model.rest_vertices(np.zeros(10))
    for finger in ("index", "middle", "ring", "pinky"):
        name = f"{side}_hand_{finger}{'_finger' if finger != 'pinky' else ''}_tip"
        curled = bend(model, f"{side}_{finger}1", (0.0, 0.0, sign * 60.0))
        assert (surface(model, curled, name) - surface(model, flat, name))[1] < -0.03


def test_eyes_turn_in_their_sockets(model: BodyModel) -> None:
    """The eyeball turns about its middle as a whole; nothing else moves."""
    eye = JOINT["left_eye_smplhf"]
    own = model.weights[:, eye] > 0.99
    centre = model.rest_joints(np.zeros(10))[eye]
    before, after = (bend(model, "left_eye_smplhf", (0.0, d, 0.0)) for d in (0.0, 25.0))
    shift = np.linalg.norm(after - before, axis=1)
    assert shift[own].max() > 0.003
    assert shift[~own].max() < 1e-9
    radii = [np.linalg.norm(v[own] - centre, axis=1) for v in (before, after)]
    np.testing.assert_allclose(radii[0], radii[1], atol=1e-5)


def test_the_skeleton_is_smplx(arrays: Arrays) -> None:
    assert arrays["kintree_table"][0].tolist() == list(PARENTS)


def saved(folder: Path, arrays: Arrays) -> Path:
    path = folder / "body.npz"
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"other\.npz is missing"):
        load_open_body(tmp_path / "other.npz")


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "body.npz"
    path.write_text("not a body")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_open_body(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "body.npz"
    path.write_bytes(OPEN_BODY.read_bytes()[:400_000])
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_open_body(path)


def test_a_missing_array_is_named(tmp_path: Path, arrays: Arrays) -> None:
    del arrays["weights"]
    with pytest.raises(ModelFileError, match="the key weights"):
        load_open_body(saved(tmp_path, arrays))


def test_pickled_arrays_are_refused(tmp_path: Path, arrays: Arrays) -> None:
    arrays["part_names"] = arrays["part_names"].astype(object)
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_open_body(saved(tmp_path, arrays))


def scaled(array: NDArray[np.generic], factor: float, shift: float) -> NDArray[np.generic]:
    return (array.astype(np.float64) * factor + shift).astype(array.dtype)


@pytest.mark.parametrize(
    ("key", "factor", "shift"),
    [
        ("weights", 2.0, 0.0),
        ("f", 1.0, 14000.0),
        ("f", 1.0, -1.0),
        ("v_template", np.nan, 0.0),
        ("landmark_joint", 1.0, 1.0),
        ("kintree_table", -1.0, 0.0),
    ],
)
def test_wrong_numbers_are_named(
    tmp_path: Path, arrays: Arrays, key: str, factor: float, shift: float
) -> None:
    arrays[key] = scaled(arrays[key], factor, shift)
    with pytest.raises(ModelFileError, match=key):
        load_open_body(saved(tmp_path, arrays))


@pytest.mark.parametrize("key", ["shapedirs", "weights", "f", "face_part", "landmark_vertices"])
def test_a_wrong_shape_is_named(tmp_path: Path, arrays: Arrays, key: str) -> None:
    arrays[key] = arrays[key][..., :-1]
    with pytest.raises(ModelFileError, match=f"wrong {key}"):
        load_open_body(saved(tmp_path, arrays))


def test_a_wrong_type_is_named(tmp_path: Path, arrays: Arrays) -> None:
    arrays["f"] = arrays["f"].astype(np.float32)
    with pytest.raises(ModelFileError, match="wrong f"):
        load_open_body(saved(tmp_path, arrays))
