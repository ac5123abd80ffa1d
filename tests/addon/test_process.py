"""A take processed again: fresh actions by the real engine, edited contacts, the worst frame."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.clip import load_clip
from pose2rig.core_inference.commands import process_take
from pose2rig.core_inference.motion.stack import MotionSettings

from .captures import NAMES
from .conftest import Armature
from .layout import draw
from .test_people import motion, press

pytestmark = pytest.mark.bpy


@pytest.fixture
def expected(captured_pair: Path, tmp_path: Path) -> Callable[..., Path]:
    """The clip that the command line makes of the dancer's raw take."""

    def process(**settings: Any) -> Path:
        raw, out = captured_pair / "raw" / "person_0.npz", tmp_path / "expected.npz"
        process_take(raw, out, MotionSettings(**settings), overwrite=True)
        return out

    return process


def keys_of(clip: Path, armature: Armature) -> dict[tuple[str, int], np.ndarray]:
    """What a take of this clip is keyed with."""
    from pose2rig.addon.process_session import timing
    from pose2rig.addon.sampling import axis_angle_channels, keyframes_from_clip

    keyframes = keyframes_from_clip(load_clip(clip), timing(armature))
    values = axis_angle_channels(keyframes.rotations)
    return {
        (f'pose.bones["{bone}"].rotation_axis_angle', column): values[:, index, column]
        for index, bone in enumerate(keyframes.bones)
        for column in range(4)
    }


def assert_moves_as(file: Any, armature: Armature, clip: Path) -> None:
    found = motion(file, armature.name)
    for channel, values in keys_of(clip, armature).items():
        np.testing.assert_allclose(found[channel][1::2], values, atol=1e-6)


def test_the_sliders_show_what_the_take_was_made_with(dancer: Armature) -> None:
    from pose2rig.addon import process_session
    from pose2rig.addon.motion_sliders import SLIDERS

    shown = {name: getattr(dancer.pose2rig, name) for name in (*SLIDERS, "refine")}
    assert shown == MotionSettings().as_json()
    assert not process_session.is_outdated(dancer)
    dancer.pose2rig.feet = "never"
    assert process_session.is_outdated(dancer)


def test_the_choices_are_the_command_lines(file, dancer: Armature) -> None:
    """Of a take as of the next capture, from the same defaults."""
    from pose2rig.core_inference.motion.calibration_take import TARGETS
    from pose2rig.core_inference.motion.calming import FILTERS
    from pose2rig.core_inference.motion.feet import MODES
    from pose2rig.core_inference.motion.refining import REFINEMENTS
    from pose2rig.core_inference.motion.stack import GROUNDS

    usual = {**MotionSettings().as_json(), "calibrate": "none"}
    known = {
        "filter": tuple(FILTERS),
        "feet": MODES,
        "ground": GROUNDS,
        "refine": REFINEMENTS,
        "calibrate": TARGETS,
    }
    for sliders in (dancer.pose2rig, file.context.scene.pose2rig):
        properties = sliders.bl_rna.properties
        for name, choices in known.items():
            assert tuple(item.identifier for item in properties[name].enum_items) == choices
        assert {name: getattr(sliders, name) for name in usual} == usual


def test_a_moved_slider_asks_for_the_take_once_it_rests(dancer: Armature) -> None:
    """Timers do not fire without a window: here what they would call is called."""
    import bpy

    from pose2rig.addon import process_session

    process_session.forget_requests()
    dancer.pose2rig.smooth = 0.75
    assert bpy.app.timers.is_registered(process_session._settled)
    dancer.pose2rig.smooth = 0.5
    assert process_session._settled() is None  # back where it was: nothing to do
    assert dancer.animation_data.action.name == dancer.name


def test_other_settings_give_a_fresh_action_and_keep_the_old(
    file, dancer: Armature, expected: Callable[..., Path]
) -> None:
    """The engine's motion on the same bones; the action before it can still be chosen."""
    from pose2rig.addon import process_session

    old = dancer.animation_data.action
    before = motion(file, dancer.name)
    dancer.pose2rig.smooth, dancer.pose2rig.feet = 0.9, "never"
    dancer.pose2rig.ground = "level"
    assert press(draw(file), "pose2rig.reprocess") == {"FINISHED"}
    dancer = file.data.objects[NAMES[0]]
    assert dancer.animation_data.action.name == f"{NAMES[0]} (2)"
    assert not process_session.is_outdated(dancer)
    clip = expected(smooth=float(np.float32(0.9)), feet="never", ground="level")
    assert_moves_as(file, dancer, clip)
    old = file.data.actions[NAMES[0]]
    assert (old.use_fake_user, old.users) == (True, 1)
    dancer.animation_data.action = old
    dancer.animation_data.action_slot = old.slots[0]
    after = motion(file, dancer.name)
    assert all(np.array_equal(after[channel], before[channel]) for channel in before)
    assert "pose2rig.reprocess" in draw(file).drawn  # the sliders show the other action's


def test_the_card_is_that_of_the_action_in_use(file, dancer: Armature) -> None:
    from pose2rig.addon.take import described

    first = described(dancer)
    dancer.pose2rig.smooth = 1.0
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    assert described(dancer) == dancer.animation_data.action != first
    jitter = [each["pose2rig_quality"]["jitter_10m_s3"] for each in (first, described(dancer))]
    assert jitter[1] != jitter[0]
    dancer.animation_data.action = first
    assert described(dancer) == first


def test_taking_the_person_out_takes_replaced_actions_too(file, dancer: Armature) -> None:
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    assert set(file.data.actions.keys()) == {
        *(f"{NAMES[0]}{number}{face}" for number in ("", " (2)", " (3)") for face in ("", "_face")),
        NAMES[1],
        f"{NAMES[1]}_face",
    }
    file.ops.pose2rig.pick_people(number=0, standing=False)
    assert sorted(file.data.actions.keys()) == [NAMES[1], f"{NAMES[1]}_face"]


def test_a_take_without_its_raw_file_says_so(file, dancer: Armature) -> None:
    dancer["pose2rig_raw"] = "/nowhere/person_0.npz"
    with pytest.raises(RuntimeError, match="raw take is not there"):
        file.ops.pose2rig.reprocess()
    assert "capture the footage" in " ".join(draw(file).drawn)
    assert dancer.animation_data.action.name == dancer.name


def test_an_engine_that_fails_leaves_the_take_as_it_was(
    file, dancer: Armature, tmp_path: Path
) -> None:
    broken = tmp_path / "person_0.npz"
    broken.write_bytes(b"no npz")
    dancer["pose2rig_raw"] = str(broken)
    known = file.data.actions.keys()
    with pytest.raises(RuntimeError, match="cannot read"):
        file.ops.pose2rig.reprocess()
    assert file.data.actions.keys() == known
    assert dancer.animation_data.action.name == dancer.name


def test_an_armature_of_the_users_own_is_none(file, dancer: Armature) -> None:
    own = file.data.objects.new("own", file.data.armatures.new("own"))
    file.context.scene.collection.objects.link(own)
    file.context.view_layer.objects.active = own
    assert not {"smooth", "use_contacts"} & set(draw(file).drawn[13:])
    with pytest.raises(RuntimeError, match="own, which has no raw take"):
        file.ops.pose2rig.reprocess()


# --- contacts ----------------------------------------------------------------------------------


def test_contacts_are_curves_of_the_action(file, dancer: Armature) -> None:
    """Four custom properties, 0 to 1, that follow the clip's contacts frame by frame."""
    from pose2rig.addon.keyframes import contact_path
    from pose2rig.addon.process_session import timing
    from pose2rig.addon.sampling import CONTACTS, scene_frames

    clip = load_clip(Path(dancer["pose2rig_clip"]))
    assert 0.0 < clip.contacts.mean() < 1.0
    curves = motion(file, dancer.name)
    positions, frames = scene_frames(clip, timing(dancer))
    for index, name in enumerate(CONTACTS):
        keys = curves[contact_path(name), 0].reshape(-1, 2)
        np.testing.assert_array_equal(keys[:, 0], frames)
        wanted = np.interp(frames, positions, clip.contacts[:, index])
        np.testing.assert_allclose(keys[:, 1], wanted, atol=1e-6)
        limits = dancer.id_properties_ui(name).as_dict()
        assert (limits["min"], limits["max"]) == (0.0, 1.0)
        file.context.scene.frame_set(int(frames[7]))
        assert dancer[name] == pytest.approx(wanted[7], abs=1e-6)


def test_edited_contacts_hold(file, dancer: Armature) -> None:
    """Curves pulled to zero: the fresh motion holds no foot; found ones come back without."""
    from pose2rig.addon.keyframes import contact_path, fcurves
    from pose2rig.addon.sampling import CONTACTS

    paths = [contact_path(name) for name in CONTACTS]
    for curve in fcurves(dancer):
        if curve.data_path in paths:
            for key in curve.keyframe_points:
                key.co[1] = 0.0
            curve.update()
    dancer.pose2rig.use_contacts = True
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    curves = motion(file, dancer.name)
    assert not any(curves[path, 0][1::2].any() for path in paths)
    assert press(draw(file), "pose2rig.reprocess") == {"FINISHED"}  # again, after more editing
    dancer = file.data.objects[NAMES[0]]
    dancer.pose2rig.use_contacts = False
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    curves = motion(file, dancer.name)
    assert all(curves[path, 0][1::2].any() for path in paths)


def test_unedited_contacts_change_next_to_nothing(file, dancer: Armature) -> None:
    """Back and forth between the scene's frames and the footage's."""
    before = motion(file, dancer.name)
    dancer.pose2rig.use_contacts = True
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    after = motion(file, dancer.name)
    location = [('pose.bones["pelvis"].location', axis) for axis in range(3)]
    for channel in location:
        np.testing.assert_allclose(after[channel], before[channel], atol=0.02)


def test_an_action_without_contact_curves_says_so(file, dancer: Armature) -> None:
    dancer.animation_data.action = file.data.actions.new("own")
    dancer.pose2rig.use_contacts = True
    with pytest.raises(RuntimeError, match="no contact curves"):
        file.ops.pose2rig.reprocess()


# --- the worst frame ---------------------------------------------------------------------------


def test_the_button_goes_to_the_worst_frame(file, dancer: Armature) -> None:
    """In scene frames: the clip's rows go at another rate."""
    from pose2rig.addon.process_session import timing

    clip = load_clip(Path(dancer["pose2rig_clip"]))
    worst = dancer["pose2rig_quality"]["worst_frame"]
    row = int(np.flatnonzero(clip.frame_index == worst)[0])
    assert press(draw(file), "pose2rig.worst_frame") == {"FINISHED"}
    wanted = 1 + clip.time_s[row] * timing(dancer).fps
    assert file.context.scene.frame_current == pytest.approx(wanted, abs=0.51)
    assert f"Worst Frame {file.context.scene.frame_current}" in [
        button.text for button in draw(file).buttons if button.name == "pose2rig.worst_frame"
    ]
