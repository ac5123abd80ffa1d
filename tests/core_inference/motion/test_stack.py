"""The processing stack: from a raw take to a clip, the same every time, without inference."""

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, RawTake, load_clip, load_raw_take
from pose2rig.core_inference.metrics import jerk
from pose2rig.core_inference.motion.calming import FILTERS
from pose2rig.core_inference.motion.contacts import settled, stance_of, with_contacts
from pose2rig.core_inference.motion.face import with_face
from pose2rig.core_inference.motion.ground import put_on_ground
from pose2rig.core_inference.motion.smoothing import Cutoffs
from pose2rig.core_inference.motion.solve import solve, solve_frames
from pose2rig.core_inference.motion.stack import MotionSettings, frame_times, process
from pose2rig.core_inference.synthetic import exact_take

from ..conftest import Files, rows_of
from ..known_motions import random_motion

UNTOUCHED = MotionSettings(smooth=0.0, hands=0.0, feet="never", ground="level")


@pytest.fixture(scope="module")
def raw(body: BodyModel) -> RawTake:
    motion, time_s = random_motion(body, seed=6, seconds=2.0)
    return exact_take(motion, body, time_s)


@pytest.fixture(scope="module")
def shaking(raw: RawTake) -> RawTake:
    """The same take with landmarks that tremble by a centimetre and two pixels."""
    generator = np.random.default_rng(7)
    take = rows_of(raw, np.arange(len(raw.frame_index)), 0)
    for array, size in ((take.landmarks3d, 0.01), (take.landmarks2d, 2.0)):
        array += (generator.normal(size=array.shape) * size).astype(np.float32)
    return take


def test_without_smoothing_the_clip_is_the_take_as_solved_bit_for_bit(
    shaking: RawTake, body: BodyModel
) -> None:
    """But for what puts the feet on the ground: one shift, and a lift where they would sink."""
    solved = with_face(solve(shaking, body), shaking, body, 0.0, Cutoffs())
    clip = process(shaking, body, UNTOUCHED)
    contacts = settled(stance_of(solved, body).contacts, solved, body, UNTOUCHED.feet)
    grounded = put_on_ground(with_contacts(solved, contacts), body)
    for name in ("poses", "scores", "expression", "tracked", "rest_joints"):
        np.testing.assert_array_equal(getattr(clip, name), getattr(solved, name))
    for name in ("trans", "joints", "joints2d"):
        np.testing.assert_array_equal(getattr(clip, name), getattr(grounded, name))
    moved = clip.joints[:, 0] - solved.joints[:, 0]
    np.testing.assert_allclose(np.ptp(moved[:, :2], axis=0), 0.0, atol=2e-6)


def test_processing_twice_gives_the_same_and_changes_the_take_in_nothing(
    shaking: RawTake, body: BodyModel
) -> None:
    before = {
        name: getattr(shaking, name).copy()
        for name in ("landmarks2d", "landmarks3d", "landmark_scores", "joints2d", "time_s")
    }
    one, other = (process(shaking, body, MotionSettings()) for _ in range(2))
    for name in ("poses", "trans", "joints", "contacts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name, array in before.items():
        np.testing.assert_array_equal(getattr(shaking, name), array)


def test_a_clip_file_is_what_its_raw_file_gives(known_files: Files, body: BodyModel) -> None:
    clip = load_clip(known_files.clip)
    again = process(load_raw_take(known_files.raw), body, MotionSettings())
    for name in ("poses", "trans", "joints", "joints2d", "scores", "tracked", "contacts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(clip, name))


def roughness(clip: Clip) -> float:
    return float(np.median(jerk(clip.joints.astype(np.float64), clip.time_s)))


def test_the_stronger_the_smoother(shaking: RawTake, body: BodyModel) -> None:
    """The clip solve has taken most of the trembling away before."""
    strengths = (0.0, 0.5, 0.75, 1.0)
    clips = [process(shaking, body, MotionSettings(smooth=s, hands=s)) for s in strengths]
    jitter = [roughness(clip) for clip in clips]
    assert jitter == sorted(jitter, reverse=True)
    assert jitter[1] < 0.5 * roughness(solve_frames(shaking, body))
    assert jitter[3] < 0.3 * jitter[0]


def test_every_filter_calms_and_says_so(shaking: RawTake, body: BodyModel) -> None:
    rough = roughness(process(shaking, body, MotionSettings(smooth=0.0, hands=0.0)))
    poses: list[bytes] = []
    for name in FILTERS:
        clip = process(shaking, body, MotionSettings(smooth=0.75, hands=0.75, filter=name))
        assert roughness(clip) < 0.7 * rough, name
        assert clip.provenance["motion"]["filter"] == name
        poses.append(clip.poses.tobytes())
    assert len(set(poses)) == len(FILTERS)


def test_a_single_frame_is_left_as_it_is(raw: RawTake, body: BodyModel) -> None:
    one = rows_of(raw, np.array([0]), 0)
    clip = process(one, body, MotionSettings(smooth=1.0, hands=1.0, ground="level"))
    np.testing.assert_array_equal(clip.poses, solve(one, body).poses)
    assert np.isfinite(clip.joints).all()


def test_frames_without_a_row_lie_evenly_between_those_seen(raw: RawTake) -> None:
    take = rows_of(raw, np.array([0, 1, 5, 6]), 20)
    times = frame_times(take)
    assert len(times) == 7
    np.testing.assert_allclose(np.diff(times), 1.0 / 30.0, rtol=1e-6)


def test_gaps_are_filled_and_flagged(raw: RawTake, body: BodyModel) -> None:
    keep = np.delete(np.arange(60), [30, 31, 32])
    clip = process(rows_of(raw, keep, 3), body, MotionSettings())
    assert clip.frame_index.tolist() == list(range(3, 63))
    assert np.flatnonzero(~clip.tracked).tolist() == [30, 31, 32]
    whole = process(raw, body, MotionSettings())
    about_pelvis = [motion.joints - motion.joints[:, :1] for motion in (clip, whole)]
    off = np.linalg.norm(about_pelvis[0] - about_pelvis[1], axis=-1)
    assert off[28:35].max() < 0.08


def test_the_settings_stand_in_the_clips_provenance(raw: RawTake, body: BodyModel) -> None:
    clip = process(raw, body, MotionSettings(smooth=0.25))
    assert clip.provenance["motion"] == {
        "smooth": 0.25,
        "hands": 0.5,
        "filter": "zero-phase",
        "feet": "auto",
        "ground": "auto",
        "refine": "auto",
    }
