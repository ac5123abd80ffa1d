"""Where captures are kept: one folder each, under the folder that Blender gives extensions."""

import re
from pathlib import Path

import bpy

from ..rigs.errors import OutputError
from .preferences import ROOT_PACKAGE


def takes_folder() -> Path:
    """The folder of all captures; outside an extension it is Blender's temporary one."""
    if ROOT_PACKAGE.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(ROOT_PACKAGE)) / "takes"
    return Path(bpy.app.tempdir) / "takes"


def new_take_folder(name: str) -> Path:
    """Make an empty folder for a capture of that name; an existing one is never used again."""
    stem = re.sub(r"[^\w-]+", "_", name)[:60] or "take"
    parent = takes_folder()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while (folder := parent / f"{stem}_{number:03d}").exists():
            number += 1
        folder.mkdir()
    except OSError as error:
        raise OutputError(
            "cannot make a folder for the capture",
            expected=f"room and write permission in {parent}",
            actual=error.strerror or str(error),
            next_step="free some disk space",
        ) from error
    return folder
