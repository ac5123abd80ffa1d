"""Network files in both runtimes: the same numbers, only the outputs asked for, clear refusals."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators import tflite_model
from pose2rig.core_inference.estimators.landmark_models import LANDMARK_MODELS, LandmarkModels
from pose2rig.core_inference.estimators.tflite_model import (
    MAX_FILE_BYTES,
    TfliteModel,
    runtime_name,
)
from pose2rig.rigs.errors import EngineError

NAMES = [model.name for model in LANDMARK_MODELS]
SHAPES = {
    "pose_detection": [(2254, 12), (2254, 1)],
    "pose_landmark": [(195,), (1,), (256, 256, 1), (64, 64, 39), (117,)],
    "hand_recrop": [(1, 1, 4)],
    "hand_landmark": [(63,), (1,), (1,), (63,)],
    "face_landmark": [(1, 1, 1404), (1, 1, 1)],
    "iris_landmark": [(213,), (15,)],
    "palm_detection": [(2016, 18), (2016, 1)],
    "face_detection": [(896, 16), (896, 1)],
}
SIDES = {
    "pose_detection": 224,
    "pose_landmark": 256,
    "hand_recrop": 256,
    "hand_landmark": 224,
    "face_landmark": 192,
    "iris_landmark": 64,
    "palm_detection": 192,
    "face_detection": 128,
}


def image_for(model: TfliteModel, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((*model.input_size, 3), dtype=np.float32)


def computing_half(monkeypatch: pytest.MonkeyPatch, *, half: bool) -> None:
    monkeypatch.setattr(tflite_model, "computes_half", lambda: half)


def without_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_takes_its_image_and_gives_its_outputs(
    landmark_models: LandmarkModels, name: str
) -> None:
    model = TfliteModel(landmark_models.read(name))
    assert model.input_size == (SIDES[name], SIDES[name])
    outputs = model.run(image_for(model))
    assert [output.shape for output in outputs] == SHAPES[name]
    for output in outputs:
        assert output.dtype == np.float32
        assert np.isfinite(output).all()
        assert output.std() > 0 or output.size == 1


def test_wanted_outputs_alone_come_unchanged_and_in_the_order_asked_for(
    landmark_models: LandmarkModels,
) -> None:
    content = landmark_models.read("pose_landmark")
    whole, part = TfliteModel(content), TfliteModel(content, outputs=(4, 0, 1))
    image = image_for(whole)
    everything, wanted = whole.run(image), part.run(image)
    assert len(wanted) == 3
    for place, output in zip((4, 0, 1), wanted, strict=True):
        np.testing.assert_array_equal(output, everything[place])


def test_outputs_are_copies_and_depend_on_the_image_alone(landmark_models: LandmarkModels) -> None:
    model = TfliteModel(landmark_models.read("hand_recrop"))
    (first,) = model.run(image_for(model, 1))
    kept = first.copy()
    (other,) = model.run(image_for(model, 2))
    np.testing.assert_array_equal(first, kept)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(model.run(image_for(model, 1))[0], kept)


def test_the_number_of_threads_does_not_change_the_outputs(landmark_models: LandmarkModels) -> None:
    content = landmark_models.read("face_landmark")
    one, two = TfliteModel(content), TfliteModel(content, threads=2)
    image = image_for(one)
    np.testing.assert_allclose(one.run(image)[0], two.run(image)[0], rtol=0, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pose_landmark", "hand_landmark", "palm_detection"])
def test_openvino_gives_the_same_where_litert_does_not_load(
    landmark_models: LandmarkModels, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytest.importorskip("openvino")
    computing_half(monkeypatch, half=False)
    content, wanted = landmark_models.read(name), (1, 0)
    usual = TfliteModel(content, outputs=wanted)
    assert runtime_name() == "LiteRT"
    without_litert(monkeypatch)
    assert runtime_name() == "OpenVINO"
    fallback = TfliteModel(content, outputs=wanted)
    assert fallback.input_size == usual.input_size
    image = image_for(usual)
    for expected, found in zip(usual.run(image), fallback.run(image), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3 * np.abs(expected).max())


def test_without_any_runtime_the_error_names_the_package(
    landmark_models: LandmarkModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_litert(monkeypatch)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(EngineError, match=r"ai-edge-litert.*pip install -r") as caught:
        TfliteModel(landmark_models.read("hand_recrop"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("outputs", [None, (0,)])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04 not a network",
        b"\x1c\x00\x00\x00TFL3",
        b"\x1c\x00\x00\x00TFL3" + bytes(200),
        bytes(4) + b"TFL3" + b"\xff" * 200,
    ],
)
def test_what_is_no_network_is_refused(content: bytes, outputs: tuple[int, ...] | None) -> None:
    with pytest.raises(EngineError, match="landmark_setup"):
        TfliteModel(content, outputs=outputs)


def test_a_file_of_any_size_is_not_taken() -> None:
    with pytest.raises(EngineError, match=str(MAX_FILE_BYTES + 1)):
        TfliteModel(b"\x1c\x00\x00\x00TFL3".ljust(MAX_FILE_BYTES + 1, b"\0"))


def test_outputs_that_the_network_lacks_are_refused(landmark_models: LandmarkModels) -> None:
    with pytest.raises(EngineError):
        TfliteModel(landmark_models.read("hand_recrop"), outputs=(0, 7))


@pytest.mark.slow
def test_openvino_cannot_report_home() -> None:
    pytest.importorskip("openvino")
    code = (
        "import sys\n"
        "sys.modules['ai_edge_litert'] = None\n"
        "from pose2rig.core_inference.estimators.tflite_model import runtime_name\n"
        "assert runtime_name() == 'OpenVINO'\n"
        "loaded = [m for m in sys.modules if m.startswith('openvino_telemetry')]\n"
        "assert [sys.modules[m] for m in loaded] == [None], loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
