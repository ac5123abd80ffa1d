"""The list of people: takes leave the scene and come back, through undo and files, and no others.

The panel's own buttons are pressed, as drawn.
"""

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ..core_inference.known_motions import FPS
from .captures import FIRST_FRAMES, NAMES, SECONDS
from .conftest import Show
from .layout import CHARACTERS, Layout, draw

pytestmark = pytest.mark.bpy


def press(layout: Layout, name: str, **wanted: Any) -> set[str]:
    """Press the one button of that operator with these settings, with an undo step as in a window.

    Raises RuntimeError with what the operator reported as an error.
    """
    import bpy

    (button,) = [
        button
        for button in layout.buttons
        if button.name == name and wanted.items() <= vars(button).items()
    ]
    operator = getattr(bpy.ops.pose2rig, name.partition(".")[2])
    known = operator.get_rna_type().properties.keys()
    return operator("EXEC_DEFAULT", True, **{k: v for k, v in vars(button).items() if k in known})


def tick(bpy: Any, number: int) -> set[str]:
    """Press the tick box of a person, the one without a text."""
    return press(draw(bpy), "pose2rig.pick_people", number=number, text="")


def blocks(bpy: Any) -> list[str]:
    """Every datablock that a take is made of."""
    data = bpy.data
    kinds = (data.collections, data.objects, data.armatures, data.meshes, data.actions)
    return sorted(repr(block) for kind in kinds for block in kind)


def standing(bpy: Any) -> list[str]:
    """The armatures of the scene, by name."""
    return sorted(item.name for item in bpy.context.scene.objects if item.type == "ARMATURE")


def motion(bpy: Any, name: str) -> dict[tuple[str, int], np.ndarray]:
    """Every key of an armature's action by channel."""
    action = bpy.data.objects[name].animation_data.action
    curves = action.layers[0].strips[0].channelbag(action.slots[0]).fcurves
    keys = {}
    for curve in curves:
        flat = np.empty(2 * len(curve.keyframe_points))
        curve.keyframe_points.foreach_get("co", flat)
        keys[curve.data_path, curve.array_index] = flat
    return keys


def test_everybody_becomes_a_take_in_one_world(file, show: Show) -> None:
    """Own collection, body and action each, identity transforms, footage time for all."""
    show()
    assert standing(file) == NAMES
    assert file.context.object.name == NAMES[0]
    for name, first in zip(NAMES, FIRST_FRAMES, strict=True):
        armature = file.data.objects[name]
        assert np.array_equal(armature.matrix_world, np.eye(4))
        assert [collection.name for collection in armature.users_collection] == [name]
        assert [child.name for child in armature.children] == [f"{name}_body"]
        start, end = armature.animation_data.action.frame_range
        assert start == pytest.approx(1 + first / FPS * 24.0, abs=1.0)
        assert end - start == pytest.approx(SECONDS * 24.0, abs=2.0)


def test_one_person_is_named_after_the_footage(file, show: Show, captured_pair: Path) -> None:
    """No number where there is nobody to tell apart."""
    from pose2rig.addon.people import CaptureResult, show_capture

    result = CaptureResult(
        name="solo",
        folder=captured_pair,
        people={1: {"frames": 41, "coverage": 0.9}},
        mode="QUATERNION",
        first_frame=1,
        fps=24.0,
        match_scene=False,
    )
    show_capture(file.context.scene, result)
    assert standing(file) == ["solo"]


def test_matching_the_scene_takes_everybody_in(file, show: Show) -> None:
    """The clip's rate, and a range from the first person's first key to the last one's last."""
    show(match_scene=True, fps=30.0)
    scene = file.context.scene
    ranges = [file.data.objects[name].animation_data.action.frame_range for name in NAMES]
    assert scene.render.fps / scene.render.fps_base == 30.0
    assert scene.frame_start == min(start for start, _ in ranges) == 1
    assert scene.frame_end == max(end for _, end in ranges) > ranges[0][1]


def test_the_panel_lists_them(file, show: Show, captured_pair: Path) -> None:
    """Name, coverage and frames of each, in lines that fit; nothing before a capture."""
    assert not [text for text in draw(file).drawn if text.startswith(("People:", "icon"))]
    show()
    layout = draw(file)
    figures = json.loads((captured_pair / "report.json").read_text("utf-8"))["people"]
    assert "People: 2" in layout.drawn
    for number, name in enumerate(NAMES):
        told = figures[str(number)]
        assert f"{told['coverage']:.0%} of {told['frames']} frames" in layout.drawn
        assert [b.number for b in layout.buttons if getattr(b, "text", "") == name] == [number]
    assert figures["0"]["coverage"] == 1.0 > figures["1"]["coverage"]
    assert max(map(len, layout.drawn)) <= CHARACTERS


def test_unticking_takes_a_person_out_and_ticking_brings_them_back(file, show: Show) -> None:
    """Nothing of the take stays, nobody else's changes, and what comes back is the same motion."""
    show()
    before, keys = blocks(file), {name: motion(file, name) for name in NAMES}
    assert tick(file, 1) == {"FINISHED"}
    assert standing(file) == NAMES[:1]
    assert not [block for block in blocks(file) if NAMES[1] in block]
    assert "People: 2" in draw(file).drawn
    tick(file, 1)
    assert (standing(file), blocks(file)) == (NAMES, before)
    for name in NAMES:
        again = motion(file, name)
        assert again.keys() == keys[name].keys()
        for channel, values in keys[name].items():
            np.testing.assert_allclose(again[channel], values, atol=1e-5)


def test_who_was_put_back_has_what_the_others_have(file, show: Show) -> None:
    """Settings are the capture's own, also when the panel and the scene say something else by now.

    So all of a capture stay in step.
    """
    show(mode="QUATERNION", first_frame=101)
    described = properties(file.data.objects[NAMES[1]])
    scene = file.context.scene
    first = file.data.objects[NAMES[1]].animation_data.action.frame_range[0]
    tick(file, 1)
    scene.pose2rig.rotation_mode, scene.pose2rig.first_frame = "AXIS_ANGLE", 7
    scene.render.fps = 60
    tick(file, 1)
    armature = file.data.objects[NAMES[1]]
    assert armature.pose.bones["head"].rotation_mode == "QUATERNION"
    assert armature.animation_data.action.frame_range[0] == first > 100
    assert properties(armature) == described


def properties(item: Any) -> dict[str, Any]:
    """An object's custom properties as plain values."""
    return {
        key: value.to_dict() if hasattr(value, "to_dict") else value for key, value in item.items()
    }


def test_all_and_none(file, show: Show) -> None:
    """Both, from a scene where only one stands, and again where nothing is left to do."""
    show()
    before = blocks(file)
    tick(file, 0)
    for _ in range(2):
        press(draw(file), "pose2rig.pick_people", text="None")
        assert standing(file) == []
        assert not [block for block in blocks(file) if "dancers" in block]
    for _ in range(2):
        press(draw(file), "pose2rig.pick_people", text="All")
        assert blocks(file) == before


def test_clicking_a_person_selects_the_armature(file, show: Show) -> None:
    """Out of whatever mode another one is in; who was taken out or hidden cannot be selected."""
    show()
    file.ops.object.mode_set(mode="POSE")
    press(draw(file), "pose2rig.select_person", number=1)
    context = file.context
    assert (context.object.name, context.mode) == (NAMES[1], "OBJECT")
    assert [item.name for item in context.selected_objects] == [NAMES[1]]
    context.view_layer.layer_collection.children[NAMES[0]].exclude = True
    with pytest.raises(RuntimeError, match="hidden"):
        press(draw(file), "pose2rig.select_person", number=0)
    tick(file, 1)
    with pytest.raises(RuntimeError, match="tick the person"):
        press(draw(file), "pose2rig.select_person", number=1)


def test_a_person_in_pose_or_edit_mode_can_be_taken_out(file, show: Show) -> None:
    """The user left the armature in a mode of its own."""
    show()
    for mode in ("POSE", "EDIT"):
        press(draw(file), "pose2rig.select_person", number=0)
        file.ops.object.mode_set(mode=mode)
        tick(file, 0)
        assert (standing(file), file.context.mode) == (NAMES[1:], "OBJECT")
        tick(file, 0)


def test_what_is_not_the_take_stays(file, show: Show) -> None:
    """The user's objects in the take's collection or on its bones, and an action used elsewhere."""
    show()
    armature = file.data.objects[NAMES[0]]
    hat, copy = (file.data.objects.new(name, None) for name in ("hat", "copy"))
    armature.users_collection[0].objects.link(hat)
    file.context.scene.collection.objects.link(copy)
    hat.parent = armature
    action = armature.animation_data.action
    copy.animation_data_create().action = action
    tick(file, 0)
    assert {"hat", "copy"} <= set(file.context.scene.objects.keys())
    assert hat.users_collection[0].name == NAMES[0]
    assert copy.animation_data.action == action


def test_a_take_deleted_by_hand_is_unticked_and_can_come_back(file, show: Show) -> None:
    """As with the X key: the list sees it at once, and what comes back is whole."""
    show()
    objects = sorted(file.data.objects.keys())
    file.ops.object.select_all(action="DESELECT")
    for name in (NAMES[0], f"{NAMES[0]}_body"):
        file.data.objects[name].select_set(True)
    file.ops.object.delete()
    assert standing(file) == NAMES[1:]
    tick(file, 0)
    assert standing(file) == NAMES
    assert sorted(file.data.objects.keys()) == objects
    actions = [*NAMES, *(f"{name}_face" for name in NAMES)]
    assert sorted(file.data.actions.keys()) == sorted(actions)


def test_a_take_moved_to_another_scene_stays_there(file, show: Show) -> None:
    """For this scene the person is out; a fresh take does not touch the one over there."""
    show()
    take, other = file.data.objects[NAMES[0]], file.data.scenes.new("other")
    other.collection.objects.link(take)
    take.users_collection[0].objects.unlink(take)
    assert standing(file) == NAMES[1:]
    tick(file, 0)
    assert standing(file) == [f"{NAMES[0]}.001", NAMES[1]]
    assert list(other.objects) == [take]


def test_a_renamed_take_is_still_the_persons(file, show: Show) -> None:
    """The list shows the user's name for it, and unticking finds it."""
    show()
    file.data.objects[NAMES[0]].name = "hero"
    assert "hero" in [getattr(button, "text", "") for button in draw(file).buttons]
    tick(file, 0)
    assert standing(file) == NAMES[1:]


def test_undo_and_redo(file, show: Show) -> None:
    """Every press is one step; what the user did to the armature comes back with it."""
    show()
    file.data.objects[NAMES[1]].location.x = 2.0
    file.ops.ed.undo_push(message="moved")
    tick(file, 1)
    assert standing(file) == NAMES[:1]
    file.ops.ed.undo()
    assert standing(file) == NAMES
    assert file.data.objects[NAMES[1]].location.x == 2.0
    assert [button.standing for button in rows(draw(file))] == [False, False]
    file.ops.ed.redo()
    assert standing(file) == NAMES[:1]
    assert [button.standing for button in rows(draw(file))] == [False, True]


def rows(layout: Layout) -> list[SimpleNamespace]:
    """The tick boxes, from top to bottom: `standing` is what a press brings about."""
    return [button for button in layout.buttons if getattr(button, "text", None) == ""]


def test_the_list_survives_the_file(file, show: Show, tmp_path: Path) -> None:
    """Saved with one person out and opened again: the same list, and the other comes back."""
    show()
    tick(file, 0)
    path = str(tmp_path / "saved.blend")
    file.ops.wm.save_as_mainfile(filepath=path)
    tick(file, 1)
    file.ops.wm.open_mainfile(filepath=path)
    assert [button.standing for button in rows(draw(file))] == [True, False]
    tick(file, 0)
    assert standing(file) == NAMES


def test_a_capture_that_is_gone_says_so_and_changes_nothing(
    file, show: Show, captured_pair: Path, tmp_path: Path
) -> None:
    """One clip of two is missing: neither comes back, the reason is told, the list still draws."""
    folder = tmp_path / "capture"
    shutil.copytree(captured_pair, folder)
    show(folder)
    press(draw(file), "pose2rig.pick_people", text="None")
    before = blocks(file)
    (folder / "person_1.npz").unlink()
    shutil.rmtree(folder / "raw")
    with pytest.raises(RuntimeError, match="person_1"):
        press(draw(file), "pose2rig.pick_people", text="All")
    assert blocks(file) == before
    assert [button.standing for button in rows(draw(file))] == [True, True]


def test_a_capture_that_cannot_be_shown_leaves_the_scene_as_it_was(
    file, show: Show, captured_pair: Path, tmp_path: Path
) -> None:
    """The second person's clip is broken: no half of the capture, and the old list stays."""
    show(name="first")
    before = blocks(file)
    folder = tmp_path / "capture"
    shutil.copytree(captured_pair, folder)
    (folder / "person_1.npz").write_bytes(b"no clip")
    from pose2rig.rigs.errors import ClipFileError

    with pytest.raises(ClipFileError):
        show(folder, name="second")
    assert blocks(file) == before
    assert file.context.scene.pose2rig_people.name == "first"
    assert len(rows(draw(file))) == 2


def test_a_second_capture_takes_the_list_and_leaves_the_first_takes(file, show: Show) -> None:
    """Only the new people are listed; unticking them touches nothing of the first."""
    show()
    first = blocks(file)
    show(name="again")
    press(draw(file), "pose2rig.pick_people", text="None")
    assert blocks(file) == first


def test_nobody_of_that_number(file, show: Show) -> None:
    """A script's wrong number is an error that lists the right ones."""
    show()
    with pytest.raises(RuntimeError, match="expected 0, 1, got 7"):
        file.ops.pose2rig.pick_people(number=7)
    with pytest.raises(RuntimeError, match="no person 7"):
        file.ops.pose2rig.select_person(number=7)


def test_thumbnails_are_read_from_the_capture(file, captured_pair: Path, tmp_path: Path) -> None:
    """A real picture, its size; none for a missing file or one that is no picture; all freed."""
    from pose2rig.addon import thumbnails
    from pose2rig.addon.people import thumbnail_path

    path = thumbnail_path(captured_pair, 0)
    assert list(thumbnails.thumbnail(path).image_size) == [96, 128]
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    figure = thumbnails.icon(tmp_path / "absent.jpg")
    assert figure == thumbnails.icon(broken) > 0
    assert thumbnails.thumbnail(broken) is None
    thumbnails.forget()
    thumbnails.forget()
    assert list(thumbnails.thumbnail(path).image_size) == [96, 128]


def test_forgotten_thumbnails_are_read_anew(file, captured_pair: Path, tmp_path: Path) -> None:
    """Another capture's picture under the same path is not the old one."""
    from pose2rig.addon import thumbnails

    path = tmp_path / "person_0.jpg"
    shutil.copy(captured_pair / "raw" / "person_0.jpg", path)
    os.utime(path, (1e9, 1e9))
    assert thumbnails.thumbnail(path) is not None
    path.write_bytes(b"no picture")
    thumbnails.forget()
    assert thumbnails.thumbnail(path) is None
