"""The `retarget` command: its options, and what it says."""

import argparse
from pathlib import Path
from typing import Any

from ..rigs.errors import UsageError
from .console import Console


def add_retarget(commands: Any) -> None:
    """Add the command to the parsers of the `pose2rig` command."""
    retarget = commands.add_parser(
        "retarget",
        help="a motion onto a character's file",
        description="Puts a motion on a character, whatever its bones are called and however it "
        "rests, and writes it with that one take; the bones keep their names.",
    )
    retarget.add_argument(
        "clip", type=Path, metavar="CLIP", help="a clip, an AMASS or SMPL-X npz, or a BVH"
    )
    retarget.add_argument(
        "character", type=Path, metavar="CHARACTER", help="a .fbx, .glb, .gltf, .vrm or .blend"
    )
    retarget.add_argument("--out", type=Path, metavar="FILE.fbx|.glb")
    retarget.add_argument(
        "--map", type=Path, metavar="MAP.json", help="the bones to move; default: those it finds"
    )
    retarget.add_argument(
        "--print-map",
        action="store_true",
        help="print which bones move, to change and give as --map; without --out nothing else",
    )
    retarget.add_argument("--overwrite", action="store_true", help="replace an earlier file")


def run_retarget(options: argparse.Namespace, console: Console) -> int:
    """Do what the command line says; returns the exit status."""
    from .retargeting import RetargetJob, retarget_file

    if options.out is None and not options.print_map:
        raise UsageError(
            "there is nothing to do",
            expected="--out, --print-map or both",
            actual="neither",
            next_step="add --out FILE.fbx",
        )
    job = RetargetJob(
        clip=options.clip,
        character=options.character,
        out=options.out,
        mapping=options.map,
        blender=options.blender,
        overwrite=options.overwrite,
    )
    done = retarget_file(job)
    for warning in done.warnings:
        console.say(f"pose2rig: warning: {warning}")
    if options.print_map:
        console.print(done.mapping.rstrip())
    if options.out is not None:
        console.say(f"wrote {options.out}")
    return 0
