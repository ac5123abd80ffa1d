"""3DCrowdNet's graph network: the released adjacency and keys, blobs of the given joints."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pose2rig.core_inference.networks.build import build_network
from pose2rig.core_inference.networks.crowd3d import CrowdGraph, JointsToFeature
from pose2rig.core_inference.networks.graph import normalised_adjacency
from pose2rig.core_inference.networks.skeletons import CROWD_BODY


@pytest.fixture
def manifest(shared_dir: Path) -> dict[str, Any]:
    path = shared_dir / "parity" / "crowd3d_graphcnn" / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_adjacency_is_the_released_one(manifest: dict[str, Any]) -> None:
    expected = torch.tensor(manifest["graph_adj_normalised_15x15"])
    found = normalised_adjacency(CROWD_BODY, has_mirror_pairs=True)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_state_dict_is_the_released_one_without_the_priors_encoder(
    manifest: dict[str, Any],
) -> None:
    expected = {
        key.removeprefix("module."): tuple(shape)
        for key, shape, _ in manifest["state_dict"]
        if "bodyprior_enc_" not in key
    }
    with torch.device("meta"):
        network = build_network("crowd3d_graphcnn")
    assert {key: tuple(values.shape) for key, values in network.state_dict().items()} == expected


def test_hidden_joints_leave_no_blob() -> None:
    torch.manual_seed(0)
    mix = JointsToFeature(4, 3, sigma=2.5).eval()
    early, joints = torch.randn(1, 4, 16, 16), torch.full((1, 3, 2), 8.0)
    mask = torch.tensor([[[1.0], [1.0], [0.0]]])
    moved = joints.clone()
    moved[:, 2] += 5.0
    torch.testing.assert_close(mix(early, moved, mask), mix(early, joints, mask))
    moved[:, 1] += 5.0
    assert not torch.allclose(mix(early, moved, mask), mix(early, joints, mask))


@pytest.mark.slow
def test_runs_and_trains_but_for_the_prior() -> None:
    torch.manual_seed(0)
    network = build_network("crowd3d_graphcnn")
    assert isinstance(network, CrowdGraph)
    output = network(torch.rand(2, 3, 64, 64), torch.rand(2, 30, 2) * 15, torch.ones(2, 30, 1))
    shapes = [tuple(values.shape) for values in output]
    assert shapes == [(2, 1, 3), (2, 21, 3), (2, 10), (2, 3), (2, 15, 3), (2, 15, 1)]
    torch.stack([values.square().sum() for values in output]).sum().backward()
    without = {name for name, p in network.named_parameters() if p.grad is None}
    assert without == {name for name, _ in network.named_parameters() if "vposer" in name}
