"""A motion onto a character's file: read here, put on in a Blender without a window."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..rigs.errors import BlenderError, NotAvailableError, RigError, UsageError
from ..rigs.mapping import MAX_TEXT, from_json
from .blender import BlenderHost, find_blender
from .commands import put_in_place, refuse_existing, refuse_folder
from .exporting import no_blender
from .motion_file import save_motion
from .settings import FORMATS
from .source_motion import read_source_motion

CHARACTER_ENDINGS = (".fbx", ".glb", ".gltf", ".vrm", ".blend")
WRITTEN_ENDINGS = (".fbx", ".glb")


@dataclass(frozen=True, kw_only=True)
class RetargetJob:
    """What to put on whom: clip, character, the file to write (None: none), a mapping's file or
    None for the one that is found, and the Blender to do it with, None for any."""

    clip: Path
    character: Path
    out: Path | None
    mapping: Path | None
    blender: Path | None
    overwrite: bool


@dataclass(frozen=True, kw_only=True)
class Retargeted:
    """mapping: the JSON text of the mapping that was used; warnings: what may look wrong."""

    mapping: str
    warnings: tuple[str, ...]


def retarget_file(job: RetargetJob) -> Retargeted:
    """Write a character's file with the motion as its one take; without `out`, only map it.

    The file is whole or absent. Raises UsageError for endings that cannot be written, OutputError
    where something is in the way, RigError where the character cannot carry the motion.
    """
    if job.out is not None:
        _check_out(job.out, overwrite=job.overwrite)
    _check_character(job.character)
    order: dict[str, Any] = {"job": "retarget", "character": str(job.character.resolve())}
    if job.mapping is not None:
        order["map"] = _read_mapping(job.mapping)
    host = find_blender(job.blender)
    if host is None:
        raise no_blender()
    return _run(host, order, job)


def _run(host: BlenderHost, order: dict[str, Any], job: RetargetJob) -> Retargeted:
    with tempfile.TemporaryDirectory(prefix="pose2rig-") as folder:
        if job.out is None:
            return _answered(host.run(order))
        motion, staged = Path(folder) / "motion.npz", Path(folder) / job.out.name
        save_motion(motion, read_source_motion(job.clip))
        files = {"motion": str(motion), "out": str(staged), "name": job.clip.stem}
        done = _answered(host.run(order | files))
        put_in_place(staged, job.out)
        return done


def _answered(answer: dict[str, Any]) -> Retargeted:
    try:
        return Retargeted(mapping=answer["mapping"], warnings=tuple(answer["warnings"]))
    except KeyError as error:
        raise BlenderError(
            "Blender gave another answer",
            expected="the mapping and the warnings",
            actual=f"no {error}",
            next_step="install Blender's extension and the command of one version",
        ) from error


def _check_out(out: Path, *, overwrite: bool) -> None:
    refuse_folder(out)
    ending = out.suffix.lower()
    if ending not in WRITTEN_ENDINGS:
        known = ending.removeprefix(".") in FORMATS and ending != ".npz"
        raise (NotAvailableError if known else UsageError)(
            f"cannot retarget to {ending or out.name}" + (" in this version" if known else ""),
            expected="a file name that ends in .fbx or .glb",
            actual=out.name,
            next_step="choose an --out name that ends in .fbx or .glb",
        )
    refuse_existing(out, overwrite=overwrite)


def _check_character(path: Path) -> None:
    if path.suffix.lower() in CHARACTER_ENDINGS and path.is_file():
        return
    known = path.suffix.lower() in CHARACTER_ENDINGS
    raise RigError(
        f"cannot read the character {path.name}",
        expected=f"a file that ends in {', '.join(CHARACTER_ENDINGS)}",
        actual="no such file" if known else path.suffix or "no ending",
        next_step="check the path" if known else "give the character as FBX, glTF, VRM or .blend",
    )


def _read_mapping(path: Path) -> str:
    """The text of a mapping's file, checked to be one."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_TEXT + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise RigError(
            f"cannot read the mapping {path.name}",
            expected="a JSON file that --print-map printed",
            actual=(error.strerror or str(error)) if isinstance(error, OSError) else "no text",
            next_step="check the path",
        ) from error
    from_json(text)
    return text
