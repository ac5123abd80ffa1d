"""Hard cuts and abrupt scene changes, seen frame by frame as the footage streams past.

Two questions, both of which a cut must answer with yes. Do the colours of the whole picture
change? And do few parts of the picture have a counterpart nearby in the picture before? Each
part is sought around its old place by normalised correlation, so neither motion nor a moving
camera (colours stay), nor a change of exposure (every part is found) counts as a cut.
"""

from base64 import b64decode, b64encode

import cv2
import numpy as np
from numpy.typing import NDArray

from .estimators.base import State
from .footage import Frame

LONG_SIDE_PX = 96
BLOCK_PX = 12
REACH_PX = 8
# Measured on 17 real clips, also thinned to 10, 5 and 3 frames a second: inside a clip the colours
# change by at most 0.12, or by up to 0.34 with exposure, and then the match is at least 0.92.
# Between any two clips the change is at least 0.21 and the match at most 0.86.
COLOUR_CHANGE = 0.15
BLOCK_MATCH = 0.89
MIN_TEXTURE = 4.0
BLOWN = 250
MAX_BLOWN_SHARE = 0.25
MIN_BLOCKS = 5
MAX_BLANK_FRAMES = 15

Picture = NDArray[np.uint8]


class ShotDetector:
    """Says of each frame, in order, whether a new shot begins with it.

    A frame without content (black, or blown out by a flash) is never a cut: the frame after it
    is compared with the last one before, unless more than `MAX_BLANK_FRAMES` lie between.
    """

    def __init__(self) -> None:
        self._before: Picture | None = None
        self._colours = np.zeros(0, np.float32)
        self._blanks = 0

    def is_cut(self, frame: Frame) -> bool:
        """Return True if the frame begins another shot than the frame before it."""
        now = _thumbnail(frame.image)
        colours = _colours(now)
        cut = False
        if self._before is not None:
            change = float(np.abs(colours - self._colours).sum()) / 2.0
            if self._before.shape != now.shape:
                cut = True
            elif change > COLOUR_CHANGE:
                match = _block_match(self._before, now)
                if match is None and self._blanks < MAX_BLANK_FRAMES:
                    self._blanks += 1
                    return False
                cut = match is not None and match < BLOCK_MATCH
        self._before, self._colours, self._blanks = now, colours, 0
        return cut

    def state(self) -> State:
        """Return what it remembers of the frames before."""
        if self._before is None:
            return {}
        return {
            "before": b64encode(self._before.tobytes()).decode("ascii"),
            "size": list(self._before.shape[:2]),
            "blanks": self._blanks,
        }

    def restore(self, state: State) -> None:
        """Remember what another one's `state` says; a ValueError says that none could."""
        if not state:
            return
        height, width = state["size"]
        pixels = np.frombuffer(b64decode(state["before"], validate=True), np.uint8)
        self._before = pixels.reshape(height, width, 3)
        if min(self._before.shape[:2]) < BLOCK_PX:
            raise ValueError(f"a thumbnail of {width} by {height} px")
        self._colours = _colours(self._before)
        self._blanks = int(state["blanks"])


def _thumbnail(image: Picture) -> Picture:
    height, width = image.shape[:2]
    scale = LONG_SIDE_PX / max(height, width)
    size = (max(BLOCK_PX, round(width * scale)), max(BLOCK_PX, round(height * scale)))
    # Averaging every pixel of a large picture costs ten times as much as thinning it first.
    thinned = cv2.resize(image, (4 * size[0], 4 * size[1]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.resize(thinned, size, interpolation=cv2.INTER_AREA), np.uint8)


def _colours(thumbnail: Picture) -> NDArray[np.float32]:
    """Return the share of pixels in each of 6 x 6 x 6 cells of the RGB cube (216,)."""
    counts = cv2.calcHist([thumbnail], [0, 1, 2], None, [6, 6, 6], [0, 256] * 3)
    return counts.ravel() / np.float32(thumbnail.shape[0] * thumbnail.shape[1])


def _block_match(before: Picture, now: Picture) -> float | None:
    """Return the mean best correlation (-1..1) of the blocks of `now` around their place before.

    Blocks without texture or blown out in either picture are left out; None if too few remain.
    """
    grey_now = cv2.cvtColor(now, cv2.COLOR_RGB2GRAY)
    grey_before = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY)
    field = np.pad(grey_before, REACH_PX, mode="edge")
    blown_yx = (np.maximum(before, now) >= BLOWN).any(axis=2)
    matches: list[float] = []
    reach = BLOCK_PX + 2 * REACH_PX
    for y in range(0, grey_now.shape[0] - BLOCK_PX + 1, BLOCK_PX):
        for x in range(0, grey_now.shape[1] - BLOCK_PX + 1, BLOCK_PX):
            block = grey_now[y : y + BLOCK_PX, x : x + BLOCK_PX]
            blown = float(blown_yx[y : y + BLOCK_PX, x : x + BLOCK_PX].mean())
            if blown > MAX_BLOWN_SHARE or float(block.std()) < MIN_TEXTURE:
                continue
            window = field[y : y + reach, x : x + reach]
            matches.append(float(cv2.matchTemplate(window, block, cv2.TM_CCOEFF_NORMED).max()))
    return float(np.mean(matches)) if len(matches) >= MIN_BLOCKS else None
