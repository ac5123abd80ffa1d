"""The processing stack: from a raw take to a clip, re-runnable without inference."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..body_model import BodyModel
from ..clip import Clip, RawTake, replaced
from .airborne import fall_freely
from .blas import one_blas_thread
from .calibration_take import CalibrationSettings, calibrated
from .calming import Strength, calmed
from .camera import with_camera_gone
from .contacts import settled, stance_of, with_contacts
from .estimated import clip_from_estimate, with_mesh
from .face import with_face
from .feet import plant_feet
from .gaps import fill_gaps
from .ground import put_on_ground
from .placing import Scene, scene_of, turned
from .smoothing import Cutoffs
from .solve import solve

GROUNDS = ("auto", "level", "off")


@dataclass(frozen=True, kw_only=True)
class MotionSettings:
    """How a raw take becomes a clip, as panel and command line say it.

    smooth and, for wrists and fingers, hands: 0 (as solved) to 1 (strong), cutoffs at 0.5;
    filter: one of `calming.FILTERS`; feet: one of `feet.MODES`; ground: one of `GROUNDS`, auto
    turns the world upright as feet and body show it, level believes the camera level, off leaves
    the person where they were seen, too. People of one shot keep the world they share.
    """

    smooth: float = 0.5
    hands: float = 0.5
    filter: str = "zero-phase"
    feet: str = "auto"
    ground: str = "auto"
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)

    def as_json(self) -> dict[str, Any]:
        """What a clip's provenance tells of it."""
        names = ("smooth", "hands", "filter", "feet", "ground")
        return {**{name: getattr(self, name) for name in names}, **self.calibration.as_json()}


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
    """Solve, fill gaps, smooth, fit the face, stand upright on the ground, hold feet, fall freely.

    The same take and settings give the same bytes.

    solution: what `solved` gave for this take earlier. contacts (T,4) 0..1, a row for every
    source frame from the take's first to its last: when which sole stands, instead of what the
    motion says.

    A take that holds rotations is not solved but taken as it is, and its mesh follows last. A
    take in whose provenance `scene.stand_together` left a scene stands in that shared world.
    body: the open body, whose soles stand on the ground, about the clip's own joints.
    """
    with one_blas_thread():
        return _processed(raw, body, settings, solution, contacts)


def _processed(
    raw: RawTake,
    body: BodyModel,
    settings: MotionSettings,
    solution: Clip | None,
    contacts: NDArray[np.float32] | None,
) -> Clip:
    scene = scene_of(raw)
    pose = None if raw.pose is None else calibrated(raw, raw.pose, body, settings.calibration)
    if pose is None:
        clip = solved(raw, body) if solution is None else solution
    else:
        clip = clip_from_estimate(raw, pose)
    clip = with_camera_gone(clip, raw, body, scene)
    clip = fill_gaps(clip, frame_times(raw))
    strength = Strength(smooth=settings.smooth, hands=settings.hands, filter=settings.filter)
    clip = calmed(clip, strength, settings.cutoffs)
    if raw.pose is None:
        clip = with_face(clip, raw, body, settings.smooth, settings.cutoffs)
    clip = _standing(clip, body, scene, settings, contacts)
    if settings.feet != "never":
        planted = plant_feet(clip, body, settings.feet, grounded=settings.ground != "off")
        clip = fall_freely(planted)
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
