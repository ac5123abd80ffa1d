"""I2L-MeshNet's lixels as a mesh and a person in our camera."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.bodies import ResearchBody
from pose2rig.core_inference.estimators.crops import Crop, crop_person, in_patch, processed_box
from pose2rig.core_inference.estimators.i2l_meshnet import I2LMeshNetworks
from pose2rig.core_inference.estimators.research import PosedPeople, ResearchEstimator, Sighting
from pose2rig.core_inference.estimators.root import Lens, depth_from_box, rootnet_k, view_turns
from pose2rig.core_inference.footage import Frame
from pose2rig.rigs.rotation import matrix_from_axis_angle

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

LENS = Lens(focal_px=700.0, image_size=(960, 540))
BOX: Box = (560.0, 60.0, 260.0, 420.0)
DEPTH_M = 4.2
_MEAN = np.array([0.485, 0.456, 0.406])
_DEVIATION = np.array([0.229, 0.224, 0.225])


def shown() -> NDArray[np.uint8]:
    """A picture whose channels differ everywhere."""
    image = blank(960, 540)
    rows, columns = np.mgrid[:540, :960]
    image[...] = np.stack([rows // 3, columns // 4, (rows + columns) // 6], axis=-1)
    return image


def crop() -> Crop:
    box = processed_box(BOX, LENS.image_size, 1.0)
    assert box is not None
    return crop_person(shown(), box, (256, 256))


def mesh() -> Float64:
    """Vertices (6890,3) m within a metre of the pelvis, in our camera; the first is the pelvis."""
    around = np.random.default_rng(5).uniform(-0.6, 0.6, size=(6890, 3))
    middle = crop().box[:2] + crop().box[2:] / 2
    centre = LENS.points(middle[None] + [[9.0, -14.0]], np.array([DEPTH_M]))
    around[0] = 0.0
    return centre + around


def lixels(points: Float64) -> Float64:
    """Heat-map cells (N,3) in which a perfect network sees points (N,3) of our camera."""
    cells = in_patch(LENS.project(points), crop().patch_from_image) / 4
    depth = ((points[:, 2:] - DEPTH_M) + 1) / 2 * 64
    return np.concatenate([cells, depth], axis=1)


def said() -> dict[str, Any]:
    pose = random_rotations(8, 1, 24)
    return {
        "joint_img": np.zeros((1, 29, 3)),
        "mesh_img": lixels(mesh())[None],
        "mesh_joint_img": lixels(mesh())[None, :29],
        "pose": pose,
        "betas": np.full((1, 10), 2.0),
    }


def rootnet(depth_m: float = DEPTH_M) -> ChosenNetwork:
    return saying(coordinates=[[3.0, 4.0, depth_m * 1000]])


def looked(networks: I2LMeshNetworks) -> PosedPeople:
    return networks.look([Sighting(image=shown(), found=found_person(BOX))])


def test_the_mesh_stands_where_its_lixels_are_seen() -> None:
    people = looked(I2LMeshNetworks(saying(**said()), rootnet(), LENS))
    assert people.vertices is not None
    assert people.vertices.dtype == np.float32
    np.testing.assert_allclose(people.vertices[0], mesh(), atol=1e-4)
    np.testing.assert_allclose(people.root[0], mesh()[0], atol=1e-4)


def test_smpls_rotations_are_smplxs_first_22_with_the_pelvis_turned_into_our_axes() -> None:
    fields = said()
    people = looked(I2LMeshNetworks(saying(**fields), rootnet(), LENS))
    np.testing.assert_allclose(people.rotations[0, 1:22], fields["pose"][0, 1:22], atol=1e-6)
    np.testing.assert_array_equal(people.rotations[0, 22:], 0.0)
    turn = view_turns(crop().box[None], LENS)[0]
    theirs = matrix_from_axis_angle(fields["pose"][0, 0])
    np.testing.assert_allclose(
        matrix_from_axis_angle(people.rotations[0, 0]), turn @ theirs, atol=1e-6
    )
    assert np.abs(turn - np.eye(3)).max() > 0.2


def test_smpls_shape_is_not_taken_for_smplxs() -> None:
    people = looked(I2LMeshNetworks(saying(**said()), rootnet(), LENS))
    np.testing.assert_array_equal(people.betas, 0.0)
    np.testing.assert_array_equal(people.expression, 0.0)


def test_the_networks_see_one_patch_in_their_own_units() -> None:
    """I2L-MeshNet 0..1; RootNet 0..255, less the mean and by the deviation of 0..1."""
    body, root = saying(**said()), rootnet()
    looked(I2LMeshNetworks(body, root, LENS))
    ((plain,),) = body.inputs
    ((normal, k),) = root.inputs
    patch = crop().patch.transpose(2, 0, 1)[None]
    np.testing.assert_allclose(plain, patch / 255, atol=1e-6)
    np.testing.assert_allclose(
        normal, (patch - _MEAN[:, None, None]) / _DEVIATION[:, None, None], rtol=1e-5, atol=1e-4
    )
    assert normal.max() > 100
    assert normal.dtype == k.dtype == np.float32
    np.testing.assert_allclose(k, rootnet_k(crop().box[None], LENS), rtol=1e-6)


def test_without_rootnet_the_depth_is_guessed_from_the_box() -> None:
    people = looked(I2LMeshNetworks(saying(**said()), None, LENS))
    guess = depth_from_box(crop().box[None], LENS)[0]
    assert people.vertices is not None
    np.testing.assert_allclose(people.root[0, 2], guess)
    assert abs(guess - DEPTH_M) > 0.2
    np.testing.assert_allclose(
        LENS.project(people.vertices[0].astype(np.float64)), LENS.project(mesh()), atol=1e-2
    )


def test_a_depth_behind_the_camera_is_not_believed() -> None:
    people = looked(I2LMeshNetworks(saying(**said()), rootnet(-3.0), LENS))
    assert people.root[0, 2] > 0.0


def test_the_files_in_use_are_named() -> None:
    alone = I2LMeshNetworks(saying(**said()), None, LENS)
    both = I2LMeshNetworks(saying(**said()), rootnet(), LENS)
    assert list(alone.files) == ["i2l_meshnet_body"]
    assert list(both.files) == ["i2l_meshnet_body", "rootnet"]


def test_fingers_rest_in_their_mean_pose_and_the_mesh_stays_with_the_person() -> None:
    body = licensed_research_body()
    networks = I2LMeshNetworks(saying(**said()), rootnet(), LENS)
    estimator = ResearchEstimator(ChosenFinder({0: found_person(BOX)}), networks, body, LENS, ())
    ((pose,),) = estimator.estimate_all([Frame(index=0, time_s=0.0, image=shown())])
    assert pose.rotations is not None
    assert pose.vertices is not None
    assert body.hand_means is not None
    np.testing.assert_allclose(pose.rotations[25:40], body.hand_means[0], atol=1e-6)
    np.testing.assert_allclose(pose.rotations[40:55], body.hand_means[1], atol=1e-6)
    np.testing.assert_allclose(pose.vertices, mesh(), atol=1e-4)
    np.testing.assert_allclose(pose.joints2d[0], LENS.project(mesh()[0]), atol=1e-2)


def test_a_mesh_of_no_numbers_is_nobody() -> None:
    fields = said()
    fields["mesh_img"][0, 77, 2] = np.nan
    networks = I2LMeshNetworks(saying(**fields), rootnet(), LENS)
    finder = ChosenFinder({0: found_person(BOX)})
    estimator = ResearchEstimator(finder, networks, ResearchBody(), LENS, ())
    assert estimator.estimate_all([Frame(index=0, time_s=0.0, image=shown())]) == [[]]
