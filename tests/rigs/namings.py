"""Bodies under the names that other programs give to bones."""

from pose2rig.rigs.armature import Armature

from .characters import of_bones

PLACES: dict[str, tuple[float, float, float]] = {
    "hips": (0.0, 0.0, 0.95),
    "spine_1": (0.0, 0.0, 1.05),
    "spine_2": (0.0, 0.01, 1.18),
    "spine_3": (0.0, 0.02, 1.3),
    "neck": (0.0, 0.02, 1.5),
    "head": (0.0, 0.0, 1.6),
    "collar": (0.03, 0.0, 1.45),
    "arm": (0.18, 0.0, 1.45),
    "forearm": (0.45, 0.02, 1.44),
    "hand": (0.69, 0.0, 1.44),
    "thigh": (0.09, 0.0, 0.92),
    "shin": (0.1, -0.01, 0.5),
    "foot": (0.1, 0.01, 0.09),
    "toes": (0.1, -0.12, 0.02),
}
"""A body in a T-pose facing -y, m: the left half."""
ABOVE: dict[str, str] = {
    "spine_1": "hips",
    "spine_2": "spine_1",
    "spine_3": "spine_2",
    "neck": "spine_3",
    "head": "neck",
    "collar": "spine_3",
    "arm": "collar",
    "forearm": "arm",
    "hand": "forearm",
    "thigh": "hips",
    "shin": "thigh",
    "foot": "shin",
    "toes": "foot",
}
PAIRED = ("collar", "arm", "forearm", "hand", "thigh", "shin", "foot", "toes")
JOINTS = (*("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot"),)

NAMINGS: dict[str, tuple[str, str]] = {
    "Character Creator": (
        "CC_Base_Hip CC_Base_Waist CC_Base_Spine01 CC_Base_Spine02 CC_Base_NeckTwist01 "
        "CC_Base_Head",
        "CC_Base_L_Clavicle CC_Base_L_Upperarm CC_Base_L_Forearm CC_Base_L_Hand "
        "CC_Base_L_Thigh CC_Base_L_Calf CC_Base_L_Foot CC_Base_L_ToeBase",
    ),
    "3ds Max Biped": (
        "Bip001_Pelvis Bip001_Spine Bip001_Spine1 Bip001_Spine2 Bip001_Neck Bip001_Head",
        "Bip001_L_Clavicle Bip001_L_UpperArm Bip001_L_Forearm Bip001_L_Hand "
        "Bip001_L_Thigh Bip001_L_Calf Bip001_L_Foot Bip001_L_Toe0",
    ),
    "Auto-Rig Pro": (
        "root.x spine_01.x spine_02.x spine_03.x neck.x head.x",
        "shoulder.l arm_stretch.l forearm_stretch.l hand.l "
        "thigh_stretch.l leg_stretch.l foot.l toes_01.l",
    ),
    "CMU (BVH)": (
        "Hips LowerBack Spine Spine1 Neck Head",
        "LeftShoulder LeftArm LeftForeArm LeftHand LeftUpLeg LeftLeg LeftFoot LeftToeBase",
    ),
    "CMU (ASF)": (
        "root lowerback upperback thorax lowerneck head",
        "lclavicle lhumerus lradius lwrist lfemur ltibia lfoot ltoes",
    ),
    "SMPL-X, SMPL": (
        "pelvis spine1 spine2 spine3 neck head",
        "left_collar left_shoulder left_elbow left_wrist left_hip left_knee left_ankle left_foot",
    ),
    "VRM (VRoid)": (
        "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Chest J_Bip_C_UpperChest J_Bip_C_Neck J_Bip_C_Head",
        "J_Bip_L_Shoulder J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_L_Hand "
        "J_Bip_L_UpperLeg J_Bip_L_LowerLeg J_Bip_L_Foot J_Bip_L_ToeBase",
    ),
    "humanoid names (VRM 0, Unity)": (
        "hips spine chest upperChest neck head",
        "leftShoulder leftUpperArm leftLowerArm leftHand "
        "leftUpperLeg leftLowerLeg leftFoot leftToes",
    ),
    "Rigify basic bones": (
        "Hips Spine.001 spine_2 SPINE3 neck head",
        "shoulder.L upper_arm.L forearm.L hand.L thigh.L shin.L foot.L toe.L",
    ),
    "common names": (
        "Hip Spine_a1 torso chest neck1 Head",
        "l_clavicle l_arm l_lowarm l_hand l_leg_upper l_leg_lower l_foot l_toes",
    ),
    "Mixamo": (
        "mixamorig9:Hips mixamorig9:Spine mixamorig9:Spine1 mixamorig9:Spine2 mixamorig9:Neck "
        "mixamorig9:Head",
        "mixamorig9:LeftShoulder mixamorig9:LeftArm mixamorig9:LeftForeArm mixamorig9:LeftHand "
        "mixamorig9:LeftUpLeg mixamorig9:LeftLeg mixamorig9:LeftFoot mixamorig9:LeftToeBase",
    ),
}
"""Namings of other programs: the middle from the hips up, the left side from the collar down."""


def right_of(name: str) -> str:
    """The name of a bone on the right, from its twin's on the left."""
    for left, right in (("Left", "Right"), ("left", "right"), ("_L_", "_R_"), (".L", ".R")):
        if left in name:
            return name.replace(left, right)
    return name[:-2] + ".r" if name.endswith(".l") else "r" + name[1:]


def named_body(middle: list[str], left: list[str]) -> Armature:
    """A body under given names, in the order of `NAMINGS`."""
    own: dict[str, str] = dict(
        zip(("hips", "spine_1", "spine_2", "spine_3", "neck", "head"), middle, strict=True)
    )
    lefts: dict[str, str] = dict(zip(PAIRED, left, strict=True))
    bones = [(name, own.get(ABOVE.get(part, ""), ""), PLACES[part]) for part, name in own.items()]
    for part, name in lefts.items():
        above, (x, y, z) = ABOVE[part], PLACES[part]
        bones.append((name, lefts.get(above) or own[above], (x, y, z)))
        right_above = right_of(lefts[above]) if above in lefts else own[above]
        bones.append((right_of(name), right_above, (-x, y, z)))
    return of_bones(bones)


def named_as(naming: str) -> Armature:
    """A body under one of `NAMINGS`."""
    middle, left = (names.split() for names in NAMINGS[naming])
    return named_body(middle, left)


def plain_body() -> Armature:
    """A body under SMPL-X's names."""
    return named_as("SMPL-X, SMPL")
