"""`pose2rig retarget`: other people's characters read, moved and written, and read back."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.clip import Clip, load_clip
from pose2rig.rigs.mapping import Mapping, from_json
from pose2rig.rigs.skeleton import JOINT

from .test_export import import_fbx

pytestmark = pytest.mark.bpy

Run = subprocess.CompletedProcess[str]
LIMBS = tuple(
    (f"{side}_{start}", f"{side}_{end}")
    for side in ("left", "right")
    for start, end in (("shoulder", "elbow"), ("hip", "knee"))
)


def retarget(*words: object) -> Run:
    """The command, run to its end."""
    command = [sys.executable, "-I", "-X", "utf8", "-m", "pose2rig.core_inference", "retarget"]
    return subprocess.run([*command, *map(str, words)], capture_output=True, text=True, check=False)


def refused(ended: Run, status: int, *words: str) -> None:
    """One line on stderr in which the words stand, nothing on stdout, this exit status."""
    assert ended.returncode == status, ended.stderr
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    assert len([line for line in lines if line.startswith("pose2rig: error: ")]) == 1, ended.stderr
    assert all(word in lines[-1] for word in words), lines[-1]
    assert "Traceback" not in ended.stderr


@pytest.fixture(scope="module")
def motion(repository_dir: Path) -> Path:
    """The demo's clip: 270 frames at 30 per second."""
    return repository_dir / "assets" / "demo_motion.npz"


@pytest.fixture(scope="module")
def characters(shared_dir: Path) -> Path:
    """The folder of other people's characters."""
    pytest.importorskip("bpy")
    return shared_dir / "footage" / "characters"


@pytest.fixture
def blend(empty_file: Any, characters: Path, tmp_path: Path) -> Callable[..., Path]:
    """A factory: a .blend with mannequiny in it, changed by a function of bpy and its armature."""

    def save(change: Callable[[Any, Any], None]) -> Path:
        bpy = empty_file
        bpy.ops.import_scene.gltf(filepath=str(characters / "mannequiny.glb"))
        change(bpy, armature_of(bpy))
        path = tmp_path / "character.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(path))
        return path

    return save


def armature_of(bpy: Any) -> Any:
    """The file's one armature."""
    found = [thing for thing in bpy.data.objects if thing.type == "ARMATURE"]
    assert len(found) == 1
    return found[0]


def open_written(bpy: Any, path: Path, fps: float) -> Any:
    """Read a written file into an empty scene of that rate; returns the armature."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = round(fps), round(fps) / fps
    if path.suffix == ".fbx":
        import_fbx(bpy, path)
    else:
        bpy.ops.import_scene.gltf(filepath=str(path))
    return armature_of(bpy)


def limb_errors(bpy: Any, armature: Any, mapping: Mapping, clip: Clip) -> NDArray[np.float64]:
    """Angles (N,) deg in the world between upper arms and thighs of source and character."""
    scene = bpy.context.scene
    first = int(bpy.data.actions[0].frame_range[0])
    errors: list[float] = []
    for row in range(0, len(clip.joints), 15):
        scene.frame_set(first + row)
        for start, end in LIMBS:
            heads = [
                np.array(armature.matrix_world @ armature.pose.bones[mapping.joints[j][0]].head)
                for j in (start, end)
            ]
            own_3 = heads[1] - heads[0]
            ends = clip.joints[row, [JOINT[end], JOINT[start]]].astype(np.float64)
            source_3 = ends[0] - ends[1]
            sine = np.linalg.norm(np.cross(own_3, source_3))
            errors.append(float(np.degrees(np.arctan2(sine, own_3 @ source_3))))
    return np.array(errors)


@pytest.mark.parametrize("ending", ["fbx", "glb"])
@pytest.mark.parametrize("name", ["mannequiny.glb", "cryptovoxels.vrm"])
def test_a_character_does_what_the_clip_does(
    empty_file: Any, characters: Path, motion: Path, tmp_path: Path, name: str, ending: str
) -> None:
    """The same bones, one take of the clip's length and rate, limbs within 2 degrees in median."""
    bpy, out = empty_file, tmp_path / f"danced.{ending}"
    ended = retarget(motion, characters / name, "--out", out, "--print-map")
    assert ended.returncode == 0, ended.stderr
    assert "warning" not in ended.stderr
    mapping = from_json(ended.stdout)
    bpy.ops.import_scene.gltf(filepath=str(characters / name))
    bones = {bone.name for bone in armature_of(bpy).data.bones}
    assert len(bpy.data.actions) == (0 if name.endswith("vrm") else 10)
    armature = open_written(bpy, out, 30.0)
    assert {bone.name for bone in armature.data.bones} == bones
    assert [action.name for action in bpy.data.actions] == ["demo_motion"]
    first, last = bpy.data.actions[0].frame_range
    assert (last - first, first) == (269.0, 1.0 if ending == "fbx" else 0.0)
    assert bpy.context.scene.render.fps / bpy.context.scene.render.fps_base == 30.0
    errors = limb_errors(bpy, armature, mapping, load_clip(motion))
    assert len(errors) == 72
    assert np.median(errors) < 2.0
    assert errors.max() < 10.0


def test_what_the_mesh_shows_stands_on_the_ground(
    empty_file: Any, characters: Path, motion: Path, tmp_path: Path
) -> None:
    """The skin goes with the bones: soles at most 5 cm from the ground, where feet stand."""
    bpy, out = empty_file, tmp_path / "danced.glb"
    assert retarget(motion, characters / "mannequiny.glb", "--out", out).returncode == 0
    open_written(bpy, out, 30.0)
    body = bpy.data.objects["body.001"]
    standing_T = load_clip(motion).contacts.max(axis=1) > 0.5
    rows = np.flatnonzero(standing_T)[::40]
    assert len(rows) > 3
    for row in rows:
        bpy.context.scene.frame_set(int(row))
        seen = body.evaluated_get(bpy.context.evaluated_depsgraph_get())
        lowest = min((seen.matrix_world @ vertex.co).z for vertex in seen.data.vertices)
        assert abs(lowest) < 0.05


@pytest.mark.slow
def test_amass_and_bvh_motions_are_read_too(
    empty_file: Any, characters: Path, motion: Path, shared_dir: Path, tmp_path: Path
) -> None:
    """An AMASS npz points limbs as the clip that it was made of; both keep their frame rate."""
    clip = load_clip(motion)
    amass, out = tmp_path / "amass.npz", tmp_path / "out.glb"
    np.savez(amass, poses=clip.poses, trans=clip.trans, mocap_framerate=np.float64(60.0))
    vrm = characters / "cryptovoxels.vrm"
    ended = retarget(amass, vrm, "--out", out, "--print-map")
    assert ended.returncode == 0, ended.stderr
    armature = open_written(empty_file, out, 60.0)
    assert empty_file.data.actions[0].frame_range[1] == pytest.approx(269.0, abs=1e-3)
    mapping = from_json(ended.stdout)
    assert np.median(limb_errors(empty_file, armature, mapping, clip)) < 2.0
    bvh = shared_dir / "footage" / "mocap" / "cmu_12_01_walk.bvh"
    assert retarget(bvh, vrm, "--out", out, "--overwrite").returncode == 0
    armature = open_written(empty_file, out, 120.0)
    first, last = (int(frame) for frame in empty_file.data.actions[0].frame_range)
    assert last - first > 200
    heads = []
    for frame in (first, last):
        empty_file.context.scene.frame_set(frame)
        bone = armature.pose.bones[mapping.joints["head"][0]]
        heads.append(np.array(armature.matrix_world @ bone.head))
    assert np.linalg.norm((heads[1] - heads[0])[:2]) > 0.5
    assert abs(heads[1][2] - heads[0][2]) < 0.2


def test_a_worked_on_blend_is_cleared_and_freed(
    empty_file: Any,
    blend: Callable[..., Path],
    characters: Path,
    motion: Path,
    tmp_path: Path,
) -> None:
    """Hidden, posed, its hips joined to a root, an arm on its own: moved, with a warning."""
    printed = retarget(motion, characters / "mannequiny.glb", "--print-map").stdout
    mapping = from_json(printed)
    hips, arm = mapping.joints["pelvis"][0], mapping.joints["left_shoulder"][0]

    def spoil(bpy: Any, armature: Any) -> None:
        bpy.context.view_layer.objects.active = armature
        bpy.ops.object.mode_set(mode="EDIT")
        bones = armature.data.edit_bones
        root = bones.new("ground")
        root.head, root.tail = (0.0, 0.0, 0.0), bones[hips].head
        bones[hips].parent, bones[hips].use_connect = root, True
        bpy.ops.object.mode_set(mode="POSE")
        armature.pose.bones[arm].rotation_mode = "XYZ"
        armature.pose.bones[hips].rotation_quaternion = (0.5, 0.5, 0.5, 0.5)
        armature.data.bones[arm].use_inherit_rotation = False
        armature.data.pose_position = "REST"
        armature.hide_viewport = True

    path, out = blend(spoil), tmp_path / "out.fbx"
    before = path.read_bytes()
    (tmp_path / "map.json").write_text(printed, encoding="utf-8")
    ended = retarget(motion, path, "--out", out, "--map", tmp_path / "map.json")
    assert ended.returncode == 0, ended.stderr
    assert f"warning: bones {arm} do not inherit rotation" in ended.stderr
    assert path.read_bytes() == before
    armature, clip = open_written(empty_file, out, 30.0), load_clip(motion)
    assert [action.name for action in empty_file.data.actions] == ["demo_motion"]
    errors = limb_errors(empty_file, armature, mapping, clip).reshape(-1, len(LIMBS))
    assert np.median(errors[:, 1:]) < 2.0
    heights: list[float] = []
    for row in range(0, 270, 15):
        empty_file.context.scene.frame_set(1 + row)
        heights.append((armature.matrix_world @ armature.pose.bones[hips].head).z)
    assert np.ptp(heights) > 0.05
    assert np.corrcoef(heights, clip.joints[::15, 0, 2])[0, 1] > 0.95


def test_of_several_armatures_the_body_is_taken(
    blend: Callable[..., Path], motion: Path, tmp_path: Path
) -> None:
    def add_tail(bpy: Any, armature: Any) -> None:
        armature.name = "body"
        _add_armature(bpy, "a tail")

    path, out = blend(add_tail), tmp_path / "out.glb"
    ended = retarget(motion, path, "--out", out, "--print-map")
    assert ended.returncode == 0, ended.stderr
    assert from_json(ended.stdout).score > 0.9


def _add_armature(bpy: Any, name: str) -> Any:
    """An armature of three bones in a row."""
    data = bpy.data.armatures.new(name)
    armature = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    above = None
    for index in range(3):
        bone = data.edit_bones.new(f"link.{index}")
        bone.head, bone.tail, bone.parent = (0.0, 0.0, index), (0.0, 0.0, index + 1.0), above
        above = bone
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.slow
def test_files_without_a_body_are_refused(empty_file: Any, motion: Path, tmp_path: Path) -> None:
    """No armature, no humanoid, no glTF at all, none at the path, another ending."""
    bpy, out = empty_file, tmp_path / "out.fbx"
    path = tmp_path / "character.blend"
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    refused(retarget(motion, path, "--out", out), 1, "an armature in it, got mesh")
    _add_armature(bpy, "a tail")
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    refused(retarget(motion, path, "--out", out), 1, "humanoid")
    for name in ("junk.glb", "junk.gltf", "junk.vrm", "junk.fbx", "junk.blend"):
        (tmp_path / name).write_bytes(b"glTF no, nothing of the kind" * 9)
        refused(retarget(motion, tmp_path / name, "--out", out), 1, f"character {name}")
    refused(retarget(motion, tmp_path / "none.glb", "--out", out), 1, "no such file")
    refused(retarget(motion, tmp_path / "me.png", "--out", out), 1, "got .png")
    assert not out.exists()


def test_a_compression_that_blender_lacks_is_named(
    characters: Path, motion: Path, tmp_path: Path
) -> None:
    path = characters / "valid_asian_m1_meshopt.glb"
    refused(retarget(motion, path, "--out", tmp_path / "out.glb"), 1, "EXT_meshopt_compression")


def test_an_existing_file_stays_unless_told_otherwise(
    characters: Path, motion: Path, tmp_path: Path
) -> None:
    out, vrm = tmp_path / "out.glb", characters / "cryptovoxels.vrm"
    out.write_bytes(b"mine")
    refused(retarget(motion, vrm, "--out", out), 1, "already exists")
    junk = tmp_path / "junk.npz"
    junk.write_bytes(b"PK no")
    refused(retarget(junk, vrm, "--out", out, "--overwrite"), 1, "junk.npz")
    assert out.read_bytes() == b"mine"
    assert retarget(motion, vrm, "--out", out, "--overwrite").returncode == 0
    assert out.read_bytes()[:4] == b"glTF"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["junk.npz", "out.glb"]


@pytest.mark.parametrize(
    ("options", "status", "word"),
    [
        ((), 2, "there is nothing to do"),
        (("--out", "o.bvh"), 2, "in this version"),
        (("--out", "o.usd"), 2, "in this version"),
        (("--out", "o.npz"), 2, "ends in .fbx or .glb"),
        (("--out", "o"), 2, "ends in .fbx or .glb"),
        (("--out", "no_folder/o.fbx"), 1, "no folder"),
        (("--print-map", "--map", "none.json"), 1, "cannot read the mapping none.json"),
    ],
)
def test_wrong_options_are_refused(
    characters: Path, motion: Path, options: tuple[str, ...], status: int, word: str
) -> None:
    refused(retarget(motion, characters / "cryptovoxels.vrm", *options), status, word)


@pytest.mark.slow
def test_wrong_mappings_and_motions_are_refused(
    characters: Path, motion: Path, tmp_path: Path
) -> None:
    """Of another character, no mapping at all, no text; a motion of joints alone."""
    vrm, out, given = characters / "cryptovoxels.vrm", tmp_path / "o.glb", tmp_path / "map.json"
    printed = retarget(motion, characters / "mannequiny.glb", "--print-map").stdout
    for text, word in ((printed, "does not belong"), ("[1]", "malformed"), ("{", "malformed")):
        given.write_text(text, encoding="utf-8")
        refused(retarget(motion, vrm, "--out", out, "--map", given), 1, word)
    given.write_bytes(b"\xff\xfe\x00")
    refused(retarget(motion, vrm, "--out", out, "--map", given), 1, "cannot read the mapping")
    changed = json.loads(printed) | {"joints": {"pelvis": ["nobody"]}, "twists": {}}
    given.write_text(json.dumps(changed), encoding="utf-8")
    refused(retarget(motion, vrm, "--out", out, "--map", given), 1, "does not belong")
    markers = tmp_path / "m.trc"
    markers.write_text("PathFileType", encoding="utf-8")
    refused(retarget(markers, vrm, "--out", out), 1, "a clip, an AMASS / SMPL-X npz or a BVH")
    refused(retarget(tmp_path / "none.npz", vrm, "--out", out), 1, "none.npz")
    assert not out.exists()
