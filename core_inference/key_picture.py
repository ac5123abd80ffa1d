"""A small grey picture whose corners are followed into the frames after it.

Corners are followed by pyramidal Lucas-Kanade from the key picture itself, there and back, so that
errors do not add up from frame to frame. Pixels are those of the small picture.

Legend: N corners.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .estimators.base import State
from .sightings import Box

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Grey = NDArray[np.uint8]

LONG_SIDE_PX = 480
CELL_PX = 30
"""One corner, the sharpest, is followed in each square of this side."""

CORNER = 3e-5
"""The least sharpness of a corner (the smaller eigenvalue of OpenCV): a carpet has some."""

PERSON_MARGIN = 0.1
"""People are left out with so much of their box around it."""

WINDOW_PX = 11
LEVELS = 3
BACK_PX = 0.5
"""A corner is lost when the way back from a frame ends this far from where it began."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallPicture:
    """A frame, small and grey (H,W), and where people hide the background (H,W), 1 there, else 0.

    scale: its pixels over the frame's.
    """

    grey: Grey
    hidden: NDArray[np.uint8]
    scale: float

    @property
    def middle(self) -> Float64:
        """The middle (2,) px."""
        return np.array(self.grey.shape[::-1]) / 2.0


def small_picture(image: NDArray[np.uint8], boxes: Sequence[Box]) -> SmallPicture:
    """The green of an RGB frame (H,W,3) made small; boxes: its people, x, y, width, height px."""
    scale = LONG_SIDE_PX / max(image.shape[:2])
    width, height = (max(1, round(side * scale)) for side in (image.shape[1], image.shape[0]))
    # Averaging every pixel of all colours costs five times as much, and corners look the same.
    step = max(1, max(image.shape[:2]) // (2 * LONG_SIDE_PX))
    green = cv2.extractChannel(image[::step], 1)
    if scale <= 0.5:
        green = cv2.resize(green, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
    # Of a picture twice as large, this is the mean of four pixels.
    small = cv2.resize(green, (width, height), interpolation=cv2.INTER_LINEAR)
    hidden = np.zeros((height, width), dtype=np.uint8)
    for x, y, box_width, box_height in boxes:
        margin = PERSON_MARGIN * max(box_width, box_height)
        low = round((x - margin) * scale), round((y - margin) * scale)
        high = round((x + box_width + margin) * scale), round((y + box_height + margin) * scale)
        cv2.rectangle(hidden, low, high, (1,), cv2.FILLED)
    return SmallPicture(grey=np.asarray(small, dtype=np.uint8), hidden=hidden, scale=scale)


@dataclass(kw_only=True, eq=False)
class KeyPicture:
    """The picture, its corners that are still followed, and where they are in the newest frame.

    corners and now (N,2) px; count: how many there were at first.
    """

    grey: Grey
    corners: Float32
    now: Float32
    count: int

    @classmethod
    def of(cls, picture: SmallPicture) -> "KeyPicture":
        """Begin with the corners of a picture that nobody hides."""
        corners = _corners(picture)
        return cls(grey=picture.grey, corners=corners, now=corners, count=len(corners))

    def follow(self, picture: SmallPicture) -> None:
        """Find the corners in the next frame; those that are lost or hidden are dropped."""
        if not len(self.corners):
            return
        there, found = _flow((self.grey, picture.grey), self.corners, self.now, LEVELS)
        back, found_back = _flow((picture.grey, self.grey), there, self.corners, 0)
        kept = found & found_back & _is_visible(there, picture)
        kept &= np.linalg.norm(back - self.corners, axis=1) < BACK_PX
        self.corners, self.now = self.corners[kept], there[kept]

    def nearby(self, picture: SmallPicture) -> tuple[Float32, Float32]:
        """Corners (N,2) px that nobody hides, and where they are in a frame that hardly moved.

        A quick look, by which none is dropped: without coarse pictures and the way back.
        """
        if not len(self.corners):
            return self.corners, self.corners
        there, found = _flow((self.grey, picture.grey), self.corners, self.corners, 0)
        kept = found & _is_visible(there, picture)
        return self.corners[kept], there[kept]

    def rays(self, focal: float) -> tuple[Float64, Float64]:
        """The corners as rays (N,3) with z 1, here and in the newest frame; focal in px."""
        return self.rays_of(self.corners, focal), self.rays_of(self.now, focal)

    def rays_of(self, points: Float32, focal: float) -> Float64:
        """Points (N,2) px as rays (N,3) with z 1; focal in px."""
        middle = np.array(self.grey.shape[::-1]) / 2.0
        aside = (points.astype(np.float64) + 0.5 - middle) / focal
        return np.concatenate([aside, np.ones((len(aside), 1))], axis=1)

    def state(self) -> State:
        """Return everything as JSON keeps it, the picture as PNG."""
        good, data = cv2.imencode(".png", self.grey)
        assert good, "a grey picture encodes as PNG"
        return {
            "picture": b64encode(data.tobytes()).decode(),
            "corners": b64encode(self.corners.astype("<f4").tobytes()).decode(),
            "now": b64encode(self.now.astype("<f4").tobytes()).decode(),
            "count": self.count,
        }

    @classmethod
    def from_state(cls, state: State) -> "KeyPicture":
        """Return what gave this state; a ValueError says that nothing could."""
        data = np.frombuffer(b64decode(state["picture"]), dtype=np.uint8)
        corners, now = (
            np.frombuffer(b64decode(state[name]), dtype="<f4").reshape(-1, 2).astype(np.float32)
            for name in ("corners", "now")
        )
        if not len(data) or corners.shape != now.shape:
            raise ValueError("no key picture")
        try:
            grey = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
        except (cv2.error, TypeError) as error:
            raise ValueError("no key picture") from error
        return cls(grey=grey, corners=corners, now=now, count=int(state["count"]))


def _corners(picture: SmallPicture) -> Float32:
    """The sharpest corner (N,2) px of each cell that nobody hides, where it is sharp enough."""
    sharp = cv2.cornerMinEigenVal(picture.grey, 5)
    sharp[picture.hidden > 0] = 0.0
    rows, columns = sharp.shape[0] // CELL_PX, sharp.shape[1] // CELL_PX
    cells = sharp[: rows * CELL_PX, : columns * CELL_PX].reshape(rows, CELL_PX, columns, CELL_PX)
    cells = cells.transpose(0, 2, 1, 3).reshape(rows * columns, CELL_PX * CELL_PX)
    cell, best = np.arange(len(cells)), cells.argmax(axis=1)
    y = cell // max(columns, 1) * CELL_PX + best // CELL_PX
    x = cell % max(columns, 1) * CELL_PX + best % CELL_PX
    is_sharp = cells[cell, best] > CORNER
    return np.stack([x, y], axis=1)[is_sharp].astype(np.float32)


def _is_visible(points: Float32, picture: SmallPicture) -> NDArray[np.bool_]:
    """Which points (N,2) px are in the picture and not hidden by people."""
    pixels = points.round().astype(np.int64)
    height, width = picture.grey.shape
    kept = ((pixels >= 0) & (pixels < (width, height))).all(axis=1)
    kept[kept] = picture.hidden[pixels[kept, 1], pixels[kept, 0]] == 0
    return kept


def _flow(
    pictures: tuple[Grey, Grey], points: Float32, guess: Float32, levels: int
) -> tuple[Float32, NDArray[np.bool_]]:
    """Where points (N,2) px of one picture are in the other, from a guess, and which were found."""
    there, status, _ = cv2.calcOpticalFlowPyrLK(
        *pictures,
        points,
        guess.copy(),
        winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=levels,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return np.asarray(there, dtype=np.float32), np.asarray(status).ravel() > 0
