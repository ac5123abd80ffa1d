"""The pictures of people in the panel: read when they are first drawn, kept until forgotten."""

from pathlib import Path

import bpy
import bpy.utils.previews
from bpy.utils.previews import ImagePreviewCollection

_FALLBACK = "USER"

_collections: list[ImagePreviewCollection] = []  # empty, or the one that holds all thumbnails


def thumbnail(path: Path) -> bpy.types.ImagePreview | None:
    """The picture in that file; None where there is no file or it is no picture.

    A file is looked at once: what changes under the same path shows after `forget`.
    """
    if not _collections:
        _collections.append(bpy.utils.previews.new())
    previews, name = _collections[0], str(path)
    preview = previews.get(name)
    if preview is None:
        preview = previews.load(name, name, "IMAGE")
    return preview if preview.image_size[0] > 0 else None


def icon(path: Path) -> int:
    """What `icon_value` of a layout takes: the picture, or a plain figure where there is none."""
    preview = thumbnail(path)
    return preview.icon_id if preview is not None else _fallback()


def forget() -> None:
    """Free all pictures; those that are drawn again are read again."""
    while _collections:
        bpy.utils.previews.remove(_collections.pop())


def _fallback() -> int:
    icons = bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items
    return icons[_FALLBACK].value
