"""The root of the extension; `make extension` puts it there as __init__.py.

It imports without Blender, because the capture engine's own Python passes through it.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import addon

    addon.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import addon

    addon.unregister()
