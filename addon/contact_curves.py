"""Foot contacts as curves that the user edits: out of the action, into a file for the engine.

Legend: T rows of the clip.
"""

from pathlib import Path

import bpy
import numpy as np

from ..core_inference.array_file import save_arrays
from ..core_inference.clip import Clip
from ..rigs.errors import ClipFileError
from .keyframes import contact_path, fcurves
from .sampling import CONTACTS, FrameTiming, scene_frames


def save_contacts(path: Path, armature: bpy.types.Object, clip: Clip, timing: FrameTiming) -> None:
    """Write what the contact curves of the armature's action say at the clip's rows.

    The file holds contacts (T,4) 0..1 and frame_index (T,). Raises ClipFileError where a curve is
    missing.
    """
    curves = {curve.data_path: curve for curve in fcurves(armature)}
    missing = [name for name in CONTACTS if contact_path(name) not in curves]
    if missing:
        raise ClipFileError(
            "the action has no contact curves to use",
            expected=", ".join(CONTACTS),
            actual=f"no {', '.join(missing)}",
            next_step="choose an action of this take, or untick Edited Contacts",
        )
    positions_T, _ = scene_frames(clip, timing)
    columns = [
        [curves[contact_path(name)].evaluate(position) for position in positions_T.tolist()]
        for name in CONTACTS
    ]
    contacts_T4 = np.clip(np.array(columns, dtype=np.float32).T, 0.0, 1.0)
    save_arrays(path, {"contacts": contacts_T4, "frame_index": clip.frame_index})
