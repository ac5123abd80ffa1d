"""`--calibrate` from the command line to the files, with a mesh network on real footage.

The network's weights follow a rule, so its motion is meaningless; what follows from what is real.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.clip import load_clip, load_raw_take
from pose2rig.rigs.skeleton import JOINT

from ..research_models import write_bodies, write_checkpoint
from .running import Ended, pose2rig

pytestmark = pytest.mark.slow

FRAMES = 3


@pytest.fixture(scope="module")
def out(demo_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled clip captured by I2L-MeshNet, its mesh calibrated to the landmarks."""
    models, out = (tmp_path_factory.mktemp(name) / name for name in ("models", "out"))
    for part in ("i2l_meshnet_body", "rootnet"):
        write_checkpoint(models, part)
    write_bodies(models)
    options = ("--models", models, "--end", FRAMES, "--formats", "npz", "--calibrate", "parallel")
    end: Ended = pose2rig(
        "capture", demo_video, "--out", out, "--estimator", "i2l-meshnet", *options
    )
    assert end.status == 0, end.err
    return out


def processed(out: Path, name: str, *options: str) -> Path:
    path = out.parent / name
    end = pose2rig("process", out / "raw" / "person_0.npz", "--out", path, *options)
    assert end.status == 0, end.err
    return path


def test_the_raw_take_is_as_seen_and_gives_the_captures_clip(out: Path) -> None:
    again = processed(out, "again.npz", "--calibrate", "parallel")
    assert again.read_bytes() == (out / "person_0.npz").read_bytes()
    with np.load(again, allow_pickle=False) as archive:
        motion = json.loads(str(archive["provenance"]))["motion"]
    assert motion["calibrate"] == "parallel"


def test_limbs_point_where_the_landmarks_say(out: Path) -> None:
    raw = load_raw_take(out / "raw" / "person_0.npz")
    plain, bent = (
        load_clip(processed(out, f"{how}.npz", "--smooth", "0", "--calibrate", how))
        for how in ("none", "parallel")
    )
    column = {name: k for k, name in enumerate(raw.landmark_names)}
    ends = ("left_knee", "left_ankle")
    seen = np.subtract(*(raw.landmarks3d[:, column[f"body_{name}"]] for name in ends))

    def off_deg(joints: NDArray[np.float32]) -> float:
        shin = np.subtract(*(joints[:, JOINT[name]] for name in ends)) @ [
            [1, 0, 0],
            [0, 0, 1],
            [0, -1, 0],
        ]
        cosine = (
            (shin * seen).sum(axis=1) / np.linalg.norm(shin, axis=1) / np.linalg.norm(seen, axis=1)
        )
        return float(np.degrees(np.arccos(cosine)).mean())

    assert off_deg(bent.joints) < 25.0 < off_deg(plain.joints)
    assert bent.vertices is not None
    assert plain.vertices is not None
    assert bent.vertices.shape == plain.vertices.shape == (FRAMES, 6890, 3)
    assert np.isfinite(bent.vertices).all()
    assert np.abs(bent.vertices - plain.vertices).max() > 0.05
