"""What to train on what: a small TOML file, checked key by key.

docs/training.md has an example with every key.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast

from ...rigs.errors import Pose2RigError, UsageError
from .augmentation import AugmentationRanges
from .clips import Studio
from .coco import CocoFiles
from .recipes import RECIPES

Table = dict[str, Any]

MAX_CONFIG_BYTES = 1 << 20

Precision = Literal["fp32", "bf16", "fp16"]
_CHOICES: dict[str, tuple[str, ...]] = {
    "body": ("open", "smplx"),
    "device": ("auto", "cpu", "cuda"),
    "precision": ("fp32", "bf16", "fp16"),
}


@dataclass(frozen=True, kw_only=True)
class ClipData:
    """People rendered from clips: the files, how many people, and the seed they are drawn by."""

    clips: tuple[Path, ...]
    count: int
    seed: int = 0
    studio: Studio


Data = ClipData | CocoFiles


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """One training. None means the paper's value for this network (`recipes.py`).

    batch is that of all processes together; patch (w, h) px; choices: the network's own settings;
    freeze: names that the frozen modules' names begin with; save_steps: snapshots within an epoch,
    0 for none.
    """

    network: str
    out: Path
    data: tuple[Data, ...]
    held_out: tuple[Data, ...] = ()
    body: str = "open"
    models: Path | None = None
    init: Path | None = None
    backbone: Path | None = None
    resume: bool = False
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    drop_epoch: int | None = None
    patch: tuple[int, int] | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "fp32"
    workers: int = 0
    save_steps: int = 0
    mesh_cell_m: float = 0.03
    freeze: tuple[str, ...] = ()
    choices: Mapping[str, Any]
    augmentation: AugmentationRanges | None = None


def load_config(path: Path) -> TrainingSettings:
    """Read a configuration; its relative paths start at its own folder.

    Raises UsageError, and Pose2RigError for a file that cannot be read.
    """
    table = _read(path)
    return _Reader(path).settings(table)


def _read(path: Path) -> Table:
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise _error(path, "the file", "at most 1 MB", f"{path.stat().st_size} bytes")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Pose2RigError(
            f"cannot read {path.name}",
            expected="a TOML file",
            actual=error.strerror or str(error),
            next_step="see docs/training.md",
        ) from error
    except (ValueError, RecursionError) as error:
        raise _error(path, "the file", "a TOML file", str(error)[:120]) from error


class _Reader:
    """Keys to settings; every error names the file and the key."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: dict[str, Callable[[str, Any], Any]] = {
            "network": self._network,
            "out": self._file,
            "models": self._file,
            "init": self._file,
            "backbone": self._file,
            "data": self._data,
            "held_out": self._data,
            "resume": self._flag,
            "learning_rate": self._positive,
            "mesh_cell_m": self._positive,
            "patch": self._size,
            "freeze": self._texts,
            "choices": self._table,
            "augmentation": self._augmentation,
            **dict.fromkeys(_CHOICES, self._choice),
            **dict.fromkeys(("epochs", "batch"), self._count),
            **dict.fromkeys(("drop_epoch", "seed", "workers", "save_steps"), self._whole),
        }

    def settings(self, table: Table) -> TrainingSettings:
        """The whole file."""
        self._check_keys("the file", table, set(self._readers), {"network", "out", "data"})
        values: Table = {name: self._readers[name](name, value) for name, value in table.items()}
        values.setdefault("choices", {})
        return TrainingSettings(**values)

    def _check_keys(self, where: str, table: Table, known: set[str], needed: set[str]) -> None:
        for name in sorted(set(table) - known):
            raise self._error(where, f"keys {', '.join(sorted(known))}", name)
        for name in sorted(needed - set(table)):
            raise self._error(where, f"the key {name}", "no such key")

    def _network(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in RECIPES:
            raise self._error(name, f"one of {', '.join(RECIPES)}", str(value))
        return value

    def _choice(self, name: str, value: Any) -> str:
        if value not in _CHOICES[name]:
            raise self._error(name, f"one of {', '.join(_CHOICES[name])}", str(value))
        return str(value)

    def _file(self, name: str, value: Any) -> Path:
        if not isinstance(value, str) or not value:
            raise self._error(name, "a path", repr(value))
        return self._path.parent / Path(value).expanduser()

    def _flag(self, name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self._error(name, "true or false", repr(value))
        return value

    def _whole(self, name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 31:
            raise self._error(name, "a whole number from 0 on", repr(value))
        return value

    def _count(self, name: str, value: Any) -> int:
        if self._whole(name, value) == 0:
            raise self._error(name, "a whole number above 0", "0")
        return int(value)

    def _number(self, name: str, value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
            raise self._error(name, "a number from 0 on", repr(value))
        return float(value)

    def _positive(self, name: str, value: Any) -> float:
        if self._number(name, value) == 0.0:
            raise self._error(name, "a number above 0", "0")
        return float(value)

    def _size(self, name: str, value: Any) -> tuple[int, int]:
        if not isinstance(value, list) or len(cast(list[Any], value)) != 2:
            raise self._error(name, "width and height in px", repr(value))
        width, height = (self._count(name, side) for side in cast(list[Any], value))
        if width % 32 or height % 32:
            raise self._error(name, "multiples of 32 px", f"{width} x {height}")
        return width, height

    def _texts(self, name: str, value: Any) -> tuple[str, ...]:
        rows = cast(list[Any], value) if isinstance(value, list) else []
        if not rows or not all(isinstance(row, str) and row for row in rows):
            raise self._error(name, "a list of names", repr(value))
        return tuple(rows)

    def _table(self, name: str, value: Any) -> Table:
        if not isinstance(value, dict):
            raise self._error(name, "a table", repr(value))
        return cast(Table, value)

    def _augmentation(self, name: str, value: Any) -> AugmentationRanges:
        table = self._table(name, value)
        self._check_keys(name, table, {f.name for f in fields(AugmentationRanges)}, set())
        ranges = AugmentationRanges(**{key: self._number(key, v) for key, v in table.items()})
        if ranges.scale >= 1.0:
            raise self._error("scale", "a share below 1", str(ranges.scale))
        return ranges

    def _data(self, name: str, value: Any) -> tuple[Data, ...]:
        rows = cast(list[Any], value) if isinstance(value, list) else []
        if not rows:
            raise self._error(name, f"at least one [[{name}]] table", repr(value))
        return tuple(self._source(name, self._table(name, row)) for row in rows)

    def _source(self, name: str, table: Table) -> Data:
        if "clips" in table:
            return self._clips(name, table)
        self._check_keys(name, table, {"images", "annotations", "fits"}, {"images", "annotations"})
        return CocoFiles(**{key: self._file(key, path) for key, path in table.items()})

    def _clips(self, name: str, table: Table) -> ClipData:
        pairs, single = {"distance_m"}, {"yaw_deg", "pitch_deg", "shape", "pose_deg", "clutter"}
        known = {"clips", "count", "seed", "size_px", *pairs, *single}
        self._check_keys(name, table, known, {"clips", "count"})
        studio: Table = {key: self._number(key, table[key]) for key in single & set(table)}
        if "size_px" in table:
            studio["size_px"] = self._count("size_px", table["size_px"])
        if "distance_m" in table:
            near, far = (self._positive("distance_m", v) for v in self._pair(table["distance_m"]))
            studio["distance_m"] = (near, max(near, far))
        return ClipData(
            clips=tuple(self._file("clips", path) for path in self._texts("clips", table["clips"])),
            count=self._count("count", table["count"]),
            seed=self._whole("seed", table.get("seed", 0)),
            studio=Studio(**studio),
        )

    def _pair(self, value: Any) -> list[Any]:
        if not isinstance(value, list) or len(cast(list[Any], value)) != 2:
            raise self._error("distance_m", "two distances", repr(value))
        return cast(list[Any], value)

    def _error(self, what: str, expected: str, actual: str) -> UsageError:
        return _error(self._path, what, expected, actual)


def _error(path: Path, what: str, expected: str, actual: str) -> UsageError:
    return UsageError(
        f"{path.name}: {what} makes no sense",
        expected=expected,
        actual=actual[:120],
        next_step="see docs/training.md",
    )
