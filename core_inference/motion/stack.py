"""The processing stack: from a raw take to a clip, re-runnable without inference."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..body_model import BodyModel
from ..clip import Clip, RawTake, replaced
from .contacts import mark_contacts
from .estimated import clip_from_estimate, with_mesh
from .gaps import fill_gaps
from .ground import put_on_ground
from .placing import scene_of, turned
from .posing import quaternions, with_pose
from .smoothing import Cutoffs, scaled, smooth_rotations, smooth_vectors
from .solve import solve

UNSEEN_WEIGHT = 0.02
"""What a filled-in frame weighs against a seen one when neighbours are averaged."""


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """How a raw take becomes a clip: smooth 0 (as solved) to 1 (strong), cutoffs at 0.5."""

    smooth: float = 0.5
    cutoffs: Cutoffs = field(default_factory=Cutoffs)


def process(raw: RawTake, body: BodyModel, settings: MotionSettings) -> Clip:
    """Solve, fill gaps, smooth, put on the ground and mark foot contacts.

    A take that holds rotations is not solved but taken as it is, and its mesh follows last. A
    take in whose provenance `scene.stand_together` left a scene stands in that shared world.
    body: the open body, whose soles stand on the ground, about the clip's own joints.
    """
    scene = scene_of(raw)
    if raw.pose is None:
        clip = solve(raw, body, 1.0 if scene is None else scene.size)
    else:
        clip = clip_from_estimate(raw, raw.pose)
    clip = fill_gaps(clip, frame_times(raw))
    clip = smooth(clip, settings)
    if scene is not None:
        clip = turned(clip, scene.world_from_level)
    clip = mark_contacts(put_on_ground(clip, body, scene), body)
    if raw.pose is not None:
        clip = with_mesh(clip, raw, raw.pose)
    motion = {"smooth": settings.smooth}
    return replaced(clip, provenance={**raw.provenance, "motion": motion})


def frame_times(raw: RawTake) -> NDArray[np.float64]:
    """Presentation times of all source frames from the take's first to its last.

    Frames without a person have no row in the raw take: their times lie evenly between.
    """
    frames = np.arange(raw.frame_index[0], raw.frame_index[-1] + 1)
    return np.interp(frames, raw.frame_index, raw.time_s)


def smooth(clip: Clip, settings: MotionSettings) -> Clip:
    """Low-pass rotations and the root, zero-phase, doubtful frames leaning on sure ones."""
    if settings.smooth <= 0.0 or len(clip.frame_index) < 2:
        return clip
    weights = np.maximum(clip.scores.astype(np.float64), UNSEEN_WEIGHT)
    cutoffs = scaled(settings.cutoffs.per_joint(), settings.smooth)
    rotations = smooth_rotations(quaternions(clip), clip.time_s, weights, cutoffs)
    return with_pose(clip, rotations, _smooth_root(clip, weights[:, :1], settings))


def _smooth_root(
    clip: Clip, weights_T1: NDArray[np.float64], settings: MotionSettings
) -> NDArray[np.float64]:
    """Smooth the root along the camera's axes: depth is far less sure than left and up."""
    cutoffs = settings.cutoffs
    hertz = np.array([cutoffs.root_lateral, cutoffs.root_lateral, cutoffs.root_depth])
    camera_from_world = clip.camera.rotation.astype(np.float64)
    pelvis = clip.joints[:, 0].astype(np.float64)
    seen = pelvis @ camera_from_world.T
    axes = seen[:, :, None]
    smoothed = smooth_vectors(
        axes, clip.time_s, np.repeat(weights_T1, 3, axis=1), scaled(hertz, settings.smooth)
    )[..., 0]
    return smoothed @ camera_from_world - clip.rest_joints[0]
