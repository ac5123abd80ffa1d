"""All networks by name: the released tensors, the names others rely on."""

import json
from pathlib import Path

import pytest
import torch

from pose2rig.core_inference.networks.build import (
    NETWORKS,
    Hand4WholeSettings,
    Pose2PoseSettings,
    build_network,
    depth_scale_m,
)
from pose2rig.rigs.errors import UsageError

NAMES = [
    *("hand4whole", "pose2pose_body", "pose2pose_hand", "pose2pose_face"),
    *("pose2pose_v1_body", "pose2pose_v1_hand", "crowd3d_graphcnn", "vposer"),
    *("i2l_meshnet_body", "i2l_meshnet_hand", "rootnet", "posenet_h36m", "posenet_muco"),
]
FOLDERS = {name: name for name in NAMES if "v1" not in name} | {"vposer": "vposer_v1"}
LEFT_OUT = "bodyprior_enc_"


def test_every_network_has_its_name() -> None:
    assert list(NETWORKS) == NAMES


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(UsageError, match="hand5whole"):
        build_network("hand5whole")


@pytest.mark.parametrize("name", FOLDERS)
def test_tensors_are_those_of_the_released_network(name: str, shared_dir: Path) -> None:
    path = shared_dir / "parity" / FOLDERS[name] / "manifest.json"
    spec = json.loads(path.read_text(encoding="utf-8"))["state_dict"]
    released = {
        key.removeprefix("module."): (tuple(shape), dtype)
        for key, shape, dtype in spec
        if LEFT_OUT not in key
    }
    with torch.device("meta"):
        tensors = build_network(name).state_dict()
    ours = {
        key: (tuple(values.shape), str(values.dtype).removeprefix("torch."))
        for key, values in tensors.items()
    }
    assert ours == released


def test_the_defaults_are_the_released_choices() -> None:
    assert Hand4WholeSettings() == Hand4WholeSettings(
        wrist_input="body+mcp", rotation_input="3d+feature"
    )
    assert Pose2PoseSettings() == Pose2PoseSettings(pooling="ppp", axes=3)


@pytest.mark.parametrize(
    ("size_m", "height", "width", "expected"),
    [(2.5, 256, 192, 56.3819), (0.4, 256, 256, 7.8125), (0.4, 256, 192, 9.0211)],
)
def test_the_virtual_camera_is_the_released_one(
    size_m: float, height: int, width: int, expected: float
) -> None:
    assert depth_scale_m(size_m, height, width) == pytest.approx(expected, abs=5e-5)
