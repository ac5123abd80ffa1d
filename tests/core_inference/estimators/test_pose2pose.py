"""Pose2Pose's parts joined: hands from their own crops, left ones mirrored, faces, the pelvis."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators import topology
from pose2rig.core_inference.estimators.bodies import mirrored
from pose2rig.core_inference.estimators.crops import crop_person, in_patch, processed_box
from pose2rig.core_inference.estimators.pose2pose import Pose2PoseNetworks, Pose2PoseParts
from pose2rig.core_inference.estimators.research import PosedPeople, Sighting
from pose2rig.core_inference.estimators.root import Lens, view_turns
from pose2rig.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, JOINT_NAMES, LEFT_HAND, RIGHT_HAND
from pose2rig.rigs.skeleton import world_rotations as world_from_local

from .stand_ins import (
    Box,
    ChosenNetwork,
    Float32,
    found_person,
    random_rotations,
    saying,
    silent,
)

Float64 = NDArray[np.float64]
Image = NDArray[np.uint8]

WIDTH, HEIGHT = 960, 540
LENS = Lens(focal_px=500.0, image_size=(WIDTH, HEIGHT))
BODY: Box = (250.0, 40.0, 420.0, 460.0)
LEFT: Box = (600.0, 220.0, 60.0, 50.0)
RIGHT: Box = (260.0, 180.0, 50.0, 60.0)
FACE: Box = (420.0, 60.0, 60.0, 80.0)
ALL = {"left hand": LEFT, "right hand": RIGHT, "face": FACE}
DEPTH_M = 43.0
ELBOWS = [JOINT["left_elbow"], JOINT["right_elbow"]]
WRISTS = [JOINT["left_wrist"], JOINT["right_wrist"]]


def picture() -> Image:
    """Soft random colours, bright about the left hand and dark about the right."""
    random = np.random.default_rng(4)
    coarse = random.integers(90, 160, (9, 16, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.int64)
    image[:, 520:] += 80
    image[:, :400] -= 80
    return np.clip(image, 0, 255).astype(np.uint8)


def middle(box: Box) -> Float64:
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])


def processed(box: Box, aspect: float) -> Float64:
    found = processed_box(box, (WIDTH, HEIGHT), aspect)
    assert found is not None
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A person whose whole pose is known, in the camera's axes; wrists and pelvis in px."""

    rotations: Float64
    pelvis: Float64
    wrists: Float64

    @property
    def world(self) -> Float64:
        """World rotations (55,3,3)."""
        return world_from_local(matrix_from_axis_angle(self.rotations)[None])[0]

    def body(self) -> ChosenNetwork:
        """The body network: all as it is but the wrists, which it leaves straight."""
        box = processed(BODY, 0.75)
        turn = view_turns(box[None], LENS)[0]
        straight = axis_angle_from_matrix(turn.T @ matrix_from_axis_angle(self.rotations[0]))
        body_pose = self.rotations[1:22].copy()
        body_pose[[joint - 1 for joint in WRISTS]] = 0.0
        cells = np.zeros((1, 25, 3))
        crop = crop_person(picture(), box, (192, 256))
        points = np.concatenate([self.pelvis[None], self.wrists])
        cells[0, [0, 12, 13], :2] = in_patch(points, crop.patch_from_image) / 32
        return saying(
            global_orient=straight[None, None],
            body_pose=body_pose[None],
            betas=np.full((1, 10), 3.0),
            cam_trans=[[0.1, 0.2, DEPTH_M]],
            joint_img=cells,
        )

    def hand(self) -> ChosenNetwork:
        """The hand network: every hand in the axes of its own crop, left ones as right ones."""
        views = view_turns(np.stack([processed(LEFT, 1.0), processed(RIGHT, 1.0)]), LENS)
        orients = axis_angle_from_matrix(np.swapaxes(views, -1, -2) @ self.world[WRISTS])
        fingers = np.stack([self.rotations[LEFT_HAND], self.rotations[RIGHT_HAND]])
        orients[0], fingers[0] = mirrored(orients[0]), mirrored(fingers[0])

        def answer(patches: Float32) -> dict[str, Any]:
            """Which hand a patch shows is told by its brightness."""
            side = (patches.mean(axis=(1, 2, 3)) < 0.5).astype(np.intp)
            return {"global_orient": orients[side][:, None], "hand_pose": fingers[side]}

        return ChosenNetwork(answer)


def scene() -> Scene:
    rotations = random_rotations(11, JOINT_COUNT, size=0.25)
    rotations[0] = [np.pi - 0.3, 0.2, 0.1]
    rotations[22:25] = 0.0
    return Scene(
        rotations=rotations,
        pelvis=np.array([462.0, 291.0]),
        wrists=np.stack([middle(LEFT), middle(RIGHT)]) + 6.0,
    )


FACES = saying(jaw_pose=[[[0.2, 0.01, 0.02]]], expression=np.arange(10.0)[None])


def parts(known: Scene, **changes: ChosenNetwork) -> Pose2PoseParts:
    networks = {"body": known.body(), "hand": known.hand(), "face": FACES, **changes}
    return Pose2PoseParts(**networks)


def looked(networks: Pose2PoseParts, landmarks: dict[str, Box]) -> PosedPeople:
    sighting = Sighting(image=picture(), found=found_person(BODY, parts=landmarks))
    return Pose2PoseNetworks(networks, LENS).look([sighting])


def world_of(people: PosedPeople) -> Float64:
    return world_from_local(matrix_from_axis_angle(people.rotations))[0]


# --- hands -------------------------------------------------------------------------------------


def test_hands_seen_in_their_own_crops_stand_in_our_camera_as_they_are() -> None:
    known = scene()
    people = looked(parts(known), ALL)
    np.testing.assert_allclose(world_of(people)[WRISTS], known.world[WRISTS], atol=1e-6)
    for fingers in (LEFT_HAND, RIGHT_HAND):
        np.testing.assert_allclose(
            people.rotations[0, fingers], known.rotations[fingers], atol=1e-6
        )
    others = [k for k in range(22) if k not in (*ELBOWS, *WRISTS)]
    np.testing.assert_allclose(people.rotations[0, others], known.rotations[others], atol=1e-6)


def test_the_views_of_hands_and_body_differ_enough_to_be_mixed_up() -> None:
    boxes = [processed(BODY, 0.75), processed(LEFT, 1.0), processed(RIGHT, 1.0)]
    turns = view_turns(np.stack(boxes), LENS)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(turns[one] - turns[other]).max() > 0.15


def test_the_left_hand_is_shown_mirrored_and_the_right_as_it_is() -> None:
    known = scene()
    hand = known.hand()
    looked(parts(known, hand=hand), ALL)
    ((patches,),) = hand.inputs
    assert patches.shape == (2, 3, 256, 256)
    image = picture()
    for patch, box, is_left in zip(patches, (LEFT, RIGHT), (True, False), strict=True):
        plain = crop_person(image, processed(box, 1.0), (256, 256)).patch / 255
        expected = plain[:, :0:-1] if is_left else plain[:, 1:]
        np.testing.assert_allclose(patch.transpose(1, 2, 0)[:, 1:], expected, atol=1e-5)
        assert np.abs(plain[:, ::-1] - plain).max() > 0.02


@pytest.mark.parametrize("seen", ["left", "right", "none"])
def test_a_hand_that_was_not_found_gets_its_mean_pose_and_the_bodys_wrist(seen: str) -> None:
    known = scene()
    landmarks = {"left": {"left hand": LEFT}, "right": {"right hand": RIGHT}}
    hand = ChosenNetwork(silent) if seen == "none" else known.hand()
    people = looked(parts(known, hand=hand), landmarks.get(seen, {}))
    for side, fingers, elbow, wrist in (
        ("left", LEFT_HAND, *(ELBOWS[0], WRISTS[0])),
        ("right", RIGHT_HAND, *(ELBOWS[1], WRISTS[1])),
    ):
        if side == seen:
            np.testing.assert_allclose(world_of(people)[wrist], known.world[wrist], atol=1e-6)
            assert np.abs(people.rotations[0, fingers]).max() > 0.1
        else:
            np.testing.assert_array_equal(people.rotations[0, fingers], 0.0)
            np.testing.assert_allclose(people.rotations[0, wrist], 0.0, atol=1e-7)
            np.testing.assert_allclose(
                people.rotations[0, elbow], known.rotations[elbow], atol=1e-6
            )


@pytest.mark.parametrize(("away", "is_found"), [(0.9, True), (1.1, False)])
def test_a_hand_further_from_the_wrist_than_its_box_is_large_was_not_found(
    away: float, is_found: bool
) -> None:
    known = scene()
    box = processed(LEFT, 1.0)
    wrists = known.wrists.copy()
    wrists[0] = box[:2] + box[2:] / 2 + [away * box[2] * 0.6, away * box[2] * 0.8]
    people = looked(
        parts(Scene(rotations=known.rotations, pelvis=known.pelvis, wrists=wrists)), ALL
    )
    assert bool(people.rotations[0, LEFT_HAND].any()) == is_found
    assert people.rotations[0, RIGHT_HAND].any()


def test_landmarks_nobody_is_sure_of_are_no_hand() -> None:
    known = scene()
    person = found_person(BODY, parts=ALL)
    assert person.landmarks is not None
    person.landmarks.scores[topology.LEFT_HAND] = 0.05
    sighting = Sighting(image=picture(), found=person)
    people = Pose2PoseNetworks(parts(known), LENS).look([sighting])
    assert not people.rotations[0, LEFT_HAND].any()
    assert people.rotations[0, RIGHT_HAND].any()


def test_a_landmark_that_was_lost_does_not_drag_the_box_to_the_corner() -> None:
    known = scene()
    person = found_person(BODY, parts=ALL)
    assert person.landmarks is not None
    lost = topology.LEFT_HAND.start + 7
    person.landmarks.scores[lost], person.landmarks.points2d[lost] = 0.0, 0.0
    people = Pose2PoseNetworks(parts(known), LENS).look([Sighting(image=picture(), found=person)])
    np.testing.assert_allclose(world_of(people)[WRISTS], known.world[WRISTS], atol=1e-6)


# --- a mirrored scene --------------------------------------------------------------------------


def swapped_sides(rotations: Float64) -> Float64:
    """The pose (55,3) of the person in the mirror."""
    other = {"left": "right", "right": "left"}
    names = [n.replace(n.split("_")[0], other.get(n.split("_")[0], n.split("_")[0]), 1)
             for n in JOINT_NAMES]  # fmt: skip
    return mirrored(rotations[[JOINT[name] for name in names]])


def in_mirror(box: Box) -> Box:
    return (WIDTH - box[0] - box[2], *box[1:])


def test_a_mirrored_scene_gives_the_mirrored_person() -> None:
    """The networks see the same patches of hands; boxes are cut at pixels, hence the tolerance."""
    known = scene()
    networks = parts(known)
    people = looked(networks, ALL)
    spoken = networks.body.run()
    pose = np.zeros((JOINT_COUNT, 3))
    pose[0], pose[1:22] = spoken.global_orient[0, 0], spoken.body_pose[0]
    pose = swapped_sides(pose)
    cells = spoken.joint_img[:, [*range(12), 13, 12, *range(14, 25)]].copy()
    cells[..., 0] = 6.0 - cells[..., 0]
    mirrored_body = saying(
        global_orient=pose[None, :1],
        body_pose=pose[None, 1:22],
        cam_trans=[[-0.1, 0.2, DEPTH_M]],
        joint_img=cells,
    )
    landmarks = {
        "left hand": in_mirror(RIGHT),
        "right hand": in_mirror(LEFT),
        "face": in_mirror(FACE),
    }
    sighting = Sighting(
        image=np.ascontiguousarray(picture()[:, ::-1]),
        found=found_person(in_mirror(BODY), parts=landmarks),
    )
    twin = Pose2PoseNetworks(parts(known, body=mirrored_body), LENS).look([sighting])
    expected = matrix_from_axis_angle(swapped_sides(people.rotations[0]))
    joints = [k for k in range(JOINT_COUNT) if k != JOINT["jaw"]]
    actual = matrix_from_axis_angle(twin.rotations[0])
    np.testing.assert_allclose(actual[joints], expected[joints], atol=0.01)
    assert np.abs(people.rotations[0, LEFT_HAND]).max() > 0.1
    np.testing.assert_allclose(twin.root[0], people.root[0] * [-1, 1, 1], rtol=0.01, atol=0.01)


# --- face and place ----------------------------------------------------------------------------


def test_jaw_and_expression_come_from_the_face_network() -> None:
    people = looked(parts(scene()), ALL)
    np.testing.assert_allclose(people.rotations[0, JOINT["jaw"]], [0.2, 0.01, 0.02], atol=1e-7)
    np.testing.assert_allclose(people.expression[0], np.arange(10.0))


def test_without_a_face_the_jaw_is_shut_and_nothing_is_expressed() -> None:
    landmarks = {"left hand": LEFT, "right hand": RIGHT}
    people = looked(parts(scene(), face=ChosenNetwork(silent)), landmarks)
    np.testing.assert_array_equal(people.rotations[0, JOINT["jaw"]], 0.0)
    np.testing.assert_array_equal(people.expression, 0.0)


def test_the_pelvis_is_where_the_heat_map_sees_it_at_the_cameras_distance() -> None:
    """The translation is of SMPL's origin, so its sideways part says nothing of our pelvis."""
    known = scene()
    people = looked(parts(known), ALL)
    np.testing.assert_allclose(LENS.project(people.root[0]), known.pelvis, atol=1e-3)
    box = processed(BODY, 0.75)
    ray = LENS.rays(box[:2] + box[2:] / 2)
    distance = DEPTH_M * LENS.focal_px / (5000 / 256 * box[3])
    cosine = 1 / float(np.linalg.norm(ray))
    assert float(people.root[0] @ ray) * cosine == pytest.approx(distance / cosine**1.5, rel=1e-6)


def test_smpls_shape_is_not_taken_for_smplxs() -> None:
    np.testing.assert_array_equal(looked(parts(scene()), ALL).betas, 0.0)


def test_people_of_a_batch_keep_their_own_hands_and_faces() -> None:
    """The first has a right hand and no face, the second both, the third neither."""
    known = scene()
    shown: list[dict[str, Box]] = [
        {"right hand": RIGHT},
        ALL,
        {},
    ]
    body: dict[str, Float32] = vars(known.body().run())

    def of_each(patches: Float32) -> dict[str, Any]:
        return {name: np.repeat(value, len(patches), axis=0) for name, value in body.items()}

    sightings = [Sighting(image=picture(), found=found_person(BODY, parts=each)) for each in shown]
    together = Pose2PoseNetworks(parts(known, body=ChosenNetwork(of_each)), LENS).look(sightings)
    for n, each in enumerate(shown):
        alone = looked(parts(known), each)
        np.testing.assert_allclose(together.rotations[n], alone.rotations[0], atol=1e-9)
        np.testing.assert_allclose(together.expression[n], alone.expression[0], atol=1e-9)
        np.testing.assert_allclose(together.root[n], alone.root[0], atol=1e-9)
