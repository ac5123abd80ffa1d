"""The output folder: nothing half-written under a final name, nothing lost.

Results are made in a hidden folder inside the output folder and moved to their names when all
of them are whole. Chunks of the raw take go to DIR/raw at once, so that a cancelled run keeps
what it saw.
"""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..rigs.errors import NoPersonError, OutputError
from .clip import Clip, RawTake, save_clip, save_raw_take
from .settings import FORMATS

RAW = "raw"
REPORT = "report.json"
STAGING = ".pose2rig-"
CHUNK_PATTERN = "person_*.chunk_*.npz"


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

    def __enter__(self) -> Self:
        try:
            self._refuse_existing()
            self._made = [path for path in (self.path, *self.path.parents) if not path.exists()]
            self.raw.mkdir(parents=True, exist_ok=True)
            for left_over in self.path.glob(f"{STAGING}*"):
                shutil.rmtree(left_over)
            self._staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=self.path))
            (self._staging / RAW).mkdir()
            self._remove_chunks()
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
            self._remove_chunks()
        self._tidy()

    def _tidy(self) -> None:
        """Take away the staging folder and whichever folders this run made and left empty."""
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
        for folder in (self.raw, *self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _remove_chunks(self) -> None:
        for chunk in self.raw.glob(CHUNK_PATTERN):
            chunk.unlink()

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
        names = [f"person_*.{kind}" for kind in FORMATS] + [REPORT]
        found = [path for name in names for path in self.path.glob(name)]
        chunks = set(self.raw.glob(CHUNK_PATTERN))
        return found + [path for path in self.raw.glob("person_*.npz") if path not in chunks]

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
            for path in set(self._existing()) - set(final):
                path.unlink()
            for source, target in zip(staged, final, strict=True):
                os.replace(source, target)
            self._remove_chunks()
        except OSError as error:
            raise _unwritable(self.path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write to {path}",
        expected="a folder with room and write permission",
        actual=error.strerror or str(error),
        next_step="free some disk space or choose another --out folder",
    )
