"""One captured take in the scene: a collection with armature, body and action."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..core_inference.body_model import load_open_body
from ..core_inference.clip import Clip
from .armature import build_armature, leave_mode
from .body import build_body
from .keyframes import RotationMode, key_motion, key_shapes
from .properties import FIT, LANDMARKS
from .sampling import CONTACTS, FrameTiming, keyframes_from_clip, scene_frames

CLIP_PROPERTY = "pose2rig_clip"
PROVENANCE_PROPERTY = "pose2rig_provenance"
QUALITY_PROPERTY = "pose2rig_quality"
RAW_PROPERTY = "pose2rig_raw"
TIMING_PROPERTY = "pose2rig_timing"
WORST_PROPERTY = "pose2rig_worst_frame"
WEIGHTS_PROPERTY = "pose2rig_calibration_weights"
REPLACED_PROPERTY = "pose2rig_replaced"
LICENCE_PROPERTY = "pose2rig_licence"
LICENCE_NOTE_PROPERTY = "pose2rig_licence_note"

COMMERCIAL = "commercial use allowed"
RESEARCH = "non-commercial research"


@dataclass(frozen=True, kw_only=True)
class Take:
    """What stands in the scene after a capture."""

    armature: bpy.types.Object
    body: bpy.types.Object
    action: bpy.types.Action
    face_action: bpy.types.Action | None


@dataclass(frozen=True, kw_only=True)
class TakeSettings:
    """How a clip becomes a take; `quality` are its figures from the report.

    raw: the raw take that the clip was made from, for a take that can be processed again.
    calibration_weights: the file by which its mesh was calibrated, if any.
    """

    name: str
    mode: RotationMode
    timing: FrameTiming
    path: Path
    quality: dict[str, Any]
    raw: Path | None = None
    calibration_weights: Path | None = None


def add_take(clip: Clip, settings: TakeSettings, scene: bpy.types.Scene) -> Take:
    """Build armature, body and actions of one clip in a new collection of the scene.

    Everything is new: what stands in the scene from earlier captures is not touched. When it
    fails, nothing of it stays.
    """
    with nothing_left_on_failure():
        collection = bpy.data.collections.new(settings.name)
        scene.collection.children.link(collection)
        armature = build_armature(clip.rest_joints, settings.name, collection)
        keyframes = keyframes_from_clip(clip, settings.timing)
        action = key_motion(armature, keyframes, settings.name, settings.mode)
        body = build_body(load_open_body(), clip, armature)
        face_action = None
        if keyframes.face_shapes is not None:
            face_action = key_shapes(body, keyframes, f"{action.name}_face")
        _add_contacts(armature)
        _remember_source(armature, settings)
        for datablock in filter(None, (armature, action, face_action)):
            describe(datablock, clip, settings)
        for datablock in (collection, body, body.data):
            datablock[CLIP_PROPERTY] = str(settings.path)
        return Take(armature=armature, body=body, action=action, face_action=face_action)


def remove_take(armature: bpy.types.Object) -> None:
    """Take an armature out of the file with the body and actions that were made with it.

    Also its camera, and its collection where nothing else is left in it. What else uses an action
    or its mesh keeps them; an object that the user has parented to the armature stays without a
    parent.
    """
    leave_mode()
    collections = [c for c in armature.users_collection if CLIP_PROPERTY in c]
    objects = [armature, *(child for child in armature.children if CLIP_PROPERTY in child)]
    data = {item.data for item in objects} | _left_over(armature)
    keys = [getattr(block, "shape_keys", None) for block in data]
    blocks = (*objects, *filter(None, (*data, *keys)))
    animated = [block.animation_data for block in blocks]
    actions = {each.action for each in animated if each is not None and each.action is not None}
    path = armature.get(CLIP_PROPERTY)
    for action in bpy.data.actions:  # those that processing the take again has replaced
        if REPLACED_PROPERTY in action and action.get(CLIP_PROPERTY) == path and action.users == 1:
            action.use_fake_user = False
            actions.add(action)
    bpy.data.batch_remove(objects)
    for blocks in (data, actions):  # a mesh holds its shape keys, and these their action
        bpy.data.batch_remove([block for block in blocks if block.users == 0])
    bpy.data.batch_remove([c for c in collections if not c.objects and not c.children])


def _left_over(armature: bpy.types.Object) -> set[bpy.types.Mesh]:
    """Meshes of the armature's clip that nothing uses: of a body that the user has deleted."""
    path = armature.get(CLIP_PROPERTY)
    unused = {mesh for mesh in bpy.data.meshes if mesh.users == 0 and CLIP_PROPERTY in mesh}
    return {mesh for mesh in unused if mesh[CLIP_PROPERTY] == path}


@contextmanager
def nothing_left_on_failure() -> Iterator[None]:
    """Remove every datablock made meanwhile when an exception passes."""
    before = _datablocks()
    try:
        yield
    except BaseException:
        leave_mode()
        bpy.data.batch_remove(_datablocks() - before)
        raise


def _datablocks() -> set[bpy.types.ID]:
    data = bpy.data
    kinds = (data.collections, data.objects, data.armatures, data.meshes, data.materials)
    return {block for kind in (*kinds, data.actions, data.cameras) for block in kind}


def _add_contacts(armature: bpy.types.Object) -> None:
    """The properties that the action's contact curves move."""
    for name in CONTACTS:
        armature[name] = 0.0
        armature.id_properties_ui(name).update(
            min=0.0, max=1.0, description="How far this part of the foot stands, to be edited"
        )


def _remember_source(armature: bpy.types.Object, settings: TakeSettings) -> None:
    """What processing the raw take again needs to know."""
    if settings.raw is not None:
        armature[RAW_PROPERTY] = str(settings.raw)
        armature[TIMING_PROPERTY] = asdict(settings.timing)


def describe(datablock: bpy.types.ID, clip: Clip, settings: TakeSettings) -> None:
    """Write where the take comes from and what it is worth as custom properties."""
    datablock[CLIP_PROPERTY] = str(settings.path)
    datablock[WEIGHTS_PROPERTY] = str(settings.calibration_weights or "")
    datablock[PROVENANCE_PROPERTY] = json.dumps(clip.provenance, sort_keys=True)
    datablock[QUALITY_PROPERTY] = {
        name: value for name, value in settings.quality.items() if value is not None
    }
    worst = np.flatnonzero(clip.frame_index == settings.quality.get("worst_frame"))
    if len(worst):
        positions_T, _ = scene_frames(clip, settings.timing)
        datablock[WORST_PROPERTY] = round(float(positions_T[worst[0]]))
    if note := clip.provenance.get("licence_note"):
        datablock[LICENCE_PROPERTY] = _licence(clip)
        datablock[LICENCE_NOTE_PROPERTY] = note


def _licence(clip: Clip) -> str:
    """What the take may be used for: only what is built in leaves commercial use open."""
    provenance = clip.provenance
    root = provenance.get("settings", {}).get("root", FIT)
    built_in = (provenance.get("estimator"), root) == (LANDMARKS, FIT)
    return COMMERCIAL if built_in and clip.body_model == "open" else RESEARCH


def active_armature(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active armature, or that of the active body."""
    active = context.view_layer.objects.active
    if active is not None and active.type == "MESH":
        active = active.parent
    return active if active is not None and active.type == "ARMATURE" else None


def described(armature: bpy.types.Object) -> bpy.types.ID:
    """What tells of the motion that the armature has now: its action, if that is of a take."""
    data = armature.animation_data
    action = data.action if data else None
    return action if action is not None and QUALITY_PROPERTY in action else armature
