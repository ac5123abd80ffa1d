"""A network file of MediaPipe's (TFLite) made ready to run: an image in, its output arrays out.

It runs on LiteRT, and where that cannot be imported on OpenVINO, which gives the same float32
numbers but for rounding. A network that bears it may run in half precision (float16) where the
processor computes in it, which takes half the time; one whose last layers do not bear it runs in
half precision up to them. Outputs that nobody asked for are cut out of the network before it is
prepared, with every operation that serves them alone.
"""

from __future__ import annotations

import functools
import math
import platform
import struct
import sys
import tempfile
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import EngineError
from .tflite_graph import FILE_MARK, outputs_of, parsed, part_of, served_by, tensor_named

Float32 = NDArray[np.float32]
Places = tuple[int, ...] | None

MAX_FILE_BYTES = 64_000_000
"""No network file of ours is larger."""

_FORCE_HALF = 4
"""XNNPACK's flag to compute in float16 what a network gives in float32."""

_SIGNATURE = ""
"""LiteRT's name for the inputs and outputs of a network whose file names none."""

_HALF_FEATURES = {"avx512_fp16", "asimdhp"}
_MARK_PLACE = slice(4, 8)
_MALFORMED = (ValueError, RuntimeError, LookupError, TypeError, AttributeError, struct.error)


class _Network(Protocol):
    """A network in one of the runtimes; shape is its input's, with the batch."""

    shape: tuple[int, ...]

    def run(self, image: Float32) -> tuple[Float32, ...]: ...


class TfliteModel:
    """One network ready to run, by one thread at a time.

    content is the file; outputs are the wanted ones by their place in the file's own order, None
    for all; threads is how many the runtime may use for one image; half says that float16 is good
    enough, with a tensor's name: up to that tensor. Raises EngineError for a file that is no such
    network, and where no runtime is installed.
    """

    def __init__(
        self, content: bytes, *, outputs: Places = None, threads: int = 1, half: bool | str = False
    ) -> None:
        if len(content) > MAX_FILE_BYTES or content[_MARK_PLACE] != FILE_MARK:
            raise _unusable(f"{len(content)} bytes that are no TFLite file")
        try:
            self._network = _network(content, outputs, threads, half)
        except _MALFORMED as error:
            raise _unusable(f"{type(error).__name__}: {error}") from error
        if len(self._network.shape) != 4 or self._network.shape[3] != 3:
            raise _unusable(f"a network whose input is {self._network.shape}")

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width in px of the image it wants."""
        return self._network.shape[1], self._network.shape[2]

    def run(self, image_HW3: Float32) -> tuple[Float32, ...]:
        """Return the wanted outputs for one image (H,W,3) float32, in the order asked for.

        They are copies, without the leading axis of the batch. The image's range is the
        network's own.
        """
        return self._network.run(image_HW3)


def runtime_name() -> str:
    """Return the runtime in use, `LiteRT` or `OpenVINO`; raises EngineError where none loads."""
    return _runtime(half=False).name


@functools.cache
def computes_half() -> bool:
    """Tell whether this processor computes in float16 as such; where it does not say, False."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return not _HALF_FEATURES.isdisjoint(told.split())


class _LiteRt:
    """A network in LiteRT's interpreter."""

    name = "LiteRT"

    @staticmethod
    def load() -> Any:
        from ai_edge_litert import interpreter

        return interpreter

    def __init__(self, content: bytes, outputs: Places, threads: int) -> None:
        wanted = _with_outputs(content, outputs)
        network = self.load().Interpreter(model_content=wanted, num_threads=threads)
        network.allocate_tensors()
        entry = network.get_input_details()[0]
        self.shape = tuple(int(side) for side in entry["shape"])
        self._input = entry["index"]
        self._outputs = [output["index"] for output in network.get_output_details()]
        self._network = network

    def run(self, image: Float32) -> tuple[Float32, ...]:
        self._network.set_tensor(self._input, image[None])
        self._network.invoke()
        return tuple(self._network.get_tensor(index)[0] for index in self._outputs)


class _LiteRtHalf:
    """The same in float16, for processors that compute in it."""

    name = "LiteRT in half precision"

    @staticmethod
    def load() -> Any:
        from ai_edge_litert import compiled_model

        return compiled_model

    def __init__(self, content: bytes, outputs: Places, threads: int) -> None:
        from ai_edge_litert.options import CpuOptions, Options

        wanted = _with_outputs(content, outputs)
        half = CpuOptions(num_threads=threads, xnnpack_flags=_FORCE_HALF)
        network = self.load().CompiledModel.from_buffer(wanted, options=Options(cpu_options=half))
        (entry,) = network.get_input_tensor_details(_SIGNATURE).values()
        self.shape = tuple(int(side) for side in entry["shape"])
        details = network.get_output_tensor_details(_SIGNATURE).values()
        self._shapes = [tuple(int(side) for side in one["shape"]) for one in details]
        (self._input,) = network.create_input_buffers(0)
        self._outputs = network.create_output_buffers(0)
        self._network = network

    def run(self, image: Float32) -> tuple[Float32, ...]:
        self._input.write(image.ravel())
        self._network.run_by_index(0, [self._input], self._outputs)
        return tuple(
            output.read(math.prod(shape), np.float32).reshape(shape[1:])
            for output, shape in zip(self._outputs, self._shapes, strict=True)
        )


class _LiteRtPartlyHalf:
    """A network in float16 up to a tensor, and from there on as it is."""

    def __init__(self, content: bytes, outputs: Places, threads: int, name: str) -> None:
        model = parsed(content)
        start = tensor_named(model, name)
        late = served_by(model, start)
        all_outputs = outputs_of(model)
        wanted = all_outputs if outputs is None else [all_outputs[place] for place in outputs]
        early = [tensor for tensor in wanted if tensor not in late]
        ending = [tensor for tensor in wanted if tensor in late]
        self._first = _LiteRtHalf(part_of(model, [start, *early]), None, threads)
        self._last = _LiteRt(part_of(model, ending, start), None, threads)
        self._order = [[*early, *ending].index(tensor) for tensor in wanted]
        self.shape = self._first.shape

    def run(self, image: Float32) -> tuple[Float32, ...]:
        middle, *early = self._first.run(image)
        given = (*early, *self._last.run(middle))
        return tuple(given[place] for place in self._order)


class _OpenVino:
    """The same in OpenVINO, which reads network files from disk only."""

    name = "OpenVINO"

    @staticmethod
    def load() -> Any:
        # OpenVINO reports its own import to its makers where this package is found.
        sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
        import openvino

        return openvino

    def __init__(self, content: bytes, outputs: Places, threads: int) -> None:
        openvino = self.load()
        core = openvino.Core()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.tflite"
            path.write_bytes(content)
            model = core.read_model(path)
        if outputs is not None:
            results = model.get_results()
            wanted = [results[place] for place in outputs]
            model = openvino.Model(wanted, model.get_parameters())
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        network = core.compile_model(model, "CPU", options)
        self.shape = tuple(int(side) for side in network.inputs[0].shape)
        self._places = range(len(network.outputs))
        self._request = network.create_infer_request()

    def run(self, image: Float32) -> tuple[Float32, ...]:
        self._request.infer([image[None]])
        outputs = (self._request.get_output_tensor(place) for place in self._places)
        return tuple(output.data[0].copy() for output in outputs)


def _network(content: bytes, outputs: Places, threads: int, half: bool | str) -> _Network:
    runtime = _runtime(bool(half))
    if runtime is _LiteRtHalf and isinstance(half, str):
        return _LiteRtPartlyHalf(content, outputs, threads, half)
    return runtime(content, outputs, threads)


def _with_outputs(content: bytes, outputs: Places) -> bytes:
    """Return the network file with these outputs alone."""
    if outputs is None:
        return content
    model = parsed(content)
    given = outputs_of(model)
    return part_of(model, [given[place] for place in outputs])


def _runtime(half: bool) -> type[_LiteRt] | type[_LiteRtHalf] | type[_OpenVino]:
    problems: list[str] = []
    for runtime in (_LiteRtHalf if half and computes_half() else _LiteRt, _OpenVino):
        try:
            runtime.load()
        except (ImportError, OSError) as error:  # OSError: a library of its that is not there
            problems.append(f"{type(error).__name__}: {error}")
        else:
            return runtime
    raise EngineError(
        "the landmark models cannot run",
        expected="the package ai-edge-litert in the engine's environment",
        actual=problems[0],
        next_step="install the engine's packages there: "
        "python -m pip install -r requirements/engine.txt (README)",
    )


def _unusable(actual: str) -> EngineError:
    return EngineError(
        "a landmark model cannot be used",
        expected="a network for images, as a TFLite file",
        actual=actual,
        next_step="set the models up again: python -m pose2rig.core_inference.landmark_setup",
    )
