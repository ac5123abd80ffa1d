"""The people of a capture drawn on its footage: a video to watch, a contact sheet to glance at.

`python -m pose2rig.core_inference.overlay FOOTAGE CLIP.npz|DIR [OUT.mp4] [--sheet SHEET.png]
[--top TOP.png]`: one clip, or everybody in the folder of a capture. Alone, somebody's left limbs
are blue, the right ones orange, the middle green; several have a colour and their number each,
darker on the right. An unsure bone fades, a frame that was filled in says so. `--top` shows from
above where people went. Pixels are BGR here, as OpenCV writes them.

Legend: T frames, J joints (55).
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..rigs.errors import FootageError, OutputError, Pose2RigError, UsageError
from .clip import Clip, load_clip
from .console import Console
from .drawing import (
    BY_SIDE,
    Image,
    draw_name,
    draw_skeleton,
    fitted,
    person_bgr,
    person_colours,
    write_label,
)
from .footage import Footage, Frame, open_footage, read
from .top_view import top_view

People = Mapping[int, Clip]
"""The clips of one capture by the numbers of their people."""

MAX_SIDE_PX = 1920
SHEET_FRAMES = 12
SHEET_COLUMNS = 4
SHEET_TILE_PX = 480

_CLIP_NAME = re.compile(r"person_(\d+)\.npz")


def load_people(path: Path) -> People:
    """Load one clip, or everybody's in the folder of a capture, by number.

    Raises: ClipFileError; UsageError where the folder holds no clip.
    """
    if not path.is_dir():
        return {0: load_clip(path)}
    names = [match for file in path.iterdir() if (match := _CLIP_NAME.fullmatch(file.name))]
    if not names:
        raise UsageError(
            f"{path} holds no capture",
            expected="person_0.npz and so on",
            actual="none of them",
            next_step="give the folder that was --out of pose2rig capture",
        )
    numbers = sorted(int(name[1]) for name in names)
    return {number: load_clip(path / f"person_{number}.npz") for number in numbers}


def write_overlay(footage_path: Path, people: People, out: Path) -> None:
    """Write the footage with everybody's skeleton as an mp4 (MPEG-4 part 2), frame by frame.

    Every frame of the footage is there, at its mean rate, at most 1920 px a side. Memory does not
    grow with length. Raises: FootageError; UsageError where a clip is of other footage;
    OutputError where `out` cannot be written, which then stays as it was.
    """
    footage = open_footage(footage_path)
    with _staged(out) as staged:
        writer: cv2.VideoWriter | None = None
        count = 0
        try:
            with closing(overlaid(footage_path, people)) as frames:
                for _, image in frames:
                    writer = writer or _opened_writer(staged, footage.fps, image, out)
                    writer.write(image)
                    count += 1
        finally:
            if writer is not None:
                writer.release()
        _check_written(staged, count, out)


def write_sheet(
    footage_path: Path,
    people: People,
    out: Path,
    count: int = SHEET_FRAMES,
    span: tuple[int, int] | None = None,
) -> None:
    """Write one picture of `count` frames, evenly spaced from first to last sight of anybody.

    Args: span: first and last source frame instead. Raises as write_overlay.
    """
    first, last = span or _span(people)
    wanted = set(np.linspace(first, last, max(count, 1)).round().astype(int).tolist())
    with closing(overlaid(footage_path, people, wanted)) as frames:
        tiles = [_tile(image) for _, image in frames]
    if not tiles:
        raise _other_footage("a frame of the clip", "none of them in the footage")
    while len(tiles) % SHEET_COLUMNS and len(tiles) > SHEET_COLUMNS:
        tiles.append(np.zeros_like(tiles[0]))
    columns = min(SHEET_COLUMNS, len(tiles))
    lines = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    _write_png(np.vstack(lines), out)


def write_top_view(people: People, out: Path) -> None:
    """Write where everybody went, seen from above, as a PNG; raises OutputError."""
    _write_png(top_view(people), out)


def overlaid(
    footage_path: Path, people: People, wanted: set[int] | None = None
) -> Generator[tuple[int, Image]]:
    """Yield (source frame, BGR image with the people), one by one, of all or the wanted frames.

    Raises: FootageError; UsageError where a clip is of other footage.
    """
    footage = open_footage(footage_path)
    for clip in people.values():
        _check_footage(clip, footage)
    scale = min(1.0, MAX_SIDE_PX / max(footage.width, footage.height))
    rows = {number: _rows(clip) for number, clip in people.items()}
    end = None if wanted is None else max(wanted) + 1
    for frame in read(footage, end=end):
        if wanted is None or frame.index in wanted:
            here = {n: found[frame.index] for n, found in rows.items() if frame.index in found}
            yield frame.index, _picture(frame, people, here, scale)


def _picture(frame: Frame, people: People, here: Mapping[int, int], scale: float) -> Image:
    """One frame with the people who are in it; here: their rows by number."""
    image = fitted(frame.image, scale)
    alone = len(people) == 1
    filled: list[int] = []
    for number, row in here.items():
        clip = people[number]
        points_J2 = (clip.joints2d[row].astype(np.float64) + 0.5) * scale - 0.5
        scores_J = clip.scores[row].astype(np.float64)
        draw_skeleton(image, points_J2, scores_J, BY_SIDE if alone else person_colours(number))
        if not clip.tracked[row]:
            filled.append(number)
        if not alone:
            draw_name(image, points_J2, str(number), person_bgr(number))
    names = "" if alone else " " + ", ".join(map(str, filled))
    state = "nobody" if not here else f"filled in{names}" if filled else ""
    text = f"frame {frame.index}  {frame.time_s:.2f} s  {state}"
    write_label(image, text.strip(), marked=bool(state))
    return image


def _rows(clip: Clip) -> dict[int, int]:
    """Source frame to row."""
    return {frame: row for row, frame in enumerate(clip.frame_index.tolist())}


def _span(people: People) -> tuple[int, int]:
    """First and last source frame of anybody."""
    ends = [(int(clip.frame_index[0]), int(clip.frame_index[-1])) for clip in people.values()]
    return min(first for first, _ in ends), max(last for _, last in ends)


def _check_footage(clip: Clip, footage: Footage) -> None:
    expected = tuple(clip.camera.image_size.tolist())
    if expected != (footage.width, footage.height):
        found = f"{footage.width} x {footage.height} px"
        raise _other_footage(f"footage of {expected[0]} x {expected[1]} px", found)


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


def _write_png(image: Image, out: Path) -> None:
    good, data = cv2.imencode(".png", image)
    with _staged(out) as staged:
        if not good:
            raise _unwritable(out, "a picture that does not encode as PNG")
        staged.write_bytes(data.tobytes())


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
    """Draw the people of one capture; returns the exit status of contract.md."""
    options = _options(argv)
    with Console(debug=options.debug, json_lines=False) as console:
        try:
            people = load_people(options.clips)
            if options.out is not None:
                write_overlay(options.footage, people, options.out)
                console.say(f"wrote {options.out}")
            if options.sheet is not None:
                span = None if options.span is None else (options.span[0], options.span[1])
                write_sheet(options.footage, people, options.sheet, options.frames, span)
                console.say(f"wrote {options.sheet}")
            if options.top is not None:
                write_top_view(people, options.top)
                console.say(f"wrote {options.top}")
            return 0
        except Pose2RigError as error:
            console.fail(error)
            return error.exit_status


def _options(argv: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m pose2rig.core_inference.overlay",
        description="Draw the people of a capture on its footage.",
    )
    parser.add_argument("footage", type=Path)
    parser.add_argument("clips", type=Path, metavar="CLIP.npz|DIR", help="a clip, or all of a run")
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT.mp4")
    parser.add_argument("--sheet", type=Path, metavar="SHEET.png", help="also a contact sheet")
    parser.add_argument("--frames", type=int, default=SHEET_FRAMES, help="frames on the sheet")
    parser.add_argument(
        "--span",
        type=int,
        nargs=2,
        metavar=("FIRST", "LAST"),
        help="source frames that the sheet spans; default: as long as there is anybody",
    )
    parser.add_argument("--top", type=Path, metavar="TOP.png", help="also the paths from above")
    parser.add_argument("--debug", action="store_true", help="show everything that is logged")
    options = parser.parse_args(argv)
    if options.out is None and options.sheet is None and options.top is None:
        parser.error("nothing to write: give OUT.mp4, --sheet SHEET.png or --top TOP.png")
    return options


if __name__ == "__main__":
    sys.exit(main())
