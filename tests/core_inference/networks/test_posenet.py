"""PoseNet: shapes of both releases, and coordinates within the heat map."""

import pytest
import torch

from pose2rig.core_inference.networks.build import build_posenet


@pytest.mark.parametrize("joints", [18, 21])
def test_it_gives_all_joints_and_trains_all_of_it(joints: int) -> None:
    with torch.device("meta"):
        network = build_posenet(joints)
        output = network(torch.rand(2, 3, 256, 256))
        output.coordinates.sum().backward()
    assert output.coordinates.shape == (2, joints, 3)
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.slow
def test_coordinates_lie_in_the_heat_map_and_follow_the_image() -> None:
    torch.manual_seed(11)
    network = build_posenet(21).eval()
    with torch.inference_mode():
        found = network(torch.rand(2, 3, 256, 256)).coordinates
    assert ((found > 0) & (found < 63)).all()
    assert (found[0] - found[1]).abs().max() > 1e-4
