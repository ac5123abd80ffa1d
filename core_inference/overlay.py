"""The skeleton of a clip drawn on its footage: a video to watch, a contact sheet to glance at.

`python -m pose2rig.core_inference.overlay FOOTAGE CLIP.npz OUT.mp4 [--sheet SHEET.png]`
Left limbs are blue, right limbs orange, the middle green; an unsure bone fades, a frame that was
filled in says so. Pixels are BGR here, as OpenCV writes them.

Legend: T frames, J joints (55).
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import FootageError, OutputError, Pose2RigError, UsageError
from ..rigs.skeleton import BODY_PARTS, JOINT_NAMES, PARENTS
from .clip import Clip, load_clip
from .console import Console
from .footage import open_footage, read

Image = NDArray[np.uint8]
Float64 = NDArray[np.float64]

LEFT_BGR = (255, 150, 40)
RIGHT_BGR = (30, 130, 255)
MIDDLE_BGR = (90, 220, 120)
FILLED_BGR = (60, 60, 255)
TEXT_BGR = (255, 255, 255)
DARK_BGR = (20, 20, 20)

MAX_SIDE_PX = 1920
FAINTEST = 0.2
SURE_SCORE = 0.7
SHEET_FRAMES = 12
SHEET_COLUMNS = 4
SHEET_TILE_PX = 480

_FINE = frozenset((*BODY_PARTS["fingers"], *BODY_PARTS["face"]))
_SUBPIXEL_BITS = 4


def write_overlay(footage_path: Path, clip: Clip, out: Path) -> None:
    """Write the footage with the clip's skeleton as an mp4 (MPEG-4 part 2), frame by frame.

    Every frame of the footage is there, at its mean rate, at most 1920 px a side. Memory does not
    grow with length. Raises: FootageError; UsageError where the clip is of other footage;
    OutputError where `out` cannot be written, which then stays as it was.
    """
    footage = open_footage(footage_path)
    with _staged(out) as staged:
        writer: cv2.VideoWriter | None = None
        count = 0
        try:
            with closing(overlaid(footage_path, clip)) as frames:
                for _, image in frames:
                    writer = writer or _opened_writer(staged, footage.fps, image, out)
                    writer.write(image)
                    count += 1
        finally:
            if writer is not None:
                writer.release()
        _check_written(staged, count, out)


def write_sheet(footage_path: Path, clip: Clip, out: Path, count: int = SHEET_FRAMES) -> None:
    """Write one picture of `count` frames, evenly spaced over the clip; raises as write_overlay."""
    rows = np.unique(np.linspace(0, len(clip.frame_index) - 1, max(count, 1)).round().astype(int))
    wanted = set(clip.frame_index[rows].tolist())
    with closing(overlaid(footage_path, clip, wanted)) as frames:
        tiles = [_tile(image) for _, image in frames]
    if not tiles:
        raise _other_footage("a frame of the clip", "none of them in the footage")
    while len(tiles) % SHEET_COLUMNS and len(tiles) > SHEET_COLUMNS:
        tiles.append(np.zeros_like(tiles[0]))
    columns = min(SHEET_COLUMNS, len(tiles))
    lines = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    good, data = cv2.imencode(".png", np.vstack(lines))
    with _staged(out) as staged:
        if not good:
            raise _unwritable(out, "a picture that does not encode as PNG")
        staged.write_bytes(data.tobytes())


def overlaid(
    footage_path: Path, clip: Clip, wanted: set[int] | None = None
) -> Generator[tuple[int, Image]]:
    """Yield (source frame, BGR image with the skeleton), one by one, of all or the wanted frames.

    Raises: FootageError; UsageError where the clip is of other footage.
    """
    footage = open_footage(footage_path)
    expected = tuple(clip.camera.image_size.tolist())
    if expected != (footage.width, footage.height):
        found = f"{footage.width} x {footage.height} px"
        raise _other_footage(f"footage of {expected[0]} x {expected[1]} px", found)
    scale = min(1.0, MAX_SIDE_PX / max(expected))
    rows = {frame: row for row, frame in enumerate(clip.frame_index.tolist())}
    end = None if wanted is None else max(wanted) + 1
    for frame in read(footage, end=end):
        if wanted is not None and frame.index not in wanted:
            continue
        image = _fitted(frame.image, scale)
        row = rows.get(frame.index)
        if row is not None:
            points = (clip.joints2d[row].astype(np.float64) + 0.5) * scale - 0.5
            draw_skeleton(image, points, clip.scores[row].astype(np.float64))
        filled = row is not None and not clip.tracked[row]
        state = "nobody" if row is None else "filled in" if filled else ""
        _write_label(image, f"frame {frame.index}  {frame.time_s:.2f} s  {state}", bool(state))
        yield frame.index, image


def draw_skeleton(image: Image, points_J2: Float64, scores_J: Float64) -> None:
    """Draw 55 joints at (55,2) px into a BGR image, bones as sure as their scores (55,)."""
    thick = max(2, round(min(image.shape[:2]) / 180))
    canvas = np.zeros_like(image)
    cover = np.zeros(image.shape[:2], dtype=np.uint8)
    limit = 8 * max(image.shape[:2])
    fixed_J2 = (np.clip(points_J2, -limit, limit) * 2**_SUBPIXEL_BITS).round().astype(int)
    strength_J = np.clip(scores_J / SURE_SCORE, FAINTEST, 1.0)
    fine_first = sorted(range(1, len(PARENTS)), key=lambda joint: joint not in _FINE)
    for edge in (2, 0):
        for joint in fine_first:
            width = max(1, thick // 2) if joint in _FINE else thick
            strength = min(strength_J[joint], strength_J[PARENTS[joint]])
            colour = DARK_BGR if edge else _colour(joint)
            ends = fixed_J2[PARENTS[joint]].tolist(), fixed_J2[joint].tolist()
            _line(canvas, cover, ends, (width + edge, strength), colour)
    for joint in range(len(PARENTS)):
        if joint not in _FINE:
            _dot(canvas, cover, fixed_J2[joint].tolist(), thick, strength_J[joint])
    _blend(image, canvas, cover)


def _line(
    canvas: Image,
    cover: Image,
    ends: tuple[list[int], list[int]],
    pen: tuple[int, float],
    colour: tuple[int, int, int],
) -> None:
    """The colour goes wide and hard on the canvas, the smooth edge into the cover."""
    width, strength = pen
    cv2.line(canvas, ends[0], ends[1], colour, width + 2, cv2.LINE_8, _SUBPIXEL_BITS)
    shade = (round(255 * strength),)
    cv2.line(cover, ends[0], ends[1], shade, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _dot(canvas: Image, cover: Image, point: list[int], radius: int, strength: float) -> None:
    fixed = round(radius * 2**_SUBPIXEL_BITS * 0.8)
    wide = fixed + 2**_SUBPIXEL_BITS
    cv2.circle(canvas, point, wide, TEXT_BGR, cv2.FILLED, cv2.LINE_8, _SUBPIXEL_BITS)
    shade = (round(255 * strength),)
    cv2.circle(cover, point, fixed, shade, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def _blend(image: Image, canvas: Image, cover: Image) -> None:
    x, y, width, height = cv2.boundingRect(cover)
    box = np.s_[y : y + height, x : x + width]
    weight = cover[box].astype(np.float32)[..., None] / 255.0
    image[box] = (image[box] * (1.0 - weight) + canvas[box] * weight).round().astype(np.uint8)


def _colour(joint: int) -> tuple[int, int, int]:
    name = JOINT_NAMES[joint]
    if name.startswith("left_"):
        return LEFT_BGR
    return RIGHT_BGR if name.startswith("right_") else MIDDLE_BGR


def _write_label(image: Image, text: str, marked: bool) -> None:
    size = max(0.4, min(image.shape[:2]) / 900)
    thick = max(1, round(size * 1.6))
    base = round(34 * size)
    if marked:
        edge = max(3, round(8 * size))
        low, high = (0, 0), (image.shape[1] - 1, image.shape[0] - 1)
        cv2.rectangle(image, low, high, FILLED_BGR, edge)
    for colour, width in ((DARK_BGR, thick * 3), (FILLED_BGR if marked else TEXT_BGR, thick)):
        place = (round(14 * size), base)
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(image, text.strip(), place, font, size, colour, width, cv2.LINE_AA)


def _fitted(rgb: Image, scale: float) -> Image:
    """BGR, at most MAX_SIDE_PX a side, sides even as video encoders want them."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    if scale < 1.0:
        size = (round(bgr.shape[1] * scale), round(bgr.shape[0] * scale))
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
    odd_height, odd_width = bgr.shape[0] % 2, bgr.shape[1] % 2
    if odd_height or odd_width:
        bgr = cv2.copyMakeBorder(bgr, 0, odd_height, 0, odd_width, cv2.BORDER_REPLICATE)
    return np.asarray(bgr, dtype=np.uint8)


def _tile(image: Image) -> Image:
    factor = min(1.0, SHEET_TILE_PX / max(image.shape[:2]))
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


# --- files -----------------------------------------------------------------------------------


@contextmanager
def _staged(out: Path) -> Generator[Path]:
    """A file beside `out` that takes its name when all went well, and vanishes otherwise."""
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.stem}.", suffix=out.suffix)
        os.close(handle)
    except OSError as error:
        raise _unwritable(out, error.strerror or str(error)) from error
    staged = Path(name)
    try:
        yield staged
        staged.chmod(0o644)
        staged.replace(out)
    except OSError as error:
        raise _unwritable(out, error.strerror or str(error)) from error
    finally:
        staged.unlink(missing_ok=True)


def _opened_writer(staged: Path, fps: float, image: Image, out: Path) -> cv2.VideoWriter:
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(staged), codec, fps, (image.shape[1], image.shape[0]))
    if not writer.isOpened():
        raise _unwritable(out, "OpenCV could not open an mp4 file")
    return writer


def _check_written(staged: Path, count: int, out: Path) -> None:
    """A full disk does not make OpenCV fail, it makes the file unreadable or short."""
    try:
        found = open_footage(staged).frame_count
    except FootageError as error:
        raise _unwritable(out, f"a file that cannot be read back ({error.actual})") from error
    if found < count:
        raise _unwritable(out, f"{found} of {count} frames")


def _unwritable(out: Path, actual: str) -> OutputError:
    return OutputError(
        f"cannot write {out.name}",
        expected="a folder with room and write permission",
        actual=actual,
        next_step="free some disk space or choose another place",
    )


def _other_footage(expected: str, actual: str) -> UsageError:
    return UsageError(
        "the clip does not belong to this footage",
        expected=expected,
        actual=actual,
        next_step="choose the footage that the clip was captured from",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the overlay of one clip; returns the exit status of contract.md."""
    options = _options(argv)
    with Console(debug=options.debug, json_lines=False) as console:
        try:
            clip = load_clip(options.clip)
            if options.out is not None:
                write_overlay(options.footage, clip, options.out)
                console.say(f"wrote {options.out}")
            if options.sheet is not None:
                write_sheet(options.footage, clip, options.sheet, options.frames)
                console.say(f"wrote {options.sheet}")
            return 0
        except Pose2RigError as error:
            console.fail(error)
            return error.exit_status


def _options(argv: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m pose2rig.core_inference.overlay",
        description="Draw a clip's skeleton on its footage.",
    )
    parser.add_argument("footage", type=Path)
    parser.add_argument("clip", type=Path, metavar="CLIP.npz")
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT.mp4")
    parser.add_argument("--sheet", type=Path, metavar="SHEET.png", help="also a contact sheet")
    parser.add_argument("--frames", type=int, default=SHEET_FRAMES, help="frames on the sheet")
    parser.add_argument("--debug", action="store_true", help="show everything that is logged")
    options = parser.parse_args(argv)
    if options.out is None and options.sheet is None:
        parser.error("nothing to write: give OUT.mp4 or --sheet SHEET.png")
    return options


if __name__ == "__main__":
    sys.exit(main())
