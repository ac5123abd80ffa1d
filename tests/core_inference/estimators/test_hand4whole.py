"""Hand4Whole's numbers as a person in our camera: seen where its authors' camera sees them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.base import PersonPose
from pose2rig.core_inference.estimators.bodies import ResearchBody, open_body_files
from pose2rig.core_inference.estimators.crops import processed_box
from pose2rig.core_inference.estimators.hand4whole import PATCH_WH, Hand4WholeNetworks
from pose2rig.core_inference.estimators.model_folder import ModelFolder
from pose2rig.core_inference.estimators.research import ResearchEstimator
from pose2rig.core_inference.estimators.root import Lens, view_turns
from pose2rig.core_inference.footage import Frame
from pose2rig.rigs.rotation import angle_between, matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, LEFT_HAND, RIGHT_HAND

from ...licensed_models import write_smplx
from .stand_ins import (
    Box,
    ChosenFinder,
    ChosenNetwork,
    blank,
    found_person,
    licensed_research_body,
    random_rotations,
    saying,
)

Float64 = NDArray[np.float64]

WIDTH, HEIGHT = 800, 600
CENTRED: Box = (300.5, 150.5, 200.0, 300.0)
ASIDE: Box = (520.0, 200.0, 200.0, 300.0)


def said(seed: int = 1, people: int = 1) -> dict[str, Float64]:
    """What a network says of people about three metres high in its box."""
    random = np.random.default_rng(seed)
    upside_up = np.tile([np.pi - 0.2, 0.1, 0.1], (people, 1, 1))
    return {
        "global_orient": upside_up,
        "body_pose": random_rotations(seed + 1, people, 21),
        "left_hand_pose": random_rotations(seed + 2, people, 15),
        "right_hand_pose": random_rotations(seed + 3, people, 15),
        "jaw_pose": random_rotations(seed + 4, people, 1, size=0.1),
        "betas": random.normal(size=(people, 10)),
        "expression": random.normal(size=(people, 10)),
        "cam_trans": np.tile([0.03, 0.4, 41.0], (people, 1)),
    }


def processed(box: Box) -> Float64:
    found = processed_box(box, (WIDTH, HEIGHT), PATCH_WH[0] / PATCH_WH[1])
    assert found is not None
    return found


def estimated(fields: dict[str, Any], body: ResearchBody, box: Box, lens: Lens) -> PersonPose:
    networks = Hand4WholeNetworks(saying(**fields), body, lens)
    finder = ChosenFinder({0: found_person(box)})
    estimator = ResearchEstimator(finder, networks, body, lens, ())
    ((pose,),) = estimator.estimate_all([Frame(index=0, time_s=0.0, image=blank(WIDTH, HEIGHT))])
    return pose


def lens_like_theirs(box: Float64) -> Lens:
    """The lens with which our camera is the virtual one of a box in the image's middle."""
    np.testing.assert_allclose(box[:2] + box[2:] / 2, [WIDTH / 2, HEIGHT / 2])
    return Lens(focal_px=5000 / 256 * float(box[3]), image_size=(WIDTH, HEIGHT))


# --- rotations ---------------------------------------------------------------------------------


def test_every_rotation_stands_at_its_joint_and_the_hands_mean_is_added_once() -> None:
    body, fields = licensed_research_body(), said()
    pose = estimated(fields, body, CENTRED, lens_like_theirs(processed(CENTRED)))
    assert pose.rotations is not None
    assert body.hand_means is not None
    np.testing.assert_allclose(pose.rotations[1:22], fields["body_pose"][0], atol=1e-6)
    np.testing.assert_allclose(pose.rotations[JOINT["jaw"]], fields["jaw_pose"][0, 0], atol=1e-6)
    np.testing.assert_array_equal(pose.rotations[23:25], 0.0)
    left, right = fields["left_hand_pose"][0], fields["right_hand_pose"][0]
    np.testing.assert_allclose(pose.rotations[LEFT_HAND], left + body.hand_means[0], atol=1e-6)
    np.testing.assert_allclose(pose.rotations[RIGHT_HAND], right + body.hand_means[1], atol=1e-6)
    assert pose.betas is not None
    assert pose.expression is not None
    np.testing.assert_allclose(pose.betas, fields["betas"][0], atol=1e-6)
    np.testing.assert_allclose(pose.expression, fields["expression"][0], atol=1e-6)


def test_without_licensed_files_fingers_are_the_networks_and_nothing_is_expressed() -> None:
    fields = said()
    pose = estimated(fields, ResearchBody(), CENTRED, lens_like_theirs(processed(CENTRED)))
    assert pose.rotations is not None
    np.testing.assert_allclose(pose.rotations[LEFT_HAND], fields["left_hand_pose"][0], atol=1e-6)
    np.testing.assert_allclose(pose.rotations[RIGHT_HAND], fields["right_hand_pose"][0], atol=1e-6)
    assert pose.expression is not None
    np.testing.assert_array_equal(pose.expression, 0.0)


@pytest.mark.parametrize("box", [CENTRED, ASIDE])
def test_only_the_pelvis_is_turned_by_the_ray_to_the_box(box: Box) -> None:
    fields, lens = said(), Lens(focal_px=500.0, image_size=(WIDTH, HEIGHT))
    pose = estimated(fields, licensed_research_body(), box, lens)
    assert pose.rotations is not None
    theirs = matrix_from_axis_angle(fields["global_orient"][0, 0])
    ours = matrix_from_axis_angle(pose.rotations[0].astype(np.float64))
    turn = view_turns(processed(box)[None], lens)[0]
    np.testing.assert_allclose(ours, turn @ theirs, atol=1e-6)
    away = float(angle_between(theirs, ours))
    assert away < 1e-5 if box == CENTRED else away > 0.2
    np.testing.assert_allclose(pose.rotations[1:22], fields["body_pose"][0], atol=1e-6)


# --- the place ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_joints_are_seen_where_the_authors_own_layer_and_camera_see_them(tmp_path: Path) -> None:
    """The layer adds the hands' mean pose itself; with equal cameras every pixel is the same."""
    import torch

    (tmp_path / "smplx").mkdir()
    write_smplx(tmp_path / "smplx" / "SMPLX_NEUTRAL.npz")
    body = open_body_files(ModelFolder(root=tmp_path))
    assert body.licensed is not None
    fields, box = said(), processed(CENTRED)
    fields["expression"][:] = 0.0
    lens = lens_like_theirs(box)
    pose = estimated(fields, body, CENTRED, lens)

    def tensor(name: str) -> Any:
        return torch.from_numpy(fields[name].astype(np.float32).reshape(1, -1))

    names = ("global_orient", "body_pose", "left_hand_pose", "right_hand_pose", "jaw_pose")
    with torch.no_grad():
        out = body.licensed.layer(**{name: tensor(name) for name in (*names, "betas")})
    joints = out.joints[0, :55].numpy().astype(np.float64) + fields["cam_trans"][0]
    focal = np.array([5000 / 192 * box[2], 5000 / 256 * box[3]])
    principal = np.array([96 / 192 * box[2] + box[0], 128 / 256 * box[3] + box[1]])
    seen = joints[:, :2] / joints[:, 2:] * focal + principal
    np.testing.assert_allclose(pose.joints2d, seen, atol=0.02)
    assert float(np.ptp(seen[:, 1])) > 150.0
    assert pose.root is not None
    np.testing.assert_allclose(pose.root, joints[0], atol=1e-3)


@pytest.mark.parametrize("box", [CENTRED, ASIDE])
def test_the_pelvis_is_seen_at_its_pixel_wherever_the_box_is(box: Box) -> None:
    body, fields = licensed_research_body(), said()
    lens = Lens(focal_px=900.0, image_size=(WIDTH, HEIGHT))
    pose = estimated(fields, body, box, lens)
    x, y, width, height = processed(box)
    pelvis = body.rest_joints(fields["betas"])[0, 0] + fields["cam_trans"][0]
    aside = pelvis[:2] / pelvis[2] * 5000 / 256 * height
    np.testing.assert_allclose(
        pose.joints2d[0], np.array([x + width / 2, y + height / 2]) + aside, atol=1e-2
    )


def test_a_longer_lens_puts_the_same_picture_further_away_in_proportion() -> None:
    near, far = (
        estimated(
            said(), ResearchBody(), CENTRED, Lens(focal_px=focal, image_size=(WIDTH, HEIGHT))
        ).root
        for focal in (600.0, 1200.0)
    )
    assert near is not None
    assert far is not None
    np.testing.assert_allclose(far[2], 2 * near[2], rtol=1e-5)
    np.testing.assert_allclose(far[:2], near[:2], atol=1e-5)


# --- what the network is shown -----------------------------------------------------------------


def test_the_network_is_shown_rgb_from_0_to_1_upright() -> None:
    image = blank(WIDTH, HEIGHT)
    image[:300, :, 0], image[300:, :, 2] = 255, 255
    network = ChosenNetwork(lambda *_: said())
    lens = Lens(focal_px=900.0, image_size=(WIDTH, HEIGHT))
    networks = Hand4WholeNetworks(network, ResearchBody(), lens)
    finder = ChosenFinder({0: found_person(CENTRED)})
    ResearchEstimator(finder, networks, ResearchBody(), lens, ()).estimate_all(
        [Frame(index=0, time_s=0.0, image=image)]
    )
    ((patches,),) = network.inputs
    assert patches.shape == (1, 3, 512, 384)
    assert patches.dtype == np.float32
    np.testing.assert_allclose(patches[0, :, 10].mean(axis=1), [1.0, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(patches[0, :, 500].mean(axis=1), [0.0, 0.0, 1.0], atol=1e-6)
