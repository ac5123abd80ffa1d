"""F-scores and errors of the skin against values found by hand and by brute force."""

from dataclasses import replace

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.mesh_metrics import (
    MAX_MESH_FRAMES,
    PosedBody,
    f_scores,
    mesh_frames,
    mesh_part_errors,
    part_vertices,
)
from pose2rig.core_inference.part_errors import PARTS
from pose2rig.core_inference.pose_metrics import aligned_point_errors
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, joint_positions, world_rotations

from .known_motions import AVERAGE, Float64, random_motion

ALL = np.ones(55, dtype=bool)


def posed(body: BodyModel, local_TJ33: Float64, betas: Float64 = AVERAGE) -> PosedBody:
    world = np.asarray(world_rotations(local_TJ33), dtype=np.float64)
    rest = np.asarray(body.rest_joints(betas), dtype=np.float64)
    joints = joint_positions(world, rest, np.zeros((len(world), 3)))
    return PosedBody(world=world, joints=np.asarray(joints, dtype=np.float64), betas=betas)


@pytest.fixture(scope="module")
def motion(body: BodyModel) -> Float64:
    return random_motion(body, 1, seconds=0.2)[0].rotations


# --- F-scores ----------------------------------------------------------------------------------


def test_f_score_by_hand():
    """Of three predicted points two are near (P = 2/3), of two true ones one is (R = 1/2)."""
    own = np.array([[[0.0, 0, 0], [0.004, 0, 0], [1.0, 0, 0]]])
    true = np.array([[[0.001, 0, 0], [0.5, 0, 0]]])
    both = f_scores(own, true, (0.005, 10.0))
    assert both[0].tolist() == [pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5)), 1.0]


def test_f_score_is_1_for_the_same_points_in_any_order_and_0_far_away():
    points = np.random.default_rng(1).normal(0, 0.1, (3, 40, 3))
    mixed = np.random.default_rng(2).permutation(points, axis=1)
    assert f_scores(mixed, points) == pytest.approx(1.0)
    assert f_scores(points + 9.0, points).tolist() == [[0.0, 0.0]] * 3


def test_f_score_is_what_all_distances_give():
    rng = np.random.default_rng(3)
    own, true = rng.normal(0, 0.01, (4, 50, 3)), rng.normal(0, 0.01, (4, 70, 3))
    away = np.linalg.norm(own[:, :, None] - true[:, None], axis=-1)
    for column, limit in enumerate((0.005, 0.015)):
        precision = (away.min(axis=2) < limit).mean(axis=1)
        recall = (away.min(axis=1) < limit).mean(axis=1)
        wanted = 2 / (1 / precision + 1 / recall)
        assert (wanted > 0).all() and (wanted < 1).all()
        assert f_scores(own, true)[:, column] == pytest.approx(wanted)


def test_f_score_of_single_points():
    assert f_scores(np.zeros((1, 1, 3)), np.full((1, 1, 3), 0.005)).tolist() == [[0.0, 1.0]]


# --- parts of the skin -------------------------------------------------------------------------


def test_a_parts_vertices_hang_on_its_joints(body: BodyModel):
    whole = part_vertices(body, PARTS["whole body"])
    assert len(whole) == len(body.v_template)
    left, right = (part_vertices(body, PARTS[f"{side} hand"]) for side in ("left", "right"))
    assert len(left) == len(right) > 500
    wrist = body.rest_joints(AVERAGE)[JOINT["left_wrist"]]
    assert (body.v_template[left, 0] > wrist[0] - 0.08).all()
    assert (body.v_template[right, 0] < -wrist[0] + 0.08).all()
    neck = body.rest_joints(AVERAGE)[JOINT["neck"]]
    face = part_vertices(body, PARTS["face"])
    assert (body.v_template[face, 1] > neck[1] - 0.1).all()


def test_the_same_bodies_have_no_error(body: BodyModel, motion: Float64):
    own = posed(body, motion)
    errors = mesh_part_errors(body, own, own, ALL)
    assert list(errors) == list(PARTS)
    for part in errors.values():
        assert part.error_mm == 0.0 and part.aligned_mm < 1e-6
    assert errors["left hand"].f_5mm == errors["right hand"].f_15mm == 1.0
    assert errors["body"].f_5mm is None


def test_where_the_person_stands_is_no_error(body: BodyModel, motion: Float64):
    own = posed(body, motion)
    moved = replace(own, joints=own.joints + [1.0, 2.0, 3.0])
    errors = mesh_part_errors(body, moved, own, ALL)
    assert max(part.error_mm for part in errors.values()) < 1e-3


def test_a_turned_hand_is_an_error_before_alignment_alone(body: BodyModel, motion: Float64):
    """The skin at the wrist is held by the forearm too, so a little is left after it."""
    bent = motion.copy()
    turn = matrix_from_axis_angle(np.radians([40.0, 0.0, 0.0]))
    bent[:, JOINT["left_wrist"]] = bent[:, JOINT["left_wrist"]] @ turn
    errors = mesh_part_errors(body, posed(body, bent), posed(body, motion), ALL)
    left, right = errors["left hand"], errors["right hand"]
    assert left.error_mm > 15.0 > 4.0 > left.aligned_mm
    assert right.error_mm < 1e-6
    assert left.f_15mm is not None and left.f_15mm > 0.97
    assert errors["face"].error_mm < 1e-6 < errors["whole body"].error_mm


def test_errors_are_those_of_all_vertices_at_once(body: BodyModel, motion: Float64):
    """More frames than are skinned at once, another pose and another shape."""
    frames = np.tile(motion, (4, 1, 1, 1))[:17]
    betas = np.linspace(-1.0, 1.0, 10)
    own, truth = posed(body, frames[::-1].copy(), betas), posed(body, frames)
    errors = mesh_part_errors(body, own, truth, ALL)
    left, right = (np.asarray(body.skin(b.world, b.joints, b.betas)) for b in (own, truth))
    apart = (left - own.joints[:, :1]) - (right - truth.joints[:, :1])
    wanted = 1000 * np.linalg.norm(apart, axis=-1).mean()
    assert errors["whole body"].error_mm == pytest.approx(wanted)
    hand = part_vertices(body, PARTS["left hand"])
    aligned = 1000 * aligned_point_errors(left[:, hand], right[:, hand]).mean()
    assert errors["left hand"].aligned_mm == pytest.approx(aligned)
    assert errors["left hand"].points == len(hand)


def test_parts_whose_joints_are_not_known_are_left_out(body: BodyModel, motion: Float64):
    own = posed(body, motion[:1])
    known = np.arange(55) < 22
    assert list(mesh_part_errors(body, own, own, known)) == ["body"]
    assert list(mesh_part_errors(body, own, own, known | (np.arange(55) >= 40))) == [
        "body",
        "right hand",
    ]


def test_long_clips_are_looked_at_here_and_there():
    assert mesh_frames(1) == 1
    assert mesh_frames(MAX_MESH_FRAMES) == mesh_frames(1_000_000) == MAX_MESH_FRAMES


def test_posed_bodies_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="posed body"):
        PosedBody(world=np.zeros((2, 55, 3, 3)), joints=np.zeros((1, 55, 3)), betas=AVERAGE)
