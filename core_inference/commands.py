"""The smaller commands: a raw take processed again, a clip exported."""

import os
import tempfile
from pathlib import Path

from ..rigs.errors import NotAvailableError, OutputError, UsageError
from .blender import find_blender
from .body_model import load_open_body
from .clip import load_clip, load_raw_take, save_clip
from .contact_file import load_contacts
from .exporting import export_fbx, no_blender
from .motion.stack import MotionSettings, process
from .settings import FORMATS, check_motion


def process_take(
    raw: Path,
    out: Path,
    motion: MotionSettings,
    *,
    contacts: Path | None = None,
    overwrite: bool,
) -> None:
    """Make a clip from a raw take, without inference; the take itself is never touched.

    contacts: the file whose contacts hold instead of those that are found.
    """
    check_motion(motion, command="process")
    refuse_folder(out)
    if out.suffix.lower() != ".npz":
        raise UsageError(
            f"cannot write a clip to {out.name}",
            expected="a file name that ends in .npz",
            actual=out.suffix or "no ending",
            next_step="choose an --out name that ends in .npz",
        )
    refuse_existing(out, overwrite=overwrite or out.resolve() == raw.resolve())
    take = load_raw_take(raw)
    if out.resolve() == raw.resolve():
        raise UsageError(
            "the clip would replace its own raw take",
            expected="another --out file",
            actual=str(out),
            next_step="choose another name for the clip",
        )
    if take.pose is None and motion.calibration.target != "none":
        raise UsageError(
            "--calibrate makes no sense",
            expected="a raw take of a research network",
            actual="one of landmarks alone, which are what others are calibrated to",
            next_step="leave --calibrate out",
        )
    given = None if contacts is None else load_contacts(contacts, take)
    save_clip(out, process(take, load_open_body(), motion, contacts=given))


def export_clip(clip: Path, out: Path, blender: Path | None, *, overwrite: bool) -> None:
    """Write a clip file as FBX through Blender, whole or not at all."""
    refuse_folder(out)
    kind = out.suffix.lower().removeprefix(".")
    if kind != "fbx":
        known = kind in FORMATS
        raise (NotAvailableError if known else UsageError)(
            f"cannot export to .{kind}" + (" in this version" if known else ""),
            expected="a file name that ends in .fbx",
            actual=out.name,
            next_step="choose an --out name that ends in .fbx",
        )
    refuse_existing(out, overwrite=overwrite)
    take = load_clip(clip)
    host = find_blender(blender)
    if host is None:
        raise no_blender()
    with tempfile.TemporaryDirectory(prefix="pose2rig-") as folder:
        staged = Path(folder) / out.name
        export_fbx(host, clip.resolve(), staged, str(take.provenance.get("name") or clip.stem))
        put_in_place(staged, out)


def put_in_place(staged: Path, out: Path) -> None:
    """Copy a finished file to its final name, whole or not at all; raises OutputError."""
    beside = out.with_name(f".{out.name}.tmp")
    try:
        beside.write_bytes(staged.read_bytes())
        os.replace(beside, out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {out}",
            expected="a folder with room and write permission",
            actual=error.strerror or str(error),
            next_step="choose another --out file",
        ) from error


def refuse_existing(out: Path, *, overwrite: bool) -> None:
    """Raise OutputError when a file is in the way, or its folder is not there."""
    if not out.parent.is_dir():
        raise OutputError(
            f"cannot write {out}",
            expected="an existing folder",
            actual=f"no folder {out.parent}",
            next_step="make the folder or choose another --out file",
        )
    if out.exists() and not overwrite:
        raise OutputError(
            f"{out} already exists",
            expected="a new file name",
            actual="an existing file",
            next_step="choose another --out file, or add --overwrite to replace it",
        )


def refuse_folder(out: Path) -> None:
    """Raise OutputError when a folder has the file's name."""
    if out.is_dir():
        raise OutputError(
            f"{out} is a folder",
            expected="a file name",
            actual="a folder",
            next_step="choose another --out file",
        )
