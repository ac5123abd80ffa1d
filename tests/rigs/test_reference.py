"""Characters that rest in a known pose come back from it, skin and all."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.rigs.armature import Armature
from pose2rig.rigs.binding import bind
from pose2rig.rigs.reference import BUILD_RAD, reference_turns
from pose2rig.rigs.rotation import angle_between, rotation_about
from pose2rig.rigs.skeleton import JOINT

Float64 = NDArray[np.float64]

UP = np.array([0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("build", "limbs_deg", "fingers_deg"),
    [
        ("T-pose", 0.1, 0.1),
        ("A-pose", 0.5, 0.5),
        ("random rolls", 0.5, 0.5),
        ("cm, turned 90", 0.5, 0.5),
        ("odd pose", 3.0, 10.0),
    ],
)
def test_a_known_rest_pose_is_undone(
    build: str, limbs_deg: float, fingers_deg: float, made: ModuleType, rest_J3: Float64
) -> None:
    """The smallest swing undoes what turned a limb square to itself: its roll is right, too."""
    character = made.BUILDS[build]
    binding = bind(*made.made_character(character, rest_J3))
    turns_B33 = reference_turns(binding, rest_J3)
    truth_J33 = made.rest_turns(character)
    for joint, rows in binding.chains.items():
        left_deg = np.degrees(
            angle_between(turns_B33[rows[0]] @ truth_J33[JOINT[joint]], np.eye(3))
        )
        finger = any(name in joint for name in ("index", "middle", "pinky", "ring", "thumb"))
        assert left_deg < (fingers_deg if finger else limbs_deg), joint


@pytest.mark.parametrize("build", ["A-pose", "odd pose", "random rolls", "twists inline"])
def test_no_skin_twists_on_the_way_to_the_zero_pose(
    build: str, made: ModuleType, measures: ModuleType, rest_J3: Float64
) -> None:
    twists = measures.skin_twists(made.made_character(made.BUILDS[build], rest_J3), rest_J3)
    assert len(twists) == 30
    assert max(twists.values()) < 1.0


def test_palms_turned_away_are_brought_back_by_forearm_and_hand_alike(
    made: ModuleType, measures: ModuleType, rest_J3: Float64
) -> None:
    character = made.made_character(made.BUILDS["T-pose"], rest_J3)
    armature, mapping = character
    rolled = _rolled_hand(armature, mapping.joints["left_wrist"][0], np.radians(60.0))
    twists = measures.skin_twists((rolled, mapping), rest_J3)
    assert twists["left_elbow"] == pytest.approx(30.0, abs=1.5)
    assert twists["left_wrist"] == pytest.approx(30.0, abs=1.5)
    assert max(twists["right_elbow"], twists["left_shoulder"]) < 1.0


def _rolled_hand(armature: Armature, hand: str, angle_rad: float) -> Armature:
    """A hand and its fingers turned about the forearm."""
    row = armature.index[hand]
    rest_B44 = armature.rest.copy()
    turn_33 = rotation_about(np.array([1.0, 0.0, 0.0]), np.array(angle_rad))
    centre_3 = rest_B44[row, :3, 3].copy()
    for bone in range(len(armature.names)):
        if bone == row or row in armature.above(bone):
            rest_B44[bone, :3, :3] = turn_33 @ rest_B44[bone, :3, :3]
            rest_B44[bone, :3, 3] = centre_3 + turn_33 @ (rest_B44[bone, :3, 3] - centre_3)
    return replace(armature, rest=rest_B44)


def test_feet_stay_as_level_as_they_rest_and_head_where_the_sources_do(
    made: ModuleType, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["T-pose"], rest_J3)
    binding = bind(armature, mapping)
    toe = binding.chains["left_foot"][0]
    rest_B44 = armature.rest.copy()
    rest_B44[toe, :3, 3] += (0.08, 0.0, 0.03)
    turns_B33 = reference_turns(bind(replace(armature, rest=rest_B44), mapping), rest_J3)
    turn_33 = turns_B33[binding.chains["left_ankle"][0]]
    assert np.allclose(turn_33 @ UP, UP, atol=1e-9)
    assert 10.0 < np.degrees(angle_between(turn_33, np.eye(3))) < 60.0


@pytest.mark.parametrize(("lean_deg", "left_deg"), [(10.0, 10.0), (50.0, np.degrees(BUILD_RAD))])
def test_a_necks_build_is_kept_and_a_bent_neck_raised(
    lean_deg: float, left_deg: float, made: ModuleType, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["T-pose"], rest_J3)
    binding = bind(armature, mapping)
    neck, head = binding.chains["neck"][0], binding.chains["head"][0]
    rest_B44 = armature.rest.copy()
    turn_33 = rotation_about(np.array([1.0, 0.0, 0.0]), np.array(np.radians(lean_deg)))
    line_3 = turn_33 @ (rest_B44[head, :3, 3] - rest_B44[neck, :3, 3])
    rest_B44[head, :3, 3] = rest_B44[neck, :3, 3] + line_3
    turns_B33 = reference_turns(bind(replace(armature, rest=rest_B44), mapping), rest_J3)
    assert np.degrees(angle_between(turns_B33[neck], np.eye(3))) == pytest.approx(
        lean_deg - left_deg, abs=0.1
    )
    assert np.allclose(turns_B33[head], np.eye(3), atol=1e-9)
