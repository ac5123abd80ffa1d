"""A take's sliders, at `object.pose2rig` of its armature: how its raw take becomes motion.

Moving one has the take processed again, shortly after the last move. Undo brings an earlier motion
back and with it what that was made with.
"""

import bpy
from bpy.app.handlers import persistent

from . import process_session
from .motion_sliders import MotionSliders, slider_moved


class TakeMotion(MotionSliders, bpy.types.PropertyGroup):
    """What the user wants of a take's motion, by the names of the command line."""

    use_contacts: bpy.props.BoolProperty(
        name="Edited Contacts",
        description="Feet stand where the action's contact curves say, not where they are found",
        default=False,
        options=set(),
        update=slider_moved,
    )

    def moved(self) -> None:
        """Have the take processed."""
        process_session.request(self.id_data)


def show_motion(armature: bpy.types.Object) -> None:
    """Set the sliders to what the assigned action was made with."""
    for name, value in process_session.made_with(armature).items():
        setattr(armature.pose2rig, name, value)


@persistent
def follow_undo(_scene: bpy.types.Scene, _depsgraph: bpy.types.Depsgraph) -> None:
    """Drop what was asked for before undo or redo, and show what each take is made with now."""
    process_session.abandon()
    for armature in filter(process_session.can_process, bpy.data.objects):
        if process_session.is_outdated(armature):
            show_motion(armature)
    process_session.forget_requests()


def register() -> None:
    """Hang the sliders on objects, and have them follow undo."""
    bpy.types.Object.pose2rig = bpy.props.PointerProperty(type=TakeMotion)
    bpy.app.handlers.undo_post.append(follow_undo)
    bpy.app.handlers.redo_post.append(follow_undo)


def unregister() -> None:
    """Take them away again."""
    bpy.app.handlers.redo_post.remove(follow_undo)
    bpy.app.handlers.undo_post.remove(follow_undo)
    del bpy.types.Object.pose2rig
