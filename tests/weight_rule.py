"""Weights and inputs without files: every tensor follows from its name, every input from a seed.

The rule is that of the parity data, so that networks filled by it can be compared with the numbers
that the authors' code gave for the same rule.
"""

import re
import zlib
from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

Spec = Sequence[tuple[str, Sequence[int], str]]
"""Name in the checkpoint, shape and dtype ("float32") of each tensor."""
Scales = Sequence[tuple[str, float, float]]
"""Pattern searched in the name, factor and offset; all that match apply, in order."""

_LAST_NORM = re.compile(r"(.*layer\d+\.\d+\.)(bn2|bn3)\.weight")
_LAST_NORM_SCALE = 0.2


def fill_state_dict(spec: Spec, scales: Scales = ()) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, under the names given."""
    names = {name for name, _, _ in spec}
    filled: dict[str, Tensor] = {}
    for name, shape, dtype in spec:
        kind = getattr(torch, dtype)
        if kind.is_floating_point:
            values = _drawn(name, tuple(shape)) * _residual_scale(name, names)
            filled[name] = _scaled(name, values, scales).to(kind)
        else:
            filled[name] = torch.zeros(tuple(shape), dtype=kind)
    return filled


def spec_of(module: torch.nn.Module, prefix: str = "module.") -> Spec:
    """Return what `fill_state_dict` needs to know of a module, as its checkpoint would be."""
    return [
        (prefix + name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for name, tensor in module.state_dict().items()
    ]


def _drawn(name: str, shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    is_scale = len(shape) == 1 and name.endswith("weight")
    if name.endswith("running_var") or is_scale:
        return torch.rand(shape, generator=generator) + 0.5
    drawn = torch.randn(shape, generator=generator)
    if name.endswith(("running_mean", "bias")):
        return 0.1 * drawn
    if len(shape) < 2:
        return drawn
    inputs = torch.Size(shape[1:]).numel()
    return drawn * (2.0 / inputs) ** 0.5


def _residual_scale(name: str, names: Collection[str]) -> float:
    """The last norm of a residual branch is small, so that deep networks stay in range."""
    found = _LAST_NORM.fullmatch(name)
    if not found:
        return 1.0
    last = "bn3" if f"{found[1]}bn3.weight" in names else "bn2"
    return _LAST_NORM_SCALE if found[2] == last else 1.0


def _scaled(name: str, values: Tensor, scales: Scales) -> Tensor:
    for pattern, factor, offset in scales:
        if re.search(pattern, name):
            values = values * factor + offset
    return values


def noise_image(shape: Sequence[int], seed: int) -> Tensor:
    """White noise 0..1."""
    return torch.rand(tuple(shape), generator=torch.Generator().manual_seed(seed))


def smooth_image(shape: Sequence[int], seed: int) -> Tensor:
    """Noise of 8 by 6 places, enlarged bilinearly: it shows mirrored and misplaced crops."""
    coarse = noise_image((*shape[:2], 8, 6), seed)
    return interpolate(coarse, size=tuple(shape[2:]), mode="bilinear", align_corners=False)
