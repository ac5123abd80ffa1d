"""How the camera of one shot moved, frame by frame.

Legend: N frames of the shot, T rows of a take.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import matrix_from_axis_angle
from .camera import CAMERA_FROM_WORLD
from .estimators.base import State


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraPath:
    """The turns of a moving camera since its shot began, and its way where it leaves its place.

    frame_index (N,) source frames, rising; turns (N,3) axis-angle, from the axes of the shot's
    first camera into those of each frame's; places (N,2) right and forward of the first place, in
    heights of the camera above the ground, or None; zooms (N,) focal lengths over that of the first
    frame, or None. Raises ValueError for anything else.
    """

    frame_index: NDArray[np.int64]
    turns: NDArray[np.float32]
    places: NDArray[np.float32] | None = None
    zooms: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        count = len(self.frame_index)
        _check("turns", self.turns, (count, 3))
        if self.places is not None:
            _check("places", self.places, (count, 2))
        if self.zooms is not None:
            _check("zooms", self.zooms, (count,))

    def rotations(self, frame_index_T: NDArray[np.int64]) -> NDArray[np.float32]:
        """World to camera (T,3,3) in the given frames; the world is level in the shot's first."""
        rows_T = np.searchsorted(self.frame_index, frame_index_T)
        turns_T33 = matrix_from_axis_angle(self.turns[rows_T].astype(np.float64))
        return (turns_T33 @ CAMERA_FROM_WORLD).astype(np.float32)

    def at(self, frame_index_T: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """The places (T,2) in the given frames."""
        if self.places is None:
            return None
        return self.places[np.searchsorted(self.frame_index, frame_index_T)]

    def zooms_at(self, frame_index_T: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """The zooms (T,) in the given frames."""
        if self.zooms is None:
            return None
        return self.zooms[np.searchsorted(self.frame_index, frame_index_T)]

    def state(self) -> State:
        """Return it as JSON keeps it."""
        return {
            "frames": b64encode(self.frame_index.astype("<i8").tobytes()).decode(),
            "turns": _text(self.turns),
            "places": None if self.places is None else _text(self.places),
            "zooms": None if self.zooms is None else _text(self.zooms),
        }

    @classmethod
    def from_state(cls, state: State) -> "CameraPath":
        """Return the path that gave this state; raises ValueError for another one."""
        places: str | None = state["places"]
        zooms: str | None = state["zooms"]
        return cls(
            frame_index=np.frombuffer(b64decode(state["frames"]), dtype="<i8").astype(np.int64),
            turns=_columns(state["turns"], 3),
            places=None if places is None else _columns(places, 2),
            zooms=None if zooms is None else _columns(zooms, 1)[:, 0],
        )


def _text(numbers: NDArray[np.float32]) -> str:
    return b64encode(numbers.astype("<f4").tobytes()).decode()


def _columns(text: str, width: int) -> NDArray[np.float32]:
    numbers = np.frombuffer(b64decode(text), dtype="<f4")
    return numbers.reshape(-1, width).astype(np.float32)


def _check(name: str, values: NDArray[np.float32], shape: tuple[int, ...]) -> None:
    if values.shape != shape or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"expected {name} {shape}, finite numbers, got {values.shape}")
