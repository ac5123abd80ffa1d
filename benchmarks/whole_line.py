"""Time and memory of the whole line: `python benchmarks/whole_line.py [--runs N] [--peer-python P]`

Captures `juggle_fullbody_static.mp4` to npz and FBX through the command line, each run a process
of its own, and the same clip ten times over. Printed: seconds per stage (medians), milliseconds
per frame beside the landmark models (at most 8) and fixed seconds (at most 5), both from the two
lengths, and the peak memory of both. The peer in the same run is MediaPipe Holistic alone on the
same frames, where a Python P with mediapipe 0.10.21 is given.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
from holistic_peer import holistic
from machine import heading, shared_footage

from pose2rig.core_inference.footage import open_footage

CLIP = "juggle_fullbody_static.mp4"
TIMES = 10
PER_FRAME_MS, FIXED_S = 8.0, 5.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """One capture: wall seconds of the process, stages of its report, rows, peak memory."""

    wall_s: float
    stages: dict[str, float]
    rows: int
    peak_mb: float

    @property
    def beside_models_s(self) -> float:
        """What looking at the frames does not hide: start-up, solving, writing, FBX."""
        return self.wall_s - self.stages["estimate"]


def capture(footage: Path) -> Run:
    """Run the command line in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pose2rig.core_inference", "capture", str(footage)]
        command += ["--out", folder, "--overwrite", "--formats", "npz,fbx"]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
            assert child.stderr is not None
            told = child.stderr.read().decode(errors="replace")
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        if child.returncode:
            sys.exit(f"the capture failed:\n{told[-2000:]}")
        report = json.loads((Path(folder) / "report.json").read_text())
    rows = sum(person["frames"] for person in report["people"].values())
    return Run(wall_s=wall, stages=report["seconds"], rows=rows, peak_mb=usage.ru_maxrss / 1024)


def repeated(footage: Path, folder: Path) -> Path:
    """The clip ten times over, the pictures copied as they are."""
    path = folder / f"{footage.stem}_x{TIMES}.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", str(TIMES - 1)]
    subprocess.run([*command, "-i", str(footage), "-c", "copy", "-an", str(path)], check=True)
    return path


def peer_ms(peer_python: Path, footage: Path) -> float:
    """Milliseconds per frame of MediaPipe Holistic alone, decoding not counted."""
    return float(holistic(peer_python, footage).milliseconds.mean())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-python", type=Path, help="a Python with mediapipe 0.10.21")
    options = parser.parse_args()
    footage = shared_footage(options.footage) / "video" / CLIP
    print(heading())
    frames = open_footage(footage).frame_count
    short = [capture(footage) for _ in range(options.runs)]
    peer = [peer_ms(options.peer_python, footage) for _ in short if options.peer_python]
    with tempfile.TemporaryDirectory() as folder:
        long = capture(repeated(footage, Path(folder)))
    median = statistics.median
    print(f"{CLIP}: {frames} frames, median of {options.runs} runs; {TIMES} times over, one run\n")
    print(f"{'seconds':<16}{'clip':>10}{'x' + str(TIMES):>10}")
    for stage in short[0].stages:
        seconds = median(run.stages[stage] for run in short)
        print(f"{stage:<16}{seconds:10.2f}{long.stages[stage]:10.2f}")
    wall = median(run.wall_s for run in short)
    print(f"{'process, wall':<16}{wall:10.2f}{long.wall_s:10.2f}")
    peak = median(run.peak_mb for run in short)
    print(f"{'peak memory MB':<16}{peak:10.0f}{long.peak_mb:10.0f}\n")
    beside = median(run.beside_models_s for run in short)
    slope_s = (long.beside_models_s - beside) / ((TIMES - 1) * frames)
    fixed = beside - slope_s * frames
    print(f"beside the landmark models: {1000 * slope_s:.1f} ms a frame (at most {PER_FRAME_MS:g})")
    print(f"fixed: {fixed:.1f} s (at most {FIXED_S:g})")
    own = 1000 * median(run.stages["estimate"] for run in short) / frames
    print(f"landmark models: {own:.1f} ms a frame")
    if peer:
        print(f"MediaPipe Holistic alone: {median(peer):.1f} ms a frame")


if __name__ == "__main__":
    main()
