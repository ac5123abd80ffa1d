"""Landmarks by name: a raw take that cannot be solved is refused with what is missing."""

from dataclasses import replace

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.points import points_from_raw
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.synthetic import exact_take
from pose2rig.rigs.errors import ClipFileError

from ..known_motions import random_motion


@pytest.fixture(scope="module")
def take(body: BodyModel) -> RawTake:
    motion, time_s = random_motion(body, 1, seconds=0.5)
    return exact_take(motion, body, time_s)


def only(take: RawTake, columns: list[int]) -> RawTake:
    return replace(
        take,
        landmark_names=tuple(take.landmark_names[k] for k in columns),
        landmarks2d=take.landmarks2d[:, columns],
        landmarks3d=take.landmarks3d[:, columns],
        landmark_scores=take.landmark_scores[:, columns],
    )


@pytest.mark.parametrize("missing", ["body_left_hip", "left_hand_wrist", "face_004"])
def test_a_take_that_lacks_a_landmark_is_refused_by_its_name(
    take: RawTake, body: BodyModel, missing: str
) -> None:
    columns = [k for k, name in enumerate(take.landmark_names) if name != missing]
    with pytest.raises(ClipFileError, match=missing):
        points_from_raw(only(take, columns), body)


def test_a_name_that_stands_twice_is_refused(take: RawTake, body: BodyModel) -> None:
    columns = [*range(len(take.landmark_names)), 0]
    with pytest.raises(ClipFileError, match="twice"):
        points_from_raw(only(take, columns), body)


def test_a_take_without_a_face_is_solved(take: RawTake, body: BodyModel) -> None:
    columns = [k for k, name in enumerate(take.landmark_names) if not name.startswith("face_")]
    clip = solve(only(take, columns), body)
    assert np.isfinite(clip.poses).all()


def test_a_wrist_lies_between_what_body_and_hand_say(take: RawTake, body: BodyModel) -> None:
    """But with the body where the hand is not found, or says something else entirely."""
    of_body, of_hand = (
        take.landmark_names.index(name) for name in ("body_right_wrist", "right_hand_wrist")
    )
    knuckle = take.landmark_names.index("right_hand_middle_finger_mcp")
    pixels, scores = take.landmarks2d.copy(), take.landmark_scores.copy()
    palm_T2 = pixels[:, knuckle] - pixels[:, of_hand]
    pixels[:, of_body] -= 0.4 * palm_T2
    pixels[10:, of_body] -= 2.0 * palm_T2[10:]
    scores[:5, of_hand] = 0.2
    points = points_from_raw(replace(take, landmarks2d=pixels, landmark_scores=scores), body)
    wrist_T2 = points.image[:, points.index["body_right_wrist"]]
    between_T2 = (pixels[:, of_body] + pixels[:, of_hand]) / 2
    np.testing.assert_allclose(wrist_T2[:5], pixels[:5, of_body], atol=1e-6)
    np.testing.assert_allclose(wrist_T2[5:10], between_T2[5:10], atol=1e-3)
    np.testing.assert_allclose(wrist_T2[10:], pixels[10:, of_body], atol=1e-6)
