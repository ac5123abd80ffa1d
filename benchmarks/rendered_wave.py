"""How much of a rendered 3 Hz wave is left at each stage between pixels and clip.

A direction that swings (elbow to wrist, wrist to the middle finger) is fitted by least squares
with a sinusoid of the wave's frequency, a mean and a drift; what is kept is the part of its
amplitude along the true one, whatever the phase.

Legend: T frames, D dimensions (2 or 3).
"""

import numpy as np
from numpy.typing import NDArray
from rendered_footage import Shot
from rendered_motions import WAVE_HZ

from pose2rig.core_inference.clip import Clip, RawTake
from pose2rig.core_inference.pose_metrics import level_alignment, root_aligned
from pose2rig.rigs.skeleton import JOINT

Float64 = NDArray[np.float64]

WAVE_VIEW = "front"
CLIP = "clip"

PARTS = {
    "forearm": ("right_elbow", "right_wrist", "body_right_elbow", "body_right_wrist"),
    "hand": ("left_wrist", "left_middle1", "left_hand_wrist", "left_hand_middle_finger_mcp"),
}
"""What waves: from joint to joint, from landmark to landmark."""


def kept_shares(raw: RawTake, solved: Clip, clip: Clip, shot: Shot) -> dict[str, dict[str, float]]:
    """Stage to part to the share of its amplitude that is kept."""
    truth, view = shot.performance.joints, shot.view
    stages: dict[str, dict[str, float]] = {}
    for part, (start, end, first, last) in PARTS.items():
        joints = [JOINT[start], JOINT[end]]
        marks = [raw.landmark_names.index(first), raw.landmark_names.index(last)]
        true = truth[:, joints]
        seen = raw.landmarks3d[:, marks].astype(np.float64)
        rows = raw.frame_index
        shares = {
            "pixels of landmarks": _kept(raw.landmarks2d[:, marks], view.project(true)[rows], rows),
            "3D landmarks": _kept(seen, (true @ view.axes)[rows], rows),
            "solved frame by frame": _kept_in_world(solved, truth, joints),
            CLIP: _kept_in_world(clip, truth, joints),
        }
        for stage, share in shares.items():
            stages.setdefault(stage, {})[part] = share
    return stages


def _kept_in_world(clip: Clip, truth_TJ3: Float64, joints: list[int]) -> float:
    own = clip.joints.astype(np.float64)
    truth = truth_TJ3[clip.frame_index]
    about = [root_aligned(points, points[:, 0]).reshape(-1, 3) for points in (own, truth)]
    turn, _ = level_alignment(about[0], about[1])
    return _kept(own[:, joints] @ turn.T, truth[:, joints], clip.frame_index)


def _kept(own_T2D: NDArray[np.floating], truth_T2D: Float64, frames_T: NDArray[np.int64]) -> float:
    own, true = (amplitude(_direction(pair), frames_T) for pair in (own_T2D, truth_T2D))
    return float(np.abs(np.vdot(true, own)) / np.vdot(true, true).real)


def _direction(pair_T2D: NDArray[np.floating]) -> Float64:
    """From the first point to the second (T,D), as long as it is on average."""
    along = (pair_T2D[:, 1] - pair_T2D[:, 0]).astype(np.float64)
    return along / np.linalg.norm(along, axis=-1).mean()


def amplitude(values_TD: Float64, frames_T: NDArray[np.int64], rate_hz: float = 30.0) -> Float64:
    """The complex amplitude (D,) of the wave's frequency in values at frames of a steady rate."""
    time_s = frames_T / rate_hz
    phase = 2 * np.pi * WAVE_HZ * time_s
    basis = np.stack([np.cos(phase), np.sin(phase), np.ones_like(time_s), time_s], axis=1)
    found = np.linalg.lstsq(basis, values_TD, rcond=None)[0]
    return found[0] - 1j * found[1]
