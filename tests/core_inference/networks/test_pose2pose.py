"""Released Pose2Pose: shapes for every setting, what a rotation net reads, gradients."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.networks.build import (
    Pose2PoseSettings,
    build_pose2pose_body,
    build_pose2pose_face,
    build_pose2pose_hand,
)
from pose2rig.core_inference.networks.pose2pose import JointHeatmaps, JointInputs

SETTINGS = {
    "released": Pose2PoseSettings(),
    "gap": Pose2PoseSettings(pooling="gap"),
    "gap+ppp": Pose2PoseSettings(pooling="gap+ppp"),
    "2d": Pose2PoseSettings(axes=2),
    "gap, 2d": Pose2PoseSettings(pooling="gap", axes=2),
    "gap+ppp, 2d": Pose2PoseSettings(pooling="gap+ppp", axes=2),
}
INPUT_SIZES = {
    "released": 25 * 515,
    "gap": 2048,
    "gap+ppp": 2048 + 25 * 515,
    "2d": 25 * 514,
    "gap, 2d": 2048,
    "gap+ppp, 2d": 2048 + 25 * 514,
}


def shapes(output: tuple[Tensor, ...]) -> list[tuple[int, ...]]:
    return [tuple(values.shape) for values in output]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_gives_a_body_and_trains_all_of_it(name: str) -> None:
    settings = SETTINGS[name]
    with torch.device("meta"):
        network = build_pose2pose_body(settings)
        output = network(torch.rand(2, 3, 256, 192))
        assert network.rotation_net.root_pose_out[0].in_features == INPUT_SIZES[name]
        torch.stack([values.sum() for values in output]).sum().backward()
    assert shapes(output) == [(2, 1, 3), (2, 21, 3), (2, 10), (2, 3), (2, 25, settings.axes)]
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_hand_and_face_have_their_shapes() -> None:
    with torch.device("meta"):
        hand = build_pose2pose_hand()(torch.rand(2, 3, 256, 256))
        face = build_pose2pose_face()(torch.rand(2, 3, 256, 192))
    assert shapes(hand) == [(2, 1, 3), (2, 15, 3), (2, 10), (2, 3), (2, 21, 3)]
    assert shapes(face) == [(2, 1, 3), (2, 1, 3), (2, 10), (2, 10), (2, 3)]


@pytest.mark.slow
def test_people_do_not_disturb_each_other() -> None:
    torch.manual_seed(8)
    network = build_pose2pose_hand().eval()
    images = torch.rand(3, 3, 256, 256)
    with torch.inference_mode():
        together = network(images)
        alone = [network(images[n : n + 1]) for n in range(3)]
    for name in together._fields:
        each = torch.cat([getattr(output, name) for output in alone])
        torch.testing.assert_close(getattr(together, name), each, atol=1e-4, rtol=0)


@pytest.mark.parametrize("depth", [8, 1])
def test_heat_maps_say_where_their_joints_are(depth: int) -> None:
    network = JointHeatmaps(2, 1, depth)
    convolution = network.conv[0]
    assert isinstance(convolution, nn.Conv2d)
    nn.init.ones_(convolution.weight)
    feature = torch.zeros(1, 2, 8, 6)
    feature[0, :, 5, 4] = 30.0
    found = network(feature)
    assert found.probability.shape == (1, 1, depth, 8, 6)
    assert found.coordinates.shape == (1, 1, 3 if depth > 1 else 2)
    assert torch.allclose(found.coordinates[0, 0, :2], torch.tensor([4.0, 5.0]))


def test_a_rotation_net_reads_feature_then_place_joint_by_joint() -> None:
    feature = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    joints = torch.tensor([[1.0, 2.0, 7.0], [4.0, 0.0, 3.0]]).expand(2, -1, -1)
    inputs = JointInputs(has_pooled=True, width=3)
    found = inputs.read(feature, nn.Identity(), joints)
    there = [feature[:, :, 2, 1], joints[:, 0], feature[:, :, 0, 4], joints[:, 1]]
    assert torch.allclose(found, torch.cat([feature.mean((2, 3)), *there], dim=1))
    assert found.shape[1] == inputs.size(3, 2)
    plane = replace(inputs, has_pooled=False, has_features=False).with_axes(2)
    assert torch.equal(plane.read(feature, nn.Identity(), joints), joints[..., :2].flatten(1))


def test_rotations_do_not_move_positions() -> None:
    joints = torch.rand(1, 4, 3, requires_grad=True)
    feature = torch.rand(1, 6, 5, 5, requires_grad=True)
    JointInputs().read(feature, nn.Identity(), joints).sum().backward()
    assert joints.grad is None
    assert feature.grad is not None
