"""Pose2Rig in a real Blender window, used with mouse and keyboard as a person would.

Everything is real: the extension as built, installed from disk; the capture worker; a virtual
screen with clicks and keys. What the panel says is read from the layout that Blender drew.
"""

import json
import re
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from .blender_window import TICKS, BlenderWindow, ask_without_window, wait_until
from .display import HEIGHT, WIDTH
from .processes import Process, worker_of

CAPTURE_S = 300.0
WORKER_START_S = 120.0
WORKER_END_S = 15.0
MESSAGE_S = 15.0
TICK_MS = 2.0
ANSWER_S = 2.0  # software OpenGL beside a worker that takes every core

CURVES = 3 + 55 * 4 + 4  # the pelvis' place, angle and axis of every bone, foot contacts


@dataclass(frozen=True, kw_only=True)
class Captured:
    """One whole capture: the scene after it, and how Blender fared meanwhile."""

    window: BlenderWindow
    before: dict[str, Any]
    after: dict[str, Any]
    texts: list[list[str]]
    calls: list[dict[str, Any]]
    answers_s: list[float]

    @property
    def name(self) -> str:
        """The one armature that the capture made."""
        (name,) = set(self.after["armatures"]) - set(self.before["armatures"])
        return name

    @property
    def armature(self) -> dict[str, Any]:
        """Its state."""
        return self.after["armatures"][self.name]


@pytest.fixture(scope="module")
def window(open_window: Callable[[], BlenderWindow]) -> BlenderWindow:
    """The window that most tests share, one after the other."""
    return open_window()


@pytest.fixture(scope="module")
def captured(window: BlenderWindow, gallery: Path) -> Captured:
    """Click Capture and wait for the keys, with Blender's answers and the add-on's calls timed."""
    before = window.call("scene_state")
    window.call("watch_calls")
    window.press("pose2rig.capture")
    worker = wait_for_worker(window)
    window.round_trips_s.clear()
    texts: list[list[str]] = []

    def ended() -> bool:
        texts.append(window.call("panel_text"))
        return not worker.is_running()

    wait_until(lambda: ended() or is_halfway(texts[-1]), CAPTURE_S, "the capture is half-way")
    window.display.screenshot(gallery / "capturing.png")

    wait_until(ended, CAPTURE_S, "the worker is done")
    answers_s = list(window.round_trips_s)
    new = wait_until(lambda: new_actions(window, before), CAPTURE_S, "the keys are there")
    calls = window.call("unwatch_calls")
    assert len({name.removesuffix("_face") for name in new}) == 1
    texts.append(window.call("panel_text"))
    (gallery / "panel_texts.json").write_text(json.dumps(texts, indent=1), encoding="utf-8")
    (gallery / "addon_calls.json").write_text(json.dumps(calls, indent=1), encoding="utf-8")
    return Captured(
        window=window,
        before=before,
        after=window.call("scene_state"),
        texts=texts,
        calls=calls,
        answers_s=answers_s,
    )


def new_actions(window: BlenderWindow, before: dict[str, Any]) -> set[str]:
    return set(window.call("scene_state")["actions"]) - set(before["actions"])


def wait_for_worker(window: BlenderWindow) -> Process:
    return wait_until(lambda: worker_of(window.process.pid), WORKER_START_S, "a worker starts")


def start_capture(window: BlenderWindow) -> Process:
    """Click Capture and wait until the worker is in the middle of the footage."""
    window.press("pose2rig.capture")
    worker = wait_for_worker(window)
    wait_until(
        lambda: any(percent >= 5 for _, percent in progress(window.call("panel_text"))),
        WORKER_START_S,
        "the panel shows progress",
    )
    assert worker.is_running()
    return worker


def progress(texts: list[str]) -> list[tuple[str, int]]:
    """The stage and percentage of the progress bar among a panel's texts, if it is there."""
    found = [re.fullmatch(r"(\w+) (\d+)%", text) for text in texts]
    return [(match[1], int(match[2])) for match in found if match]


def is_halfway(texts: list[str]) -> bool:
    return any(stage == "Capturing" and percent >= 50 for stage, percent in progress(texts))


def test_capture_keys_the_motion_on_a_new_armature(captured: Captured) -> None:
    armature = captured.armature
    first, last = armature["frames"]
    assert armature["bones"] == 55
    assert armature["curves"] == CURVES
    assert armature["keys"] == last - first + 1 > 1
    assert captured.after["frame_end"] >= last


def test_panel_shows_progress_and_then_the_result(captured: Captured) -> None:
    bars = [bar for texts in captured.texts for bar in progress(texts)]
    capturing = [percent for stage, percent in bars if stage == "Capturing"]
    assert len(set(capturing)) > 3 and capturing == sorted(capturing)
    running = " ".join(" ".join(texts) for texts in captured.texts)
    assert re.search(r"\d+ of \d+ frames, [\d.]+ fps, .+ left", running)
    assert not progress(captured.texts[-1])
    assert "Captured" in " ".join(captured.texts[-1])
    assert any(text.startswith("Seen in") for text in captured.texts[-1])


def test_blender_stays_responsive_during_the_capture(captured: Captured, gallery: Path) -> None:
    """A tick of the add-on stays under 2 ms; the one that makes the keys is excepted.

    The processor time of all but one tick in twenty is held to that and the median of the wall
    clock's: Blender shares the machine with the worker, whose turns the wall clock would charge
    to the add-on, and whose data push the add-on's out of the caches.
    """
    ticks = [call for call in captured.calls if call["function"] == "Capture.modal"]
    ticks = [call for call in ticks if not call["made_action"]]
    in_order = sorted(ticks, key=lambda call: call["cpu_ms"])
    slowest = in_order[int(0.95 * (len(ticks) - 1))]
    figures: dict[str, Any] = {
        "ticks": len(ticks),
        "median_wall_ms": statistics.median(call["wall_ms"] for call in ticks),
        "longest_wall_ms": max(call["wall_ms"] for call in ticks),
        "slowest": slowest,
        "other_calls": [call for call in captured.calls if call not in ticks],
        "agent_answers": len(captured.answers_s),
        "agent_answer_median_s": statistics.median(captured.answers_s),
        "agent_answer_slow_s": float(np.percentile(captured.answers_s, 95)),
    }
    (gallery / "responsiveness.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    assert slowest["cpu_ms"] < TICK_MS, figures
    assert figures["median_wall_ms"] < TICK_MS, figures
    assert figures["agent_answer_slow_s"] < ANSWER_S, figures


def test_screenshot_shows_panel_and_posed_body(captured: Captured, gallery: Path) -> None:
    """The body covers a good part of the view, and not as it does in its rest pose."""
    window = captured.window
    first, last = captured.armature["frames"]
    window.call("frame_body", armature=captured.name, frame=(first + last) // 2)
    posed = picture(window, gallery / "captured.png")
    window.call("rest", armature=captured.name, resting=True)
    resting = picture(window, gallery / "rest_pose.png")
    window.call("show_body", armature=captured.name, shown=False)
    window.call("rest", armature=captured.name, resting=False)
    hidden = picture(window, gallery / "body_hidden.png")
    window.call("show_body", armature=captured.name, shown=True)
    view = window.call("rectangle", kind="WINDOW")
    rows, columns = np.nonzero(np.any(posed != hidden, axis=-1))
    assert np.ptp(rows) > 0.4 * view["height"]
    assert np.ptp(columns) > 0.1 * view["width"]
    assert np.mean(np.any(posed != resting, axis=-1)) > 0.01


def picture(window: BlenderWindow, path: Path) -> NDArray[np.uint8]:
    """A screenshot (H,W,3), the mouse out of the panel, once the view has been drawn."""
    window.hover_view()
    window.wait_for_redraw()
    window.display.screenshot(path)
    image = cv2.imread(str(path))
    assert image is not None and image.shape == (HEIGHT, WIDTH, 3)
    return image.astype(np.uint8)


def test_saved_scene_opens_in_blender_without_a_window(
    captured: Captured, blender: Path, user_environment: dict[str, str], tmp_path: Path
) -> None:
    scene, mailbox = tmp_path / "captured.blend", tmp_path / "mailbox"
    mailbox.mkdir()
    captured.window.call("save", path=str(scene))
    state = ask_without_window(blender, user_environment, scene, mailbox, "scene_state")
    assert state == captured.after


def test_undo_takes_the_whole_capture_back_in_one_step(captured: Captured) -> None:
    window = captured.window
    window.hover_view()
    window.display.key("ctrl+z")
    wait_until(lambda: window.call("scene_state") == captured.before, MESSAGE_S, "undone")
    window.display.key("ctrl+shift+z")
    wait_until(lambda: window.call("scene_state") == captured.after, MESSAGE_S, "done again")


def test_the_list_holds_the_one_person(captured: Captured, gallery: Path) -> None:
    """One row with the engine's picture; unticking it is one step, which undo brings back."""
    window = captured.window
    (person,) = window.call("people")
    assert person["armature"] == captured.name
    wait_until(lambda: window.says("People: 1"), MESSAGE_S, "the list is drawn")
    width, height = window.call("thumbnail_size", number=0)
    assert min(width, height) > 30 and max(width, height) >= 64
    picture(window, gallery / "people_of_capture.png")
    window.press("pose2rig.pick_people", settings="number=0", at=TICKS)
    wait_until(lambda: window.call("scene_state")["armatures"] == {}, MESSAGE_S, "taken out")
    assert window.call("scene_state")["actions"] == captured.before["actions"]
    window.hover_view()
    window.display.key("ctrl+z")
    wait_until(lambda: window.call("scene_state") == captured.after, MESSAGE_S, "undone")
    window.hover_view()
    window.display.key("ctrl+shift+z")
    wait_until(lambda: window.call("scene_state")["armatures"] == {}, MESSAGE_S, "done again")
    window.press("pose2rig.pick_people", settings="number=0", at=TICKS)
    wait_until(lambda: window.call("scene_state") == captured.after, MESSAGE_S, "put back")


@pytest.mark.parametrize("way", ["escape", "button"])
def test_cancel_ends_the_worker_and_leaves_the_scene_alone(
    window: BlenderWindow, gallery: Path, long_footage: Path, way: str
) -> None:
    window.call("set_footage", path=str(long_footage))
    before = window.call("scene_state")
    worker = start_capture(window)
    if way == "escape":
        window.display.key("Escape")
    else:
        window.press("pose2rig.cancel")
    wait_until(lambda: window.says("cancelled"), MESSAGE_S, "the panel says cancelled")
    picture(window, gallery / f"cancelled_by_{way}.png")
    wait_until(lambda: not worker.is_running(), WORKER_END_S, "the worker ends")
    assert window.is_alive()
    assert window.call("scene_state") == before


def test_killed_worker_leaves_blender_alive_with_its_message(
    window: BlenderWindow, gallery: Path
) -> None:
    before = window.call("scene_state")
    start_capture(window).kill()
    wait_until(lambda: window.says("ended unexpectedly"), MESSAGE_S, "the panel says what happened")
    picture(window, gallery / "worker_killed.png")
    assert window.says("signal 9") and window.says("Next: capture again")
    assert window.is_alive()
    assert window.call("scene_state") == before
    window.find_button("pose2rig.capture")


def test_capture_without_an_engine_says_what_to_do(window: BlenderWindow, gallery: Path) -> None:
    before = window.call("scene_state")
    window.call("set_engine", python="")
    window.press("pose2rig.capture")
    wait_until(lambda: window.says("engine is not set up"), MESSAGE_S, "the panel says what to do")
    picture(window, gallery / "no_engine.png")
    window.call("set_engine", python=sys.executable)
    assert worker_of(window.process.pid) is None
    assert window.call("scene_state") == before


def test_addon_raised_nothing_in_the_shared_window(window: BlenderWindow) -> None:
    assert "Traceback" not in window.log.read_text(encoding="utf-8", errors="replace")


def test_worker_ends_by_itself_when_blender_dies(
    open_window: Callable[[], BlenderWindow],
) -> None:
    window = open_window()
    worker = start_capture(window)
    window.kill()
    wait_until(lambda: not worker.is_running(), WORKER_END_S, "the worker ends")
