"""Networks with their weights: devices, arrays in and out, and what a checkpoint brings along."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose2rig.core_inference.estimators.model_folder import ModelFolder
from pose2rig.core_inference.estimators.running import (
    GPU_BATCH,
    LoadedNetwork,
    NetworkLoader,
    choose_device,
)
from pose2rig.rigs.errors import EngineError, ModelFileError

from .checkpoint_files import random_state, vposer

CPU = torch.device("cpu")


class Said(NamedTuple):
    pose: Tensor
    camera: Tensor


class Tiny(nn.Module):
    """Sums and pictures, of several shapes."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(3, 4), persistent=False)

    def forward(self, image: Tensor, k: Tensor) -> Said:
        return Said(
            pose=image[:, :2, :3] * 2 + self.table[0, 0], camera=(image.sum((1, 2)) * k)[:, None]
        )


# --- devices -----------------------------------------------------------------------------------


def test_auto_and_cpu_are_there_everywhere() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("wanted", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named_with_those_that_are(
    wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(EngineError) as caught:
        choose_device(wanted)
    assert caught.value.what == f"--device {wanted} is not available"
    assert caught.value.expected == "cpu"


def test_auto_prefers_the_graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("cuda")


def test_a_processor_sees_one_at_a_time_and_a_card_several() -> None:
    assert LoadedNetwork(Tiny(), CPU, "0").batch_size == 1
    assert LoadedNetwork(Tiny(), torch.device("cuda"), "0").batch_size == GPU_BATCH > 1


# --- arrays in and out -------------------------------------------------------------------------


def test_fields_come_back_as_float32_arrays_of_their_own_shapes() -> None:
    random = np.random.default_rng(0)
    image = random.normal(size=(2, 4, 5)).astype(np.float32)
    k = np.array([1.0, -2.0], np.float32)
    out = LoadedNetwork(Tiny(), CPU, "0").run(image, k)
    assert isinstance(out, Said)
    np.testing.assert_array_equal(out.pose, image[:, :2, :3] * 2)
    np.testing.assert_allclose(out.camera, (image.sum((1, 2)) * k)[:, None], rtol=1e-5)
    assert {np.asarray(field).dtype for field in out} == {np.dtype(np.float32)}


def test_arrays_of_other_kinds_and_orders_are_taken_too() -> None:
    image = np.arange(40.0).reshape(5, 4, 2).transpose(2, 1, 0)
    out = LoadedNetwork(Tiny(), CPU, "0").run(image.astype(np.float64), np.ones(2))  # type: ignore[arg-type]
    np.testing.assert_array_equal(out.pose, image[:, :2, :3] * 2)


def test_a_licensed_buffer_is_filled() -> None:
    network = LoadedNetwork(Tiny(), CPU, "0")
    network.fill("table", np.full((3, 4), 7.0, np.float32))
    out = network.run(np.zeros((1, 4, 5), np.float32), np.ones(1, np.float32))
    np.testing.assert_array_equal(out.pose, np.full((1, 2, 3), 7.0))


def test_a_full_graphics_card_is_an_error_of_ours() -> None:
    class Greedy(nn.Module):
        def forward(self, image: Tensor) -> Said:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nlong tale")

    with pytest.raises(EngineError, match="out of memory") as caught:
        LoadedNetwork(Greedy(), CPU, "0").run(np.zeros((1, 2), np.float32))
    assert "\n" not in str(caught.value)
    assert "--device cpu" in caught.value.next_step


# --- the loader --------------------------------------------------------------------------------


def loader_of(path: Path) -> NetworkLoader:
    models = ModelFolder(root=path.parent, overrides={"vposer": path})
    return NetworkLoader(models=models, device=CPU, exact=True)


def test_a_network_is_loaded_ready_to_run(tmp_path: Path) -> None:
    path = tmp_path / "TR00_E096.pt"
    torch.save(random_state(vposer()), path)
    loader = loader_of(path)
    network = loader.load("vposer")
    z = np.random.default_rng(1).normal(size=(2, 32)).astype(np.float32)
    first, second = network.run(z), network.run(z)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.isfinite(one).all()
        assert len(one) == 2
    assert len(network.sha256) == 64
    assert loader.warnings == []


def test_unknown_keys_are_counted_and_a_strangers_text_is_tamed(tmp_path: Path) -> None:
    path = tmp_path / "TR00_E096.pt"
    state = random_state(vposer())
    strange = {f"odd\n\x1b[2J{k}" + "x" * 900: torch.zeros(1) for k in range(6)}
    torch.save({**state, **strange}, path)
    loader = loader_of(path)
    loader.load("vposer")
    ((code, message),) = loader.warnings
    assert code == "weights"
    assert "6 unknown keys" in message
    assert message.isprintable()
    assert len(message) < 500


def test_a_missing_checkpoint_says_where_to_get_it(tmp_path: Path) -> None:
    loader = NetworkLoader(models=ModelFolder(root=tmp_path), device=CPU, exact=True)
    with pytest.raises(ModelFileError, match="is missing") as caught:
        loader.load("hand4whole")
    assert "github.com" in caught.value.next_step
