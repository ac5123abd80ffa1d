"""The default estimator beside MediaPipe Holistic: time per frame, and hands found.

`python benchmarks/landmarks.py [--rounds N] [--frames N] [--peer-python PYTHON]`

Each clip is decoded once; both look at the same frames, turn by turn, every round in a process of
its own: Holistic of mediapipe 0.10.21 (complexity 1, face landmarks refined), which follows one
person, in the Python given or in an environment made for it and thrown away; and our
`LandmarkEstimator`, everything from pixels to landmarks. Printed per clip: milliseconds a frame
(median over the rounds of a round's mean, the first frames left out); how many windows of a frame
were searched for people; the share of frames in which a hand was found, left and right together;
and where there are several people, what each further person costs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from machine import heading, shared_footage

from pose2rig.core_inference.footage import open_footage, read

ONE_PERSON = (
    "video/juggle_fullbody_static.mp4",
    "video/squats_5fps_portrait.mp4",
    "video/seated_woman_orbit.mp4",
    "video/asl_again_upperbody.mkv",
    "video/face_expressions_selfie.mp4",
)
SEVERAL = (
    "samples3d/pose2sim_balance/cam01.mp4",
    "video/multiperson_lab_cam01.mp4",
    "video/bedroom_two_children_jumping.mp4",
)
PACKAGE = "mediapipe==0.10.21"
GATE = 0.5
WARM_UP = 8
"""Frames at the start that no time is taken of: the runtimes prepare themselves in them."""

_ROUND = Path(__file__).with_name("landmarks_round.py")


@dataclass(frozen=True, kw_only=True)
class Side:
    """All rounds of one of the two on one clip."""

    rounds: list[dict[str, Any]]

    @property
    def frame_ms(self) -> float:
        """Milliseconds a frame."""
        return median(float(np.mean(told["ms"][WARM_UP:])) for told in self.rounds)

    @property
    def searched(self) -> float:
        """Windows searched in a frame."""
        return median(float(np.mean(told["searches"])) for told in self.rounds)

    @property
    def hands(self) -> float:
        """Share of hands found, of two in each frame."""
        return float(np.mean(self.rounds[0]["hands"])) / 2

    @property
    def people(self) -> float:
        """People found in a frame."""
        return float(np.mean(self.rounds[0]["people"]))

    @property
    def further_ms(self) -> float:
        """Milliseconds that each further person takes; nan where there is one alone."""
        return median(told["further_ms"] for told in self.rounds)


def make_peer(folder: Path) -> Path:
    """Make an environment with the peer's package alone and return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
    subprocess.run(command, check=True)
    return python


def decode(clip: Path, count: int, folder: Path) -> Path:
    """Write the first frames of a clip and their times to files that both sides map."""
    frames = list(islice(read(open_footage(clip)), count))
    np.save(folder / "images.npy", np.stack([frame.image for frame in frames]))
    np.save(folder / "times.npy", np.array([frame.time_s for frame in frames]))
    return folder


def one_round(python: Path, side: str, folder: Path) -> dict[str, Any]:
    """Let one side look at the frames of a folder, in a process of its own."""
    command = [str(python), str(_ROUND), side, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(clip: Path, options: argparse.Namespace, peer: Path) -> tuple[Side, Side]:
    """Both sides on one clip, their rounds by turns."""
    theirs, ours = Side(rounds=[]), Side(rounds=[])
    with tempfile.TemporaryDirectory() as name:
        folder = decode(clip, options.frames, Path(name))
        for _ in range(options.rounds):
            theirs.rounds.append(one_round(peer, "holistic", folder))
            ours.rounds.append(one_round(Path(sys.executable), "ours", folder))
    return theirs, ours


def measure(footage: Path, options: argparse.Namespace, peer: Path) -> None:
    """Measure every clip and print a line for each."""
    print(
        f"{'':<30}{'ms a frame':^21}{'windows':>9}{'hands found':^15}{'people':>8}{'ms each':>9}\n"
        f"{'clip':<30}{'theirs':>7}{'ours':>7}{'ratio':>7}{'searched':>9}"
        f"{'theirs':>8}{'ours':>7}{'ours':>8}{'further':>9}"
    )
    ratios = []
    for name in (*ONE_PERSON, *SEVERAL):
        theirs, ours = compare(footage / name, options, peer)
        ratio = ours.frame_ms / theirs.frame_ms
        further = f"{ours.further_ms:9.1f}" if name in SEVERAL else ""
        if name in ONE_PERSON:
            ratios.append(ratio)
        print(
            f"{Path(name).stem:<30}{theirs.frame_ms:7.1f}{ours.frame_ms:7.1f}{ratio:7.2f}"
            f"{ours.searched:9.2f}"
            f"{theirs.hands:8.0%}{ours.hands:7.0%}{ours.people:8.2f}{further}",
            flush=True,
        )
    held = sum(ratio <= GATE for ratio in ratios)
    print(
        f"\nOne person: ratio {median(ratios):.2f} (median), worst {max(ratios):.2f}; "
        f"at most {GATE} on {held} of {len(ratios)} clips"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--peer-python", type=Path, help=f"a Python with {PACKAGE}")
    options = parser.parse_args()
    footage = shared_footage(options.footage)
    print(heading())
    with tempfile.TemporaryDirectory() as name:
        peer = options.peer_python or make_peer(Path(name))
        measure(footage, options, peer)


if __name__ == "__main__":
    main()
