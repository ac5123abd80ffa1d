"""Fixtures of the inference core: the open body, and real footage captured once."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.footage import open_footage, read

from ..footage_samples import make_video
from .running import Ended, pose2rig


@dataclass(frozen=True, kw_only=True)
class Captured:
    """A capture through the command line: the footage, the folder and how it ended."""

    footage: Path
    out: Path
    end: Ended

    @property
    def clip(self) -> Path:
        """The clip file."""
        return self.out / "person_0.npz"

    @property
    def raw(self) -> Path:
        """The raw take."""
        return self.out / "raw" / "person_0.npz"


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The open body."""
    return load_open_body()


@pytest.fixture(scope="session")
def demo_video(repository_dir: Path, request: pytest.FixtureRequest) -> Path:
    """The bundled clip: one person, seen from head to foot."""
    path = repository_dir / "assets" / "demo.mp4"
    if path.is_file():
        return path
    shared_dir: Path = request.getfixturevalue("shared_dir")
    return shared_dir / "footage" / "video" / "juggle_fullbody_static.mp4"


@pytest.fixture(scope="session")
def captured(demo_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """The whole bundled clip, captured once."""
    out = tmp_path_factory.mktemp("captured") / "out"
    end = pose2rig("capture", demo_video, "--out", out, "--formats", "npz")
    return Captured(footage=demo_video, out=out, end=end)


@pytest.fixture(scope="session")
def person_video(demo_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of the bundled clip, small and quick to capture."""
    frames = [frame.image for frame in read(open_footage(demo_video), 0, 24)]
    halves = [np.ascontiguousarray(image[::2, ::2]) for image in frames]
    return make_video(tmp_path_factory.mktemp("person") / "person.mp4", halves, fps=24.0)
