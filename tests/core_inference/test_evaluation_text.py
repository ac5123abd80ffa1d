"""An evaluation as text, as JSON and through the command line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pose2rig.core_inference.__main__ import main
from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import Clip, save_clip
from pose2rig.core_inference.evaluate import evaluate
from pose2rig.core_inference.evaluation_text import format_evaluation, json_evaluation

from .known_motions import clip_of, random_motion
from .test_evaluate import bent, compared, few_meshes, rows

__all__ = ["few_meshes"]


@pytest.fixture(scope="module")
def truth() -> Clip:
    body = load_open_body()
    motion, time_s = random_motion(body, 1, seconds=1.0)
    return clip_of(motion, body, time_s)


def test_the_text_ends_in_one_line_with_mm_and_degrees(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, bent(truth, "left_elbow", 20.0), truth)
    text = format_evaluation(result)
    summary = text.splitlines()[-1]
    assert f"{result.mpjpe_mm:.1f} mm" in summary and "degrees" in summary
    assert f"{len(truth.time_s)} of {len(truth.time_s)} frames" in summary
    elbow = next(line for line in text.splitlines() if line.startswith("left_elbow"))
    assert elbow.split()[-1] == f"{result.joint_deg['left_elbow']:.1f}"


def test_every_figure_has_its_line(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, bent(truth, "left_elbow", 20.0), truth)
    text = format_evaluation(result)
    table = text.splitlines()
    assert result.mesh is not None and result.camera is not None
    left = result.parts["left hand"]
    wanted = ["left", "hand", "16", f"{left.error_mm:.1f}", f"{left.aligned_mm:.1f}"]
    assert [line.split() for line in table if line.startswith("left hand")][0] == wanted
    skin = result.mesh.parts["left hand"]
    assert skin.f_5mm is not None and skin.f_15mm is not None
    assert f"{skin.f_5mm:.2f}   {skin.f_15mm:.2f}" in text
    assert "skin of the open body, each in its own shape; 2 frames" in text
    root = result.camera.root
    assert f"{root.mrpe_mm:.1f} mm (x {root.x_mm:.1f}, y {root.y_mm:.1f}" in text
    for name in ("jitter", "foot slide", "bone variation", "3DPCK abs", "coverage"):
        assert any(line.startswith(name) for line in table), name
    assert "MPJPE, pelvis together" in text


def test_the_json_has_every_figure_and_reads_back(tmp_path: Path, truth: Clip):
    result = compared(tmp_path, bent(truth, "left_elbow", 20.0), truth)
    text = json_evaluation(result)
    assert "\n" not in text
    read = json.loads(text)
    assert read["mpjpe_mm"] == result.mpjpe_mm
    assert read["parts"]["left hand"]["aligned_mm"] == result.parts["left hand"].aligned_mm
    assert set(read) == set(result.as_dict())


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_short_clips_have_finite_figures(tmp_path: Path, truth: Clip, frames: int):
    short = rows(bent(truth, "left_elbow", 20.0), slice(0, frames))
    for reference in (truth, short):
        assert json.loads(json_evaluation(compared(tmp_path, short, reference)))


def test_the_command_prints_tables_or_one_object(
    tmp_path: Path, truth: Clip, capsys: pytest.CaptureFixture[str]
):
    paths = [tmp_path / "clip.npz", tmp_path / "reference.npz"]
    for path, clip in zip(paths, (bent(truth, "left_elbow", 20.0), truth), strict=True):
        save_clip(path, clip)
    names = [str(path) for path in paths]
    assert main(["evaluate", *names]) == 0
    assert capsys.readouterr().out == format_evaluation(evaluate(*paths)) + "\n"
    assert main(["evaluate", *names, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["joints"] == 22
    later = replace(truth, time_s=truth.time_s + 100.0)
    save_clip(paths[1], later)
    assert main(["evaluate", *names, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["event"] == "failed"


def test_the_help_says_what_each_figure_means(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    for figure in ("MPJPE, MPVPE", "F@5, F@15", "MRPE", "3DPCK, AUC", "foot slide", "coverage"):
        assert f"\n  {figure}" in said
