"""Foot contacts that somebody has edited: a clip, or an npz of two of its arrays.

`contacts` (N,4) 0..1, left heel, left toe, right heel, right toe; `frame_index` (N,) rising source
frames. numpy only.

Legend: T source frames of a take, N rows of the file.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from .array_file import MAX_FRAMES, Float32, load_arrays
from .clip import RawTake

_KEYS = ("contacts", "frame_index")
_ONLY_RAW = "landmark_scores"


def load_contacts(path: Path, take: RawTake) -> Float32:
    """The file's contacts (T,4) at every source frame from the take's first to its last.

    Between the file's frames they go in straight lines, beyond them they stay as at the nearest.
    Raises ClipFileError for a file without usable contacts, of other footage, or of none of the
    take's frames, and for a raw take, whose contacts nobody has found yet.
    """
    arrays = load_arrays(path, only=(*_KEYS, _ONLY_RAW, "provenance"))
    _check_source(path, arrays, take)
    contacts_N4, frames_N = (arrays.get(key, np.zeros(0)) for key in _KEYS)
    _check(path, contacts_N4, frames_N)
    frames_T = np.arange(take.frame_index[0], take.frame_index[-1] + 1)
    if frames_N[0] > frames_T[-1] or frames_N[-1] < frames_T[0]:
        raise ClipFileError(
            f"{path.name} has the contacts of another take",
            expected=f"some of the frames {frames_T[0]} to {frames_T[-1]}",
            actual=f"{frames_N[0]} to {frames_N[-1]}",
            next_step="choose a clip of this take",
        )
    columns = [np.interp(frames_T, frames_N, column) for column in contacts_N4.T]
    return np.stack(columns, axis=1).astype(np.float32)


def _check_source(path: Path, arrays: dict[str, NDArray[Any]], take: RawTake) -> None:
    told = str(arrays["provenance"]) if "provenance" in arrays else ""
    own, other = (text.get("footage_sha256") for text in (take.provenance, _described(told)))
    is_raw = _ONLY_RAW in arrays
    if is_raw or (own and other and own != other):
        raise ClipFileError(
            f"{path.name} has no foot contacts for this take",
            expected="a clip of the same footage",
            actual="a raw take" if is_raw else "a clip of other footage",
            next_step="choose a clip of this take",
        )


def _described(provenance: str) -> dict[str, Any]:
    """What a clip says of its source; nothing where it says it in no way we know."""
    try:
        told = json.loads(provenance)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _check(path: Path, contacts_N4: NDArray[Any], frames_N: NDArray[Any]) -> None:
    count = len(frames_N) if frames_N.ndim == 1 else 0
    is_usable = (
        0 < count <= MAX_FRAMES
        and frames_N.dtype.kind in "iu"
        and contacts_N4.dtype.kind in "fiu"
        and contacts_N4.shape == (count, 4)
        and bool(np.all(np.diff(frames_N.astype(np.int64)) > 0))
        and bool(np.all((contacts_N4 >= 0) & (contacts_N4 <= 1)))
    )
    if not is_usable:
        raise ClipFileError(
            f"{path.name} has no usable foot contacts",
            expected="contacts (N,4) of 0 to 1, and frame_index (N,) that rises",
            actual=f"contacts {contacts_N4.shape}, frame_index {frames_N.shape}",
            next_step="choose a clip that Pose2Rig wrote",
        )
