"""The research networks from the panel's settings: agreement, missing models, a real capture.

The weights of the real capture are filled by a rule, so its motion is meaningless: files, shapes
and the way into the scene are what is tested.
"""

from pathlib import Path

import pytest

from .conftest import RunBlender

pytestmark = [pytest.mark.bpy, pytest.mark.slow]

CHOICES = """
settings.estimator = "hand4whole"
settings.start, settings.end = 10, 14
preferences.model_folder = {models!r}
preferences.device = "cpu"
preferences.research_agreed = {agreed!r}
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder for Hand4Whole: weights by rule, a body file of SMPL-X's layout."""
    pytest.importorskip("torch")
    pytest.importorskip("smplx")
    from ..research_models import write_bodies, write_checkpoint

    folder = tmp_path_factory.mktemp("models")
    write_checkpoint(folder, "hand4whole")
    write_bodies(folder)
    return folder


def test_nobody_uses_the_models_without_agreeing(run_blender: RunBlender, tmp_path: Path) -> None:
    """A script hears what to tick; no worker starts, and Landmarks asks for nothing."""
    told = run_blender(
        CHOICES.format(models=str(tmp_path), agreed=False)
        + """
storage = importlib.import_module(ROOT + ".addon.storage")
try:
    bpy.ops.pose2rig.capture()
except RuntimeError as error:
    message = str(error)
failed = dict(state=status.state, running=session.is_running(), next_step=status.next_step)
folders = storage.takes_folder().exists()
settings.estimator = "landmarks"
session.start(context)
running = session.is_running()
session.abandon()
tell(message=message, failed=failed, folders=folders, running=running)
"""
    )
    assert "non-commercial research" in told["message"]
    assert "research_agreed" in told["failed"]["next_step"]
    assert (told["failed"]["state"], told["failed"]["running"]) == ("FAILED", False)
    assert (told["folders"], told["running"]) == (False, True)


@pytest.mark.parametrize("folder", ["empty", "absent"])
def test_missing_weights_are_named_with_where_to_get_them(
    run_blender: RunBlender, tmp_path: Path, folder: str
) -> None:
    """The engine's own words reach the panel, before any frame is read."""
    pytest.importorskip("torch")
    (tmp_path / "empty").mkdir()
    told = run_blender(
        CHOICES.format(models=str(tmp_path / folder), agreed=True)
        + """
session.start(context)
result, worst = run()
tell(
    result=result, state=status.state, message=status.message, next_step=status.next_step,
    done=status.done, objects=len(bpy.data.objects),
)
"""
    )
    assert (told["result"], told["state"]) == ("FAILED", "FAILED")
    assert "hand4whole/snapshot_6.pth.tar" in told["message"]
    assert str(tmp_path / folder) in told["message"]
    assert "github.com/mks0601/Hand4Whole_RELEASE" in told["next_step"]
    assert (told["done"], told["objects"]) == (0, 0)


def test_hand4whole_from_footage_to_keys(
    run_blender: RunBlender, models: Path, tmp_path: Path
) -> None:
    """Real footage, real worker and network: keys on the licensed body's joints, and its licence.

    Nothing but the licence comes as a warning of the engine, and the panel leaves that to the take.
    """
    told = run_blender(
        CHOICES.format(models=str(models), agreed=True)
        + """
import numpy as np
settings.precision, settings.calibrate = "EXACT", "parallel"
session.start(context)
result, worst = run()
if result != "DONE":
    tell(result=result, message=status.message)
    sys.exit()
armature = context.object
clip = np.load(armature["pose2rig_clip"])
action = armature.animation_data.action
curves = action.layers[0].strips[0].channelbag(action.slots[0]).fcurves
provenance = json.loads(armature["pose2rig_provenance"])
tell(
    result=result, worst=worst, range=list(action.frame_range), curves=len(curves),
    finite=all(bool(np.isfinite(curve.evaluate(60))) for curve in curves),
    keys=sorted({len(curve.keyframe_points) for curve in curves}),
    pelvis=list(armature.data.bones["pelvis"].head_local),
    rest=clip["rest_joints"][0].tolist(), body_model=str(clip["body_model"]),
    frames=len(clip["poses"]), estimator=provenance["estimator"],
    exact=provenance["settings"]["exact"], calibrate=provenance["motion"]["calibrate"],
    shown=armature.pose2rig.calibrate, licence=armature["pose2rig_licence"],
    note=armature["pose2rig_licence_note"], warnings=status.warnings,
    modules=[name for name in ("torch", "smplx", "cv2", "scipy") if name in sys.modules],
)
"""
    )
    assert told["result"] == "DONE", told
    assert (told["body_model"], told["estimator"], told["exact"]) == ("smplx", "hand4whole", True)
    assert told["frames"] >= 3
    assert told["calibrate"] == told["shown"] == "parallel"
    first, last = told["range"]
    assert told["curves"] == 3 + 55 * 4 + 4  # and the contacts
    assert told["keys"] == [last - first + 1] and last > first
    assert told["finite"]
    x, y, z = told["rest"]
    assert told["pelvis"] == pytest.approx([x, -z, y], abs=1e-5)
    assert told["licence"] == "non-commercial research"
    assert "Hand4Whole" in told["note"]
    assert "licence" not in told["warnings"]
    assert told["modules"] == []
