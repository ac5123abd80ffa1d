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
