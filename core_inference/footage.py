"""Footage: video files, folders of images and single images, as a stream of frames.

(Border types; the reading follows.)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture: index counts source frames from 0, time_s is its presentation time stamp.

    image (H,W,3) uint8 RGB, upright (rotation metadata applied).
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Footage:
    """What is known of a piece of footage before it is read.

    width and height in px as shown (rotation metadata applied); fps the mean rate (30 for one
    image); frame_count an estimate, 0 if unknown; focal_px from metadata, or None.
    """

    path: Path
    kind: Literal["video", "folder", "image"]
    width: int
    height: int
    fps: float
    frame_count: int
    focal_px: float | None
