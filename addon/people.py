"""The people of the last capture: their takes come into the scene, leave it, and come back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core_inference.clip import load_clip
from ..rigs.errors import RigError
from .armature import make_active
from .camera import add_camera
from .keyframes import RotationMode
from .motion_settings import show_motion
from .properties import FoundPeople, FoundPerson
from .sampling import FrameTiming
from .take import Take, TakeSettings, add_take, nothing_left_on_failure, remove_take
from .timing import fit_frame_range, set_frame_rate


@dataclass(frozen=True, kw_only=True)
class CaptureResult:
    """A finished capture and how it shall stand in the scene.

    people: the report's figures of each, by number. fps: what the takes are keyed for. With
    match_scene the scene takes that rate and the takes' range. calibration_weights: the file by
    which meshes were calibrated, if any.
    """

    name: str
    folder: Path
    people: dict[int, dict[str, Any]]
    mode: RotationMode
    first_frame: int
    fps: float
    match_scene: bool
    calibration_weights: Path | None = None


def show_capture(scene: bpy.types.Scene, result: CaptureResult) -> None:
    """Put a take of everybody into the scene, and everybody into its list of people.

    The list's earlier people go out of it; their takes stay as they are. When anything fails the
    scene is as before. Raises Pose2RigError.
    """
    with nothing_left_on_failure():
        takes = {number: _add(scene, result, number) for number in result.people}
    _list(scene.pose2rig_people, result, takes)
    ranges = [take.action.frame_range for take in takes.values()]
    first = int(min(start for start, _ in ranges))
    last = int(max(end for _, end in ranges))
    if result.match_scene:
        set_frame_rate(scene, result.fps)
    fit_frame_range(scene, first, last, exactly=result.match_scene)
    make_active(takes[min(takes)].armature)


def chosen_people(scene: bpy.types.Scene, number: int) -> list[FoundPerson]:
    """The person of that number, everybody for -1; raises RigError where there is no such one."""
    people = scene.pose2rig_people.people
    chosen = [person for person in people if number in (-1, person.number)]
    if not chosen:
        raise RigError(
            f"there is no person {number} in the list",
            expected=", ".join(str(person.number) for person in people) or "people in the list",
            actual=str(number),
            next_step="capture footage, or choose one of the list",
        )
    return chosen


def is_standing(scene: bpy.types.Scene, person: FoundPerson) -> bool:
    """Whether the person's take is in the scene."""
    armature = person.armature
    return armature is not None and scene.objects.get(armature.name) == armature


def put_back(scene: bpy.types.Scene, people: Iterable[FoundPerson]) -> None:
    """Make a fresh take of each who does not stand in the scene; raises Pose2RigError."""
    result = _result_of(scene.pose2rig_people)
    absent = [person for person in people if not is_standing(scene, person)]
    for person in absent:
        _drop(person)
    with nothing_left_on_failure():
        takes = [_add(scene, result, person.number) for person in absent]
    for person, take in zip(absent, takes, strict=True):
        person.armature = take.armature


def take_out(scene: bpy.types.Scene, people: Iterable[FoundPerson]) -> None:
    """Remove the takes of those who stand in the scene, with what the user has made of them."""
    for person in people:
        if is_standing(scene, person):
            armature = person.armature
            person.armature = None
            remove_take(armature)


def _drop(person: FoundPerson) -> None:
    """Let go of a take that the user has deleted, so that its name is free again."""
    armature = person.armature
    person.armature = None
    if armature is not None and armature.users == 0:
        remove_take(armature)


def select(context: bpy.types.Context, person: FoundPerson) -> None:
    """Make the person's armature the active and only selected one; raises RigError."""
    armature = person.armature
    if not is_standing(context.scene, person) or not armature.visible_get():
        raise RigError(
            f"{person.name} cannot be selected",
            expected="a take that can be seen",
            actual="a hidden one" if is_standing(context.scene, person) else "none in the scene",
            next_step="tick the person, or show the take's collection",
        )
    make_active(armature)


def clip_path(folder: str | Path, number: int) -> Path:
    """Where a capture keeps a person's clip."""
    return Path(folder) / f"person_{number}.npz"


def raw_path(folder: str | Path, number: int) -> Path:
    """Where a capture keeps a person's raw take."""
    return Path(folder) / "raw" / f"person_{number}.npz"


def thumbnail_path(folder: str | Path, number: int) -> Path:
    """Where the engine leaves a person's picture."""
    return Path(folder) / "raw" / f"person_{number}.jpg"


def _add(scene: bpy.types.Scene, result: CaptureResult, number: int) -> Take:
    path = clip_path(result.folder, number)
    settings = TakeSettings(
        name=_take_name(result, number),
        mode=result.mode,
        timing=FrameTiming(fps=result.fps, first_frame=result.first_frame),
        path=path,
        quality=result.people[number],
        raw=raw_path(result.folder, number),
        calibration_weights=result.calibration_weights,
    )
    clip = load_clip(path)
    take = add_take(clip, settings, scene)
    show_motion(take.armature)
    if clip.camera.is_moving and number in _longest_of_shots(result):
        add_camera(clip, settings.timing, take.armature, scene)
    return take


def _longest_of_shots(result: CaptureResult) -> list[int]:
    """Of each shot the person who is seen longest, with whose take its camera stands."""
    longest: dict[int, int] = {}
    for number, figures in result.people.items():
        shot = figures.get("shot", 0)
        best = longest.setdefault(shot, number)
        if figures["frames"] > result.people[best]["frames"]:
            longest[shot] = number
    return list(longest.values())


def _take_name(result: CaptureResult, number: int) -> str:
    return f"{result.name} {number}" if len(result.people) > 1 else result.name


def _list(found: FoundPeople, result: CaptureResult, takes: dict[int, Take]) -> None:
    found.name = result.name
    found.folder = str(result.folder)
    found.rotation_mode = result.mode
    found.first_frame = result.first_frame
    found.fps = result.fps
    found.calibration_weights = str(result.calibration_weights or "")
    found.people.clear()
    for number, take in takes.items():
        person = found.people.add()
        person.number = number
        person.name = _take_name(result, number)
        person.quality = json.dumps(result.people[number])
        person.armature = take.armature


def _result_of(found: FoundPeople) -> CaptureResult:
    """The capture as the list remembers it."""
    return CaptureResult(
        name=found.name,
        folder=Path(bpy.path.abspath(found.folder)),
        people={person.number: person.figures for person in found.people},
        mode=found.rotation_mode,
        first_frame=found.first_frame,
        fps=found.fps,
        match_scene=False,
        calibration_weights=Path(weights) if (weights := found.calibration_weights) else None,
    )
