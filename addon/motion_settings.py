"""The sliders of a take: how its raw take becomes motion, at `object.pose2rig` of its armature.

Moving one has the take processed again, shortly after the last move.
"""

import bpy

from ..core_inference.clip import Clip
from . import process_session

FEET = (
    ("auto", "Auto", "A foot that stands on the ground stays where it is"),
    ("always", "Always", "Also one that seems to slide while it stands"),
    ("never", "Never", "Feet go as they were solved"),
)
FILTERS = (
    ("zero-phase", "Zero Phase", "All movements are smoothed alike"),
    ("one-euro", "One-Euro", "Slow movements are smoothed more than fast ones"),
)
GROUNDS = (
    ("auto", "Auto", "Feet and body tell how the camera was tilted"),
    ("level", "Level", "The camera is taken to be level"),
    ("off", "Off", "People stay where they were seen, not put on the ground"),
)


def _changed(motion: "TakeMotion", _context: bpy.types.Context) -> None:
    process_session.request(motion.id_data)


class TakeMotion(bpy.types.PropertyGroup):
    """What the user wants of a take's motion, by the names of the command line."""

    smooth: bpy.props.FloatProperty(
        name="Smoothing",
        description="0 leaves the motion as it was solved, 1 smooths strongly",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        options=set(),
        update=_changed,
    )
    hands: bpy.props.FloatProperty(
        name="Hands",
        description="How strongly wrists and fingers are smoothed",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        options=set(),
        update=_changed,
    )
    filter: bpy.props.EnumProperty(
        name="Filter",
        description="How the motion is smoothed",
        items=FILTERS,
        options=set(),
        update=_changed,
    )
    feet: bpy.props.EnumProperty(
        name="Feet",
        description="Whether feet that stand are held in place",
        items=FEET,
        options=set(),
        update=_changed,
    )
    ground: bpy.props.EnumProperty(
        name="Ground",
        description="How the person is put upright and on the ground",
        items=GROUNDS,
        options=set(),
        update=_changed,
    )
    use_contacts: bpy.props.BoolProperty(
        name="Edited Contacts",
        description="Feet stand where the action's contact curves say, not where they are found",
        default=False,
        options=set(),
        update=_changed,
    )


def show_motion(armature: bpy.types.Object, clip: Clip) -> None:
    """Set the sliders to what the clip was made with."""
    motion, made = armature.pose2rig, clip.provenance.get("motion", {})
    for name in process_session.SETTINGS:
        if name in made:
            setattr(motion, name, made[name])


def register() -> None:
    """Hang the sliders on objects."""
    bpy.types.Object.pose2rig = bpy.props.PointerProperty(type=TakeMotion)


def unregister() -> None:
    """Take them away again."""
    del bpy.types.Object.pose2rig
