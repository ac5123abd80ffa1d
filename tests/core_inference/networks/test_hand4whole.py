"""Hand4Whole: shapes and sizes for every setting, its boxes, mirrored hands, exporting."""

import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.networks.build import (
    Hand4WholeSettings,
    RotationInput,
    WristInput,
    build_hand4whole,
)
from pose2rig.core_inference.networks.hand4whole import Hand4Whole, PartBoxes

SHAPES = {
    "global_orient": (2, 1, 3),
    "body_pose": (2, 21, 3),
    "left_hand_pose": (2, 15, 3),
    "right_hand_pose": (2, 15, 3),
    "jaw_pose": (2, 1, 3),
    "betas": (2, 10),
    "expression": (2, 10),
    "cam_trans": (2, 3),
    "joint_img": (2, 65, 3),
    "left_hand_box": (2, 4),
    "right_hand_box": (2, 4),
    "face_box": (2, 4),
    "box_centres": (2, 3, 2),
    "box_sizes": (2, 3, 2),
}
WRIST_INPUTS: dict[WristInput, int] = {
    "body": 25 * 515,
    "body+gap": 25 * 515 + 2 * 2048,
    "body+all": 25 * 515 + 40 * 515,
    "body+mcp": 25 * 515 + 8 * 515,
}
ROTATION_INPUTS: dict[RotationInput, tuple[int, int]] = {
    "gap": (3 * 2048, 2048),
    "feature": (33 * 512, 20 * 512),
    "2d": (33 * 2, 20 * 2),
    "3d": (33 * 3, 20 * 3),
    "3d+feature": (33 * 515, 20 * 515),
}


def built_and_trained(settings: Hand4WholeSettings) -> Hand4Whole:
    """The network after a step without numbers, whose shapes were right."""
    with torch.device("meta"):
        network = build_hand4whole(settings)
        output = network(torch.rand(2, 3, 512, 384))
        torch.stack([values.sum() for values in output]).sum().backward()
    assert {name: tuple(getattr(output, name).shape) for name in output._fields} == SHAPES
    unused = [name for name, values in network.named_parameters() if values.grad is None]
    assert unused == []
    return network


@pytest.mark.slow
@pytest.mark.parametrize("wrist_input", WRIST_INPUTS)
def test_every_wrist_input_of_table_1(wrist_input: WristInput) -> None:
    network = built_and_trained(Hand4WholeSettings(wrist_input=wrist_input))
    size = network.body_rotation_net.body_pose_out[0].in_features
    assert size == WRIST_INPUTS[wrist_input]


@pytest.mark.slow
@pytest.mark.parametrize("rotation_input", ROTATION_INPUTS)
def test_every_rotation_input_of_table_3(rotation_input: RotationInput) -> None:
    network = built_and_trained(Hand4WholeSettings(rotation_input=rotation_input))
    body = network.body_rotation_net.body_pose_out[0].in_features
    hand = network.hand_rotation_net.hand_pose_out[0].in_features
    assert (body, hand) == ROTATION_INPUTS[rotation_input]


@pytest.fixture(scope="module")
def network() -> Hand4Whole:
    """The released network with seeded weights and sizes of parts that lie in the image."""
    torch.manual_seed(9)
    network = build_hand4whole().eval()
    for size in ("lhand_size", "rhand_size", "face_size"):
        last = getattr(network.box_net, size)[2]
        assert isinstance(last, nn.Linear)
        nn.init.constant_(last.bias, 1.5)
    return network


@pytest.mark.slow
def test_three_people_at_once_are_the_same_as_each_alone(network: Hand4Whole) -> None:
    images = torch.rand(3, 3, 512, 384, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        together = network(images)
        alone = [network(images[n : n + 1]) for n in range(3)]
    for name in together._fields:
        each = torch.cat([getattr(output, name) for output in alone])
        torch.testing.assert_close(getattr(together, name), each, atol=1e-3, rtol=0)


@pytest.mark.slow
def test_patches_are_squares_about_the_parts(network: Hand4Whole) -> None:
    with torch.inference_mode():
        output = network(torch.rand(2, 3, 512, 384, generator=torch.Generator().manual_seed(2)))
    boxes = [output.left_hand_box, output.right_hand_box, output.face_box]
    for part, (box, growth) in enumerate(zip(boxes, (2.0, 2.0, 1.5), strict=True)):
        low, high = box.split(2, dim=1)
        side = growth * 64 * output.box_sizes[:, part].amax(1, keepdim=True)
        torch.testing.assert_close((low + high) / 2, 64 * output.box_centres[:, part])
        torch.testing.assert_close(high - low, side.expand(2, 2))


@pytest.mark.slow
def test_a_mirrored_image_swaps_the_hands(network: Hand4Whole) -> None:
    """With boxes given, mirrored about the middle between the first and the last pixel."""
    image = torch.rand(1, 3, 512, 384, generator=torch.Generator().manual_seed(3))
    centres = torch.tensor([[[4.3, 4.0], [383 / 64 - 4.3, 4.0], [3.0, 1.0]]])
    given = PartBoxes(centres=centres, sizes=torch.full((1, 3, 2), 1.2))

    def hand_out(module: nn.Module, inputs: tuple[Tensor, ...], output: PartBoxes) -> PartBoxes:
        return given

    hook = network.box_net.register_forward_hook(hand_out)
    with torch.inference_mode():
        seen, mirrored = network(image), network(image.flip(3))
    hook.remove()
    for one, other in (("left", "right"), ("right", "left")):
        pose = getattr(mirrored, f"{other}_hand_pose") * torch.tensor([1.0, -1.0, -1.0])
        torch.testing.assert_close(getattr(seen, f"{one}_hand_pose"), pose, atol=1e-4, rtol=0)
    assert (seen.left_hand_pose - seen.right_hand_pose).abs().max() > 1e-3


@pytest.mark.slow
def test_hand_joints_lie_in_their_boxes_on_the_body(network: Hand4Whole) -> None:
    image = torch.rand(1, 3, 512, 384, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        output = network(image)
    for box, joints in (
        (output.left_hand_box, slice(25, 45)),
        (output.right_hand_box, slice(45, 65)),
    ):
        low, high = (box / 64).split(2, dim=1)
        xy = output.joint_img[0, joints, :2]
        assert ((low < xy) & (xy < high)).all()


@pytest.mark.slow
def test_it_can_be_exported_for_any_number_of_people(network: Hand4Whole) -> None:
    generator = torch.Generator().manual_seed(5)
    people = torch.export.Dim("people", min=1, max=64)
    with torch.inference_mode():
        exported = torch.export.export(
            network, (torch.rand(2, 3, 512, 384),), dynamic_shapes=({0: people},)
        )
        image = torch.rand(1, 3, 512, 384, generator=generator)
        for found, expected in zip(exported.module()(image), network(image), strict=True):
            torch.testing.assert_close(found, expected)
