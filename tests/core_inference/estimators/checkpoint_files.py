"""Small checkpoint files for the tests, in the authors' layouts, and how one is refused."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.estimators.checkpoints import load_checkpoint
from pose2rig.core_inference.networks.build import NETWORKS, build_network
from pose2rig.rigs.errors import ModelFileError

Write = Callable[..., Path]
State = dict[str, Tensor]
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def vposer() -> nn.Module:
    return build_network("vposer")


def random_state(module: nn.Module, seed: int = 0) -> State:
    """Numbers for every float tensor of a network."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(tensor.shape, generator=generator)
        for name, tensor in module.state_dict().items()
        if tensor.is_floating_point()
    }


def hollow_state(network: str, prefix: str = "") -> State:
    """Every name and shape of a released network, over one number: a small file."""
    with torch.device("meta"):
        shapes = NETWORKS[network]().state_dict()
    return {
        prefix + name: torch.zeros(1).expand(tensor.shape)
        for name, tensor in shapes.items()
        if tensor.is_floating_point()
    }


def on_meta(network: str) -> nn.Module:
    """A network without numbers: enough where a file is refused before they are read."""
    with torch.device("meta"):
        return NETWORKS[network]()


def wrapped(state: Mapping[str, Any], epoch: object = 12) -> dict[str, Any]:
    """As the authors' training code saves: DataParallel's prefix, counters, the optimizer."""
    network = {f"module.{name}": tensor for name, tensor in state.items()}
    network["module.head.1.num_batches_tracked"] = torch.tensor(100)
    optimizer = {"state": {0: {"exp_avg": torch.zeros(1000)}}, "param_groups": []}
    return {"epoch": epoch, "network": network, "optimizer": optimizer}


def assert_loaded(module: nn.Module, state: State) -> None:
    loaded = module.state_dict()
    assert len(state) > 0
    for name, tensor in state.items():
        assert torch.equal(loaded[name], tensor), name


def refused(path: Path, network: str = "vposer", module: nn.Module | None = None) -> str:
    """The loader's error, which names the file and leaves the network as it was."""
    module = module or vposer()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(ModelFileError) as caught:
        load_checkpoint(path, module, network)
    assert path.name in caught.value.what
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 900
    if not any(tensor.is_meta for tensor in before.values()):
        assert_loaded(module, before)
    return str(caught.value)
