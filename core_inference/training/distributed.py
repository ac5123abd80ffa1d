"""One process or several: what `torchrun` says, and what each process does of the work."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributed import (
    ReduceOp,
    all_reduce,
    barrier,
    destroy_process_group,
    init_process_group,
)
from torch.nn.parallel import DistributedDataParallel

from ...rigs.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Group:
    """This process among all: its number, how many there are, and the device it works on."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def agreed(self, wish: bool) -> bool:
        """Whether any process wishes it: all get the same answer."""
        if self.size == 1:
            return wish
        flag = torch.tensor(float(wish), device=self.device)
        all_reduce(flag, ReduceOp.MAX)
        return bool(flag)

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network whose gradients are averaged over all processes.

        Batch-norm statistics stay each process' own, as with the authors' DataParallel; the first
        process' are kept.
        """
        if self.size == 1:
            return network
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices)


@contextmanager
def process_group(device: str) -> Generator[Group]:
    """Join the processes that `torchrun` started, or stand alone; raises UsageError."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    chosen = _device(device, local)
    if size == 1:
        yield Group(rank=0, size=1, device=chosen)
        return
    init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Group(rank=rank, size=size, device=chosen)
        barrier()  # a process that left while another still talks to it would take that one down
    finally:
        destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise UsageError(
            "there is no CUDA device",
            expected="a GPU that torch can use",
            actual="none",
            next_step='set device = "cpu" or install torch for your GPU',
        )
    if name == "cpu" or not has_cuda:
        return torch.device("cpu")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)
