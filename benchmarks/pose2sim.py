"""Error on real footage: `python benchmarks/pose2sim.py [--smooth S] [--peer-python PYTHON]`.

Both views of `samples3d/pose2sim_balance` go through the product. Printed per view: PA-MPJPE of
the written joints (12 joints, similarity alignment per frame), acceleration (mean norm of second
differences relative to the middle of the hips), wrist speed correlation (5-frame mean, both wrists
averaged) and frames, beside the estimator's own landmarks and, as the peer in the same run,
MediaPipe Holistic's raw world landmarks: where PYTHON, which has mediapipe 0.10.21, is given.
Frames are matched by index: the .trc begins with the first frame of the videos.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from holistic_peer import holistic
from machine import heading, shared_footage

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import load_clip, load_raw_take
from pose2rig.core_inference.estimators.topology import LANDMARK
from pose2rig.core_inference.motion.stack import MotionSettings
from pose2rig.core_inference.motion_metrics import accelerations
from pose2rig.core_inference.pipeline import run
from pose2rig.core_inference.pose_metrics import aligned_point_errors
from pose2rig.core_inference.references import TRC_MARKERS, average_shape, load_reference
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.rigs.skeleton import JOINT

VIEWS = ("cam01", "cam03")
JOINTS = tuple(TRC_MARKERS)


def figures(points_TN3: np.ndarray, truth_TN3: np.ndarray, frames_T: np.ndarray) -> str:
    """One line: PA-MPJPE, acceleration, wrist speed correlation."""
    truth = truth_TN3[frames_T]
    error = 1000 * float(aligned_point_errors(points_TN3, truth).mean())
    wrists = float(np.corrcoef(wrist_speed(points_TN3), wrist_speed(truth))[0, 1])
    return f"{error:8.1f}{acceleration(points_TN3):10.1f}{wrists:10.2f}{len(frames_T):8d}"


def acceleration(points_TN3: np.ndarray) -> float:
    """Mean norm of second differences in mm/frame², relative to the middle of the hips."""
    hips = [JOINTS.index(name) for name in ("left_hip", "right_hip")]
    return 1000 * float(accelerations(points_TN3, points_TN3[:, hips].mean(axis=1)).mean())


def wrist_speed(points_TN3: np.ndarray) -> np.ndarray:
    """Mean speed of both wrists relative to the hips, over five frames."""
    hips = [JOINTS.index(name) for name in ("left_hip", "right_hip")]
    wrists = [JOINTS.index(name) for name in ("left_wrist", "right_wrist")]
    away = points_TN3[:, wrists] - points_TN3[:, hips].mean(axis=1, keepdims=True)
    speed = np.linalg.norm(np.diff(away, axis=0), axis=-1).mean(axis=1)
    return np.convolve(speed, np.full(5, 0.2), mode="valid")


def main() -> None:
    """Capture both views and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    parser.add_argument("--smooth", type=float, default=0.5)
    parser.add_argument("--peer-python", type=Path, help="a Python with mediapipe 0.10.21")
    options = parser.parse_args()
    folder = shared_footage(options.footage) / "samples3d" / "pose2sim_balance"
    shape = average_shape(load_open_body())
    truth = load_reference(folder / "Pose2Sim_markers.trc", shape).joints
    print(heading())
    print(f"{'':<32}{'PA mm':>8}{'acc mm/f²':>10}{'wrists r':>10}{'frames':>8}")
    print(
        f"{'reference itself':<32}{0.0:8.1f}{acceleration(truth):10.1f}{1.0:10.2f}{len(truth):8d}"
    )
    for view in VIEWS:
        with tempfile.TemporaryDirectory() as temporary:
            out = Path(temporary) / view
            settings = CaptureSettings(
                footage=folder / f"{view}.mp4",
                out=out,
                formats=("npz",),
                motion=MotionSettings(smooth=options.smooth),
            )
            run(settings, lambda _: None, lambda: False)
            raw, clip = load_raw_take(out / "raw" / "person_0.npz"), load_clip(out / "person_0.npz")
        marks = [raw.landmark_names.index(f"body_{name}") for name in JOINTS]
        joints = clip.joints[:, [JOINT[name] for name in JOINTS]].astype(np.float64)
        landmarks = raw.landmarks3d[:, marks].astype(np.float64)
        print(f"{view + ' written joints':<32}" + figures(joints, truth, clip.frame_index))
        print(f"{view + ' our raw landmarks':<32}" + figures(landmarks, truth, raw.frame_index))
        if options.peer_python is not None:
            peer = holistic(options.peer_python, folder / f"{view}.mp4")
            points = peer.world[:, [LANDMARK[f"body_{name}"] for name in JOINTS]]
            print(f"{view + ' MediaPipe Holistic, raw':<32}" + figures(points, truth, peer.frames))


if __name__ == "__main__":
    main()
