"""The output folder: nothing half-written under a final name, nothing lost.

Results are made in a hidden folder inside the output folder and moved to their names when all
of them are whole. Chunks of the raw take go to DIR/raw at once, so that a cancelled run keeps
what it saw.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..rigs.errors import OutputError, UsageError
from .clip import Clip, RawTake, save_clip, save_raw_take
from .settings import FORMATS

RAW = "raw"
REPORT = "report.json"
CHUNK_PATTERN = "person_*.chunk_*.npz"


class OutputFolder:
    """One run's hold on an output folder, used as a context manager.

    Raises OutputError when the folder cannot be written or holds a result and `overwrite` is
    off; UsageError when the path is a file.
    """

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        self.path = path
        self._overwrite = overwrite
        self._staging: Path | None = None

    def __enter__(self) -> Self:
        try:
            if self.path.exists() and not self.path.is_dir():
                raise UsageError(
                    f"--out {self.path} is a file",
                    expected="a folder, new or existing",
                    actual="a file",
                    next_step="choose another --out folder",
                )
            self._refuse_existing()
            self.raw.mkdir(parents=True, exist_ok=True)
            self._staging = Path(tempfile.mkdtemp(prefix=".pose2rig-", dir=self.path))
            (self._staging / RAW).mkdir()
            for chunk in self.raw.glob(CHUNK_PATTERN):
                chunk.unlink()
        except OSError as error:
            raise _unwritable(self.path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._staging is not None:
            shutil.rmtree(self._staging, ignore_errors=True)
        if self.raw.is_dir() and not any(self.raw.iterdir()):
            self.raw.rmdir()

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
        """Move everything staged to its final name, report.json last; earlier results go."""
        try:
            text = json.dumps(report, indent=2, allow_nan=False)
            (self.staging / REPORT).write_text(text + "\n", encoding="utf-8")
            for path in self._existing():
                path.unlink()
            for path in sorted(self.staging.rglob("*")):
                if path.is_file():
                    os.replace(path, self.path / path.relative_to(self.staging))
            for chunk in self.raw.glob(CHUNK_PATTERN):
                chunk.unlink()
        except OSError as error:
            raise _unwritable(self.path, error) from error


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write to {path}",
        expected="a folder with room and write permission",
        actual=error.strerror or str(error),
        next_step="free some disk space or choose another --out folder",
    )
