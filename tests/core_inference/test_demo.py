"""The demo: one command from footage to figures, files and pictures."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pose2rig.core_inference.demo import error_table, others_table, quality_table
from pose2rig.core_inference.evaluate import Evaluation, Steadiness
from pose2rig.core_inference.footage import open_footage

FIGURES = {"coverage": 0.954, "reprojection_px": 6.44, "jitter_10m_s3": 50.3}


def demo(footage: Path, out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pose2rig.core_inference.demo", str(footage)]
    return subprocess.run(
        [*command, "--out", str(out), *options], capture_output=True, text=True, check=False
    )


def test_figures_are_shown_in_units_that_people_know() -> None:
    table = quality_table(FIGURES)
    assert re.search(r"coverage +95 % ", table)
    assert re.search(r"reprojection +6\.4 px ", table)
    assert re.search(r"jitter +503 m/s³ ", table)


def test_the_known_motion_stands_beside_the_take() -> None:
    truth = {"coverage": 1.0, "reprojection_px": 0.0, "jitter_10m_s3": 8.4}
    table = quality_table(FIGURES, truth)
    assert "known motion" in table
    assert re.search(r"jitter +503 m/s³ +84 m/s³ ", table)
    assert "known motion" not in quality_table(FIGURES)


def test_further_people_have_a_line_each() -> None:
    people = {"1": {"frames": 90.0, **FIGURES}, "2": {"frames": 12.0, "coverage": 1.0}}
    first, second = others_table(people).splitlines()
    assert re.search(r"person 1 +90 frames, coverage 95 %$", first)
    assert re.search(r"person 2 +12 frames, coverage 100 %$", second)


def test_errors_without_rotations_leave_their_line_out() -> None:
    steady = Steadiness(jitter_m_s3=0.0, foot_slide_cm_s=None, bone_length_cv=None)
    evaluation = Evaluation(
        frames=10,
        clip_frames=10,
        joints=12,
        coverage=1.0,
        root_names=("left_hip", "right_hip"),
        mpjpe_mm=76.2,
        pa_mpjpe_mm=41.1,
        pck_rel=0.9,
        auc_rel=0.5,
        acceleration_mm=3.0,
        reference_acceleration_mm=2.0,
        acceleration_error_mm=2.5,
        acceleration_error_m_s2=2.2,
        root_path_mm=136.7,
        camera=None,
        rotation_deg=None,
        contact_f1=None,
        clip_steadiness=steady,
        reference_steadiness=steady,
        parts={},
        mesh=None,
        joint_mm={},
        joint_deg={},
    )
    table = error_table(evaluation)
    assert re.search(r"joints +76 mm +mean of 12 ", table)
    assert "degrees" not in table


@pytest.mark.slow
def test_the_bundled_clip_comes_out_whole(repository_dir: Path, tmp_path: Path) -> None:
    assets, out = repository_dir / "assets", tmp_path / "out"
    done = demo(assets / "demo.mp4", out, "--truth", str(assets / "demo_motion.npz"))
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["people"]["0"]["coverage"] > 0.95
    assert open_footage(out / "overlay.mp4").frame_count == report["people"]["0"]["frames"]
    for name in ("person_0.npz", "raw/person_0.npz", "overlay.png", "top.png"):
        assert (out / name).is_file()
    joints = re.search(r"joints +(\d+) mm", done.stdout)
    rotations = re.search(r"rotations +([\d.]+) degrees", done.stdout)
    assert joints is not None
    assert rotations is not None
    assert float(joints[1]) < 120
    assert float(rotations[1]) < 25


@pytest.mark.slow
def test_missing_footage_is_one_clear_line(tmp_path: Path) -> None:
    failed = demo(tmp_path / "nothing.mp4", tmp_path / "out")
    assert failed.returncode == 1
    assert failed.stderr.startswith("pose2rig: error: ")
    assert failed.stderr.count("\n") == 1
    assert failed.stdout == ""
