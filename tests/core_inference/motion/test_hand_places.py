"""Hands where their own landmarks show them in the picture."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.hands import PALM
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.synthetic import KnownMotion, exact_take
from pose2rig.rigs.skeleton import JOINT

from ..known_motions import random_motion

Float64 = NDArray[np.float64]

KNUCKLES = ("wrist", "index1", "middle1", "ring1", "pinky1")
"""The joints under the landmarks of `PALM`."""

OFF_PX = np.array([20.0, -15.0])


@pytest.fixture(scope="module")
def seen(body: BodyModel) -> tuple[KnownMotion, RawTake]:
    motion, time_s = random_motion(body, seed=5, seconds=1.5)
    return motion, exact_take(motion, body, time_s)


def with_body_wrist_off(raw: RawTake, *, score: float) -> RawTake:
    """The left wrist of the body's own landmarks elsewhere, the left hand's scored."""
    pixels, scores = raw.landmarks2d.copy(), raw.landmark_scores.copy()
    pixels[:, raw.landmark_names.index("body_left_wrist")] += OFF_PX
    hand = [k for k, name in enumerate(raw.landmark_names) if name.startswith("left_hand_")]
    scores[:, hand] = score
    return replace(raw, landmarks2d=pixels, landmark_scores=scores)


def missed_px(raw: RawTake, body: BodyModel, side: str, truth: RawTake) -> float:
    """How far off a palm is in the picture, on average."""
    joints = [JOINT[f"{side}_{name}"] for name in KNUCKLES]
    columns = [truth.landmark_names.index(f"{side}_hand_{name}") for name in PALM]
    off_TN2 = solve(raw, body).joints2d[:, joints] - truth.landmarks2d[:, columns]
    return float(np.linalg.norm(off_TN2.mean(axis=1), axis=-1).mean())


def test_a_hand_that_is_seen_is_where_it_is_seen(
    seen: tuple[KnownMotion, RawTake], body: BodyModel
) -> None:
    _, raw = seen
    exact, heard, deaf = (
        missed_px(take, body, "left", raw)
        for take in (
            raw,
            with_body_wrist_off(raw, score=0.9),
            with_body_wrist_off(raw, score=0.1),
        )
    )
    assert exact < 2.0
    assert deaf > 8.0
    assert heard < 0.75 * deaf


def test_the_other_hand_stays(seen: tuple[KnownMotion, RawTake], body: BodyModel) -> None:
    _, raw = seen
    assert missed_px(with_body_wrist_off(raw, score=0.9), body, "right", raw) < 3.0
