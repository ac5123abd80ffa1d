"""The landmark models: which files of MediaPipe's, where they lie, and that they are unaltered."""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...rigs.errors import EngineError
from .model_folder import ModelFolder

FOLDER = "landmarks"
"""Name of the models' folder inside a model folder and inside the engine's environment."""

SET_UP = "python -m pose2rig.core_inference.landmark_setup"
LICENCE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class LandmarkModel:
    """One network file: its short name, its place in MediaPipe's wheel, its size and its hash."""

    name: str
    place: str
    size_bytes: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's own name, under which it lies in our folder."""
        return self.place.rpartition("/")[2]


LANDMARK_MODELS = (
    LandmarkModel(
        name="pose_detection",
        place="mediapipe/modules/pose_detection/pose_detection.tflite",
        size_bytes=2_959_046,
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    ),
    LandmarkModel(
        name="pose_landmark",
        place="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        size_bytes=6_440_512,
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    ),
    LandmarkModel(
        name="hand_recrop",
        place="mediapipe/modules/holistic_landmark/hand_recrop.tflite",
        size_bytes=123_792,
        sha256="67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d",
    ),
    LandmarkModel(
        name="hand_landmark",
        place="mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
        size_bytes=5_478_917,
        sha256="11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
    ),
    LandmarkModel(
        name="face_landmark",
        place="mediapipe/modules/face_landmark/face_landmark.tflite",
        size_bytes=1_242_398,
        sha256="1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    ),
    LandmarkModel(
        name="iris_landmark",
        place="mediapipe/modules/iris_landmark/iris_landmark.tflite",
        size_bytes=2_640_568,
        sha256="d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
    ),
    LandmarkModel(
        name="palm_detection",
        place="mediapipe/modules/palm_detection/palm_detection_full.tflite",
        size_bytes=2_339_846,
        sha256="1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
    ),
    LandmarkModel(
        name="face_detection",
        place="mediapipe/modules/face_detection/face_detection_short_range.tflite",
        size_bytes=229_714,
        sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
)


@dataclass(frozen=True, kw_only=True)
class LandmarkModels:
    """The network files as read from one folder; each is exactly the one of LANDMARK_MODELS."""

    folder: Path
    contents: Mapping[str, bytes]

    def read(self, name: str) -> bytes:
        """Return the network file of this name."""
        return self.contents[name]

    @property
    def weights_sha256(self) -> str:
        """One sha256 over all files, in the order of LANDMARK_MODELS."""
        digest = hashlib.sha256()
        for model in LANDMARK_MODELS:
            digest.update(self.contents[model.name])
        return digest.hexdigest()


def engine_folder() -> Path:
    """Return where the set-up puts the models: inside the environment that runs this program.

    So they belong to the engine that needs them, and are gone when it is removed.
    """
    return Path(sys.prefix) / "share" / "pose2rig" / FOLDER


def find_folder(models: Path | None) -> Path:
    """Return the folder that the models are read from, whether or not it is whole.

    That is `landmarks` in the model folder in use (--models, else the one of
    `model_folder.default_folder`) where there is one, else the engine's own.
    """
    given = ModelFolder(models).folder / FOLDER
    return given if given.is_dir() else engine_folder()


def open_landmark_models(models: Path | None) -> LandmarkModels:
    """Read all landmark models and check them; models is the folder of --models.

    Raises EngineError for a file that is missing, unreadable or altered.
    """
    folder = find_folder(models)
    contents = {model.name: read_model(folder, model) for model in LANDMARK_MODELS}
    return LandmarkModels(folder=folder, contents=contents)


def read_model(folder: Path, model: LandmarkModel) -> bytes:
    """Return one network file of a folder; raises EngineError where it is not the known one."""
    path = folder / model.file_name
    try:
        with path.open("rb") as file:
            content = file.read(model.size_bytes + 1)
    except FileNotFoundError as error:
        raise _refused("is missing", model, f"no such file in {folder}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise _refused("cannot be read", model, f"{reason} ({path})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != model.sha256:
        raise _refused("is altered or broken", model, f"sha256 {found[:16]}... in {folder}")
    return content


def _refused(problem: str, model: LandmarkModel, actual: str) -> EngineError:
    return EngineError(
        f"a landmark model {problem}",
        expected=f"{model.file_name} of mediapipe 0.10.21, sha256 {model.sha256[:16]}...",
        actual=actual,
        next_step=f"run {SET_UP} with the engine's Python (README)",
    )
