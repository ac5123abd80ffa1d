"""--root rootnet through the command line, RootNet and PoseNet filled by rule, on real footage.

The depths that such networks see are meaningless; files, shapes and numbers are real.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.clip import load_clip, load_raw_take

from ..research_models import CHECKPOINTS, write_checkpoint
from .running import pose2rig

pytestmark = pytest.mark.slow

FRAMES = 3
PARTS = {"rootnet": "rootnet", "posenet": "posenet_muco"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for network in PARTS.values():
        write_checkpoint(folder, network)
    return folder


@pytest.fixture(scope="module")
def out(models: Path, person_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few frames of the bundled clip, captured."""
    folder = tmp_path_factory.mktemp("rooted") / "out"
    options = ("--root", "rootnet", "--models", models, "--end", FRAMES, "--formats", "npz")
    end = pose2rig("capture", person_video, "--out", folder, *options)
    assert end.status == 0, end.err
    assert any("non-commercial research" in warning for warning in end.warnings)
    return folder


def test_the_raw_take_holds_where_rootnet_saw_the_pelvis(out: Path) -> None:
    raw = load_raw_take(out / "raw" / "person_0.npz")
    assert raw.camera_root is not None
    assert raw.camera_root.shape == (len(raw.frame_index), 3)
    assert np.isfinite(raw.camera_root).all()
    assert (raw.camera_root[:, 2] > 0.0).all()
    assert raw.pose is None


def test_the_person_stands_at_that_depth(out: Path) -> None:
    raw, clip = load_raw_take(out / "raw" / "person_0.npz"), load_clip(out / "person_0.npz")
    assert np.isfinite(clip.joints).all()
    camera = clip.camera
    pelvis = clip.joints[:, 0] @ camera.rotation.T + camera.translation
    assert raw.camera_root is not None
    np.testing.assert_allclose(np.median(pelvis[:, 2]), np.median(raw.camera_root[:, 2]), rtol=0.08)


def test_the_provenance_names_both_files_by_their_hash(out: Path, models: Path) -> None:
    with np.load(out / "person_0.npz", allow_pickle=False) as archive:
        provenance = json.loads(str(archive["provenance"]))
    hashes = dict(word.split(":") for word in provenance["weights_sha256"].split())
    assert len(hashes.pop("landmarks")) == 64
    assert hashes == {
        part: hashlib.sha256((models / CHECKPOINTS[network]).read_bytes()).hexdigest()
        for part, network in PARTS.items()
    }
    assert "RootNet" in provenance["licence_note"]
