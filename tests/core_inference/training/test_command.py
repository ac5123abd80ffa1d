"""`pose2rig train`: a run from a file, and one line for whatever is wrong."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..running import assert_one_line, pose2rig

CONFIG = """
network = "pose2pose_face"
out = "run"
epochs = {epochs}
batch = 2
patch = [64, 64]
device = "cpu"
[[data]]
clips = ["{clip}"]
count = 2
size_px = 256
"""


def config(folder: Path, clip: Path, epochs: int = 1) -> Path:
    path = folder / "train.toml"
    path.write_text(CONFIG.format(clip=clip.as_posix(), epochs=epochs), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    assert_one_line(pose2rig("train", tmp_path / "none.toml"), 1, "none.toml")


@pytest.mark.slow
def test_what_is_wrong_is_one_line(tmp_path: Path, motion_clip: Path) -> None:
    path = config(tmp_path, motion_clip)
    text = path.read_text()
    for old, new, status, word in (
        ("pose2pose_face", "resnet", 2, "hand4whole"),
        ("count = 2", "count = 1", 2, "too little data"),
        (motion_clip.as_posix(), "missing.npz", 1, "missing.npz"),
        ('device = "cpu"', 'init = "missing.pth.tar"', 1, "missing.pth.tar"),
    ):
        path.write_text(text.replace(old, new))
        assert_one_line(pose2rig("train", path), status, word)
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_training_writes_its_snapshots_and_says_so(tmp_path: Path, motion_clip: Path) -> None:
    path = config(tmp_path, motion_clip)
    end = pose2rig("train", path)
    assert end.status == 0, end.err
    assert end.out == []
    assert "epoch 0 done" in end.err
    assert {file.name for file in (tmp_path / "run").iterdir()} == {
        "log.jsonl",
        "snapshot_0.pth.tar",
    }
    assert_one_line(pose2rig("train", path), 1, "earlier training")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
def test_an_interrupted_training_keeps_a_snapshot(tmp_path: Path, motion_clip: Path) -> None:
    path = config(tmp_path, motion_clip, epochs=1000)
    command = [sys.executable, "-m", "pose2rig.core_inference", "train", str(path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "run" / "log.jsonl"
    deadline = time.monotonic() + 200.0
    while time.monotonic() < deadline and not (log.is_file() and log.read_text()):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=200.0)
    assert process.returncode == 130, errors
    assert "resume = true goes on from there" in errors
    assert list((tmp_path / "run").glob("snapshot_*.pth.tar"))
    assert not list((tmp_path / "run").glob(".*.tmp"))
