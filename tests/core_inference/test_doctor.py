"""`pose2rig doctor`: the environment and the model files in one report, whatever their state."""

import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pose2rig.core_inference import VERSION, machine
from pose2rig.core_inference.__main__ import main
from pose2rig.core_inference.doctor import FileState, examine, report_as_text
from pose2rig.core_inference.estimators.landmark_models import LandmarkModels
from pose2rig.core_inference.estimators.model_folder import PARTS, file_sha256

from .running import Ended, ended, files_under, pose2rig

Run = Callable[..., Ended]
HAS_TORCH = importlib.util.find_spec("torch") is not None
NEEDS_TORCH = pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed")


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the doctor in this process."""

    def run_main(*arguments: object) -> Ended:
        status = main(["doctor", *map(str, arguments)])
        out, err = capfd.readouterr()
        return ended(status, out, err)

    return run_main


def state_of(folder: Path, part: str) -> FileState:
    return next(file for file in examine(folder, None).files if file.part == part)


def put(folder: Path, name: str, content: bytes = b"weights") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def program(path: Path, script: str) -> Path:
    """A program that stands in for another."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# --- the report --------------------------------------------------------------------------------


def test_the_report_names_the_program_the_computer_and_every_known_file(
    run: Run, tmp_path: Path
) -> None:
    end = run("--models", tmp_path)
    assert (end.status, end.err) == (0, [])
    text = "\n".join(end.out)
    for word in (VERSION, platform.python_version(), platform.platform(), "GiB", "MediaPipe 0.10"):
        assert word in text
    for part in PARTS:
        assert [line for line in end.out if line.split()[:2] == ["missing", part]], part
    for page in ("Hand4Whole_RELEASE", "I2L-MeshNet_RELEASE", "smpl-x.is.tue.mpg.de"):
        assert page in text
    assert "non-commercial" in text


def test_the_same_as_json(run: Run, tmp_path: Path) -> None:
    end = run("--models", tmp_path, "--json")
    assert (end.status, end.err, len(end.out)) == (0, [], 1)
    report: dict[str, Any] = json.loads(end.out[0])
    assert report["environment"]["pose2rig"] == VERSION
    assert [file["part"] for file in report["files"]] == list(PARTS)
    assert {file["licence"] for file in report["files"]} == set(report["licences"])
    assert {file["state"] for file in report["files"]} == {"missing"}


def test_a_found_file_has_its_size_and_hash_and_nothing_is_written(tmp_path: Path) -> None:
    path = put(tmp_path, "rootnet/snapshot_18.pth.tar", b"12345")
    before = files_under(tmp_path)
    state = state_of(tmp_path, "rootnet")
    assert (state.path, state.size_bytes) == ("rootnet/snapshot_18.pth.tar", 5)
    assert state.sha256 == file_sha256(path)
    assert files_under(tmp_path) == before
    assert f"sha256 {state.sha256}" in report_as_text(examine(tmp_path, None))


def test_a_folder_that_is_not_there_is_no_failure(run: Run, tmp_path: Path) -> None:
    end = run("--models", tmp_path / "nowhere")
    assert end.status == 0
    assert any("nowhere (no folder)" in line for line in end.out)


def test_the_folder_of_the_environment_is_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("POSE2RIG_MODELS", str(tmp_path / "mine"))
    assert "mine" in examine(None, None).model_folder


def test_the_users_name_is_not_in_the_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    folder = tmp_path / "jane" / "models"
    put(folder, "rootnet/snapshot_18.pth.tar")
    report = report_as_text(examine(folder, None))
    assert "~/models" in report
    assert "jane" not in report


# --- files that are broken ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "name", "word"),
    [
        ("smplx", "smplx/SMPLX_NEUTRAL.npz", "zip"),
        ("smplx", "smplx/SMPLX_NEUTRAL.pkl", "pickle"),
        ("flame", "flame/FLAME_NEUTRAL.npz", "zip"),
        pytest.param("vposer", "vposer/TR00_E096.pt", "damaged", marks=NEEDS_TORCH),
    ],
)
def test_a_broken_file_is_a_line_of_the_report(
    run: Run, tmp_path: Path, part: str, name: str, word: str
) -> None:
    put(tmp_path, name, b"no model")
    state = state_of(tmp_path, part)
    assert state.state == "broken"
    assert word in (state.problem or "")
    end = run("--models", tmp_path)
    assert (end.status, end.err) == (0, [])
    assert [line for line in end.out if line.split()[:2] == ["broken", part]]
    assert sum(line.startswith("  missing") for line in end.out) == len(PARTS) - 1


def test_several_candidates_are_broken_and_named(tmp_path: Path) -> None:
    put(tmp_path, "posenet/a.pth.tar")
    put(tmp_path, "posenet/b.pth.tar")
    state = state_of(tmp_path, "posenet")
    assert state.state == "broken"
    assert "a.pth.tar, b.pth.tar" in (state.problem or "")


@NEEDS_TORCH
def test_a_checkpoint_of_another_network_is_named(tmp_path: Path) -> None:
    import torch

    from pose2rig.core_inference.networks.build import build_network

    path = put(tmp_path, "rootnet/snapshot_18.pth.tar")
    torch.save(build_network("vposer").state_dict(), path)
    state = state_of(tmp_path, "rootnet")
    assert state.state == "broken"
    assert state.problem == "it holds the weights of vposer, not of rootnet"
    path.rename(put(tmp_path, "vposer/TR00_E096.pt"))
    assert state_of(tmp_path, "vposer").state == "found"
    torch.save({"stray": torch.zeros(1)}, path)
    assert "no network known here" in (state_of(tmp_path, "rootnet").problem or "")


# --- the landmark models -----------------------------------------------------------------------


def test_the_landmark_models_are_named_with_their_place_hash_and_runtime(
    landmark_models: LandmarkModels, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(landmark_models.folder, tmp_path / "jane" / "models" / "landmarks")
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    told = examine(tmp_path / "jane" / "models", None).environment
    assert "MediaPipe 0.10.21 in ~/models/landmarks, Apache-2.0" in told["landmark models"]
    assert landmark_models.weights_sha256 in told["landmark models"]
    assert told["they run on"].split() == ["LiteRT", machine.package_version("ai-edge-litert")]


def test_missing_landmark_models_and_runtimes_are_lines_with_the_next_step(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "jane" / "landmarks").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "jane"))
    for module in ("ai_edge_litert", "openvino"):
        monkeypatch.setitem(sys.modules, module, None)
    end = run("--models", tmp_path / "jane")
    assert (end.status, end.err) == (0, [])
    models, runtime = (
        next(line for line in end.out if line.startswith(name))
        for name in ("landmark models", "they run on")
    )
    assert "pose_detection.tflite" in models
    assert "no such file in ~/landmarks" in models
    assert "landmark_setup" in models
    assert "nothing: " in runtime
    assert "ai-edge-litert" in runtime


# --- what the computer has and lacks -----------------------------------------------------------


def test_without_torch_files_are_listed_and_not_opened(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    find_spec = importlib.util.find_spec

    def all_but_torch(name: str) -> object:
        return None if name == "torch" else find_spec(name)

    monkeypatch.setattr(machine.importlib.util, "find_spec", all_but_torch)
    put(tmp_path, "vposer/TR00_E096.pt", b"no weights")
    report = examine(tmp_path, None)
    assert report.environment["torch"] == "not installed"
    assert "Checkpoints were not opened" in report_as_text(report)
    assert next(file for file in report.files if file.part == "vposer").state == "found"


def test_a_torch_that_does_not_load_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(name: str) -> object:
        return name

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(machine.importlib.util, "find_spec", found)
    assert "does not load" in machine.torch_facts()["torch"]


@pytest.mark.skipif(os.name == "nt", reason="stands in with shell scripts")
def test_nvidia_devices_are_named_as_their_tool_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.nvidia_devices() == ()
    tool = program(tmp_path / "nvidia-smi", "echo 'NVIDIA H200, 570.1, 143771 MiB'")
    assert machine.nvidia_devices() == ("NVIDIA H200, driver 570.1, 143771 MiB",)
    program(tool, "echo 'cannot talk to the driver'")
    assert machine.nvidia_devices() == ()
    program(tool, "exit 9")
    assert machine.nvidia_devices() == ()


@pytest.mark.skipif(os.name == "nt", reason="stands in with shell scripts")
def test_a_blender_is_named_with_its_version_and_a_wrong_one_is_a_line(
    run: Run, tmp_path: Path
) -> None:
    blender = program(tmp_path / "blender", "echo 'Blender 4.2.1 LTS'")
    assert "Blender 4.2.1 LTS" in examine(tmp_path, blender).environment["Blender"]
    end = run("--blender", tmp_path / "gone")
    assert end.status == 0
    assert any("gone is not there" in line for line in end.out)


@pytest.mark.slow
def test_the_report_in_a_process_of_its_own_is_clean() -> None:
    end = pose2rig("doctor", "--models", "nowhere")
    assert (end.status, end.err) == (0, [])
    assert end.out[0].split() == ["pose2rig", VERSION]
