"""Which bones are found: on real characters, under many namings, by shape alone, or refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.rigs.errors import RigError
from pose2rig.rigs.mapping import (
    MAX_TEXT,
    STRUCTURE,
    as_json,
    check_fit,
    from_json,
    map_armature,
)
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT_NAMES

from .characters import bones_of, character, crane, of_bones, quadruped, scrambled
from .namings import JOINTS, NAMINGS, named_as, named_body, plain_body, right_of

FACE = {"jaw", "left_eye_smplhf", "right_eye_smplhf"}
FINGERS = {name for name in JOINT_NAMES if name[-1] in "123" and "spine" not in name}

EXPECTED: dict[str, dict[str, str]] = {
    "cryptovoxels.vrm": {
        "pelvis": "Hips",
        "spine1": "Spine",
        "spine3": "Chest",
        "left_hip": "Left leg",
        "right_knee": "Right knee",
        "left_ankle": "Left ankle",
        "right_foot": "Right toe",
        "left_collar": "Left shoulder",
        "left_shoulder": "Left arm",
        "right_wrist": "Right wrist",
        "left_thumb1": "Thumb0_L",
        "right_pinky3": "LittleFinger3_R",
        "head": "Head",
    },
    "kaykit_knight.glb": {
        "pelvis": "hips",
        "spine1": "spine",
        "spine3": "chest",
        "head": "head",
        "left_hip": "upperleg.l",
        "left_ankle": "foot.l",
        "right_foot": "toes.r",
        "left_shoulder": "upperarm.l",
        "right_elbow": "lowerarm.r",
        "left_wrist": "wrist.l",
    },
    "mannequiny.glb": {
        "pelvis": "pelvis",
        "spine1": "spine_01",
        "spine3": "spine_02",
        "neck": "neck_01",
        "left_foot": "ball.l",
        "right_hip": "thigh.r",
        "left_collar": "clavicle.l",
        "right_shoulder": "upperarm.r",
        "left_ring2": "ring_02.l",
        "right_thumb3": "thumb_03.r",
    },
    "mesh2motion_human_skeleton.glb": {
        "pelvis": "DEF-hips",
        "spine2": "DEF-spine.002",
        "head": "DEF-head",
        "left_knee": "DEF-shin.L",
        "right_collar": "DEF-shoulder.R",
        "right_shoulder": "DEF-upper_arm.R",
        "left_index1": "DEF-f_index.01.L",
        "right_thumb2": "DEF-thumb.02.R",
    },
    "mpfb_rig.default.json": {
        "pelvis": "root",
        "spine1": "spine05 spine04",
        "spine2": "spine03 spine02",
        "spine3": "spine01",
        "neck": "neck01 neck02 neck03",
        "left_collar": "clavicle.L shoulder01.L",
        "left_shoulder": "upperarm01.L",
        "right_elbow": "lowerarm01.R",
        "left_wrist": "wrist.L",
        "right_hip": "upperleg01.R",
        "left_ankle": "foot.L",
        "left_thumb1": "finger1-1.L",
        "right_pinky3": "finger5-3.R",
        "jaw": "jaw",
    },
    "mpfb_rig.game_engine.json": {
        "pelvis": "pelvis",
        "spine3": "spine_03",
        "left_hip": "thigh_l",
        "right_foot": "ball_r",
        "right_wrist": "hand_r",
        "left_middle2": "middle_02_l",
    },
    "mpfb_rig.mixamo.json": {
        "pelvis": "mixamorig:Hips",
        "spine1": "mixamorig:Spine",
        "spine2": "mixamorig:Spine1",
        "left_hip": "mixamorig:LeftUpLeg",
        "right_knee": "mixamorig:RightLeg",
        "left_collar": "mixamorig:LeftShoulder",
        "left_shoulder": "mixamorig:LeftArm",
        "right_index3": "mixamorig:RightHandIndex3",
    },
    "robot_expressive.glb": {
        "pelvis": "Body",
        "spine1": "Abdomen",
        "spine3": "Torso_1",
        "left_hip": "UpperLegL",
        "right_knee": "LowerLegR",
        "left_ankle": "FootL",
        "left_collar": "ShoulderL",
        "right_elbow": "LowerArmR",
        "left_middle2": "Middle2L",
    },
    "valid_asian_m1_meshopt.glb": {
        "pelvis": "Hips",
        "spine2": "Spine1",
        "left_hip": "LeftUpLeg",
        "right_ankle": "RightFoot",
        "left_wrist": "LeftHand",
        "left_thumb1": "LeftHandThumb1",
        "right_eye_smplhf": "RightEye",
    },
}
"""Joints of real characters, their bones found by looking."""

FOUND: dict[str, tuple[str, str | None, set[str]]] = {
    "cryptovoxels.vrm": ("VRChat (Cats)", None, {"spine2", *FACE}),
    "kaykit_knight.glb": (
        "humanoid names (VRM 0, Unity)",
        "root",
        {"spine2", "neck", "left_collar", "right_collar", *FACE, *FINGERS},
    ),
    "mannequiny.glb": (
        "Unreal mannequin, MakeHuman game engine",
        None,
        {"spine2", *FACE, *(name for name in FINGERS if "pinky" in name)},
    ),
    "mesh2motion_human_skeleton.glb": ("Rigify basic bones", "root", FACE),
    "mpfb_rig.default.json": ("MakeHuman default", None, {"left_foot", "right_foot"}),
    "mpfb_rig.game_engine.json": ("Unreal mannequin, MakeHuman game engine", "Root", FACE),
    "mpfb_rig.mixamo.json": ("Mixamo", None, FACE),
    "robot_expressive.glb": (
        "common names",
        "Bone",
        {
            *("spine2", "left_foot", "right_foot", "left_wrist", "right_wrist", *FACE),
            *(name for name in FINGERS if "pinky" in name or name[-1] == "3"),
        },
    ),
    "valid_asian_m1_meshopt.glb": ("Mixamo", None, {"jaw"}),
}
"""The naming, the root and the joints that have no bone."""


@pytest.mark.parametrize("file", sorted(EXPECTED))
def test_real_characters(shared_dir: Path, file: str) -> None:
    """Every character: the naming, the root, what is missing and bones found by looking."""
    mapping = map_armature(character(shared_dir, file))
    preset, root, missing = FOUND[file]
    assert (mapping.preset, mapping.root) == (preset, root)
    assert set(JOINT_NAMES) - set(mapping.joints) == missing
    found = {joint: " ".join(mapping.joints[joint]) for joint in EXPECTED[file]}
    assert found == EXPECTED[file]
    assert mapping.score > 0.8


@pytest.mark.parametrize("file", sorted(set(EXPECTED) - {"robot_expressive.glb"}))
def test_names_that_say_nothing(shared_dir: Path, file: str) -> None:
    """The shape alone gives the same bones: torso, limbs and fingers, sides included."""
    known = character(shared_dir, file)
    unknown = scrambled(known)
    by_names, by_shape = map_armature(known), map_armature(unknown)
    assert by_shape.preset == STRUCTURE
    told = dict(zip(unknown.names, known.names, strict=True))
    found = {joint: tuple(told[name] for name in chain) for joint, chain in by_shape.joints.items()}
    assert found == {joint: chain for joint, chain in by_names.joints.items() if joint not in FACE}
    assert (told[by_shape.root] if by_shape.root else None) == by_names.root


def test_loose_feet_need_their_names(shared_dir: Path) -> None:
    """The robot's feet hang beside its legs: by shape alone there is no leg."""
    with pytest.raises(RigError, match="no humanoid"):
        map_armature(scrambled(character(shared_dir, "robot_expressive.glb")))


@pytest.mark.parametrize("naming", sorted(NAMINGS))
def test_namings(naming: str) -> None:
    """Each is known by its name, and its bones are where they belong."""
    middle, left = (names.split() for names in NAMINGS[naming])
    mapping = map_armature(named_body(middle, left))
    if naming != "common names":
        assert mapping.preset == naming
        assert mapping.joints["spine2"] == (middle[2],)
    joints = mapping.joints
    assert [joints[part][0] for part in ("pelvis", "spine3", "neck", "head")] == [
        *(middle[0], middle[3], middle[4], middle[5]),
    ]
    for joint, name in zip(JOINTS, left, strict=True):
        assert joints[f"left_{joint}"] == (name,)
        assert joints[f"right_{joint}"] == (right_of(name),)


def test_hips_above_the_bone_that_the_legs_hang_on() -> None:
    """Character Creator's legs hang on a pelvis, which hangs on the hip as the waist does."""
    bones = [
        (name, "CC_Base_Pelvis" if "Thigh" in name else above or "CC_Base_BoneRoot", head)
        for name, above, head in bones_of(named_as("Character Creator"))
    ]
    pelvis = ("CC_Base_Pelvis", "CC_Base_Hip", (0.0, 0.0, 0.94))
    mapping = map_armature(of_bones([("CC_Base_BoneRoot", "", (0.0, 0.0, 0.0)), *bones, pelvis]))
    assert mapping.joints["pelvis"] == ("CC_Base_Hip",)
    assert mapping.root == "CC_Base_BoneRoot"
    assert mapping.joints["spine1"] == ("CC_Base_Waist",)


def test_biped_fingers_count_zeros() -> None:
    """Finger01 is the thumb's second bone, Finger1 the first of the index finger."""
    bones = bones_of(named_as("3ds Max Biped"))
    for side, x in (("L", 1.0), ("R", -1.0)):
        for finger, y in (("0", -0.04), ("1", -0.03)):
            above = f"Bip001_{side}_Hand"
            for link, reach in (("", 0.75), ("1", 0.79), ("2", 0.82)):
                name = f"Bip001_{side}_Finger{finger}{link}"
                bones.append((name, above, (x * reach, y, 1.44)))
                above = name
    joints = map_armature(of_bones(bones)).joints
    assert joints["left_thumb2"] == ("Bip001_L_Finger01",)
    assert joints["right_index1"] == ("Bip001_R_Finger1",)
    assert joints["right_index3"] == ("Bip001_R_Finger12",)


def test_twist_bones(shared_dir: Path) -> None:
    """In a limb's line and beside it, from its near end to its far; no joint among them."""
    mapping = map_armature(character(shared_dir, "mpfb_rig.default.json"))
    assert mapping.twists["left_shoulder"] == ("upperarm02.L",)
    assert mapping.twists["right_knee"] == ("lowerleg02.R",)
    game = character(shared_dir, "mpfb_rig.game_engine.json")
    bones = bones_of(game)
    elbow, wrist = (game.heads[game.index[name]] for name in ("lowerarm_l", "hand_l"))
    for name, share in (("lowerarm_twist_01_l", 0.8), ("lowerarm_twist_02_l", 0.4)):
        x, y, z = (elbow + share * (wrist - elbow)).tolist()
        bones.append((name, "lowerarm_l", (x, y, z)))
    bones.append(("lowerarm_twist_far_l", "lowerarm_l", (0.0, 0.0, 3.0)))
    twists = map_armature(of_bones(bones)).twists
    assert twists == {"left_elbow": ("lowerarm_twist_02_l", "lowerarm_twist_01_l")}


def test_neither_size_nor_turn_matter(shared_dir: Path) -> None:
    """A hundredth of the size, lying on its back and facing anywhere: the same mapping."""
    for file in ("mpfb_rig.game_engine.json", "kaykit_knight.glb"):
        standing = scrambled(character(shared_dir, file))
        world_44 = np.eye(4)
        world_44[:3, :3] = 0.01 * matrix_from_axis_angle(np.array([1.2, -0.7, 2.0]))
        assert map_armature(replace(standing, world=world_44)) == map_armature(standing)


def test_a_handle_of_the_same_name_is_passed_over() -> None:
    """Where the named hips carry no legs, the bone that does is taken."""
    bones = [
        (name, "carrier" if name in ("pelvis", "left_hip", "right_hip") else above, head)
        for name, above, head in bones_of(plain_body())
    ]
    mapping = map_armature(of_bones([("carrier", "", (0.0, 0.0, 0.93)), *bones]))
    assert mapping.joints["pelvis"] == ("carrier",)
    assert mapping.joints["left_hip"] == ("left_hip",)


@pytest.mark.parametrize(
    "names", [("front", "hind", "trunk"), ("upper_arm", "thigh", "spine")], ids=["any", "human"]
)
def test_four_legs_are_refused(names: tuple[str, str, str]) -> None:
    for dog in (quadruped(names), scrambled(quadruped(names))):
        with pytest.raises(RigError, match=r"no humanoid: .* as on four legs; expected"):
            map_armature(dog)


def test_four_legs_with_a_humans_names_are_refused() -> None:
    body = plain_body()
    rest_B44 = body.rest.copy()
    for row, name in enumerate(body.names):
        if not any(leg in name for leg in ("hip", "knee", "ankle", "foot")):
            x, y, z = body.rest[row, :3, 3]
            rest_B44[row, :3, 3] = (x, -(z - 0.95), 0.95 + y)
    with pytest.raises(RigError, match="as on four legs"):
        map_armature(replace(body, rest=rest_B44))


def test_a_prop_is_refused() -> None:
    with pytest.raises(RigError, match="no two pairs of limbs.*got 0.*choose a character"):
        map_armature(crane())


def test_what_is_missing_from_a_body_is_named() -> None:
    bones = [bone for bone in bones_of(plain_body()) if bone[0] not in ("left_elbow", "left_wrist")]
    said = "'SMPL-X, SMPL' a bone for every joint of a body, got none for left_elbow; choose"
    with pytest.raises(RigError, match=said):
        map_armature(of_bones(bones))


def test_one_bone_is_refused() -> None:
    with pytest.raises(RigError, match="no humanoid"):
        map_armature(of_bones([("hips", "", (0.0, 0.0, 1.0))]))


def test_hair_skirts_and_props_change_nothing(shared_dir: Path) -> None:
    """Three thousand bones under the head and the hips."""
    known = character(shared_dir, "mpfb_rig.game_engine.json")
    generator = np.random.default_rng(3)
    bones = bones_of(known)
    for strand in range(300):
        above, height = ("head", 1.5) if strand % 2 else ("pelvis", 0.9)
        places_N3 = np.cumsum(generator.normal(0.0, 0.02, (10, 3)), axis=0) + (0.0, 0.0, height)
        for link, (x, y, z) in enumerate(places_N3.tolist()):
            bones.append((f"hair_{strand}_{link}", above, (x, y, z)))
            above = f"hair_{strand}_{link}"
    assert map_armature(of_bones(bones)).joints == map_armature(known).joints


@pytest.mark.parametrize("seed", range(20))
def test_random_trees_are_mapped_or_refused_with_a_reason(seed: int) -> None:
    """Bones in one place, no lengths between them, loose roots: never another error."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(1, 60))
    places_N3 = np.round(generator.normal(0.0, 1.0, (count, 3)))
    above = [f"b{generator.integers(max(0, k - 6), k)}" if k % 17 else "" for k in range(count)]
    bones = [(f"b{k}", above[k], (x, y, z)) for k, (x, y, z) in enumerate(places_N3.tolist())]
    with pytest.raises(RigError, match="no humanoid"):
        map_armature(of_bones(bones))


def test_json_round_trip(shared_dir: Path) -> None:
    mapping = map_armature(character(shared_dir, "mpfb_rig.default.json"))
    text = as_json(mapping)
    assert from_json(text) == mapping
    assert as_json(from_json(text)) == text


def _changed(**changes: Any) -> str:
    return json.dumps(json.loads(as_json(map_armature(plain_body()))) | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        '"' + "x" * MAX_TEXT + '"',
        _changed(format="something else"),
        _changed(extra=1),
        _changed(joints=[]),
        _changed(joints={"pelvis": "hips"}),
        _changed(joints={"pelvis": []}),
        _changed(joints={"pelvis": [1]}),
        _changed(joints={"pelvis": [""]}),
        _changed(joints={"pelvis": ["x" * 300]}),
        _changed(joints={"third_arm": ["hips"]}),
        _changed(joints={"pelvis": ["hips"], "spine1": ["hips"]}),
        _changed(joints={"pelvis": [f"b{k}" for k in range(5000)]}),
        _changed(twists={"pelvis": ["twist"]}),
        _changed(root=3),
        _changed(score=2.0),
        _changed(score=True),
        _changed(score="1"),
        _changed(score=float("nan")),
        _changed(preset=None),
    ],
    ids=range(25),
)
def test_hostile_json_is_refused(text: str) -> None:
    with pytest.raises(RigError, match="the mapping is malformed; expected"):
        from_json(text)


def test_a_mapping_of_another_armature_is_refused() -> None:
    body = plain_body()
    mapping = map_armature(body)
    check_fit(mapping, body)
    with pytest.raises(RigError, match="does not belong to this armature.*'pelvis'"):
        check_fit(mapping, scrambled(body))


@pytest.mark.parametrize(
    ("count", "shares"), [(1, (0, 0, 1)), (2, (1, 0, 1)), (4, (2, 1, 1)), (5, (2, 2, 1))]
)
def test_unequal_spines_are_shared_out(count: int, shares: tuple[int, int, int]) -> None:
    """One bone is the chest's; more are spread from the hips up."""
    body = [bone for bone in bones_of(plain_body()) if "spine" not in bone[0]]
    chest = f"spine_{count - 1}"
    bones = [(name, chest if "spine" in above else above, head) for name, above, head in body]
    spine = [
        (f"spine_{k}", f"spine_{k - 1}" if k else "pelvis", (0.0, 0.0, 1.0 + 0.08 * k))
        for k in range(count)
    ]
    joints = map_armature(of_bones([*bones, *spine])).joints
    assert tuple(len(joints.get(f"spine{k}", ())) for k in (1, 2, 3)) == shares
    assert joints["spine3"][-1] == chest
