"""MediaPipe's Holistic graph: pixels in, its landmarks and its own confidences out.

The graph is the one behind `mediapipe.solutions.holistic.Holistic`. It is driven here directly
because that class hides what an honest score needs and the graph computes anyway: how sure the
models are of body, hands and face, and the metric hand landmarks. Its smoothing is off: the raw
take holds what was seen, and a filter in the clock of the footage follows later.
"""

import importlib
import importlib.util
import warnings
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...rigs.errors import EngineError

Float32 = NDArray[np.float32]
Image = NDArray[np.uint8]

_GRAPH_FILE = "mediapipe/modules/holistic_landmark/holistic_landmark_cpu.binarypb"
WEIGHT_FILES = (
    "modules/pose_detection/pose_detection.tflite",
    "modules/pose_landmark/pose_landmark_full.tflite",
    "modules/holistic_landmark/hand_recrop.tflite",
    "modules/hand_landmark/hand_landmark_full.tflite",
    "modules/face_detection/face_detection_short_range.tflite",
    "modules/face_landmark/face_landmark_with_attention.tflite",
)
_POSE = "poselandmarkcpu__"
_LEFT = "handlandmarksleftandrightcpu__handlandmarksfromposecpu_1__handlandmarkcpu__"
_RIGHT = "handlandmarksleftandrightcpu__handlandmarksfromposecpu_2__handlandmarkcpu__"
_POINTS = {
    "body": "pose_landmarks",
    "body_world": "pose_world_landmarks",
    "left_hand": "left_hand_landmarks",
    "left_hand_world": _LEFT + "hand_world_landmarks",
    "right_hand": "right_hand_landmarks",
    "right_hand_world": _RIGHT + "hand_world_landmarks",
    "face": "face_landmarks",
}
_SCORES = {
    "body_score": _POSE
    + "poselandmarkbyroicpu__tensorstoposelandmarksandsegmentation__pose_presence_score",
    "left_hand_score": _LEFT + "hand_presence_score",
    "right_hand_score": _RIGHT + "hand_presence_score",
    "face_score": "facelandmarksfromposecpu__facelandmarkcpu__face_presence_score",
}
_SIDES = {"left_hand_side": _LEFT + "handedness", "right_hand_side": _RIGHT + "handedness"}
_MIRRORED_LABELS = {"left_hand_side": "Right", "right_hand_side": "Left"}
_DETECTOR_NODES = _POSE + "posedetectioncpu__"
_DETECTOR_INPUT = _POSE + "image_for_pose_detection"
_DETECTOR_OUTPUT = _POSE + "pose_detections"
_DETECTOR_SIDE_PX = 448


@dataclass(frozen=True, kw_only=True)
class HolisticResult:
    """One person as the graph reports it, None for a part it did not find.

    body (33,5) x, y, z, visibility, presence; hands (21,3) and face (478,3) x, y, z: x in image
    widths, y in image heights, z in image widths, away from the camera. *_world (33,5), (21,3)
    in m, camera axes. Scores 0..1; *_side how far the hand itself looks like one of that side.
    """

    body: Float32
    body_world: Float32
    body_score: float
    left_hand: Float32 | None = None
    left_hand_world: Float32 | None = None
    left_hand_score: float = 0.0
    left_hand_side: float = 0.0
    right_hand: Float32 | None = None
    right_hand_world: Float32 | None = None
    right_hand_score: float = 0.0
    right_hand_side: float = 0.0
    face: Float32 | None = None
    face_score: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Detection:
    """A person the detector sees: the middle of the hips and the radius around the body, px."""

    score: float
    x: float
    y: float
    radius: float


def weights_sha256() -> str:
    """Return the sha256 over the weights in use, in the order of WEIGHT_FILES."""
    digest = sha256()
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or not spec.submodule_search_locations:
        raise _missing("no such package")
    folder = Path(spec.submodule_search_locations[0])
    for name in WEIGHT_FILES:
        try:
            digest.update((folder / name).read_bytes())
        except OSError as error:
            raise _missing(f"{name}: {error.strerror}") from error
    return digest.hexdigest()


def _missing(actual: str) -> EngineError:
    return EngineError(
        "the landmark models cannot be loaded",
        expected="the package mediapipe 0.10.21 in the engine's environment",
        actual=actual,
        next_step="install it there with `pip install mediapipe==0.10.21` (Python 3.9 to 3.12)",
    )


def import_part(name: str) -> ModuleType:
    """Import a part of MediaPipe, whose own deprecation warnings are not ours to raise."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise _missing(f"{type(error).__name__}: {error}") from error


def points_from_bytes(message: bytes) -> Float32:
    """Read a serialised landmark list (N landmarks) into (N,3) or (N,5) float32.

    Each landmark is a record of one length: tag 0x0a, its size, and per value a tag byte and four
    bytes little-endian; a record of another layout means another version of MediaPipe.
    """
    size = message[1] + 2
    values = message[1] // 5
    if len(message) % size or message[1] % 5 or values < 3:
        raise EngineError(
            "the landmark models answer in an unknown layout",
            expected="landmarks of equal size",
            actual=f"{len(message)} bytes in records of {size}",
            next_step="install mediapipe==0.10.21 in the engine's environment",
        )
    record = np.dtype([("head", "u1", 2), ("values", [("tag", "u1"), ("value", "<f4")], values)])
    return np.frombuffer(message, dtype=record)["values"]["value"].astype(np.float32)


class _Graph:
    """A MediaPipe graph that takes one image at a time."""

    def __init__(self, config: Any, image_stream: str, side: dict[str, Any]) -> None:
        self._mediapipe: Any = import_part("mediapipe.python")
        self._image_stream = image_stream
        self._side = side
        self._packets: dict[str, Any] = {}
        self._clock_us = -1
        self._graph = self._mediapipe.CalculatorGraph(graph_config=config)

    def start(self, streams: tuple[str, ...]) -> None:
        for stream in streams:
            self._graph.observe_output_stream(stream, self._packets.__setitem__, False)
        self._graph.start_run(self._side)

    def run(self, image: Image, time_s: float) -> dict[str, Any]:
        """Send one image (H,W,3) uint8 RGB through and return the packets it made, by stream.

        The graph predicts where to look next by a filter in this clock.
        """
        self._packets.clear()
        self._clock_us = max(self._clock_us + 1, round(time_s * 1e6))
        packet = self._mediapipe.packet_creator.create_image_frame(
            image, image_format=self._mediapipe.ImageFormat.SRGB
        )
        self._graph.add_packet_to_input_stream(
            stream=self._image_stream, packet=packet.at(self._clock_us)
        )
        self._graph.wait_until_idle()
        return self._packets

    def restart(self) -> None:
        self._graph.close()
        self._clock_us = -1
        self._graph.start_run(self._side)

    def close(self) -> None:
        self._graph.close()


def _graph_config(folder: Path) -> Any:
    mediapipe: Any = import_part("mediapipe.python")
    import_part("mediapipe.python.solutions.holistic")
    messages: Any = import_part("mediapipe.framework.calculator_pb2")
    mediapipe.resource_util.set_resource_dir(str(folder))
    validated = mediapipe.ValidatedGraphConfig()
    validated.initialize(binary_graph_path=str(folder / _GRAPH_FILE))
    config = messages.CalculatorGraphConfig()
    config.ParseFromString(validated.binary_config)
    return config


def _package_parent() -> Path:
    return Path(str(import_part("mediapipe").__file__)).parent.parent


class HolisticGraph:
    """Body, hands and face of one person, followed from image to image."""

    def __init__(self) -> None:
        creator: Any = import_part("mediapipe.python.packet_creator")
        self._getter: Any = import_part("mediapipe.python.packet_getter")
        side = {
            "model_complexity": creator.create_int(1),
            "smooth_landmarks": creator.create_bool(False),
            "enable_segmentation": creator.create_bool(False),
            "smooth_segmentation": creator.create_bool(False),
            "refine_face_landmarks": creator.create_bool(True),
            "use_prev_landmarks": creator.create_bool(True),
        }
        try:
            self._graph = _Graph(_graph_config(_package_parent()), "image", side)
            self._graph.start((*_POINTS.values(), *_SCORES.values(), *_SIDES.values()))
        except (RuntimeError, ValueError, OSError) as error:
            raise _missing(f"{type(error).__name__}: {error}") from error

    def process(self, image: Image, time_s: float) -> HolisticResult | None:
        """Return the person in the image (H,W,3) uint8 RGB at this time of the clip, or None."""
        packets = self._graph.run(image, time_s)
        if _POINTS["body"] not in packets or _POINTS["body_world"] not in packets:
            return None
        points: dict[str, Any] = {
            name: points_from_bytes(self._getter.get_proto(packets[stream]).SerializeToString())
            for name, stream in _POINTS.items()
            if stream in packets
        }
        scores: dict[str, Any] = {
            name: self._getter.get_float(packets[stream])
            for name, stream in _SCORES.items()
            if stream in packets
        }
        sides: dict[str, Any] = {
            name: self._side(packets[stream], _MIRRORED_LABELS[name])
            for name, stream in _SIDES.items()
            if stream in packets
        }
        return HolisticResult(**points, **scores, **sides)

    def _side(self, packet: Any, label: str) -> float:
        """Return how sure the hand model is of a side; it names sides as in a mirror."""
        best = self._getter.get_proto(packet).classification[0]
        return float(best.score if best.label == label else 1.0 - best.score)

    def restart(self) -> None:
        """Forget the person followed so far; the next image takes about 0.1 s longer."""
        self._graph.restart()

    def close(self) -> None:
        """Release the models."""
        self._graph.close()


class PersonDetector:
    """The person detector of the same graph alone: everybody it sees in one image."""

    def __init__(self) -> None:
        config = _graph_config(_package_parent())
        alone = type(config)()
        alone.node.extend(n for n in config.node if n.name.startswith(_DETECTOR_NODES))
        alone.input_stream.append(_DETECTOR_INPUT)
        alone.output_stream.append(_DETECTOR_OUTPUT)
        self._getter: Any = import_part("mediapipe.python.packet_getter")
        try:
            self._graph = _Graph(alone, _DETECTOR_INPUT, {})
            self._graph.start((_DETECTOR_OUTPUT,))
        except (RuntimeError, ValueError, OSError) as error:
            raise _missing(f"{type(error).__name__}: {error}") from error

    def detect(self, image: Image) -> tuple[Detection, ...]:
        """Return everybody scored 0.5 or better in the image (H,W,3) uint8 RGB, best first."""
        height, width = image.shape[:2]
        step = max(1, max(height, width) // _DETECTOR_SIDE_PX)
        size = (max(1, width // step), max(1, height // step))
        small: Any = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        packets = self._graph.run(small, 0.0)
        if _DETECTOR_OUTPUT not in packets:
            return ()
        found: list[Detection] = []
        for message in self._getter.get_proto_list(packets[_DETECTOR_OUTPUT]):
            hips, edge = message.location_data.relative_keypoints[:2]
            radius = np.hypot((edge.x - hips.x) * width, (edge.y - hips.y) * height)
            found.append(
                Detection(
                    score=float(message.score[0]),
                    x=hips.x * width,
                    y=hips.y * height,
                    radius=float(radius),
                )
            )
        return tuple(found)

    def close(self) -> None:
        """Release the model."""
        self._graph.close()
