"""The benchmark of rendered motions: its figures know right from wrong, and it runs."""

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import Camera, Clip, replaced
from pose2rig.core_inference.motion.posing import pose_arrays
from pose2rig.rigs.rotation import quaternion_from_matrix, rotation_about
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT

Part = Callable[[str], ModuleType]


@pytest.fixture
def part(repository_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Part:
    """The benchmark's modules by name."""
    monkeypatch.syspath_prepend(repository_dir / "benchmarks")
    return import_module


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_open_body()


def true_clip(performance, rest: np.ndarray) -> Clip:
    """What a perfect capture would say, seen from a world turned by a quarter and shifted."""
    count = len(performance.time_s)
    quarter = rotation_about(np.array([0.0, 0.0, 1.0]), np.array(np.pi / 2))
    rotations = performance.rotations.copy()
    rotations[:, 0] = quarter @ rotations[:, 0]
    trans = performance.joints[:, 0] @ quarter.T + [3.0, 2.0, 1.0] - rest[0]
    camera = Camera(
        focal=np.full(2, 900.0, dtype=np.float32),
        principal_point=np.full(2, 320.0, dtype=np.float32),
        image_size=np.full(2, 640, dtype=np.int32),
        rotation=np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=np.float32),
        translation=np.array([0, 0, 9], dtype=np.float32),
    )
    return Clip(
        **pose_arrays(quaternion_from_matrix(rotations), trans, rest, camera),
        betas=np.zeros(10, dtype=np.float32),
        open_betas=performance.open_betas.astype(np.float32),
        rest_joints=rest.astype(np.float32),
        expression=np.zeros((count, 10), dtype=np.float32),
        scores=np.ones((count, JOINT_COUNT), dtype=np.float32),
        tracked=np.ones(count, dtype=bool),
        contacts=performance.contacts,
        time_s=performance.time_s,
        frame_index=np.arange(count),
        frame_rate=30.0,
        camera=camera,
        body_model="open",
        provenance={},
    )


def test_the_truth_has_no_error_and_a_bent_elbow_has_its_own(
    part: Part, body: BodyModel, shared_dir: Path
) -> None:
    motions, figures = part("rendered_motions"), part("rendered_figures")
    performance = motions.recorded("jumps", shared_dir / "footage" / "mocap", body, 1.5)
    assert 0.2 < performance.contacts.mean() < 0.9
    clip = true_clip(performance, body.rest_joints(performance.open_betas))
    right = figures.figures(clip, performance, body)
    assert max(right.joints_mm, right.pa_mm, right.degrees.max()) < 0.1
    assert max(right.root_mm, right.path_mm) < 0.1
    assert right.contact_f1 == 1.0
    assert right.acceleration == pytest.approx(1.0, abs=1e-3)
    assert right.slide_cm_s == pytest.approx(figures.true_slide_cm_s(performance), rel=1e-2)

    elbow = JOINT["left_elbow"]
    poses = clip.poses.copy()
    poses[:, 3 * elbow : 3 * elbow + 3] = 0.0
    bent = figures.figures(replaced(clip, poses=poses), performance, body)
    angle = np.linalg.norm(clip.poses[:, 3 * elbow : 3 * elbow + 3], axis=1)
    assert bent.degrees[elbow] == pytest.approx(np.degrees(np.median(angle)), rel=1e-2)
    assert np.delete(bent.degrees, elbow).max() < 0.1


def test_every_camera_sees_the_whole_motion_and_one_turns(
    part: Part, body: BodyModel, shared_dir: Path
) -> None:
    motions, views = part("rendered_motions"), part("rendered_views")
    joints = motions.recorded("walk", shared_dir / "footage" / "mocap", body, 3.0).joints
    for name, view_of in views.VIEWS.items():
        view = view_of(joints)
        pixels = view.project(joints)
        assert pixels.min() > 0.0
        assert pixels.max() < views.SIZE_PX
        turned = np.ptp(view.axes, axis=0).max()
        assert turned > 0.2 if name == "panning" else turned == 0.0


def test_half_a_wave_is_half(part: Part) -> None:
    motions, wave = part("rendered_motions"), part("rendered_wave")
    frames = np.arange(90)
    swing = np.sin(2 * np.pi * motions.WAVE_HZ * frames / 30.0 + 0.4)
    values = np.stack([2.0 + swing, 0.1 * frames - 0.5 * swing], axis=1)
    np.testing.assert_allclose(np.abs(wave.amplitude(values, frames)), [1.0, 0.5], atol=1e-9)


@pytest.mark.slow
@pytest.mark.bpy
def test_it_runs_and_renders_only_once(
    repository_dir: Path, shared_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip("bpy", reason="rendering needs the bpy module")
    program = [sys.executable, str(repository_dir / "benchmarks" / "rendered_truth.py")]
    program += ["--motions", "jacks", "--cameras", "front", "--seconds", "0.4"]
    program += ["--footage", str(shared_dir / "footage"), "--out", str(tmp_path)]
    footage = tmp_path / "jacks_front" / "footage.mp4"
    first = subprocess.run(program, check=True, capture_output=True, text=True)
    rendered = footage.stat().st_mtime_ns
    second = subprocess.run(program, check=True, capture_output=True, text=True)
    assert footage.stat().st_mtime_ns == rendered
    rows = [
        next(line for line in run.stdout.splitlines() if line.startswith("jacks front"))
        for run in (first, second)
    ]
    assert rows[0] == rows[1]
    found, *cells = rows[0].removeprefix("jacks front").split()
    assert found == "100%"
    pa_after_mm = float(cells[3])
    assert 5.0 < pa_after_mm < 100.0
    with np.load(tmp_path / "jacks_front" / "truth.npz", allow_pickle=False) as truth:
        assert truth["joints"].shape == (12, JOINT_COUNT, 3)
        assert truth["camera_rotation"].shape == (12, 3, 3)
