"""Fixtures of the training tests: the demo's motion, and people rendered from it."""

from pathlib import Path

import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.training.body_layer import OpenBodyLayer
from pose2rig.core_inference.training.clips import RenderedClips

from .samples import STUDIO


@pytest.fixture(scope="session")
def motion_clip(repository_dir: Path) -> Path:
    """The bundled clip's known motion."""
    return repository_dir / "assets" / "demo_motion.npz"


@pytest.fixture(scope="session")
def people(motion_clip: Path, body: BodyModel) -> RenderedClips:
    """Twenty rendered people."""
    return RenderedClips((motion_clip,), body, count=20, seed=3, studio=STUDIO)


@pytest.fixture(scope="session")
def layer(body: BodyModel) -> OpenBodyLayer:
    """The open body's points."""
    return OpenBodyLayer(body)
