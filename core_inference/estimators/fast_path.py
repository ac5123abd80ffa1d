"""Networks made faster, their outputs kept.

On a processor the convolutions run in OpenVINO, which fuses them with what follows; what lies
between them, where boxes and coordinates are made, stays in torch and in float32. On a graphics
card torch runs the network in the memory order that its convolutions like. Half precision is
faster again, and less exact: it is for who asks for it (benchmarks/README.md has its errors).

Legend: N images, C channels, H, W rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..networks.i2l_meshnet import PoseToFeature
from ..networks.resnet import ResNet, ResNetFeatures

if TYPE_CHECKING:
    import openvino as ov

    from .processor_graph import Precision

FEWEST_WEIGHTS = 2_000_000
"""A chain of fewer weights runs as fast in torch: a 1x1 convolution of 2048 to 512 channels on an
8x8 map took 1.4 ms there and 1.8 ms in a call of its own."""


def faster(network: nn.Module, device: torch.device, *, half: bool = False) -> nn.Module:
    """Return the network, in evaluation mode on its device, with faster parts.

    On the parity inputs its outputs stay within 0.5 degrees and 0.5 mm of the network's own, with
    `half` within 10 degrees and 20 mm. Without OpenVINO a processor only gets the memory order.
    """
    if device.type != "cpu":
        if half:
            network.forward = torch.autocast(device.type, torch.float16)(network.forward)
        return _by_channels(network)
    if not has_openvino():
        return _by_channels(network)
    from .processor_graph import Precision

    precision = Precision.SPLIT if has_matrix_units() else Precision.FLOAT32
    _replace_parts(network, Precision.BFLOAT16 if half else precision)
    return network


def has_openvino() -> bool:
    """Whether OpenVINO is there and loads."""
    try:
        from .processor_graph import Precision as _  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def has_matrix_units() -> bool:
    """Whether this processor multiplies bfloat16 matrices in units of their own (Intel's AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def _by_channels(network: nn.Module) -> nn.Module:
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


# --- processors --------------------------------------------------------------------------------

Builder = Callable[[tuple[int, ...]], "ov.CompiledModel"]
"""Makes the compiled model of a part for a shape (N,C,H,W)."""


class _Compiled(nn.Module):
    """A part of a network as OpenVINO runs it, two images at once or one.

    The model for a shape is made when the shape is first seen.
    """

    def __init__(self, build: Builder) -> None:
        super().__init__()
        self._build = build
        self._requests: dict[tuple[int, ...], ov.InferRequest] = {}

    def forward(self, batch_NCHW: Tensor) -> Tensor:
        """What the part gives for every image."""
        together = 2 if len(batch_NCHW) % 2 == 0 else 1
        shape = (together, *batch_NCHW.shape[1:])
        if shape not in self._requests:
            self._requests[shape] = self._build(shape).create_infer_request()
        request = self._requests[shape]
        results = [
            torch.from_numpy(request.infer([images.numpy()], True, share_outputs=True)[0]).clone()
            for images in batch_NCHW.contiguous().split(together)
        ]
        return results[0] if len(results) == 1 else torch.cat(results)


class _CompiledResNet(nn.Module):
    """A ResNet whose stem, stages and whole run compiled; its methods are those of `ResNet`."""

    def __init__(self, resnet: ResNet, precision: Precision) -> None:
        super().__init__()
        self._stem = _Compiled(_resnet_builder(resnet, precision, stages=False))
        self._stages = _Compiled(_resnet_builder(resnet, precision, stem=False))
        self._whole = _Compiled(_resnet_builder(resnet, precision))

    def stem(self, image_N3HW: Tensor) -> Tensor:
        """The early feature."""
        return self._stem(image_N3HW)

    def stages(self, early_NCHW: Tensor) -> Tensor:
        """The residual stages alone, from an early feature on."""
        return self._stages(early_NCHW)

    def features(self, image_N3HW: Tensor) -> ResNetFeatures:
        """Both the early and the last feature."""
        early = self.stem(image_N3HW)
        return ResNetFeatures(early=early, last=self.stages(early))

    def forward(self, image_N3HW: Tensor) -> Tensor:
        """The last feature."""
        return self._whole(image_N3HW)


def _replace_parts(module: nn.Module, precision: Precision) -> None:
    """Put compiled parts in place of backbones and of chains of convolutions.

    I2L-MeshNet's Gaussians stay: they read the weights of their convolution.
    """
    from .processor_graph import is_chain

    for name, child in list(module.named_children()):
        if isinstance(child, ResNet):
            setattr(module, name, _CompiledResNet(child, precision))
        elif isinstance(child, nn.Sequential) and is_chain(child):
            if sum(weight.numel() for weight in child.parameters()) >= FEWEST_WEIGHTS:
                setattr(module, name, _Compiled(_chain_builder(child, precision)))
        elif not isinstance(child, PoseToFeature):
            _replace_parts(child, precision)


def _chain_builder(chain: nn.Module, precision: Precision) -> Builder:
    from .processor_graph import Graph, apply

    def build(shape: tuple[int, ...]) -> ov.CompiledModel:
        graph = Graph(shape, precision)
        return graph.compile(apply(graph, graph.start, chain))

    return build


def _resnet_builder(
    resnet: ResNet, precision: Precision, *, stem: bool = True, stages: bool = True
) -> Builder:
    from .processor_graph import Graph, apply, apply_block

    def build(shape: tuple[int, ...]) -> ov.CompiledModel:
        graph = Graph(shape, precision)
        node = graph.start
        if stem:
            chain = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
            node = apply(graph, node, chain)
        if stages:
            for stage in (resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4):
                for block in stage:
                    node = apply_block(graph, node, block)
        return graph.compile(node)

    return build
