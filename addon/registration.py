"""The one list of classes that Pose2Rig adds to Blender."""

import bpy

from . import capture_session, properties, thumbnails
from .operators.capture import CancelCapture, Capture
from .operators.export import ExportTake
from .operators.people import PickPeople, SelectPerson
from .panel import Pose2RigPanel
from .preferences import Pose2RigPreferences

CLASSES: tuple[type, ...] = (
    Pose2RigPreferences,
    properties.CaptureSettings,
    properties.CaptureStatus,
    properties.FoundPerson,
    properties.FoundPeople,
    Capture,
    CancelCapture,
    PickPeople,
    SelectPerson,
    ExportTake,
    Pose2RigPanel,
)


def register() -> None:
    """Register every class, then the properties that use them."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    properties.register()


def unregister() -> None:
    """Stop a running capture and take everything out in the opposite order."""
    capture_session.abandon()
    thumbnails.forget()
    properties.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
