"""A moving camera: the same motion in the same world as before a camera at rest."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.camera import CAMERA_FROM_WORLD
from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.motion.camera import with_camera_gone
from pose2rig.core_inference.motion.placing import Scene
from pose2rig.core_inference.motion.scene import stand_together
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.synthetic import KnownMotion, camera_position, take_of
from pose2rig.rigs.rotation import matrix_from_axis_angle

from ..conftest import rows_of
from ..people_together import Actor, motion_of

Float64 = NDArray[np.float64]


@pytest.fixture(scope="module")
def motion(body: BodyModel) -> tuple[KnownMotion, Float64]:
    return motion_of(Actor(place=(0.0, 0.0), turn_deg=20.0), body)


@pytest.fixture(scope="module")
def still(motion: tuple[KnownMotion, Float64], body: BodyModel) -> RawTake:
    known, time_s = motion
    return filmed(known, body, time_s, np.zeros((len(time_s), 3)), np.zeros((len(time_s), 2)))


@pytest.fixture(scope="module")
def moving(motion: tuple[KnownMotion, Float64], body: BodyModel) -> RawTake:
    """Filmed by a camera that pans by 25 degrees, nods and rolls a little, and goes 2 m."""
    known, time_s = motion
    share = np.linspace(0.0, 1.0, len(time_s))
    turns = np.radians(np.stack([4 * np.sin(6 * share), 2 * np.sin(9 * share), 25 * share], axis=1))
    return filmed(known, body, time_s, turns, np.outer(share, [2.0, -0.5]))


def filmed(
    known: KnownMotion, body: BodyModel, time_s: Float64, turns_T3: Float64, way_T2: Float64
) -> RawTake:
    """Somebody on the floor z = 0, which tells how high the camera is.

    turns_T3: axis-angle of the camera in the world's axes; way_T2: m, x and y.
    """
    start = camera_position(known.joints) - np.array([0.0, 2.0, 0.0])
    way_T3 = np.concatenate([way_T2, np.zeros((len(time_s), 1))], axis=1)
    world_from_level_T33 = matrix_from_axis_angle(turns_T3)
    take = take_of(
        known,
        body,
        time_s,
        camera=(start + way_T3)[:, None],
        world_from_level=np.asarray(world_from_level_T33, dtype=np.float64),
    )
    if not turns_T3.any():
        return take
    rotation_T33 = CAMERA_FROM_WORLD @ np.swapaxes(world_from_level_T33, 1, 2)
    return replace(
        take,
        camera_rotation=rotation_T33.astype(np.float32),
        camera_place=(way_T2 / start[2]).astype(np.float32),
    )


def zoomed(take: RawTake, end: float) -> RawTake:
    """The take as a lens shows it that zooms evenly from its first row's focal length."""
    count, centre = len(take.frame_index), np.array(take.image_size) / 2
    zoom = np.linspace(1.0, end, count)
    rotation = take.camera_rotation
    if rotation is None:
        rotation = np.broadcast_to(CAMERA_FROM_WORLD, (count, 3, 3))

    def larger(pixels_TN2: NDArray[np.float32]) -> NDArray[np.float32]:
        aside_TN2 = (pixels_TN2 - centre) * zoom[:, None, None]
        return (aside_TN2 + centre).astype(np.float32)

    corners = np.stack([take.boxes[:, :2], take.boxes[:, :2] + take.boxes[:, 2:]], axis=1)
    low, high = larger(corners).swapaxes(0, 1)
    return replace(
        take,
        boxes=np.concatenate([low, high - low], axis=1),
        joints2d=larger(take.joints2d),
        landmarks2d=larger(take.landmarks2d),
        camera_rotation=rotation.astype(np.float32),
        camera_zoom=zoom.astype(np.float32),
    )


def apart_m(one: Clip, other: Clip) -> Float64:
    """How far the joints (T,55) are apart, both worlds at the middle of their motions."""
    middles = [clip.joints.mean(axis=(0, 1)) for clip in (one, other)]
    return np.linalg.norm((one.joints - middles[0]) - (other.joints - middles[1]), axis=-1)


@pytest.mark.parametrize("smooth", [0.0, 0.5])
def test_the_motion_is_that_of_a_camera_at_rest(
    still: RawTake, moving: RawTake, body: BodyModel, smooth: float
) -> None:
    """The solver's own errors turn with the camera: they are all that differs."""
    before, behind = (
        process(take, body, MotionSettings(smooth=smooth)) for take in (still, moving)
    )
    assert apart_m(before, behind).mean() < 0.03
    taken_for_still = replace(moving, camera_rotation=None, camera_place=None)
    assert apart_m(before, process(taken_for_still, body, MotionSettings())).mean() > 0.3


def test_pixels_are_where_the_stored_camera_sees_the_joints(
    moving: RawTake, body: BodyModel
) -> None:
    clip = process(moving, body, MotionSettings())
    assert clip.camera.rotation.shape == (len(clip.frame_index), 3, 3)
    seen = clip.camera.project(clip.joints.astype(np.float64))
    np.testing.assert_allclose(clip.joints2d, seen, atol=0.05)
    assert np.median(np.linalg.norm(seen - moving.joints2d, axis=-1)) < 12.0


def test_a_zoom_moves_nobody(still: RawTake, moving: RawTake, body: BodyModel) -> None:
    """Taken for a lens that stays as it is, people would come nearer."""
    for take in (still, moving):
        shown = zoomed(take, 1.6)
        before, clip = (process(one, body, MotionSettings()) for one in (take, shown))
        assert apart_m(before, clip).mean() < 0.02
        assert clip.camera.zoom is not None and shown.camera_zoom is not None
        np.testing.assert_array_equal(clip.camera.zoom, shown.camera_zoom)
        seen = clip.camera.project(clip.joints.astype(np.float64))
        np.testing.assert_allclose(clip.joints2d, seen, atol=0.05)
        assert np.median(np.linalg.norm(seen - shown.joints2d, axis=-1)) < 16.0
        unheard = process(replace(shown, camera_zoom=None), body, MotionSettings())
        assert apart_m(before, unheard).mean() > 0.3


def test_a_zoom_goes_on_evenly_in_frames_without_anybody(still: RawTake, body: BodyModel) -> None:
    take = zoomed(still, 1.6)
    keep = np.r_[0:20, 26 : len(take.frame_index)]
    clip = process(rows_of(take, keep, 0), body, MotionSettings(smooth=0.0))
    assert take.camera_zoom is not None and clip.camera.zoom is not None
    assert (~clip.tracked).sum() == 6
    np.testing.assert_allclose(clip.camera.zoom, take.camera_zoom, atol=1e-4)


def test_frames_without_anybody_have_a_camera_too(moving: RawTake, body: BodyModel) -> None:
    whole = process(moving, body, MotionSettings(smooth=0.0))
    keep = np.r_[0:20, 26 : len(moving.frame_index)]
    clip = process(rows_of(moving, keep, 0), body, MotionSettings(smooth=0.0))
    assert (~clip.tracked).sum() == 6
    np.testing.assert_allclose(clip.camera.rotation, whole.camera.rotation, atol=5e-3)
    places = [
        -(np.swapaxes(c.rotation, 1, 2) @ c.translation[..., None])[..., 0]
        for c in (clip.camera, whole.camera)
    ]
    np.testing.assert_allclose(*(place - place[0] for place in places), atol=0.05)


def test_a_camera_goes_as_far_as_it_is_high_above_the_shared_ground(
    moving: RawTake, body: BodyModel
) -> None:
    solved = solve(moving, body)
    gone = with_camera_gone(solved, moving, body, Scene(ground_m=-1.5))
    assert moving.camera_place is not None
    way = gone.joints[:, 0] - solved.joints[:, 0]
    np.testing.assert_allclose(way[:, :2], 1.5 * moving.camera_place, atol=1e-5)
    np.testing.assert_array_equal(way[:, 2], 0.0)
    seen = gone.camera.project(gone.joints.astype(np.float64))
    np.testing.assert_allclose(seen, solved.joints2d, atol=0.02)


def test_a_camera_stays_in_its_place_where_no_feet_are_seen(
    moving: RawTake, body: BodyModel
) -> None:
    solved = solve(moving, body)
    hidden = replace(solved, scores=np.zeros_like(solved.scores))
    np.testing.assert_array_equal(with_camera_gone(hidden, moving, body).trans, solved.trans)


def test_a_camera_at_rest_is_left_alone(still: RawTake, body: BodyModel) -> None:
    solved = solve(still, body)
    assert with_camera_gone(solved, still, body) is solved


def test_two_people_before_a_moving_camera_stand_in_one_world(
    moving: RawTake, body: BodyModel
) -> None:
    """Twice the same person: the same place."""
    takes = stand_together([moving, moving], body)
    first, second = (process(take, body, MotionSettings()) for take in takes)
    np.testing.assert_allclose(first.joints, second.joints, atol=1e-5)
    np.testing.assert_array_equal(first.camera.rotation, second.camera.rotation)
    np.testing.assert_array_equal(first.camera.translation, second.camera.translation)
    way = -(np.swapaxes(first.camera.rotation, 1, 2) @ first.camera.translation[..., None])[..., 0]
    np.testing.assert_allclose(way[:, 2], way[0, 2], atol=1e-4)
    assert np.linalg.norm(way[-1] - way[0]) > 1.0
