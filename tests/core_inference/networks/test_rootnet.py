"""RootNet: shapes, and a depth that follows k."""

import pytest
import torch

from pose2rig.core_inference.networks.build import build_rootnet


def test_it_gives_one_root_per_crop_and_trains_all_of_it() -> None:
    with torch.device("meta"):
        network = build_rootnet()
        output = network(torch.rand(2, 3, 256, 256), torch.rand(2))
        output.coordinates.sum().backward()
    assert output.coordinates.shape == (2, 3)
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.slow
def test_the_depth_is_proportional_to_k_and_the_place_is_not() -> None:
    torch.manual_seed(10)
    network = build_rootnet().eval()
    image = torch.rand(1, 3, 256, 256).expand(2, -1, -1, -1)
    with torch.inference_mode():
        first, second = network(image, torch.tensor([3000.0, 6000.0])).coordinates
    assert first[2] != 0
    torch.testing.assert_close(second[2], 2 * first[2])
    torch.testing.assert_close(second[:2], first[:2])
    assert ((first[:2] > 0) & (first[:2] < 63)).all()
