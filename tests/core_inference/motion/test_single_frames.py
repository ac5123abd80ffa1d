"""The motion before: as each frame shows it, moved as a whole, never bent."""

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import load_clip, load_raw_take, replaced
from pose2rig.core_inference.motion.single_frames import single_frames, standing_like
from pose2rig.core_inference.motion.soles import sole_points

from ..conftest import Files


def test_it_stands_on_the_clips_ground_with_the_clips_rows(
    known_files: Files, body: BodyModel
) -> None:
    clip, raw = load_clip(known_files.clip), load_raw_take(known_files.raw)
    contacts = np.zeros_like(clip.contacts)
    contacts[10:30, 1] = 1.0
    clip = replaced(clip, contacts=contacts)
    before = standing_like(single_frames(raw, body), clip, raw, body)
    np.testing.assert_array_equal(before.frame_index, clip.frame_index)
    np.testing.assert_array_equal(before.contacts, contacts)
    np.testing.assert_array_equal(before.tracked, clip.tracked)
    heights = sole_points(before, body)[..., 2]
    assert np.median(heights[contacts > 0.5]) == pytest.approx(0.0, abs=1e-4)
    camera = before.camera.rotation
    np.testing.assert_allclose(camera, clip.camera.rotation, atol=1e-5)


def test_it_is_moved_as_a_whole(known_files: Files, body: BodyModel) -> None:
    """Pixels and bends stay those of the single frames."""
    clip, raw = load_clip(known_files.clip), load_raw_take(known_files.raw)
    alone = single_frames(raw, body)
    before = standing_like(alone, clip, raw, body)
    rows = np.searchsorted(before.frame_index, alone.frame_index)
    np.testing.assert_allclose(before.joints2d[rows], alone.joints2d, atol=0.05)
    np.testing.assert_allclose(before.poses[rows, 3:], alone.poses[:, 3:], atol=1e-4)
