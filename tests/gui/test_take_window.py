"""A take's sliders and quality card in a real Blender window, with the real engine."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..addon.captures import write_capture
from .blender_window import BlenderWindow, wait_until
from .processes import worker_of

SHOWN_S = 15.0
PROCESSED_S = 30.0
CALL_MS = 60.0
"""So long may the add-on hold Blender, the call that makes the keys excepted."""
NAME = "dancers 0"
WORST = 0.75
"""Where across the sidebar the button stands."""


@pytest.fixture(scope="module")
def window(
    open_window: Callable[[], BlenderWindow], tmp_path_factory: pytest.TempPathFactory
) -> BlenderWindow:
    """A window with a finished capture in its scene, and the engine at hand."""
    window = open_window()
    folder: Path = write_capture(tmp_path_factory.mktemp("capture"))
    window.call("set_engine", python=sys.executable)
    window.call("empty_scene")
    window.call("show_capture", folder=str(folder), name="dancers")
    wait_until(lambda: window.says("Smoothing"), SHOWN_S, "the sliders are drawn")
    return window


def action_of(window: BlenderWindow) -> str:
    return window.call("scene_state")["armatures"][NAME]["action"]


def picture(window: BlenderWindow, path: Path) -> None:
    window.hover_view()
    window.wait_for_redraw()
    window.display.screenshot(path)


def test_a_moved_slider_changes_the_motion_soon_and_never_holds_blender(
    window: BlenderWindow, gallery: Path
) -> None:
    """Several moves give one fresh action; undo brings the old one back."""
    before, shown = window.call("scene_state"), window.call("sliders", armature=NAME)
    window.call("frame_body", armature=NAME, frame=20)
    picture(window, gallery / "take.png")
    window.call("watch_calls")
    for smooth in (0.6, 0.7, 0.8, 0.9):
        window.call("set_motion", armature=NAME, values={"smooth": smooth})
    wait_until(lambda: action_of(window) == f"{NAME} (2)", PROCESSED_S, "the fresh action")
    calls: list[dict[str, Any]] = window.call("unwatch_calls")
    longest = [call for call in calls if not call["made_action"] and call["cpu_ms"] > CALL_MS]
    assert not longest
    wait_until(lambda: not window.says("Processing"), SHOWN_S, "the panel is drawn again")
    picture(window, gallery / "take_processed.png")
    after = window.call("scene_state")
    assert set(after["actions"]) - set(before["actions"]) == {f"{NAME} (2)", f"{NAME} (2)_face"}
    window.hover_view()
    window.display.key("ctrl+z")
    wait_until(lambda: action_of(window) == NAME, SHOWN_S, "undone")
    assert window.call("sliders", armature=NAME) == shown
    window.display.key("ctrl+shift+z")
    wait_until(lambda: action_of(window) == f"{NAME} (2)", SHOWN_S, "done again")


def test_undo_after_a_slider_brings_back_what_the_motion_was_made_with(
    window: BlenderWindow, gallery: Path
) -> None:
    """A value typed into the panel is a step of its own; no undo has the take processed again."""
    before, made = action_of(window), window.call("sliders", armature=NAME)
    window.enter(f'bpy.data.objects["{NAME}"].pose2rig.smooth', "0.25")
    wait_until(lambda: action_of(window) != before, PROCESSED_S, "the fresh action")
    fresh, wanted = action_of(window), window.call("sliders", armature=NAME)
    assert wanted == {**made, "smooth": 0.25}
    actions = window.call("scene_state")["actions"]
    window.hover_view()
    window.display.key("ctrl+z")
    wait_until(lambda: action_of(window) == before, SHOWN_S, "undone")
    assert window.call("sliders", armature=NAME) == made
    wait_until(lambda: not window.says("Process"), SHOWN_S, "the panel is drawn again")
    picture(window, gallery / "take_undone.png")
    window.display.key("ctrl+shift+z")
    wait_until(lambda: action_of(window) == fresh, SHOWN_S, "done again")
    assert window.call("sliders", armature=NAME) == wanted
    for keys in ("ctrl+z", "ctrl+z"):
        window.display.key(keys)
    wait_until(lambda: action_of(window) == before, SHOWN_S, "undone twice")
    assert window.call("sliders", armature=NAME) == made
    for keys in ("ctrl+shift+z", "ctrl+shift+z"):
        window.display.key(keys)
    wait_until(lambda: action_of(window) == fresh, SHOWN_S, "done again twice")
    assert window.call("sliders", armature=NAME) == wanted
    assert window.call("scene_state")["actions"] == actions
    assert worker_of(window.process.pid) is None


def test_a_slider_moved_while_the_engine_works_has_the_last_word(window: BlenderWindow) -> None:
    window.call("set_motion", armature=NAME, values={"feet": "never"})
    wait_until(lambda: worker_of(window.process.pid), SHOWN_S, "the engine works", every_s=0.02)
    window.call("set_motion", armature=NAME, values={"feet": "always", "ground": "level"})
    wanted = {"feet": "always", "ground": "level"}.items()
    wait_until(
        lambda: wanted <= window.call("made_with", armature=NAME).items(),
        PROCESSED_S,
        "the motion is what the sliders say",
    )
    wait_until(lambda: not window.says("Process"), SHOWN_S, "the panel is drawn again")
    assert worker_of(window.process.pid) is None


def test_the_button_goes_to_the_worst_frame(window: BlenderWindow) -> None:
    wait_until(lambda: window.says("Feet slide"), SHOWN_S, "the card is drawn")
    (text,) = [text for text in window.call("panel_text") if text.startswith("Worst Frame")]
    window.press("pose2rig.worst_frame", at=WORST)
    worst = int(text.rpartition(" ")[2])
    wait_until(lambda: window.call("current_frame") == worst, SHOWN_S, "the scene is there")


def test_the_addon_raised_nothing(window: BlenderWindow) -> None:
    assert "Traceback" not in window.log.read_text(encoding="utf-8", errors="replace")
