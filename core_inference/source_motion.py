"""What a motion file tells a character to do: our clips, AMASS / SMPL-X npz and BVH files.

Legend: T frames, J joints (55).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.skeleton import JOINT
from ..rigs.source import leg_length
from .body_model import load_open_body
from .clip import load_clip
from .motion_file import SourceMotion
from .references import HIPS, Reference, average_shape, load_reference

Float64 = NDArray[np.float64]

MOTION_ENDINGS = (".npz", ".bvh")
_STILL_RATE = 30.0


def read_source_motion(path: Path) -> SourceMotion:
    """Read a motion by its ending; motions of other bodies move the open body's mean shape.

    Foot contacts come with our clips alone. Raises ClipFileError for other endings and for files
    that are not what their ending says.
    """
    if path.suffix.lower() not in MOTION_ENDINGS:
        raise ClipFileError(
            f"cannot retarget {path.name}",
            expected="a clip, an AMASS / SMPL-X npz or a BVH file",
            actual=path.suffix or "no ending",
            next_step="give a file that ends in .npz or .bvh",
        )
    lent = average_shape(load_open_body())
    reference = load_reference(path, lent)
    rest_joints_J3 = (reference.shape or lent).rest_joints
    rotations_TJ33 = reference.rotations
    if rotations_TJ33 is None:
        raise RuntimeError(f"{path.suffix} motions have rotations")
    return SourceMotion(
        rotations=rotations_TJ33,
        pelvis=_pelvis_path(reference, rotations_TJ33[:, 0], rest_joints_J3),
        rest_joints=rest_joints_J3,
        time_s=reference.time_s.astype(np.float64),
        frame_rate=load_clip(path).frame_rate if reference.own_shape else _rate(reference),
        contacts=None if reference.contacts is None else reference.contacts.astype(np.float64),
    )


def _rate(reference: Reference) -> float:
    span_s = float(reference.time_s[-1] - reference.time_s[0])
    return (len(reference.time_s) - 1) / span_s if span_s > 0.0 else _STILL_RATE


def _pelvis_path(reference: Reference, root_T33: Float64, rest_joints_J3: Float64) -> Float64:
    """Where the pelvis is (T,3) m; a BVH's way is scaled from its own legs to the lent body's."""
    places = {name: reference.joints[:, row] for row, name in enumerate(reference.names)}
    if reference.root_names != HIPS:
        return places[reference.root_names[0]]
    first = {name: path_T3[0] for name, path_T3 in places.items()}
    rest = {name: rest_joints_J3[row] for name, row in JOINT.items()}
    scale = leg_length(rest) / leg_length(first)
    below_3 = 0.5 * (rest[HIPS[0]] + rest[HIPS[1]]) - rest["pelvis"]
    centre_T3 = 0.5 * (places[HIPS[0]] + places[HIPS[1]])
    return scale * centre_T3 - root_T33 @ below_3
