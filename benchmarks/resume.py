"""SIGKILL at random moments of one capture, `--resume` each time: is the result the same?

    python benchmarks/resume.py FOOTAGE [--kills 20] [--end N] [--chunk 8] [--seed S]

One capture without a break gives the result to compare with and the time it takes. Then a capture
of the same range is killed again and again, each time at a random moment between its first breath
and its last; every fourth time once it has begun to solve. After such a kill, and wherever a
capture comes to its end, it is resumed to the end and compared; the next begins in a new folder.
Prints for each kill when it was, what stage it hit, how many frames were done and how many of
them the next run has to look at again; for each comparison which files are not byte for byte
those of the uninterrupted run (the report but for its seconds). Exit status 1 where anything
differs or more than a chunk is lost.
"""

import argparse
import hashlib
import json
import platform
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SOLVE_EVERY = 4
"""Every so many kills one hits the solving."""

COMMAND = """
import sys
from pose2rig.core_inference import __main__ as command, settings
whole = settings.CaptureSettings
command.CaptureSettings = lambda **values: whole(**values, chunk_frames=int(sys.argv[1]))
sys.exit(command.main(sys.argv[2:]))
"""
"""The command line with chunks of few frames."""


@dataclass
class Run:
    """One capture in a process of its own, with what it last told."""

    process: "subprocess.Popen[str]"
    began_s: float = field(default_factory=time.monotonic)
    stage: str = "start"
    first: int | None = None
    done: int = 0
    first_s: float = 0.0
    solves: threading.Event = field(default_factory=threading.Event)

    def listen(self) -> None:
        """Note every progress event until the process ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.endswith("\n"):
                break
            event: dict[str, Any] = json.loads(line)
            if event["event"] == "progress":
                self.stage = event["stage"]
                if self.stage == "estimate":
                    self._note(int(event["done"]))
                if self.stage == "solve":
                    self.solves.set()
        self.solves.set()

    def _note(self, done: int) -> None:
        self.done = done
        if self.first is None:
            self.first, self.first_s = done, self.lived_s

    @property
    def lived_s(self) -> float:
        """Seconds since the process was started."""
        return time.monotonic() - self.began_s


@dataclass
class Proof:
    """Captures of one piece of footage, broken off and whole."""

    footage: Path
    options: Sequence[str]
    chunk: int

    def start(self, out: Path, *more: str) -> Run:
        """Start a capture."""
        arguments = ["capture", str(self.footage), "--out", str(out), "--formats", "npz", "--json"]
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, str(self.chunk), *arguments, *self.options, *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        return Run(process=process)

    def finish(self, out: Path, *more: str) -> Run:
        """Capture to the end; raises RuntimeError where that fails."""
        run = self.start(out, *more)
        run.listen()
        if run.process.wait() != 0:
            raise RuntimeError(f"the capture ended with status {run.process.returncode}")
        return run


def kill(run: Run, after_s: float, *, solving: bool) -> bool:
    """Kill the run after some seconds, or so long after it began to solve; False: it had ended."""
    listener = threading.Thread(target=run.listen)
    listener.start()
    try:
        if solving:
            run.solves.wait()
        run.process.wait(timeout=after_s)
        return False
    except subprocess.TimeoutExpired:
        run.process.send_signal(signal.SIGKILL)
        return True
    finally:
        run.process.wait()
        listener.join()


def differing(one: Path, other: Path) -> list[str]:
    """The files of two results that are not the same; of the report its seconds may differ."""
    names = {str(p.relative_to(d)) for d in (one, other) for p in d.rglob("*") if p.is_file()}
    return sorted(name for name in names if facts(one / name) != facts(other / name))


def facts(path: Path) -> object:
    """What has to be the same of a file; None without one."""
    if not path.is_file():
        return None
    if path.name != "report.json":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {name: report[name] for name in report if name not in ("seconds", "frames_per_second")}


def main() -> int:
    """Capture, kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--end", type=int)
    parser.add_argument("--person", default="all")
    parser.add_argument("--chunk", type=int, default=8, help="frames that a kill may cost")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    options = ["--person", asked.person]
    options += [] if asked.end is None else ["--end", str(asked.end)]
    print(f"{' '.join(sys.argv)}; {platform.platform()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(prefix="pose2rig-resume-") as folder:
        proof = Proof(asked.footage, options, asked.chunk)
        return prove(proof, Path(folder), asked.kills, random.Random(asked.seed))


def prove(proof: Proof, folder: Path, kills: int, moments: random.Random) -> int:
    """Run everything in a folder; 0 where all is well."""
    whole = folder / "whole"
    run = proof.finish(whole)
    solve_s = json.loads((whole / "report.json").read_text(encoding="utf-8"))["seconds"]["solve"]
    seconds = run.lived_s
    print(f"without a break: {seconds:.1f} s, the first frame at {run.first_s:.1f} s, "
          f"solving {solve_s:.2f} s, {run.done} frames in chunks of {proof.chunk}")  # fmt: skip
    wrong: set[str] = set()
    most, killed, capture, reached = 0, 0, 0, 0
    while killed < kills:
        out = folder / f"capture_{capture}"
        run = proof.start(out, "--resume")
        solving = killed % SOLVE_EVERY == SOLVE_EVERY - 1
        is_killed = kill(
            run, moments.uniform(0.0, solve_s if solving else seconds), solving=solving
        )
        if run.first is not None:
            most = max(most, lost(reached, run))
            reached = run.done
        if is_killed:
            killed += 1
            print(f"  kill {killed}: after {run.lived_s:.2f} s, {run.stage}, {reached} frames done")
        if solving or not is_killed or killed == kills:
            last = proof.finish(out, "--resume")
            most = max(most, lost(reached, last) if last.first is not None else 0)
            found = differing(whole, out)
            print(f"  resumed to the end: {', '.join(found) or 'every file is identical'}")
            wrong |= set(found)
            capture, reached = capture + 1, 0
    print(f"{killed} kills, {capture} captures; files that differ: "
          f"{', '.join(sorted(wrong)) or 'none'}; frames lost at most: {most}")  # fmt: skip
    return int(bool(wrong) or most > proof.chunk)


def lost(reached: int, run: Run) -> int:
    """How many frames that had been looked at a run looks at again; it tells of some frames."""
    again = 0 if run.first is None else max(reached - run.first + 1, 0)
    if again:
        print(f"    {again} of {reached} frames were looked at again")
    return again


if __name__ == "__main__":
    sys.exit(main())
