"""What an armature must be to be moved, and the one clear message where it is not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pose2rig.rigs.armature import MAX_BONES, Armature
from pose2rig.rigs.errors import RigError
from pose2rig.rigs.rotation import matrix_from_axis_angle

from .characters import of_bones

HIPS, CHEST, HEAD = (0.0, 0.0, 1.0), (0.0, 0.0, 1.4), (0.0, -0.1, 1.6)


@pytest.fixture
def trunk() -> Armature:
    return of_bones([("hips", "", HIPS), ("chest", "hips", CHEST), ("head", "chest", HEAD)])


def test_heads_and_tails_stand_in_the_world_whatever_the_object(trunk: Armature) -> None:
    """A hundredth of the size, turned on its back and moved: as Blender's own matrices say."""
    world_44 = np.eye(4)
    world_44[:3, :3] = 0.01 * matrix_from_axis_angle(np.array([np.pi / 2.0, 0.0, 0.0]))
    world_44[:3, 3] = (3.0, 2.0, 1.0)
    moved = replace(trunk, world=world_44)
    np.testing.assert_allclose(moved.heads[1], (3.0, 2.0 - 0.014, 1.0), atol=1e-12)
    np.testing.assert_allclose(moved.tails[1], moved.heads[2], atol=1e-12)
    np.testing.assert_allclose(trunk.tails[0], CHEST, atol=1e-12)


def test_relatives_of_a_bone(trunk: Armature) -> None:
    assert trunk.above(2) == [1, 0]
    assert trunk.children == ((1,), (2,), ())
    assert trunk.index["chest"] == 1


def _no_bones(good: Armature) -> Armature:
    none = np.zeros(0, dtype=np.int64)
    empty = {"names": (), "parents": none, "rest": np.zeros((0, 4, 4)), "lengths": np.zeros(0)}
    return replace(good, **empty)


def _too_many(good: Armature) -> Armature:
    return replace(good, names=tuple(f"b{k}" for k in range(MAX_BONES + 1)))


def _too_few_parents(good: Armature) -> Armature:
    return replace(good, parents=good.parents[:2])


def _named_twice(good: Armature) -> Armature:
    return replace(good, names=("hips", "chest", "chest"))


def _nameless(good: Armature) -> Armature:
    return replace(good, names=("hips", "", "head"))


def _child_first(good: Armature) -> Armature:
    return replace(good, parents=np.array([-1, 2, 0]))


def _no_length(good: Armature) -> Armature:
    return replace(good, lengths=good.lengths * [1.0, 0.0, 1.0])


def _no_place(good: Armature) -> Armature:
    return replace(good, rest=good.rest * np.array([1.0, np.nan, 1.0])[:, None, None])


def _mirrored_bone(good: Armature) -> Armature:
    rest_B44 = good.rest.copy()
    rest_B44[1, :3, 0] *= -1.0
    return replace(good, rest=rest_B44)


def _stretched_bone(good: Armature) -> Armature:
    rest_B44 = good.rest.copy()
    rest_B44[2, :3, 0] *= 1.5
    return replace(good, rest=rest_B44)


def _scaled(*scale: float) -> Callable[[Armature], Armature]:
    return lambda good: replace(good, world=np.diag([*scale, 1.0]))


def _sheared(good: Armature) -> Armature:
    world_44 = np.eye(4)
    world_44[:2, 1] = (0.6, 0.8)
    return replace(good, world=world_44)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_no_bones, "no bones"),
        (_too_many, f"at most {MAX_BONES} bones, got {MAX_BONES + 1}"),
        (_too_few_parents, "do not belong to the bones"),
        (_named_twice, "'chest'.*the same name twice"),
        (_nameless, "no name"),
        (_child_first, "'chest' stands before its parent"),
        (_no_length, "'chest' cannot be turned; expected a length above 0, got zero length"),
        (_no_place, "'chest'.*in numbers"),
        (_mirrored_bone, "'chest'.*mirror"),
        (_stretched_bone, "'head'.*scale"),
        (_scaled(-1.0, 1.0, 1.0), "mirrored.*apply the armature object's scale"),
        (_scaled(0.0, 1.0, 1.0), "mirrored"),
        (_scaled(1.0, 1.0, 1.2), "distorted.*got 1 x 1 x 1.2; apply"),
        (_scaled(np.inf, 1.0, 1.0), "mirrored.*no number"),
        (_sheared, "sheared"),
    ],
)
def test_what_cannot_be_moved_is_named(
    trunk: Armature, spoil: Callable[[Armature], Armature], said: str
) -> None:
    with pytest.raises(RigError, match=said):
        spoil(trunk)


def test_every_bone_at_fault_is_counted(trunk: Armature) -> None:
    with pytest.raises(RigError, match="'hips' and 2 more"):
        replace(trunk, lengths=np.zeros(3))


def test_single_precision_and_blenders_rounding_are_good_enough(trunk: Armature) -> None:
    """Matrices come from Blender as 32-bit floats, scales with a little noise."""
    rest_B44 = trunk.rest.astype(np.float32).astype(np.float64)
    noisy = replace(trunk, rest=rest_B44, world=np.diag([0.01, 0.0100001, 0.0099999, 1.0]))
    assert noisy.names == trunk.names
