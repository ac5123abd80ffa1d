"""The list of people in a real Blender window: pictures, tick boxes, undo, a file opened again.

The capture is a finished one of two people, made of known motions.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ..addon.captures import COLOURS, write_capture
from .blender_window import TICKS, BlenderWindow, wait_until

SHOWN_S = 15.0
NAMES = ["dancers 0", "dancers 1"]
NAME = ALL = 0.6
NONE = 0.75
"""Where across the sidebar the buttons stand."""
COLOUR_SLACK = 12
PICTURE_AREA_PX = 400


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture's folder."""
    return write_capture(tmp_path_factory.mktemp("capture"))


@pytest.fixture(scope="module")
def window(open_window: Callable[[], BlenderWindow], capture: Path) -> BlenderWindow:
    """A window with the capture in its scene."""
    window = open_window()
    window.call("show_capture", folder=str(capture), name="dancers")
    wait_until(lambda: window.says("People: 2"), SHOWN_S, "the list is drawn")
    return window


def standing(window: BlenderWindow) -> list[str]:
    return sorted(window.call("scene_state")["armatures"])


def shown(window: BlenderWindow, path: Path) -> list[int]:
    """How many pixels of each person's picture the sidebar shows."""
    window.hover_view()
    window.wait_for_redraw()
    window.display.screenshot(path)
    image = cv2.imread(str(path))
    assert image is not None
    sidebar = window.call("rectangle", kind="UI")
    part = image[:, sidebar["x"] : sidebar["x"] + sidebar["width"]].astype(np.int64)
    return [int(near(part, colour).sum()) for colour in COLOURS]


def near(image: NDArray[np.int64], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.all(np.abs(image - colour) < COLOUR_SLACK, axis=-1)


def test_the_list_shows_everybody_with_a_picture(window: BlenderWindow, gallery: Path) -> None:
    areas = wait_until(
        lambda: [n for n in shown(window, gallery / "people.png") if n > PICTURE_AREA_PX],
        SHOWN_S,
        "the pictures are drawn",
    )
    assert len(areas) == len(NAMES)
    texts = window.call("panel_text")
    assert all(name in texts for name in NAMES)


def test_ticks_take_a_person_out_and_bring_them_back(window: BlenderWindow, gallery: Path) -> None:
    """With undo and redo in one step each; the picture stays in the list."""
    before = window.call("scene_state")
    window.press("pose2rig.pick_people", settings="number=1", at=TICKS)
    wait_until(lambda: standing(window) == NAMES[:1], SHOWN_S, "the second person is out")
    without = window.call("scene_state")
    assert min(shown(window, gallery / "people_one_out.png")) > PICTURE_AREA_PX
    for key, state in (("ctrl+z", before), ("ctrl+shift+z", without)):
        window.hover_view()
        window.display.key(key)
        wait_until(lambda s=state: window.call("scene_state") == s, SHOWN_S, key)
    window.press("pose2rig.pick_people", settings="number=1", at=TICKS)
    wait_until(lambda: window.call("scene_state") == before, SHOWN_S, "the second person is back")


def test_a_click_on_a_name_selects_the_armature(window: BlenderWindow) -> None:
    for number, name in enumerate(NAMES):
        window.press("pose2rig.select_person", settings=f"number={number}", at=NAME)
        wait_until(lambda n=name: window.call("selected") == [n], SHOWN_S, f"{name} is selected")


def test_none_and_all(window: BlenderWindow) -> None:
    before = window.call("scene_state")
    window.press("pose2rig.pick_people", settings="number=-1, standing=False", at=NONE)
    wait_until(lambda: standing(window) == [], SHOWN_S, "nobody stands")
    window.press("pose2rig.pick_people", settings="number=-1, standing=True", at=ALL)
    wait_until(lambda: window.call("scene_state") == before, SHOWN_S, "everybody stands")


def test_the_list_comes_back_with_the_file(
    window: BlenderWindow, gallery: Path, tmp_path: Path
) -> None:
    """Saved and opened in the same Blender: names, pictures, armatures."""
    state: Any = window.call("scene_state")
    path = tmp_path / "people.blend"
    window.call("save", path=str(path))
    window.call("load", path=str(path))
    wait_until(lambda: window.call("scene_state") == state, SHOWN_S, "the file is open")
    assert [person["armature"] for person in window.call("people")] == NAMES
    wait_until(
        lambda: min(shown(window, gallery / "people_opened.png")) > PICTURE_AREA_PX,
        SHOWN_S,
        "the pictures are drawn again",
    )
    assert "Traceback" not in window.log.read_text(encoding="utf-8", errors="replace")
