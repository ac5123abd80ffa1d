"""The authors' checkpoints into our networks: names translated, every tensor accounted for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ...rigs.errors import ModelFileError
from ..networks.build import NETWORKS
from .model_folder import file_sha256
from .weights_file import read_weights

RENAMES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "pose2pose_hand": (("hand_backbone.", "backbone."),),
}
"""Beginnings of names in older files of a network, and what they are called since."""

NOT_NEEDED = re.compile(
    r"(.*\.)?("
    r"num_batches_tracked"
    r"|(smplx?|mano|flame|human_model)_layer\..*"
    r"|bodyprior_enc_.*"
    r")"
)
"""What the files hold beside the networks: counters, body models, the prior's encoder."""

NEAR = 0.2
"""A file is named after a network of whose tensors at most this share differs."""

_WRAPPER = "module."
_SHOWN = 3

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]


@dataclass(frozen=True, kw_only=True)
class LoadedWeights:
    """Where the weights came from; ignored names tensors that belong to nothing known."""

    sha256: str
    epoch: int | None
    ignored: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """How a file differs from a network."""

    missing: tuple[str, ...]
    wrong: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def lacking(self) -> int:
        return len(self.missing) + len(self.wrong)

    @property
    def total(self) -> int:
        return self.lacking + len(self.unexpected)


def load_checkpoint(path: Path, module: nn.Module, network: str) -> LoadedWeights:
    """Load the authors' file into a network on the CPU, as float32.

    network is the name in networks/build.py, which chooses the renames; the module itself says
    which tensors are needed, so it may differ from the released one. Raises ModelFileError for
    an unreadable file, for missing tensors and wrong shapes (named and counted, with the network
    that the file looks like) and for numbers that are not finite floats.
    """
    file = read_weights(path)
    tensors = _translated(path, file.tensors, network)
    wanted = _shapes(module.state_dict())
    difference = _compare(_shapes(tensors), wanted)
    looks_like = _looks_like(_shapes(file.tensors)) if difference.total else None
    if difference.lacking or (looks_like is not None and looks_like != network):
        raise _mismatch(path, network, difference, looks_like)
    values = {name: _float32(path, name, tensors[name]) for name in wanted}
    module.load_state_dict(values, strict=False)
    return LoadedWeights(
        sha256=file_sha256(path), epoch=file.epoch, ignored=tuple(sorted(difference.unexpected))
    )


def network_of(path: Path) -> str | None:
    """Return the name of the network whose tensors a checkpoint holds, all of them; else None.

    Reads names and shapes only. Raises ModelFileError where the file is no checkpoint.
    """
    shapes = _shapes(read_weights(path).tensors)
    nearest = _looks_like(shapes)
    if nearest is None:
        return None
    renamed = {_renamed(name, nearest): shape for name, shape in shapes.items()}
    return None if _compare(renamed, _released(nearest)).lacking else nearest


def _renamed(name: str, network: str) -> str:
    while name.startswith(_WRAPPER):
        name = name.removeprefix(_WRAPPER)
    for old, new in RENAMES.get(network, ()):
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _translated(path: Path, tensors: Mapping[str, Tensor], network: str) -> dict[str, Tensor]:
    translated = {_renamed(name, network): tensor for name, tensor in tensors.items()}
    if len(translated) < len(tensors):
        raise ModelFileError(
            f"{path.name} names a tensor twice",
            expected=f"each tensor of {network} once",
            actual=f"{len(tensors)} tensors under {len(translated)} names",
            next_step="get the authors' file",
        )
    return translated


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, Shape]:
    """The shapes of all tensors but the counters, which nothing needs."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in tensors.items()
        if not name.endswith("num_batches_tracked")
    }


def _compare(found: Shapes, wanted: Shapes) -> _Difference:
    return _Difference(
        missing=tuple(name for name in wanted if name not in found),
        wrong=tuple(
            f"{name} {found[name]} for {shape}"
            for name, shape in wanted.items()
            if name in found and found[name] != shape
        ),
        unexpected=tuple(
            name for name in found if name not in wanted and not NOT_NEEDED.fullmatch(name)
        ),
    )


@cache
def _released(network: str) -> Shapes:
    """The shapes of a network as released; built without memory for its numbers."""
    with torch.device("meta"):
        return _shapes(NETWORKS[network]().state_dict())


def _looks_like(found: Shapes) -> str | None:
    """The network that differs least from a file, a complete one first; None if all are far."""
    differences = {
        network: _compare(
            {_renamed(name, network): shape for name, shape in found.items()}, _released(network)
        )
        for network in NETWORKS
    }
    nearest = min(
        differences, key=lambda name: (differences[name].lacking > 0, differences[name].total)
    )
    near = differences[nearest].lacking <= NEAR * len(_released(nearest))
    return nearest if near else None


def _float32(path: Path, name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        raise _unusable(path, name, str(tensor.dtype).removeprefix("torch."))
    values = tensor.to(torch.float32)
    if not bool(torch.isfinite(values).all()):
        raise _unusable(path, name, "nan or infinity")
    return values


def _unusable(path: Path, name: str, actual: str) -> ModelFileError:
    return ModelFileError(
        f"{path.name}: {name} is not usable",
        expected="finite floating-point numbers",
        actual=actual,
        next_step="get the authors' file",
    )


def _mismatch(
    path: Path, network: str, difference: _Difference, looks_like: str | None
) -> ModelFileError:
    counts = [
        f"{len(names)} {what} ({_some(names)})"
        for names, what in (
            (difference.missing, "missing"),
            (difference.wrong, "of another shape"),
            (difference.unexpected, "unexpected"),
        )
        if names
    ]
    guess = looks_like if looks_like != network else None
    return ModelFileError(
        f"{path.name} is not a checkpoint of {network}" + (f" but of {guess}" if guess else ""),
        expected=f"all tensors of {network}",
        actual=", ".join(counts),
        next_step=f"use it as {guess}" if guess else f"get the authors' file of {network}",
    )


def _some(names: Iterable[str]) -> str:
    """The first few names, each shortened: a stranger's file may hold any text."""
    listed = [ascii(name)[1:-1][:80] for name in names]
    return ", ".join(listed[:_SHOWN]) + (" ..." if len(listed) > _SHOWN else "")
