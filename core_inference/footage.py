"""Footage: video files, folders of images and single images, as a stream of frames."""

import hashlib
import os
import re
import stat
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import FootageError
from .image_file import focal_px_from_exif, is_image_name, read_image
from .tally import OnWarning, Tally
from .video_file import Clock, VideoFile, grabbed, probe, too_large, undecodable

STILL_FPS = 30.0
MAX_SIDE_PX = 16384
_HASH_BLOCK_BYTES = 1 << 20
_SHORTFALL = 0.95  # a video with less than this of its promised length counts as cut off
_MAX_SQUARE_ERROR = 0.1


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

    width and height in px as shown (rotation metadata applied); fps the mean rate (30 for images);
    frame_count an estimate, 0 if unknown; duration_s what the container promises, 0 if unknown;
    focal_px from metadata, or None; pixel_aspect a pixel's shown width over its height.
    """

    path: Path
    kind: Literal["video", "folder", "image"]
    width: int
    height: int
    fps: float
    frame_count: int
    focal_px: float | None
    duration_s: float = 0.0
    pixel_aspect: float = 1.0

    @property
    def name(self) -> str:
        """What results made from it are called: the file's or folder's name, never empty."""
        return self.path.stem or "take"


def open_footage(path: Path) -> Footage:
    """Look at a video file, a folder of images or one image; raises FootageError.

    Nothing but local files is ever opened. A video's first frame is decoded, so that what this
    returns can be read.
    """
    try:
        mode = path.stat().st_mode
        whole = Path(os.path.abspath(path))
        str(whole).encode("utf-8")
        if stat.S_ISDIR(mode):
            return _open_folder(whole)
        _check_file(whole, mode)
        return _open_image(whole) if is_image_name(whole) else _open_video(whole)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def read(
    footage: Footage,
    start: int | None = None,
    end: int | None = None,
    on_warning: OnWarning = lambda code, message: None,
    tally: Tally | None = None,
) -> Generator[Frame]:
    """Yield the frames from `start` to `end` (exclusive, None for all) one by one, in order.

    Memory does not grow with length. `on_warning` gets a code and one line for whatever was left
    out or mended. `tally` is kept up to date; one that an earlier reading left is gone on from, as
    if there had been no break. Raises FootageError for an empty range, at once, and, when it is
    found, for a start beyond the last frame or footage without a single usable frame.
    """
    first = 0 if start is None else start
    if first < 0 or (end is not None and end <= first):
        raise FootageError(
            "the frame range is empty",
            expected="0 <= start < end",
            actual=f"start {first}, end {end}",
            next_step="choose another range; the end frame itself is not included",
        )
    reader = _read_video if footage.kind == "video" else _read_images
    wanted = _Wanted(footage=footage, start=first, end=end, tally=tally or Tally())
    return _translated(footage, reader(wanted, on_warning))


def content_sha256(footage: Footage) -> str:
    """Return the SHA-256, in hex, of a file's bytes, or of a folder's images: names and bytes."""
    digest = hashlib.sha256()
    try:
        for path in _files(footage):
            if footage.kind == "folder":
                digest.update(os.fsencode(path.name) + b"\0")
                digest.update(path.stat().st_size.to_bytes(8, "little"))
            with path.open("rb") as file:
                while block := file.read(_HASH_BLOCK_BYTES):
                    digest.update(block)
    except OSError as error:
        raise _unreadable(footage.path, error) from error
    return digest.hexdigest()


def _check_file(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise FootageError(
            f"{path.name} is not a file",
            expected="a video file, a folder of images or an image",
            actual="a device, pipe or socket",
            next_step="save the footage to a file first",
        )
    with path.open("rb") as file:
        if not file.read(1):
            raise FootageError(
                f"{path.name} is empty",
                expected="a video or an image",
                actual="a file of 0 bytes",
                next_step="copy or export the footage again",
            )


def _open_video(path: Path) -> Footage:
    facts = probe(path, MAX_SIDE_PX)
    _check_size(path, facts.width, facts.height)
    return Footage(
        path=path,
        kind="video",
        width=facts.width,
        height=facts.height,
        fps=facts.fps,
        frame_count=facts.frame_count,
        focal_px=None,
        duration_s=facts.duration_s,
        pixel_aspect=facts.pixel_aspect,
    )


def _open_image(path: Path) -> Footage:
    return _stills(path, "image", [path])


def _open_folder(path: Path) -> Footage:
    images = _images_in(path)
    if not images:
        raise FootageError(
            f"there are no images in the folder {path.name}",
            expected="images such as .jpg, .png, .webp or .tif",
            actual=f"{len(list(path.iterdir()))} other entries",
            next_step="choose the folder that holds the frames, or a video file",
        )
    return _stills(path, "folder", images)


def _stills(path: Path, kind: Literal["folder", "image"], images: list[Path]) -> Footage:
    for image_path in images:
        image = read_image(image_path, MAX_SIDE_PX)
        if image is None:
            continue
        height, width = image.shape[:2]
        return Footage(
            path=path,
            kind=kind,
            width=width,
            height=height,
            fps=STILL_FPS,
            frame_count=len(images),
            focal_px=focal_px_from_exif(image_path, width, height),
            duration_s=len(images) / STILL_FPS,
        )
    raise FootageError(
        f"no image could be read from {path.name}",
        expected=f"an image of 1 to {MAX_SIDE_PX} px a side",
        actual=f"{len(images)} damaged, too large or unknown",
        next_step="check that it opens in an image viewer, or save it again as png",
    )


def _images_in(folder: Path) -> list[Path]:
    return sorted((p for p in folder.iterdir() if is_image_name(p) and p.is_file()), key=_natural)


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Order names as people do: frame2 before frame10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name.lower())
    return [(0, int(p[:400]), "") if p[0] in "0123456789" else (1, 0, p) for p in parts], path.name


def _files(footage: Footage) -> list[Path]:
    return _images_in(footage.path) if footage.kind == "folder" else [footage.path]


def _translated(footage: Footage, frames: Generator[Frame]) -> Generator[Frame]:
    """Pass frames on: a file that vanishes midway becomes a FootageError."""
    with closing(frames):
        while True:
            try:
                frame = next(frames, None)
            except OSError as error:
                raise _unreadable(footage.path, error) from error
            if frame is None:
                return
            yield frame


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What is to be read: frames from `start` to `end` without those that `tally` has counted."""

    footage: Footage
    start: int
    end: int | None
    tally: Tally

    @property
    def first(self) -> int:
        return max(self.start, self.tally.next_index)

    def has_size(self, image: NDArray[np.uint8]) -> bool:
        return image.shape[:2] == (self.footage.height, self.footage.width)

    def finish(self) -> None:
        if not self.tally.usable:
            raise _nothing_usable(self.footage, self.start, self.end)


def _read_images(wanted: _Wanted, on_warning: OnWarning) -> Generator[Frame]:
    footage, tally = wanted.footage, wanted.tally
    paths = _files(footage)
    if wanted.start >= len(paths):
        raise _beyond_end(wanted.start, len(paths))
    for index, path in enumerate(paths[: wanted.end]):
        if index < wanted.first:
            continue
        image = read_image(path, MAX_SIDE_PX)
        if image is None:
            tally.leave_out("broken_image", path.name)
        elif not wanted.has_size(image):
            tally.leave_out("image_size", path.name)
        else:
            tally.keep(index)
            yield Frame(index=index, time_s=index / STILL_FPS, image=image)
    tally.warn("broken_image", "not readable as images", on_warning)
    tally.warn("image_size", f"not {footage.width} x {footage.height} px", on_warning)
    wanted.finish()


def _read_video(wanted: _Wanted, on_warning: OnWarning) -> Generator[Frame]:
    footage, tally = wanted.footage, wanted.tally
    clock = Clock(footage.fps)
    count, time_s = 0, 0.0
    with VideoFile(footage.path) as video:
        for index, time_s in grabbed(video, clock, wanted.end):
            count = index + 1
            if index < wanted.first:
                continue
            image = video.picture()
            if image is None or not wanted.has_size(image):
                tally.leave_out("broken_frame", f"frame {index}")
                continue
            tally.keep(index)
            yield Frame(index=index, time_s=time_s, image=image)
    if not count:
        raise undecodable(footage.path)
    if count <= wanted.start:
        raise _beyond_end(wanted.start, count)
    reason = f"not {footage.width} x {footage.height} px or not decoded"
    tally.warn("broken_frame", reason, on_warning)
    _warn_of_video(footage, clock, on_warning)
    if wanted.end is None or count < wanted.end:
        _warn_of_shortfall(footage, count, time_s, on_warning)
    wanted.finish()


def _warn_of_video(footage: Footage, clock: Clock, on_warning: OnWarning) -> None:
    if clock.repaired:
        on_warning(
            "time_stamps",
            f"no usable time stamp on {clock.repaired} of the frames, the first of them frame"
            f" {clock.first_repaired}; their times follow the nominal rate, {footage.fps:.6g} fps",
        )
    if abs(footage.pixel_aspect - 1.0) > _MAX_SQUARE_ERROR:
        on_warning(
            "pixel_aspect",
            f"the pixels of this video are not square ({footage.pixel_aspect:.3g} times as wide as"
            " high): people will look stretched; convert it to square pixels",
        )


def _warn_of_shortfall(
    footage: Footage, count: int, last_time_s: float, on_warning: OnWarning
) -> None:
    """Warn of a cut-off file: both its frames and its length fall short of what it promised."""
    read_s = last_time_s + 1.0 / footage.fps
    if count < _SHORTFALL * footage.frame_count and read_s < _SHORTFALL * footage.duration_s:
        on_warning(
            "truncated",
            f"the file announces about {footage.frame_count} frames, {count} could be read:"
            " it may be cut off or damaged",
        )


def _check_size(path: Path, width: int, height: int) -> None:
    if not (1 <= width <= MAX_SIDE_PX and 1 <= height <= MAX_SIDE_PX):
        raise too_large(path, width, height, MAX_SIDE_PX)


def _unreadable(path: Path, error: OSError | ValueError) -> FootageError:
    missing = isinstance(error, FileNotFoundError)
    reason = error.strerror if isinstance(error, OSError) else None
    return FootageError(
        f"{str(path)!r} does not exist" if missing else f"{str(path)!r} cannot be read",
        expected="a local video file, a folder of images or an image",
        actual="nothing there" if missing else (reason or str(error)).lower(),
        next_step="check the path" if missing else "check the path and its permissions",
    )


def _beyond_end(start: int, count: int) -> FootageError:
    return FootageError(
        "the frame range starts beyond the end of the footage",
        expected=f"a start below {count}",
        actual=str(start),
        next_step="choose an earlier start",
    )


def _nothing_usable(footage: Footage, start: int, end: int | None) -> FootageError:
    return FootageError(
        f"no frame of {footage.path.name} could be used",
        expected=f"pictures of {footage.width} x {footage.height} px",
        actual=f"none from frame {start} to {'the end' if end is None else end}",
        next_step="choose another range or repair the footage",
    )
