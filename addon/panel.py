"""The sidebar's Pose2Rig tab: it draws and decides nothing."""

import textwrap
from functools import partial

import bpy

from . import capture_session, thumbnails
from .motion_sliders import SLIDERS
from .operators.capture import CancelCapture, Capture
from .operators.people import EVERYBODY, PickPeople, SelectPerson
from .people import is_standing, thumbnail_path
from .preferences import (
    LICENCE_NOTE,
    OWN_FOLDER,
    ROOT_PACKAGE,
    Pose2RigPreferences,
    addon_preferences,
    has_engine,
)
from .properties import CaptureSettings, CaptureStatus, FoundPeople, FoundPerson
from .take_panel import draw_network, draw_sliders, draw_take

_RUNNING = ("RUNNING", "CANCELLING")
_STAGES = {"start": "Starting", "estimate": "Capturing", "solve": "Solving", "export": "Writing"}
_PERSON_ICON = "USER"
_THUMBNAIL_SCALE = 2.5
_CHARACTER_PX = 7.0
_ICON_CHARACTERS = 3


class Pose2RigPanel(bpy.types.Panel):
    """Footage in, animation out."""

    bl_idname = "POSE2RIG_PT_capture"
    bl_label = "Pose2Rig"
    bl_category = "Pose2Rig"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"

    def draw(self, context: bpy.types.Context) -> None:
        """Settings, then what runs or what came out of it."""
        status = context.window_manager.pose2rig
        width = _characters(context)
        enabled = status.state not in _RUNNING
        self._draw_settings(context, enabled=enabled)
        _draw_advanced(self.layout, context.scene.pose2rig, enabled=enabled)
        if not has_engine(context):
            _draw_engine_hint(self.layout, width)
        if context.scene.pose2rig.needs_models:
            _draw_agreement(self.layout, addon_preferences(context), width)
        if status.state in _RUNNING:
            _draw_progress(self.layout, status)
        else:
            _draw_capture(self.layout, can_resume=capture_session.can_resume(context))
        _draw_outcome(self.layout, status, width)
        _draw_people(self.layout, context.scene)
        draw_take(self.layout, context, partial(_paragraph, width=width))

    def _draw_settings(self, context: bpy.types.Context, *, enabled: bool) -> None:
        settings = context.scene.pose2rig
        column = self.layout.column()
        column.enabled = enabled
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(settings, "footage")
        frames = column.column(align=True)
        frames.prop(settings, "start")
        frames.prop(settings, "end", text="To (0 = End)")
        column.prop(settings, "people")
        column.prop(settings, "estimator")
        _draw_models(column, settings, addon_preferences(context))
        column.prop(settings, SLIDERS[0])
        column.prop(settings, "rotation_mode")
        column.prop(settings, "first_frame")
        column.prop(settings, "match_scene")


def _draw_advanced(layout: bpy.types.UILayout, settings: CaptureSettings, *, enabled: bool) -> None:
    """The other sliders of motion, which the take has afterwards as well."""
    header, body = layout.panel("POSE2RIG_PT_advanced", default_closed=True)
    header.label(text="Advanced")
    if body is not None:
        body.enabled = enabled
        draw_sliders(body, settings, SLIDERS[1:])
        if settings.is_of_network:
            draw_network(body, settings)


def _draw_models(
    layout: bpy.types.UILayout, settings: CaptureSettings, preferences: Pose2RigPreferences | None
) -> None:
    """What belongs to models that the user brings, where there are any or some are asked for."""
    if settings.needs_models or (preferences is not None and preferences.model_folder):
        column = layout.column(align=True)
        column.prop(settings, "root")
        column.prop(preferences, "model_folder", placeholder=OWN_FOLDER)
        if settings.needs_models:
            column.prop(preferences, "device")
            column.prop(settings, "precision")


def _draw_agreement(
    layout: bpy.types.UILayout, preferences: Pose2RigPreferences, width: int
) -> None:
    if not preferences.research_agreed:
        box = layout.box()
        _paragraph(box, LICENCE_NOTE, width, icon="INFO")
        box.prop(preferences, "research_agreed")


def _draw_engine_hint(layout: bpy.types.UILayout, width: int) -> None:
    box = layout.box()
    _paragraph(box, "Set the engine's Python in the preferences first.", width, icon="INFO")
    box.operator("preferences.addon_show", text="Open Preferences").module = ROOT_PACKAGE


def _draw_capture(layout: bpy.types.UILayout, *, can_resume: bool) -> None:
    row = layout.row()
    row.scale_y = 1.4
    row.operator(Capture.bl_idname, icon="ARMATURE_DATA").resume = False
    if can_resume:
        row.operator(Capture.bl_idname, text="Resume", icon="PLAY").resume = True


def _draw_progress(layout: bpy.types.UILayout, status: CaptureStatus) -> None:
    layout.progress(factor=status.progress, type="BAR", text=progress_text(status))
    if status.state == "CANCELLING":
        layout.label(text="Cancelling\u2026")
        return
    speed = f"{status.fps:.1f} fps" if status.fps > 0.0 else "\u2026 fps"
    left = f"{_duration(status.eta_s)} left" if status.eta_s >= 0.0 else "time left unknown"
    layout.label(text=f"{status.done} of {status.total} frames, {speed}, {left}")
    if status.people:
        layout.label(text=f"People found: {status.people}", icon=_PERSON_ICON)
    layout.operator(CancelCapture.bl_idname, text="Cancel (Esc)", icon="X")


def progress_text(status: CaptureStatus) -> str:
    """What the progress bar says: the stage and its share."""
    stage = _STAGES.get(status.stage, status.stage.title())
    return f"{stage} {status.progress:.0%}"


def _draw_outcome(layout: bpy.types.UILayout, status: CaptureStatus, width: int) -> None:
    for warning in status.warnings.splitlines():
        _paragraph(layout.box(), warning, width, icon="ERROR")
    if status.state == "FAILED":
        box = layout.box()
        box.alert = True
        _paragraph(box, status.message, width, icon="CANCEL")
        _paragraph(box, f"Next: {status.next_step}", width)
    elif status.message:
        layout.label(text=status.message, icon="CHECKMARK" if status.state == "DONE" else "INFO")


def _draw_people(layout: bpy.types.UILayout, scene: bpy.types.Scene) -> None:
    found = scene.pose2rig_people
    if not found.people:
        return
    box = layout.box()
    header = box.split(factor=0.5)
    header.label(text=f"People: {len(found.people)}")
    buttons = header.row(align=True)
    for text, standing in (("All", True), ("None", False)):
        _pick(buttons, EVERYBODY, standing=standing, text=text)
    for person in found.people:
        _draw_person(box.row(), scene, found, person)


def _draw_person(
    row: bpy.types.UILayout, scene: bpy.types.Scene, found: FoundPeople, person: FoundPerson
) -> None:
    """Tick box, picture, name, and how much of the person was seen."""
    standing = is_standing(scene, person)
    tick = "CHECKBOX_HLT" if standing else "CHECKBOX_DEHLT"
    _pick(row, person.number, standing=not standing, text="", icon=tick, emboss=False)
    picture = thumbnail_path(bpy.path.abspath(found.folder), person.number)
    row.template_icon(icon_value=thumbnails.icon(picture), scale=_THUMBNAIL_SCALE)
    column = row.column(align=True)
    name = column.row()
    name.enabled = standing
    name.operator(
        SelectPerson.bl_idname, text=person.armature.name if standing else person.name
    ).number = person.number
    column.label(text="{coverage:.0%} of {frames:.0f} frames".format(**person.figures))


def _pick(layout: bpy.types.UILayout, number: int, *, standing: bool, **options: object) -> None:
    button = layout.operator(PickPeople.bl_idname, **options)
    button.number, button.standing = number, standing


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


def _characters(context: bpy.types.Context) -> int:
    """About how many characters fit into one line of the region."""
    scale = context.preferences.system.ui_scale
    return max(20, int(context.region.width / (_CHARACTER_PX * scale)) - 6)


def _paragraph(layout: bpy.types.UILayout, text: str, width: int, icon: str = "NONE") -> None:
    column = layout.column(align=True)
    characters = width if icon == "NONE" else width - _ICON_CHARACTERS
    for line in textwrap.wrap(text, characters, break_on_hyphens=False):
        column.label(text=line, icon=icon)
        icon = "BLANK1" if icon != "NONE" else "NONE"
