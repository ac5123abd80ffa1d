"""Where characters stand at rest: on their origin, or on their soles where that is elsewhere."""

from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.rigs.binding import bind
from pose2rig.rigs.source import ANKLE_SHARE
from pose2rig.rigs.walking import stance_of

Float64 = NDArray[np.float64]


@pytest.mark.parametrize("build", ["T-pose", "A-pose", "cm, turned 90"])
def test_a_character_stands_on_its_origin(build: str, made: ModuleType, rest_J3: Float64) -> None:
    armature, mapping = made.made_character(made.BUILDS[build], rest_J3)
    world_44 = armature.world.copy()
    world_44[2, 3] = 1.5
    stance = stance_of(bind(replace(armature, world=world_44), mapping), rest_J3)
    assert stance.ground_m == pytest.approx(1.5, abs=1e-9)
    assert stance.ankle_m == pytest.approx(made.ANKLE_M, abs=1e-6)
    assert stance.origin == pytest.approx(tuple(armature.world[:2, 3]))


def test_an_origin_in_the_hips_is_not_taken_for_the_ground(
    made: ModuleType, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["T-pose"], rest_J3)
    rest_B44 = armature.rest.copy()
    rest_B44[:, 2, 3] -= 0.9
    stance = stance_of(bind(replace(armature, rest=rest_B44), mapping), rest_J3)
    assert stance.ground_m == pytest.approx(-0.9, abs=0.01)
    assert stance.ankle_m == pytest.approx(ANKLE_SHARE * stance.leg_m, abs=0.01)


def test_hips_of_a_straight_source_are_carried_to_those_of_a_straight_character(
    made: ModuleType, rest_J3: Float64
) -> None:
    armature, mapping = made.made_character(made.BUILDS["root bone"], rest_J3)
    stance = stance_of(bind(armature, mapping), rest_J3)
    straight_m = stance.source_leg_m * (1.0 + ANKLE_SHARE)
    hips_13 = stance.carried(np.array([[0.0, 0.0, straight_m]]))
    assert hips_13[0] == pytest.approx((0.0, 0.0, stance.leg_m + made.ANKLE_M), abs=1e-9)
    assert stance.scale != pytest.approx(1.0, abs=0.01)
