"""One captured take in the scene: a collection with armature, body and action."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core_inference.body_model import load_open_body
from ..core_inference.clip import Clip
from .armature import build_armature, leave_mode
from .body import build_body
from .keyframes import RotationMode, key_motion
from .properties import FIT, LANDMARKS
from .sampling import FrameTiming, keyframes_from_clip

CLIP_PROPERTY = "pose2rig_clip"
PROVENANCE_PROPERTY = "pose2rig_provenance"
QUALITY_PROPERTY = "pose2rig_quality"
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


@dataclass(frozen=True, kw_only=True)
class TakeSettings:
    """How a clip becomes a take; `quality` are its figures from the report."""

    name: str
    mode: RotationMode
    timing: FrameTiming
    path: Path
    quality: dict[str, float | None]


def add_take(clip: Clip, settings: TakeSettings, scene: bpy.types.Scene) -> Take:
    """Build armature, body and action of one clip in a new collection of the scene.

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
        for datablock in (armature, action):
            _describe(datablock, clip, settings)
        for datablock in (collection, body):
            datablock[CLIP_PROPERTY] = str(settings.path)
        return Take(armature=armature, body=body, action=action)


def remove_take(armature: bpy.types.Object) -> None:
    """Take an armature out of the file with the body and action that were made with it.

    Also its collection where nothing else is left in it. What else uses its action or its mesh
    keeps them; an object that the user has parented to the armature stays without a parent.
    """
    leave_mode()
    collections = [c for c in armature.users_collection if CLIP_PROPERTY in c]
    action = armature.animation_data.action if armature.animation_data else None
    objects = [armature, *(child for child in armature.children if CLIP_PROPERTY in child)]
    data = {item.data for item in objects} | ({action} if action else set())
    bpy.data.batch_remove(objects)
    bpy.data.batch_remove([block for block in data if block.users == 0])
    bpy.data.batch_remove([c for c in collections if not c.objects and not c.children])


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
    return {block for kind in (*kinds, data.actions) for block in kind}


def _describe(datablock: bpy.types.ID, clip: Clip, settings: TakeSettings) -> None:
    """Write where the take comes from and what it is worth as custom properties."""
    datablock[CLIP_PROPERTY] = str(settings.path)
    datablock[PROVENANCE_PROPERTY] = json.dumps(clip.provenance, sort_keys=True)
    datablock[QUALITY_PROPERTY] = {
        name: value for name, value in settings.quality.items() if value is not None
    }
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
