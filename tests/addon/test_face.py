"""The face in Blender: shape keys on the body, keyed, exported, and gone with the take."""

from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.rigs.face_shapes import FACE_SHAPE, FACE_SHAPES, JAW_OPEN_RAD
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT, world_rotations

pytestmark = pytest.mark.bpy

FPS = 30.0


def with_face(clip: Clip) -> Clip:
    """The clip with a face that talks and blinks: the jaw joint goes with `jawOpen`."""
    random = np.random.default_rng(5)
    phase, rate = random.uniform(0, 6, 52), random.uniform(2, 6, 52)
    shapes = 0.5 + 0.5 * np.sin(phase + rate * clip.time_s[:, None])
    poses = clip.poses.copy()
    first = 3 * JOINT["jaw"]
    poses[:, first : first + 3] = [1.0, 0.0, 0.0]
    poses[:, first : first + 3] *= shapes[:, [FACE_SHAPE["jawOpen"]]] * JAW_OPEN_RAD
    return replaced(clip, poses=poses, face_shapes=shapes.astype(np.float32))


@pytest.fixture
def add(empty_file):
    """Put a clip into the scene at some rate; returns the take."""
    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import TakeSettings, add_take

    def make(clip: Clip, fps: float = FPS):
        timing = FrameTiming(fps=fps, first_frame=1)
        settings = TakeSettings(
            name="talk", mode="AXIS_ANGLE", timing=timing, path=Path("talk.npz"), quality={}
        )
        return add_take(clip, settings, empty_file.context.scene)

    return make


def values(keys) -> np.ndarray:
    return np.array([keys[name].value for name in FACE_SHAPES])


def test_the_body_has_the_shapes_and_follows_the_clip(empty_file, add, make_clip) -> None:
    clip = with_face(make_clip(frames=30))
    take = add(clip)
    keys = take.body.data.shape_keys.key_blocks
    assert keys.keys() == ["Basis", *FACE_SHAPES]
    assert take.face_action.name == "talk_face"
    for row in (0, 7, 29):
        empty_file.context.scene.frame_set(row + 1)
        assert clip.face_shapes is not None
        np.testing.assert_allclose(values(keys), clip.face_shapes[row], atol=1e-6)


def test_the_shapes_are_resampled_to_the_scenes_rate(empty_file, add, make_clip) -> None:
    """Thirty into twenty-four: frame 3 of the scene lies at 2.5 rows of the clip."""
    clip = with_face(make_clip(frames=30))
    take = add(clip, fps=24.0)
    empty_file.context.scene.frame_set(3)
    assert clip.face_shapes is not None
    wanted = (clip.face_shapes[2] + clip.face_shapes[3]) / 2.0
    keys = take.body.data.shape_keys.key_blocks
    np.testing.assert_allclose(values(keys), wanted, atol=1e-5)


def test_jaw_bone_and_shapes_open_the_mouth_once(empty_file, add, make_clip) -> None:
    """Blender's evaluated vertices are the numpy model's with these shapes, posed."""
    clip = with_face(make_clip(frames=20))
    take = add(clip)
    scene = empty_file.context.scene
    scene.frame_set(17)
    evaluated = take.body.evaluated_get(empty_file.context.evaluated_depsgraph_get())
    points = np.empty(3 * len(evaluated.data.vertices))
    evaluated.data.vertices.foreach_get("co", points)
    row = slice(16, 17)
    world = world_rotations(matrix_from_axis_angle(clip.poses[row].reshape(-1, 55, 3)))
    body, shapes = load_open_body(), clip.face_shapes
    assert shapes is not None
    skinned = body.skin(world, clip.joints[row], clip.open_betas, None, shapes[row])[0]
    still = body.skin(world, clip.joints[row], clip.open_betas)[0]
    assert np.abs(still - skinned).max() > 0.01
    assert np.abs(points.reshape(-1, 3) - skinned).max() < 1e-3


def test_a_take_without_a_face_has_no_shape_keys(add, make_clip) -> None:
    take = add(make_clip(frames=5))
    assert take.body.data.shape_keys is None
    assert take.face_action is None


def test_removing_the_take_removes_its_face(empty_file, add, make_clip) -> None:
    from pose2rig.addon.take import remove_take

    take = add(with_face(make_clip(frames=5)))
    remove_take(take.armature)
    data = empty_file.data
    assert len(data.actions) == len(data.shape_keys) == len(data.armatures) == 0


def test_fbx_carries_the_shapes_and_their_keys(empty_file, add, make_clip, tmp_path) -> None:
    from pose2rig.addon.export import FbxExport, export_fbx
    from pose2rig.addon.timing import set_frame_rate

    bpy = empty_file
    if bpy.app.version < (4, 5, 0):
        pytest.skip("the importer of Blender 4.5 and later reads shape keys with their motion")
    set_frame_rate(bpy.context.scene, FPS)
    clip = with_face(make_clip(frames=20))
    take = add(clip)
    path = tmp_path / "talk.fbx"
    export_fbx(FbxExport(armature=take.armature, meshes=(take.body,), path=path, fps=FPS))
    bpy.ops.wm.read_factory_settings(use_empty=True)
    set_frame_rate(bpy.context.scene, FPS)
    bpy.ops.wm.fbx_import(filepath=str(path))
    mesh = next(item for item in bpy.data.objects if item.type == "MESH")
    keys = mesh.data.shape_keys.key_blocks
    assert set(FACE_SHAPES) <= set(keys.keys())
    first = int(bpy.data.actions[0].frame_range[0])
    for row in (0, 7, 19):
        bpy.context.scene.frame_set(first + row)
        assert clip.face_shapes is not None
        np.testing.assert_allclose(values(keys), clip.face_shapes[row], atol=1e-3)
