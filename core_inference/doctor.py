"""`pose2rig doctor`: one copyable report of the environment and of every known model file.

It reads and never writes; whatever is missing or broken is a line of the report, not a failure.
"""

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ..rigs.errors import BlenderError, EngineError, ModelFileError
from . import VERSION
from .blender import find_blender
from .estimators.landmark_models import LICENCE, open_landmark_models
from .estimators.model_folder import KNOWN_FILES, KnownFile, Licence, ModelFolder, file_sha256
from .estimators.tflite_model import runtime_name
from .licensed_files import read_model
from .machine import (
    first_line_of,
    memory_bytes,
    nvidia_devices,
    package_version,
    processor,
    torch_facts,
)

NOT_INSTALLED = "not installed"

_RUNTIME_PACKAGES = {"LiteRT": "ai-edge-litert", "OpenVINO": "openvino"}

_LABEL = 18
_PART = 18
_MEGABYTE = 1e6


@dataclass(frozen=True, kw_only=True)
class FileState:
    """A known file of the model folder; path is relative to the folder where it lies in it."""

    part: str
    what: str
    state: Literal["found", "missing", "broken"]
    path: str
    problem: str | None
    size_bytes: int | None
    sha256: str | None
    licence: str
    page: str


@dataclass(frozen=True, kw_only=True)
class DoctorReport:
    """Everything the report says; licences maps a licence to what follows from it."""

    environment: dict[str, str]
    model_folder: str
    checked_with_torch: bool
    files: tuple[FileState, ...]
    licences: dict[str, str]


def examine(models: Path | None, blender: Path | None) -> DoctorReport:
    """Look at this computer and at the model folder, the default one where none is given."""
    environment = _environment(models, blender)
    folder = ModelFolder(models)
    can_check = environment["torch"][:1].isdigit()
    return DoctorReport(
        environment=environment,
        model_folder=_private(folder.folder) + ("" if folder.folder.is_dir() else " (no folder)"),
        checked_with_torch=can_check,
        files=tuple(_file_state(folder, known, can_check) for known in KNOWN_FILES),
        licences={licence.title: licence.consequence for licence in Licence},
    )


def report_as_json(report: DoctorReport) -> str:
    """The report as one line of JSON."""
    return json.dumps(asdict(report))


def report_as_text(report: DoctorReport) -> str:
    """The report for reading and for copying into a message."""
    lines = [f"{name:<{_LABEL}}{value}" for name, value in report.environment.items()]
    lines += [f"{'model folder':<{_LABEL}}{report.model_folder}", ""]
    for file in report.files:
        lines += _file_lines(file)
    if not report.checked_with_torch and any(file.state == "found" for file in report.files):
        lines += ["", "Checkpoints were not opened: that needs the research packages."]
    lines += ["", "Licences"]
    lines += [f"  {title}: {consequence}" for title, consequence in report.licences.items()]
    return "\n".join(lines)


# --- the environment ---------------------------------------------------------------------------


def _environment(models: Path | None, blender: Path | None) -> dict[str, str]:
    memory = memory_bytes()
    return {
        "pose2rig": VERSION,
        "Python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "memory": "unknown" if memory is None else f"{memory / 1024**3:.1f} GiB",
        "graphics": "; ".join(nvidia_devices()) or "no NVIDIA device",
        "Blender": _blender(blender),
        "landmark models": _landmark_models(models),
        "they run on": _landmark_runtime(),
        "torch": NOT_INSTALLED,
        **torch_facts(),
        "smplx": package_version("smplx") or NOT_INSTALLED,
        "OpenVINO": package_version("openvino") or NOT_INSTALLED,
    }


def _landmark_models(models: Path | None) -> str:
    try:
        found = open_landmark_models(models)
    except EngineError as error:
        return f"{error.message}; {error.next_step}".replace(str(Path.home()), "~")
    where = _private(found.folder)
    return f"MediaPipe 0.10.21 in {where}, {LICENCE}, sha256 {found.weights_sha256}"


def _landmark_runtime() -> str:
    try:
        name = runtime_name()
    except EngineError as error:
        return f"nothing: {error.message}; {error.next_step}"
    version = package_version(_RUNTIME_PACKAGES[name])
    return f"{name} {version}" + (" (LiteRT does not load)" if name != "LiteRT" else "")


def _blender(path: Path | None) -> str:
    try:
        host = find_blender(path)
    except BlenderError as error:
        return error.message
    if host is None:
        return "not found: fbx cannot be written"
    program = host.command[0]
    if "--background" not in host.command:
        return f"the bpy module {package_version('bpy') or 'of unknown version'}"
    version = first_line_of(program, "--version") or "it does not say its version"
    return f"{version} ({_private(Path(program))})"


# --- the model files ---------------------------------------------------------------------------


def _file_state(folder: ModelFolder, known: KnownFile, can_check: bool) -> FileState:
    path = None
    size = sha256 = problem = None
    try:
        path = folder.find(known.part)
        if path is not None:
            size = path.stat().st_size
            sha256 = file_sha256(path)
            problem = _problem(path, known, can_check)
    except (ModelFileError, OSError) as error:
        problem = str(error)
    found = "missing" if path is None else "found"
    return FileState(
        part=known.part,
        what=known.what,
        state="broken" if problem else found,
        path=known.place if path is None else _relative(path, folder.folder),
        problem=problem,
        size_bytes=size,
        sha256=sha256,
        licence=known.licence.title,
        page=known.page,
    )


def _problem(path: Path, known: KnownFile, can_check: bool) -> str | None:
    """Why a file cannot be used; raises ModelFileError where it cannot even be read."""
    if known.layout is not None:
        read_model(path, known.layout)
        return None
    if not can_check:
        return None
    from .estimators.checkpoints import network_of

    network = network_of(path)
    if network in known.networks:
        return None
    found = "no network known here" if network is None else network
    return f"it holds the weights of {found}, not of {' or '.join(known.networks)}"


def _file_lines(file: FileState) -> list[str]:
    indent = " " * 11
    size = "" if file.size_bytes is None else f"  {file.size_bytes / _MEGABYTE:.1f} MB"
    lines = [f"  {file.state:<9}{file.part:<{_PART}}{file.path}{size}"]
    if file.problem:
        lines.append(f"{indent}{' '.join(file.problem.split())}")
    if file.sha256:
        lines.append(f"{indent}sha256 {file.sha256}")
    lines.append(f"{indent}{file.what} - {file.page} - {file.licence}")
    return lines


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else _private(path)


def _private(path: Path) -> str:
    """A path without the user's name, fit to be shown to others."""
    absolute, home = path.absolute(), Path.home()
    if absolute.is_relative_to(home):
        return "~/" + absolute.relative_to(home).as_posix()
    return str(absolute)
