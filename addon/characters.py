"""A user's character as the retargeting sees it: its bones at rest and what carries each.

Control rigs join their bones by constraints: in Rigify an upper arm's control hangs on a bone that
copies the shoulder's control whole. Such a bone is read as hanging on the one it copies, the first
where it copies several (Rigify's FK before its IK), so that forward kinematics alone poses the
controls as Blender does.
"""

import bpy
import numpy as np

from ..rigs.armature import Armature
from ..rigs.errors import RigError


def read_character(character: bpy.types.Object) -> Armature:
    """Read an armature object's bones at rest, whatever pose it is in.

    Raises RigError where it is no armature, or one whose bones cannot be turned.
    """
    if character.type != "ARMATURE":
        raise RigError(
            f"{character.name!r} is no armature",
            expected="an armature object",
            actual=character.type.lower(),
            next_step="choose the armature that moves the character",
        )
    above = _carriers(character)
    order = _from_the_roots(above)
    bones = [character.data.bones[name] for name in order]
    row = {name: place for place, name in enumerate(order)}
    return Armature(
        names=tuple(order),
        parents=np.array([row.get(above[name], -1) for name in order], dtype=np.int64),
        rest=np.array([bone.matrix_local for bone in bones], dtype=np.float64).reshape(-1, 4, 4),
        lengths=np.array([bone.length for bone in bones], dtype=np.float64),
        world=np.array(character.matrix_world, dtype=np.float64),
    )


def _carriers(character: bpy.types.Object) -> dict[str, str]:
    """Bone -> the bone that carries it, "" for none: what it copies whole, else its parent."""
    above = {bone.name: bone.parent.name if bone.parent else "" for bone in character.data.bones}
    for bone in character.pose.bones:
        for constraint in bone.constraints:
            carrier = "" if constraint.mute else _copied(constraint, character)
            if carrier in above and not _hangs_on(above, carrier, bone.name):
                above[bone.name] = carrier
                break
    return above


def _copied(constraint: bpy.types.Constraint, character: bpy.types.Object) -> str:
    """The bone of the same armature that a constraint makes its own move with, "" for none."""
    if constraint.type == "ARMATURE":
        targets = [target for target in constraint.targets if target.target == character]
        return targets[0].subtarget if len(targets) == len(constraint.targets) == 1 else ""
    whole = constraint.type == "COPY_TRANSFORMS" and constraint.owner_space == "WORLD"
    return constraint.subtarget if whole and constraint.target == character else ""


def _hangs_on(above: dict[str, str], bone: str, other: str) -> bool:
    """Whether a bone is another or, some bones down, is carried by it."""
    while bone and bone != other:
        bone = above[bone]
    return bool(bone)


def _from_the_roots(above: dict[str, str]) -> list[str]:
    """The bones, each after the one that carries it, else in Blender's order."""
    order: dict[str, None] = {}
    for name in above:
        line = [name]
        while line[-1] not in order and above[line[-1]]:
            line.append(above[line[-1]])
        order |= dict.fromkeys(reversed(line))
    return list(order)
