"""A checkpoint file of strangers: named tensors out, and nothing in it is executed.

torch's own formats are read with `weights_only=True` alone: the zip of torch 1.6 and later, whose
tensors are mapped and not copied, and the pickled one before it. Sizes are bounded before torch
sees the file. Whatever is wrong becomes one ModelFileError that names the file.
"""

import pickle
import pickletools
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import torch

from ...rigs.errors import ModelFileError

MAX_FILE_BYTES = 8 * 1024**3
MAX_INDEX_BYTES = 4 * 1024**2
"""The pickle that names the tensors; a large network with its optimizer has a tenth of it."""
MAX_ENTRIES = 20_000

_ZIP = b"PK\x03\x04"
_LEGACY_PICKLES = 5
_INDEX_MODULES = ("torch", "collections")
_SHOWN_CHARACTERS = 80

_FOREIGN = (
    (b"<!doctype html", "a web page: the download did not give the file itself"),
    (b"<html", "a web page: the download did not give the file itself"),
    (b"version https://git-lfs", "a Git LFS pointer: the file itself was not fetched"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"7z\xbc\xaf", "a 7-zip archive: unpack it first"),
    (b"rar!", "a RAR archive: unpack it first"),
    (b"\x89hdf", "an HDF5 file"),
)
"""Lower-case beginnings of what is often saved under a checkpoint's name."""

_BODY_MODEL_GLOBALS = ("chumpy", "scipy.sparse")
_REFUSED_GLOBAL = re.compile(r"GLOBAL ([\w.]{1,80})")
_SOURCE_PLACE = re.compile(r"^\[enforce fail at [^]]*\][ .]*")

_UNREADABLE = (
    OSError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    pickle.UnpicklingError,
    AttributeError,
    TypeError,
    LookupError,
    EOFError,
    AssertionError,
    ArithmeticError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)
"""What zipfile and torch raise for files that are damaged, hostile or something else."""


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """The tensors of a file under the names they have there, and the epoch where it is told."""

    tensors: dict[str, torch.Tensor]
    epoch: int | None


def read_weights(path: Path) -> WeightsFile:
    """Read `{'epoch', 'network', 'optimizer'}` or a plain state dict; the optimizer is dropped.

    The tensors may be views of the mapped file. Their shapes are claims of the file: compare
    them before touching the numbers. Raises ModelFileError.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise _error(path, what, "give the path of the checkpoint itself")
    try:
        loaded = _load(path)
    except _Refused as refusal:
        raise _error(path, refusal.actual, refusal.next_step) from refusal
    except _UNREADABLE as error:
        raise _error(path, _reason(error), _next_step(error)) from error
    return _weights(path, loaded)


class _Refused(Exception):  # noqa: N818
    """A file that torch need not be shown."""

    def __init__(self, actual: str, next_step: str = "download the file again") -> None:
        super().__init__(actual)
        self.actual = actual
        self.next_step = next_step


def _load(path: Path) -> object:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _Refused(f"{size} bytes, more than {MAX_FILE_BYTES}", "give another file")
    with path.open("rb") as file:
        beginning = file.read(64)
        _refuse_foreign(beginning)
        is_zip = beginning.startswith(_ZIP)
        if is_zip:
            _check_zip(file, size)
        else:
            _check_legacy(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load = cast(Callable[..., object], torch.load)
        return load(path, map_location="cpu", weights_only=True, mmap=is_zip)


def _refuse_foreign(beginning: bytes) -> None:
    if not beginning:
        raise _Refused("an empty file")
    text = beginning.lstrip().lower()
    for start, what in _FOREIGN:
        if text.startswith(start):
            raise _Refused(what)


def _check_zip(file: IO[bytes], size: int) -> None:
    """Everything stored as it is (a mapping cannot unpack), small index, whole contents."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = {entry.filename.rpartition("/")[2] for entry in entries}
        if any(name.endswith(".npy") for name in names):
            raise _Refused("an npz file, as body models are", "give the network's checkpoint")
        if "constants.pkl" in names:
            raise _Refused("a TorchScript program", "give the checkpoint that it was made from")
        if len(entries) > MAX_ENTRIES:
            raise _Refused(f"{len(entries)} entries, more than {MAX_ENTRIES}", "give another file")
        for entry in entries:
            _check_entry(entry)
        if sum(entry.file_size for entry in entries) > size:
            raise _Refused("entries that lie on top of each other", "give another file")
        if damaged := archive.testzip():
            raise _Refused(f"a damaged file: the checksum of {damaged[:40]!r} is wrong")


def _check_entry(entry: zipfile.ZipInfo) -> None:
    if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
        raise _Refused("an archive whose paths lead out of it", "get the authors' file")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise _Refused("a compressed archive, not what torch.save writes", "give another file")
    is_index = not re.search(r"/data/[0-9]+$", entry.filename)
    if is_index and entry.file_size > MAX_INDEX_BYTES:
        raise _Refused(
            f"{entry.file_size} bytes of {entry.filename[-20:]}, more than {MAX_INDEX_BYTES}",
            "give another file",
        )


def _check_legacy(file: IO[bytes]) -> None:
    """The pickles that stand before the numbers must end within `MAX_INDEX_BYTES`."""
    file.seek(0)
    beginning = BytesIO(file.read(MAX_INDEX_BYTES))
    if beginning.getvalue()[257:262] == b"ustar":
        raise _Refused("a tar archive", "unpack it first and give the checkpoint in it")
    for _ in range(_LEGACY_PICKLES):
        for operation, argument, _ in pickletools.genops(beginning):
            foreign = not str(argument).startswith(_INDEX_MODULES)
            if operation.name == "STACK_GLOBAL" or (operation.name == "GLOBAL" and foreign):
                return  # torch, which reads in the same order, refuses it by name


def _weights(path: Path, loaded: object) -> WeightsFile:
    if not isinstance(loaded, dict):
        raise _error(path, f"one {type(loaded).__name__}", "give a checkpoint")
    wrapping = cast("dict[object, object]", loaded)
    epoch = wrapping.get("epoch")
    state = wrapping.get("network", wrapping)
    if not isinstance(state, dict):
        raise _error(path, f"a {type(state).__name__} as its network", "give a checkpoint")
    tensors = cast("dict[Any, Any]", state)
    if not 0 < len(tensors) <= MAX_ENTRIES:
        raise _error(path, f"{len(tensors)} tensors", "give a checkpoint")
    for name, value in tensors.items():
        if not isinstance(name, str) or not _is_plain(value):
            shown = f"{str(name)[:_SHOWN_CHARACTERS]!r} is a {type(value).__name__}"
            raise _error(path, shown + ", no plain tensor", "give a checkpoint with 'network'")
    return WeightsFile(
        tensors={name: value.detach() for name, value in tensors.items()},
        epoch=epoch if type(epoch) is int else None,
    )


def _is_plain(value: object) -> bool:
    return (
        type(value) in (torch.Tensor, torch.nn.Parameter)
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
    )


def _reason(error: BaseException) -> str:
    text = str(error)
    if refused := _REFUSED_GLOBAL.search(text):
        return f"a file that asks for code: {refused[1]}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, pickle.UnpicklingError):
        return "a file that asks for more than plain tensors"
    lines = _SOURCE_PLACE.sub("", text).strip().splitlines() or [type(error).__name__]
    return f"no checkpoint, or a damaged one: {lines[0][:_SHOWN_CHARACTERS]}"


def _next_step(error: BaseException) -> str:
    refused = _REFUSED_GLOBAL.search(str(error))
    if refused and refused[1].startswith(_BODY_MODEL_GLOBALS):
        return "this looks like a body model: give the network's checkpoint"
    if refused or isinstance(error, pickle.UnpicklingError):
        return "opening it could run any program, so it is refused; get the authors' file"
    if isinstance(error, OSError):
        return "check its permissions and its disk"
    return "download the file again"


def _error(path: Path, actual: str, next_step: str) -> ModelFileError:
    return ModelFileError(
        f"cannot read {path.name}",
        expected="a checkpoint of plain tensors, as torch.save writes it",
        actual=actual,
        next_step=next_step,
    )
