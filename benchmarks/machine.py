"""What every benchmark prints first: command, machine, versions, date."""

import importlib.metadata
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

PACKAGES = (
    "pose2rig",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "ai-edge-litert",
    "bpy",
    "torch",
    "openvino",
)


def heading() -> str:
    """A few lines that say where and with what the numbers below were measured."""
    versions = [f"{name} {_version(name)}" for name in PACKAGES]
    return "\n".join(
        [
            f"$ python {' '.join(sys.argv)}",
            f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {platform.system()}, "
            f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}",
            ", ".join(versions),
            datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "",
        ]
    )


def shared_footage(argument: Path | None) -> Path:
    """The folder of real test data: the one given, or ../shared/footage beside the checkout."""
    folder = argument or Path(__file__).resolve().parents[2] / "shared" / "footage"
    if not folder.is_dir():
        sys.exit(f"no real footage: expected the folder {folder}; pass it with --footage")
    return folder


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _processor() -> str:
    """The processor's name where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
