"""Processes that the test's Blender started, seen through /proc."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

WORKER_MODULE = "core_inference.worker"


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process, told from a later one of the same number by its start time in clock ticks."""

    pid: int
    start_ticks: int

    def is_running(self) -> bool:
        """Whether it still runs; a dead process that nobody has waited for does not."""
        fields = _stat(self.pid)
        return fields is not None and int(fields[19]) == self.start_ticks and fields[0] != "Z"

    def kill(self) -> None:
        """End it at once, as the system does when memory runs out."""
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)


def worker_of(blender_pid: int) -> Process | None:
    """The capture worker among the children of this Blender, or None."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        fields = _stat(int(entry.name))
        if fields is None or fields[0] == "Z" or int(fields[1]) != blender_pid:
            continue
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if WORKER_MODULE in command:
            return Process(pid=int(entry.name), start_ticks=int(fields[19]))
    return None


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (the state) on, or None without a process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
