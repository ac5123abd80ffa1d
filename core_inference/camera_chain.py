"""One explanation of how a camera moves, carried on from frame to frame.

Legend: F frames.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..rigs.rotation import axis_angle_from_matrix
from .camera_fit import nearest_turn
from .estimators.base import State

Float64 = NDArray[np.float64]

AGREEING = 0.7
"""A motion is believed when this share of the corners agrees with it."""

UNSURE_SHARE = 0.2
"""Where nothing could be told for this share of a shot, or more, the camera is taken for still."""

STEADY = 0.5
"""How much of the newest step goes into the one that is expected next."""

_ROW = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Pose:
    """The camera since the shot's first frame: rotation (3,3) from the first one's axes; place (2,)
    right and forward of it, in heights of the camera; zoom, its focal length over the first one."""

    rotation: Float64
    place: Float64
    zoom: float = 1.0

    @classmethod
    def from_row(cls, row_12: Float64) -> "Pose":
        """The pose that gave this `row`."""
        return cls(rotation=row_12[:9].reshape(3, 3), place=row_12[9:11], zoom=float(row_12[11]))

    @property
    def row(self) -> Float64:
        """Rotation, place and zoom (12,)."""
        return np.concatenate([self.rotation.ravel(), self.place, [self.zoom]])


FIRST = Pose(rotation=np.eye(3), place=np.zeros(2))


@dataclass(kw_only=True)
class Chain:
    """rows: as `Pose.row`, one a frame; shares: of the corners, how many agree with it, 0 where
    that says nothing; key: the pose at the key picture."""

    rows: list[Float64] = field(default_factory=list[Float64])
    shares: list[float] = field(default_factory=list[float])
    key: Pose = FIRST

    def add(self, pose: Pose, share: float) -> None:
        """One more frame."""
        # Rounding errors would double from key picture to key picture.
        self.rows.append(replace(pose, rotation=nearest_turn(pose.rotation)).row)
        self.shares.append(share)

    @property
    def share(self) -> float:
        """The mean share of the corners that agree."""
        return float(np.mean(self.shares))

    @property
    def unsure(self) -> NDArray[np.bool_]:
        """In which frames (F,) too few corners agree."""
        return np.array(self.shares) < AGREEING

    @property
    def is_doubtful(self) -> bool:
        """Whether too few corners agree in too many frames."""
        return float(self.unsure.mean()) >= UNSURE_SHARE

    @property
    def last(self) -> Pose:
        """The camera in the newest frame."""
        return Pose.from_row(self.rows[-1])

    @property
    def has_left(self) -> bool:
        """Whether the camera has gone or zoomed by now."""
        return bool(self.last.place.any()) or self.last.zoom != 1.0

    def expected(self) -> Pose:
        """Where the last steps would carry the camera by now."""
        if len(self.rows) < 2:
            return self.last
        before, last = Pose.from_row(self.rows[-2]), self.last
        step_33 = last.rotation @ before.rotation.T
        turn_33 = np.eye(3) + STEADY * (step_33 - np.eye(3))
        return Pose(
            rotation=nearest_turn(turn_33 @ last.rotation),
            place=last.place + STEADY * (last.place - before.place),
            zoom=last.zoom * (last.zoom / before.zoom) ** STEADY,
        )

    def turns(self) -> Float64:
        """Axis-angle (F,3) since the first frame."""
        rows_F12 = np.array(self.rows)
        return np.asarray(axis_angle_from_matrix(rows_F12[:, :9].reshape(-1, 3, 3)))

    def places(self) -> Float64:
        """(F,2) in heights of the camera."""
        return np.array(self.rows)[:, 9:11]

    def zooms(self) -> Float64:
        """(F,) focal lengths over the first one."""
        return np.array(self.rows)[:, 11]

    def state(self) -> State:
        """Return everything as JSON keeps it."""
        return {
            "rows": b64encode(np.array(self.rows, dtype="<f8").tobytes()).decode(),
            "shares": list(self.shares),
            "key": self.key.row.tolist(),
        }

    @classmethod
    def from_state(cls, state: State) -> "Chain":
        """Return what gave this state; a ValueError says that nothing could."""
        rows = np.frombuffer(b64decode(state["rows"]), dtype="<f8").reshape(-1, _ROW)
        return cls(
            rows=list(rows.astype(np.float64)),
            shares=[float(share) for share in state["shares"]],
            key=Pose.from_row(np.array(state["key"], dtype=np.float64).reshape(_ROW)),
        )
