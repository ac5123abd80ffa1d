"""The checkpoint loader: the authors' files as they are, and files of something else."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from pose2rig.core_inference.estimators import weights_file
from pose2rig.core_inference.estimators.checkpoints import load_checkpoint, network_of
from pose2rig.core_inference.estimators.model_folder import file_sha256
from pose2rig.core_inference.networks.build import NETWORKS, build_network

from .checkpoint_files import (
    FORMATS,
    Write,
    assert_loaded,
    hollow_state,
    on_meta,
    random_state,
    refused,
    vposer,
    wrapped,
)

COPIED_TO_META = "ignore:.*copying from a non-meta parameter:UserWarning"


# --- files as they are -------------------------------------------------------------------------


@FORMATS
def test_the_authors_layout_is_loaded(write: Write, zipped: bool) -> None:
    module = vposer()
    state = random_state(module)
    path = write(wrapped(state), zipped=zipped)
    weights = load_checkpoint(path, module, "vposer")
    assert_loaded(module, state)
    assert (weights.epoch, weights.ignored) == (12, ())
    assert weights.sha256 == file_sha256(path)


@FORMATS
def test_a_plain_state_dict_is_loaded(write: Write, zipped: bool) -> None:
    module = vposer()
    state = random_state(module)
    encoder = {"bodyprior_enc_fc1.weight": torch.zeros(512, 63)}
    weights = load_checkpoint(write({**encoder, **state}, zipped=zipped), module, "vposer")
    assert_loaded(module, state)
    assert (weights.epoch, weights.ignored) == (None, ())


@pytest.mark.slow
@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_every_network_loads_its_own_file(write: Write, network: str) -> None:
    """Names and shapes through the loader; a network of zeros tells nothing of its numbers."""
    path = write(wrapped(hollow_state(network)))
    assert network_of(path) == network


PARITY = {"vposer_v1": "vposer"}
OFFICIAL = sorted(set(NETWORKS) - {"pose2pose_v1_body", "pose2pose_v1_hand", "vposer"})


@pytest.mark.slow
@pytest.mark.parametrize("folder", [*OFFICIAL, "vposer_v1"])
@pytest.mark.filterwarnings(COPIED_TO_META)
def test_the_official_names_are_all_accounted_for(
    write: Write, repository_dir: Path, folder: str
) -> None:
    """The lists of the official networks' tensors, and the body models I2L's files may hold."""
    manifest = repository_dir.parent / "shared" / "parity" / folder / "manifest.json"
    if not manifest.is_file():
        pytest.skip("no parity data at ../shared/parity")
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    body_key = "human_model_layer_keys_expected_from_reading_the_code"
    body = facts["checkpoint"].get(body_key, [])
    listed = facts["state_dict"] + [[*entry, "float32"][:3] for entry in body]
    state = {
        name: torch.zeros((), dtype=getattr(torch, dtype)).expand(shape)
        for name, shape, dtype in listed
    }
    path = write({"epoch": 6, "network": state, "optimizer": {}})
    network = PARITY.get(folder, folder)
    assert load_checkpoint(path, on_meta(network), network).ignored == ()
    assert network_of(path) == network


@pytest.mark.slow
@pytest.mark.parametrize("network", ["rootnet", "posenet_muco"])
def test_a_whole_network_gets_every_number(write: Write, network: str) -> None:
    module = build_network(network)
    state = random_state(module)
    load_checkpoint(write(wrapped(state)), module, network)
    assert_loaded(module, state)


def test_body_models_and_counters_in_the_file_are_passed_over(write: Write) -> None:
    module = vposer()
    extra = {
        f"{layer}.v_template": torch.full((4, 3), torch.nan)
        for layer in ("smpl_layer", "smplx_layer", "mano_layer", "flame_layer")
    }
    extra["human_model_layer.th_faces"] = torch.zeros(5, 3, dtype=torch.int64)
    weights = load_checkpoint(write(wrapped({**random_state(module), **extra})), module, "vposer")
    assert weights.ignored == ()


@pytest.mark.filterwarnings(COPIED_TO_META)
def test_counters_may_be_absent_as_in_files_before_torch_0_4_1(write: Write) -> None:
    state = hollow_state("rootnet", "module.")
    assert not [name for name in state if "num_batches" in name]
    path = write({"epoch": 18, "network": state})
    assert load_checkpoint(path, on_meta("rootnet"), "rootnet").epoch == 18


@pytest.mark.filterwarnings(COPIED_TO_META)
def test_the_hands_older_names_are_translated(write: Write) -> None:
    state = hollow_state("pose2pose_hand")
    old = {name.replace("backbone.", "hand_backbone.", 1): value for name, value in state.items()}
    assert "hand_backbone.conv1.weight" in old
    path = write(wrapped(old))
    assert load_checkpoint(path, on_meta("pose2pose_hand"), "pose2pose_hand").ignored == ()
    assert "backbone.conv1.weight" in refused(path, "pose2pose_body", on_meta("pose2pose_body"))


def test_a_tensor_under_both_names_is_refused(write: Write) -> None:
    state = hollow_state("pose2pose_hand")
    state["hand_backbone.conv1.weight"] = state["backbone.conv1.weight"]
    path = write(wrapped(state))
    assert "twice" in refused(path, "pose2pose_hand", on_meta("pose2pose_hand"))


def test_unknown_tensors_beside_a_whole_network_are_reported(write: Write) -> None:
    module = vposer()
    state = {**random_state(module), "discriminator.weight": torch.zeros(3)}
    weights = load_checkpoint(write(wrapped(state)), module, "vposer")
    assert weights.ignored == ("discriminator.weight",)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_become_float32(write: Write, dtype: torch.dtype) -> None:
    module = vposer()
    state = random_state(module)
    saved = {name: tensor.to(dtype) for name, tensor in state.items()}
    load_checkpoint(write(wrapped(saved)), module, "vposer")
    assert all(tensor.dtype == torch.float32 for tensor in module.state_dict().values())
    assert_loaded(module, {name: tensor.to(torch.float32) for name, tensor in saved.items()})


def test_an_epoch_that_is_no_number_is_none(write: Write) -> None:
    module = vposer()
    path = write(wrapped(random_state(module), epoch="last"))
    assert load_checkpoint(path, module, "vposer").epoch is None


# --- files of something else -------------------------------------------------------------------


def test_missing_unexpected_and_misshapen_tensors_are_counted_and_named(write: Write) -> None:
    state = random_state(vposer())
    del state["bodyprior_dec_fc1.weight"], state["bodyprior_dec_fc2.weight"]
    state["bodyprior_dec_out.bias"] = torch.zeros(9)
    state["stray"] = torch.zeros(1)
    message = refused(write(wrapped(state)))
    assert "2 missing (bodyprior_dec_fc1.weight, bodyprior_dec_fc2.weight)" in message
    assert "1 of another shape (bodyprior_dec_out.bias (9,) for (126,))" in message
    assert "1 unexpected (stray)" in message


def test_only_the_first_names_are_listed_and_none_runs_on(write: Write) -> None:
    state = {f"{i}\n{'x' * 500}": torch.zeros(1) for i in range(40)}
    message = refused(write(wrapped(state)))
    assert "40 unexpected" in message
    assert "..." in message


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("rootnet", "posenet_muco"),
        ("posenet_h36m", "posenet_muco"),
        ("posenet_muco", "rootnet"),
        ("pose2pose_body", "pose2pose_hand"),
        ("pose2pose_face", "hand4whole"),
        ("hand4whole", "pose2pose_body"),
        ("i2l_meshnet_hand", "i2l_meshnet_body"),
        ("vposer", "rootnet"),
        ("crowd3d_graphcnn", "vposer"),
    ],
)
def test_a_file_of_another_network_is_named(write: Write, held: str, wanted: str) -> None:
    message = refused(write(wrapped(hollow_state(held))), wanted, on_meta(wanted))
    assert f"is not a checkpoint of {wanted} but of {held}" in message
    assert f"use it as {held}" in message


def test_a_nearly_whole_file_of_another_network_is_named(write: Write) -> None:
    state = hollow_state("pose2pose_face")
    del state["backbone.conv1.weight"]
    path = write(wrapped(state))
    assert "but of pose2pose_face" in refused(path, "vposer")
    assert network_of(path) is None


def test_a_file_of_no_network_known_here_is_not_given_a_name(write: Write) -> None:
    path = write({"conv.weight": torch.zeros(3, 3)})
    assert "but of" not in refused(path)
    assert network_of(path) is None


def test_a_network_within_a_larger_file_is_not_taken_from_it(write: Write) -> None:
    """A file that holds all that is wanted, and all of something larger, is the larger one."""
    module = nn.Module()
    module.register_buffer("depth", torch.zeros(1))
    state = {**hollow_state("rootnet"), "depth": torch.zeros(1)}
    assert "but of rootnet" in refused(write(wrapped(state)), "vposer", module)


# --- values that are no weights ----------------------------------------------------------------


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_finite_are_refused(write: Write, value: float) -> None:
    state = random_state(vposer())
    state["bodyprior_dec_fc2.bias"][7] = value
    message = refused(write(wrapped(state)))
    assert "bodyprior_dec_fc2.bias" in message
    assert "nan or infinity" in message


def test_doubles_beyond_float32_are_refused(write: Write) -> None:
    state = random_state(vposer())
    state["bodyprior_dec_fc2.bias"] = torch.full((512,), 1e300, dtype=torch.float64)
    assert "nan or infinity" in refused(write(wrapped(state)))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.complex64])
def test_tensors_that_hold_no_floats_are_refused(write: Write, dtype: torch.dtype) -> None:
    state = random_state(vposer())
    state["bodyprior_dec_fc2.bias"] = torch.zeros(512, dtype=dtype)
    message = refused(write(wrapped(state)))
    assert "bodyprior_dec_fc2.bias" in message
    assert str(dtype).removeprefix("torch.") in message


@pytest.mark.parametrize(
    "value",
    [
        "text",
        [1.0],
        None,
        torch.zeros(512).to_sparse(),
        torch.zeros(512, device="meta"),
    ],
    ids=["text", "list", "none", "sparse", "meta"],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_values_that_are_no_plain_tensors_are_refused(write: Write, value: object) -> None:
    state: dict[str, Any] = {**random_state(vposer()), "bodyprior_dec_fc2.bias": value}
    refused(write(wrapped(state)))


@pytest.mark.parametrize(
    "obj",
    [
        torch.zeros(3),
        [torch.zeros(3)],
        {},
        {"network": None},
        {"network": {}},
        {"epoch": 3, "state_dict": {"a": torch.zeros(1)}},
        {1: torch.zeros(1)},
    ],
    ids=["tensor", "list", "empty", "none", "no-tensors", "other-wrapping", "number-as-name"],
)
@FORMATS
def test_objects_that_are_no_checkpoint_are_refused(
    write: Write, obj: object, zipped: bool
) -> None:
    refused(write(obj, zipped=zipped))


def test_a_claimed_shape_is_compared_before_its_numbers_are_touched(write: Write) -> None:
    state = random_state(vposer())
    state["bodyprior_dec_fc2.bias"] = torch.zeros(1).expand(1 << 20, 1 << 20, 1 << 10)
    message = refused(write(wrapped(state)))
    assert "1 of another shape (bodyprior_dec_fc2.bias (1048576, 1048576, 1024)" in message


def test_more_tensors_than_any_network_has_are_refused(write: Write) -> None:
    one = torch.zeros(1)
    many = {str(i): one for i in range(weights_file.MAX_ENTRIES + 1)}
    assert f"{len(many)} tensors" in refused(write(many))
