"""FBX files read back by Blender's importer and by assimp; and what an export leaves behind."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.clip import Clip, save_clip
from pose2rig.rigs.errors import OutputError, RigError
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import matrix_from_quaternion
from pose2rig.rigs.skeleton import JOINT_NAMES, PARENTS

from .conftest import on_licensed_joints

pytestmark = pytest.mark.bpy


def headless(job: dict[str, Any], folder: Path) -> tuple[int, dict[str, Any]]:
    """Run a job as the command line does; returns exit status and answer."""
    ended = run_headless(job, folder)
    answers = [line for line in ended.stdout.splitlines() if line.startswith('{"ok"')]
    assert len(answers) == 1, ended.stdout + ended.stderr
    return ended.returncode, json.loads(answers[0])


def run_headless(job: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """The process of a job, ended."""
    path = folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    command = [sys.executable, "-I", "-X", "utf8", "-m", "pose2rig.addon.headless", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def import_fbx(bpy: Any, path: Path) -> None:
    """Read a file with the importer of this Blender: a new one came with 4.5."""
    if bpy.app.version >= (4, 5, 0):
        bpy.ops.wm.fbx_import(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path))


def action_names(bpy: Any) -> list[str]:
    """The actions of an imported file; the older importer puts the armature's name before."""
    return [action.name.split("|")[-1] for action in bpy.data.actions]


@pytest.fixture(scope="module", params=["AXIS_ANGLE", "QUATERNION"])
def written(request, make_clip, tmp_path_factory) -> tuple[Clip, Path]:
    """A clip at 29.97 fps and the FBX that the command line's job makes of it."""
    pytest.importorskip("bpy")
    folder = tmp_path_factory.mktemp("fbx")
    rate = 30000 / 1001
    clip = make_clip(time_s=0.7 + np.arange(75) / rate, fps=rate)
    save_clip(folder / "person_0.npz", clip)
    job = {
        "job": "export_fbx",
        "clip": str(folder / "person_0.npz"),
        "out": str(folder / "walk.fbx"),
        "name": "walk",
        "rotation_mode": request.param,
    }
    assert headless(job, folder) == (
        0,
        {"ok": True, "path": str(folder / "walk.fbx"), "frames": 75},
    )
    return clip, folder / "walk.fbx"


def test_blender_reads_it_back(empty_file, written) -> None:
    """Same bones and parents, scale 1, one action of that name, seconds, joints within 1 mm."""
    bpy, (clip, path) = empty_file, written
    import_fbx(bpy, path)
    armatures = [item for item in bpy.data.objects if item.type == "ARMATURE"]
    assert len(armatures) == 1
    armature = armatures[0]
    assert tuple(armature.matrix_world.to_scale()) == pytest.approx((1.0, 1.0, 1.0), abs=1e-5)
    assert {bone.name for bone in armature.data.bones} == set(JOINT_NAMES)
    for name, parent in zip(JOINT_NAMES, PARENTS, strict=True):
        found = armature.data.bones[name].parent
        assert (found.name if found else None) == (JOINT_NAMES[parent] if parent >= 0 else None)
    assert action_names(bpy) == ["walk"]
    scene = bpy.context.scene
    fps = scene.render.fps / scene.render.fps_base
    first, last = bpy.data.actions[0].frame_range
    seconds = clip.time_s[-1] - clip.time_s[0]
    slack = 1e-4 if bpy.app.version >= (4, 5, 0) else 2e-3 * seconds  # the older reader's own
    assert (last - first) / fps == pytest.approx(seconds, abs=slack)
    for row in (0, 1, 37, 74):
        frame = first + row * (last - first) / 74
        scene.frame_set(int(frame), subframe=frame % 1.0)
        heads = [armature.matrix_world @ armature.pose.bones[name].head for name in JOINT_NAMES]
        assert np.abs(np.array(heads) - clip.joints[row]).max() < 1e-3


def _nodes(node: dict[str, Any], parent: str | None = None) -> dict[str, tuple[str | None, Any]]:
    found = {node["name"]: (parent, np.array(node["transformation"]).reshape(4, 4))}
    for child in node.get("children", []):
        found |= _nodes(child, node["name"])
    return found


def _animated(channel: dict[str, Any], row: int) -> np.ndarray:
    matrix = np.eye(4)
    rotation = np.array(channel["rotationkeys"][row][1])
    scale = np.array(channel["scalingkeys"][row][1])
    matrix[:3, :3] = matrix_from_quaternion(rotation) * scale
    matrix[:3, 3] = channel["positionkeys"][row][1]
    return matrix


@pytest.fixture
def scene_by_assimp(written, tmp_path: Path) -> tuple[Clip, dict[str, Any]]:
    """The file as an independent program reads it."""
    if shutil.which("assimp") is None:
        pytest.skip("assimp, the independent reader, is not installed")
    clip, path = written
    out = tmp_path / "read.assjson"
    command = ["assimp", "export", str(path), str(out), "-fassjson"]
    subprocess.run(command, check=True, capture_output=True)
    return clip, json.loads(out.read_text())


def test_assimp_reads_bones_take_and_rate(scene_by_assimp) -> None:
    """No leaf bones, one take named after the clip, all keys, true seconds."""
    clip, scene = scene_by_assimp
    nodes = _nodes(scene["rootnode"])
    assert set(nodes) == {*JOINT_NAMES, "RootNode", "walk", "walk_body"}
    assert [animation["name"] for animation in scene["animations"]] == ["walk"]
    animation = scene["animations"][0]
    seconds = animation["duration"] / animation["tickspersecond"]
    assert seconds == pytest.approx(clip.time_s[-1] - clip.time_s[0], rel=2e-3)
    for channel in animation["channels"]:
        if channel["name"] in JOINT_NAMES:
            assert len(channel["rotationkeys"]) == len(clip.time_s)


def test_assimp_reads_the_joints_within_a_millimetre(scene_by_assimp) -> None:
    """World positions from nodes and keys, the file's y-up axes turned to ours; units metres."""
    clip, scene = scene_by_assimp
    nodes = _nodes(scene["rootnode"])
    channels = {channel["name"]: channel for channel in scene["animations"][0]["channels"]}
    for row in (0, 37, 74):
        world = {}
        for name, (parent, still) in nodes.items():
            local = _animated(channels[name], row) if name in channels else still
            world[name] = world[parent] @ local if parent else local
        joints = np.array([world[name][:3, 3] for name in JOINT_NAMES]) @ UPRIGHT.T
        assert np.abs(joints - clip.joints[row]).max() < 1e-3


def test_assimp_reads_the_skin(scene_by_assimp) -> None:
    """The body hangs on the bones, and its materials have the parts' names."""
    _, scene = scene_by_assimp
    for mesh in scene["meshes"]:
        assert {bone["name"] for bone in mesh["bones"]} <= set(JOINT_NAMES)
        assert len(mesh["bones"]) > 10
    faces = sum(len(mesh["faces"]) for mesh in scene["meshes"])
    assert faces > 10_000


@pytest.fixture
def take(empty_file, make_clip):
    """A take in an otherwise busy scene."""
    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import TakeSettings, add_take

    bpy = empty_file
    bpy.ops.mesh.primitive_cube_add()
    timing = FrameTiming(fps=24.0, first_frame=1)
    settings = TakeSettings(
        name="walk", mode="AXIS_ANGLE", timing=timing, path=Path("a.npz"), quality={}
    )
    add_take(make_clip(frames=30), settings, bpy.context.scene)
    return add_take(make_clip(frames=30), settings, bpy.context.scene)


def _state(bpy, take) -> tuple[Any, ...]:
    data = take.armature.animation_data
    return (
        [scene.name for scene in bpy.data.scenes],
        bpy.context.scene.frame_current,
        bpy.context.scene.render.fps,
        [item.name for item in bpy.context.selected_objects],
        bpy.context.view_layer.objects.active.name,
        bpy.context.mode,
        data.action.name,
        getattr(data, "action_slot_handle", None),
        [(track.name, track.mute) for track in data.nla_tracks],
        [(m.name, m.show_viewport) for m in take.body.modifiers],
        [collection.name for collection in take.armature.users_collection],
    )


def test_only_the_chosen_take_is_written_and_nothing_changed(empty_file, take, tmp_path) -> None:
    """Another take, a cube and the user's own NLA track stay out; the scene stays as it was."""
    from pose2rig.addon.export import FbxExport, export_fbx

    bpy, path = empty_file, tmp_path / "only.fbx"
    track = take.armature.animation_data.nla_tracks.new()
    track.strips.new("old", 1, bpy.data.actions["walk"])
    bpy.context.scene.frame_set(7)
    bpy.ops.object.mode_set(mode="POSE")
    before = _state(bpy, take)
    export_fbx(FbxExport(armature=take.armature, meshes=(take.body,), path=path, fps=24.0))
    assert _state(bpy, take) == before
    assert [file.name for file in tmp_path.iterdir()] == ["only.fbx"]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    import_fbx(bpy, path)
    assert {item.name for item in bpy.data.objects} == {"walk.001", "walk.001_body"}
    assert action_names(bpy) == ["walk.001"]


def test_a_hidden_take_is_written_too(empty_file, take, tmp_path) -> None:
    """Hidden objects and excluded collections do not matter."""
    from pose2rig.addon.export import FbxExport, export_fbx

    bpy, path = empty_file, tmp_path / "hidden.fbx"
    bpy.context.view_layer.layer_collection.children["walk.001"].exclude = True
    export_fbx(FbxExport(armature=take.armature, meshes=(take.body,), path=path, fps=24.0))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    import_fbx(bpy, path)
    assert len(bpy.data.actions) == 1


def test_an_armature_without_motion_is_refused(empty_file, take, tmp_path) -> None:
    """One clear error and no file."""
    from pose2rig.addon.export import FbxExport, export_fbx

    take.armature.animation_data.action = None
    with pytest.raises(RigError, match="no motion"):
        export_fbx(FbxExport(armature=take.armature, meshes=(), path=tmp_path / "a.fbx", fps=24.0))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_clear_error(empty_file, take, tmp_path) -> None:
    """An absent folder, and a folder where the file should be; nothing half-written stays."""
    from pose2rig.addon.export import FbxExport, export_fbx

    (tmp_path / "taken.fbx").mkdir()
    for path in (tmp_path / "absent" / "a.fbx", tmp_path / "taken.fbx"):
        with pytest.raises(OutputError, match="cannot write"):
            export_fbx(FbxExport(armature=take.armature, meshes=(take.body,), path=path, fps=24.0))
    assert [item.name for item in tmp_path.iterdir()] == ["taken.fbx"]
    assert take.armature.animation_data.action == take.action


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"clip": "absent.npz"}, "clip_file"),
        ({"job": "make_coffee"}, "usage"),
        ({"rotation_mode": "EULER"}, "usage"),
        ({"name": 7}, "usage"),
        ({"out": "absent/folder/a.fbx"}, "output"),
    ],
)
def test_bad_jobs_are_answered(change, code, make_clip, tmp_path) -> None:
    """Exit status 1 and one readable line, never a traceback."""
    save_clip(tmp_path / "clip.npz", make_clip(frames=3))
    job = {"job": "export_fbx", "clip": str(tmp_path / "clip.npz"), "name": "a"}
    job |= {"out": str(tmp_path / "a.fbx")} | change
    status, answer = headless(job, tmp_path)
    assert (status, answer["ok"], answer["code"]) == (1, False, code)
    assert "\n" not in answer["message"]
    assert answer["next_step"]


def test_an_unforeseen_error_leaves_its_traceback_on_stderr(make_clip, tmp_path) -> None:
    """A path with a null character: stdout keeps its one line, stderr tells developers where."""
    save_clip(tmp_path / "clip.npz", make_clip(frames=3))
    job = {"job": "export_fbx", "clip": str(tmp_path / "clip.npz"), "name": "a"}
    ended = run_headless(job | {"out": str(tmp_path / "a\0.fbx")}, tmp_path)
    assert ended.returncode == 1
    assert '"code": "blender"' in ended.stdout
    assert "Traceback" not in ended.stdout
    assert "Traceback" in ended.stderr and "_temporary_file" in ended.stderr


def test_a_clip_of_the_licensed_body_is_written_on_its_own_joints(
    empty_file, make_clip, tmp_path
) -> None:
    """Read back: 55 bones, every joint within a millimetre, and the mesh beside it."""
    bpy = empty_file
    clip = on_licensed_joints(make_clip(frames=10))
    save_clip(tmp_path / "clip.npz", clip)
    job = {"job": "export_fbx", "clip": str(tmp_path / "clip.npz"), "name": "a"}
    status, answer = headless(job | {"out": str(tmp_path / "a.fbx")}, tmp_path)
    assert (status, answer["ok"]) == (0, True)
    import_fbx(bpy, tmp_path / "a.fbx")
    armature = next(item for item in bpy.data.objects if item.type == "ARMATURE")
    first, last = bpy.data.actions[0].frame_range
    for row in (0, 9):
        frame = first + row * (last - first) / 9
        bpy.context.scene.frame_set(int(frame), subframe=frame % 1.0)
        heads = [armature.matrix_world @ armature.pose.bones[name].head for name in JOINT_NAMES]
        assert np.abs(np.array(heads) - clip.joints[row]).max() < 1e-3
    assert [item.parent for item in bpy.data.objects if item.type == "MESH"] == [armature]
