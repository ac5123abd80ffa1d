"""People drawn as boxes with joints, for tests of who is who.

Legend: J joints (55), A cells of an appearance.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.base import PersonPose
from pose2rig.core_inference.footage import Frame
from pose2rig.core_inference.people import Observation, PersonTracker
from pose2rig.core_inference.sightings import Box
from pose2rig.rigs.skeleton import JOINT

FPS = 30.0
RED = (0.05, 0.05, 0.8, 0.1)
BLUE = (0.8, 0.1, 0.05, 0.05)

_IMAGE: NDArray[np.uint8] = np.zeros((8, 8, 3), dtype=np.uint8)
_PLACES = {
    "pelvis": (0.5, 0.5),
    "neck": (0.5, 0.15),
    "head": (0.5, 0.05),
    **{
        f"{side}_{name}": (0.5 + way * x, y)
        for side, way in (("left", 1), ("right", -1))
        for name, x, y in (
            ("hip", 0.12, 0.5),
            ("knee", 0.14, 0.75),
            ("ankle", 0.15, 0.97),
            ("shoulder", 0.25, 0.18),
            ("elbow", 0.4, 0.35),
            ("wrist", 0.45, 0.5),
        )
    },
}


def frame(index: int, fps: float = FPS) -> Frame:
    """A frame whose picture does not matter."""
    return Frame(index=index, time_s=index / fps, image=_IMAGE)


def box_at(x: float, y: float, width: float = 150.0, height: float = 400.0) -> Box:
    """The box with this middle."""
    return (x - width / 2, y - height / 2, width, height)


def pose(
    box: Box,
    *,
    score: float = 0.9,
    followed: int = 0,
    looks: tuple[float, ...] | None = None,
    swing: float = 0.0,
) -> PersonPose:
    """Somebody upright who fills the box, the arms swung aside by so much of its width."""
    joints2d = np.zeros((55, 2), dtype=np.float32)
    scores = np.zeros(55, dtype=np.float32)
    for name, (x, y) in _PLACES.items():
        moved = swing if name.endswith(("elbow", "wrist")) else 0.0
        joints2d[JOINT[name]] = (box[0] + (x + moved) * box[2], box[1] + y * box[3])
        scores[JOINT[name]] = score
    return PersonPose(
        joints2d=joints2d,
        scores=scores,
        box=box,
        followed=followed,
        appearance=None if looks is None else np.array(looks, dtype=np.float32),
    )


Scene = Callable[[int], Iterable[PersonPose]]


def watch(
    tracker: PersonTracker, scene: Scene, frames: Iterable[int], cuts: tuple[int, ...] = ()
) -> list[Observation]:
    """Show the tracker the frames of a scene and return all it says."""
    return [
        observation
        for index in frames
        for observation in tracker.observe(frame(index), list(scene(index)), index in cuts)
    ]
