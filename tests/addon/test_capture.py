"""The installed extension with the real worker: capture, people, cancel, death, and no engine.

Each test runs in a Blender process of its own, with its own folder of user files, in which the
built extension is installed as a user would.
"""

import os
import time
from pathlib import Path

import pytest

from .conftest import RunBlender

pytestmark = [pytest.mark.bpy, pytest.mark.slow]

CHUNK_FRAMES = 128
"""After so many frames the engine has something to go on from."""


def test_capture_from_footage_to_keys(run_blender: RunBlender, tmp_path: Path) -> None:
    """Real footage, real worker: armature, body, action, range, quality; ticks under 2 ms."""
    told = run_blender("""
settings.smooth = 0.25
session.start(context)
result, worst = run()
armature = context.object
action = armature.animation_data.action
tell(
    result=result, state=status.state, worst=worst, name=armature.name, action=action.name,
    range=list(action.frame_range), end=context.scene.frame_end, fps=context.scene.render.fps,
    quality=armature["pose2rig_quality"].to_dict(), bones=len(armature.data.bones),
    mode=armature.pose.bones["pelvis"].rotation_mode,
    children=[child.name for child in armature.children], clip=armature["pose2rig_clip"],
    modules=[name for name in ("torch", "cv2", "mediapipe", "scipy") if name in sys.modules],
)
""")
    assert (told["result"], told["state"]) == ("DONE", "DONE")
    assert told["worst"] < 0.002
    assert told["name"] == told["action"] == "squats_5fps_portrait"
    first, last = told["range"]
    assert 10 / 5 * 24 - 1 <= first <= 14 / 5 * 24
    assert 34 / 5 * 24 <= last <= 40 / 5 * 24 + 1
    assert (told["fps"], told["end"]) == (24, max(250, int(last)))
    assert told["quality"]["coverage"] > 0.8
    assert (told["bones"], told["mode"]) == (55, "AXIS_ANGLE")
    assert told["children"] == ["squats_5fps_portrait_body"]
    assert Path(told["clip"]).is_relative_to(tmp_path / "user")
    assert told["modules"] == []


def test_everybody_in_the_footage(run_blender: RunBlender, shared_dir: Path) -> None:
    """Several people in one shot: a take each with a picture, counted on the way, out and back.

    They stand apart in one world, on identity transforms.
    """
    told = run_blender(
        """
settings.start, settings.end = 0, 40
session.start(context)
counted = []
result, worst = run(until=lambda: counted.append(status.people))
while result == "RUNNING":
    result, worst = run(until=lambda: counted.append(status.people))
people = importlib.import_module(ROOT + ".addon.people")
thumbnails = importlib.import_module(ROOT + ".addon.thumbnails")
found = context.scene.pose2rig_people
def standing():
    return sorted(item.name for item in context.scene.objects if item.type == "ARMATURE")
names = [person.name for person in found.people]
armatures = [person.armature for person in found.people]
context.scene.frame_set(8)
before = standing()
bpy.ops.pose2rig.pick_people(number=1, standing=False)
without = standing()
bpy.ops.pose2rig.pick_people(standing=True)
armatures = [person.armature for person in found.people]
tell(
    result=result, message=status.message, counted=max(counted), names=names, before=before,
    without=without, after=standing(), active=context.object.name,
    identity=all(item.matrix_world.is_identity for item in armatures),
    places=[list(item.pose.bones["pelvis"].head)[:2] for item in armatures],
    coverage=[person.figures["coverage"] for person in found.people],
    pictures=[
        list(thumbnails.thumbnail(people.thumbnail_path(found.folder, person.number)).image_size)
        for person in found.people
    ],
)
""",
        footage=str(shared_dir / "footage" / "video" / "multiperson_lab_cam01.mp4"),
    )
    count = len(told["names"])
    assert told["result"] == "DONE", told
    assert count >= 2
    assert told["message"].endswith(f"{count} people")
    assert told["counted"] == count
    assert told["names"] == [f"multiperson_lab_cam01 {number}" for number in range(count)]
    assert told["before"] == told["after"] == sorted(told["names"])
    assert told["without"] == [name for name in told["before"] if not name.endswith(" 1")]
    assert told["identity"]
    assert told["coverage"][0] > 0.9
    assert all(max(size) >= 64 for size in told["pictures"])
    (x0, y0), (x1, y1) = told["places"][:2]
    assert (x1 - x0) ** 2 + (y1 - y0) ** 2 > 0.5**2


def test_a_captured_take_is_processed_again(run_blender: RunBlender, tmp_path: Path) -> None:
    """The engine's clip of the raw take, on the armature that is there; quicker a second time."""
    told = run_blender("""
session.start(context)
run()
armature = context.object
seconds = []
for feet in ("never", "always"):
    armature.pose2rig.feet = feet
    before = time.perf_counter()
    ended = bpy.ops.pose2rig.reprocess()
    seconds.append(time.perf_counter() - before)
keyframes = importlib.import_module(ROOT + ".addon.keyframes")
armatures = [item.name for item in bpy.data.objects if item.type == "ARMATURE"]
quality = armature["pose2rig_quality"].to_dict()
bpy.ops.pose2rig.worst_frame()
tell(
    ended=list(ended), armatures=armatures, seconds=seconds, quality=quality,
    actions=sorted(action.name for action in bpy.data.actions if "_face" not in action.name),
    used=armature.animation_data.action.name, raw=armature["pose2rig_raw"],
    curves=len(list(keyframes.fcurves(armature))), frame=context.scene.frame_current,
    made=json.loads(armature.animation_data.action["pose2rig_provenance"])["motion"],
)
""")
    name = "squats_5fps_portrait"
    assert told["ended"] == ["FINISHED"]
    assert told["armatures"] == [name]
    assert told["actions"] == [name, f"{name} (2)", f"{name} (3)"]
    assert told["used"] == f"{name} (3)"
    assert told["curves"] == 55 * 4 + 3 + 4
    assert told["made"]["feet"] == "always"
    assert Path(told["raw"]).is_relative_to(tmp_path / "user")
    quality = told["quality"]
    assert quality["foot_slide_cm_s"] < quality["before"]["foot_slide_cm_s"]
    assert 10 <= quality["worst_frame"] < 40
    assert told["frame"] == pytest.approx(1 + quality["worst_frame"] / 5 * 24, abs=2)
    assert told["seconds"][1] < told["seconds"][0]


def test_operator_matches_the_scene_and_exports(run_blender: RunBlender, tmp_path: Path) -> None:
    """The buttons' operators: capture with the tick box on, then an FBX of the take."""
    target = tmp_path / "take.fbx"
    told = run_blender(f"""
settings.match_scene = True
settings.rotation_mode = "QUATERNION"
settings.first_frame = 101
captured = bpy.ops.pose2rig.capture()
action = context.object.animation_data.action
exported = bpy.ops.pose2rig.export(filepath={str(target)!r})
scene = context.scene
tell(
    captured=list(captured), exported=list(exported), range=list(action.frame_range),
    scene=[scene.frame_start, scene.frame_end], fps=scene.render.fps / scene.render.fps_base,
    mode=context.object.pose.bones["head"].rotation_mode,
)
""")
    assert told["captured"] == told["exported"] == ["FINISHED"]
    assert told["scene"] == told["range"]
    assert told["range"][0] >= 111
    assert told["fps"] == pytest.approx(5.0, rel=0.05)
    assert told["mode"] == "QUATERNION"
    assert target.stat().st_size > 100_000


def test_a_second_start_leaves_the_first_running(run_blender: RunBlender) -> None:
    """It is refused, and the capture under way is not ended by that."""
    told = run_blender("""
session.start(context)
run(until=lambda: status.done > 0)
try:
    session.start(context)
except Exception as error:
    message = str(error)
    session.refuse(context, error)
state, running = status.state, session.is_running()
session.cancel(context)
result, worst = run()
tell(message=message, state=state, running=running, result=result)
""")
    assert "already running" in told["message"]
    assert (told["state"], told["running"], told["result"]) == ("RUNNING", True, "CANCELLED")


def test_cancel_leaves_the_scene_alone(run_blender: RunBlender) -> None:
    """Cancelled in the middle: nothing added, and the next capture can start."""
    told = run_blender("""
session.start(context)
run(until=lambda: status.done > 0)
session.cancel(context)
during = status.state
result, worst = run()
tell(
    during=during, result=result, state=status.state, message=status.message,
    objects=len(bpy.data.objects), actions=len(bpy.data.actions), running=session.is_running(),
)
""")
    assert told["during"] == "CANCELLING"
    assert (told["result"], told["state"]) == ("CANCELLED", "CANCELLED")
    assert told["message"].startswith("Cancelled")
    assert (told["objects"], told["actions"], told["running"]) == (0, 0, False)


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_a_killed_worker_costs_a_message(run_blender: RunBlender) -> None:
    """The worker is killed in the middle: Blender lives, says so, and captures again."""
    told = run_blender("""
import signal
session.start(context)
run(until=lambda: status.done > 0)
os.kill(session._current[0].client.pid, signal.SIGKILL)
result, worst = run()
message, next_step, resume = status.message, status.next_step, session.can_resume(context)
session.start(context)
again, worst = run()
tell(result=result, message=message, next_step=next_step, again=again, resume=resume)
""")
    assert told["result"] == "FAILED"
    assert "ended unexpectedly (signal 9)" in told["message"]
    assert "engine.log" in told["next_step"]
    assert (told["resume"], told["again"]) == (False, "DONE")


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_a_killed_capture_is_resumed(run_blender: RunBlender, repository_dir: Path) -> None:
    """Offered for the same settings alone; it goes on where the last chunk ended, and once."""
    told = run_blender(
        f"""
import signal
settings.start = settings.end = 0
session.start(context)
out = session._current[0].job.out
run(until=lambda: session._unfinished and status.done >= {CHUNK_FRAMES})
os.kill(session._current[0].client.pid, signal.SIGKILL)
result, worst = run()
next_step = status.next_step
offered = [session.can_resume(context)]
settings.smooth = 0.9
offered.append(session.can_resume(context))
try:
    bpy.ops.pose2rig.capture(resume=True)
except RuntimeError as error:
    refused = str(error)
settings.smooth = 0.5
session.start(context, resume=True)
same = session._current[0].job.out == out
run(until=lambda: status.done > 0)
first = status.done
again, worst = run()
offered.append(session.can_resume(context))
frames = context.object["pose2rig_quality"]["frames"]
tell(
    result=result, next_step=next_step, offered=offered, refused=refused, same=same,
    first=first, again=again, frames=frames, message=status.message,
)
""",
        footage=str(repository_dir / "assets" / "demo.mp4"),
    )
    assert (told["result"], told["again"]) == ("FAILED", "DONE"), told
    assert told["next_step"].startswith("resume")
    assert told["offered"] == [True, False, False]
    assert "no capture to resume" in told["refused"]
    assert told["same"]
    assert told["first"] > CHUNK_FRAMES
    assert told["frames"] > 2 * CHUNK_FRAMES


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
def test_the_worker_ends_when_blender_does(run_blender: RunBlender) -> None:
    """Blender is killed in the middle of a capture: the worker is gone within seconds."""
    told = run_blender("""
import signal
session.start(context)
run(until=lambda: status.done > 0)
tell(pid=session._current[0].client.pid)
os.kill(os.getpid(), signal.SIGKILL)
""")
    end = time.monotonic() + 10.0
    while time.monotonic() < end:
        try:
            os.kill(told["pid"], 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived Blender")


def test_without_an_engine_capture_says_what_to_do(run_blender: RunBlender) -> None:
    """No interpreter, and one that is not there."""
    told = run_blender(
        """
errors = []
for python in ("", "/nowhere/python"):
    preferences.engine_python = python
    try:
        bpy.ops.pose2rig.capture()
    except RuntimeError as error:
        errors.append([str(error), status.state, status.next_step])
tell(errors=errors)
""",
    )
    assert len(told["errors"]) == 2
    for message, state, next_step in told["errors"]:
        assert "engine is not set up" in message
        assert state == "FAILED"
        assert "make demo" in next_step


@pytest.mark.parametrize("footage", ["", "/nowhere/clip.mp4"])
def test_without_footage_capture_says_so(run_blender: RunBlender, footage: str) -> None:
    """No path, and one where nothing is: an error before any worker starts."""
    told = run_blender(
        """
try:
    bpy.ops.pose2rig.capture()
except RuntimeError as error:
    tell(error=str(error), running=session.is_running())
""",
        footage=footage,
    )
    assert "there is no footage" in told["error"]
    assert not told["running"]


def test_footage_that_cannot_be_read_fails_with_the_workers_words(
    run_blender: RunBlender, tmp_path: Path
) -> None:
    """A text file named .mp4: the worker's one line reaches the panel."""
    path = tmp_path / "words.mp4"
    path.write_text("no video at all")
    told = run_blender(
        """
session.start(context)
result, worst = run()
tell(result=result, message=status.message, next_step=status.next_step)
""",
        footage=str(path),
    )
    assert told["result"] == "FAILED"
    assert "words.mp4" in told["message"]
    assert told["next_step"]


def test_an_engine_that_is_no_python_fails_readably(run_blender: RunBlender) -> None:
    """Some other program as interpreter: a failure, not a hang."""
    told = run_blender(
        """
session.start(context)
result, worst = run()
tell(result=result, message=status.message)
""",
        python="/bin/false",
    )
    assert told["result"] == "FAILED"
    assert "ended unexpectedly" in told["message"]
