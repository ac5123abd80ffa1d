"""Graph convolutions: the adjacency, equality with one layer per joint, the checkpoints' keys."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.networks.graph import (
    GraphResBlock,
    JointGraphConv,
    SharedGraphConv,
    graph_layers,
    normalised_adjacency,
)
from pose2rig.core_inference.networks.skeletons import BODY, CROWD_BODY, HAND, Skeleton

CHAIN = Skeleton(
    joints=("left_hand", "body", "right_hand"),
    bones=(("left_hand", "body"), ("body", "right_hand")),
)
BEFORE, AFTER = 7, 5


class PlainGraphConv(nn.Module):
    """What the authors describe, joint after joint."""

    def __init__(self, before: int, after: int, adjacency: Tensor) -> None:
        super().__init__()
        self.fcbn_list = nn.ModuleList(
            nn.Sequential(nn.Linear(before, after), nn.BatchNorm1d(after)) for _ in adjacency
        )
        self.adjacency = adjacency

    def forward(self, feature: Tensor) -> Tensor:
        own = [layer(feature[:, joint]) for joint, layer in enumerate(self.fcbn_list)]
        return torch.relu(self.adjacency @ torch.stack(own, dim=1))


@pytest.fixture
def pair() -> tuple[JointGraphConv, PlainGraphConv]:
    torch.manual_seed(0)
    adjacency = normalised_adjacency(CROWD_BODY)
    plain = PlainGraphConv(BEFORE, AFTER, adjacency)
    for name, values in plain.named_buffers():
        if "running" in name:
            values.uniform_(0.5, 2.0)
    ours = JointGraphConv(BEFORE, AFTER, adjacency)
    ours.load_state_dict(plain.state_dict())
    return ours, plain


def test_adjacency_of_a_chain() -> None:
    # Degrees with themselves are 2, 3 and 2.
    off = 6**-0.5
    expected = torch.tensor([[1 / 2, off, 0], [off, 1 / 3, off], [0, off, 1 / 2]])
    torch.testing.assert_close(normalised_adjacency(CHAIN), expected)


def test_mirror_pairs_are_linked_when_asked_for() -> None:
    mirrored = normalised_adjacency(CHAIN, has_mirror_pairs=True)
    torch.testing.assert_close(mirrored, torch.full((3, 3), 1 / 3))


@pytest.mark.parametrize(("skeleton", "joints"), [(CROWD_BODY, 15), (BODY, 25), (HAND, 21)])
def test_skeletons_are_trees_over_all_joints(skeleton: Skeleton, joints: int) -> None:
    assert len(set(skeleton.joints)) == len(skeleton.joints) == joints
    assert len(skeleton.bones) == joints - 1
    reach = torch.matrix_power(normalised_adjacency(skeleton), joints)
    assert bool((reach > 0).all()), "some joints are not connected"


def test_equals_a_layer_per_joint(pair: tuple[JointGraphConv, PlainGraphConv]) -> None:
    ours, plain = (module.eval() for module in pair)
    feature = torch.randn(3, 15, BEFORE)
    torch.testing.assert_close(ours(feature), plain(feature))


def test_trains_like_a_layer_per_joint(pair: tuple[JointGraphConv, PlainGraphConv]) -> None:
    ours, plain = pair
    for module in pair:
        optimiser = torch.optim.SGD(module.parameters(), lr=0.1)
        torch.manual_seed(1)
        for _ in range(3):
            loss = module(torch.randn(4, 15, BEFORE)).square().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    found, expected = ours.state_dict(), plain.state_dict()
    assert list(found) == list(expected)
    for key, values in expected.items():
        torch.testing.assert_close(found[key], values, rtol=1e-4, atol=1e-5)


def test_state_dict_survives_copies_and_strict_loading(
    pair: tuple[JointGraphConv, PlainGraphConv],
) -> None:
    ours, plain = pair
    plain.load_state_dict(copy.deepcopy(ours).state_dict(), strict=True)
    incomplete = {key: v for key, v in plain.state_dict().items() if "fcbn_list.3.0" not in key}
    with pytest.raises(RuntimeError, match="Missing key"):
        ours.load_state_dict(incomplete)


def test_old_files_without_batch_counts_load(pair: tuple[JointGraphConv, PlainGraphConv]) -> None:
    ours, plain = pair
    old = {key: v for key, v in plain.state_dict().items() if "num_batches" not in key}
    assert ours.load_state_dict(old).missing_keys == []


def test_shared_weights_treat_joints_alike() -> None:
    torch.manual_seed(0)
    layer = SharedGraphConv(BEFORE, AFTER, torch.eye(15)).eval()
    feature = torch.randn(2, 15, BEFORE)
    order = torch.randperm(15)
    torch.testing.assert_close(layer(feature)[:, order], layer(feature[:, order]))


def test_neighbours_mix_and_strangers_do_not() -> None:
    torch.manual_seed(0)
    layer = JointGraphConv(BEFORE, AFTER, normalised_adjacency(CHAIN)).eval()
    nn.init.constant_(layer.norm.bias, 10.0)  # Keeps ReLU open.
    feature = torch.randn(1, 3, BEFORE)
    moved = feature.clone()
    moved[:, 0] += 1.0
    changed = (layer(moved) - layer(feature)).abs().amax(dim=(0, 2)) > 1e-4
    assert changed.tolist() == [True, True, False]


def test_residual_block_adds_its_input_behind_relu() -> None:
    torch.manual_seed(0)
    block = GraphResBlock(JointGraphConv, BEFORE, normalised_adjacency(CHAIN)).eval()
    assert isinstance(block.graph_block2, JointGraphConv)
    nn.init.constant_(block.graph_block2.norm.bias, -100.0)  # Closes ReLU.
    feature = torch.randn(2, 3, BEFORE)
    torch.testing.assert_close(block(feature), feature)


def traced(module: nn.Module, feature: Tensor) -> Callable[[Tensor], Tensor]:
    return torch.export.export(module, (feature,)).module()


@pytest.mark.slow
@pytest.mark.parametrize("is_shared", [False, True])
def test_graph_layers_can_be_exported(is_shared: bool) -> None:
    torch.manual_seed(0)
    layers = graph_layers(BEFORE, 8, 2, normalised_adjacency(CHAIN), is_shared=is_shared).eval()
    feature = torch.randn(2, 3, BEFORE)
    torch.testing.assert_close(traced(layers, feature)(feature), layers(feature))
