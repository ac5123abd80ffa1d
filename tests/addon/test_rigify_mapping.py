"""Rigify's human, the meta-rig and the rig made from it, as Blender has them."""

from typing import Any

import numpy as np
import pytest

from pose2rig.rigs.armature import Armature
from pose2rig.rigs.mapping import map_armature
from pose2rig.rigs.skeleton import JOINT_NAMES

pytestmark = [pytest.mark.bpy, pytest.mark.slow]


@pytest.fixture
def meta_rig(empty_file) -> Any:
    """Rigify's human before a rig is generated from it."""
    import addon_utils

    addon_utils.enable("rigify", default_set=True)
    empty_file.ops.object.armature_human_metarig_add()
    return empty_file.context.object


@pytest.fixture
def rig(meta_rig, empty_file) -> Any:
    """The rig generated from the meta-rig."""
    empty_file.ops.pose.rigify_generate()
    things = empty_file.data.objects
    return next(thing for thing in things if thing.type == "ARMATURE" and thing != meta_rig)


def parents(rig: Any) -> dict[str, str]:
    """Bone -> the bone it hangs on."""
    return {bone.name: bone.parent.name if bone.parent else "" for bone in rig.data.bones}


def carriers(rig: Any) -> dict[str, str]:
    """Bone -> the bone that carries it: the first it copies whole, else the one it hangs on.

    Rigify's mechanism joins its controls by such copies; the first of them is the FK control.
    """
    found = parents(rig)
    for bone in rig.pose.bones:
        copies = [
            constraint.subtarget
            for constraint in bone.constraints
            if constraint.type == "COPY_TRANSFORMS" and constraint.owner_space == "WORLD"
        ]
        joined = [
            constraint.targets[0].subtarget
            for constraint in bone.constraints
            if constraint.type == "ARMATURE" and len(constraint.targets) == 1
        ]
        for carrier in (copies + joined)[:1]:
            before, found[bone.name] = found[bone.name], carrier
            if _in_circle(found, bone.name):
                found[bone.name] = before
    return found


def _in_circle(above: dict[str, str], name: str) -> bool:
    bone = above[name]
    while bone and bone != name:
        bone = above[bone]
    return bool(bone)


def read(rig: Any, above: dict[str, str]) -> Armature:
    """A Blender armature as the mapping sees it, each bone on its carrier."""
    order: dict[str, None] = {}

    def put(name: str) -> None:
        if name and name not in order:
            put(above[name])
            order[name] = None

    for name in above:
        put(name)
    bones = [rig.data.bones[name] for name in order]
    place = {name: row for row, name in enumerate(order)}
    return Armature(
        names=tuple(order),
        parents=np.array([place.get(above[name], -1) for name in order]),
        rest=np.array([bone.matrix_local for bone in bones], dtype=np.float64),
        lengths=np.array([bone.length for bone in bones]),
        world=np.array(rig.matrix_world, dtype=np.float64),
    )


def test_the_meta_rig_is_a_whole_body(meta_rig) -> None:
    mapping = map_armature(read(meta_rig, parents(meta_rig)))
    assert (mapping.preset, mapping.root, mapping.score) == ("Rigify meta-rig", None, 1.0)
    assert set(mapping.joints) == set(JOINT_NAMES)
    assert mapping.joints["spine3"] == ("spine.003",)
    assert mapping.joints["neck"] == ("spine.004", "spine.005")
    assert mapping.joints["left_collar"] == ("shoulder.L",)


def test_the_generated_rig_is_moved_by_its_fk_controls(rig) -> None:
    """No mechanism, deform or inverse-kinematics bone is among them.

    Whoever reads the bones' parents alone finds the controls that hang on each other.
    """
    mapping = map_armature(read(rig, carriers(rig)))
    assert (mapping.preset, mapping.root, mapping.twists) == ("Rigify controls", "root", {})
    assert set(mapping.joints) == set(JOINT_NAMES)
    assert mapping.joints["pelvis"] == ("torso", "spine_fk")
    assert [mapping.joints[f"spine{k}"] for k in (1, 2, 3)] == [
        *(("spine_fk.001",), ("spine_fk.002",), ("spine_fk.003",)),
    ]
    assert mapping.joints["right_shoulder"] == ("upper_arm_fk.R",)
    assert mapping.joints["left_collar"] == ("shoulder.L",)
    assert mapping.joints["left_wrist"] == ("hand_fk.L",)
    assert mapping.joints["left_index1"] == ("f_index.01.L",)
    assert mapping.joints["jaw"] == ("jaw_master",)
    bones = [bone for chain in mapping.joints.values() for bone in chain]
    assert not [bone for bone in bones if bone.startswith(("MCH-", "ORG-", "DEF-"))]
    alone = map_armature(read(rig, parents(rig)))
    assert alone.preset == "Rigify controls"
    assert alone.joints["left_elbow"] == ("forearm_fk.L",)
    assert "left_collar" not in alone.joints
