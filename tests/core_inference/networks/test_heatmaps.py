"""Soft-argmax and Gaussians: the same coordinates there and back."""

import torch

from pose2rig.core_inference.networks.heatmaps import (
    gaussian_planes,
    gaussian_volumes,
    soft_argmax_1d,
    soft_argmax_2d,
    soft_argmax_3d,
)

SHARP = 60.0


def test_a_sharp_peak_is_found_in_a_line() -> None:
    line = torch.zeros(1, 2, 9)
    line[0, 0, 7] = line[0, 1, 0] = SHARP
    assert torch.allclose(soft_argmax_1d(line), torch.tensor([[[7.0], [0.0]]]))


def test_a_sharp_peak_is_found_in_a_plane_x_first() -> None:
    plane = torch.zeros(1, 1, 5, 9)
    plane[0, 0, 3, 7] = SHARP
    assert torch.allclose(soft_argmax_2d(plane), torch.tensor([[[7.0, 3.0]]]))


def test_a_sharp_peak_is_found_in_a_volume_x_first() -> None:
    volume = torch.zeros(1, 1, 4, 5, 9)
    volume[0, 0, 2, 3, 7] = SHARP
    assert torch.allclose(soft_argmax_3d(volume).coordinates, torch.tensor([[[7.0, 3.0, 2.0]]]))


def test_a_flat_map_says_its_middle() -> None:
    found = soft_argmax_3d(torch.zeros(2, 3, 4, 5, 9)).coordinates
    assert torch.allclose(found, torch.tensor([4.0, 2.0, 1.5]).expand(2, 3, 3))


def test_two_equal_peaks_say_the_place_between() -> None:
    line = torch.zeros(1, 1, 9)
    line[..., 2] = line[..., 5] = SHARP
    assert torch.allclose(soft_argmax_1d(line), torch.tensor([[[3.5]]]))


def test_each_joint_has_its_own_probability() -> None:
    volume = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(5))
    probability = soft_argmax_3d(volume).probability
    assert probability.shape == volume.shape
    assert torch.allclose(probability.sum((2, 3, 4)), torch.ones(2, 3))


def test_gaussians_say_where_they_stand() -> None:
    places = torch.tensor([[[20.0, 31.5, 40.25], [33.0, 24.5, 30.0]]])
    logits = gaussian_volumes(places, 64, 2.5).log().clamp_min(-100.0)
    assert torch.allclose(soft_argmax_3d(logits).coordinates, places, atol=1e-4)
    planes = gaussian_planes(places[..., :2], 64, 64, 2.5).log().clamp_min(-100.0)
    assert torch.allclose(soft_argmax_2d(planes), places[..., :2], atol=1e-4)


def test_a_gaussian_is_one_at_its_place_and_falls_as_its_width_says() -> None:
    place = torch.tensor([[[3.0, 5.0, 2.0]]])
    volume = gaussian_volumes(place, 8, 2.0)[0, 0]
    assert volume[2, 5, 3] == 1.0
    assert torch.allclose(volume[4, 5, 3], torch.tensor(-0.5).exp())
    plane = gaussian_planes(place[..., :2], 8, 6, 2.0)[0, 0]
    assert plane.shape == (8, 6)
    assert torch.allclose(plane[5, 1], torch.tensor(-0.5).exp())
