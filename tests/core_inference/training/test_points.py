"""The tables of points: complete, in the released orders, mirrored onto themselves."""

import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.networks.skeletons import BODY, CROWD_BODY, HAND
from pose2rig.core_inference.training import points as p
from pose2rig.rigs.skeleton import JOINT_NAMES


def named(indices: tuple[int, ...]) -> list[str]:
    return [p.POINT_NAMES[index] for index in indices]


def test_mirroring_twice_changes_nothing_and_swaps_sides() -> None:
    mirror = p.MIRRORED_POINTS
    assert [mirror[mirror[k]] for k in range(p.POINT_COUNT)] == list(range(p.POINT_COUNT))
    assert p.POINT_NAMES[mirror[p.POINT["left_heel"]]] == "right_heel"
    assert mirror[p.PELVIS] == p.PELVIS
    assert set(mirror[: len(JOINT_NAMES)]) == set(range(len(JOINT_NAMES)))


def test_body_and_crowd_joints_stand_in_the_order_of_the_graphs() -> None:
    assert named(p.BODY_25) == list(BODY.joints)
    crowd = [name.replace("head_top", "head") for name in named(p.CROWD_15)]
    assert crowd == list(CROWD_BODY.joints)


def test_a_hands_joints_stand_in_the_order_of_the_graph() -> None:
    fingers = [name.split("_") for name in HAND.joints[1:]]
    expected = [f"right_{f}{'_tip' if k == '4' else k}" for f, k in fingers]
    assert named(p.RIGHT_HAND_21) == ["right_wrist", *expected]
    assert named(p.LEFT_HAND_20) == [name.replace("right", "left") for name in expected]


@pytest.mark.parametrize(
    ("table", "count", "spot", "name"),
    [
        (p.SMPL_29, 29, 24, "nose"),
        (p.SMPL_29, 29, 26, "right_eye"),
        (p.MUCO_21, 21, 14, "pelvis"),
        (p.MUCO_21, 21, 4, "right_wrist"),
        (p.H36M_18, 18, 3, "right_ankle"),
        (p.H36M_18, 18, 13, "left_wrist"),
        (p.COCO_BODY_17, 17, 10, "right_wrist"),
        (p.COCO_FEET_6, 6, 3, "right_big_toe"),
    ],
)
def test_tables_have_the_released_sizes_and_orders(
    table: tuple[int, ...], count: int, spot: int, name: str
) -> None:
    assert len(table) == len(set(table)) == count
    assert p.POINT_NAMES[table[spot]] == name


def test_every_surface_point_but_the_small_toes_is_a_landmark_of_the_open_body(
    body: BodyModel,
) -> None:
    body.landmark_indices(list(p.OPEN_LANDMARKS.values()))
    lacking = set(p.SURFACE_NAMES) - set(p.OPEN_LANDMARKS)
    assert lacking == {"left_small_toe", "right_small_toe", "head_top"}
