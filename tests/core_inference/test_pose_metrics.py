"""Errors of points and rotations against values found by hand or by another way."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.optimize import minimize
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from pose2rig.core_inference.pose_metrics import (
    AUC_THRESHOLDS_M,
    aligned_point_errors,
    level_alignment,
    pck,
    pck_auc,
    point_errors,
    root_aligned,
    root_errors,
    rotation_errors,
    similarity_aligned,
)
from pose2rig.rigs.rotation import matrix_from_axis_angle

from .known_motions import Float64


def points(seed: int, frames: int = 7, count: int = 12) -> Float64:
    return np.random.default_rng(seed).normal(0.0, 0.5, (frames, count, 3))


def turn(*axis_angle: float) -> Float64:
    return np.asarray(matrix_from_axis_angle(np.array(axis_angle)), dtype=np.float64)


# --- distances ---------------------------------------------------------------------------------


def test_point_errors_are_distances():
    truth = points(5)
    assert point_errors(truth + [0.0, 0.03, 0.04], truth) == pytest.approx(0.05)


def test_mpjpe_of_two_joints_by_hand():
    """Root together: the second joint is 3 cm off in the first frame, 0 and 4 in the second."""
    truth = np.array([[[0, 0, 0], [0, 1, 0]], [[1, 1, 1], [1, 2, 1]]], dtype=np.float64)
    own = np.array([[[9, 0, 0], [9.03, 1, 0]], [[0, 0, 5], [0, 1, 5.04]]], dtype=np.float64)
    placed = point_errors(root_aligned(own, own[:, 0]), root_aligned(truth, truth[:, 0]))
    assert placed.tolist() == [[0.0, pytest.approx(0.03)], [0.0, pytest.approx(0.04)]]
    assert placed.mean() == pytest.approx(0.0175)


def test_where_a_person_stands_is_no_error_once_the_roots_are_together():
    truth, root = points(6), points(6)[:, 3]
    shifts = np.random.default_rng(1).normal(0.0, 3.0, (7, 1, 3))
    moved = truth + shifts
    placed = root_aligned(moved, moved[:, 3])
    assert placed == pytest.approx(root_aligned(truth, root))


def test_rotation_errors_are_geodesic():
    truth = np.broadcast_to(turn(0.3, 0.2, 0.1), (2, 3, 3, 3))
    off = truth @ turn(0.0, np.radians(25.0), 0.0)
    assert np.degrees(rotation_errors(off, truth)) == pytest.approx(25.0)
    random = Rotation.from_quat(np.random.default_rng(3).normal(0, 1, (60, 4)))
    left, right = random[:30].as_matrix(), random[30:].as_matrix()
    wanted = (random[:30].inv() * random[30:]).magnitude()
    assert rotation_errors(left[None], right[None])[0] == pytest.approx(wanted)


# --- similarity --------------------------------------------------------------------------------


def test_similarity_alignment_undoes_turn_scale_and_shift_of_every_frame():
    truth = points(6)
    moved = np.stack([(1 + 0.1 * k) * p @ turn(k, 1.0, -0.5).T + k for k, p in enumerate(truth)])
    assert aligned_point_errors(moved, truth).max() < 1e-12
    assert similarity_aligned(moved, truth) == pytest.approx(truth)


@pytest.mark.parametrize("seed", range(5))
def test_similarity_alignment_is_scipys_where_that_does_not_mirror(seed: int):
    """scipy's Procrustes allows mirroring: it is ours for points that are nearly the truth."""
    truth = points(20 + seed, frames=1)[0]
    own = truth @ turn(0.5, 1.5, -2.0).T * 1.7 + np.random.default_rng(seed).normal(
        0, 0.05, (12, 3)
    )
    wanted, found, disparity = procrustes(truth, own)
    size = np.linalg.norm(truth - truth.mean(axis=0))
    errors = aligned_point_errors(own[None], truth[None])[0]
    assert errors == pytest.approx(size * np.linalg.norm(wanted - found, axis=-1))
    assert (errors**2).sum() == pytest.approx(size**2 * disparity)
    matrix, _ = orthogonal_procrustes(own - own.mean(axis=0), truth - truth.mean(axis=0))
    assert np.linalg.det(matrix) > 0


def test_similarity_alignment_does_not_mirror():
    truth = points(7)
    assert aligned_point_errors(truth * [-1.0, 1.0, 1.0], truth).mean() > 0.1


def test_similarity_alignment_of_a_mirror_image_is_what_a_search_finds():
    truth = points(8, frames=1)[0]
    own = truth * [-1.0, 1.0, 1.0] + 0.05 * points(9, frames=1)[0]

    def squares(x: Float64) -> float:
        moved = np.exp(x[3]) * own @ turn(*x[:3]).T + x[4:7]
        return float(((moved - truth) ** 2).sum())

    rng = np.random.default_rng(2)
    starts = [np.concatenate([rng.normal(0, 2, 3), np.zeros(4)]) for _ in range(8)]
    best = min(float(minimize(squares, start).fun) for start in starts)
    errors = aligned_point_errors(own[None], truth[None])[0]
    assert (errors**2).sum() == pytest.approx(best, rel=1e-4)


def test_aligned_errors_do_not_change_when_the_prediction_moves_or_grows():
    truth, own = points(10), points(11)
    wanted = aligned_point_errors(own, truth)
    assert aligned_point_errors(3.0 * own @ turn(1.0, 2.0, 0.3).T + 7.0, truth) == pytest.approx(
        wanted
    )


def test_aligned_errors_grow_with_the_truth_alone():
    truth, own = points(10), points(11)
    wanted = aligned_point_errors(own, truth)
    spun = turn(1.0, 2.0, 0.3)
    assert aligned_point_errors(own, 2.0 * truth @ spun.T - 1.0) == pytest.approx(2.0 * wanted)


@pytest.mark.parametrize(
    "own",
    [
        np.zeros((2, 5, 3)),
        np.full((2, 5, 3), 7.0),
        np.full((2, 5, 3), 1e-180),
        np.linspace(0, 1, 5)[:, None] * np.ones((2, 1, 3)),
        np.linspace(0, 1, 5)[:, None] * np.array([1e-9, 0.0, 0.0]) * np.ones((2, 1, 1)),
        np.random.default_rng(1).normal(0, 1, (2, 5, 3)) * [1.0, 1.0, 0.0],
    ],
)
def test_points_without_size_or_on_one_line_have_finite_errors(own: Float64):
    for truth in (own, own + 1.0, points(3, frames=2, count=5), np.zeros((2, 5, 3))):
        for left, right in ((own, truth), (truth, own)):
            errors = aligned_point_errors(left, right)
            away = right - right.mean(axis=1, keepdims=True)
            assert np.isfinite(errors).all()
            assert (errors**2).sum() <= (away**2).sum() * (1 + 1e-9) + 1e-12


def test_a_single_joint_is_aligned_whole():
    assert aligned_point_errors(points(1, count=1), points(2, count=1)) == pytest.approx(0.0)


def test_level_alignment_finds_turn_about_z_and_shift():
    source = points(11).reshape(-1, 3)
    wanted = turn(0.0, 0.0, 2.5)
    found, shift = level_alignment(source, source @ wanted.T + [1.0, -2.0, 3.0])
    assert found == pytest.approx(wanted)
    assert source @ found.T + shift == pytest.approx(source @ wanted.T + [1.0, -2.0, 3.0])


# --- roots -------------------------------------------------------------------------------------


def test_mrpe_and_its_parts_by_hand():
    """Offsets of (3, 0, 4) and (0, -6, 8) cm: 5 and 10 cm, 1.5, 3 and 6 cm along the axes."""
    truth = np.array([[0.1, 0.2, 3.0], [0.0, 0.0, 4.0]])
    errors = root_errors(truth + [[0.03, 0.0, 0.04], [0.0, -0.06, 0.08]], truth)
    assert errors.mrpe_mm == pytest.approx(75.0)
    assert [errors.x_mm, errors.y_mm, errors.z_mm] == pytest.approx([15.0, 30.0, 60.0])


def test_mrpe_does_not_change_when_both_move_together():
    truth, own = points(1)[:, 0], points(2)[:, 0]
    wanted, spun = root_errors(own, truth).mrpe_mm, turn(0.3, -2.0, 1.0)
    moved = root_errors(own @ spun.T + 5.0, truth @ spun.T + 5.0)
    assert moved.mrpe_mm == pytest.approx(wanted)


# --- 3DPCK -------------------------------------------------------------------------------------


def test_pck_counts_errors_below_the_threshold():
    errors = np.array([[0.0, 0.1499], [0.15, 0.2]])
    assert pck(errors) == 0.5
    assert pck(errors, 0.1) == 0.25
    assert pck(errors, 0.3) == 1.0


def test_the_curve_has_31_thresholds_from_0_to_150_mm():
    assert pytest.approx(5.0 * np.arange(31)) == 1000 * AUC_THRESHOLDS_M


def test_auc_of_one_error_is_the_share_of_thresholds_above_it():
    """72 mm is below 75, 80 ... 150: 16 of 31; no error is below 0."""
    assert pck_auc(np.array([0.072])) == pytest.approx(16 / 31)
    assert pck_auc(np.zeros(5)) == pytest.approx(30 / 31)
    assert pck_auc(np.full(5, 0.2)) == 0.0


def test_auc_is_the_mean_of_counts():
    errors = np.random.default_rng(4).uniform(0, 0.3, (9, 14))
    counted = [sum(e < t / 1000 for e in errors.ravel()) / errors.size for t in range(0, 151, 5)]
    assert pck_auc(errors) == pytest.approx(sum(counted) / 31)
