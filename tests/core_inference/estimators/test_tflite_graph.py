"""Cutting a network file: the parts together give what the whole gives, bad cuts are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators import body_landmarks, tflite_model
from pose2rig.core_inference.estimators.landmark_models import LandmarkModels
from pose2rig.core_inference.estimators.regions import Patch, Region
from pose2rig.core_inference.estimators.tflite_graph import (
    outputs_of,
    parsed,
    part_of,
    served_by,
    tensor_named,
)
from pose2rig.core_inference.estimators.tflite_model import TfliteModel
from pose2rig.core_inference.footage import open_footage, read
from pose2rig.rigs.errors import EngineError

Float32 = NDArray[np.float32]

CUT: str = body_landmarks._HALF_UNTIL  # pyright: ignore[reportPrivateUsage]
SIDE_PX = 256
EARLY = (2, 3)
"""The silhouette and the heat maps, which leave the network before the cut."""


@pytest.fixture(scope="module")
def network(landmark_models: LandmarkModels) -> bytes:
    return landmark_models.read("pose_landmark")


@pytest.fixture(scope="module")
def image(demo_video: Path) -> Float32:
    """The person in the first frame of the bundled clip, (256,256,3), 0..1."""
    (frame,) = read(open_footage(demo_video), 0, 1)
    height, width = frame.image.shape[:2]
    region = Region(x=width / 2, y=height / 2, size=float(height), angle=0.0)
    return Patch(SIDE_PX).cut(frame.image, region)


def run(content: bytes, image: Float32) -> list[Float32]:
    """The outputs (1,...) in float32, in the file's order."""
    from ai_edge_litert.interpreter import Interpreter

    network: Any = Interpreter(model_content=content, num_threads=1)
    network.allocate_tensors()
    (entry,) = network.get_input_details()
    network.set_tensor(entry["index"], image)
    network.invoke()
    return [network.get_tensor(one["index"]) for one in network.get_output_details()]


def test_two_parts_one_after_the_other_give_exactly_what_the_whole_gives(
    network: bytes, image: Float32
) -> None:
    start = tensor_named(parsed(network), CUT)
    outputs, late = outputs_of(parsed(network)), served_by(parsed(network), start)
    early = [outputs[place] for place in EARLY]
    ending = [tensor for tensor in outputs if tensor in late]
    assert sorted(early + ending) == sorted(outputs)
    middle, *first = run(part_of(parsed(network), [start, *early]), image[None])
    last = run(part_of(parsed(network), ending, start), middle)
    parts = dict(zip([*early, *ending], [*first, *last], strict=True))
    assert middle.shape == (1, 8, 8, 864)
    for tensor, expected in zip(outputs, run(network, image[None]), strict=True):
        assert expected.std() > 0 or expected.size == 1
        np.testing.assert_array_equal(parts[tensor], expected)


def test_the_second_part_depends_on_what_it_is_given_alone(network: bytes, image: Float32) -> None:
    start = tensor_named(parsed(network), CUT)
    (middle,) = run(part_of(parsed(network), [start]), image[None])
    second = part_of(parsed(network), [outputs_of(parsed(network))[0]], start)
    (points,) = run(second, middle)
    np.testing.assert_array_equal(run(second, middle)[0], points)
    assert not np.array_equal(run(second, 0.5 * middle)[0], points)


def test_a_part_keeps_the_numbers_of_its_tensors_and_nothing_it_needs_not(network: bytes) -> None:
    start, outputs = tensor_named(parsed(network), CUT), outputs_of(parsed(network))
    wanted = [outputs[4], outputs[0]]
    second = part_of(parsed(network), wanted, start)
    assert outputs_of(parsed(second)) == wanted
    assert tensor_named(parsed(second), CUT) == start
    kept, all_late = served_by(parsed(second), start), served_by(parsed(network), start)
    assert set(wanted) < kept < all_late
    assert outputs[1] in all_late - kept


def test_a_tensor_is_known_by_the_first_of_its_names(network: bytes) -> None:
    with pytest.raises(LookupError, match="no such tensor"):
        tensor_named(parsed(network), "no such tensor")
    with pytest.raises(LookupError, match="re_lu_31"):
        tensor_named(parsed(network), CUT[:-1])


@pytest.mark.parametrize("place", EARLY)
def test_an_end_that_needs_more_than_the_start_is_refused(network: bytes, place: int) -> None:
    start, outputs = tensor_named(parsed(network), CUT), outputs_of(parsed(network))
    with pytest.raises(ValueError, match=f"need more than tensor {start}"):
        part_of(parsed(network), [outputs[0], outputs[place]], start)


def test_half_up_to_an_unknown_tensor_is_refused(
    network: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tflite_model, "computes_half", lambda: True)
    with pytest.raises(EngineError, match="no tensor is named no such tensor"):
        TfliteModel(network, half="no such tensor")


@pytest.mark.parametrize("wanted", [(4, 2, 0), (3,), (1, 0)])
def test_half_up_to_a_tensor_gives_the_outputs_in_the_order_asked_for(
    network: bytes, image: Float32, monkeypatch: pytest.MonkeyPatch, wanted: tuple[int, ...]
) -> None:
    monkeypatch.setattr(tflite_model, "computes_half", lambda: True)
    everything = TfliteModel(network, half=CUT).run(image)
    given = TfliteModel(network, outputs=wanted, half=CUT).run(image)
    assert len(given) == len(wanted)
    for place, output in zip(wanted, given, strict=True):
        np.testing.assert_array_equal(output, everything[place])
    single = TfliteModel(network).run(image)
    np.testing.assert_allclose(everything[0], single[0], rtol=0, atol=0.02 * SIDE_PX)
