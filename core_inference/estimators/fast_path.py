"""A placeholder until the measured fast path stands."""

import torch
from torch import nn


def faster(network: nn.Module, device: torch.device) -> nn.Module:
    """Return the network as it is."""
    return network
