"""A motion on a user's character: the bones chosen, the old pose cleared, a new take keyed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix

from ..core_inference.motion_file import SourceMotion
from ..rigs.armature import Armature
from ..rigs.errors import RigError
from ..rigs.mapping import Mapping, check_fit, map_armature
from ..rigs.planting import Contacts
from ..rigs.retarget import Keyframes, retarget
from ..rigs.rotation import resample, sign_continuous
from .characters import read_character
from .keyframes import key_character
from .sampling import FrameTiming, scene_frames

_SHOWN = 4
_OWN_PROPERTIES = ("IK_FK", "neck_follow", "head_follow")
"""Of Rigify's controls: at 1 they follow forward kinematics, and head and neck their parents."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Character:
    """An armature object, its bones at rest and which of them move like which joints."""

    object: bpy.types.Object
    armature: Armature
    mapping: Mapping


def choose_character(things: Sequence[bpy.types.Object], mapping: Mapping | None) -> Character:
    """Take the armature with most mapped joints, by the given mapping or the one that is found.

    Among equals one that bends a mesh is taken, then the one with most bones: Rigify's rig rather
    than the meta-rig beside it.
    Poses and takes are cleared first, for they might have moved the armature. Raises RigError,
    that of the armature with most bones, where none is a body.
    """
    _clear_takes(things)
    found: list[Character] = []
    refusals: dict[int, RigError] = {}
    for thing in things:
        try:
            found.append(_examined(thing, mapping))
        except RigError as refusal:
            refusals[len(thing.data.bones)] = refusal
    if not found:
        raise refusals[max(refusals)]
    return max(found, key=_merits)


def _merits(character: Character) -> tuple[int, bool, int]:
    skinned = bool(skins_of(character.object))
    return len(character.mapping.joints), skinned, len(character.armature.names)


def _examined(thing: bpy.types.Object, mapping: Mapping | None) -> Character:
    if thing.library is not None or thing.data.library is not None:
        raise RigError(
            f"{thing.name!r} is linked from another file",
            expected="an armature of the file's own",
            actual=f"one of {(thing.library or thing.data.library).name}",
            next_step="give that file, or make the armature local",
        )
    armature = read_character(thing)
    if mapping is not None:
        check_fit(mapping, armature)
    used = map_armature(armature) if mapping is None else mapping
    return Character(object=thing, armature=armature, mapping=used)


def _clear_takes(things: Iterable[bpy.types.Object]) -> None:
    """Put every bone at rest; what is posed or carried there loses its actions, not its drivers."""
    for thing in things:
        thing.data.pose_position = "POSE"
        for bone in thing.pose.bones:
            bone.matrix_basis = Matrix.Identity(4)
        for item in [thing, *_above(thing), *skins_of(thing)]:
            _clear_take(item)
            _clear_take(getattr(item.data, "shape_keys", None))
    bpy.context.view_layer.update()


def _clear_take(datablock: bpy.types.ID | None) -> None:
    data = None if datablock is None else datablock.animation_data
    if data is None:
        return
    data.action = None
    for track in list(data.nla_tracks):
        data.nla_tracks.remove(track)


def _above(thing: bpy.types.Object) -> list[bpy.types.Object]:
    line: list[bpy.types.Object] = []
    while thing.parent is not None:
        thing = thing.parent
        line.append(thing)
    return line


def skins_of(thing: bpy.types.Object) -> tuple[bpy.types.Object, ...]:
    """The meshes that hang on an armature object or are bent by it."""
    return tuple(
        item
        for item in bpy.context.scene.objects
        if item.type == "MESH" and (thing in _above(item) or thing in _bent_by(item))
    )


def _bent_by(item: bpy.types.Object) -> list[bpy.types.Object]:
    return [modifier.object for modifier in item.modifiers if modifier.type == "ARMATURE"]


def put_on(character: Character, motion: SourceMotion, timing: FrameTiming, name: str) -> None:
    """Key a motion as the character's one take: a new action with a key on every whole frame."""
    contacts = None
    if motion.contacts is not None:
        contacts = Contacts(standing=motion.contacts, time_s=motion.time_s)
    poses = retarget(
        motion.rotations,
        motion.pelvis,
        motion.rest_joints,
        character.armature,
        character.mapping,
        contacts,
    )
    positions_T, frames_F = scene_frames(motion, timing)
    paths = poses.locations.reshape(len(positions_T), -1).T
    places = np.stack([np.interp(frames_F, positions_T, path) for path in paths], axis=-1)
    keyframes = Keyframes(
        bones=poses.bones,
        rotations=sign_continuous(resample(poses.rotations, positions_T, frames_F)),
        placed=poses.placed,
        locations=places.reshape(len(frames_F), -1, 3),
    )
    _free(character.object, keyframes.placed)
    _set_own_properties(character.object)
    key_character(character.object, keyframes, frames_F, name)


def _set_own_properties(thing: bpy.types.Object) -> None:
    for bone in thing.pose.bones:
        for name in _OWN_PROPERTIES:
            if name in bone:
                bone[name] = 1.0


def _free(thing: bpy.types.Object, placed: Iterable[str]) -> None:
    """Let bones move in their own rest axes: a connected bone would stay where its parent ends."""
    for name in placed:
        thing.data.bones[name].use_local_location = True
    joined = [name for name in placed if thing.data.bones[name].use_connect]
    if not joined:
        return
    scene = bpy.context.scene
    if thing.name not in scene.collection.objects:
        scene.collection.objects.link(thing)
    thing.hide_viewport = False
    bpy.context.view_layer.update()
    thing.hide_set(False)
    bpy.context.view_layer.objects.active = thing
    bpy.ops.object.mode_set(mode="EDIT")
    for name in joined:
        thing.data.edit_bones[name].use_connect = False
    bpy.ops.object.mode_set(mode="OBJECT")


def doubts(character: Character) -> list[str]:
    """What may make a character move otherwise than it was told to, a sentence each."""
    chains = character.mapping.joints.values()
    bones = [bone for chain in chains for bone in chain]
    pose = character.object.pose.bones
    apart = [bone for bone in bones if pose[bone].parent and not _inherits(pose[bone].bone)]
    held = [bone for bone in bones if any(map(_acts, pose[bone].constraints))]
    named = (
        (apart, "do not inherit rotation, so they may point elsewhere"),
        (held, "have constraints, which may move them otherwise"),
    )
    return [f"{_listed(found)} {what}" for found, what in named if found]


def _inherits(bone: bpy.types.Bone) -> bool:
    return bone.use_inherit_rotation


def _acts(constraint: bpy.types.Constraint) -> bool:
    """Whether it moves its bone on its own: bones that copy another whole are read as its."""
    carries = constraint.type in ("ARMATURE", "COPY_TRANSFORMS")
    return not constraint.mute and constraint.influence > 0.0 and not carries


def _listed(bones: list[str]) -> str:
    more = f" and {len(bones) - _SHOWN} more" if len(bones) > _SHOWN else ""
    return f"bones {', '.join(bones[:_SHOWN])}{more}"
