"""The `pose2rig` command."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..rigs.errors import Cancelled, Pose2RigError, UsageError
from . import VERSION
from .console import Console, ReaderLeft
from .evaluate_help import DESCRIPTION, FIGURES
from .motion.calibration_take import TARGETS
from .motion.calming import FILTERS
from .motion.feet import MODES
from .motion.refining import REFINEMENTS
from .motion.stack import GROUNDS, MotionSettings
from .retarget_command import add_retarget, run_retarget
from .settings import DEVICES, ESTIMATORS, ROOTS, CaptureSettings, calibration_settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status of contract.md."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    with Console(debug="--debug" in arguments, json_lines="--json" in arguments) as console:
        try:
            return _run(arguments, console)
        except ReaderLeft:
            return 1


def _run(arguments: list[str], console: Console) -> int:
    try:
        options = _parser().parse_args(arguments)
        return _COMMANDS[options.command](options, console)
    except (Cancelled, KeyboardInterrupt) as stop:
        return console.cancelled(stop.kept if isinstance(stop, Cancelled) else 0)
    except ReaderLeft:
        raise
    except Pose2RigError as error:
        console.fail(error)
        return error.exit_status
    except Exception as error:  # the command's top, like the worker's: one line, whatever it is
        console.fail(_unforeseen(error))
        return 1


def _unforeseen(error: Exception) -> Pose2RigError:
    if isinstance(error, MemoryError):
        what, next_step = "out of memory", "close other programs or capture a shorter range"
    else:
        what, next_step = "something went wrong inside", "run it again with --debug and report it"
    wrapped = Pose2RigError(
        what,
        expected="a command that ends well",
        actual=f"{type(error).__name__}: {error}",
        next_step=next_step,
    )
    wrapped.__cause__ = error
    return wrapped


class _Parser(argparse.ArgumentParser):
    """argparse whose errors are ours: one line, exit status 2. Options are not abbreviated."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str):  # noqa: ANN201 - the base class says NoReturn
        raise UsageError(
            "the command line makes no sense",
            expected=self.format_usage().removeprefix("usage: ").strip().replace("\n", " "),
            actual=message,
            next_step=f"run {self.prog} --help",
        )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="pose2rig", description="Markerless motion capture for Blender.")
    parser.add_argument("--version", action="version", version=f"pose2rig {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_capture(commands.add_parser("capture", help="footage in, animation out"))
    _add_process(commands)
    export = commands.add_parser("export", help="a clip to FBX")
    export.add_argument("clip", type=Path, metavar="CLIP.npz")
    export.add_argument("--out", type=Path, required=True, metavar="FILE.fbx")
    export.add_argument("--overwrite", action="store_true")
    add_retarget(commands)
    _add_evaluate(commands)
    doctor = commands.add_parser("doctor", help="this computer and the model files, to copy")
    doctor.add_argument("--models", type=Path, metavar="DIR", help="the folder of model files")
    doctor.add_argument("--json", action="store_true", help="the same as one line of JSON")
    train = commands.add_parser("train", help="teach a research network")
    train.add_argument("config", type=Path, metavar="CONFIG.toml")
    for command in commands.choices.values():
        command.add_argument("--blender", type=Path, help="the Blender that writes exports")
        command.add_argument("--debug", action="store_true", help="show everything that is logged")
    return parser


def _add_process(commands: Any) -> None:
    process = commands.add_parser(
        "process",
        help="a raw take to a clip, without inference",
        description="Makes a clip from a raw take again, with other settings: fills gaps, smooths, "
        "puts the feet on the ground and marks their contacts. Nothing looks at the footage, so it "
        "is quick; the raw take is only read.",
    )
    process.add_argument("raw", type=Path, metavar="RAW.npz", help="a capture's raw/person_0.npz")
    process.add_argument("--out", type=Path, required=True, metavar="CLIP.npz")
    _add_motion(process)
    process.add_argument(
        "--contacts",
        type=Path,
        metavar="CLIP.npz",
        help="a clip whose foot contacts hold, by source frame, instead of those that are found: "
        "its contacts (T,4), 0 to 1 for left heel, left toe, right heel and right toe, may be "
        "edited, and an npz of contacts and frame_index alone is enough",
    )
    _add_calibration(process)
    process.add_argument("--overwrite", action="store_true", help="replace an earlier CLIP.npz")


def _add_evaluate(commands: Any) -> None:
    evaluate = commands.add_parser(
        "evaluate",
        help="a clip against a known motion",
        description=DESCRIPTION,
        epilog=FIGURES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    evaluate.add_argument("clip", type=Path, metavar="CLIP")
    evaluate.add_argument("reference", type=Path, metavar="REFERENCE")
    evaluate.add_argument("--json", action="store_true", help="the figures as one JSON object")


def _add_capture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("footage", type=Path, help="a video file, a folder of images or one image")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument(
        "--person",
        default="largest",
        metavar="largest|all|N",
        help="whom to capture: the largest of each shot (default), everybody, or the one person "
        "with a number from 0 that all gave them",
    )
    parser.add_argument("--estimator", default="landmarks", choices=ESTIMATORS)
    _add_research(parser)
    parser.add_argument("--start", type=int, metavar="N", help="first source frame")
    parser.add_argument("--end", type=int, metavar="N", help="source frame to stop before")
    lens = parser.add_mutually_exclusive_group()
    lens.add_argument("--fov", type=float, metavar="DEG", help="horizontal field of view")
    lens.add_argument("--focal", type=float, metavar="PX", help="focal length in pixels")
    parser.add_argument(
        "--root",
        default="fit",
        choices=ROOTS,
        help="what says where people stand: the fit of their body to the picture (default), or "
        "RootNet's weights, which --models holds",
    )
    _add_motion(parser)
    parser.add_argument("--formats", help="npz,fbx (glb, bvh and usd come later)")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace an earlier result")
    existing.add_argument(
        "--resume",
        action="store_true",
        help="go on with the capture that was stopped or killed in DIR",
    )
    parser.add_argument("--json", action="store_true", help="events on stdout as JSON lines")


def _add_motion(parser: argparse.ArgumentParser) -> None:
    """How what was seen becomes motion; `process` changes it afterwards."""
    usual = MotionSettings()
    motion = parser.add_argument_group("motion")
    motion.add_argument(
        "--smooth",
        type=float,
        default=usual.smooth,
        metavar="S",
        help="0 leaves the motion as it was solved, 1 smooths strongly; default 0.5. Fast "
        "movements are smoothed as well as jitter",
    )
    motion.add_argument(
        "--hands",
        type=float,
        default=usual.hands,
        metavar="S",
        help="the same for wrists and fingers; default 0.5",
    )
    motion.add_argument(
        "--filter",
        default=usual.filter,
        choices=tuple(FILTERS),
        help="zero-phase (default) smooths all movements alike, one-euro slow ones more than fast",
    )
    motion.add_argument(
        "--feet",
        default=usual.feet,
        choices=MODES,
        help="auto (default) holds a foot still while it stands on the ground, always also where "
        "it seems to slide, never leaves feet as they were solved",
    )
    motion.add_argument(
        "--ground",
        default=usual.ground,
        choices=GROUNDS,
        help="auto (default) finds how the camera was tilted from the feet and the body, level "
        "takes the camera to be level, off leaves people where they were seen, not on the ground",
    )


def _add_research(parser: argparse.ArgumentParser) -> None:
    networks = parser.add_argument_group("for the research networks (all but landmarks)")
    networks.add_argument(
        "--models", type=Path, metavar="DIR", help="the folder of checkpoints and body models"
    )
    networks.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="PART=PATH",
        help="one file that lies elsewhere; may be given again (doctor lists the parts)",
    )
    networks.add_argument("--device", default="auto", choices=DEVICES)
    _add_calibration(networks)
    precision = networks.add_mutually_exclusive_group()
    precision.add_argument(
        "--exact", action="store_true", help="the networks as their authors run them, slower"
    )
    precision.add_argument(
        "--half", action="store_true", help="half precision: faster, a few degrees off at worst"
    )


def _add_calibration(parser: Any) -> None:
    parser.add_argument(
        "--calibrate",
        default="none",
        choices=TARGETS,
        help="bend a research network's body and mesh (PC-HMR): parallel to the pose of the "
        "landmarks, serial to its own pose with its depth lifted anew",
    )
    parser.add_argument(
        "--calibration-weights",
        type=Path,
        metavar="FILE.npz",
        help="what the mesh takes from each bone, learned; default: what geometry gives",
    )
    parser.add_argument(
        "--refine",
        default=MotionSettings().refine,
        choices=REFINEMENTS,
        help="auto (default) solves a research network's motion over the whole clip, never leaves "
        "it as the network said it frame by frame",
    )


def _capture(options: argparse.Namespace, console: Console) -> int:
    from .estimators.model_folder import parse_overrides
    from .pipeline import run

    formats = None if options.formats is None else tuple(options.formats.split(","))
    settings = CaptureSettings(
        footage=options.footage,
        out=options.out,
        person=options.person,
        estimator=options.estimator,
        start=options.start,
        end=options.end,
        fov_deg=options.fov,
        focal_px=options.focal,
        formats=formats,
        overwrite=options.overwrite,
        resume=options.resume,
        blender=options.blender,
        models=options.models,
        checkpoints=parse_overrides(options.checkpoint),
        device=options.device,
        exact=options.exact,
        half=options.half,
        root=options.root,
        motion=_motion(options),
    )
    stopped: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: stopped.append(number))
    try:
        console.finish(run(settings, console.on_event, lambda: bool(stopped)), options.out)
    finally:
        signal.signal(signal.SIGINT, before)
    return 0


def _motion(options: argparse.Namespace) -> MotionSettings:
    return MotionSettings(
        smooth=options.smooth,
        hands=options.hands,
        filter=options.filter,
        feet=options.feet,
        ground=options.ground,
        refine=options.refine,
        calibration=calibration_settings(options.calibrate, options.calibration_weights),
    )


def _process(options: argparse.Namespace, console: Console) -> int:
    from .commands import process_take

    process_take(
        options.raw,
        options.out,
        _motion(options),
        contacts=options.contacts,
        overwrite=options.overwrite,
    )
    console.say(f"wrote {options.out}")
    return 0


def _export(options: argparse.Namespace, console: Console) -> int:
    from .commands import export_clip

    export_clip(options.clip, options.out, options.blender, overwrite=options.overwrite)
    console.say(f"wrote {options.out}")
    return 0


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    from .evaluate import evaluate
    from .evaluation_text import format_evaluation, json_evaluation

    as_text = json_evaluation if options.json else format_evaluation
    console.print(as_text(evaluate(options.clip, options.reference)))
    return 0


def _doctor(options: argparse.Namespace, console: Console) -> int:
    from .doctor import examine, report_as_json, report_as_text

    report = examine(options.models, options.blender)
    console.print(report_as_json(report) if options.json else report_as_text(report))
    return 0


def _train(options: argparse.Namespace, console: Console) -> int:
    from .training.command import train_from_config

    stopped: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda number, _: stopped.append(number)) for kind in signals]
    try:
        return train_from_config(options.config, console.say, lambda: bool(stopped))
    finally:
        for kind, handler in zip(signals, before, strict=True):
            signal.signal(kind, handler)


_COMMANDS = {
    "capture": _capture,
    "process": _process,
    "export": _export,
    "retarget": run_retarget,
    "evaluate": _evaluate,
    "doctor": _doctor,
    "train": _train,
}


if __name__ == "__main__":
    sys.exit(main())
