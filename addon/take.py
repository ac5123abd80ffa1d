"""One captured take in the scene: a collection with armature, body and action."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core_inference.body_model import load_open_body
from ..core_inference.clip import Clip
from .armature import build_armature
from .body import build_body
from .keyframes import RotationMode, key_motion
from .properties import LANDMARKS
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
    with _nothing_left_on_failure():
        collection = bpy.data.collections.new(settings.name)
        scene.collection.children.link(collection)
        armature = build_armature(clip.rest_joints, settings.name, collection)
        keyframes = keyframes_from_clip(clip, settings.timing)
        action = key_motion(armature, keyframes, settings.name, settings.mode)
        body = build_body(load_open_body(), clip, armature)
        _describe(armature, clip, settings)
        _describe(action, clip, settings)
        return Take(armature=armature, body=body, action=action)


@contextmanager
def _nothing_left_on_failure() -> Iterator[None]:
    """Remove every datablock made meanwhile when an exception passes."""
    before = _datablocks()
    try:
        yield
    except BaseException:
        if bpy.context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
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
    built_in = clip.provenance.get("estimator") == LANDMARKS and clip.body_model == "open"
    return COMMERCIAL if built_in else RESEARCH


def active_armature(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active armature, or that of the active body."""
    active = context.view_layer.objects.active
    if active is not None and active.type == "MESH":
        active = active.parent
    return active if active is not None and active.type == "ARMATURE" else None
