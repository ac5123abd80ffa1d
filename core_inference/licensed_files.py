"""Body models that the user brings, read as the work of strangers.

Only the arrays that are needed are read, each one's type and shape before its content; nothing
in a file is executed. Whatever is wrong becomes one ModelFileError.

Legend: V vertices, J joints.
"""

import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ModelFileError

Arrays = dict[str, NDArray[Any]]
Shape = tuple[int | str, ...]

MAX_FILE_BYTES = 1024**3
MAX_HEADER_BYTES = 1 << 16

MODELS_BY_VERTICES = {10475: "SMPL-X", 6890: "SMPL", 5023: "FLAME", 778: "MANO"}

_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
)
"""What zipfile, zlib and numpy raise for files that are damaged, encrypted or something else."""

_PYTHON_2 = "Reading `.npy` or `.npz` file required additional header parsing"
"""numpy's remark on arrays that Python 2 wrote, as some releases' were."""

_PICKLE_START = b"\x80"


@dataclass(frozen=True, kw_only=True)
class ModelLayout:
    """What a model's npz must hold.

    arrays: key to the kinds of its dtype and its shape, in which a letter stands for any size
    within `sizes`; indices: key to the size that its numbers stay below; parents of all joints
    but the first, or () where they do not matter; from_pickle: what to do about a .pkl.
    """

    model: str
    source: str
    arrays: Mapping[str, tuple[str, Shape]]
    from_pickle: str
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    indices: Mapping[str, int] = field(default_factory=dict[str, int])
    parents: tuple[int, ...] = ()

    @property
    def download(self) -> str:
        """The next step for a file that is not this model."""
        return f"download the {self.model} model from {self.source}"


def read_model(path: Path, layout: ModelLayout) -> Arrays:
    """Read the arrays of a layout from an npz.

    Raises ModelFileError for a missing, damaged or oversized file, a pickle, another model, a
    missing array, one that would have to be unpickled, and numbers that make no model.
    """
    _check_file(path, layout)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_PYTHON_2, category=UserWarning)
            with np.load(path, allow_pickle=False) as npz:
                _check_headers(path, layout, npz.zip)
                # By its full name: numpy would prefer a member that lacks the ending, unchecked.
                arrays = {key: np.asarray(npz[f"{key}.npy"]) for key in layout.arrays}
    except _UNREADABLE as error:
        actual = str(error) or type(error).__name__
        raise _error(path, layout, "cannot be read", "an npz of plain arrays", actual) from error
    _check_numbers(path, layout, arrays)
    return arrays


def _error(
    path: Path, layout: ModelLayout, what: str, expected: str, actual: str
) -> ModelFileError:
    return ModelFileError(
        f"{path.name} {what}", expected=expected, actual=actual, next_step=layout.download
    )


def _check_file(path: Path, layout: ModelLayout) -> None:
    """It is a zip file of bearable size, and no pickle."""
    if not path.is_file():
        raise _error(path, layout, "is missing", f"the {layout.model} model", "no such file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _error(path, layout, "is too large", f"under {MAX_FILE_BYTES} bytes", str(size))
    try:
        with path.open("rb") as file:
            start = file.read(1)
    except OSError as error:
        actual = error.strerror or str(error)
        raise _error(path, layout, "cannot be read", "a readable file", actual) from error
    if path.suffix.lower() == ".pkl" or start == _PICKLE_START:
        raise ModelFileError(
            f"{path.name} is a pickle, which can run any program when it is read",
            expected=f"the {layout.model} model as .npz",
            actual="a .pkl file",
            next_step=layout.from_pickle,
        )
    if not zipfile.is_zipfile(path):
        raise _error(path, layout, "cannot be read", "an npz of plain arrays", "no zip file")


def _check_headers(path: Path, layout: ModelLayout, archive: zipfile.ZipFile) -> None:
    """Every array has its type and shape, as far as its header says; none is read yet."""
    names = archive.namelist()
    keys = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}
    for key, (kinds, shape) in layout.arrays.items():
        if key not in keys:
            found = ", ".join(sorted(keys)[:12]) or "no array"
            raise _error(path, layout, "lacks an array", f"the key {key}", found)
        actual, dtype = _header(archive, key)
        if key == "v_template" and actual != shape:
            raise _another_model(path, layout, shape, actual)
        if dtype.kind not in kinds:
            found = "objects to unpickle" if dtype.hasobject else str(dtype)
            raise _error(path, layout, f"has an unusable {key}", "plain numbers", found)
        if not _fits(layout, shape, actual):
            raise _error(path, layout, f"has a wrong {key}", f"shape {shape}", str(actual))


def _header(archive: zipfile.ZipFile, key: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """An array's shape and dtype; raises ValueError for a header of unknown version."""
    with archive.open(f"{key}.npy") as file:
        beginning = BytesIO(file.read(MAX_HEADER_BYTES))
    version = np.lib.format.read_magic(beginning)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(beginning)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(beginning)
    else:
        raise ValueError(f"{key} is an array of version {version}")
    return shape, dtype


def _another_model(
    path: Path, layout: ModelLayout, shape: Shape, actual: tuple[int, ...]
) -> ModelFileError:
    model = MODELS_BY_VERTICES.get(actual[0]) if actual else None
    return _error(
        path,
        layout,
        f"is not the {layout.model} model",
        f"v_template of shape {shape}",
        f"{actual}" + (f", as in {model}" if model else ""),
    )


def _fits(layout: ModelLayout, shape: Shape, actual: tuple[int, ...]) -> bool:
    if len(shape) != len(actual):
        return False
    ranges = [layout.sizes[size] if isinstance(size, str) else (size, size) for size in shape]
    return all(low <= size <= high for (low, high), size in zip(ranges, actual, strict=True))


def _check_numbers(path: Path, layout: ModelLayout, arrays: Arrays) -> None:
    """All numbers are finite, indices point to something, and joints hang as they should."""
    for key, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise _error(path, layout, f"has a wrong {key}", "finite numbers", "nan or infinity")
    for key, end in layout.indices.items():
        low, high = int(arrays[key].min()), int(arrays[key].max())
        if low < 0 or high >= end:
            expected, found = f"numbers from 0 to {end - 1}", f"{low} to {high}"
            raise _error(path, layout, f"has a wrong {key}", expected, found)
    if layout.parents:
        found = tuple(arrays["kintree_table"][0].astype(np.int64).tolist()[1:])
        if found != layout.parents:
            expected = f"the parents of {layout.model}"
            raise _error(path, layout, "has a wrong kintree_table", expected, str(found[:8]))
