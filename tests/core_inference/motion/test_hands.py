"""Palms, wrists and fingers: what hands can do, and whom to believe where two sources differ."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.hands import solve_fingers, solve_palm
from pose2rig.core_inference.motion.limbs import (
    DEVIATION,
    FLEXION,
    WRIST_TWIST,
    share_twist,
    within_wrist,
)
from pose2rig.core_inference.motion.points import points_from_raw
from pose2rig.core_inference.motion.posing import quaternions
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.synthetic import KnownMotion, exact_take
from pose2rig.rigs.rotation import (
    angle_between,
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_quaternion,
    rotation_about,
    twist_angle,
)
from pose2rig.rigs.skeleton import JOINT, world_rotations

from ..known_motions import random_motion

Float64 = NDArray[np.float64]

SIDES = ("left", "right")
OUTWARDS = {"left": np.array([1.0, 0.0, 0.0]), "right": np.array([-1.0, 0.0, 0.0])}


@pytest.fixture(scope="module")
def seen(body: BodyModel) -> tuple[KnownMotion, RawTake]:
    motion, time_s = random_motion(body, seed=21, seconds=3.0)
    return motion, exact_take(motion, body, time_s)


def with_hands(raw: RawTake, rows: slice, *, score: float, turn: Float64 | None = None) -> RawTake:
    """The take with its hands' landmarks scored, and turned (3,3) about their wrists, in rows."""
    hands = [k for k, name in enumerate(raw.landmark_names) if "_hand_" in name]
    scores, places = raw.landmark_scores.copy(), raw.landmarks3d.copy()
    scores[rows, hands] = score
    if turn is not None:
        places[rows, hands] = places[rows, hands] @ turn.T.astype(np.float32)
    return replace(raw, landmark_scores=scores, landmarks3d=places)


def degrees(one: Float64, other: Float64) -> Float64:
    return np.degrees(angle_between(one, other))


@pytest.mark.parametrize("side", SIDES)
def test_palms_and_fingers_are_those_of_exact_landmarks(
    seen: tuple[KnownMotion, RawTake], body: BodyModel, side: str
) -> None:
    motion, raw = seen
    points = points_from_raw(raw, body)
    palm, score = solve_palm(points, side)
    truth = world_rotations(motion.rotations)[:, JOINT[f"{side}_wrist"]]
    assert np.median(degrees(palm, truth)) < 4.0
    np.testing.assert_allclose(score, 1.0, atol=1e-6)
    fingers, _ = solve_fingers(points, side)
    first = JOINT[f"{side}_index1"]
    assert np.median(degrees(fingers[:, :12], motion.rotations[:, first : first + 12])) < 6.0


@pytest.mark.parametrize("side", SIDES)
def test_a_hand_seen_front_to_back_is_not_believed(
    seen: tuple[KnownMotion, RawTake], body: BodyModel, side: str
) -> None:
    motion, raw = seen
    over = np.asarray(matrix_from_axis_angle(np.array([0.0, np.pi, 0.0])), dtype=np.float64)
    flipped = with_hands(raw, slice(30, 60), score=0.9, turn=over)
    palm, score = solve_palm(points_from_raw(flipped, body), side)
    truth = world_rotations(motion.rotations)[:, JOINT[f"{side}_wrist"]]
    assert degrees(palm, truth)[30:60].max() < 45.0
    assert score[30:60].max() < 0.6
    assert score[:20].min() > 0.9


@pytest.mark.parametrize("side", SIDES)
def test_a_hand_that_is_lost_does_not_snap(
    seen: tuple[KnownMotion, RawTake], body: BodyModel, side: str
) -> None:
    """Neither where its landmarks go nor where the whole arm's end goes out of the picture."""
    motion, raw = seen
    gone = with_hands(raw, slice(40, 60), score=0.0)
    names = (f"body_{side}_{name}" for name in ("pinky", "index", "thumb"))
    scores = gone.landmark_scores.copy()
    scores[44:56, [raw.landmark_names.index(name) for name in names]] = 0.0
    local = quaternions(process(replace(gone, landmark_scores=scores), body, MotionSettings()))
    wrist = np.asarray(matrix_from_quaternion(local[:, JOINT[f"{side}_wrist"]]), dtype=np.float64)
    true = motion.rotations[:, JOINT[f"{side}_wrist"]]
    assert degrees(wrist[1:], wrist[:-1]).max() < degrees(true[1:], true[:-1]).max() + 10.0


@pytest.mark.parametrize("side", SIDES)
def test_a_wrist_stays_within_what_it_can_do(side: str) -> None:
    rng = np.random.default_rng(1)
    axis = OUTWARDS[side]
    palm = np.asarray(matrix_from_axis_angle(rng.uniform(-2.0, 2.0, (200, 3))), dtype=np.float64)
    forearm = np.asarray(matrix_from_axis_angle(rng.uniform(-1, 1, (200, 3))), dtype=np.float64)
    kept = np.swapaxes(forearm, -1, -2) @ within_wrist(forearm, palm, axis, side)
    twist = twist_angle(kept, axis)
    swing = axis_angle_from_matrix(kept @ rotation_about(axis, -twist))
    assert np.abs(twist).max() <= WRIST_TWIST + 1e-6
    low, high = DEVIATION if side == "left" else -DEVIATION[::-1]
    assert swing[:, 1].min() >= low - 1e-3
    assert swing[:, 1].max() <= high + 1e-3
    assert np.abs(swing[:, 2]).max() <= FLEXION[1] + 1e-3


@pytest.mark.parametrize("side", SIDES)
def test_what_a_wrist_can_do_is_left_as_it_is(side: str) -> None:
    """Bent by 70 degrees, or towards the little finger by 35, which the thumb's side cannot."""
    sign = 1.0 if side == "left" else -1.0
    bends = np.radians([[0.0, 0.0, 70.0], [0.0, 0.0, -70.0], [0.0, sign * 35.0, 0.0]])
    palm = np.asarray(matrix_from_axis_angle(bends), dtype=np.float64)
    forearm = np.broadcast_to(np.eye(3), palm.shape)
    np.testing.assert_allclose(within_wrist(forearm, palm, OUTWARDS[side], side), palm, atol=1e-9)
    back = np.asarray(matrix_from_axis_angle(-bends[2:]), dtype=np.float64)
    off = degrees(within_wrist(forearm[:1], back, OUTWARDS[side], side), back)
    assert off[0] == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize("side", SIDES)
def test_forearm_and_wrist_share_a_turn_of_the_palm_without_wrapping(side: str) -> None:
    """The palm turns outwards by 140 degrees: no leap, and the palm gets there."""
    outwards = np.array([-1.0, 0.0, 0.0])
    angle = np.radians(np.linspace(-40.0, 140.0, 90))
    palm = np.asarray(rotation_about(outwards, angle), dtype=np.float64)
    bare = np.broadcast_to(np.eye(3), palm.shape)
    forearm = share_twist(bare, palm, OUTWARDS[side], side)
    assert degrees(forearm[1:], forearm[:-1]).max() < 2.2
    wrist = within_wrist(forearm, palm, OUTWARDS[side], side)
    np.testing.assert_allclose(wrist, palm, atol=1e-6)
    assert degrees(forearm[-1:], bare[:1])[0] == pytest.approx(95.0, abs=1.0)
