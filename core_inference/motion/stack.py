"""The processing stack: from a raw take to a clip, re-runnable without inference."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import normalized
from ...rigs.skeleton import BODY_PARTS, JOINT_COUNT
from ..body_model import BodyModel
from ..clip import Clip, RawTake, replaced
from .airborne import fall_freely
from .calibration_take import CalibrationSettings, calibrated
from .camera import with_camera_gone
from .contacts import settled, stance_of, with_contacts
from .estimated import clip_from_estimate, with_mesh
from .face import with_face
from .feet import plant_feet
from .gaps import fill_gaps
from .ground import put_on_ground
from .placing import Scene, scene_of, turned
from .posing import quaternions, with_pose
from .smoothing import Cutoffs, scaled, smooth_rotations, smooth_vectors
from .solve import solve

UNSEEN_WEIGHT = 0.02
"""What a filled-in frame weighs against a seen one when neighbours are averaged."""


GROUNDS = ("auto", "level", "off")


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """How a raw take becomes a clip, as panel and command line say it.

    smooth and, for wrists and fingers, hands: 0 (as solved) to 1 (strong), cutoffs at 0.5;
    feet: one of `feet.MODES`; ground: one of `GROUNDS`, auto turns the world upright as feet and
    body show it, level believes the camera level, off leaves the person where they were seen, too.
    """

    smooth: float = 0.5
    hands: float = 0.5
    feet: str = "auto"
    ground: str = "auto"
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)

    def as_json(self) -> dict[str, Any]:
        """What a clip's provenance tells of it."""
        said = {"smooth": self.smooth, "hands": self.hands, "feet": self.feet}
        return {**said, "ground": self.ground, **self.calibration.as_json()}


def solved(raw: RawTake, body: BodyModel) -> Clip:
    """What the landmarks of a take give whatever the settings: the costly part of `process`."""
    scene = scene_of(raw)
    return solve(raw, body, 1.0 if scene is None else scene.size)


def process(
    raw: RawTake,
    body: BodyModel,
    settings: MotionSettings,
    *,
    solution: Clip | None = None,
    contacts: NDArray[np.float32] | None = None,
) -> Clip:
    """Solve, fill gaps, smooth, put on the ground and mark foot contacts.

    solution: what `solved` gave for this take earlier. contacts (T,4) 0..1, a row for every
    source frame from the take's first to its last: when which sole stands, instead of what the
    motion says.

    A take that holds rotations is not solved but taken as it is, and its mesh follows last. A
    take in whose provenance `scene.stand_together` left a scene stands in that shared world.
    body: the open body, whose soles stand on the ground, about the clip's own joints.
    """
    scene = scene_of(raw)
    pose = None if raw.pose is None else calibrated(raw, raw.pose, body, settings.calibration)
    if pose is None:
        clip = solved(raw, body) if solution is None else solution
    else:
        clip = clip_from_estimate(raw, pose)
    clip = with_camera_gone(clip, raw, body, scene)
    clip = fill_gaps(clip, frame_times(raw))
    clip = smooth(clip, settings)
    if raw.pose is None:
        clip = with_face(clip, raw, body, settings.smooth, settings.cutoffs)
    clip = _standing(clip, body, scene, settings, contacts)
    if settings.feet != "never":
        clip = fall_freely(plant_feet(clip, body, settings.feet))
    if pose is not None:
        clip = with_mesh(clip, raw, pose)
    told = settings.as_json() | ({} if contacts is None else {"contacts": "given"})
    return replaced(clip, provenance={**raw.provenance, "motion": told})


def _standing(
    clip: Clip,
    body: BodyModel,
    scene: Scene | None,
    settings: MotionSettings,
    contacts: NDArray[np.float32] | None,
) -> Clip:
    """Turn the world upright, by the shot's people or the person's own stance, onto its ground."""
    stance = stance_of(clip, body)
    if scene is not None:
        clip = turned(clip, scene.world_from_level)
    elif settings.ground == "auto":
        clip = turned(clip, stance.upright_from_world)
    if contacts is None:
        clip = with_contacts(clip, settled(stance.contacts, clip, body, settings.feet))
    else:
        clip = with_contacts(clip, contacts)
    return clip if settings.ground == "off" else put_on_ground(clip, body, scene)


def frame_times(raw: RawTake) -> NDArray[np.float64]:
    """Presentation times of all source frames from the take's first to its last.

    Frames without a person have no row in the raw take: their times lie evenly between.
    """
    frames = np.arange(raw.frame_index[0], raw.frame_index[-1] + 1)
    return np.interp(frames, raw.frame_index, raw.time_s)


def smooth(clip: Clip, settings: MotionSettings) -> Clip:
    """Low-pass rotations and the root, zero-phase, doubtful frames leaning on sure ones."""
    if len(clip.frame_index) < 2 or max(settings.smooth, settings.hands) <= 0.0:
        return clip
    weights = np.maximum(clip.scores.astype(np.float64), UNSEEN_WEIGHT)
    strength_J = np.full(JOINT_COUNT, settings.smooth)
    strength_J[[*BODY_PARTS["wrists"], *BODY_PARTS["fingers"]]] = settings.hands
    cutoffs = scaled(settings.cutoffs.per_joint(), strength_J)
    rotations = smooth_rotations(quaternions(clip), clip.time_s, weights, cutoffs)
    if settings.smooth <= 0.0:
        return with_pose(clip, rotations, clip.trans.astype(np.float64))
    return with_pose(clip, rotations, _smooth_root(clip, weights[:, :1], settings))


def _smooth_root(
    clip: Clip, weights_T1: NDArray[np.float64], settings: MotionSettings
) -> NDArray[np.float64]:
    """Smooth the root along the camera's axes: depth is far less sure than left and up."""
    cutoffs = settings.cutoffs
    hertz = np.array([cutoffs.root_lateral, cutoffs.root_lateral, cutoffs.root_depth])
    weights_T3, hertz = np.repeat(weights_T1, 3, axis=1), scaled(hertz, settings.smooth)
    pelvis = clip.joints[:, 0].astype(np.float64)
    if clip.camera.is_moving:
        return _smooth_before_moving(clip, pelvis, weights_T3, hertz) - clip.rest_joints[0]
    camera_from_world = clip.camera.rotation.astype(np.float64)
    seen = pelvis @ camera_from_world.T
    smoothed = smooth_vectors(seen[:, :, None], clip.time_s, weights_T3, hertz)[..., 0]
    return smoothed @ camera_from_world - clip.rest_joints[0]


def _smooth_before_moving(
    clip: Clip,
    pelvis_T3: NDArray[np.float64],
    weights_T3: NDArray[np.float64],
    hertz_3: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The same in the world, for a camera's own shaking must not move the person (T,3) m.

    Smoothed as lateral and as depth is; the way towards the camera is taken from the latter.
    """
    lateral_T3, depth_T3 = (
        smooth_vectors(pelvis_T3[:, :, None], clip.time_s, weights_T3, np.full(3, hertz))[..., 0]
        for hertz in (hertz_3[0], hertz_3[2])
    )
    rotation_T33 = clip.camera.rotation.astype(np.float64)
    place_T3 = (np.swapaxes(rotation_T33, 1, 2) @ -clip.camera.translation[..., None])[..., 0]
    ray_T3 = normalized(depth_T3 - place_T3)
    along_T1 = ((depth_T3 - lateral_T3) * ray_T3).sum(axis=1, keepdims=True)
    return np.asarray(lateral_T3 + along_T1 * ray_T3, dtype=np.float64)
