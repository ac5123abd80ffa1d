"""What is found out about a mesh: its joints, its bones, and the points it takes after."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel
from pose2rig.core_inference.motion.calibration import CalibrationWeights
from pose2rig.core_inference.motion.calibration_mesh import (
    MeshPlan,
    joint_projector,
    open_body_plan,
    plan_of_mesh,
    projected_joints,
)
from pose2rig.core_inference.motion.calibration_weights import (
    BONES,
    check_fits,
    geometric_weights,
    load_weights,
    save_weights,
)
from pose2rig.core_inference.synthetic import KnownMotion, known_motion
from pose2rig.rigs.errors import ModelFileError
from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES, world_rotations

from ..known_motions import random_motion

ENDS = np.unique(BONES)


@pytest.fixture(scope="module")
def plan(body: BodyModel) -> MeshPlan:
    return open_body_plan(body)


@pytest.fixture(scope="module")
def moving(body: BodyModel) -> KnownMotion:
    """Somebody of no average shape who moves every joint."""
    motion, _ = random_motion(body, seed=12, seconds=3.0)
    betas = np.random.default_rng(13).normal(size=SHAPE_COUNT)
    trans = motion.joints[:, 0] - body.rest_joints(motion.open_betas)[0]
    return known_motion(body, motion.rotations, trans, betas)


def skin(body: BodyModel, motion: KnownMotion) -> NDArray[np.float64]:
    world = world_rotations(motion.rotations)
    return np.asarray(body.skin(world, motion.joints, motion.open_betas), dtype=np.float64)


# --- joints -------------------------------------------------------------------------------------


def test_a_meshs_joints_are_found_in_other_shapes_and_poses(
    plan: MeshPlan, moving: KnownMotion, body: BodyModel
) -> None:
    projector = joint_projector(plan)
    np.testing.assert_allclose(projector[ENDS].sum(axis=1), 1.0, atol=1e-9)
    found = projected_joints(projector, skin(body, moving))
    off_mm = 1000 * np.linalg.norm(found - moving.joints, axis=-1)[:, ENDS]
    assert off_mm.mean() < 6.0
    assert off_mm.mean(axis=0).max() < 30.0  # deep in the chest


def test_joints_move_with_the_mesh_and_no_vertex_counts_beyond_measure(plan: MeshPlan) -> None:
    projector = joint_projector(plan)
    moved = projected_joints(projector, (plan.rest + np.array([1.0, 2.0, 3.0]))[None])
    still = projected_joints(projector, plan.rest[None])
    np.testing.assert_allclose(moved[:, ENDS] - still[:, ENDS], [[[1.0, 2.0, 3.0]] * len(ENDS)])
    assert np.linalg.norm(projector, axis=1).max() < 1.5


# --- a mesh of which nothing is known -----------------------------------------------------------


def test_a_foreign_mesh_takes_after_the_right_points(
    plan: MeshPlan, moving: KnownMotion, body: BodyModel
) -> None:
    """Half of the vertices in any order, of another shape, told nothing but the rotations."""
    picked = np.random.default_rng(14).permutation(len(plan.rest))[:6890]
    mesh = skin(body, moving)[:, picked]
    world = np.asarray(world_rotations(moving.rotations), dtype=np.float64)
    laid = plan_of_mesh(mesh, world, moving.joints[:, 0], body)
    off_m = np.linalg.norm(laid.rest - plan.rest[picked], axis=1)
    assert np.median(off_m) < 0.02
    assert np.quantile(off_m, 0.99) < 0.10
    found = projected_joints(joint_projector(laid), mesh)
    off_mm = 1000 * np.linalg.norm(found - moving.joints, axis=-1)[:, ENDS]
    assert off_mm.mean() < 20.0


# --- weights ------------------------------------------------------------------------------------


def test_every_vertex_is_shared_out_and_lies_along_its_bones(plan: MeshPlan) -> None:
    weights = geometric_weights(plan.rest, plan.skin, plan.joints)
    np.testing.assert_allclose(weights.share.sum(axis=1), 1.0, atol=1e-4)
    assert weights.share.min() >= 0.0
    assert (weights.along.min(), weights.along.max()) == (0.0, 1.0)


def bone(parent: str, child: str) -> int:
    return BONES.tolist().index([JOINT[parent], JOINT[child]])


@pytest.mark.parametrize(
    ("parent", "child", "share", "along"),
    [
        ("left_shoulder", "left_elbow", 0.7, 0.5),
        ("right_knee", "right_ankle", 0.7, 0.5),
        ("left_wrist", "left_middle1", 0.9, 0.5),
    ],
)
def test_skin_about_a_bone_belongs_to_it(
    plan: MeshPlan, parent: str, child: str, share: float, along: float
) -> None:
    """The fifty vertices about the middle of the bone."""
    weights = geometric_weights(plan.rest, plan.skin, plan.joints)
    middle = plan.joints[[JOINT[parent], JOINT[child]]].mean(axis=0)
    about = np.argsort(np.linalg.norm(plan.rest - middle, axis=1))[:50]
    column = bone(parent, child)
    assert weights.share[about, column].mean() > share
    assert weights.along[about, column].mean() == pytest.approx(along, abs=0.15)


def test_fingers_go_with_the_hand_and_the_face_with_the_head(plan: MeshPlan) -> None:
    weights = geometric_weights(plan.rest, plan.skin, plan.joints)
    tip = plan.skin[:, JOINT["left_index3"]] > 0.99
    assert tip.any()
    np.testing.assert_allclose(weights.share[tip, bone("left_wrist", "left_middle1")], 1, atol=0.01)
    jaw = plan.skin[:, JOINT["jaw"]] > 0.99
    eyes = [bone("head", f"{side}_eye_smplhf") for side in ("left", "right")]
    assert jaw.any()
    np.testing.assert_allclose(weights.share[jaw][:, eyes].sum(axis=1), 1.0, atol=0.01)


def test_bones_go_outwards_and_cover_the_body() -> None:
    reached = {0}
    for parent, child in BONES.tolist():
        assert parent in reached
        reached.add(child)
    assert {JOINT_NAMES[joint] for joint in reached} >= {"head", "left_wrist", "right_foot"}
    assert set(range(22)) <= reached


# --- the file -----------------------------------------------------------------------------------


def some_weights(vertices: int = 7) -> CalibrationWeights:
    random = np.random.default_rng(15)
    share, along = random.uniform(size=(2, vertices, len(BONES)))
    return CalibrationWeights(share=share, along=along)


def test_weights_are_read_back_from_their_file(tmp_path: Path) -> None:
    weights, path = some_weights(), tmp_path / "learned.npz"
    save_weights(path, weights)
    again = load_weights(path)
    np.testing.assert_allclose(again.share, weights.share, rtol=1e-6)
    np.testing.assert_allclose(again.along, weights.along, rtol=1e-6)
    assert again.sha256 is not None
    assert len(again.sha256) == 64
    check_fits(again, 7)
    with pytest.raises(ModelFileError, match="another mesh"):
        check_fits(again, 8)


def test_other_files_are_refused_by_name(tmp_path: Path) -> None:
    share = some_weights().share
    files = {
        "text.npz": None,
        "lacks.npz": {"share": share, "bones": BONES},
        "bones.npz": {"share": share, "along": share, "bones": BONES[::-1]},
        "shapes.npz": {"share": share, "along": share[:3], "bones": BONES},
        "words.npz": {"share": np.array(["a"]), "along": share, "bones": BONES},
        "nan.npz": {"share": share * np.nan, "along": share, "bones": BONES},
        "flat.npz": {"share": share[0], "along": share[0], "bones": BONES},
    }
    for name, arrays in files.items():
        path = tmp_path / name
        if arrays is None:
            path.write_text("no arrays", encoding="utf-8")
        else:
            np.savez(path, **arrays)
        with pytest.raises(ModelFileError, match=name):
            load_weights(path)
    with pytest.raises(ModelFileError, match=r"gone\.npz"):
        load_weights(tmp_path / "gone.npz")
