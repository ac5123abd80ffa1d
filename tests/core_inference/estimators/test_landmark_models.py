"""Where the landmark models are looked for, and that only the known files are accepted."""

import hashlib
import shutil
from pathlib import Path

import pytest

from pose2rig.core_inference.estimators.landmark_models import (
    LANDMARK_MODELS,
    LandmarkModels,
    engine_folder,
    find_folder,
    open_landmark_models,
)
from pose2rig.core_inference.estimators.model_folder import FOLDER_VARIABLE
from pose2rig.rigs.errors import EngineError


@pytest.fixture
def models_dir(
    landmark_models: LandmarkModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A model folder with a copy of the models in it, which is not the default one."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "elsewhere"))
    shutil.copytree(landmark_models.folder, tmp_path / "mine" / "landmarks")
    return tmp_path / "mine"


def test_the_table_names_every_file_once() -> None:
    for values in zip(
        *((model.name, model.place, model.file_name, model.sha256) for model in LANDMARK_MODELS),
        strict=True,
    ):
        assert len(set(values)) == len(LANDMARK_MODELS) == 8


def test_what_is_read_is_the_known_file(landmark_models: LandmarkModels) -> None:
    whole = hashlib.sha256()
    for model in LANDMARK_MODELS:
        content = landmark_models.read(model.name)
        assert len(content) == model.size_bytes
        assert hashlib.sha256(content).hexdigest() == model.sha256
        whole.update(content)
    assert landmark_models.weights_sha256 == whole.hexdigest()


def test_the_given_folder_comes_before_the_environments_and_the_engines_own(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert find_folder(None) == engine_folder()
    assert find_folder(models_dir) == models_dir / "landmarks"
    monkeypatch.setenv(FOLDER_VARIABLE, str(models_dir))
    assert find_folder(None) == models_dir / "landmarks"
    assert find_folder(tmp_path / "without") == engine_folder()
    assert open_landmark_models(None).folder == models_dir / "landmarks"


def test_a_missing_model_is_named_with_the_way_to_get_it(models_dir: Path) -> None:
    (models_dir / "landmarks" / "iris_landmark.tflite").unlink()
    with pytest.raises(EngineError, match=r"missing.*iris_landmark.*landmark_setup") as caught:
        open_landmark_models(models_dir)
    assert str(models_dir) in caught.value.actual


@pytest.mark.parametrize("change", ["a bit", "shorter", "longer", "a folder"])
def test_an_altered_model_is_refused(models_dir: Path, change: str) -> None:
    path = models_dir / "landmarks" / "hand_recrop.tflite"
    content = path.read_bytes()
    path.unlink()
    if change == "a folder":
        path.mkdir()
    else:
        changed = {"a bit": content[:-1] + b"?", "shorter": content[:-9], "longer": content + b"x"}
        path.write_bytes(changed[change])
    with pytest.raises(EngineError, match=r"hand_recrop.*landmark_setup"):
        open_landmark_models(models_dir)
