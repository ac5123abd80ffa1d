"""Cutting a network file (TFLite) into parts: outputs nobody wants, or everything before a point.

Tensors are numbered as in the file; a part keeps their numbers. A file is unpacked once, by
`parsed`, and never changed: that takes far longer than what is asked of it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

FILE_MARK = b"TFL3"

_NOTHING = -1
"""Stands among an operation's inputs for one that is left out."""


def parsed(content: bytes) -> Any:
    """Return a network file unpacked, as the functions below want it."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(content, 0)


def outputs_of(model: Any) -> list[int]:
    """Return the tensors that the network gives, in the file's order."""
    return [int(tensor) for tensor in model.subgraphs[0].outputs]


def tensor_named(model: Any, name: str) -> int:
    """Return the tensor of this name; raises LookupError where none has it.

    The converter joins the names of what it merged with semicolons; the first one counts.
    """
    for index, tensor in enumerate(model.subgraphs[0].tensors):
        if tensor.name.decode().partition(";")[0] == name:
            return index
    raise LookupError(f"no tensor is named {name}")


def served_by(model: Any, start: int) -> set[int]:
    """Return the tensors computed from this one and constants alone, itself among them."""
    graph = model.subgraphs[0]
    made = {tensor for operation in graph.operators for tensor in _numbers(operation.outputs)}
    constant = set(range(len(graph.tensors))) - made - set(_numbers(graph.inputs))
    served = {start}
    for operation in graph.operators:
        inputs = set(_numbers(operation.inputs)) - {_NOTHING}
        if inputs <= constant:
            constant.update(_numbers(operation.outputs))
        elif inputs <= constant | served:
            served.update(_numbers(operation.outputs))
    return served


def part_of(model: Any, outputs: Sequence[int], start: int | None = None) -> bytes:
    """Return the network file that gives these tensors, with the operations they need alone.

    start: the tensor that the part takes for its input, None for the network's own input. Raises
    ValueError where an output needs more than the start.
    """
    import flatbuffers

    part = copy.copy(model)
    graph = copy.copy(model.subgraphs[0])
    part.subgraphs = [graph]
    given = set(_numbers(graph.inputs)) if start is None else {start}
    needed = set(outputs)
    operations: list[Any] = []
    for operation in reversed(graph.operators):
        made = set(_numbers(operation.outputs))
        if not needed.isdisjoint(made) and given.isdisjoint(made):
            operations.append(operation)
            needed.update(_numbers(operation.inputs))
    if start is not None and not needed.isdisjoint(_numbers(graph.inputs)):
        raise ValueError(f"tensors {list(outputs)} need more than tensor {start}")
    graph.inputs, graph.outputs = sorted(given), list(outputs)
    graph.operators = operations[::-1]
    part.signatureDefs = None
    builder: Any = flatbuffers.Builder()
    builder.Finish(part.Pack(builder), FILE_MARK)
    return bytes(builder.Output())


def _numbers(tensors: Iterable[Any]) -> list[int]:
    return [int(tensor) for tensor in tensors]
