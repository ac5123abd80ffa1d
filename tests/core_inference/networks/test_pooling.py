"""Values of a map at points given in its pixels.

Legend: N images, C channels, J joints, D, H, W depth, rows and columns.
"""

import torch

from pose2rig.core_inference.networks.pooling import sample_features, sample_scores


def ramp() -> torch.Tensor:
    """A map (2,3,5,7) whose channels are x, y and the image's number."""
    y, x = torch.meshgrid(torch.arange(5.0), torch.arange(7.0), indexing="ij")
    return torch.stack([torch.stack([x, y, torch.full_like(x, n)]) for n in (1.0, 2.0)])


def test_a_point_has_the_value_that_is_there() -> None:
    points = torch.tensor([[0.0, 0.0], [6.0, 4.0], [2.25, 3.5], [5.9, 0.1]])
    found = sample_features(ramp(), points.expand(2, -1, -1))
    for n in range(2):
        assert torch.allclose(found[n, :, :2], points, atol=1e-5)
        assert torch.allclose(found[n, :, 2], torch.full((4,), n + 1.0))


def test_outside_is_zero() -> None:
    points = torch.tensor([[[-1.0, 2.0], [7.0, 2.0], [3.0, 5.0]]]).expand(2, -1, -1)
    assert torch.allclose(sample_features(ramp(), points), torch.zeros(2, 3, 3), atol=1e-5)


def test_half_a_pixel_outside_counts_half() -> None:
    points = torch.tensor([[[-0.5, 2.0]]]).expand(2, -1, -1)
    assert torch.allclose(sample_features(ramp(), points)[:, 0, 1], torch.tensor([1.0, 1.0]))


def test_each_joint_reads_its_own_volume_at_its_own_place() -> None:
    volumes = torch.zeros(2, 3, 4, 5, 6)
    places = [[(1, 2, 3), (5, 4, 0), (0, 0, 2)], [(2, 2, 2), (3, 1, 1), (4, 0, 3)]]
    for n, row in enumerate(places):
        for j, (x, y, z) in enumerate(row):
            volumes[n, j, z, y, x] = 1 + 3 * n + j
    found = sample_scores(volumes, torch.tensor(places).float())
    assert torch.allclose(found, torch.arange(1.0, 7.0).reshape(2, 3, 1), atol=1e-5)


def test_scores_are_trilinear() -> None:
    volume = torch.zeros(1, 1, 4, 4, 4)
    volume[..., 1, 1, 1] = 1.0
    found = sample_scores(volume, torch.tensor([[[1.5, 1.25, 1.5]]]))
    assert torch.allclose(found, torch.tensor([[[0.5 * 0.75 * 0.5]]]), atol=1e-6)


def test_gradients_reach_map_and_points() -> None:
    feature = ramp().double().requires_grad_()
    points = torch.tensor([[[1.3, 2.2], [4.6, 0.7]]]).double().expand(2, -1, -1)
    assert torch.autograd.gradcheck(sample_features, (feature, points.clone().requires_grad_()))
