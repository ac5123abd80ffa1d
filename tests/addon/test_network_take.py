"""Calibration and refinement: of takes and captures of research networks, and of no others."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import save_raw_take
from pose2rig.core_inference.motion.calibration import CalibrationWeights
from pose2rig.core_inference.motion.calibration_weights import BONES, save_weights
from pose2rig.core_inference.synthetic import exact_take
from pose2rig.core_inference.synthetic_meshes import regressed

from ..core_inference.known_motions import random_motion
from .captures import NAMES
from .conftest import Armature, Show
from .layout import draw, drawn

pytestmark = pytest.mark.bpy


def test_a_take_of_landmarks_has_nothing_to_calibrate(file, dancer: Armature) -> None:
    """Nor is it asked for, whatever the property holds."""
    from pose2rig.addon import process_session

    assert "calibrate" not in draw(file, unfolded=True).drawn
    dancer.pose2rig.calibrate, dancer.pose2rig.refine = "parallel", "never"
    assert not process_session.is_outdated(dancer)


@pytest.fixture
def network_raw(tmp_path: Path) -> Path:
    """A raw take with pose and mesh, as a research network leaves it."""
    body = load_open_body()
    known, time_s = random_motion(body, seed=5, seconds=1.0)
    pose = regressed(known, body, time_s, np.random.default_rng(6))
    path = tmp_path / "network.npz"
    take = replace(exact_take(known, body, time_s), pose=pose)
    save_raw_take(path, replace(take, provenance={**take.provenance, "estimator": "hand4whole"}))
    return path


def test_a_networks_take_is_calibrated_from_the_panel(
    file, dancer: Armature, network_raw: Path, tmp_path: Path
) -> None:
    """The engine's motion with the weights' hash; undo brings the sliders back, the file's too."""
    from pose2rig.addon import process_session
    from pose2rig.addon.take import PROVENANCE_PROPERTY

    weights = tmp_path / "weights.npz"
    even = np.full((len(load_open_body().v_template), len(BONES)), 1.0 / len(BONES))
    save_weights(weights, CalibrationWeights(share=even, along=even))
    provenance = json.loads(dancer[PROVENANCE_PROPERTY]) | {"estimator": "hand4whole"}
    for datablock in (dancer, dancer.animation_data.action):
        datablock[PROVENANCE_PROPERTY] = json.dumps(provenance)
    dancer["pose2rig_raw"] = str(network_raw)
    assert "calibration_weights" not in draw(file, unfolded=True).drawn
    file.ops.ed.undo_push(message="Capture")
    dancer.pose2rig.calibrate, dancer.pose2rig.calibration_weights = "parallel", str(weights)
    dancer.pose2rig.refine = "never"
    assert process_session.is_outdated(dancer)
    assert "calibration_weights" in draw(file, unfolded=True).drawn
    assert not {"calibrate", "calibration_weights"} & set(draw(file).drawn)
    file.ops.ed.undo_push(message="Calibrate")
    assert file.ops.pose2rig.reprocess() == {"FINISHED"}
    file.ops.ed.undo_push(message="Process Again")
    action = dancer.animation_data.action
    made = json.loads(action[PROVENANCE_PROPERTY])["motion"]
    assert (made["refine"], made["calibrate"], made["calibration_sha256"]) == (
        "never",
        "parallel",
        hashlib.sha256(weights.read_bytes()).hexdigest(),
    )
    assert not process_session.is_outdated(dancer)
    file.ops.ed.undo()
    sliders = file.data.objects[NAMES[0]].pose2rig
    assert (sliders.refine, sliders.calibrate, sliders.calibration_weights) == ("auto", "none", "")
    file.ops.ed.redo()
    dancer = file.data.objects[NAMES[0]]
    sliders = dancer.pose2rig
    assert (sliders.calibrate, sliders.calibration_weights) == ("parallel", str(weights))
    assert not process_session.is_outdated(dancer)


# --- of the next capture -----------------------------------------------------------------------


def test_only_a_networks_capture_offers_it_among_the_advanced(file) -> None:
    """The weights come with a calibration, and only then."""
    settings = file.context.scene.pose2rig
    settings.calibrate = "parallel"
    assert not {"calibrate", "calibration_weights", "hands"} & set(drawn(file))
    assert {"hands", "filter", "feet", "ground"} <= set(drawn(file, unfolded=True))
    assert "calibrate" not in drawn(file, unfolded=True)
    settings.estimator = "hand4whole"
    assert {"calibrate", "calibration_weights"} <= set(drawn(file, unfolded=True))
    settings.calibrate = "none"
    assert "calibration_weights" not in drawn(file, unfolded=True)


def test_a_capture_asks_for_what_its_estimator_can_do(file, tmp_path: Path) -> None:
    """Everything set reaches the engine; nothing that makes no sense there."""
    from pose2rig.addon.capture_session import _job

    settings = file.context.scene.pose2rig
    settings.hands, settings.feet, settings.filter = 0.25, "always", "one-euro"
    settings.ground = "off"
    settings.calibrate, settings.calibration_weights = "serial", "/w.npz"
    settings.refine = "never"

    def asked() -> dict[str, object]:
        return json.loads(_job(file.context, tmp_path / "a.mp4", tmp_path).to_json())

    motion = {"hands": 0.25, "feet": "always", "filter": "one-euro", "ground": "off"}
    usual = {"refine": "auto", "calibrate": "none", "calibration_weights": ""}
    assert asked().items() >= (motion | usual).items()
    settings.estimator = "pose2pose"
    wanted = {"refine": "never", "calibrate": "serial", "calibration_weights": str(Path("/w.npz"))}
    assert asked().items() >= (motion | wanted).items()
    settings.calibrate = "none"
    assert asked().items() >= {"calibrate": "none", "calibration_weights": ""}.items()


def test_the_list_of_people_remembers_the_weights(file, show: Show) -> None:
    """Taken out and put back, a take knows them again."""
    show(calibration_weights=Path("/w.npz"))
    for standing in (False, True):
        file.ops.pose2rig.pick_people(number=-1, standing=standing)
    for name in NAMES:
        assert file.data.objects[name].pose2rig.calibration_weights == str(Path("/w.npz"))
