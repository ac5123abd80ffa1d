"""Runs inside Blender: carries out the test's requests in Blender's main loop.

A timer polls a mailbox folder, given after `--` on Blender's command line. The test puts
`request.json` there by renaming: {"id": n, "command": name, "arguments": {...}}; the agent runs the
function of that name from COMMANDS and puts `reply.json` there: {"id": n, "value": ...} or
{"id": n, "error": traceback}. Nothing here presses a button: the test's mouse and keyboard do.
In a Blender without a window there is no main loop: the one request that is there is answered.
"""

import importlib
import json
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import bpy
import mathutils

POLL_S = 0.05
ADDON = "bl_ext.user_default.pose2rig"
TAB = "Pose2Rig"

REDRAWN: list[int] = []
MAILBOX = Path(sys.argv[sys.argv.index("--") + 1])


# --- the window and its 3D view ------------------------------------------------------------


def view() -> dict[str, Any]:
    """The first window's 3D view, as arguments for `temp_override`."""
    window = bpy.context.window_manager.windows[0]
    area = next(a for a in window.screen.areas if a.type == "VIEW_3D")
    return {"window": window, "screen": window.screen, "area": area}


def region(kind: str) -> bpy.types.Region:
    return next(r for r in view()["area"].regions if r.type == kind)


def rectangle(kind: str) -> dict[str, int]:
    """A region of the 3D view in screen pixels, from the window's upper left corner."""
    found = region(kind)
    top = view()["window"].height - found.y - found.height
    return {"x": found.x, "y": top, "width": found.width, "height": found.height}


def blender_info() -> dict[str, Any]:
    return {
        "version": bpy.app.version_string,
        "background": bpy.app.background,
        "addon_enabled": ADDON in bpy.context.preferences.addons,
        "python": sys.version.split()[0],
    }


def open_sidebar() -> None:
    view()["area"].spaces.active.show_region_ui = True


def choose_tab() -> str:
    """Takes effect only in a later tick than `open_sidebar`."""
    sidebar = region("UI")
    sidebar.active_panel_category = TAB
    sidebar.tag_redraw()
    return sidebar.active_panel_category


def operator_under_mouse() -> str:
    """The Python command of the button the mouse is over, or nothing."""
    manager = bpy.context.window_manager
    manager.clipboard = ""
    with bpy.context.temp_override(**view(), region=region("UI")):
        if bpy.ops.ui.copy_python_command_button.poll():
            bpy.ops.ui.copy_python_command_button()
    return manager.clipboard


def field_under_mouse() -> str:
    """The full data path of the field the mouse is over, or nothing."""
    manager = bpy.context.window_manager
    manager.clipboard = ""
    with bpy.context.temp_override(**view(), region=region("UI")):
        if bpy.ops.ui.copy_data_path_button.poll():
            bpy.ops.ui.copy_data_path_button(full_path=True)
    return manager.clipboard


def empty_scene() -> None:
    """Delete Blender's first cube, camera and light, as an undoable step of its own."""
    for item in list(bpy.data.objects):
        bpy.data.objects.remove(item)
    with bpy.context.temp_override(**view()):
        bpy.ops.ed.undo_push(message="Empty Scene")


def frame_body(armature: str, frame: int) -> None:
    """Show an animated body at a frame, as large as the view allows."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    body = next(child for child in bpy.data.objects[armature].children if child.type == "MESH")
    for item in scene.objects:
        item.select_set(item == body)
    with bpy.context.temp_override(**view(), region=region("WINDOW")):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    space = view()["area"].spaces.active
    space.shading.type = "SOLID"
    space.shading.color_type = "MATERIAL"
    space.region_3d.view_rotation.rotate(mathutils.Euler((-0.15, 0.0, 0.5)))
    for item in scene.objects:
        item.select_set(item.name == armature)


def show_body(armature: str, shown: bool) -> None:
    for child in bpy.data.objects[armature].children:
        child.hide_set(not shown)


def rest(armature: str, resting: bool) -> None:
    """Show an armature in its rest pose, or animated again."""
    bpy.data.objects[armature].data.pose_position = "REST" if resting else "POSE"


def redraws() -> int:
    """How often the 3D view has been drawn so far; asks for one more."""
    view()["area"].tag_redraw()
    return len(REDRAWN)


def save(path: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)


def load(path: str) -> None:
    with bpy.context.temp_override(window=view()["window"]):
        bpy.ops.wm.open_mainfile(filepath=path)


# --- what the panel says -------------------------------------------------------------------

DRAWN: dict[str, list[Any]] = {}


def watch_panels() -> list[str]:
    """Keep the layout of each panel of the tab, as Blender last drew it."""
    watched = []
    for panel in bpy.types.Panel.__subclasses__():
        if getattr(panel, "bl_category", "") == TAB:
            panel.append(_keep_layout)
            watched.append(panel.__name__)
    region("UI").tag_redraw()
    return watched


def _keep_layout(panel: Any, _context: bpy.types.Context) -> None:
    DRAWN[type(panel).__name__] = panel.layout.introspect()


def panel_text() -> list[str]:
    """Every text of the panels as last drawn, from top to bottom."""
    texts: list[str] = []
    _collect(list(DRAWN.values()), texts)
    return texts


def panel_layout() -> dict[str, list[Any]]:
    return DRAWN


def _collect(node: Any, texts: list[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _collect(item, texts)
    elif isinstance(node, dict):
        if node.get("draw_string"):
            texts.append(node["draw_string"])
        _collect(node.get("items", []), texts)


# --- the scene -----------------------------------------------------------------------------


def scene_state() -> dict[str, Any]:
    """What a capture may change: actions with their curves, animated armatures, frame range."""
    return {
        "actions": sorted(action.name for action in bpy.data.actions),
        "armatures": {
            item.name: _armature_state(item) for item in bpy.data.objects if item.type == "ARMATURE"
        },
        "meshes": [item.name for item in bpy.data.objects if item.type == "MESH"],
        "frame_start": bpy.context.scene.frame_start,
        "frame_end": bpy.context.scene.frame_end,
    }


def _armature_state(item: bpy.types.Object) -> dict[str, Any]:
    animation = item.animation_data
    action = animation.action if animation else None
    curves = _curves(action, animation) if action else []
    return {
        "action": action.name if action else "",
        "bones": len(item.data.bones),
        "curves": len(curves),
        "keys": max((len(curve.keyframe_points) for curve in curves), default=0),
        "frames": [int(x) for x in action.frame_range] if action else [],
    }


def _curves(action: bpy.types.Action, animation: bpy.types.AnimData) -> list[bpy.types.FCurve]:
    if bpy.app.version < (4, 4, 0):
        return list(action.fcurves)
    bag = action.layers[0].strips[0].channelbag(animation.action_slot)
    return list(bag.fcurves)


def people() -> list[dict[str, Any]]:
    """The list of people: each one's name, and the armature that stands for them."""
    listed = bpy.context.scene.pose2rig_people.people
    return [
        {"name": person.name, "armature": person.armature.name if person.armature else ""}
        for person in listed
    ]


def thumbnail_size(number: int) -> list[int]:
    """Width and height in px of a listed person's picture, as the add-on has read it."""
    people = importlib.import_module(f"{ADDON}.addon.people")
    thumbnails = importlib.import_module(f"{ADDON}.addon.thumbnails")
    path = people.thumbnail_path(bpy.context.scene.pose2rig_people.folder, number)
    return list(thumbnails.thumbnail(path).image_size)


def show_capture(folder: str, name: str) -> None:
    """Put a capture that was made elsewhere into the scene, as after its last event."""
    module = importlib.import_module(f"{ADDON}.addon.people")
    report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
    result = module.CaptureResult(
        name=name,
        folder=Path(folder),
        people={int(number): figures for number, figures in report["people"].items()},
        mode="AXIS_ANGLE",
        first_frame=1,
        fps=24.0,
        match_scene=False,
    )
    with bpy.context.temp_override(**view()):
        module.show_capture(bpy.context.scene, result)
        bpy.ops.ed.undo_push(message="Capture")


def selected() -> list[str]:
    return [item.name for item in bpy.context.scene.objects if item.select_get()]


def set_motion(armature: str, values: dict[str, Any]) -> None:
    """Set sliders of a take, as dragging them does."""
    for name, value in values.items():
        setattr(bpy.data.objects[armature].pose2rig, name, value)


def sliders(armature: str) -> dict[str, Any]:
    """What the sliders of a take show."""
    motion = bpy.data.objects[armature].pose2rig
    names = (item.identifier for item in motion.bl_rna.properties if not item.is_readonly)
    return {name: getattr(motion, name) for name in names}


def made_with(armature: str) -> dict[str, Any]:
    """The settings that the motion of a take's assigned action was made with."""
    action = bpy.data.objects[armature].animation_data.action
    return json.loads(action["pose2rig_provenance"])["motion"]


def current_frame() -> int:
    return bpy.context.scene.frame_current


def set_engine(python: str) -> None:
    bpy.context.preferences.addons[ADDON].preferences.engine_python = python


def set_footage(path: str) -> None:
    bpy.context.scene.pose2rig.footage = path


# --- how long the add-on holds Blender -----------------------------------------------------

CALLS: list[dict[str, Any]] = []
_open: list[tuple[FrameType, float, float, int]] = []


def watch_calls() -> None:
    """From now on time every call that Blender makes into the add-on's Python code.

    A profile hook, so nested calls are charged with its overhead: the times are upper bounds.
    """
    CALLS.clear()
    sys.setprofile(_profile)


def unwatch_calls() -> list[dict[str, Any]]:
    """The calls since `watch_calls`: function, wall_ms, cpu_ms, and whether it made an action."""
    sys.setprofile(None)
    return CALLS


def _profile(frame: FrameType, event: str, _argument: Any) -> None:
    if (
        event == "call"
        and not _open
        and ".user_default.pose2rig" in frame.f_globals.get("__name__", "")
    ):
        _open.append((frame, time.perf_counter(), time.thread_time(), len(bpy.data.actions)))
    elif event == "return" and _open and _open[0][0] is frame:
        _, wall_s, cpu_s, actions = _open.pop()
        CALLS.append(
            {
                "function": frame.f_code.co_qualname,
                "wall_ms": (time.perf_counter() - wall_s) * 1e3,
                "cpu_ms": (time.thread_time() - cpu_s) * 1e3,
                "made_action": len(bpy.data.actions) != actions,
            }
        )


# --- the mailbox ---------------------------------------------------------------------------

COMMANDS: dict[str, Callable[..., Any]] = {
    command.__name__: command
    for command in (
        blender_info,
        choose_tab,
        current_frame,
        empty_scene,
        field_under_mouse,
        frame_body,
        load,
        made_with,
        open_sidebar,
        operator_under_mouse,
        panel_layout,
        panel_text,
        people,
        rectangle,
        redraws,
        rest,
        save,
        scene_state,
        selected,
        set_engine,
        set_footage,
        set_motion,
        show_body,
        show_capture,
        sliders,
        thumbnail_size,
        unwatch_calls,
        watch_calls,
        watch_panels,
    )
}


def poll() -> float:
    request_file = MAILBOX / "request.json"
    if request_file.exists():
        request = json.loads(request_file.read_text(encoding="utf-8"))
        request_file.unlink()
        reply: dict[str, Any] = {"id": request["id"]}
        try:
            reply["value"] = COMMANDS[request["command"]](**request["arguments"])
        except Exception:
            reply["error"] = traceback.format_exc()
        unfinished = MAILBOX / "reply.part"
        unfinished.write_text(json.dumps(reply, default=str), encoding="utf-8")
        unfinished.rename(MAILBOX / "reply.json")
    return POLL_S


def start() -> None:
    preferences = bpy.context.preferences
    preferences.view.show_splash = False
    preferences.view.ui_scale = 1.0
    preferences.view.smooth_view = 0
    preferences.use_preferences_save = False
    bpy.types.SpaceView3D.draw_handler_add(REDRAWN.append, (1,), "WINDOW", "POST_PIXEL")
    bpy.app.timers.register(poll, persistent=True)


if bpy.app.background:
    poll()
else:
    start()
