"""A network made ready to learn: built by its settings, weights put in, parts held still."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch import nn

from ...rigs.errors import ModelFileError, UsageError
from ..estimators.checkpoints import load_checkpoint
from ..estimators.model_folder import ModelFolder
from ..estimators.weights_file import read_weights
from ..networks.build import (
    I2L_BODY,
    I2L_HAND,
    Hand4WholeSettings,
    I2LSettings,
    Pose2PoseSettings,
    Pose2PoseV1Settings,
    build_hand4whole,
    build_i2l_meshnet,
    build_network,
    build_pose2pose_body,
    build_pose2pose_hand,
    build_pose2pose_v1_body,
    build_pose2pose_v1_hand,
)
from ..networks.graph import JointGraphConv
from ..networks.i2l_meshnet import I2LMeshNet
from ..networks.resnet import ResNet
from ..networks.vposer import VPoser
from .config import TrainingSettings
from .meshes import LabelMesh

HEAD_DEVIATION = 0.001
"""Weights outside the backbone start normal with this deviation (I2L-MeshNet, section 4)."""

_BUILDERS: dict[str, tuple[Callable[[Any], nn.Module], Any]] = {
    "hand4whole": (build_hand4whole, Hand4WholeSettings()),
    "pose2pose_body": (build_pose2pose_body, Pose2PoseSettings()),
    "pose2pose_hand": (build_pose2pose_hand, Pose2PoseSettings()),
    "pose2pose_v1_body": (build_pose2pose_v1_body, Pose2PoseV1Settings()),
    "pose2pose_v1_hand": (build_pose2pose_v1_hand, Pose2PoseV1Settings()),
    "i2l_meshnet_body": (build_i2l_meshnet, I2L_BODY),
    "i2l_meshnet_hand": (build_i2l_meshnet, I2L_HAND),
}


def prepared_network(
    settings: TrainingSettings, mesh: LabelMesh | None, say: Callable[[str], None]
) -> nn.Module:
    """The network on the CPU, in training mode, with the weights that the settings name.

    Without `init`, heads start small and random, backbones from `backbone` where given. VPoser
    comes from the model folder; where that has none it learns with the rest, which is said.
    Raises ModelFileError and UsageError.
    """
    torch.manual_seed(settings.seed)
    network = _built(settings, mesh)
    if settings.init is not None:
        load_checkpoint(settings.init, network, settings.network)
    else:
        start_heads(network)
        if settings.backbone is not None:
            _load_backbones(network, settings.backbone)
        _load_prior(network, settings, say)
    if isinstance(network, I2LMeshNet) and mesh is not None:
        network.joint_regressor.copy_(torch.from_numpy(mesh.joint_regressor))
        # These stand in the checkpoints, but nothing goes through them.
        network.mesh_backbone.conv1.requires_grad_(False)
        network.mesh_backbone.bn1.requires_grad_(False)
    return network


def hold_still(network: nn.Module, frozen: tuple[str, ...]) -> None:
    """Training mode, but for the modules whose names begin so: they stay as they are.

    Raises UsageError for a name that is no module's.
    """
    network.train()
    for start in frozen:
        found = [m for name, m in network.named_modules() if f"{name}.".startswith(f"{start}.")]
        if not found:
            raise UsageError(
                f"freeze names {start!r}",
                expected=f"one of {', '.join(name for name, _ in network.named_children())}",
                actual="no such module",
                next_step="see docs/training.md",
            )
        for module in found:
            module.eval().requires_grad_(False)


def _built(settings: TrainingSettings, mesh: LabelMesh | None) -> nn.Module:
    if settings.network not in _BUILDERS:
        if settings.choices:
            raise _no_choice(settings.network, next(iter(settings.choices)), "no settings")
        return build_network(settings.network)
    build, released = _BUILDERS[settings.network]
    chosen = replace(released, **_checked(settings.network, released, settings.choices))
    if isinstance(chosen, I2LSettings) and mesh is not None:
        chosen = replace(chosen, vertices=mesh.count)
    return build(chosen)


def _checked(network: str, released: Any, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Choices among the settings that are a choice of words or numbers."""
    hints = get_type_hints(type(released))
    allowed = {
        field.name: get_args(hints[field.name])
        for field in fields(released)
        if get_origin(hints[field.name]) is Literal
    }
    for name, value in choices.items():
        if value not in allowed.get(name, ()):
            known = "; ".join(f"{key}: {', '.join(map(str, v))}" for key, v in allowed.items())
            raise _no_choice(network, f"{name} = {value!r}", known)
    return dict(choices)


def _no_choice(network: str, actual: str, expected: str) -> UsageError:
    return UsageError(
        f"{network} has no such choice",
        expected=expected,
        actual=actual,
        next_step="see docs/training.md",
    )


def start_heads(network: nn.Module) -> None:
    """Give heads the papers' start; backbones, graphs and VPoser keep torch's own."""
    kept = [m for m in network.modules() if isinstance(m, ResNet | VPoser | JointGraphConv)]
    inside = {id(part) for module in kept for part in module.modules()}
    for module in network.modules():
        is_layer = isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d)
        if is_layer and id(module) not in inside:
            nn.init.normal_(module.weight, std=HEAD_DEVIATION)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _load_backbones(network: nn.Module, path: Path) -> None:
    """Torchvision's classifier weights into every backbone of that size."""
    tensors = read_weights(path).tensors
    loaded = 0
    for module in network.modules():
        if isinstance(module, ResNet):
            wanted = module.state_dict()
            values = {name: tensors[name] for name in wanted if name in tensors}
            shapes = {n: v.shape for n, v in values.items() if not n.endswith("tracked")}
            if shapes == {n: v.shape for n, v in wanted.items() if not n.endswith("tracked")}:
                module.load_state_dict(values, strict=False)
                loaded += 1
    if not loaded:
        raise ModelFileError(
            f"{path.name} holds no backbone of this network",
            expected="torchvision's ResNet-50 or ResNet-18 weights",
            actual=f"{len(tensors)} other tensors",
            next_step="choose another `backbone` or leave it out",
        )


def _load_prior(network: nn.Module, settings: TrainingSettings, say: Callable[[str], None]) -> None:
    priors = [module for module in network.modules() if isinstance(module, VPoser)]
    path = ModelFolder(root=settings.models).find("vposer") if priors else None
    for prior in priors:
        if path is not None:
            load_checkpoint(path, prior, "vposer")
        else:
            prior.requires_grad_(True)
            say(
                "pose2rig: warning: no VPoser in the model folder: its decoder learns with the rest"
            )
