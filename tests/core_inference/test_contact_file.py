"""Edited foot contacts: matched to a take by source frame, and refused where they make no sense."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.clip import load_clip, load_raw_take
from pose2rig.core_inference.contact_file import load_contacts
from pose2rig.rigs.errors import ClipFileError

from .conftest import FIRST_FRAME, Files
from .running import assert_one_line, pose2rig


def written(folder: Path, **arrays: Any) -> Path:
    path = folder / "edited.npz"
    np.savez(path, **arrays)
    return path


def test_a_clip_gives_its_own_contacts_for_every_source_frame(known_files: Files) -> None:
    clip, take = load_clip(known_files.clip), load_raw_take(known_files.raw)
    assert len(take.frame_index) < len(clip.frame_index)
    given = load_contacts(known_files.clip, take)
    np.testing.assert_array_equal(given, clip.contacts)
    assert given.dtype == np.float32


def test_frames_between_and_beyond_follow_their_neighbours(
    known_files: Files, tmp_path: Path
) -> None:
    take = load_raw_take(known_files.raw)
    keys = np.array([[0.0, 1.0, 0.0, 0.5], [1.0, 0.0, 0.0, 0.5]])
    frames = FIRST_FRAME + np.array([10, 14])
    given = load_contacts(written(tmp_path, contacts=keys, frame_index=frames), take)
    np.testing.assert_allclose(given[8:17, 0], [0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1])
    np.testing.assert_allclose(given[:, 0] + given[:, 1], 1.0)
    np.testing.assert_array_equal(given[:, 3], 0.5)


FRAMES = FIRST_FRAME + np.arange(3)


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"contacts": np.zeros((3, 4))},
        {"contacts": np.zeros((3, 4)), "frame_index": FRAMES[:2]},
        {"contacts": np.zeros((3, 3)), "frame_index": FRAMES},
        {"contacts": np.full((3, 4), np.nan), "frame_index": FRAMES},
        {"contacts": np.full((3, 4), 1.5), "frame_index": FRAMES},
        {"contacts": np.zeros((3, 4)), "frame_index": FRAMES[::-1]},
        {"contacts": np.zeros((3, 4)), "frame_index": FRAMES.astype(float)},
        {"contacts": np.zeros((3, 4)), "frame_index": FRAMES + 10_000},
        {"contacts": np.array([["a"] * 4] * 3), "frame_index": FRAMES},
    ],
)
def test_contacts_that_make_no_sense_are_refused(
    known_files: Files, tmp_path: Path, arrays: dict[str, Any]
) -> None:
    take = load_raw_take(known_files.raw)
    with pytest.raises(ClipFileError, match="contacts"):
        load_contacts(written(tmp_path, **arrays), take)


def test_the_command_takes_a_clips_contacts(known_files: Files, tmp_path: Path) -> None:
    """A clip's own give the same motion; without any, no foot is held."""
    out = tmp_path / "clip.npz"
    options = ("process", known_files.raw, "--out", out, "--overwrite", "--contacts")
    assert pose2rig(*options, known_files.clip).status == 0
    known = load_clip(known_files.clip)
    np.testing.assert_array_equal(load_clip(out).poses, known.poses)
    none = np.zeros_like(known.contacts)
    path = written(tmp_path, contacts=none, frame_index=known.frame_index)
    assert pose2rig(*options, path).status == 0
    assert not load_clip(out).contacts.any()
    assert_one_line(pose2rig(*options, tmp_path / "gone.npz"), 1, "gone.npz")


def test_contacts_of_other_footage_and_raw_takes_are_refused(
    known_files: Files, tmp_path: Path
) -> None:
    take = load_raw_take(known_files.raw)
    take.provenance["footage_sha256"] = "a" * 64
    arrays: dict[str, Any] = {
        "contacts": np.zeros((3, 4)),
        "frame_index": FIRST_FRAME + np.arange(3),
    }
    for told in ('{"footage_sha256": "' + "a" * 64 + '"}', "{}", "[1]", "no JSON"):
        assert load_contacts(written(tmp_path, **arrays, provenance=np.str_(told)), take).any() == 0
    other = np.str_('{"footage_sha256": "' + "b" * 64 + '"}')
    with pytest.raises(ClipFileError, match="other footage"):
        load_contacts(written(tmp_path, **arrays, provenance=other), take)
    with pytest.raises(ClipFileError, match="a raw take"):
        load_contacts(known_files.raw, take)
