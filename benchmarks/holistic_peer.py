"""The peer: MediaPipe Holistic on one video. Needs mediapipe, so it runs in a Python of its own.

`PYTHON benchmarks/holistic_peer.py VIDEO OUT.npz`, PYTHON with `mediapipe==0.10.21` alone. Writes
`frames (T,)`, the source frames in which somebody was found; `world (T,33,3)` m, the pose's world
landmarks in them; `milliseconds (N,)` of every frame, decoding not counted.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Holistic:
    """What the peer gave: as the file's arrays above."""

    frames: np.ndarray
    world: np.ndarray
    milliseconds: np.ndarray


def holistic(peer_python: Path, video: Path) -> Holistic:
    """Run the peer in its own Python; exits with its last words where that fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "holistic.npz"
        command = [str(peer_python), str(Path(__file__).resolve()), str(video), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"MediaPipe Holistic failed:\n{done.stderr[-2000:]}")
        with np.load(out, allow_pickle=False) as arrays:
            return Holistic(**{name: arrays[name] for name in ("frames", "world", "milliseconds")})


def main() -> None:
    """Look at every frame of the video and write what was found."""
    import cv2
    import mediapipe

    video, out = sys.argv[1:]
    reader = cv2.VideoCapture(video)
    frames, world, milliseconds = [], [], []
    with mediapipe.solutions.holistic.Holistic(model_complexity=1) as model:
        while True:
            good, image = reader.read()
            if not good:
                break
            rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            start = time.perf_counter()
            found = model.process(rgb).pose_world_landmarks
            milliseconds.append(1000.0 * (time.perf_counter() - start))
            if found is not None:
                frames.append(len(milliseconds) - 1)
                world.append([[point.x, point.y, point.z] for point in found.landmark])
    np.savez(
        out,
        frames=np.array(frames, dtype=np.int64),
        world=np.array(world).reshape(-1, 33, 3),
        milliseconds=np.array(milliseconds),
    )


if __name__ == "__main__":
    main()
