"""A model folder without licences: checkpoints filled by rule, body models of random numbers.

The motion that such networks see is meaningless; files, shapes and numbers are real.
"""

from pathlib import Path

import torch

from pose2rig.core_inference.networks.build import build_network

from .licensed_models import write_mano, write_smpl, write_smplx
from .weight_rule import fill_state_dict, spec_of

CHECKPOINTS = {
    "hand4whole": "hand4whole/snapshot_6.pth.tar",
    "pose2pose_body": "pose2pose/body.pth.tar",
    "pose2pose_hand": "pose2pose/hand.pth.tar",
    "pose2pose_face": "pose2pose/face.pth.tar",
    "i2l_meshnet_body": "i2l_meshnet/body.pth.tar",
    "rootnet": "rootnet/snapshot_18.pth.tar",
    "posenet_muco": "posenet/snapshot_24.pth.tar",
}
"""Network and its place in the model folder."""

SCALES = {
    "hand4whole": (
        (r"box_net\.(lhand|rhand|face)_size\.2\.weight", 0.15, 0.0),
        (r"box_net\.(lhand|rhand|face)_size\.2\.bias", 1.0, 1.5),
    ),
    "rootnet": (
        (r"root\.depth_layer\.weight", 0.1, 0.0),
        (r"root\.depth_layer\.bias", 1.0, 1.0),
    ),
}
"""What keeps boxes and depths positive."""


def write_checkpoint(folder: Path, network: str) -> Path:
    """Write a network's checkpoint, in the authors' layout, to its place in the folder."""
    path = folder / CHECKPOINTS[network]
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = spec_of(build_network(network))
    weights = fill_state_dict(spec, SCALES.get(network, ()))
    torch.save({"epoch": 0, "network": weights, "optimizer": {}}, path)
    return path


def write_bodies(folder: Path) -> None:
    """Write body models of the licensed ones' layout to their places in the folder."""
    for name, write in (
        ("smplx/SMPLX_NEUTRAL.npz", write_smplx),
        ("smpl/SMPL_NEUTRAL.npz", write_smpl),
        ("mano/MANO_RIGHT.npz", write_mano),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
