"""What this computer offers: system, processor, memory, graphics, and the packages installed.

torch is imported only where it is installed, and only when asked.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_TOOL_LIMIT_S = 20.0
_TORCH_FEATURES = {"avx512_f": "AVX-512", "avx512_bf16": "bf16", "amx_bf16": "AMX bf16"}


def package_version(name: str) -> str | None:
    """Return an installed package's version, None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def processor() -> str:
    """Return the processor's name and how many threads it runs."""
    return f"{_processor_name()}, {os.cpu_count()} threads"


def _processor_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin" and (name := _said("sysctl", "-n", "machdep.cpu.brand_string")):
        return name
    return platform.processor() or platform.machine()


def memory_bytes() -> int | None:
    """Return the computer's main memory, None where the system does not tell."""
    if sys.platform == "win32":
        import ctypes

        kilobytes = ctypes.c_ulonglong()
        told = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return kilobytes.value * 1024 if told else None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def nvidia_devices() -> tuple[str, ...]:
    """Return name, driver and memory of each NVIDIA device, as its own tool tells them."""
    told = _said(
        "nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"
    )
    devices = [line.split(", ") for line in (told or "").splitlines()]
    return tuple(
        f"{fields[0]}, driver {fields[1]}, {fields[2]}" for fields in devices if len(fields) == 3
    )


def first_line_of(program: str, *arguments: str) -> str | None:
    """Return the first line that a program prints, None where it fails or says nothing."""
    told = _said(program, *arguments)
    return told.splitlines()[0].strip() if told else None


def _said(*command: str) -> str | None:
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TOOL_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def torch_facts() -> dict[str, str]:
    """Return what torch says of itself and its devices; empty where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        return {}
    try:
        torch: Any = importlib.import_module("torch")
    except (ImportError, OSError) as error:
        return {"torch": f"installed, but does not load: {' '.join(str(error).split())[:120]}"}
    told = torch.cpu.get_capabilities()
    features = [name for key, name in _TORCH_FEATURES.items() if told.get(key)]
    return {
        "torch": str(torch.__version__),
        "torch's processor": ", ".join(features) or "no bf16, no AMX",
        "torch's device": _torch_device(torch),
    }


def _torch_device(torch: Any) -> str:
    if torch.cuda.is_available():
        device = torch.cuda.get_device_properties(0)
        memory_gib = device.total_memory / 1024**3
        return f"cuda {torch.version.cuda}: {device.name}, {memory_gib:.0f} GiB"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"
