"""The one list of classes that Pose2Rig adds to Blender."""

import bpy

from . import capture_session, motion_settings, process_session, properties, thumbnails
from .operators.capture import CancelCapture, Capture
from .operators.export import ExportTake
from .operators.people import PickPeople, SelectPerson
from .operators.reprocess import Reprocess, WorstFrame
from .panel import Pose2RigPanel
from .preferences import Pose2RigPreferences

CLASSES: tuple[type, ...] = (
    Pose2RigPreferences,
    properties.CaptureSettings,
    properties.CaptureStatus,
    properties.FoundPerson,
    properties.FoundPeople,
    motion_settings.TakeMotion,
    Capture,
    CancelCapture,
    PickPeople,
    SelectPerson,
    Reprocess,
    WorstFrame,
    ExportTake,
    Pose2RigPanel,
)


def register() -> None:
    """Register every class, then the properties that use them."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    properties.register()
    motion_settings.register()


def unregister() -> None:
    """Stop what runs and take everything out in the opposite order."""
    capture_session.abandon()
    process_session.forget_requests()
    process_session.abandon()
    thumbnails.forget()
    motion_settings.unregister()
    properties.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
