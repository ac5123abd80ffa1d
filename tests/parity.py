"""Compare the networks with what the authors' own code gave: `python tests/parity.py DIR`.

DIR holds one folder per network, with manifest.json (the checkpoint's tensors, the rule that fills
them, the input) and any number of expected_seed<N>.npz. The weights go to a real file and through
the product's loader. One line per output: NETWORK SEED OUTPUT max_abs_diff; exit 1 where one is
beyond its tolerance, missing, unknown or not finite, with the reason on stderr.
"""

import json
import math
import re
import sys
import tempfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from weight_rule import fill_state_dict, noise_image, smooth_image

from pose2rig.core_inference.estimators.checkpoints import load_checkpoint
from pose2rig.core_inference.networks.build import build_network
from pose2rig.rigs.errors import Pose2RigError

TOLERANCE = 1e-3
DEPTH_TOLERANCE = 1e-5
"""RootNet's depth, relative."""
NEAR_PI = 0.05
"""Axis-angle vectors whose angle is this near to pi (rad) may be given from the other side."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Manifest = Mapping[str, Any]
Inputs = tuple[Tensor, ...]
Reader = Callable[[Any], Tensor]


class Network(NamedTuple):
    """How a folder's network is built and fed, and where each of its outputs is found."""

    name: str
    outputs: Mapping[str, Reader]
    inputs: Callable[[Manifest, int], Inputs]
    prepare: Callable[[nn.Module], None] = lambda module: None


# ---- Outputs ------------------------------------------------------------------------------------


def _fields(*names: str, zeros: int = 0, scale: float = 1.0) -> Reader:
    """These fields in a row (N,F), then zeros."""

    def read(output: Any) -> Tensor:
        row = torch.cat([getattr(output, name).flatten(1) for name in names], dim=1)
        return torch.cat([scale * row, row.new_zeros(len(row), zeros)], dim=1)

    return read


_ROTATIONS = {
    *("smplx_root_pose", "smplx_body_pose", "smplx_lhand_pose", "smplx_rhand_pose"),
    *("smplx_jaw_pose", "smpl_pose", "mano_pose", "flame_root_pose", "flame_jaw_pose"),
    *("pose_param", "body_pose_aa"),
}

_SMPL = {
    "smpl_pose": _fields("global_orient", "body_pose", zeros=6),
    "smpl_shape": _fields("betas"),
    "cam_trans": _fields("cam_trans"),
}
_HAND4WHOLE = {
    "joint_img": _fields("joint_img"),
    "smplx_root_pose": _fields("global_orient"),
    "smplx_body_pose": _fields("body_pose"),
    "smplx_lhand_pose": _fields("left_hand_pose"),
    "smplx_rhand_pose": _fields("right_hand_pose"),
    "smplx_jaw_pose": _fields("jaw_pose"),
    "smplx_shape": _fields("betas"),
    "smplx_expr": _fields("expression"),
    "cam_trans": _fields("cam_trans"),
    "lhand_bbox": _fields("left_hand_box"),
    "rhand_bbox": _fields("right_hand_box"),
    "face_bbox": _fields("face_box"),
}
_POSE2POSE_HAND = {
    "joint_img": _fields("joint_img"),
    "mano_pose": _fields("global_orient", "hand_pose"),
    "mano_shape": _fields("betas"),
    "cam_trans": _fields("cam_trans"),
}
_POSE2POSE_FACE = {
    "flame_root_pose": _fields("global_orient"),
    "flame_jaw_pose": _fields("jaw_pose"),
    "flame_shape": _fields("betas"),
    "flame_expr": _fields("expression"),
    "cam_trans": _fields("cam_trans"),
}
_CROWD3D = _SMPL | {
    # Given in pixels of a 64x64 map.
    "joint_img_times8": _fields("joint_img", scale=8.0),
    "joint_score": _fields("joint_scores"),
}
_I2L_MESHNET = {
    "joint_coord_img": _fields("joint_img"),
    "mesh_coord_img": _fields("mesh_img"),
    "joint_img_from_mesh": _fields("mesh_joint_img"),
    "pose_param": _fields("pose"),
    "shape_param": _fields("betas"),
}
_VPOSER = {
    "body_pose_aa": _fields("body_pose"),
    "body_pose_matrot": _fields("matrices"),
}
_COORDINATES = {"coord": _fields("coordinates")}


# ---- Inputs -------------------------------------------------------------------------------------


def _image(manifest: Manifest, seed: int) -> Tensor:
    """The image of a seed; the manifest says which seeds are smooth, all others are noise."""
    given = manifest["input"]
    makers = {
        int(number): maker
        for numbers, maker in re.findall(r"seed ([\d, ]+):[^;]*?(make_\w+)", given["generator"])
        for number in numbers.split(",")
    }
    make = smooth_image if makers.get(seed) == "make_smooth_input" else noise_image
    return make(given["shape"] if "shape" in given else given["img"], seed)


def _plain(manifest: Manifest, seed: int) -> Inputs:
    return (_image(manifest, seed),)


def _normalised(manifest: Manifest, seed: int) -> Inputs:
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    return ((_image(manifest, seed) - mean) / deviation,)


def _normalised_with_k(manifest: Manifest, seed: int) -> Inputs:
    return (*_normalised(manifest, seed), torch.tensor(manifest["input"]["k_value"]))


def _with_joints(manifest: Manifest, seed: int) -> Inputs:
    image = _image(manifest, seed)
    joints = noise_image((len(image), 30, 2), 100 + seed) * 63
    mask = torch.ones(len(image), 30, 1)
    mask[:, 29] = 0.0
    return image, joints, mask


def _code(manifest: Manifest, seed: int) -> Inputs:
    return (torch.randn((4, 32), generator=torch.Generator().manual_seed(seed)),)


# ---- The stand-in for the licensed joint regressor of I2L-MeshNet -------------------------------

_MANO_ORDER = (0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20)


def _regressor(name: str, joints: int, vertices: int, extra: tuple[int, ...]) -> Tensor:
    """Sixteen vertices per joint with random weights, then single vertices."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    rows = torch.zeros(joints + len(extra), vertices)
    for row in rows[:joints]:
        chosen = torch.randperm(vertices, generator=generator)[:16]
        weights = torch.rand(16, generator=generator)
        row[chosen] = weights / weights.sum()
    rows[range(joints, len(rows)), extra] = 1.0
    return rows


def _give_body_regressor(module: nn.Module) -> None:
    extra = (331, 2802, 6262, 3489, 3990)
    module.joint_regressor = _regressor("synthetic_J_regressor_body", 24, 6890, extra)


def _give_hand_regressor(module: nn.Module) -> None:
    extra = (745, 317, 445, 556, 673)
    rows = _regressor("synthetic_J_regressor_hand", 16, 778, extra)
    module.joint_regressor = rows[list(_MANO_ORDER)]


# ---- Comparing ----------------------------------------------------------------------------------

_JOINT_IMG = {"joint_img": _fields("joint_img")}

NETWORKS = {
    "hand4whole": Network("hand4whole", _HAND4WHOLE, _plain),
    "pose2pose_body": Network("pose2pose_body", _SMPL | _JOINT_IMG, _plain),
    "pose2pose_hand": Network("pose2pose_hand", _POSE2POSE_HAND, _plain),
    "pose2pose_face": Network("pose2pose_face", _POSE2POSE_FACE, _plain),
    "crowd3d_graphcnn": Network("crowd3d_graphcnn", _CROWD3D, _with_joints),
    "vposer_v1": Network("vposer", _VPOSER, _code),
    "i2l_meshnet_body": Network("i2l_meshnet_body", _I2L_MESHNET, _plain, _give_body_regressor),
    "i2l_meshnet_hand": Network("i2l_meshnet_hand", _I2L_MESHNET, _plain, _give_hand_regressor),
    "rootnet": Network("rootnet", _COORDINATES, _normalised_with_k),
    "posenet_h36m": Network("posenet_h36m", _COORDINATES, _normalised),
    "posenet_muco": Network("posenet_muco", _COORDINATES, _normalised),
}


class Comparison(NamedTuple):
    """The largest difference of an output, and whether it is within its tolerance."""

    largest: float
    is_equal: bool


def _compare(network: str, output: str, found: Tensor, expected: Tensor) -> Comparison:
    if found.numel() != expected.numel() or len(found) != len(expected):
        return Comparison(math.nan, False)
    wanted = expected.flatten(1).double()
    found = found.flatten(1).double()
    if output in _ROTATIONS:
        found = _from_the_same_side(found, wanted)
    difference = (found - wanted).abs()
    allowed = torch.full_like(wanted, TOLERANCE)
    if network == "rootnet":
        allowed[:, 2] = DEPTH_TOLERANCE * wanted[:, 2].abs()
    # A comparison with nan is false.
    return Comparison(difference.max().item(), bool((difference <= allowed).all()))


def _from_the_same_side(found: Tensor, wanted: Tensor) -> Tensor:
    """Where the wanted angle is near pi, the same rotation's vector that is nearer to it."""
    found, wanted = found.unflatten(1, (-1, 3)), wanted.unflatten(1, (-1, 3))
    angle = found.norm(dim=-1, keepdim=True)
    other = found - 2 * math.pi * found / angle.clamp_min(NEAR_PI)
    is_near_pi = wanted.norm(dim=-1, keepdim=True) > math.pi - NEAR_PI
    is_nearer = (other - wanted).norm(dim=-1) < (found - wanted).norm(dim=-1)
    return torch.where(is_near_pi & is_nearer[..., None], other, found).flatten(1)


def _loaded(folder: Path, manifest: Manifest) -> nn.Module:
    """The folder's network with the rule's weights, through a file and the product's loader."""
    network = NETWORKS[folder.name]
    module = build_network(network.name)
    tensors = fill_state_dict(manifest["state_dict"], manifest["fill_scales"])
    is_plain = folder.name == "vposer_v1"
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / f"{folder.name}.pth.tar"
        torch.save(tensors if is_plain else {"epoch": 0, "network": tensors}, path)
        load_checkpoint(path, module, network.name)
    network.prepare(module)
    return module.eval()


def _check_seed(folder: Path, module: nn.Module, manifest: Manifest, path: Path) -> list[str]:
    """Print a line for each output; return what is wrong."""
    network = NETWORKS[folder.name]
    seed = int(path.stem.removeprefix("expected_seed"))
    inputs = network.inputs(manifest, seed)
    with np.load(path, allow_pickle=False) as stored:
        expected = {name: torch.from_numpy(stored[name]) for name in stored.files}
    wanted = {name: value for name, value in expected.items() if not name.startswith("mid_")}
    with torch.inference_mode():
        output = module(*inputs)
    found = {name: read(output) for name, read in network.outputs.items()}
    if "z" in wanted:
        found["z"] = inputs[0]
    wrong = [f"{folder.name} {seed} {name}: missing" for name in found if name not in wanted]
    for name, value in wanted.items():
        label = f"{folder.name} {seed} {name}"
        if name not in found:
            wrong.append(f"{label}: unknown output")
            continue
        comparison = _compare(folder.name, name, found[name], value)
        print(f"{label} {comparison.largest:.3e}", flush=True)
        if not comparison.is_equal:
            wrong.append(f"{label}: beyond its tolerance")
    return wrong


def _check_network(folder: Path, seeds: list[Path]) -> list[str]:
    if folder.name not in NETWORKS:
        return [f"{folder.name}: unknown network"]
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        module = _loaded(folder, manifest)
    except (OSError, ValueError, KeyError, Pose2RigError) as error:
        return [f"{folder.name}: {type(error).__name__}: {error}"]
    return [line for path in seeds for line in _check_seed(folder, module, manifest, path)]


def main(root: Path) -> int:
    """Compare every network found under root; 0 where all is equal."""
    found = {folder: sorted(folder.glob("expected_seed*.npz")) for folder in sorted(root.glob("*"))}
    wrong = [
        line for folder, seeds in found.items() if seeds for line in _check_network(folder, seeds)
    ]
    if not any(found.values()):
        wrong.append(f"{root}: no network with expected_seed*.npz")
    for line in wrong:
        print(f"parity: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/parity.py DIR")
    sys.exit(main(Path(sys.argv[1])))
