"""The part of the sidebar about the selected take: its sliders, its quality card, its licence."""

from collections.abc import Callable, Sequence

import bpy

from . import process_session
from .motion_sliders import SLIDERS, MotionSliders
from .operators.export import ExportTake
from .operators.reprocess import Reprocess, WorstFrame
from .take import (
    LICENCE_NOTE_PROPERTY,
    LICENCE_PROPERTY,
    QUALITY_PROPERTY,
    RESEARCH,
    WORST_PROPERTY,
    active_armature,
    described,
)

Paragraph = Callable[..., None]

QUALITY_LINES: tuple[tuple[str, str, str], ...] = (
    ("reprojection_px", "Off the picture {}", "{:.1f} px"),
    ("foot_slide_cm_s", "Feet slide {}", "{:.1f} cm/s"),
    ("floor_penetration_cm", "Feet sink {}", "{:.1f} cm"),
    ("jitter_10m_s3", "Jitter {}", "{:.0f} m/s\u00b3"),
    ("bone_length_cv", "Bones vary {}", "{:.1%}"),
)
"""Key in the report, what the panel says of it, the figure's format."""
_SCALES = {"jitter_10m_s3": 10.0}  # told in units of 10 m/s3


def draw_take(layout: bpy.types.UILayout, context: bpy.types.Context, paragraph: Paragraph) -> None:
    """Everything about the active armature's take, and the button that exports any."""
    armature = active_armature(context)
    if armature is not None and QUALITY_PROPERTY in armature:
        box = layout.box()
        box.label(text=armature.name, icon="OUTLINER_OB_ARMATURE")
        if process_session.can_process(armature):
            _draw_motion(box, context, armature, paragraph)
        _draw_quality(box, described(armature))
        _draw_licence(box, armature, paragraph)
        if process_session.can_process(armature) and process_session.is_of_network(armature):
            _draw_network_panel(layout, armature)
        _draw_licence_note(layout, armature, paragraph)
    layout.operator(ExportTake.bl_idname, icon="EXPORT")


def _draw_motion(
    box: bpy.types.UILayout,
    context: bpy.types.Context,
    armature: bpy.types.Object,
    paragraph: Paragraph,
) -> None:
    motion = armature.pose2rig
    draw_sliders(box, motion, (*SLIDERS, "use_contacts"))
    status = context.window_manager.pose2rig
    if process_session.is_running_for(armature):
        box.label(text="Processing\u2026", icon="SORTTIME")
    elif motion.use_contacts or process_session.is_outdated(armature):
        box.operator(Reprocess.bl_idname, icon="FILE_REFRESH").armature = armature.name
    if status.process_message:
        told = box.box()
        told.alert = True
        paragraph(told, status.process_message, icon="CANCEL")
        paragraph(told, f"Next: {status.process_next_step}")


def draw_sliders(layout: bpy.types.UILayout, sliders: MotionSliders, names: Sequence[str]) -> None:
    """Some of the sliders, in a column with their names before them."""
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    for name in names:
        column.prop(sliders, name)


def draw_network(layout: bpy.types.UILayout, sliders: MotionSliders) -> None:
    """What is for research networks alone; the calibration's weights only where they matter."""
    weights = () if sliders.calibrate == "none" else ("calibration_weights",)
    draw_sliders(layout, sliders, ("refine", "calibrate", *weights))


def _draw_network_panel(layout: bpy.types.UILayout, armature: bpy.types.Object) -> None:
    header, body = layout.panel("POSE2RIG_PT_network", default_closed=True)
    header.label(text="Research Network")
    if body is not None:
        draw_network(body, armature.pose2rig)


def _draw_quality(box: bpy.types.UILayout, described: bpy.types.ID) -> None:
    quality = described[QUALITY_PROPERTY].to_dict()
    header = box.row()
    header.label(text="Quality")
    if WORST_PROPERTY in described:
        text = f"Worst Frame {described[WORST_PROPERTY]}"
        header.operator(WorstFrame.bl_idname, text=text, icon="VIEWZOOM")
    column = box.column(align=True)
    for line in quality_lines(quality):
        column.label(text=line)


def quality_lines(quality: dict[str, object]) -> list[str]:
    """The report's figures of a take in words, with those of its single frames where known."""
    lines = []
    if "coverage" in quality and "frames" in quality:
        lines.append("Seen in {coverage:.0%} of {frames:.0f} frames".format(**quality))
    before = quality.get("before", {})
    for key, words, shape in QUALITY_LINES:
        if key in quality:
            line = words.format(_figure(key, shape, quality[key]))
            was = f" (was {_figure(key, shape, before[key]).split()[0]})" if key in before else ""
            lines.append(line + was)
    return lines


def _figure(key: str, shape: str, value: float) -> str:
    return shape.format(value * _SCALES.get(key, 1.0))


def _draw_licence(
    box: bpy.types.UILayout, armature: bpy.types.Object, paragraph: Paragraph
) -> None:
    licence = armature.get(LICENCE_PROPERTY)
    if licence is not None:
        paragraph(box, f"Licence: {licence}")


def _draw_licence_note(
    layout: bpy.types.UILayout, armature: bpy.types.Object, paragraph: Paragraph
) -> None:
    if armature.get(LICENCE_PROPERTY) == RESEARCH:
        header, note = layout.panel("POSE2RIG_PT_licence_note", default_closed=True)
        header.label(text="Licence Note")
        if note is not None:
            paragraph(note, armature[LICENCE_NOTE_PROPERTY])
