"""What an estimator may say of a person: landmarks alone, or a whole pose, in its shapes."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.estimators.base import POSE_ROWS, PersonPose

SEEN = PersonPose(
    joints2d=np.zeros((55, 2), np.float32),
    scores=np.ones(55, np.float32),
    box=(0.0, 0.0, 10.0, 20.0),
)
WHOLE: dict[str, Any] = {name: np.zeros(shape, np.float32) for name, shape in POSE_ROWS.items()}


def test_a_pose_is_given_whole_or_not_at_all() -> None:
    assert SEEN.rotations is None
    assert replace(SEEN, **WHOLE).root is not None
    for name in POSE_ROWS:
        with pytest.raises(ValueError, match="none of the pose or all"):
            replace(SEEN, **{**WHOLE, name: None})


@pytest.mark.parametrize("name", list(POSE_ROWS))
def test_a_pose_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="none of the pose or all"):
        replace(SEEN, **{**WHOLE, name: np.zeros((2, 3), np.float32)})


def test_a_mesh_has_three_numbers_a_vertex() -> None:
    vertices = replace(SEEN, **WHOLE, vertices=np.zeros((778, 3), np.float32)).vertices
    assert vertices is not None
    with pytest.raises(ValueError, match=r"vertices \(V,3\)"):
        replace(SEEN, **WHOLE, vertices=np.zeros((778, 2), np.float32))
