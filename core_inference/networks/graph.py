"""Graph convolutions over the joints of a skeleton, with weights of each joint's own or shared.

Each joint's feature goes through a fully connected layer and batch norm; the normalised adjacency
then mixes neighbours, and ReLU follows. Source: Pose2Pose, section 3.2 and figure 3; Liu et al.
(2020), "A Comprehensive Study of Weight Sharing in Graph Networks for 3D Human Pose Estimation".

Legend: N images, J joints, C channels.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .skeletons import Skeleton

_OF_THE_LAYER = ("weight", "bias")
_OF_THE_NORM = ("weight", "bias", "running_mean", "running_var")


def normalised_adjacency(skeleton: Skeleton, *, has_mirror_pairs: bool = False) -> Tensor:
    """D^-1/2 (A + I) D^-1/2 (J,J) of the bones and, if asked for, of left with right joints."""
    place = {name: index for index, name in enumerate(skeleton.joints)}
    pairs = skeleton.bones + (skeleton.mirror_pairs if has_mirror_pairs else ())
    first, second = torch.tensor([[place[name] for name in pair] for pair in pairs]).T
    linked_JJ = torch.eye(len(place))
    linked_JJ[first, second] = linked_JJ[second, first] = 1.0
    scale_J = linked_JJ.sum(dim=1).rsqrt()
    return scale_J[:, None] * linked_JJ * scale_J


class JointGraphConv(nn.Module):
    """Graph convolution (N,J,before) to (N,J,after) in which every joint has its own weights.

    The weights of all joints lie in one tensor, so that they work in one product; the state dict
    holds them joint by joint under the checkpoints' names, `fcbn_list.<joint>.0` and `.1`.
    """

    adjacency: Tensor

    def __init__(self, before: int, after: int, adjacency_JJ: Tensor) -> None:
        super().__init__()
        joints, bound = len(adjacency_JJ), before**-0.5
        self.weight = nn.Parameter(torch.empty(joints, after, before).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(joints, after).uniform_(-bound, bound))
        self.norm = nn.BatchNorm1d(joints * after)
        self.register_buffer("adjacency", adjacency_JJ, persistent=False)
        self.register_state_dict_post_hook(_split_by_joint)
        self.register_load_state_dict_pre_hook(_stack_joints)

    def forward(self, feature_NJC: Tensor) -> Tensor:
        """Features (N,J,after)."""
        inner_JNC = torch.baddbmm(
            self.bias[:, None], feature_NJC.transpose(0, 1), self.weight.transpose(1, 2)
        )
        inner_NJC = inner_JNC.transpose(0, 1)
        normed_NJC = self.norm(inner_NJC.flatten(1)).view_as(inner_NJC)
        return (self.adjacency @ normed_NJC).relu()


def _split_by_joint(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, _metadata: object
) -> None:
    assert isinstance(module, JointGraphConv)
    layer = {name: state_dict.pop(prefix + name) for name in _OF_THE_LAYER}
    norm = {name: state_dict.pop(f"{prefix}norm.{name}") for name in _OF_THE_NORM}
    batches = state_dict.pop(f"{prefix}norm.num_batches_tracked")
    joints = len(module.weight)
    for joint in range(joints):
        stem = f"{prefix}fcbn_list.{joint}."
        for name, values in layer.items():
            state_dict[f"{stem}0.{name}"] = values[joint]
        for name, values in norm.items():
            state_dict[f"{stem}1.{name}"] = values.view(joints, -1)[joint]
        state_dict[f"{stem}1.num_batches_tracked"] = batches


def _stack_joints(
    module: nn.Module, state_dict: dict[str, Any], prefix: str, *_rest: object
) -> None:
    assert isinstance(module, JointGraphConv)

    def gather(suffix: str, join: Callable[[list[Tensor]], Tensor], name: str) -> None:
        keys = [f"{prefix}fcbn_list.{joint}.{suffix}" for joint in range(len(module.weight))]
        if all(key in state_dict for key in keys):
            state_dict[prefix + name] = join([state_dict.pop(key) for key in keys])

    for name in _OF_THE_LAYER:
        gather(f"0.{name}", torch.stack, name)
    for name in _OF_THE_NORM:
        gather(f"1.{name}", torch.cat, f"norm.{name}")
    gather("1.num_batches_tracked", _first, "norm.num_batches_tracked")


def _first(values: list[Tensor]) -> Tensor:
    return values[0]


class SharedGraphConv(nn.Module):
    """Graph convolution (N,J,before) to (N,J,after) with the same weights for all joints."""

    adjacency: Tensor

    def __init__(self, before: int, after: int, adjacency_JJ: Tensor) -> None:
        super().__init__()
        self.fcbn = nn.Sequential(nn.Linear(before, after), nn.BatchNorm1d(after))
        self.register_buffer("adjacency", adjacency_JJ, persistent=False)

    def forward(self, feature_NJC: Tensor) -> Tensor:
        """Features (N,J,after)."""
        joints = feature_NJC.shape[1]
        inner_NJC = self.fcbn(feature_NJC.flatten(0, 1)).unflatten(0, (-1, joints))
        return (self.adjacency @ inner_NJC).relu()


class GraphResBlock(nn.Module):
    """Two graph convolutions (N,J,C) beside the identity, which joins after the second ReLU."""

    def __init__(
        self, conv: type[JointGraphConv | SharedGraphConv], channels: int, adjacency_JJ: Tensor
    ) -> None:
        super().__init__()
        self.graph_block1 = conv(channels, channels, adjacency_JJ)
        self.graph_block2 = conv(channels, channels, adjacency_JJ)

    def forward(self, feature_NJC: Tensor) -> Tensor:
        """Features (N,J,C)."""
        return feature_NJC + self.graph_block2(self.graph_block1(feature_NJC))


def graph_layers(
    before: int, width: int, depth: int, adjacency_JJ: Tensor, *, is_shared: bool = False
) -> nn.Sequential:
    """One graph convolution to `width` channels, then `depth` residual blocks of that width."""
    conv = SharedGraphConv if is_shared else JointGraphConv
    rest = [GraphResBlock(conv, width, adjacency_JJ) for _ in range(depth)]
    return nn.Sequential(conv(before, width, adjacency_JJ), *rest)
