"""The installed extension with the real worker: capture, cancel, death, and no engine.

Each test runs in a Blender process of its own, with its own folder of user files, in which the
built extension is installed as a user would.
"""

import os
import time
from pathlib import Path

import pytest

from .conftest import RunBlender

pytestmark = [pytest.mark.bpy, pytest.mark.slow]


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
message, next_step = status.message, status.next_step
session.start(context)
again, worst = run()
tell(result=result, message=message, next_step=next_step, again=again)
""")
    assert told["result"] == "FAILED"
    assert "ended unexpectedly (signal 9)" in told["message"]
    assert "engine.log" in told["next_step"]
    assert told["again"] == "DONE"


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
