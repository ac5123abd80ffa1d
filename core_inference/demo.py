"""What `make demo` runs: one capture from footage to FBX, explained, with pictures of it.

`python -m pose2rig.core_inference.demo FOOTAGE [--truth MOTION.npz] --out DIR`: everybody in the
footage; with a known motion the one person whose motion it is.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..rigs.errors import OutputError, Pose2RigError
from .__main__ import main as run_command
from .body_model import load_open_body
from .clip import load_clip
from .console import Console
from .evaluate import Evaluation, evaluate
from .metrics import quality
from .overlay import load_people, write_overlay, write_sheet, write_top_view

Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure of report.json as people read it: its name, unit and what it says."""

    key: str
    name: str
    unit: str
    digits: int
    factor: float
    meaning: str


ROWS = (
    Row(
        key="coverage",
        name="coverage",
        unit="%",
        digits=0,
        factor=100.0,
        meaning="frames with the person really seen; the rest is filled in",
    ),
    Row(
        key="mean_score",
        name="mean score",
        unit="",
        digits=2,
        factor=1.0,
        meaning="how sure the detector was of all joints, 0 to 1",
    ),
    Row(
        key="reprojection_px",
        name="reprojection",
        unit="px",
        digits=1,
        factor=1.0,
        meaning="skeleton to detections in the picture; small is good",
    ),
    Row(
        key="jitter_10m_s3",
        name="jitter",
        unit="m/s³",
        digits=0,
        factor=10.0,
        meaning="trembling; compare takes of the same footage, low is smooth",
    ),
    Row(
        key="foot_slide_cm_s",
        name="foot slide",
        unit="cm/s",
        digits=1,
        factor=1.0,
        meaning="speed of feet that should stand still; 0 is perfect",
    ),
    Row(
        key="floor_penetration_cm",
        name="in the floor",
        unit="cm",
        digits=1,
        factor=1.0,
        meaning="depth of the lower foot below the ground; 0 is perfect",
    ),
    Row(
        key="bone_length_cv",
        name="bone lengths",
        unit="%",
        digits=2,
        factor=100.0,
        meaning="change of the bones' lengths; about 0: bones do not stretch",
    ),
)


def quality_table(figures: Figures, truth: Figures | None = None) -> str:
    """One line for each figure of a person, beside those of the known motion where there is one.

    Args: figures, truth: as in report.json; a figure that is missing is left out.
    """
    lines = []
    for row in ROWS:
        if row.key in figures:
            known = "" if truth is None else _value(row, truth[row.key])
            columns = f"  {row.name:<13}{_value(row, figures[row.key]):>11}"
            lines.append(f"{columns}{known:>14}   {row.meaning}".rstrip())
    head = f"  {'':<13}{'this take':>11}{'known motion' if truth else '':>14}"
    return "\n".join([head.rstrip(), *lines])


def others_table(people: dict[str, Figures]) -> str:
    """One line for each further person: their number, frames and most telling figures."""
    rows = [row for row in ROWS if row.key in ("coverage", "mean_score", "foot_slide_cm_s")]
    lines = []
    for number, figures in people.items():
        told = [f"{row.name} {_value(row, figures[row.key])}" for row in rows if row.key in figures]
        told.insert(0, f"{figures['frames']:.0f} frames")
        lines.append(f"  person {number:<4}  {', '.join(told)}")
    return "\n".join(lines)


def _value(row: Row, value: float) -> str:
    return f"{value * row.factor:.{row.digits}f} {row.unit}".strip()


def error_table(evaluation: Evaluation) -> str:
    """The errors against the known motion, a line each, in millimetres and degrees."""
    rows = [
        (
            "joints",
            f"{evaluation.mpjpe_mm:.0f} mm",
            f"mean of {evaluation.joints} body joints, the hips put together",
        ),
        (
            "pose alone",
            f"{evaluation.pa_mpjpe_mm:.0f} mm",
            "the same, every frame turned and scaled to fit best",
        ),
        (
            "root path",
            f"{evaluation.root_path_mm:.0f} mm",
            "the hips in the room; depth is hard to tell from one camera",
        ),
    ]
    if evaluation.rotation_deg is not None:
        rotation = f"{evaluation.rotation_deg:.1f} degrees"
        rows.append(("rotations", rotation, "median over the body's joints"))
    return "\n".join(f"  {name:<13}{value:>12}   {meaning}" for name, value, meaning in rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Capture, explain and draw; returns the exit status of contract.md."""
    options = _options(argv)
    passed_on = ["--debug"] if options.debug else []
    command = ["capture", str(options.footage), "--out", str(options.out), "--overwrite"]
    person = ["--person", "all" if options.truth is None else "largest"]
    status = run_command([*command, *person, *passed_on])
    if status != 0:
        return status
    with Console(debug=options.debug, json_lines=False) as console:
        try:
            explain(options.footage, options.out, options.truth, console)
            return 0
        except Pose2RigError as error:
            console.fail(error)
            return error.exit_status


def explain(footage: Path, out: Path, truth: Path | None, console: Console) -> None:
    """Say how good the capture in the folder `out` is, and draw it on its footage there.

    Writes overlay.mp4 and overlay.png of everybody, and top.png, their paths from above. Raises
    Pose2RigError.
    """
    figures = _people(out)
    first, *others = sorted(figures, key=int)
    result = out / f"person_{first}.npz"
    known = None
    if truth is not None:
        known = quality(load_clip(truth), None, load_open_body()).as_dict()
    console.print(f"\nHow the take looks (person {first}, {figures[first]['frames']:.0f} frames)")
    console.print(quality_table(figures[first], known))
    if others:
        console.print("\nEverybody else")
        console.print(others_table({number: figures[number] for number in others}))
    if truth is not None:
        console.print("\nError against the known motion")
        console.print(error_table(evaluate(result, truth)))
    people = load_people(out)
    write_overlay(footage, people, out / "overlay.mp4")
    write_sheet(footage, people, out / "overlay.png")
    write_top_view(people, out / "top.png")
    console.print(_next_steps(out, first, bool(others)))


def _people(out: Path) -> dict[str, Figures]:
    path = out / "report.json"
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {str(number): dict(figures) for number, figures in report["people"].items()}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise OutputError(
            f"cannot read {path}",
            expected="the report of the capture",
            actual=str(error),
            next_step="run the capture again",
        ) from error


def _next_steps(out: Path, number: str, several: bool) -> str:
    fbx = out / f"person_{number}.fbx"
    lines = [
        "",
        "Files",
        f"  {out / 'overlay.mp4'}   the skeleton on the footage (overlay.png: at a glance)",
        f"  {out / 'top.png'}   the path over the ground, from above",
        f"  {out / f'person_{number}.npz'}   the clip, in AMASS / SMPL-X layout",
    ]
    if several:
        lines.append("  and one clip for each further person")
    if fbx.is_file():
        lines.append(f"  {fbx}   the animated armature")
    lines += [
        f"  {out / 'report.json'}   these figures",
        "",
        "Next",
        "  In Blender: File > Import > FBX, choose the .fbx file."
        if fbx.is_file()
        else "  Install Blender or the blender extra to get an .fbx file as well.",
        "  Or capture inside Blender: make extension, then install the zip from dist/ (Edit >",
        "  Preferences > Get Extensions > Install from Disk) and open the tab Pose2Rig.",
        "  Your own clip: make demo FOOTAGE=path",
    ]
    return "\n".join(lines)


def _options(argv: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m pose2rig.core_inference.demo",
        description="Capture one piece of footage and explain the result.",
    )
    parser.add_argument("footage", type=Path)
    parser.add_argument("--truth", type=Path, metavar="MOTION.npz", help="the known motion")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--debug", action="store_true", help="show everything that is logged")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
