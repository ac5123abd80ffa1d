"""Planted feet: on a character of other proportions they stand as the source's do."""

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.rigs.errors import RigError
from pose2rig.rigs.planting import Contacts
from pose2rig.rigs.reaching import Leg, reach
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import matrix_from_axis_angle, matrix_from_quaternion
from pose2rig.rigs.skeleton import JOINT, joint_positions, local_rotations

Float64 = NDArray[np.float64]

FRAMES, RATE_HZ = 90, 30.0
SOLE_M = 0.075


@pytest.fixture(name="swaying")
def standing_and_swaying(measures: ModuleType, rest_J3: Float64) -> tuple[Any, Contacts]:
    """Somebody who stands on both feet and sways and crouches; ankles and feet never move."""
    zero = measures.zero_pose(rest_J3)
    phase_T = np.linspace(0.0, 4.0 * np.pi, FRAMES)
    drop_m = rest_J3[0, 1] - rest_J3[JOINT["left_ankle"], 1] + SOLE_M
    down_T = 0.06 - 0.05 * np.cos(phase_T)
    pelvis_T3 = np.stack([0.04 * np.sin(phase_T), 0 * phase_T, drop_m - down_T], axis=1)
    turn_T3 = np.stack([0 * phase_T, 0 * phase_T, 0.2 * np.sin(0.5 * phase_T)], axis=1)
    world_TJ33 = np.broadcast_to(UPRIGHT, (FRAMES, 55, 3, 3)).copy()
    bodies = [j for j, name in enumerate(JOINT) if not name.endswith(("ankle", "foot"))]
    world_TJ33[:, bodies] = (matrix_from_axis_angle(turn_T3) @ UPRIGHT)[:, None]
    ankles = joint_positions(
        np.broadcast_to(UPRIGHT, (1, 55, 3, 3)), rest_J3, -rest_J3[:1] + [0.0, 0.0, drop_m]
    )[0]
    joints_TJ3 = joint_positions(world_TJ33, rest_J3, pelvis_T3 - rest_J3[0])
    for side in ("left", "right"):
        hip, knee, ankle = (JOINT[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
        places = (joints_TJ3[:, joint] for joint in (hip, knee, ankle))
        leg = Leg(
            **dict(zip(("hip", "knee", "ankle"), places, strict=True)),
            front=-world_TJ33[:, hip, :, 1] * 0.0 + np.array([0.0, -1.0, 0.0]),
        )
        turns = reach(leg, np.broadcast_to(ankles[ankle], (FRAMES, 3)))
        for joint, turn_T4 in zip((hip, knee), turns, strict=True):
            world_TJ33[:, joint] = matrix_from_quaternion(turn_T4) @ world_TJ33[:, joint]
    motion = replace(zero, rotations=local_rotations(world_TJ33), pelvis=pelvis_T3)
    contacts = Contacts(standing=np.ones((FRAMES, 4)), time_s=np.arange(FRAMES) / RATE_HZ)
    assert np.ptp(motion.joints[:, JOINT["left_ankle"]], axis=0).max() < 1e-3
    return motion, contacts


@pytest.mark.parametrize("build", ["A-pose", "cm, turned 90", "twists inline", "root bone"])
def test_standing_feet_do_not_slide_nor_leave_the_ground(
    build: str,
    made: ModuleType,
    measures: ModuleType,
    swaying: tuple[Any, Contacts],
    rest_J3: Float64,
) -> None:
    motion, contacts = swaying
    character = made.made_character(made.BUILDS[build], rest_J3)
    world_TB44 = measures.carried(motion, character, contacts)
    assert measures.slides(character, world_TB44, contacts).max() < 0.1
    armature, mapping = character
    ankles = [armature.index[mapping.joints[f"{s}_ankle"][0]] for s in ("left", "right")]
    heights_T2 = world_TB44[..., 2, 3][:, ankles]
    assert np.ptp(heights_T2, axis=0).max() < 1e-3
    assert np.abs(heights_T2[0] - armature.heads[ankles, 2]).max() < 5e-3


def test_feet_slide_without_contacts_where_hips_are_wider(
    made: ModuleType, measures: ModuleType, swaying: tuple[Any, Contacts], rest_J3: Float64
) -> None:
    motion, contacts = swaying
    character = made.made_character(made.BUILDS["root bone"], rest_J3)
    assert measures.slides(character, measures.carried(motion, character), contacts).mean() > 1.0


def test_contacts_come_and_go_without_a_jump(
    made: ModuleType, measures: ModuleType, swaying: tuple[Any, Contacts], rest_J3: Float64
) -> None:
    motion, contacts = swaying
    standing = contacts.standing.copy()
    standing[40:60] = 0.0
    character = made.made_character(made.BUILDS["root bone"], rest_J3)
    lifted = replace(contacts, standing=standing)
    places_TB3 = measures.carried(motion, character, lifted)[..., :3, 3]
    bare_TB3 = measures.carried(motion, character)[..., :3, 3]
    steps = np.linalg.norm(np.diff(places_TB3 - bare_TB3, axis=0), axis=-1)
    assert 1e-3 < steps.max() < 0.015


def test_a_motion_without_contacts_is_left_alone(
    made: ModuleType, measures: ModuleType, swaying: tuple[Any, Contacts], rest_J3: Float64
) -> None:
    motion, contacts = swaying
    high = replace(motion, pelvis=motion.pelvis + np.array([0.0, 0.0, 0.5]))
    never = replace(contacts, standing=np.zeros((FRAMES, 4)))
    character = made.made_character(made.BUILDS["A-pose"], rest_J3)
    assert np.allclose(
        measures.carried(high, character, never), measures.carried(high, character), atol=1e-6
    )


def test_contacts_of_another_motion_are_refused() -> None:
    with pytest.raises(RigError, match="four contacts"):
        Contacts(standing=np.zeros((5, 4)), time_s=np.zeros(6))
