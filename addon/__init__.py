"""The Blender side of Pose2Rig: panel, operators, armature, keys and export.

Importing this package needs no Blender; `register` and `unregister` do.
"""


def register() -> None:
    """Add Pose2Rig's classes and properties to Blender."""
    from . import registration

    registration.register()


def unregister() -> None:
    """Take them out again and stop a running capture."""
    from . import registration

    registration.unregister()
