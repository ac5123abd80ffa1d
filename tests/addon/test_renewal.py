"""Fresh actions for a take: its moving camera goes with it, and a failure leaves all as it was."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.rigs.face_shapes import FACE_SHAPE_COUNT

from .test_camera import FRAMES, SIZE, filmed, seen_px

pytestmark = pytest.mark.bpy


def with_face(clip: Clip) -> Clip:
    shapes = np.full((len(clip.frame_index), FACE_SHAPE_COUNT), 0.25, np.float32)
    return replaced(clip, face_shapes=shapes)


@pytest.fixture
def filmed_take(empty_file, make_clip) -> Any:
    """A clip seen by a moving camera, its settings, and the take and camera in the scene."""
    from pose2rig.addon.camera import add_camera
    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import TakeSettings, add_take

    scene = empty_file.context.scene
    scene.render.resolution_x, scene.render.resolution_y = SIZE
    clip = with_face(filmed(make_clip(frames=FRAMES, fps=24.0)))
    settings = TakeSettings(
        name="walk",
        mode="QUATERNION",
        timing=FrameTiming(fps=24.0, first_frame=1),
        path=Path("walk.npz"),
        quality={},
    )
    take = add_take(clip, settings, scene)
    return clip, settings, take, add_camera(clip, settings.timing, take.armature, scene)


def actions_of(take: Any, camera: Any) -> list[Any]:
    things = (take.armature, take.body.data.shape_keys, camera)
    return [thing.animation_data.action for thing in things]


def test_the_moving_camera_goes_with_the_motion(empty_file, filmed_take) -> None:
    """Another world for the same pixels: person and camera are both keyed anew."""
    from pose2rig.addon.renewal import renew_take
    from pose2rig.core_inference.motion.placing import turned
    from pose2rig.rigs.rotation import rotation_about

    clip, settings, take, camera = filmed_take
    old = actions_of(take, camera)
    leaning = turned(clip, rotation_about(np.array([1.0, 0.0, 0.0]), np.array(0.3)))
    renew_take(take.armature, leaning, settings)
    new = actions_of(take, camera)
    assert not set(old) & set(new)
    assert all(action.use_fake_user and action.users == 1 for action in old)
    scene = empty_file.context.scene
    expected = leaning.camera.project(leaning.joints.astype(np.float64))
    for row in (0, FRAMES - 1):
        scene.frame_set(1 + row)
        pelvis = take.armature.pose.bones["pelvis"].head
        np.testing.assert_allclose(pelvis, leaning.joints[row, 0], atol=1e-4)
        seen = seen_px(scene, camera, leaning.joints[row, :22])
        np.testing.assert_allclose(seen, expected[row, :22], atol=0.1)


def test_a_failure_leaves_every_action_where_it_was(
    empty_file, filmed_take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The camera's keys are the last that are made."""
    from pose2rig.addon import renewal

    clip, settings, take, camera = filmed_take
    old, known = actions_of(take, camera), list(empty_file.data.actions)

    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(renewal, "key_take_camera", fail)
    with pytest.raises(OSError, match="no room"):
        renewal.renew_take(take.armature, clip, settings)
    assert actions_of(take, camera) == old
    assert list(empty_file.data.actions) == known
    empty_file.context.scene.frame_set(FRAMES)
    pelvis = take.armature.pose.bones["pelvis"].head
    np.testing.assert_allclose(pelvis, clip.joints[FRAMES - 1, 0], atol=1e-4)
