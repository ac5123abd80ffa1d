"""PC-HMR's equations: each bone onto its target, the mesh after its bones."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.motion.calibration import (
    BoneMoves,
    CalibrationWeights,
    bone_moves,
    calibrated_mesh,
)
from pose2rig.core_inference.motion.calibration_learning import Lesson, learned_weights

Float64 = NDArray[np.float64]

CHAIN = np.array([[0, 1], [1, 2], [2, 3]])
FRAMES = 70


@pytest.fixture(scope="module")
def poses() -> tuple[Float64, Float64]:
    """A chain of four joints (T,4,3) and where it belongs: other directions, other lengths."""
    random = np.random.default_rng(1)
    bones = random.normal(size=(2, FRAMES, 4, 3)) * 0.3
    source, target = np.cumsum(bones, axis=2)
    return source, target


def equations(source_3: Float64, target_3: Float64, parent: int, child: int) -> list[Float64]:
    """Equations 6 to 10 for one bone of one frame as they are printed."""
    own, wanted = (pose[parent] - pose[child] for pose in (source_3, target_3))
    cosine = own @ wanted / np.linalg.norm(own) / np.linalg.norm(wanted)
    cross = np.cross(own, wanted)
    psi = np.arccos(cosine) * cross / np.linalg.norm(cross)
    angle = np.linalg.norm(psi)
    x, y, z = phi = psi / angle
    hat = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.cos(angle) * np.eye(3) + (1 - np.cos(angle)) * np.outer(phi, phi)
    turn = turn + np.sin(angle) * hat
    shift = target_3[parent] - turn @ source_3[parent]
    return [turn, shift, target_3[child] - (turn @ source_3[child] + shift)]


def test_each_bone_moves_as_equations_6_to_10_say(poses: tuple[Float64, Float64]) -> None:
    source, target = poses
    moves = bone_moves(source, target, CHAIN)
    for frame in (0, 7, FRAMES - 1):
        for bone, (parent, child) in enumerate(CHAIN):
            turn, shift, stretch = equations(source[frame], target[frame], parent, child)
            np.testing.assert_allclose(moves.turn[frame, bone], turn, atol=1e-9)
            np.testing.assert_allclose(moves.shift[frame, bone], shift, atol=1e-9)
            np.testing.assert_allclose(moves.stretch[frame, bone], stretch, atol=1e-9)


def on_bones(share: Float64) -> tuple[Float64, CalibrationWeights]:
    """Points on the chain's bones, ten each, and what each takes of its own bone."""
    along = np.tile(np.linspace(0, 1, 10), 3)
    own = np.repeat(np.eye(3), 10, axis=0)
    return along, CalibrationWeights(share=own * share, along=own * along[:, None])


def points_of(pose_TJ3: Float64, along_V: Float64) -> Float64:
    start, end = pose_TJ3[:, :-1].repeat(10, axis=1), pose_TJ3[:, 1:].repeat(10, axis=1)
    return start + along_V[:, None] * (end - start)


def test_points_on_bones_come_to_the_same_places_of_the_targets_bones(
    poses: tuple[Float64, Float64],
) -> None:
    """Equation 11, over more frames than are worked on at once."""
    source, target = poses
    along, weights = on_bones(np.ones(1))
    moved = calibrated_mesh(points_of(source, along), bone_moves(source, target, CHAIN), weights)
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved, points_of(target, along), atol=1e-5)


def test_without_the_non_rigid_term_bones_keep_their_length(
    poses: tuple[Float64, Float64],
) -> None:
    source, target = poses
    along, weights = on_bones(np.ones(1))
    rigid = CalibrationWeights(share=weights.share, along=np.zeros_like(weights.along))
    moved = calibrated_mesh(points_of(source, along), bone_moves(source, target, CHAIN), rigid)
    lengths = np.linalg.norm(np.diff(source, axis=1), axis=-1)
    ends = moved.reshape(FRAMES, 3, 10, 3)
    got = np.linalg.norm(ends[:, :, -1] - ends[:, :, 0], axis=-1)
    np.testing.assert_allclose(got, lengths, atol=1e-5)
    np.testing.assert_allclose(ends[:, :, 0], target[:, :3], atol=1e-5)


def test_a_vertex_of_several_bones_is_between_what_they_say(poses: tuple[Float64, Float64]) -> None:
    """Equations 12 and 13 as they are printed."""
    source, target = poses
    random = np.random.default_rng(2)
    share = random.dirichlet(np.ones(3), size=5)
    along = random.uniform(size=(5, 3))
    vertices = random.normal(size=(FRAMES, 5, 3))
    moves = bone_moves(source, target, CHAIN)
    moved = calibrated_mesh(vertices, moves, CalibrationWeights(share=share, along=along))
    frame, j = 40, 3
    expected = sum(
        share[j, i]
        * (
            moves.turn[frame, i] @ vertices[frame, j]
            + moves.shift[frame, i]
            + along[j, i] * moves.stretch[frame, i]
        )
        for i in range(3)
    )
    np.testing.assert_allclose(moved[frame, j], expected, atol=1e-6)


def test_the_same_pose_moves_nothing_and_odd_bones_stay_finite(
    poses: tuple[Float64, Float64],
) -> None:
    source, _ = poses
    still = bone_moves(source, source, CHAIN)
    np.testing.assert_allclose(still.turn, np.broadcast_to(np.eye(3), still.turn.shape), atol=1e-9)
    np.testing.assert_allclose(still.shift, 0.0, atol=1e-9)
    np.testing.assert_allclose(still.stretch, 0.0, atol=1e-9)
    opposite = bone_moves(source, -source, CHAIN)
    np.testing.assert_allclose(opposite.stretch, 0.0, atol=1e-7)
    np.testing.assert_allclose(np.linalg.det(opposite.turn), 1.0, atol=1e-9)
    point = bone_moves(source, np.zeros_like(source), CHAIN)
    assert np.isfinite(point.turn).all()


def test_weights_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="two"):
        CalibrationWeights(share=np.zeros((4, 3)), along=np.zeros((4, 2)))


# --- learning -----------------------------------------------------------------------------------


def lesson_of(truth_weights: CalibrationWeights, moves: BoneMoves, seed: int) -> Lesson:
    vertices = np.random.default_rng(seed).normal(size=(FRAMES, len(truth_weights.share), 3)) * 0.3
    truth = calibrated_mesh(vertices, moves, truth_weights).astype(np.float64)
    return Lesson(vertices=vertices, moves=moves, truth=truth)


def test_weights_are_learned_from_meshes_whose_truth_is_known(
    poses: tuple[Float64, Float64],
) -> None:
    """Made with other weights than the learning begins with; told apart on unseen frames."""
    random = np.random.default_rng(3)
    hidden = CalibrationWeights(
        share=random.dirichlet(np.ones(3), size=6), along=random.uniform(size=(6, 3))
    )
    start = CalibrationWeights(share=np.full((6, 3), 1 / 3), along=np.full((6, 3), 0.5))
    source, target = poses
    learned = learned_weights(start, [lesson_of(hidden, bone_moves(source, target, CHAIN), 4)])
    np.testing.assert_allclose(learned.share.sum(axis=1), 1.0, atol=1e-9)
    unseen = lesson_of(hidden, bone_moves(target, source, CHAIN), 5)

    def missed(weights: CalibrationWeights) -> float:
        moved = calibrated_mesh(unseen.vertices, unseen.moves, weights)
        return float(np.linalg.norm(moved - unseen.truth, axis=-1).mean())

    assert missed(learned) < 0.25 * missed(start)


def test_with_nothing_to_mend_weights_stay(poses: tuple[Float64, Float64]) -> None:
    source, target = poses
    random = np.random.default_rng(6)
    start = CalibrationWeights(
        share=random.dirichlet(np.ones(3), size=6), along=random.uniform(size=(6, 3))
    )
    learned = learned_weights(start, [lesson_of(start, bone_moves(source, target, CHAIN), 7)])
    np.testing.assert_allclose(learned.share, start.share, atol=1e-4)
    np.testing.assert_allclose(learned.along, start.along, atol=1e-4)
