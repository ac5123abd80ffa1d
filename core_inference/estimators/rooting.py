"""Where everybody's pelvis is by RootNet, and by PoseNet where its weights are: `--root rootnet`.

RootNet sees the processed square box of a person and gives the pelvis' pixel and a factor on k,
the distance at which a person of 2 m by 2 m would fill that box: the depth, however tall the
person is. PoseNet sees the same patch and gives all joints; the product uses its pelvis' pixel,
for which heat maps of all joints together are surer than RootNet's one. Both meet in the
back-projection of that pixel at that depth. PoseNet's test-time flip is left out.

Source: Moon et al. (2019), "Camera Distance-aware Top-down Approach", sections 4 to 6.

Legend: N people.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..footage import Frame
from .base import Estimator, PersonPose, State, TakeBody
from .crops import Crop, crop_person, processed_box
from .research import (
    PersonNetworks,
    PosedPeople,
    Sighting,
    imagenet_normalised,
    is_in_view,
    patch_batch,
)
from .root import NEAREST_M, Lens, root_from_rootnet, rootnet_k

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

PATCH_WH = (256, 256)

POSENET_PELVIS = {21: 14, 18: 0}
"""Which of PoseNet's joints is the pelvis: of MuCo's 21 and of Human3.6M's 18."""

LICENCE_NOTE = (
    "RootNet's and PoseNet's code is MIT; their weights were trained on data sets for "
    "non-commercial research; use their results for that alone."
)

_MM_PER_M = 1000.0


class Network(Protocol):
    """A network with its weights: float32 arrays in, a tuple of named float32 arrays out."""

    sha256: str
    batch_size: int

    def run(self, *inputs: Float32) -> Any:
        """The named outputs (N,...)."""
        ...


class RootNetworks:
    """Crops of people to their pelvis in our camera; files: part and SHA-256 of each one's."""

    licence_note = LICENCE_NOTE

    def __init__(self, rootnet: Network, posenet: Network | None, lens: Lens) -> None:
        self.files = {"rootnet": rootnet.sha256}
        if posenet is not None:
            self.files["posenet"] = posenet.sha256
        self.batch_size = rootnet.batch_size
        self._rootnet = rootnet
        self._posenet = posenet
        self._lens = lens

    def roots(self, people: Sequence[Sighting]) -> Float64:
        """Where each person's pelvis is (N,3) m, camera axes.

        Everybody must be in view. Numbers may be none where half precision overflowed.
        """
        crops = [_crop(person) for person in people]
        patches = imagenet_normalised(patch_batch(crops))
        k_N = rootnet_k(np.stack([crop.box for crop in crops]), self._lens)
        seen_N3 = self._rootnet.run(patches, k_N.astype(np.float32)).coordinates
        seen_N3 = seen_N3.astype(np.float64)
        seen_N3[:, 2] = np.maximum(seen_N3[:, 2], NEAREST_M * _MM_PER_M)
        if self._posenet is not None:
            joints_NJ3 = self._posenet.run(patches).coordinates
            seen_N3[:, :2] = joints_NJ3[:, POSENET_PELVIS[joints_NJ3.shape[1]], :2]
        image_from_patch = np.stack([crop.image_from_patch for crop in crops])
        return root_from_rootnet(seen_N3, image_from_patch, self._lens)


def _crop(person: Sighting) -> Crop:
    height, width = person.image.shape[:2]
    box = processed_box(person.found.box, (width, height), 1.0, keep_flat=True)
    assert box is not None, "who is not in view is left out before"
    return crop_person(person.image, box, PATCH_WH)


class RootedLandmarks:
    """Estimator over one of landmarks: says the same of everybody, and where their pelvis is.

    Who is not in view, or has no usable pelvis, is left out.
    """

    body: TakeBody | None = None

    def __init__(
        self, landmarks: Estimator, roots: RootNetworks, warnings: tuple[tuple[str, str], ...]
    ) -> None:
        files = {landmarks.name: landmarks.weights_sha256, **roots.files}
        self.name = landmarks.name
        self.landmark_names = landmarks.landmark_names
        self.weights_sha256 = " ".join(f"{part}:{sha256}" for part, sha256 in files.items())
        self.licence_note = f"{roots.licence_note} {landmarks.licence_note}"
        self.batch_size = max(landmarks.batch_size, roots.batch_size)
        self.warnings = (*landmarks.warnings, *warnings)
        self._landmarks = landmarks
        self._roots = roots

    def estimate_all(self, frames: Sequence[Frame]) -> list[list[PersonPose]]:
        """Return everybody in each frame, with `camera_root`."""
        found = self._landmarks.estimate_all(frames)
        seen = [
            (row, Sighting(image=frames[row].image, found=pose))
            for row, people in enumerate(found)
            for pose in people
            if is_in_view(pose.box, frames[row].image)
        ]
        rooted: list[list[PersonPose]] = [[] for _ in frames]
        size = self._roots.batch_size
        for first in range(0, len(seen), size):
            batch = seen[first : first + size]
            with np.errstate(invalid="ignore", over="ignore"):
                roots_N3 = self._roots.roots([person for _, person in batch]).astype(np.float32)
            for (row, person), root in zip(batch, roots_N3, strict=True):
                if np.isfinite(root).all():
                    rooted[row].append(replace(person.found, camera_root=root))
        return rooted

    def state(self) -> State:
        """Return what the finder of people remembers: the networks remember nothing."""
        return self._landmarks.state()

    def restore(self, state: State) -> None:
        """Let the finder of people remember what another one's `state` says."""
        self._landmarks.restore(state)

    def reset(self) -> None:
        """Forget what came before, as after a cut."""
        self._landmarks.reset()

    def close(self) -> None:
        """Release the models."""
        self._landmarks.close()


class RootedNetworks:
    """A paper's networks without a mesh, their root replaced by RootNet's."""

    def __init__(self, networks: PersonNetworks, roots: RootNetworks) -> None:
        self.name = networks.name
        self.files = {**networks.files, **roots.files}
        self.licence_note = f"{networks.licence_note} {roots.licence_note}"
        self.batch_size = networks.batch_size
        self._networks = networks
        self._roots = roots

    def look(self, people: Sequence[Sighting]) -> PosedPeople:
        """Return the pose of every person, in order, where RootNet sees the pelvis."""
        return replace(self._networks.look(people), root=self._roots.roots(people))
