"""Networks with their weights, ready to run: which device, how exactly, arrays in and out.

Only the research estimators import this: it needs torch.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...rigs.errors import EngineError
from ..networks.build import build_network
from .checkpoints import load_checkpoint, network_of
from .fast_path import faster, has_openvino
from .model_folder import ModelFolder

Float32 = NDArray[np.float32]

GPU_BATCH = 8
"""People that a GPU sees at once; on a processor one by one is as fast or faster."""

NO_OPENVINO = (
    "OpenVINO is missing: the networks take about twice as long, and half precision is not used"
)

_NAMED_KEYS, _KEY_LENGTH = 4, 80
"""How much of a stranger's file a warning repeats."""


def choose_device(wanted: str) -> torch.device:
    """The device of --device auto, cpu, cuda or mps; auto takes the best one there is.

    Raises EngineError for one that this machine or this torch does not have.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if not available[wanted]:
        raise EngineError(
            f"--device {wanted} is not available",
            expected=", ".join(name for name, there in available.items() if there),
            actual=wanted,
            next_step="use --device auto (in Blender: Device in the panel), or run pose2rig doctor "
            "to see what torch finds",
        )
    return torch.device(wanted)


@contextmanager
def _in_gpu_memory() -> Generator[None]:
    """Translate torch's error for a GPU whose memory is full."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise EngineError(
            "the graphics card is out of memory",
            expected="room for the networks and a few people's patches",
            actual=str(error).partition("\n")[0][:200],
            next_step="close other programs that use it, or use --device cpu (in Blender: Device)",
        ) from error


class LoadedNetwork:
    """A network with its weights on its device: float32 arrays in, its output's fields as arrays.

    sha256 is that of the checkpoint file.
    """

    def __init__(self, network: nn.Module, device: torch.device, sha256: str) -> None:
        self.sha256 = sha256
        self.batch_size = 1 if device.type == "cpu" else GPU_BATCH
        self._network = network
        self._device = device

    def run(self, *inputs: Float32) -> Any:
        """The network's NamedTuple, with arrays (N,...) in place of tensors.

        All results come back in one transfer, so a GPU is waited for once. Raises EngineError
        where its memory does not do.
        """
        with torch.inference_mode(), _in_gpu_memory():
            out = self._network(*(self._sent(array) for array in inputs))
            flat_NF = torch.cat([tensor.flatten(1).float() for tensor in out], dim=1)
            numbers_NF = flat_NF.cpu().numpy()
        return type(out)(*_fields(numbers_NF, out))

    def fill(self, buffer: str, values: Float32) -> None:
        """Set a buffer that no checkpoint holds, such as a licensed model's joint regressor."""
        self._network.get_buffer(buffer).copy_(torch.from_numpy(values))

    def _sent(self, array: Float32) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
        return tensor.to(self._device, non_blocking=True)


def _fields(numbers_NF: Float32, like: tuple[Tensor, ...]) -> list[Float32]:
    ends = np.cumsum([tensor[0].numel() for tensor in like])[:-1]
    columns = np.split(numbers_NF, ends, axis=1)
    return [
        part.reshape(len(part), *tensor.shape[1:])
        for part, tensor in zip(columns, like, strict=True)
    ]


@dataclass(kw_only=True)
class NetworkLoader:
    """Builds networks, loads the user's weights and makes them fast, unless exact.

    warnings: code and message of what a checkpoint holds beyond its network, and of a fast path
    that is not there.
    """

    models: ModelFolder
    device: torch.device
    exact: bool
    half: bool = False
    warnings: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def __post_init__(self) -> None:
        if self.device.type == "cpu" and not self.exact and not has_openvino():
            self.warnings.append(("openvino", NO_OPENVINO))

    def load(self, part: str, networks: tuple[str, ...] = ()) -> LoadedNetwork:
        """The network of a part; raises ModelFileError, and EngineError for want of GPU memory.

        networks: the names of those that the part's file may hold; the first where it holds none.
        """
        path = self.models.require(part)
        name = part
        if networks:
            held = network_of(path)
            name = held if held in networks else networks[0]
        network = build_network(name)
        loaded = load_checkpoint(path, network, name)
        if loaded.ignored:
            some = ", ".join(ascii(key)[1:-1][:_KEY_LENGTH] for key in loaded.ignored[:_NAMED_KEYS])
            self.warnings.append(
                ("weights", f"{path.name}: {len(loaded.ignored)} unknown keys left out ({some})")
            )
        with _in_gpu_memory():
            network.eval().requires_grad_(False).to(self.device)
            ready = network if self.exact else faster(network, self.device, half=self.half)
        return LoadedNetwork(ready, self.device, loaded.sha256)
