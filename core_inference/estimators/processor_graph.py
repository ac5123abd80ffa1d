"""Convolutions as OpenVINO graphs for the processor, in one of three precisions.

`split` is for processors whose matrix units multiply bfloat16 only: value and weight are each
written as a bfloat16 and a rest, w = w1 + w2 and x = x1 + x2, and w x is taken as w1 x1 + w2 x1 +
w1 x2, summed in float32. What is left out, w2 x2, is below float32's own rounding of such sums
(measured: 1e-5 of the largest output of a ResNet-50). Three fast products beat one slow one.

OpenVINO's plugin rounds to bfloat16 wherever it is allowed to; so every operation but those
products carries the mark that forbids it, which only the model's XML can hold. A sum is fused
into the product before it and keeps float32 only where that product comes last: so the largest
product is made last.

Legend: N images, C channels, H, W rows and columns.
"""

import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

# OpenVINO reports its own import to its makers where this package is found; nobody was asked.
sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]

import openvino as ov  # noqa: E402
from openvino import opset1, opset13  # noqa: E402

Float32 = NDArray[np.float32]
Node = Any
"""OpenVINO's nodes have no types to speak of."""

FEWEST_CHANNELS = 16
"""Matrix units are no use for an image's three colours: such a product stays in float32."""

_UNMARKED = ("Const", "Parameter", "Result")


class Precision(Enum):
    """How convolutions are computed: in float32, in its likeness (see above), or in bfloat16."""

    FLOAT32 = "f32"
    SPLIT = "split"
    BFLOAT16 = "bf16"


class Graph:
    """A graph under construction: its nodes hold float32 tensors (N,C,H,W)."""

    def __init__(self, shape: tuple[int, ...], precision: Precision) -> None:
        self.start: Node = opset13.parameter(list(shape), np.float32)
        self._precision = precision
        self._halves: set[str] = set()
        self._rests: dict[str, Node] = {}

    def convolution(
        self, node: Node, layer: "Folded", begin: list[int], end: list[int], plus: Node = None
    ) -> Node:
        """A convolution with its bias, padded by rows and columns at begin and end.

        plus: a node of the result's shape to add, as a residual block's shortcut.
        """
        strides = list(layer.stride)

        def product(values: Node, weight: Float32, half: bool) -> Node:
            made = opset13.convolution(
                values, opset13.constant(weight), strides, begin, end, [1, 1]
            )
            if half:
                made.set_friendly_name(f"half_{len(self._halves)}")
                self._halves.add(made.get_friendly_name())
            return made

        is_wide = layer.weight.shape[1] >= FEWEST_CHANNELS
        if self._precision is Precision.SPLIT and is_wide:
            first = _bfloat16(layer.weight)
            small = product(self._rest(node), first, half=True)
            if plus is not None:
                small = opset13.add(small, plus)
            small = opset13.add(product(node, layer.weight - first, half=True), small)
            result = opset13.add(product(node, first, half=True), small)
        else:
            half = self._precision is Precision.BFLOAT16
            result = product(node, layer.weight, half)
            if plus is not None:
                result = opset13.add(result, plus)
        return opset13.add(result, opset13.constant(layer.bias.reshape(1, -1, 1, 1)))

    def deconvolution(self, node: Node, layer: "Folded") -> Node:
        """A transposed 4x4 convolution of stride 2 as four 2x2 ones, one for every corner of the
        four pixels that a pixel becomes."""
        corners: list[Node] = []
        for down in (0, 1):
            for across in (0, 1):
                rows, columns = [3 - down, 1 - down], [3 - across, 1 - across]
                weight = layer.weight[:, :, rows][:, :, :, columns]
                corner = Folded(np.ascontiguousarray(weight), layer.bias, (1, 1), (0, 0))
                corners.append(
                    self.convolution(node, corner, [1 - down, 1 - across], [down, across])
                )
        return opset13.depth_to_space(opset13.concat(corners, 1), "blocks_first", 2)

    def compile(self, end: Node) -> ov.CompiledModel:
        """The graph from its start to a node, ready to run."""
        model = ov.Model([end], [self.start], "part")  # pyright: ignore[reportGeneralTypeIssues]
        core = ov.Core()
        options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if self._halves:
            model = _marked(core, model, self._halves)
            options["INFERENCE_PRECISION_HINT"] = "bf16"
        return core.compile_model(model, "CPU", options)

    def _rest(self, node: Node) -> Node:
        """What rounding to bfloat16 takes off a node's values."""
        name = node.get_friendly_name()
        if name not in self._rests:
            rounded = opset13.convert(opset13.convert(node, "bf16"), "f32")
            self._rests[name] = opset13.subtract(node, rounded)
        return self._rests[name]


class Folded:
    """A convolution with the norm behind it folded in: weight (out,in,H,W) and bias (out,)."""

    def __init__(
        self, weight: Float32, bias: Float32, stride: tuple[int, int], padding: tuple[int, int]
    ) -> None:
        self.weight, self.bias, self.stride, self.padding = weight, bias, stride, padding


def folded(layer: nn.Conv2d | nn.ConvTranspose2d, norm: nn.BatchNorm2d | None) -> Folded:
    """Fold a norm in evaluation mode into the layer before it."""
    is_transposed = isinstance(layer, nn.ConvTranspose2d)
    weight, bias = layer.weight.detach(), layer.bias
    if norm is not None:
        assert norm.running_mean is not None and norm.running_var is not None
        fused, bias = fuse_conv_bn_weights(
            layer.weight,
            layer.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
            transpose=is_transposed,
        )
        weight = fused.detach()
    if is_transposed:
        weight = weight.transpose(0, 1)
    zeros = torch.zeros(len(weight))
    return Folded(
        np.ascontiguousarray(weight.numpy()),
        (zeros if bias is None else bias.detach()).numpy(),
        (layer.stride[0], layer.stride[1]),
        (int(layer.padding[0]), int(layer.padding[1])),
    )


def apply(graph: Graph, node: Node, module: nn.Module, plus: Node = None) -> Node:
    """Add what a chain of convolutions, norms, ReLUs and max-pools does to a node.

    plus: a node to add to the result of the last layer, which is a convolution with its norm.
    """
    layers = [layer for layer in module.modules() if not list(layer.children())]
    for index, layer in enumerate(layers):
        following = layers[index + 1] if index + 1 < len(layers) else None
        norm = following if isinstance(following, nn.BatchNorm2d) else None
        if isinstance(layer, nn.Conv2d):
            convolution = folded(layer, norm)
            padding = list(convolution.padding)
            is_last = index + (1 if norm is None else 2) == len(layers)
            node = graph.convolution(node, convolution, padding, padding, plus if is_last else None)
        elif isinstance(layer, nn.ConvTranspose2d):
            node = graph.deconvolution(node, folded(layer, norm))
        elif isinstance(layer, nn.ReLU):
            node = opset13.relu(node)
        elif isinstance(layer, nn.MaxPool2d):
            node = opset1.max_pool(node, [2, 2], [1, 1], [1, 1], [3, 3])
    return node


def apply_block(graph: Graph, node: Node, block: nn.Module) -> Node:
    """Add what a residual block of `networks.resnet` does to a node."""
    children = dict(block.named_children())
    shortcut = children.get("downsample")
    kept = node if shortcut is None else apply(graph, node, shortcut)
    branch: list[nn.Module] = []
    for number in ("1", "2", "3"):
        if f"conv{number}" in children:
            branch += [children[f"conv{number}"], children[f"bn{number}"], nn.ReLU()]
    return opset13.relu(apply(graph, node, nn.Sequential(*branch[:-1]), plus=kept))


def is_chain(module: nn.Module) -> bool:
    """Whether `apply` knows every layer of a chain and there is a convolution in it."""
    layers = [layer for layer in module.modules() if not list(layer.children())]
    known = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU)
    fits = all(isinstance(layer, known) for layer in layers)
    deconvolutions = [layer for layer in layers if isinstance(layer, nn.ConvTranspose2d)]
    doubling = all(
        (layer.kernel_size, layer.stride, layer.padding) == ((4, 4), (2, 2), (1, 1))
        for layer in deconvolutions
    )
    return fits and doubling and any(isinstance(layer, known[:2]) for layer in layers)


def _bfloat16(values: Float32) -> Float32:
    return torch.from_numpy(values).bfloat16().float().numpy()


def _marked(core: ov.Core, model: ov.Model, halves: set[str]) -> ov.Model:
    """The model with every operation but `halves` marked to stay in float32."""
    with tempfile.TemporaryDirectory(prefix="pose2rig-") as folder:
        xml, weights = Path(folder) / "part.xml", Path(folder) / "part.bin"
        ov.serialize(model, xml, weights)
        tree = ElementTree.parse(xml)
        for layer in tree.iterfind("layers/layer"):
            if layer.get("type") in _UNMARKED or layer.get("name") in halves:
                continue
            facts = layer.find("rt_info")
            if facts is None:
                facts = ElementTree.Element("rt_info")
                layer.insert(0, facts)
            facts.append(ElementTree.Element("attribute", {"name": "precise", "version": "0"}))
        text = ElementTree.tostring(tree.getroot())
        return core.read_model(text, ov.Tensor(np.fromfile(weights, dtype=np.uint8)))
