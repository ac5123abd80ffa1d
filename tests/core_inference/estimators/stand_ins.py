"""Doubles at the networks' border: what a network says is numbers, here chosen by the test."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.estimators import topology
from pose2rig.core_inference.estimators.base import Landmarks, PersonPose, State, TakeBody
from pose2rig.core_inference.estimators.bodies import ResearchBody
from pose2rig.core_inference.estimators.research import PosedPeople, Sighting
from pose2rig.core_inference.estimators.running import LoadedNetwork
from pose2rig.core_inference.footage import Frame
from pose2rig.core_inference.licensed_body import LicensedBody
from pose2rig.rigs.skeleton import JOINT_COUNT

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Box = tuple[float, float, float, float]
Image = NDArray[np.uint8]


class ChosenNetwork(LoadedNetwork):
    """A loaded network whose outputs the test chooses, from the inputs where it likes."""

    def __init__(self, answer: Callable[..., dict[str, Any]], batch_size: int = 1) -> None:
        self.sha256 = "a" * 64
        self.batch_size = batch_size
        self.inputs: list[tuple[Float32, ...]] = []
        self.filled: dict[str, Float32] = {}
        self._answer = answer

    def run(self, *inputs: Float32) -> Any:
        """Remember the inputs; the chosen fields as float32, as a network's are."""
        self.inputs.append(inputs)
        fields = self._answer(*inputs)
        return SimpleNamespace(**{name: np.float32(array) for name, array in fields.items()})

    def fill(self, buffer: str, values: Float32) -> None:
        """Remember what was filled in."""
        self.filled[buffer] = values


def saying(**fields: Any) -> ChosenNetwork:
    """A network that always says the same of everybody."""
    return ChosenNetwork(lambda *_: fields)


def silent(*_: Float32) -> dict[str, Any]:
    raise AssertionError("nobody should ask this network")


class ChosenFinder:
    """A finder of people that sees whom the test chose for each frame index."""

    name = "landmarks"
    landmark_names = topology.LANDMARK_NAMES
    weights_sha256 = "f" * 64
    licence_note = "the finder's note."
    batch_size = 1
    body: TakeBody | None = None
    warnings: tuple[tuple[str, str], ...] = ()

    def __init__(self, seen: Mapping[int, PersonPose | Sequence[PersonPose]]) -> None:
        self.seen = seen
        self.calls: list[str] = []
        self.memory: State = {"frames": 0}

    def estimate_all(self, frames: Sequence[Frame]) -> list[list[PersonPose]]:
        found = [self.seen.get(frame.index, ()) for frame in frames]
        return [[people] if isinstance(people, PersonPose) else [*people] for people in found]

    def state(self) -> State:
        return self.memory

    def restore(self, state: State) -> None:
        self.memory = state

    def reset(self) -> None:
        self.calls.append("reset")

    def close(self) -> None:
        self.calls.append("close")


class ChosenPoses:
    """A paper's networks that pose everybody as the test chose."""

    name = "chosen"
    licence_note = "the networks' note."
    batch_size = 4

    def __init__(self, answer: Callable[[Sequence[Sighting]], PosedPeople]) -> None:
        self.files = {"chosen_part": "c" * 64}
        self._answer = answer

    def look(self, people: Sequence[Sighting]) -> PosedPeople:
        return self._answer(people)


_PARTS = {
    "left hand": topology.LEFT_HAND,
    "right hand": topology.RIGHT_HAND,
    "face": topology.FACE,
}


def found_person(
    box: Box, *, scores: Float32 | None = None, parts: dict[str, Box] | None = None
) -> PersonPose:
    """A person in a box; `parts` have landmarks that fill their own boxes, others have none."""
    count = len(topology.LANDMARK_NAMES)
    points, sure = np.zeros((count, 2), np.float32), np.zeros(count, np.float32)
    for name, (x, y, width, height) in (parts or {}).items():
        part = _PARTS[name]
        spread = np.linspace(0.0, 1.0, part.stop - part.start)
        points[part] = np.stack([x + width * spread, y + height * spread[::-1]], axis=1)
        sure[part] = 0.9
    return PersonPose(
        joints2d=np.zeros((JOINT_COUNT, 2), np.float32),
        scores=np.full(JOINT_COUNT, 0.8, np.float32) if scores is None else scores,
        box=box,
        landmarks=Landmarks(
            points2d=points, points3d=np.zeros((count, 3), np.float32), scores=sure
        ),
    )


def blank(width: int, height: int) -> Image:
    return np.zeros((height, width, 3), np.uint8)


def licensed_research_body(seed: int = 3) -> ResearchBody:
    """A licensed body of our own numbers, without its file, and its hands' mean poses."""
    random = np.random.default_rng(seed)
    means = random.normal(size=(2, 15, 3)) * 0.3
    template = load_open_body().rest_joints(np.zeros(10)) * np.array([1.05, 0.98, 1.02])
    licensed = LicensedBody(
        path=Path("SMPLX_NEUTRAL.npz"),
        faces=np.zeros((1, 3), np.int64),
        hand_mean_pose={"left": means[0].ravel(), "right": means[1].ravel()},
        joints_template=template,
        joint_directions=random.normal(size=(JOINT_COUNT, 3, 10)) * 0.005,
    )
    return ResearchBody(licensed=licensed, hand_means=means, files={"smplx": "b" * 64})


def random_rotations(seed: int, *shape: int, size: float = 0.4) -> Float64:
    """Axis-angles (...,3) of moderate turns."""
    return np.random.default_rng(seed).normal(size=(*shape, 3)) * size
