"""npz files of plain arrays: written whole or not at all, read as the work of strangers.

Nothing in a file is executed, sizes are bounded, and whatever is wrong becomes one clear error.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError, OutputError

SCHEMA_VERSION = 1
MAX_FILE_BYTES = 4 * 1024**3
MAX_FRAMES = 1_000_000
MAX_GAP_FRAMES = 20_000
FRAME_RATES = (0.01, 10_000.0)
MAX_SIDE_PX = 1_000_000

Float32 = NDArray[np.float32]

_UNREADABLE = (
    OSError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    AttributeError,
    TypeError,
    KeyError,
    NotImplementedError,
    RuntimeError,
)
"""What zipfile, zlib and numpy raise for files that are damaged, encrypted or something else."""


def save_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write an npz beside `path` and rename it into place, so that it is whole or absent.

    Raises OutputError when the folder is full or cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with beside.open("wb") as file:
                np.savez(file, **arrays)
            beside.replace(path)
        except BaseException:
            if beside.is_file():
                beside.unlink()
            raise
    except OSError as error:
        raise OutputError(
            f"cannot write {path.name}",
            expected="a folder with room and write permission",
            actual=error.strerror or str(error),
            next_step="free some disk space or choose another --out folder",
        ) from error


def load_arrays(path: Path, only: Container[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read an npz of plain arrays, or only some of them; anything else raises ClipFileError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"{path.stat().st_size} bytes")
        _check_unpacked_size(path)
        with np.load(path, allow_pickle=False) as archive:
            names = [name for name in archive.files if only is None or name in only]
            return {name: np.asarray(archive[name]) for name in names}
    except _UNREADABLE as error:
        raise ClipFileError(
            f"cannot read {path.name}",
            expected="an npz file of plain arrays",
            actual=str(error) or type(error).__name__,
            next_step="choose a clip that Pose2Rig or an AMASS tool wrote",
        ) from error


def _check_unpacked_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > MAX_FILE_BYTES:
        raise ValueError(f"{size} bytes when unpacked")


class ArrayFile:
    """The arrays of one file of this project by name; every error names the file.

    Raises ClipFileError for a file of another schema, a missing key or an unusable value.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._arrays = load_arrays(path)
        if self.array("schema_version", 0).tolist() != SCHEMA_VERSION:
            raise self._error("schema_version", str(SCHEMA_VERSION), "another version")

    def _error(self, name: str, expected: str, actual: str) -> ClipFileError:
        return ClipFileError(
            f"{self._path.name}: {name} is not usable",
            expected=expected,
            actual=actual,
            next_step="capture the footage again with this version",
        )

    def array(self, name: str, dimensions: int | None = None) -> NDArray[Any]:
        """The array as it stands in the file, at most `MAX_FRAMES` rows."""
        if name not in self._arrays:
            raise self._error(name, "the key", "no such key")
        array = self._arrays[name]
        if array.ndim and len(array) > MAX_FRAMES:
            raise self._error(name, f"at most {MAX_FRAMES} rows", str(len(array)))
        if dimensions is not None and array.ndim != dimensions:
            raise self._error(name, f"{dimensions} dimensions", str(array.ndim))
        return array

    def doubles(self, name: str, dimensions: int | None = None) -> NDArray[np.float64]:
        """Numbers that float32 can hold, as float64."""
        array = self.array(name, dimensions)
        if array.dtype.kind not in "fiu":
            raise self._error(name, "numbers", str(array.dtype))
        numbers = array.astype(np.float64)
        if not (np.abs(numbers) <= np.finfo(np.float32).max).all():
            raise self._error(name, "finite numbers", "infinite or no numbers")
        return numbers

    def floats(self, name: str, dimensions: int | None = None) -> Float32:
        """Numbers, as float32."""
        return self.doubles(name, dimensions).astype(np.float32)

    def integers(self, name: str) -> NDArray[np.int64]:
        """Whole numbers or truth values, as int64."""
        array = self.array(name)
        if array.dtype.kind not in "iub":
            raise self._error(name, "whole numbers", str(array.dtype))
        return array.astype(np.int64)

    def frame_rate(self, name: str) -> float:
        """Frames per second, within `FRAME_RATES`."""
        value = float(self.doubles(name, 0))
        low, high = FRAME_RATES
        if not low <= value <= high:
            raise self._error(name, f"{low} to {high:.0f} frames per second", str(value))
        return value

    def focal_px(self, name: str) -> float:
        """The first of two focal lengths in px, above 0."""
        values = self.doubles(name, 1)
        if values.shape != (2,) or not (values > 0.0).all():
            raise self._error(name, "two lengths above 0 px", str(values[:4].tolist()))
        return float(values[0])

    def size(self, name: str) -> tuple[int, int]:
        """Width and height in px."""
        values = self.doubles(name, 1).tolist()
        whole = all(0 < value <= MAX_SIDE_PX and value == int(value) for value in values)
        if len(values) != 2 or not whole:
            raise self._error(name, "width and height in px", str(values[:4]))
        return int(values[0]), int(values[1])

    def text(self, name: str) -> str:
        """One text."""
        array = self.array(name, 0)
        if array.dtype.kind != "U":
            raise self._error(name, "a text", str(array.dtype))
        return str(array)

    def json(self, name: str) -> dict[str, Any]:
        """A text that holds a JSON object."""
        try:
            value = json.loads(self.text(name))
        except (ValueError, RecursionError) as error:
            raise self._error(name, "JSON text", str(error)) from error
        if not isinstance(value, dict):
            raise self._error(name, "a JSON object", type(value).__name__)
        return value
