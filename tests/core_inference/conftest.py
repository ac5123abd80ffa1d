"""Fixtures of the inference core: the open body, and real footage captured once."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference import VERSION
from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import RawTake, load_raw_take, save_clip, save_raw_take
from pose2rig.core_inference.estimators.landmark_models import (
    LandmarkModels,
    open_landmark_models,
)
from pose2rig.core_inference.footage import open_footage, read
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.synthetic import exact_take

from ..footage_samples import make_video
from .known_motions import random_motion
from .running import Ended, pose2rig

FIRST_FRAME = 12
UNSEEN = slice(40, 46)
BOTH = ["known motion", pytest.param("capture", marks=pytest.mark.slow)]

Arrays = dict[str, NDArray[Any]]


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


@dataclass(frozen=True, kw_only=True)
class Files:
    """A clip file and the raw take it was made from."""

    clip: Path
    raw: Path


def rows_of(take: RawTake, keep: NDArray[np.int64], first_frame: int) -> RawTake:
    """Only some rows of a take, as if nobody had been seen in the others."""
    names = ("boxes", "joints2d", "scores", "landmarks2d", "landmarks3d", "landmark_scores")
    return RawTake(
        **{name: getattr(take, name)[keep] for name in names},
        frame_index=take.frame_index[keep] + first_frame,
        time_s=take.time_s[keep],
        landmark_names=take.landmark_names,
        image_size=take.image_size,
        frame_rate=take.frame_rate,
        focal_px=take.focal_px,
        provenance={
            "program": f"pose2rig {VERSION}",
            "estimator": "landmarks",
            "weights_sha256": "0" * 64,
            "footage_sha256": "0" * 64,
            "licence_note": "made by a test",
            "settings": {},
        },
        camera_rotation=None if take.camera_rotation is None else take.camera_rotation[keep],
        camera_place=None if take.camera_place is None else take.camera_place[keep],
        camera_zoom=None if take.camera_zoom is None else take.camera_zoom[keep],
    )


@pytest.fixture(scope="session")
def body() -> BodyModel:
    """The open body."""
    return load_open_body()


@pytest.fixture(scope="session")
def landmark_models() -> LandmarkModels:
    """The landmark models of this environment, set up as for users."""
    return open_landmark_models(None)


@pytest.fixture(scope="session")
def known_files(body: BodyModel, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A known motion as a take whose person is out of sight for six frames."""
    motion, time_s = random_motion(body, seed=1, seconds=3.0)
    rows = np.delete(np.arange(len(time_s)), UNSEEN)
    raw = rows_of(exact_take(motion, body, time_s), rows, FIRST_FRAME)
    folder = tmp_path_factory.mktemp("known")
    files = Files(clip=folder / "clip.npz", raw=folder / "raw.npz")
    save_raw_take(files.raw, raw)
    save_clip(files.clip, process(load_raw_take(files.raw), body, MotionSettings()))
    return files


@pytest.fixture(scope="session")
def demo_video(repository_dir: Path) -> Path:
    """The bundled clip: one person, seen from head to foot."""
    return repository_dir / "assets" / "demo.mp4"


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


@pytest.fixture(params=BOTH)
def files(request: pytest.FixtureRequest) -> Files:
    if request.param == "known motion":
        return request.getfixturevalue("known_files")
    captured: Captured = request.getfixturevalue("captured")
    return Files(clip=captured.clip, raw=captured.raw)


@pytest.fixture
def arrays(files: Files) -> Arrays:
    """The clip file as any program reads it."""
    with np.load(files.clip, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.fixture
def raw_arrays(files: Files) -> Arrays:
    with np.load(files.raw, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
