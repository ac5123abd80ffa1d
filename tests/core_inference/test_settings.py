"""Capture settings: checked when made, with the defaults of the contract."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from pose2rig.core_inference.motion.stack import MotionSettings
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.rigs.errors import NotAvailableError, UsageError


def settings(**changes: Any) -> CaptureSettings:
    return CaptureSettings(footage=Path("clip.mp4"), out=Path("out"), **changes)


def test_the_defaults_are_the_contracts() -> None:
    made = settings()
    assert (made.person, made.estimator) == ("largest", "landmarks")
    motion = {"smooth": 0.5, "hands": 0.5, "filter": "zero-phase", "feet": "auto", "ground": "auto"}
    assert made.motion.as_json() == motion | {"refine": "auto"}
    assert (made.start, made.end, made.fov_deg, made.focal_px) == (None, None, None, None)
    assert made.wanted_formats == ("npz", "fbx")
    assert not made.overwrite
    assert not made.resume
    assert made.root == "fit"
    assert (made.models, made.checkpoints, made.device, made.exact) == (None, {}, "auto", False)


@pytest.mark.parametrize("estimator", ["hand4whole", "pose2pose", "i2l-meshnet"])
def test_the_papers_estimators_can_be_chosen(estimator: str) -> None:
    made = settings(estimator=estimator, models=Path("models"), device="cuda", exact=True)
    assert (made.estimator, made.device, made.exact) == (estimator, "cuda", True)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [(("fbx",), ("npz", "fbx")), (("npz",), ("npz",)), (("fbx", "npz"), ("npz", "fbx"))],
)
def test_npz_is_always_written(asked: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    assert settings(formats=asked).wanted_formats == wanted


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings().person = "all"  # type: ignore[misc]


@pytest.mark.parametrize("person", ["largest", "all", "0", "12"])
def test_one_person_everybody_or_a_number_can_be_asked_for(person: str) -> None:
    assert settings(person=person).person == person


@pytest.mark.parametrize("smooth", [0.0, 0.5, 1.0])
def test_strengths_from_0_to_1_are_accepted(smooth: float) -> None:
    assert settings(motion=MotionSettings(smooth=smooth)).motion.smooth == smooth


@pytest.mark.parametrize(
    "changes",
    [
        {"motion": MotionSettings(smooth=-0.01)},
        {"motion": MotionSettings(smooth=float("nan"))},
        {"motion": MotionSettings(hands=1.01)},
        {"motion": MotionSettings(hands=float("nan"))},
        {"motion": MotionSettings(feet="bare")},
        {"motion": MotionSettings(ground="high")},
        {"motion": MotionSettings(refine="always")},
        {"start": -1},
        {"end": 0},
        {"start": 4, "end": 4},
        {"fov_deg": 0.5},
        {"fov_deg": float("nan")},
        {"focal_px": 0.0},
        {"focal_px": float("inf")},
        {"fov_deg": 50.0, "focal_px": 900.0},
        {"estimator": "oracle"},
        {"device": "abacus"},
        {"formats": ("gif",)},
        {"person": "second"},
        {"person": "-1"},
        {"person": ""},
        {"person": "\u00b2"},
        {"person": "1234567"},
        {"root": "sky"},
        {"resume": True, "overwrite": True},
    ],
)
def test_what_makes_no_sense_is_wrong_usage(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="makes no sense; expected") as caught:
        settings(**changes)
    assert not isinstance(caught.value, NotAvailableError)


@pytest.mark.parametrize(
    "changes",
    [
        {"formats": ("npz", "bvh")},
        {"formats": ("usd",)},
    ],
)
def test_what_a_later_version_brings_says_so(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAvailableError, match="not available in this version"):
        settings(**changes)
