"""Model files and options that cannot be used: one clear line, nothing written, nothing run."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pose2rig.core_inference.__main__ import main

from ..licensed_models import write_smplx
from .estimators.checkpoint_files import hollow_state
from .running import Ended, assert_one_line, ended, files_under, pose2rig

pytestmark = pytest.mark.slow

Try = Callable[..., Ended]

PLACES = {
    "hand4whole": "hand4whole/snapshot_6.pth.tar",
    "i2l_meshnet_body": "i2l_meshnet/body.pth.tar",
}


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def refuse(
    demo_video: Path, models: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Try:
    """Try a capture in this process; whatever happens, no result and no other file appears."""

    def capture(*options: object, estimator: str = "hand4whole", folder: Path = models) -> Ended:
        before = files_under(tmp_path)
        out = tmp_path / "out"
        words = ("capture", demo_video, "--out", out, "--formats", "npz", "--models", folder)
        arguments = [*words, "--estimator", estimator, *options]
        status = main([str(argument) for argument in arguments])
        written = capfd.readouterr()
        assert files_under(tmp_path) == before
        assert not out.exists()
        return ended(status, written.out, written.err)

    return capture


def checkpoint(folder: Path, network: str, place: str | None = None) -> Path:
    """A checkpoint in its authors' layout, whose tensors are all zeros and fill no disk."""
    path = folder / (place or PLACES[network])
    path.parent.mkdir(parents=True, exist_ok=True)
    state = hollow_state(network, prefix="module.")
    torch.save({"epoch": 1, "network": state, "optimizer": {}}, path)
    return path


class Trap:
    """An object whose unpickling makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


# --- checkpoints -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_a_checkpoint_that_runs_code_is_refused_and_does_not_run(
    kind: str, refuse: Try, models: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "it_ran"
    path = models / PLACES["hand4whole"]
    path.parent.mkdir()
    content = {"epoch": 1, "network": Trap(marker)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    assert_one_line(refuse(), 1, "snapshot_6.pth.tar", "asks for code", "mkdir", "refused")
    assert not marker.exists()


def test_a_pickle_of_todays_protocol_does_not_run(
    refuse: Try, models: Path, tmp_path: Path
) -> None:
    path = models / PLACES["hand4whole"]
    path.parent.mkdir()
    path.write_bytes(pickle.dumps({"network": Trap(tmp_path / "it_ran")}))
    assert_one_line(refuse(), 1, "snapshot_6.pth.tar")
    assert not (tmp_path / "it_ran").exists()


def test_it_does_not_run_in_a_process_of_its_own_either(
    demo_video: Path, models: Path, tmp_path: Path
) -> None:
    marker, out = tmp_path / "it_ran", tmp_path / "out"
    path = models / PLACES["hand4whole"]
    path.parent.mkdir()
    torch.save({"network": Trap(marker)}, path)
    options = ("--estimator", "hand4whole", "--models", models, "--formats", "npz")
    end = pose2rig("capture", demo_video, "--out", out, *options)
    assert_one_line(end, 1, "snapshot_6.pth.tar")
    assert end.out == []
    assert not marker.exists()
    assert not out.exists()


@pytest.mark.parametrize("share", [0.98, 0.5, 0.0])
def test_a_truncated_checkpoint(share: float, refuse: Try, models: Path) -> None:
    path = checkpoint(models, "hand4whole")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert_one_line(refuse(), 1, "cannot read snapshot_6.pth.tar", "download the file again")


def test_a_checkpoint_of_another_network(refuse: Try, models: Path) -> None:
    checkpoint(models, "rootnet", PLACES["hand4whole"])
    assert_one_line(refuse(), 1, "not a checkpoint of hand4whole but of rootnet")


def test_a_missing_checkpoint(refuse: Try, models: Path) -> None:
    assert_one_line(refuse(), 1, "Hand4Whole", "is missing", str(models), "github.com")


def test_a_missing_model_folder(refuse: Try, tmp_path: Path) -> None:
    end = refuse(folder=tmp_path / "nowhere")
    assert_one_line(end, 1, "is missing", f"no folder {tmp_path / 'nowhere'}")


def test_pose2pose_names_the_part_that_is_missing(refuse: Try) -> None:
    assert_one_line(refuse(estimator="pose2pose"), 1, "pose2pose/body.pth.tar")


def test_the_checkpoint_is_checked_before_the_body_model(refuse: Try, models: Path) -> None:
    (models / "smplx").mkdir()
    (models / "smplx" / "SMPLX_NEUTRAL.npz").write_bytes(b"no model")
    path = checkpoint(models, "hand4whole")
    path.write_bytes(path.read_bytes()[:-100])
    end = refuse()
    assert_one_line(end, 1, "snapshot_6.pth.tar")
    assert "NEUTRAL" not in end.errors[0]


# --- body models -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pkl", "objects", "smpl missing"])
def test_a_body_model_that_cannot_be_used(
    kind: str, refuse: Try, models: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "it_ran"
    trap = np.array([Trap(marker)], dtype=object)
    (models / "smplx").mkdir()
    if kind == "smpl missing":
        checkpoint(models, "i2l_meshnet_body")
        end = refuse(estimator="i2l-meshnet")
        words = ("SMPL: body is missing", "smpl/SMPL_NEUTRAL.npz")
    elif kind == "pkl":
        checkpoint(models, "hand4whole")
        (models / "smplx" / "SMPLX_NEUTRAL.pkl").write_bytes(pickle.dumps(trap))
        end = refuse()
        words = ("SMPLX_NEUTRAL.pkl is a pickle", "SMPLX_NEUTRAL.npz")
    else:
        checkpoint(models, "hand4whole")
        write_smplx(models / "smplx" / "SMPLX_NEUTRAL.npz", changes={"hands_meanl": trap})
        end = refuse()
        words = ("unusable hands_meanl", "objects to unpickle")
    assert_one_line(end, 1, *words)
    assert not marker.exists()
    assert not any(line.startswith("estimate:") for line in end.err)


# --- options -----------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there(
    device: str, refuse: Try, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    end = refuse("--device", device)
    assert_one_line(end, 1, f"--device {device} is not available", "expected cpu")


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("rootnet", "PART=PATH"),
        ("rootnet=", "PART=PATH"),
        ("brain=weights.pth", "one of the parts"),
        ("=weights.pth", "one of the parts"),
    ],
)
def test_a_checkpoint_option_that_makes_no_sense(option: str, word: str, refuse: Try) -> None:
    assert_one_line(refuse("--checkpoint", option), 2, "--checkpoint makes no sense", word)


def test_one_part_cannot_be_given_twice(refuse: Try) -> None:
    twice = ("--checkpoint", "smplx=a.npz", "--checkpoint", "smplx=b.npz")
    assert_one_line(refuse(*twice), 2, "one file for smplx")


def test_a_checkpoint_option_whose_file_is_not_there(refuse: Try, tmp_path: Path) -> None:
    end = refuse("--checkpoint", f"hand4whole={tmp_path / 'gone.pth'}")
    assert_one_line(end, 1, "gone.pth is not there")


# --- how it is told ----------------------------------------------------------------------------


def test_with_json_the_failure_is_the_last_event_and_no_frame_was_looked_at(refuse: Try) -> None:
    end = refuse("--json")
    events = [line.partition('"event": "')[2].partition('"')[0] for line in end.out]
    assert events == ["started", "failed"]
    assert '"code": "model_file"' in end.out[-1]


def test_debug_alone_shows_the_traceback(refuse: Try) -> None:
    assert any("Traceback" in line for line in refuse("--debug").err)
    assert not any("Traceback" in line for line in refuse().err)
