"""The output folder: nothing half-written under a final name, nothing lost.

Results are made in a hidden folder inside the output folder and moved to their names when all
of them are whole. Chunks of the raw take go to DIR/raw at once, so that a cancelled run keeps
what it saw, until a later run is complete. One run at a time holds a folder.
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
from .settings import FORMATS

RAW = "raw"
REPORT = "report.json"
STAGING = ".pose2rig-"
LOCK = ".pose2rig.lock"
CHUNK_PATTERN = "person_*.chunk_*.npz"

_RESULT = re.compile(rf"person_\d+\.({'|'.join(FORMATS)})|{re.escape(REPORT)}")
_RAW_TAKE = re.compile(r"person_\d+\.npz")
_CHUNK = re.compile(r"person_\d+\.\w+\.chunk_\d+\.npz")


class OutputFolder:
    """One run's hold on an output folder, used as a context manager.

    Raises OutputError when the folder cannot be written, is a file, or holds a result and
    `overwrite` is off.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path
        self._overwrite = overwrite
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
            self._staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=self.path))
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
            self._remove(path for path in self._chunks() if f".{self.run}." in path.name)
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
    def run(self) -> str:
        """This run's mark in the names of its chunks."""
        return self.staging.name.removeprefix(STAGING)

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

    def _existing(self) -> list[Path]:
        """The files an earlier run left under final names; nobody else's files."""
        return [*_files_named(self.path, _RESULT), *_files_named(self.raw, _RAW_TAKE)]

    def _chunks(self) -> list[Path]:
        """The chunks of this run, and those that stopped runs have kept."""
        return _files_named(self.raw, _CHUNK)

    def _refuse_existing(self) -> None:
        existing = self._existing()
        if existing and not self._overwrite:
            raise OutputError(
                f"{self.path} already holds a result",
                expected="a new or empty folder",
                actual=", ".join(sorted(path.name for path in existing)[:4]),
                next_step="choose another --out folder, or add --overwrite to replace it",
            )

    def save_person(self, number: int, raw: RawTake, clip: Clip) -> None:
        """Stage one person's raw take and clip."""
        save_raw_take(self.staging / RAW / f"person_{number}.npz", raw)
        save_clip(self.staging / f"person_{number}.npz", clip)

    def commit(self, report: dict[str, Any]) -> None:
        """Move everything staged to its final name, report.json last; other results go."""
        try:
            text = json.dumps(report, indent=2, allow_nan=False)
            (self.staging / REPORT).write_text(text + "\n", encoding="utf-8")
            staged = sorted(path for path in self.staging.rglob("*") if path.is_file())
            final = [self.path / path.relative_to(self.staging) for path in staged]
            stale = set(self._existing()) - set(final)
            for source, target in zip(staged, final, strict=True):
                os.replace(source, target)
            self._remove([*stale, *self._chunks()])
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
