"""What the papers' estimators share: who is looked at, and how networks' words become a pose.

The default landmark models say who is there and where; the networks see that person's crop. Their
rotations and root, in our camera, are the person's pose; scores are the landmark models', since
the networks say nothing of how sure they are.

Legend: N people of a batch of frames, J joints (55), V vertices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import matrix_from_axis_angle
from ...rigs.skeleton import (
    JOINT_COUNT,
    LEFT_HAND,
    RIGHT_HAND,
    joint_positions,
    world_rotations,
)
from ..footage import Frame
from .base import Estimator, Float32, PersonPose, State, TakeBody
from .bodies import EXPRESSION_COUNT, ResearchBody
from .crops import RGB, Crop, crop_person, processed_box
from .root import Lens

Float64 = NDArray[np.float64]

_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)[:, None, None]
_IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225], dtype=np.float32)[:, None, None]

UNKNOWN_JOINT = 0.5
"""A joint that the landmarks do not know is as sure as half of the person's known ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sighting:
    """A person as the landmark models found them in an image (H,W,3) uint8 RGB."""

    image: RGB
    found: PersonPose


@dataclass(frozen=True, kw_only=True, eq=False)
class PosedPeople:
    """What networks say of N people, in our camera.

    rotations (N,55,3) axis-angle, parent-relative, the first in the camera's axes, hands relative
    to their mean pose; root (N,3) m, the pelvis; betas (N,10) and expression (N,10) of SMPL-X;
    hands_seen (N,2): whether the fingers of the left and the right hand come from an image of it;
    vertices (N,V,3) m or None.
    """

    rotations: Float64
    root: Float64
    betas: Float64
    expression: Float64
    hands_seen: NDArray[np.bool_]
    vertices: Float32 | None = None

    def __post_init__(self) -> None:
        count = len(self.root)
        for name, shape in (
            ("rotations", (count, JOINT_COUNT, 3)),
            ("root", (count, 3)),
            ("betas", (count, 10)),
            ("expression", (count, EXPRESSION_COUNT)),
            ("hands_seen", (count, 2)),
        ):
            actual = getattr(self, name).shape
            if actual != shape:
                raise ValueError(f"{name}: expected {shape}, got {actual}")


class PersonNetworks(Protocol):
    """The networks of one paper, from crops to a pose; files: part and SHA-256 of each one's."""

    name: str
    files: dict[str, str]
    licence_note: str
    batch_size: int

    def look(self, people: Sequence[Sighting]) -> PosedPeople:
        """Return the pose of every person, in order."""
        ...


class ResearchEstimator:
    """Estimator over a paper's networks: gives rotations and roots of everybody the finder sees.

    warnings: code and message of what the user should know before the first frame.
    """

    def __init__(
        self,
        finder: Estimator,
        networks: PersonNetworks,
        body: ResearchBody,
        lens: Lens,
        warnings: tuple[tuple[str, str], ...],
    ) -> None:
        files = {**networks.files, **body.files, finder.name: finder.weights_sha256}
        notes = (networks.licence_note, body.licence_note, finder.licence_note)
        self.name = networks.name
        self.weights_sha256 = " ".join(f"{part}:{sha256}" for part, sha256 in files.items())
        self.licence_note = " ".join(note for note in notes if note is not None)
        self.batch_size = max(finder.batch_size, networks.batch_size)
        self.warnings = warnings
        self._finder = finder
        self._networks = networks
        self._body = body
        self._lens = lens
        self.landmark_names = finder.landmark_names
        self.body: TakeBody | None = body.take_body

    def estimate_all(self, frames: Sequence[Frame]) -> list[list[PersonPose]]:
        """Return everybody in each frame; who has no usable answer is left out."""
        found = self._finder.estimate_all(frames)
        seen = [
            (row, Sighting(image=frames[row].image, found=pose))
            for row, people in enumerate(found)
            for pose in people
            if is_in_view(pose.box, frames[row].image)
        ]
        poses: list[list[PersonPose]] = [[] for _ in frames]
        size = self._networks.batch_size
        for first in range(0, len(seen), size):
            batch = seen[first : first + size]
            people = [sighting for _, sighting in batch]
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                looked = self._poses(self._networks.look(people), people)
            for (row, _), pose in zip(batch, looked, strict=True):
                if pose is not None:
                    poses[row].append(pose)
        return poses

    def state(self) -> State:
        """Return what the finder of people remembers: the networks remember nothing."""
        return self._finder.state()

    def restore(self, state: State) -> None:
        """Let the finder of people remember what another one's `state` says."""
        self._finder.restore(state)

    def reset(self) -> None:
        """Forget what came before, as after a cut."""
        self._finder.reset()

    def close(self) -> None:
        """Release the models."""
        self._finder.close()

    def _poses(self, people: PosedPeople, sightings: Sequence[Sighting]) -> list[PersonPose | None]:
        """One pose each, None for numbers that are no numbers (half precision may overflow)."""
        full_NJ3 = self._body.full_rotations(people.rotations)
        expression_NK = people.expression
        if self._body.licensed is None:
            expression_NK = np.zeros_like(expression_NK)
        rows: dict[str, NDArray[Any]] = {
            "joints2d": self._projected(full_NJ3, people),
            "rotations": full_NJ3,
            "root": people.root,
            "betas": people.betas,
            "expression": expression_NK,
        }
        if people.vertices is not None:
            rows["vertices"] = people.vertices
        numbers = {name: array.astype(np.float32, copy=False) for name, array in rows.items()}
        usable_N = np.all([_finite_rows(array) for array in numbers.values()], axis=0)
        return [
            PersonPose(
                scores=_scores(sighting.found, people.hands_seen[n]),
                box=sighting.found.box,
                landmarks=sighting.found.landmarks,
                followed=sighting.found.followed,
                appearance=sighting.found.appearance,
                **{name: array[n] for name, array in numbers.items()},
            )
            if usable_N[n]
            else None
            for n, sighting in enumerate(sightings)
        ]

    def _projected(self, full_NJ3: Float64, people: PosedPeople) -> Float64:
        """Where the posed joints (N,55,2) are in the image, px."""
        rest_NJ3 = self._body.rest_joints(people.betas)
        world_NJ33 = world_rotations(matrix_from_axis_angle(full_NJ3))
        joints_NJ3 = joint_positions(world_NJ33, rest_NJ3, people.root - rest_NJ3[:, 0])
        return self._lens.project(joints_NJ3)


def is_in_view(box: tuple[float, float, float, float], image: RGB) -> bool:
    """Whether a box x y w h px shows enough of the image (H,W,3) for a network to see."""
    height, width = image.shape[:2]
    return processed_box(box, (width, height), 1.0) is not None


def person_crops(people: Sequence[Sighting], patch_wh: tuple[int, int]) -> list[Crop]:
    """Each person's patch, as the authors cut it; the landmarks' boxes lie in the image."""
    crops: list[Crop] = []
    for person in people:
        height, width = person.image.shape[:2]
        box = processed_box(person.found.box, (width, height), patch_wh[0] / patch_wh[1])
        assert box is not None, "the estimator leaves out who is not in view"
        crops.append(crop_person(person.image, box, patch_wh))
    return crops


def patch_batch(crops: Sequence[Crop]) -> Float32:
    """Patches as networks take them: (N,3,H,W), RGB 0..255."""
    return np.stack([crop.patch.transpose(2, 0, 1) for crop in crops])


def imagenet_normalised(patches_N3HW: Float32) -> Float32:
    """Patches 0..255 as RootNet and PoseNet take them: ImageNet's figures are those for 0..1."""
    return (patches_N3HW - _IMAGENET_MEAN) / _IMAGENET_DEVIATION


def _finite_rows(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows (N,) hold nothing but numbers."""
    return np.isfinite(array).reshape(len(array), -1).all(axis=1)


def _scores(found: PersonPose, hands_seen_S: NDArray[np.bool_]) -> Float32:
    """How sure each joint (55,) is: as the landmarks say, by the person where they know it not.

    Fingers that no network saw are not sure at all: seen neighbours in time outweigh them.
    """
    known_J = found.scores > 0
    person = float(found.scores[known_J].mean()) if known_J.any() else 0.0
    scores_J = np.where(known_J, found.scores, UNKNOWN_JOINT * person)
    for hand, seen in zip((LEFT_HAND, RIGHT_HAND), hands_seen_S, strict=True):
        scores_J[hand] *= seen
    return scores_J.astype(np.float32)
