"""The people of a shot in one world: distances, sizes and the camera's tilt come out true."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.camera import CAMERA_FROM_WORLD
from pose2rig.core_inference.clip import Clip, RawTake, load_raw_take, save_raw_take
from pose2rig.core_inference.motion.placing import Scene, scene_of
from pose2rig.core_inference.motion.scene import stand_together
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.synthetic import KnownMotion, exact_take

from ..known_motions import random_motion
from ..people_together import Actor, filmed

pytestmark = pytest.mark.slow

FAMILY = (
    Actor(place=(-0.5, 4.0)),
    Actor(place=(-1.5, 6.0), turn_deg=60.0, speed=(0.0, 0.5)),
    Actor(place=(1.0, 5.0), size=0.65, turn_deg=-40.0),
)
PITCH_DEG, HEIGHT_M = 12.0, 1.6


@pytest.fixture(scope="module")
def family(body: BodyModel) -> tuple[list[KnownMotion], list[RawTake]]:
    motions, takes = filmed(FAMILY, body, pitch_deg=PITCH_DEG, height_m=HEIGHT_M)
    return motions, stand_together(takes, body)


@pytest.fixture(scope="module")
def clips(family: tuple[list[KnownMotion], list[RawTake]], body: BodyModel) -> list[Clip]:
    return [process(take, body, MotionSettings()) for take in family[1]]


def scenes_of(takes: list[RawTake]) -> list[Scene]:
    scenes = [scene_of(take) for take in takes]
    assert None not in scenes
    return [scene for scene in scenes if scene is not None]


def sizes_of(takes: list[RawTake]) -> list[float]:
    return [scene.size for scene in scenes_of(takes)]


# --- one world ---------------------------------------------------------------------------------


def test_the_cameras_tilt_and_height_are_found(
    family: tuple[list[KnownMotion], list[RawTake]],
) -> None:
    for scene in scenes_of(family[1]):
        assert np.degrees(scene.pitch_rad) == pytest.approx(PITCH_DEG, abs=1.0)
        assert np.degrees(scene.roll_rad) == pytest.approx(0.0, abs=1.0)
        assert scene.ground_m == pytest.approx(-HEIGHT_M, abs=0.05)
    assert len({(s.pitch_rad, s.roll_rad, s.ground_m, s.origin) for s in scenes_of(family[1])}) == 1


def test_a_child_is_as_small_as_it_is(
    family: tuple[list[KnownMotion], list[RawTake]], clips: list[Clip], body: BodyModel
) -> None:
    np.testing.assert_allclose(sizes_of(family[1]), [1.0, 1.0, 0.65], rtol=0.04)
    heights = [np.ptp(body.rest_vertices(clip.open_betas)[:, 1]) for clip in clips]
    assert heights[2] / heights[0] == pytest.approx(0.65, abs=0.03)


def test_people_are_as_far_apart_as_they_were(
    family: tuple[list[KnownMotion], list[RawTake]], clips: list[Clip]
) -> None:
    for one, other in ((0, 1), (0, 2), (1, 2)):
        found = np.linalg.norm(clips[one].joints[:, 0] - clips[other].joints[:, 0], axis=-1)
        true = family[0][one].joints[:, 0] - family[0][other].joints[:, 0]
        assert np.abs(found / np.linalg.norm(true, axis=-1) - 1.0).mean() < 0.05


def test_all_feet_stand_on_one_ground(clips: list[Clip], body: BodyModel) -> None:
    for clip in clips:
        lowest = sole_points(clip, body)[..., 2].min(axis=1)
        assert np.abs(lowest).max() < 0.03


def test_the_first_person_begins_above_the_origin(clips: list[Clip]) -> None:
    np.testing.assert_allclose(clips[0].joints[0, 0, :2], 0.0, atol=0.02)
    assert np.linalg.norm(clips[1].joints[0, 0, :2]) > 1.0


def test_all_see_with_one_camera_and_each_picture_is_true(
    family: tuple[list[KnownMotion], list[RawTake]], clips: list[Clip]
) -> None:
    for clip, take in zip(clips, family[1], strict=True):
        np.testing.assert_array_equal(clip.camera.rotation, clips[0].camera.rotation)
        np.testing.assert_array_equal(clip.camera.translation, clips[0].camera.translation)
        seen = clip.camera.project(clip.joints.astype(np.float64))
        assert np.linalg.norm(seen - clip.joints2d, axis=-1).max() < 0.5
        off = np.linalg.norm(clip.joints2d - take.joints2d, axis=-1)[:, :22]
        assert np.median(off) < 8.0


def test_a_camera_said_to_be_level_is_level_for_all_and_people_keep_their_distances(
    family: tuple[list[KnownMotion], list[RawTake]], clips: list[Clip], body: BodyModel
) -> None:
    """The first person stands on the ground near the origin as before."""
    level = [
        process(take, body, MotionSettings(ground="level", feet="never")) for take in family[1]
    ]
    for clip, tilted in zip(level, clips, strict=True):
        np.testing.assert_allclose(clip.camera.rotation, CAMERA_FROM_WORLD, atol=1e-6)
        np.testing.assert_array_equal(clip.camera.translation, level[0].camera.translation)
        assert not np.allclose(tilted.camera.rotation, CAMERA_FROM_WORLD, atol=0.1)
    apart, before = (
        np.linalg.norm(each[0].joints[:, 0] - each[1].joints[:, 0], axis=-1)
        for each in (level, clips)
    )
    np.testing.assert_allclose(apart, before, atol=0.1)
    lowest = sole_points(level[0], body)[..., 2].min(axis=1)
    assert np.abs(lowest).max() < 0.1
    assert np.linalg.norm(level[0].joints[0, 0, :2]) < 0.3


# --- what cannot be known ----------------------------------------------------------------------


def test_who_stands_on_something_is_not_scaled_to_reach_the_ground(body: BodyModel) -> None:
    actors = (
        Actor(place=(-1.0, 4.0)),
        Actor(place=(0.3, 5.0), raised_m=0.5),
        Actor(place=(1.5, 6.0)),
    )
    _, takes = filmed(actors, body, pitch_deg=5.0, height_m=1.7)
    placed = stand_together(takes, body)
    np.testing.assert_allclose(sizes_of(placed), 1.0, atol=0.04)
    raised = process(placed[1], body, MotionSettings())
    assert np.median(sole_points(raised, body)[..., 2].min(axis=1)) == pytest.approx(0.5, abs=0.1)


def test_without_feet_and_upright_bodies_the_camera_is_level_and_sizes_stay(
    family: tuple[list[KnownMotion], list[RawTake]], body: BodyModel
) -> None:
    _, takes = filmed(FAMILY[:2], body, pitch_deg=PITCH_DEG, height_m=HEIGHT_M)
    legs = ("knee", "ankle", "heel", "foot_index")
    for take in takes:
        unseen = [k for k, name in enumerate(take.landmark_names) if name.endswith(legs)]
        take.landmark_scores[:, unseen] = 0.0
    for scene in scenes_of(stand_together(takes, body)):
        assert (scene.pitch_rad, scene.roll_rad, scene.size) == (0.0, 0.0, 1.0)


def test_roots_that_a_network_saw_keep_their_sizes_on_the_common_ground(body: BodyModel) -> None:
    motions, takes = filmed(FAMILY, body, pitch_deg=PITCH_DEG, height_m=HEIGHT_M)
    view = Scene(pitch_rad=float(np.radians(PITCH_DEG))).world_from_level
    rooted: list[RawTake] = []
    for motion, take in zip(motions, takes, strict=True):
        level = (motion.joints[:, 0] - np.array([0.0, 0.0, HEIGHT_M])) @ view
        root = np.stack([level[:, 0], -level[:, 2], level[:, 1]], axis=-1)
        rooted.append(replace(take, camera_root=root.astype(np.float32)))
    placed = stand_together(rooted, body)
    assert sizes_of(placed) == [1.0, 1.0, 1.0]
    for motion, take in zip(motions, placed, strict=True):
        clip = process(take, body, MotionSettings(smooth=0.0))
        lowest = sole_points(clip, body)[..., 2].min(axis=1)
        assert np.abs(lowest).max() < 0.05
        height = clip.joints[:, 15, 2] / motion.joints[:, 15, 2]
        assert np.median(height) == pytest.approx(1.0, abs=0.05)


# --- alone, and again --------------------------------------------------------------------------


def test_one_person_alone_is_left_as_they_are(body: BodyModel) -> None:
    motion, time_s = random_motion(body, seed=4, seconds=1.0)
    take = exact_take(motion, body, time_s)
    assert stand_together([take], body) == [take]
    assert stand_together([], body) == []


def test_the_raw_file_alone_gives_the_same_clip_again(
    family: tuple[list[KnownMotion], list[RawTake]],
    clips: list[Clip],
    body: BodyModel,
    tmp_path: Path,
) -> None:
    save_raw_take(tmp_path / "raw.npz", family[1][2])
    again = process(load_raw_take(tmp_path / "raw.npz"), body, MotionSettings())
    for name in ("poses", "open_betas", "rest_joints"):
        np.testing.assert_allclose(getattr(again, name), getattr(clips[2], name), atol=1e-5)
    np.testing.assert_allclose(again.joints, clips[2].joints, atol=1e-5)
    np.testing.assert_array_equal(again.camera.rotation, clips[2].camera.rotation)


def test_the_same_takes_give_the_same_world(body: BodyModel) -> None:
    _, takes = filmed(FAMILY[:2], body, pitch_deg=PITCH_DEG, height_m=HEIGHT_M)
    one, other = (stand_together(takes, body) for _ in range(2))
    assert [take.provenance for take in one] == [take.provenance for take in other]
