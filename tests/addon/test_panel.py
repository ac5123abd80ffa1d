"""What the panel says of its settings, of a capture and of a take."""

from pathlib import Path
from typing import Any

import pytest

from .conftest import MakeClip
from .layout import CHARACTERS, drawn

pytestmark = pytest.mark.bpy

NOTE = "Its code is free; its weights came from data for research, and so are its results."


@pytest.fixture
def status(file):
    """The status of the capture in that file."""
    return file.context.window_manager.pose2rig


def test_the_choices_are_the_engines_own(file) -> None:
    """They carry the names that the worker knows, in its order."""
    from pose2rig.addon.preferences import addon_preferences
    from pose2rig.core_inference.settings import DEVICES, ESTIMATORS, ROOTS

    def choices(data: Any, name: str) -> tuple[str, ...]:
        return tuple(item.identifier for item in data.bl_rna.properties[name].enum_items)

    settings = file.context.scene.pose2rig
    assert choices(settings, "estimator") == ESTIMATORS
    assert choices(addon_preferences(file.context), "device") == DEVICES
    assert choices(settings, "root") == ROOTS
    assert (settings.people, settings.estimator, settings.root) == ("all", "landmarks", "fit")


def test_research_rows_stand_there_only_when_they_matter(file) -> None:
    """Models, device, precision and the agreement come with the estimator that needs them."""
    rows = {"root", "model_folder", "device", "precision"}
    texts = drawn(file)
    assert {"people", "estimator"} < set(texts)
    assert not rows & set(texts) and "research_agreed" not in texts
    file.context.scene.pose2rig.estimator = "pose2pose"
    texts = drawn(file)
    assert rows < set(texts)
    assert texts.index("research_agreed") < texts.index("pose2rig.capture")


def test_rootnet_is_offered_where_there_are_models(file) -> None:
    """A model folder shows the choice; choosing it asks for what its weights need."""
    from pose2rig.addon.preferences import addon_preferences

    settings = file.context.scene.pose2rig
    addon_preferences(file.context).model_folder = "/models"
    texts = drawn(file)
    assert {"root", "model_folder"} < set(texts)
    assert not {"device", "precision", "research_agreed"} & set(texts)
    settings.root = "rootnet"
    addon_preferences(file.context).model_folder = ""
    assert {"root", "model_folder", "device", "precision", "research_agreed"} < set(drawn(file))


def test_the_agreement_is_asked_for_once(file) -> None:
    """The licence stands above its tick box until that is ticked, in lines that fit."""
    from pose2rig.addon.preferences import addon_preferences

    file.context.scene.pose2rig.estimator = "hand4whole"
    texts = drawn(file)
    said = " ".join(texts)
    assert "non-commercial research only" in said and "SMPL-X" in said
    assert max(map(len, texts)) <= CHARACTERS
    addon_preferences(file.context).research_agreed = True
    assert "non-commercial" not in " ".join(drawn(file))


@pytest.mark.parametrize(
    ("estimator", "root", "body_model", "words"),
    [
        ("landmarks", "fit", "open", "Licence: commercial use allowed"),
        ("landmarks", "rootnet", "open", "Licence: non-commercial research"),
        ("hand4whole", "fit", "open", "Licence: non-commercial research"),
        ("landmarks", "fit", "smplx", "Licence: non-commercial research"),
    ],
)
def test_a_take_shows_its_licence(
    file, make_clip: MakeClip, estimator: str, root: str, body_model: str, words: str
) -> None:
    """One line for all, the whole note to unfold where something is forbidden."""
    provenance = {"estimator": estimator, "licence_note": NOTE, "settings": {"root": root}}
    take = add(file, make_clip, provenance, body_model)
    folded, unfolded = drawn(file), drawn(file, unfolded=True)
    assert words in folded
    assert NOTE not in " ".join(folded)
    assert (NOTE in " ".join(unfolded)) == ("non-commercial" in words)
    assert max(map(len, unfolded)) <= CHARACTERS
    for datablock in (take.armature, take.action):
        assert datablock["pose2rig_licence_note"] == NOTE


def test_a_clip_without_a_note_shows_no_licence(file, make_clip: MakeClip) -> None:
    """Nothing is claimed that the clip does not say."""
    take = add(file, make_clip, {"program": "other"}, "open")
    assert "pose2rig_licence" not in take.armature
    assert "Licence" not in " ".join(drawn(file))


def add(bpy: Any, make_clip: MakeClip, provenance: dict[str, Any], body_model: str) -> Any:
    """Put a take with that provenance into the scene, its armature active."""
    from pose2rig.addon.sampling import FrameTiming
    from pose2rig.addon.take import TakeSettings, add_take
    from pose2rig.core_inference.clip import replaced

    clip = replaced(make_clip(frames=5), provenance=provenance, body_model=body_model)
    settings = TakeSettings(
        name="take",
        mode="AXIS_ANGLE",
        timing=FrameTiming(fps=24.0, first_frame=1),
        path=Path("take.npz"),
        quality={"frames": 5.0, "coverage": 1.0},
    )
    take = add_take(clip, settings, bpy.context.scene)
    bpy.context.view_layer.objects.active = take.armature
    return take


@pytest.mark.parametrize(
    ("stage", "text"), [("estimate", "Capturing 25%"), ("solve", "Solving 25%")]
)
def test_progress_names_the_stage(status, stage: str, text: str) -> None:
    """A worker's progress event as the bar shows it."""
    from pose2rig.addon.capture_session import _show
    from pose2rig.addon.panel import progress_text
    from pose2rig.core_inference.protocol import Progress

    _show(status, Progress(done=30, total=120, stage=stage, fps=9.0, eta_s=None))
    assert progress_text(status) == text


def test_people_are_counted_while_the_capture_runs(file, status) -> None:
    """As the worker finds them, beside the progress; no line before the first."""
    from pose2rig.addon.capture_session import _reset, _show
    from pose2rig.core_inference.protocol import Person

    _reset(status)
    assert "People found" not in " ".join(drawn(file))
    for number in range(3):
        _show(status, Person(id=number, first_frame=0, box=(0.0, 0.0, 9.0, 9.0)))
    assert "People found: 3" in drawn(file)
    _reset(status)
    assert "People found" not in " ".join(drawn(file))


def test_warnings_are_shown_but_for_licences_agreed_to(status) -> None:
    """What stands in the take is not said twice; everything else is."""
    from pose2rig.addon.capture_session import _show
    from pose2rig.core_inference.protocol import Warned

    _show(status, Warned(code="licence", message="for research"))
    _show(status, Warned(code="body_model", message="no hand mean"))
    _show(status, Warned(code="rootnet", message="no depth"))
    assert status.warnings == "no hand mean\nno depth"


FIGURES = {
    "frames": 270,
    "coverage": 0.93,
    "reprojection_px": 3.24,
    "jitter_10m_s3": 48.1,
    "foot_slide_cm_s": 0.44,
    "floor_penetration_cm": 0.0,
    "bone_length_cv": 6.7e-7,
}


def test_the_quality_card_says_figures_in_words(empty_file) -> None:
    """Each with that of the single frames, in plain units, on lines that fit."""
    from pose2rig.addon.take_panel import quality_lines

    before = {**FIGURES, "reprojection_px": 12.3, "jitter_10m_s3": 512.0, "foot_slide_cm_s": 33.0}
    lines = quality_lines({**FIGURES, "before": before, "worst_frame": 7})
    assert lines == [
        "Seen in 93% of 270 frames",
        "Off the picture 3.2 px (was 12.3)",
        "Feet slide 0.4 cm/s (was 33.0)",
        "Feet sink 0.0 cm (was 0.0)",
        "Jitter 481 m/s\u00b3 (was 5120)",
        "Bones vary 0.0% (was 0.0%)",
    ]
    assert max(map(len, lines)) <= CHARACTERS


def test_a_card_without_the_figures_before_tells_the_others(empty_file) -> None:
    """As of a take that an earlier version has captured."""
    from pose2rig.addon.take_panel import quality_lines

    assert quality_lines({"foot_slide_cm_s": 0.44, "frames": 3}) == ["Feet slide 0.4 cm/s"]
