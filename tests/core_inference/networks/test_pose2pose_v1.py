"""Pose2Pose's first version: every choice of the paper's tables builds, runs and trains."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.networks import pose2pose_v1
from pose2rig.core_inference.networks.build import (
    GraphSettings,
    Pose2PoseV1Settings,
    build_pose2pose_v1_body,
    build_pose2pose_v1_hand,
)
from pose2rig.core_inference.networks.pose2pose_v1 import (
    BoxNet,
    FlatProcessing,
    JointPositions,
    PositionNet,
    RotationNet,
    joint_features,
)

SMALL = Pose2PoseV1Settings(graph=GraphSettings(width=16))
PROCESSINGS = {
    "fc": replace(SMALL, processing="fc"),
    "joint-specific": SMALL,
    "shared": replace(SMALL, graph=replace(SMALL.graph, is_shared=True)),
}
CHOICES = list(product(("gap", "gap+ppp", "ppp"), PROCESSINGS, (2, 3)))
IMAGE = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def light_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feature map of the right shape in a thousandth of the backbone's time."""

    def light(_layers: int) -> nn.Module:
        return nn.Sequential(nn.AvgPool2d(32), nn.Conv2d(3, 2048, 1))

    monkeypatch.setattr(pose2pose_v1, "ResNet", light)


def parameters_without_gradient(network: nn.Module, output: tuple[Tensor, ...]) -> set[str]:
    """Back-propagate a loss on every output and name the parameters it did not reach."""
    assert all(bool(values.isfinite().all()) for values in output)
    torch.stack([values.square().sum() for values in output]).sum().backward()
    return {name for name, p in network.named_parameters() if p.requires_grad and p.grad is None}


def settings_of(pooling: Any, processing: str, axes: Any) -> Pose2PoseV1Settings:
    return replace(PROCESSINGS[processing], pooling=pooling, axes=axes)


@pytest.mark.slow
@pytest.mark.usefixtures("light_backbone")
@pytest.mark.parametrize(("pooling", "processing", "axes"), CHOICES)
def test_every_body_choice_trains(pooling: str, processing: str, axes: int) -> None:
    torch.manual_seed(0)
    network = build_pose2pose_v1_body(settings_of(pooling, processing, axes))
    output = network(IMAGE)
    assert output.global_orient.shape == (2, 1, 3)
    assert output.body_pose.shape == (2, 21, 3)
    assert output.betas.shape == (2, 10)
    assert output.cam_trans.shape == (2, 3)
    assert output.joint_img.shape == (2, 25, 3)
    assert output.joint_scores.shape == (2, 25, 1)
    boxes = (output.left_hand_box, output.right_hand_box, output.face_box)
    assert [tuple(box.shape) for box in boxes] == [(2, 4)] * 3
    assert parameters_without_gradient(network, output) == set()
    assert not any(p.requires_grad for p in network.vposer.parameters())


@pytest.mark.slow
@pytest.mark.usefixtures("light_backbone")
@pytest.mark.parametrize(("pooling", "processing", "axes"), CHOICES)
def test_every_hand_choice_trains(pooling: str, processing: str, axes: int) -> None:
    torch.manual_seed(0)
    network = build_pose2pose_v1_hand(settings_of(pooling, processing, axes))
    output = network(IMAGE)
    shapes = [tuple(values.shape) for values in output]
    assert shapes == [(2, 1, 3), (2, 15, 3), (2, 10), (2, 3), (2, 21, 3), (2, 21, 1)]
    assert parameters_without_gradient(network, output) == set()


@pytest.mark.slow
@pytest.mark.parametrize("build", [build_pose2pose_v1_body, build_pose2pose_v1_hand])
def test_whole_network_trains_and_can_be_exported(build: Any) -> None:
    torch.manual_seed(0)
    network = build()
    assert parameters_without_gradient(network, network(IMAGE)) == set()
    network.eval()
    program = torch.export.export(network, (IMAGE,)).module()
    for found, expected in zip(program(IMAGE), network(IMAGE), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("pooling", "processing", "axes"), CHOICES)
def test_choices_set_what_the_rotation_net_reads(pooling: str, processing: str, axes: int) -> None:
    with torch.device("meta"):
        network = build_pose2pose_v1_hand(settings_of(pooling, processing, axes))
    first = next(network.rotation_net.processing.parameters()).shape[-1]
    own = 0 if pooling == "gap" else 2048 + axes + 1
    pooled = 0 if pooling == "ppp" else 2048
    assert first == (pooled + 21 * own if processing == "fc" else pooled + own)


@pytest.mark.parametrize(("depth", "peak_z"), [(1, 0), (4, 3)])
def test_positions_are_the_peaks_and_scores_their_height(depth: int, peak_z: int) -> None:
    net = PositionNet(2, 2, depth)
    for values in net.parameters():
        nn.init.zeros_(values)
    # Joint 1 follows channel 0, joint 0 follows nothing.
    net.get_parameter("conv.0.weight").data[depth + peak_z, 0] = 1e3
    feature = torch.zeros(1, 2, 5, 6)
    feature[0, 0, 1, 4] = 1.0
    found = net(feature)
    middle, peak = [2.5, 2.0, (depth - 1) / 2], [4.0, 1.0, float(peak_z)]
    torch.testing.assert_close(found.joint_img, torch.tensor([[middle, peak]]))
    flat = 1 / (30 * depth)
    torch.testing.assert_close(found.joint_scores, torch.tensor([[[flat], [1.0]]]))


def test_a_joint_brings_its_feature_place_and_score() -> None:
    feature = torch.arange(32.0).view(1, 2, 4, 4)
    positions = JointPositions(
        joint_img=torch.tensor([[[1.0, 2.0, 0.5]]]), joint_scores=torch.tensor([[[0.25]]])
    )
    expected = torch.tensor([[[9.0, 25.0, 1.0, 2.0, 0.5, 0.25]]])
    torch.testing.assert_close(joint_features(feature, positions), expected)
    without_z = expected[..., [0, 1, 2, 3, 5]]
    torch.testing.assert_close(joint_features(feature, positions, 2), without_z)


def test_rotation_losses_leave_the_positions_alone() -> None:
    torch.manual_seed(0)
    positions = JointPositions(
        joint_img=torch.rand(2, 3, 3, requires_grad=True),
        joint_scores=torch.rand(2, 3, 1, requires_grad=True),
    )
    feature = torch.randn(2, 4, 5, 5, requires_grad=True)
    net = RotationNet("ppp", FlatProcessing(nn.Sequential(nn.Linear(3 * 8, 16))), (16, 32), 3)
    root, pose = net(feature, positions)
    (root.sum() + pose.sum()).backward()
    assert feature.grad is not None
    assert positions.joint_img.grad is None
    assert positions.joint_scores.grad is None


def test_boxes_stand_about_their_centres() -> None:
    torch.manual_seed(0)
    net = BoxNet(4, 3, 8, sigma=1.0, stride=32).eval()
    nn.init.zeros_(net.get_parameter("conv.3.weight"))  # Flat: every centre is the map's middle.
    for box, (width, height) in enumerate(((2.0, 1.0), (3.0, 4.0), (5.0, 6.0))):
        nn.init.zeros_(net.get_parameter(f"size_out.{box}.2.weight"))
        net.get_parameter(f"size_out.{box}.2.bias").data.copy_(torch.tensor([width, height]))
    boxes = net(torch.randn(1, 4, 8, 8), torch.rand(1, 3, 3))
    middle = torch.tensor([[112.0, 112.0]] * 3)
    torch.testing.assert_close((boxes[0, :, :2] + boxes[0, :, 2:]) / 2, middle)
    sizes = torch.tensor([[64.0, 32.0], [96.0, 128.0], [160.0, 192.0]])
    torch.testing.assert_close(boxes[0, :, 2:] - boxes[0, :, :2], sizes)


def test_boxes_move_with_the_joints() -> None:
    torch.manual_seed(0)
    net = BoxNet(4, 3, 8, sigma=1.0, stride=32).eval()
    feature, joints = torch.randn(1, 4, 8, 8), torch.rand(1, 3, 3)
    assert not torch.allclose(net(feature, joints), net(feature, joints + 3.0))
