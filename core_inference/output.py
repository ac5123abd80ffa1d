"""The output folder: nothing half-written under a final name, nothing lost.

Results are made in a hidden folder inside the output folder and moved to their names when all
of them are whole. Chunks of the raw takes and the journal of the run go to DIR/raw at once, so
that a run that ends early can be resumed, until a later run is complete. One run at a time holds
a folder.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from ..rigs.errors import NoPersonError, OutputError
from .clip import Clip, RawTake, save_clip, save_raw_take
from .journal import JOURNAL_NAME
from .recording import CHUNK_NAME
from .settings import FORMATS

RAW = "raw"
REPORT = "report.json"
STAGING = ".pose2rig-"
LOCK = ".pose2rig.lock"
CHUNK_PATTERN = "person_*.chunk_*.npz"
JOURNAL_PATTERN = "run.*.journal.json"
MAX_REPORT_BYTES = 16 * 1024**2

_RESULT = re.compile(rf"person_\d+\.({'|'.join(FORMATS)})|{re.escape(REPORT)}")
_RAW_TAKE = re.compile(r"person_\d+\.(npz|jpg)")
_CHUNK = re.compile(CHUNK_NAME)
_JOURNAL = re.compile(JOURNAL_NAME)
_HALF = re.compile(rf"\.({CHUNK_NAME}|{JOURNAL_NAME})(\.\d+)?\.tmp")
"""What a run killed while writing a chunk or a journal leaves."""


class OutputFolder:
    """One run's hold on an output folder, used as a context manager.

    Raises OutputError when the folder cannot be written, is a file, or holds a result and
    `overwrite` is off. With `resume` a result is in order if it is complete, or if a journal
    says that it was being replaced. `run` marks this run's chunks by name; a run that goes on
    for another one takes over its mark.
    """

    def __init__(self, path: Path, *, overwrite: bool, resume: bool = False) -> None:
        self.path = path
        self.run = ""
        self._overwrite = overwrite
        self._resume = resume
        self._staging: Path | None = None
        self._made: list[Path] = []
        self._lock = FileLock(path / LOCK)

    def __enter__(self) -> Self:
        try:
            self._made = [path for path in (self.path, *self.path.parents) if not path.exists()]
            self.raw.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._refuse_existing()
            for left_over in self.path.glob(f"{STAGING}*"):
                shutil.rmtree(left_over)
            self._remove(_files_named(self.raw, _HALF))
            self._staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=self.path))
            self.run = self._staging.name.removeprefix(STAGING)
            (self._staging / RAW).mkdir()
        except Timeout as error:
            raise OutputError(
                f"{self.path} is in use",
                expected="a folder that no other capture is writing to",
                actual="a capture that is still running",
                next_step="wait for it to end or choose another --out folder",
            ) from error
        except OutputError:
            self._tidy()
            raise
        except OSError as error:
            self._tidy()
            raise _unwritable(self.path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, NoPersonError):
            kept = [*self.journals(), *self._chunks()]
            self._remove(path for path in kept if f".{self.run}." in path.name)
        self._tidy()

    def _tidy(self) -> None:
        """Take away the staging folder and whichever folders this run made and left empty."""
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                (self.path / LOCK).unlink()
            self._lock.release()
        for folder in (self.raw, *self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            path.unlink()

    @property
    def raw(self) -> Path:
        """Where raw takes and their chunks stand."""
        return self.path / RAW

    @property
    def staging(self) -> Path:
        """Where results are made before they are moved to their names."""
        if self._staging is None:
            raise RuntimeError("the output folder is used outside its with block")
        return self._staging

    def thumbnail(self, number: int) -> Path:
        """Where a person's small picture will stand."""
        return self.raw / f"person_{number}.jpg"

    def journals(self) -> list[Path]:
        """The journals of runs that ended early."""
        return _files_named(self.raw, _JOURNAL)

    def finished(self) -> dict[str, Any] | None:
        """The report of a complete result that no journal says is being replaced, or None.

        Chunks that a kill at the very end has left beside it go.
        """
        path = self.path / REPORT
        if self.journals() or not path.is_file():
            return None
        try:
            if path.stat().st_size > MAX_REPORT_BYTES:
                raise ValueError("too long")
            result = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise OutputError(
                f"{path} cannot be read",
                expected="the report of an earlier capture",
                actual=" ".join(str(error).split())[:200],
                next_step="capture again with --overwrite instead of --resume",
            ) from error
        self._remove(self._chunks())
        return result

    def _existing(self) -> list[Path]:
        """The files an earlier run left under final names; nobody else's files."""
        return [*_files_named(self.path, _RESULT), *_files_named(self.raw, _RAW_TAKE)]

    def _chunks(self) -> list[Path]:
        """The chunks of this run, and those that stopped runs have kept."""
        return _files_named(self.raw, _CHUNK)

    def _refuse_existing(self) -> None:
        existing = self._existing()
        if self._resume and (self.journals() or (self.path / REPORT).is_file()):
            return
        if existing and not self._overwrite:
            raise OutputError(
                f"{self.path} already holds a result",
                expected="a new or empty folder",
                actual=", ".join(sorted(path.name for path in existing)[:4]),
                next_step="choose another --out folder, or add --overwrite to replace it",
            )

    def save_person(
        self, number: int, raw: RawTake, clip: Clip, portrait: bytes | None = None
    ) -> None:
        """Stage one person's raw take, clip and JPEG."""
        save_raw_take(self.staging / RAW / f"person_{number}.npz", raw)
        save_clip(self.staging / f"person_{number}.npz", clip)
        if portrait is None:
            return
        try:
            (self.staging / RAW / self.thumbnail(number).name).write_bytes(portrait)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def commit(self, report: dict[str, Any]) -> None:
        """Move everything staged to its final name, report.json last; other results go.

        Until the journals are gone, which is before any chunk is, a kill can still be resumed.
        """
        try:
            text = json.dumps(report, indent=2, allow_nan=False)
            (self.staging / REPORT).write_text(text + "\n", encoding="utf-8")
            staged = sorted(path for path in self.staging.rglob("*") if path.is_file())
            final = [self.path / path.relative_to(self.staging) for path in staged]
            stale = set(self._existing()) - set(final)
            for source, target in zip(staged, final, strict=True):
                os.replace(source, target)
            self._remove([*stale, *self.journals(), *self._chunks()])
        except OSError as error:
            raise _unwritable(self.path, error) from error


def _files_named(folder: Path, pattern: re.Pattern[str]) -> list[Path]:
    return [path for path in folder.iterdir() if pattern.fullmatch(path.name) and path.is_file()]


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write to {path}",
        expected="a folder with room and write permission",
        actual=error.strerror or str(error),
        next_step="free some disk space or choose another --out folder",
    )
