"""The motion that Blender is handed: read back as it was written, anything else refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.clip import load_clip
from pose2rig.core_inference.motion_file import load_motion, save_motion
from pose2rig.core_inference.source_motion import read_source_motion
from pose2rig.rigs.errors import ClipFileError


@pytest.fixture
def demo(repository_dir: Path) -> Path:
    """The demo's clip."""
    return repository_dir / "assets" / "demo_motion.npz"


def test_a_clip_is_taken_with_its_own_body_rate_and_contacts(demo: Path) -> None:
    clip, motion = load_clip(demo), read_source_motion(demo)
    np.testing.assert_array_equal(motion.rest_joints, clip.rest_joints)
    np.testing.assert_array_equal(motion.pelvis, clip.joints[:, 0])
    assert motion.frame_rate == clip.frame_rate
    assert motion.contacts is not None
    np.testing.assert_array_equal(motion.contacts, clip.contacts)


def test_an_amass_motion_moves_the_mean_body_at_its_rate(demo: Path, tmp_path: Path) -> None:
    clip, path = load_clip(demo), tmp_path / "amass.npz"
    np.savez(path, poses=clip.poses, trans=clip.trans, mocap_frame_rate=np.float64(120.0))
    motion = read_source_motion(path)
    assert motion.contacts is None
    assert motion.frame_rate == pytest.approx(120.0, rel=1e-12)
    np.testing.assert_allclose(motion.pelvis - motion.rest_joints[0], clip.trans, atol=1e-9)


def test_a_bvh_walks_on_legs_of_the_lent_body(shared_dir: Path) -> None:
    """Whatever unit the file has, hips are as high over the ground as such legs reach."""
    motion = read_source_motion(shared_dir / "footage" / "mocap" / "cmu_12_01_walk.bvh")
    assert motion.frame_rate == pytest.approx(120.0, rel=1e-3)
    assert 0.8 < np.median(motion.pelvis[:, 2]) < 1.1


def test_a_motion_is_read_back_as_it_was_written(demo: Path, tmp_path: Path) -> None:
    motion, path = read_source_motion(demo), tmp_path / "motion.npz"
    save_motion(path, motion)
    again = load_motion(path)
    for name, value in vars(motion).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_other_files_and_endings_are_refused(demo: Path, tmp_path: Path) -> None:
    with pytest.raises(ClipFileError, match="the motion file is malformed"):
        load_motion(demo)
    with pytest.raises(ClipFileError, match=r"cannot retarget walk.trc; .* got .trc"):
        read_source_motion(tmp_path / "walk.trc")
    motion = read_source_motion(demo)
    with pytest.raises(ClipFileError, match="malformed"):
        replace(motion, pelvis=motion.pelvis[1:])
