"""Fixtures of the Blender side: clips, empty files, the built extension, whole Blender runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import Camera, Clip, replaced
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import (
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    rotation_about,
)
from pose2rig.rigs.skeleton import JOINT, joint_positions, world_rotations

from ..licensed_models import smplx_like_joints
from .captures import write_capture

MakeClip = Callable[..., Clip]
Armature = Any
Show = Callable[..., None]
RunBlender = Callable[..., dict[str, Any]]

PRELUDE = """
import importlib, json, os, sys, time
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.extensions.package_install_files(
    repo="user_default", filepath={zip!r}, enable_on_install=True
)
ROOT = "bl_ext.user_default.pose2rig"
context = bpy.context
preferences = context.preferences.addons[ROOT].preferences
preferences.engine_python = {python!r}
settings = context.scene.pose2rig
settings.footage = {footage!r}
settings.start, settings.end = 10, 40
status = context.window_manager.pose2rig
session = importlib.import_module(ROOT + ".addon.capture_session")

def tell(**answer):
    print("ANSWER" + json.dumps(answer), flush=True)

def run(until=lambda: False):
    \"\"\"Step until the end; the result, and the processor time of nearly the slowest tick.\"\"\"
    ticks = [0.0]
    while True:
        before = time.thread_time()
        result = session.step(context)
        if result == "RUNNING":
            ticks.append(time.thread_time() - before)
        if result != "RUNNING" or until():
            return result, sorted(ticks)[int(0.95 * (len(ticks) - 1))]
        time.sleep(0.02)
"""


def _known_clip(time_s: NDArray[np.float64], frame_rate: float) -> Clip:
    """A person who walks in a circle and wriggles; the left shoulder turns on through pi."""
    random = np.random.default_rng(11)
    count = len(time_s)
    phase, width = random.uniform(0, 6, (55, 3)), random.uniform(0, 0.25, (55, 3))
    wriggle = width * np.sin(phase + 2.0 * time_s[:, None, None])
    wriggle[:, JOINT["left_shoulder"]] = np.outer(2.0 + 0.9 * time_s, [0.6, 0.0, 0.8])
    rotations = matrix_from_axis_angle(wriggle)
    rotations[:, 0] = rotation_about(np.array([0.0, 0.0, 1.0]), 0.8 * time_s) @ UPRIGHT
    betas = np.linspace(-0.8, 0.8, 10)
    rest = load_open_body().rest_joints(betas)
    path = np.stack([np.sin(time_s), 0.3 * time_s, np.full(count, 0.95)], axis=-1)
    trans = path - rest[0]
    joints = joint_positions(world_rotations(rotations), rest, trans)
    arrays: dict[str, Any] = {
        "poses": axis_angle_from_matrix(rotations).reshape(count, 165),
        "trans": trans,
        "betas": np.zeros(10),
        "open_betas": betas,
        "rest_joints": rest,
        "expression": np.zeros((count, 10)),
        "joints": joints,
        "joints2d": np.zeros((count, 55, 2)),
        "scores": np.ones((count, 55)),
        "contacts": np.zeros((count, 4)),
    }
    camera = Camera(
        focal=np.full(2, 1000.0, np.float32),
        principal_point=np.array([320.0, 240.0], np.float32),
        image_size=np.array([640, 480], np.int32),
        rotation=np.eye(3, dtype=np.float32),
        translation=np.zeros(3, np.float32),
    )
    return Clip(
        **{name: array.astype(np.float32) for name, array in arrays.items()},
        tracked=np.ones(count, bool),
        time_s=time_s,
        frame_index=np.arange(count),
        frame_rate=frame_rate,
        camera=camera,
        body_model="open",
        provenance={"program": "test"},
    )


def on_licensed_joints(clip: Clip) -> Clip:
    """The same motion on the joints of a licensed body, as a research network's clip has it."""
    rest = smplx_like_joints().astype(np.float32)
    rotations = matrix_from_axis_angle(clip.poses.astype(np.float64).reshape(-1, 55, 3))
    joints = joint_positions(world_rotations(rotations), rest, clip.trans)
    return replaced(
        clip,
        rest_joints=rest,
        joints=joints.astype(np.float32),
        betas=np.linspace(-1.0, 1.0, 10, dtype=np.float32),
        open_betas=np.zeros(10, np.float32),
        body_model="smplx",
    )


@pytest.fixture(scope="session")
def make_clip() -> MakeClip:
    """A factory: `make_clip(frames, fps)` or `make_clip(time_s=…, frame_rate=…)`."""

    def make(
        frames: int = 60,
        fps: float = 30.0,
        time_s: NDArray[np.float64] | None = None,
    ) -> Clip:
        return _known_clip(np.arange(frames) / fps if time_s is None else time_s, fps)

    return make


@pytest.fixture
def empty_file() -> Any:
    """bpy with an empty file at 24 fps."""
    bpy = pytest.importorskip("bpy")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy


@pytest.fixture
def file(empty_file):
    """An empty file with the extension's classes registered and its preferences there."""
    from pose2rig.addon.preferences import ROOT_PACKAGE
    from pose2rig.addon.registration import register, unregister

    register()
    addons = empty_file.context.preferences.addons
    addon = addons.new()
    addon.module = ROOT_PACKAGE
    yield empty_file
    addons.remove(addon)
    unregister()


@pytest.fixture(scope="session")
def captured_pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture folder of two people, made of known motions."""
    return write_capture(tmp_path_factory.mktemp("captured"))


@pytest.fixture
def show(file, captured_pair: Path) -> Show:
    """Put the finished capture into the scene, as after its last event."""
    from pose2rig.addon.people import CaptureResult, show_capture

    def show_it(folder: Path = captured_pair, name: str = "dancers", **options: Any) -> None:
        report = json.loads((captured_pair / "report.json").read_text("utf-8"))
        defaults = {"mode": "AXIS_ANGLE", "first_frame": 1, "fps": 24.0, "match_scene": False}
        result = CaptureResult(
            name=name,
            folder=folder,
            people={int(number): figures for number, figures in report["people"].items()},
            **{**defaults, **options},
        )
        show_capture(file.context.scene, result)

    return show_it


@pytest.fixture
def dancer(file, show: Show) -> Armature:
    """The first of two captured people, active, with an engine at hand."""
    from pose2rig.addon.preferences import addon_preferences

    addon_preferences(file.context).engine_python = sys.executable
    show()
    return file.context.object


@pytest.fixture(scope="session")
def extension_zip(repository_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, built and validated by Blender's own tool."""
    pytest.importorskip("bpy")
    path = tmp_path_factory.mktemp("extension") / "pose2rig.zip"
    builder = repository_dir / ".ci" / "build_extension.py"
    subprocess.run([sys.executable, str(builder), "--output", str(path)], check=True)
    return path


@pytest.fixture
def run_blender(extension_zip: Path, shared_dir: Path, tmp_path: Path) -> RunBlender:
    """Run a script after the prelude; returns what it told."""
    clip = shared_dir / "footage" / "video" / "squats_5fps_portrait.mp4"

    def run(script: str, python: str = sys.executable, footage: str = str(clip)) -> dict[str, Any]:
        text = PRELUDE.format(zip=str(extension_zip), python=python, footage=footage) + script
        path = tmp_path / "script.py"
        path.write_text(text, encoding="utf-8")
        environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "user")}
        ended = subprocess.run(
            [sys.executable, str(path)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        answers = [line for line in ended.stdout.splitlines() if line.startswith("ANSWER")]
        assert answers, ended.stdout + ended.stderr
        return json.loads(answers[-1][6:])

    return run
