"""A raw take processed again from Blender: the command line's clip, quicker the second time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.clip import load_clip
from pose2rig.core_inference.motion.stack import MotionSettings
from pose2rig.core_inference.reprocessing import ProcessSettings, process_again
from pose2rig.rigs.errors import ClipFileError, UsageError

from .conftest import Files
from .running import pose2rig

MOTION = MotionSettings(smooth=0.3, hands=0.8, feet="never", ground="level")
OPTIONS = ("--smooth", 0.3, "--hands", 0.8, "--feet", "never", "--ground", "level")


@pytest.fixture
def asked(known_files: Files, tmp_path: Path) -> ProcessSettings:
    (tmp_path / "cache").mkdir()
    return ProcessSettings(
        raw=known_files.raw, out=tmp_path / "clip.npz", motion=MOTION, cache=tmp_path / "cache"
    )


def test_it_writes_the_command_lines_clip_with_and_without_what_was_kept(
    asked: ProcessSettings, tmp_path: Path
) -> None:
    command = tmp_path / "command.npz"
    assert pose2rig("process", asked.raw, "--out", command, *OPTIONS).status == 0
    for settings in (replace(asked, cache=None), asked, asked):
        figures = process_again(settings)
        assert settings.out.read_bytes() == command.read_bytes()
        assert figures["frames"] == len(load_clip(command).frame_index)
        assert figures["before"]["frames"] == figures["frames"]
        settings.out.unlink()


def test_other_settings_are_made_from_what_was_kept(asked: ProcessSettings) -> None:
    process_again(asked)
    assert asked.cache is not None
    kept = {path: path.stat().st_mtime_ns for path in asked.cache.iterdir()}
    assert len(kept) == 2
    first = asked.out.read_bytes()
    process_again(replace(asked, motion=replace(MOTION, smooth=0.9)))
    assert asked.out.read_bytes() != first
    assert {path: path.stat().st_mtime_ns for path in asked.cache.iterdir()} == kept


def test_given_contacts_hold(asked: ProcessSettings, tmp_path: Path) -> None:
    process_again(asked)
    clip = load_clip(asked.out)
    contacts = np.zeros_like(clip.contacts)
    contacts[10:20, 2] = 1.0
    edited = tmp_path / "edited.npz"
    np.savez(edited, contacts=contacts, frame_index=clip.frame_index)
    process_again(replace(asked, contacts=edited))
    again = load_clip(asked.out)
    np.testing.assert_array_equal(again.contacts, contacts)
    assert again.provenance["motion"]["contacts"] == "given"
    assert "contacts" not in clip.provenance["motion"]


def test_a_take_that_is_gone_and_settings_without_sense_are_refused(
    asked: ProcessSettings, tmp_path: Path
) -> None:
    with pytest.raises(ClipFileError, match=r"gone\.npz"):
        process_again(replace(asked, raw=tmp_path / "gone.npz"))
    with pytest.raises(UsageError, match="--hands makes no sense"):
        replace(asked, motion=MotionSettings(hands=2.0))
