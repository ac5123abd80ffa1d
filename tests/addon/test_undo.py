"""Undo and redo: a take's sliders come back with the motion they made."""

from typing import Any

import pytest

from .captures import NAMES
from .conftest import Armature

pytestmark = pytest.mark.bpy


def test_undo_brings_the_sliders_back_with_the_motion(file, dancer: Armature) -> None:
    """Dragging a slider is a step of its own, the fresh motion another."""
    file.ops.ed.undo_push(message="Capture")
    dancer.pose2rig.smooth, dancer.pose2rig.feet = 0.9, "never"
    file.ops.ed.undo_push(message="Smoothing")
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    file.ops.ed.undo_push(message="Process Again")
    old, fresh = (NAMES[0], 0.5, "auto"), (f"{NAMES[0]} (2)", pytest.approx(0.9), "never")
    assert shown(file) == fresh
    file.ops.ed.undo()
    assert shown(file) == old
    assert_nothing_is_asked_for()
    file.ops.ed.redo()
    assert shown(file) == fresh
    for _ in range(2):
        file.ops.ed.undo()
        assert shown(file) == old
    for _ in range(2):
        file.ops.ed.redo()
    assert shown(file) == fresh
    assert_nothing_is_asked_for()


def test_undo_drops_what_was_asked_for(file, dancer: Armature) -> None:
    """A slider's step undone before the engine has done with it: nothing comes of it later."""
    from pose2rig.addon import process_session

    file.ops.ed.undo_push(message="Capture")
    dancer.pose2rig.smooth = 0.9
    file.ops.ed.undo_push(message="Smoothing")
    process_session.start(file.context, dancer)
    assert process_session.is_running()
    file.ops.ed.undo()
    assert shown(file) == (NAMES[0], 0.5, "auto")
    assert not process_session.is_running()
    assert_nothing_is_asked_for()


def test_undo_leaves_an_action_of_the_users_own_alone(file, dancer: Armature) -> None:
    file.ops.ed.undo_push(message="Capture")
    dancer.animation_data.action = file.data.actions.new("own")
    dancer.pose2rig.smooth = 0.9
    file.ops.ed.undo_push(message="own")
    dancer.location.x = 1.0
    file.ops.ed.undo_push(message="moved")
    file.ops.ed.undo()
    assert shown(file) == ("own", pytest.approx(0.9), "auto")


def test_nothing_follows_undo_once_the_addon_is_gone(empty_file) -> None:
    from pose2rig.addon import registration

    handlers = (empty_file.app.handlers.undo_post, empty_file.app.handlers.redo_post)
    before = [list(each) for each in handlers]
    for _ in range(2):
        registration.register()
        empty_file.ops.wm.read_factory_settings(use_empty=True)  # what persists stays
        assert [len(each) for each in handlers] == [len(each) + 1 for each in before]
        registration.unregister()
        assert [list(each) for each in handlers] == before


def shown(file: Any) -> tuple[str, float, str]:
    """The dancer's action, and what two of the sliders say."""
    dancer = file.data.objects[NAMES[0]]
    return dancer.animation_data.action.name, dancer.pose2rig.smooth, dancer.pose2rig.feet


def assert_nothing_is_asked_for() -> None:
    import bpy

    from pose2rig.addon import process_session

    assert not bpy.app.timers.is_registered(process_session._settled)
