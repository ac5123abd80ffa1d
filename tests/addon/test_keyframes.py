"""Keys in Blender: values, poses, versions of actions, scenes of any rate, nothing overwritten."""

from pathlib import Path

import numpy as np
import pytest

from pose2rig.rigs.errors import ClipFileError, RigError
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import axis_angle_from_matrix, matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT_NAMES

pytestmark = pytest.mark.bpy
MODES = ("AXIS_ANGLE", "QUATERNION")


@pytest.fixture
def add(empty_file):
    """Put a clip into the scene at some rate; returns the take."""
    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import TakeSettings, add_take

    def make(clip, fps: float = 30.0, mode: str = "AXIS_ANGLE", name: str = "walk"):
        timing = FrameTiming(fps=fps, first_frame=1)
        settings = TakeSettings(
            name=name,
            mode=mode,
            timing=timing,
            path=Path("walk.npz"),
            quality={"coverage": 0.5, "reprojection_px": None},
        )
        return add_take(clip, settings, empty_file.context.scene)

    return make


def _values(armature, path: str, count: int) -> np.ndarray:
    from pose2rig.addon.keyframes import fcurves

    curves = {(c.data_path, c.array_index): c for c in fcurves(armature)}
    columns = []
    for index in range(count):
        points = curves[path, index].keyframe_points
        flat = np.empty(2 * len(points), np.float32)
        points.foreach_get("co", flat)
        columns.append(flat[1::2])
    return np.stack(columns, axis=-1)


def _joints(bpy, armature, frame: int) -> np.ndarray:
    bpy.context.scene.frame_set(frame)
    evaluated = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array(
        [evaluated.matrix_world @ evaluated.pose.bones[name].head for name in JOINT_NAMES]
    )


def test_keyed_axis_angles_are_the_rows_of_poses(add, make_clip) -> None:
    """Angle times axis is each joint's row, the pelvis' with the upright turn taken off.

    The shoulder that turns on through pi is the same rotation one whole turn further.
    """
    clip = make_clip(frames=60)
    armature = add(clip).armature
    rows = clip.poses.reshape(-1, 55, 3)
    for joint, name in enumerate(JOINT_NAMES):
        keyed = _values(armature, f'pose.bones["{name}"].rotation_axis_angle', 4)
        vectors = keyed[:, :1] * keyed[:, 1:]
        row = rows[:, joint]
        if name == "pelvis":
            row = axis_angle_from_matrix(UPRIGHT.T @ matrix_from_axis_angle(row))
        if name == "left_shoulder":
            row = row + np.outer(row[:, 2] < 0.0, [1.2 * np.pi, 0.0, 1.6 * np.pi])
        assert np.abs(vectors - row).max() < 1e-5, name
        assert armature.pose.bones[name].rotation_mode == "AXIS_ANGLE"


@pytest.mark.parametrize("mode", MODES)
def test_no_channel_jumps_between_neighbouring_keys(add, make_clip, mode: str) -> None:
    """Also where the shoulder passes pi and the body turns all round."""
    armature = add(make_clip(frames=300), mode=mode).armature
    channel = "rotation_axis_angle" if mode == "AXIS_ANGLE" else "rotation_quaternion"
    for name in ("pelvis", "left_shoulder"):
        keyed = _values(armature, f'pose.bones["{name}"].{channel}', 4)
        assert np.abs(np.diff(keyed, axis=0)).max() < 0.1, name


@pytest.mark.parametrize("mode", MODES)
def test_posed_bones_stand_on_the_clips_joints(empty_file, add, make_clip, mode: str) -> None:
    """World positions of the evaluated bones within 0.1 mm, at every frame."""
    clip = make_clip(frames=50)
    armature = add(clip, mode=mode).armature
    for row in range(0, 50, 7):
        assert np.abs(_joints(empty_file, armature, row + 1) - clip.joints[row]).max() < 1e-4


def test_thirty_into_twentyfour(empty_file, add, make_clip) -> None:
    """In a 24 fps scene the motion has the same length in seconds and is right at each frame."""
    armature = add(make_clip(frames=91), fps=24.0).armature
    action = armature.animation_data.action
    assert tuple(action.frame_range) == (1.0, 73.0)
    exact = make_clip(time_s=np.arange(73) / 24.0)
    for row in (0, 1, 30, 71, 72):
        assert np.abs(_joints(empty_file, armature, row + 1) - exact.joints[row]).max() < 2e-3


def test_variable_frame_rate_keeps_true_time(empty_file, add, make_clip) -> None:
    """Uneven samples: the pose at a scene frame is that of the frame's own second."""
    time_s = np.concatenate([np.arange(40) / 60.0, 40 / 60.0 + np.arange(20) / 15.0])
    armature = add(make_clip(time_s=time_s), fps=30.0).armature
    exact = make_clip(time_s=np.arange(60) / 30.0)
    for row in (5, 15, 22, 40, 50):
        assert np.abs(_joints(empty_file, armature, row + 1) - exact.joints[row]).max() < 5e-3


def test_keys_are_linear_on_every_whole_frame(add, make_clip) -> None:
    """One linear key a frame, on all curves alike."""
    from pose2rig.addon.keyframes import fcurves
    from pose2rig.addon.sampling import CONTACTS

    armature = add(make_clip(frames=30)).armature
    curves = list(fcurves(armature))
    assert len(curves) == 55 * 4 + 3 + len(CONTACTS)
    for curve in curves:
        assert [key.co.x for key in curve.keyframe_points] == list(range(1, 31))
        assert {key.interpolation for key in curve.keyframe_points} == {"LINEAR"}


def test_the_action_has_the_versions_slot_and_bone_groups(add, make_clip) -> None:
    """Assigned through a slot where actions have them; curves stand in groups of their bones."""
    from pose2rig.addon.keyframes import fcurves

    armature = add(make_clip(frames=5)).armature
    data = armature.animation_data
    if hasattr(data, "action_slot"):
        assert data.action_slot is not None
        assert data.action_slot.target_id_type == "OBJECT"
    groups = {curve.group.name for curve in fcurves(armature)}
    assert groups == {*JOINT_NAMES, "Contacts"}


def test_capturing_again_adds_and_touches_nothing(empty_file, add, make_clip) -> None:
    """A second take of the same name: new collection, armature and action; the first unchanged."""
    first = add(make_clip(frames=20))
    before = _values(first.armature, 'pose.bones["head"].rotation_axis_angle', 4)
    second = add(make_clip(frames=33))
    assert first.action.name == "walk"
    assert second.action.name == "walk.001"
    assert first.armature.animation_data.action == first.action
    after = _values(first.armature, 'pose.bones["head"].rotation_axis_angle', 4)
    assert np.array_equal(before, after)
    assert {c.name for c in empty_file.data.collections} == {"walk", "walk.001"}
    assert empty_file.context.view_layer.objects.active == second.armature


@pytest.mark.parametrize("cause", ["a span too long", "an unknown rotation mode"])
def test_a_take_that_fails_leaves_nothing(empty_file, add, make_clip, cause: str) -> None:
    """Before and after the action is made; an earlier take stays whole."""
    add(make_clip(frames=5))
    data = empty_file.data
    kinds = (data.collections, data.objects, data.armatures, data.meshes, data.actions)
    kinds = (*kinds, data.materials)
    before = [set(kind.keys()) for kind in kinds]
    if cause == "a span too long":
        with pytest.raises(ClipFileError, match="too long"):
            add(make_clip(time_s=np.array([0.0, 3.2e7])))
    else:
        with pytest.raises((KeyError, TypeError)):
            add(make_clip(frames=5), mode="EULER")
    assert [set(kind.keys()) for kind in kinds] == before
    assert add(make_clip(frames=5)).action.name == "walk.001"


@pytest.mark.parametrize("fps", [0.05, 1001.0, float("nan")])
def test_absurd_frame_rates_are_refused(empty_file, fps: float) -> None:
    """One clear error; the scene's rate stays."""
    from pose2rig.addon.timing import frame_rate, set_frame_rate

    scene = empty_file.context.scene
    before = frame_rate(scene)
    with pytest.raises(RigError, match="frame rate"):
        set_frame_rate(scene, fps)
    assert frame_rate(scene) == before


def test_provenance_and_quality_stand_on_armature_and_action(add, make_clip) -> None:
    """Custom properties: the clip's file, where it comes from, the figures that exist."""
    take = add(make_clip(frames=5))
    for thing in (take.armature, take.action):
        assert thing["pose2rig_clip"] == "walk.npz"
        assert thing["pose2rig_provenance"] == '{"program": "test"}'
        assert thing["pose2rig_quality"].to_dict() == {"coverage": 0.5}


def test_curves_of_the_assigned_slot_only(empty_file, add, make_clip) -> None:
    """Two objects in one action: each one's curves are its own."""
    from pose2rig.addon.keyframes import fcurves

    bpy = empty_file
    if bpy.app.version < (4, 4, 0):
        pytest.skip("actions have no slots before Blender 4.4")
    armature = add(make_clip(frames=5)).armature
    other = bpy.data.objects.new("other", None)
    data = other.animation_data_create()
    data.action = armature.animation_data.action
    data.action_slot = data.action.slots.new("OBJECT", "other")
    data.action.fcurve_ensure_for_datablock(other, "location", index=2)
    assert [curve.data_path for curve in fcurves(other)] == ["location"]
    assert len(list(fcurves(armature))) == 227


def test_wide_turns_end_where_they_should(empty_file, add, make_clip) -> None:
    """Ten seconds: the body turned more than once about itself, the shoulder past pi."""
    clip = make_clip(frames=300)
    armature = add(clip).armature
    assert np.abs(_joints(empty_file, armature, 300) - clip.joints[299]).max() < 1e-4
    keyed = _values(armature, 'pose.bones["left_shoulder"].rotation_axis_angle', 4)
    assert abs(keyed[-1, 0]) > np.pi
