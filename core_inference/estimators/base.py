"""The estimator contract: what every way of looking at a person gives back.

Legend: J joints (55), L landmarks, V vertices.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT_COUNT
from ..footage import Frame

Float32 = NDArray[np.float32]

State = dict[str, Any]
"""What survives a killed run: numbers, text, lists and dicts of them, exactly as JSON has them."""

POSE_ROWS: dict[str, tuple[int, ...]] = {
    "rotations": (JOINT_COUNT, 3),
    "root": (3,),
    "betas": (10,),
    "expression": (10,),
}
"""What an estimator of rotations says of a person, all of it or nothing."""


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """Named points of one person in one frame.

    points2d (L,2) px in the image. points3d (L,3) m, camera axes (x right, y down, z forward),
    the body's about the middle of the hips, each hand's about its wrist, the face's about the
    middle of its points. scores (L,) 0..1, 0 where a landmark was not found (its points are then
    zero). The names stand once in the estimator's `landmark_names`.
    """

    points2d: Float32
    points3d: Float32
    scores: Float32

    def __post_init__(self) -> None:
        count = len(self.scores)
        for name, array, shape in (
            ("points2d", self.points2d, (count, 2)),
            ("points3d", self.points3d, (count, 3)),
            ("scores", self.scores, (count,)),
        ):
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(
                    f"{name}: expected {shape} float32, got {array.shape} {array.dtype}"
                )


@dataclass(frozen=True, kw_only=True)
class PersonPose:
    """What an estimator says of one person in one frame.

    rotations (55,3) axis-angle, full and parent-relative, the first from the zero pose into
    camera axes; root (3,) m, the pelvis in the camera; betas (10,); expression (10,); all four
    None for an estimator that gives landmarks only. vertices (V,3) m, camera, of an estimator
    with a mesh of its own. joints2d (55,2) px; scores (55,) 0..1; box x, y, width, height in px
    around the person. followed: a number that stays as long as the estimator follows one region
    of the image from frame to frame: a hint who this is, no identity. appearance (A,) 0..1, sums
    to 1: how the clothes are coloured, None where too little is seen. camera_root (3,) m, camera:
    where a network made for it puts the pelvis, of an estimator that gives no rotations too.
    """

    joints2d: Float32
    scores: Float32
    box: tuple[float, float, float, float]
    rotations: Float32 | None = None
    root: Float32 | None = None
    betas: Float32 | None = None
    expression: Float32 | None = None
    landmarks: Landmarks | None = None
    vertices: Float32 | None = None
    followed: int = 0
    appearance: Float32 | None = None
    camera_root: Float32 | None = None

    def __post_init__(self) -> None:
        if self.joints2d.shape != (JOINT_COUNT, 2) or self.scores.shape != (JOINT_COUNT,):
            raise ValueError(
                f"expected joints2d (55,2) and scores (55,), "
                f"got {self.joints2d.shape} and {self.scores.shape}"
            )
        given = {
            name: array.shape for name in POSE_ROWS if (array := getattr(self, name)) is not None
        }
        if given and given != POSE_ROWS:
            raise ValueError(f"expected none of the pose or all, {POSE_ROWS}, got {given}")
        if self.vertices is not None and self.vertices.shape != (len(self.vertices), 3):
            raise ValueError(f"expected vertices (V,3), got {self.vertices.shape}")


@dataclass(frozen=True, kw_only=True)
class TakeBody:
    """The body that a take's rotations move.

    body_model 'open' or 'smplx'; rest_joints: shape (10,) to joints (55,3) m of the zero pose.
    The estimators' betas are SMPL-X's: they do not shape the open body.
    """

    body_model: str
    rest_joints: Callable[[NDArray[np.float64]], NDArray[np.floating[Any]]]


class Estimator(Protocol):
    """One way of looking at frames. Frames come in order; `reset` forgets the frames before.

    What it remembers of the frames before can be taken out as `state` and put into another one of
    its kind, which then gives the same answers to the frames after.

    weights_sha256: the file's, or `part:sha256` of each file, parted by spaces; batch_size: how
    many frames it likes to see at once; body: None where it gives landmarks only; warnings: code
    and message of what the user should know before the first frame.
    """

    name: str
    landmark_names: tuple[str, ...]
    weights_sha256: str
    licence_note: str
    batch_size: int
    body: TakeBody | None
    warnings: tuple[tuple[str, str], ...]

    def estimate_all(self, frames: Sequence[Frame]) -> list[list[PersonPose]]:
        """Return everybody in each frame, in no order; no cut lies between."""
        ...

    def state(self) -> State:
        """Return what it remembers of the frames before."""
        ...

    def restore(self, state: State) -> None:
        """Remember what another one's `state` says."""
        ...

    def reset(self) -> None:
        """Forget what came before, as after a cut."""
        ...

    def close(self) -> None:
        """Release the models."""
        ...
