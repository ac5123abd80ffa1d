"""Snapshots in the authors' layout, and going on from one to the bit.

A snapshot is {'epoch', 'network', 'optimizer'} with names that begin with `module.`, as their
programs write and read it, and one key more of ours, 'training', that theirs ignore.
"""

import os
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ...rigs.errors import ModelFileError, OutputError

PREFIX = "module."
_UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RuntimeError,
    EOFError,
    pickle.UnpicklingError,
)
"""What torch.load raises for files that are damaged, hostile or something else."""

SNAPSHOT = re.compile(r"snapshot_(\d{1,6})\.pth\.tar")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a training came: `step` steps of all epochs are done; `epoch` counts from 0.

    seed, the number of items and the batch make the order of the data.
    """

    epoch: int
    step: int
    seed: int
    items: int
    batch: int


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """What learns: the bare network (not its data-parallel wrapper), optimiser, loss scaler."""

    network: nn.Module
    optimizer: Optimizer
    scaler: torch.amp.GradScaler


def snapshot_path(folder: Path, epoch: int) -> Path:
    """The authors' name of an epoch's snapshot."""
    return folder / f"snapshot_{epoch}.pth.tar"


def newest_snapshot(folder: Path) -> Path | None:
    """The snapshot of the latest epoch, None where there is none."""
    found = {
        int(match[1]): path
        for path in folder.glob("snapshot_*.pth.tar")
        if (match := SNAPSHOT.fullmatch(path.name))
    }
    return found[max(found)] if found else None


def save_snapshot(folder: Path, state: TrainingState, progress: Progress) -> Path:
    """Write the snapshot beside its place and rename it, so that it is whole or absent.

    Raises OutputError when the folder is full or cannot be written.
    """
    path = snapshot_path(folder, progress.epoch)
    content = {
        "epoch": progress.epoch,
        "network": {
            PREFIX + name: tensor.detach().cpu().contiguous()
            for name, tensor in state.network.state_dict().items()
        },
        "optimizer": state.optimizer.state_dict(),
        "training": {
            "step": progress.step,
            "seed": progress.seed,
            "items": progress.items,
            "batch": progress.batch,
            "scaler": state.scaler.state_dict(),
            "random": _random_state(),
        },
    }
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, RuntimeError) as error:
        beside.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {path.name}",
            expected="a folder with room and write permission",
            actual=str(error),
            next_step="free some disk space or choose another `out` folder",
        ) from error
    return path


def load_snapshot(path: Path, state: TrainingState, expected: Progress) -> Progress:
    """Put everything back as `save_snapshot` found it; returns how far it was.

    `expected` is the training that wants to go on: seed, data and batch must be the same, for they
    make the order. Raises ModelFileError for any other file or training.
    """
    content = _read(path)
    try:
        extra = content["training"]
        found = Progress(
            epoch=int(content["epoch"]),
            step=int(extra["step"]),
            seed=int(extra["seed"]),
            items=int(extra["items"]),
            batch=int(extra["batch"]),
        )
        _check_same(path, found, expected)
        weights: Mapping[str, Tensor] = content["network"]
        state.network.load_state_dict({k.removeprefix(PREFIX): v for k, v in weights.items()})
        state.optimizer.load_state_dict(content["optimizer"])
        state.scaler.load_state_dict(extra["scaler"])
        _restore_random_state(extra["random"])
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise _error(path, "a snapshot of this very training", str(error)[:200]) from error
    return found


def _check_same(path: Path, found: Progress, expected: Progress) -> None:
    for name in ("seed", "items", "batch"):
        if getattr(found, name) != getattr(expected, name):
            raise _error(
                path, f"{name} {getattr(expected, name)}", f"{name} {getattr(found, name)}"
            )


def _read(path: Path) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(torch.load(path, map_location="cpu", weights_only=True))
    except _UNREADABLE as error:
        raise _error(path, "a snapshot that this program wrote", type(error).__name__) from error


def _random_state() -> dict[str, Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def _restore_random_state(state: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    if torch.cuda.is_available() and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])


def _error(path: Path, expected: str, actual: str) -> ModelFileError:
    return ModelFileError(
        f"cannot go on from {path.name}",
        expected=expected,
        actual=actual,
        next_step="restore the settings it was trained with, or choose a new `out` folder",
    )
