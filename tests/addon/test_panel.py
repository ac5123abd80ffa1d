"""What the panel says of its settings, of a capture and of a take.

The panel draws into a layout that stands for Blender's: it takes what Blender's own would take
and keeps every text and property.
"""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .conftest import MakeClip

pytestmark = pytest.mark.bpy

WIDTH_PX = 280
CHARACTERS = 34
"""What the panel takes to fit into a line of that width."""

NOTE = "Its code is free; its weights came from data for research, and so are its results."


class Layout:
    """A layout without a window: refuses what Blender's would, keeps texts and properties.

    Panels within the panel are closed or `unfolded`.
    """

    def __init__(self, functions: Any, *, unfolded: bool) -> None:
        self.drawn: list[str] = []
        self._functions = functions
        self._unfolded = unfolded

    def prop(self, data: Any, field: str, **options: Any) -> None:
        self._check("prop", options)
        assert field in data.bl_rna.properties
        self.drawn.append(field)

    def label(self, **options: Any) -> None:
        self._check("label", options)
        self.drawn.append(options["text"])

    def operator(self, name: str, **options: Any) -> SimpleNamespace:
        self._check("operator", options)
        self.drawn.append(name)
        return SimpleNamespace()

    def panel(self, name: str, **options: Any) -> "tuple[Layout, Layout | None]":
        self._check("panel", options)
        return self, self if self._unfolded else None

    def part(self, **options: Any) -> "Layout":
        self._check("column", options)
        return self

    row = column = box = part

    def _check(self, function: str, options: dict[str, Any]) -> None:
        parameters = self._functions[function].parameters
        assert set(options) <= set(parameters.keys())
        if "icon" in options:
            assert options["icon"] in parameters["icon"].enum_items


@pytest.fixture
def file(empty_file):
    """An empty file with the extension's classes registered and its preferences there."""
    from pose2rig.addon.preferences import ROOT_PACKAGE
    from pose2rig.addon.registration import register, unregister

    register()
    addons = empty_file.context.preferences.addons
    addon = addons.new()
    addon.module = ROOT_PACKAGE
    yield empty_file
    addons.remove(addon)
    unregister()


@pytest.fixture
def status(file):
    """The status of the capture in that file."""
    return file.context.window_manager.pose2rig


def drawn(bpy: Any, *, unfolded: bool = False) -> list[str]:
    """Every text and property of the panel, from top to bottom."""
    from pose2rig.addon.panel import Pose2RigPanel

    context = SimpleNamespace(
        scene=bpy.context.scene,
        view_layer=bpy.context.view_layer,
        window_manager=bpy.context.window_manager,
        preferences=SimpleNamespace(
            addons=bpy.context.preferences.addons, system=SimpleNamespace(ui_scale=1.0)
        ),
        region=SimpleNamespace(width=WIDTH_PX),
    )
    layout = Layout(bpy.types.UILayout.bl_rna.functions, unfolded=unfolded)
    panel = SimpleNamespace(layout=layout)
    panel._draw_settings = partial(Pose2RigPanel._draw_settings, panel)
    Pose2RigPanel.draw(panel, context)
    return layout.drawn


def test_the_choices_are_the_engines_own(file) -> None:
    """Estimators and devices carry the names that the worker knows, in its order."""
    from pose2rig.addon.preferences import addon_preferences
    from pose2rig.core_inference.settings import DEVICES, ESTIMATORS

    def choices(data: Any, name: str) -> tuple[str, ...]:
        return tuple(item.identifier for item in data.bl_rna.properties[name].enum_items)

    settings = file.context.scene.pose2rig
    assert choices(settings, "estimator") == ESTIMATORS
    assert choices(addon_preferences(file.context), "device") == DEVICES
    assert settings.estimator == "landmarks"


def test_research_rows_stand_there_only_when_they_matter(file) -> None:
    """Models, device, precision and the agreement come with the estimator that needs them."""
    rows = {"model_folder", "device", "precision"}
    texts = drawn(file)
    assert "estimator" in texts
    assert not rows & set(texts) and "research_agreed" not in texts
    file.context.scene.pose2rig.estimator = "pose2pose"
    texts = drawn(file)
    assert rows < set(texts)
    assert texts.index("research_agreed") < texts.index("pose2rig.capture")


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
    ("estimator", "body_model", "words"),
    [
        ("landmarks", "open", "Licence: commercial use allowed"),
        ("hand4whole", "open", "Licence: non-commercial research"),
        ("landmarks", "smplx", "Licence: non-commercial research"),
    ],
)
def test_a_take_shows_its_licence(
    file, make_clip: MakeClip, estimator: str, body_model: str, words: str
) -> None:
    """One line for all, the whole note to unfold where something is forbidden."""
    take = add(file, make_clip, {"estimator": estimator, "licence_note": NOTE}, body_model)
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


def add(bpy: Any, make_clip: MakeClip, provenance: dict[str, str], body_model: str) -> Any:
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


def test_warnings_are_shown_but_for_licences_agreed_to(status) -> None:
    """What stands in the take is not said twice; everything else is."""
    from pose2rig.addon.capture_session import _show
    from pose2rig.core_inference.protocol import Warned

    _show(status, Warned(code="licence", message="for research"))
    _show(status, Warned(code="body_model", message="no hand mean"))
    _show(status, Warned(code="rootnet", message="no depth"))
    assert status.warnings == "no hand mean\nno depth"


def test_jitter_is_told_in_plain_units(empty_file) -> None:
    """The report's unit is 10 m/s3, the panel's is not."""
    from pose2rig.addon.panel import QUALITY_LABELS, quality_text

    shapes = {key: shape for key, _, shape in QUALITY_LABELS}
    assert quality_text("jitter_10m_s3", shapes["jitter_10m_s3"], 48.1) == "481 m/s\u00b3"
    assert quality_text("coverage", shapes["coverage"], 0.93) == "93% of them"
