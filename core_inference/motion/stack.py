"""The processing stack: from a raw take to a clip, re-runnable without inference."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..body_model import BodyModel
from ..clip import Clip, EstimatedPose, RawTake, replaced
from .airborne import fall_freely
from .blas import one_blas_thread
from .calibration_take import CalibrationSettings, calibrated
from .calming import Strength, calmed
from .camera import with_camera_gone
from .contacts import settled, stance_of, with_contacts
from .estimated import clip_from_estimate
from .face import with_face
from .feet import plant_feet
from .gaps import fill_gaps
from .ground import put_on_ground
from .mesh import grown_by, with_mesh
from .near_body import keep_distance
from .placing import Scene, scene_of, turned
from .refining import refined
from .smoothing import Cutoffs
from .solve import Solution, solve_with_frames

GROUNDS = ("auto", "level", "off")


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """How a raw take becomes a clip, as panel and command line say it.

    smooth and, for wrists and fingers, hands: 0 (as solved) to 1 (strong), cutoffs at 0.5;
    filter: one of `calming.FILTERS`; feet: one of `feet.MODES`; ground: one of `GROUNDS`, auto
    turns the world upright as feet and body show it, level believes the camera level, off leaves
    the person where they were seen, too. People of one shot stay in the world they share.
    refine, for takes that hold rotations: one of `refining.REFINEMENTS`, auto solves them over the
    whole clip, never leaves them as the network said them.
    """

    smooth: float = 0.5
    hands: float = 0.5
    filter: str = "zero-phase"
    feet: str = "auto"
    ground: str = "auto"
    refine: str = "auto"
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)

    def takes_as_solved(self, raw: RawTake) -> bool:
        """Whether all begins with what `solved` gives: for landmarks, whatever the settings."""
        as_it_is = self.calibration.target == "none" and self.refine != "never"
        return raw.pose is None or as_it_is

    def as_json(self) -> dict[str, Any]:
        """What a clip's provenance tells of it."""
        names = ("smooth", "hands", "filter", "feet", "ground", "refine")
        return {**{name: getattr(self, name) for name in names}, **self.calibration.as_json()}


def solved(raw: RawTake, body: BodyModel) -> Solution:
    """What a take gives by default before all filtering: the costly part of `process`."""
    if raw.pose is None:
        scene = scene_of(raw)
        return solve_with_frames(raw, body, 1.0 if scene is None else scene.size)
    frames = clip_from_estimate(raw, raw.pose)
    return Solution(frames=frames, clip=clip_from_estimate(raw, refined(raw, raw.pose, body)))


def process(
    raw: RawTake,
    body: BodyModel,
    settings: MotionSettings,
    *,
    solution: Solution | None = None,
    contacts: NDArray[np.float32] | None = None,
) -> Clip:
    """Solve, fill gaps, smooth, fit the face, stand upright on the ground, hold feet, fall freely,
    keep hands at their distance.

    The same take and settings give the same bytes.

    solution: what `solved` gave for this take earlier. contacts (T,4) 0..1, a row for every
    source frame from the take's first to its last: when which sole stands, instead of what the
    motion says.

    A take that holds rotations is refined, and its mesh follows last. A take in whose provenance
    `scene.stand_together` left a scene stands in that shared world.
    body: the open body, whose soles stand on the ground, about the clip's own joints.
    """
    with one_blas_thread():
        return _processed(raw, body, settings, solution, contacts)


def _processed(
    raw: RawTake,
    body: BodyModel,
    settings: MotionSettings,
    solution: Solution | None,
    contacts: NDArray[np.float32] | None,
) -> Clip:
    scene = scene_of(raw, settings.ground)
    pose = None if raw.pose is None else calibrated(raw, raw.pose, body, settings.calibration)
    clip = _unfiltered(raw, pose, body, settings, solution)
    size = 1.0 if pose is None else grown_by(clip, raw, pose)
    clip = with_camera_gone(clip, raw, body, scene)
    clip = fill_gaps(clip, frame_times(raw))
    strength = Strength(smooth=settings.smooth, hands=settings.hands, filter=settings.filter)
    clip = calmed(clip, strength, settings.cutoffs)
    as_said = pose is not None and settings.refine == "never"
    if not as_said:
        clip = with_face(clip, raw, body, settings.smooth, settings.cutoffs)
    clip = _standing(clip, body, scene, settings, contacts)
    if settings.feet != "never":
        planted = plant_feet(clip, body, settings.feet, grounded=settings.ground != "off")
        clip = fall_freely(planted)
    if not as_said and settings.hands > 0.0:
        clip = keep_distance(clip, body)
    if pose is not None:
        clip = with_mesh(clip, raw, pose, body, size)
    told = settings.as_json() | ({} if contacts is None else {"contacts": "given"})
    return replaced(clip, provenance={**raw.provenance, "motion": told})


def _unfiltered(
    raw: RawTake,
    pose: EstimatedPose | None,
    body: BodyModel,
    settings: MotionSettings,
    solution: Solution | None,
) -> Clip:
    """The take as solved, from landmarks or from a pose as calibrated."""
    if pose is None or settings.takes_as_solved(raw):
        return (solution or solved(raw, body)).clip
    pose = pose if settings.refine == "never" else refined(raw, pose, body)
    return clip_from_estimate(raw, pose)


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
