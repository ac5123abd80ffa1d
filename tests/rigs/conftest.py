"""Fixtures of the retargeting tests: made characters, the measures of its benchmark, motions."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import load_open_body

Float64 = NDArray[np.float64]


@pytest.fixture
def made(repository_dir: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmarks' module of made characters."""
    monkeypatch.syspath_prepend(repository_dir / "benchmarks")
    return import_module("made_characters")


@pytest.fixture
def measures(repository_dir: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark of retargeting."""
    monkeypatch.syspath_prepend(repository_dir / "benchmarks")
    return import_module("retargeting")


@pytest.fixture(scope="session", name="rest_J3")
def open_body_rest() -> Float64:
    """The open body's joints (55,3) m at rest."""
    return np.asarray(load_open_body().rest_joints(np.zeros(10)), dtype=np.float64)
