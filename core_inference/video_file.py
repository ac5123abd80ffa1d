"""A video file through OpenCV's FFmpeg: the one place that opens `cv2.VideoCapture`."""

import math
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import FootageError

PROBE_FRAMES = 16
MAX_STEP_S = 60.0  # a longer step between two frames is a broken time stamp
MAX_FPS = 1000.0
_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
_HEAD_BYTES = 4096
_TEXT_VIDEO = b"YUV4MPEG2"  # uncompressed video with a text header


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """What the container and the first frames say: size in px as shown, rate, length.

    frame_count is an estimate, 0 if unknown; duration_s likewise. pixel_aspect is the width of a
    pixel over its height.
    """

    width: int
    height: int
    fps: float
    frame_count: int
    duration_s: float
    pixel_aspect: float


class VideoFile:
    """An open video: `grab` the next frame, then ask for its `stamp_s` and its `picture`.

    Raises FootageError on opening when the file is not a video that FFmpeg can decode.
    """

    def __init__(self, path: Path) -> None:
        _refuse_text(path)
        _quieten()
        self._capture = cv2.VideoCapture(
            os.path.abspath(path),  # absolute: never taken for a URL or another protocol
            cv2.CAP_FFMPEG,
            [cv2.CAP_PROP_HW_ACCELERATION, cv2.VIDEO_ACCELERATION_NONE],
        )
        if not self._capture.isOpened():
            raise undecodable(path)
        # This OpenCV leaves the picture as stored unless asked; turning it here is certain.
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        degrees = round(self._capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
        self._turn = _TURNS.get(degrees)

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    def grab(self) -> bool:
        """Decode the next frame without converting its colours; False at the end."""
        return self._capture.grab()

    @property
    def stamp_s(self) -> float:
        """Return the grabbed frame's presentation time in seconds (0 where it has none)."""
        return self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0

    def picture(self) -> NDArray[np.uint8] | None:
        """Return the grabbed frame (H,W,3) RGB, upright, or None if it cannot be converted."""
        ok, image = self._capture.retrieve()
        if not ok:
            return None
        code = cv2.COLOR_BGR2RGB if image.ndim == 3 else cv2.COLOR_GRAY2RGB
        rgb = cv2.cvtColor(image, code)
        return np.asarray(rgb if self._turn is None else cv2.rotate(rgb, self._turn), np.uint8)

    @property
    def coded_size(self) -> tuple[int, int]:
        """Return width and height in px as stored, before any rotation."""
        get = self._capture.get
        return int(get(cv2.CAP_PROP_FRAME_WIDTH)), int(get(cv2.CAP_PROP_FRAME_HEIGHT))

    def container_rate(self) -> tuple[float, int]:
        """Return the container's frame rate and frame count, 0 for what is not believable."""
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        good_fps = fps if math.isfinite(fps) and 0.0 < fps <= MAX_FPS else 0.0
        return good_fps, int(count) if math.isfinite(count) and 0 < count < 2**31 else 0

    def pixel_aspect(self) -> float:
        """Return the width of a shown pixel over its height, 1 where the file does not say."""
        wide = self._capture.get(cv2.CAP_PROP_SAR_NUM)
        high = self._capture.get(cv2.CAP_PROP_SAR_DEN)
        if wide <= 0 or high <= 0:
            return 1.0
        sideways = self._turn in (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)
        return high / wide if sideways else wide / high


def probe(path: Path, max_side: int) -> VideoFacts:
    """Open a video, decode its first frames and close it; raises FootageError.

    The rate is the container's unless the first frames' time stamps contradict it by more than
    a factor of two, as in Matroska files of variable rate (there OpenCV reports 1000).
    """
    with VideoFile(path) as video:
        if max(video.coded_size) > max_side:
            raise too_large(path, *video.coded_size, max_side)
        if not video.grab() or (first := video.picture()) is None:
            raise undecodable(path)
        stamps_s = [video.stamp_s]
        while len(stamps_s) < PROBE_FRAMES and video.grab():
            stamps_s.append(video.stamp_s)
        container_fps, count = video.container_rate()
        aspect = video.pixel_aspect()
    duration_s = count / container_fps if container_fps else 0.0
    fps = _believable_fps(container_fps, stamps_s)
    return VideoFacts(
        width=first.shape[1],
        height=first.shape[0],
        fps=fps,
        frame_count=count if fps == container_fps else round(duration_s * fps),
        duration_s=duration_s,
        pixel_aspect=aspect,
    )


def _believable_fps(container_fps: float, stamps_s: list[float]) -> float:
    steps_s = [b - a for a, b in zip(stamps_s, stamps_s[1:], strict=False) if 0 < b - a < 10]
    if not steps_s:
        return container_fps or 30.0
    seen_fps = 1.0 / statistics.fmean(steps_s)
    if container_fps and 0.5 <= seen_fps / container_fps <= 2.0:
        return container_fps
    return seen_fps


class Clock:
    """Turns raw stamps into seconds from the first frame, strictly increasing.

    A stamp that is missing, does not advance, or leaps by more than a minute is replaced by the
    time before it plus one frame at the nominal rate; `repaired` counts these.
    """

    def __init__(self, fps: float) -> None:
        self._step_s = 1.0 / fps
        self._origin_s: float | None = None
        self._last_s = 0.0
        self.repaired = 0
        self.first_repaired: int | None = None

    def time_s(self, index: int, stamp_s: float) -> float:
        """Return the time of frame `index`, to be called once for each frame in order."""
        if self._origin_s is None:
            self._origin_s = stamp_s if math.isfinite(stamp_s) else 0.0
            return 0.0
        time_s = stamp_s - self._origin_s
        if not 0.0 < time_s - self._last_s <= MAX_STEP_S:
            time_s = self._last_s + self._step_s
            self.repaired += 1
            if self.first_repaired is None:
                self.first_repaired = index
        self._last_s = time_s
        return time_s


def grabbed(video: VideoFile, clock: Clock, end: int | None) -> Iterator[tuple[int, float]]:
    """Walk the frames up to `end` (exclusive): yield index and time in seconds of each."""
    index = 0
    while (end is None or index < end) and video.grab():
        yield index, clock.time_s(index, video.stamp_s)
        index += 1


def undecodable(path: Path) -> FootageError:
    """Return the error for a file from which no frame of video comes."""
    return FootageError(
        f"no video could be read from {path.name}",
        expected="a video file that FFmpeg can decode",
        actual="audio only, a damaged or cut-off file, or an unknown format",
        next_step="check that it plays in a video player, or convert it to mp4 (H.264)",
    )


def too_large(path: Path, width: int, height: int, max_side: int) -> FootageError:
    """Return the error for pictures of an absurd size."""
    return FootageError(
        f"the pictures of {path.name} are too large",
        expected=f"1 to {max_side} px a side",
        actual=f"{width} x {height} px",
        next_step="scale the footage down",
    )


def _refuse_text(path: Path) -> None:
    """Refuse text files: no video at all, or playlists through which FFmpeg opens other files."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    binary = any(byte < 32 and byte not in b"\t\n\f\r" for byte in head)
    if binary or head.startswith(_TEXT_VIDEO):
        return
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not merely a character cut in two at the end
            return
    raise FootageError(
        f"{path.name} is not a video",
        expected="a video file",
        actual="a text file",
        next_step="choose the video itself",
    )


def _quieten() -> None:
    """Keep OpenCV's and FFmpeg's own messages off stderr: what matters becomes an error or warning.

    FFmpeg's level has no function in OpenCV, only this variable, read when the first video is
    opened; a level that the user has set stays.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    cv2.setLogLevel(0)
