"""The ground: the lowest feet of the clip at z = 0, the first pelvis above the origin.

Legend: T frames, F feet, left before right.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Clip, replaced
from .placing import Scene
from .smoothing import smooth_vectors
from .soles import sole_points

Float64 = NDArray[np.float64]

OUTLIERS = 0.25
"""Share of the frames whose feet would stand below the ground: they do not set its height.

A squat or a crouch seen from the front comes out too tall, its feet centimetres too low.
"""

STANDS = 0.5
FEWEST_CONTACTS = 8
"""So many soles of all frames, in contact above this, say where the ground is."""

FEET_SEEN = (0.1, 0.4)
"""Between these scores of an ankle the foot is taken more and more for where it is."""

FEET_HZ = 1.5
"""That changes no faster than this."""

SUNK_M = 0.15
"""Who stands this far below the shared ground is not lifted onto it."""


def put_on_ground(clip: Clip, body: BodyModel, scene: Scene | None = None) -> Clip:
    """Shift the world so that the lowest feet stand at z = 0; the camera moves with it.

    In frames whose feet would still stand lower, the person is lifted onto the ground, as far as
    these feet are seen: the pixels say where the rest of the body is. scene: the
    ground and the origin that the people of a shot share, for a clip that is turned into its
    world; whose feet stand far below that ground (nobody saw them) stays where they are.
    """
    soles_TS3 = sole_points(clip, body)
    lowest_TF = soles_TS3[..., 2].reshape(-1, 2, 2).min(axis=2)
    down = floor = ground_level(clip, soles_TS3[..., 2])
    x, y = clip.joints[0, 0, :2].tolist()
    if scene is not None:
        (x, y), down = scene.origin, scene.ground_m
        floor = floor if floor < down - SUNK_M else down
    grounded = shifted(clip, -np.array([x, y, down]))
    lift_T3 = np.zeros_like(grounded.trans)
    lift_T3[:, 2] = (np.maximum(floor - lowest_TF, 0.0) * _trust_in_feet(clip)).max(axis=1)
    joints = grounded.joints + lift_T3[:, None]
    return replaced(
        grounded,
        trans=grounded.trans + lift_T3,
        joints=joints,
        joints2d=grounded.camera.project(joints.astype(np.float64)).astype(np.float32),
    )


def ground_level(clip: Clip, height_TS: Float64) -> float:
    """How high the ground is in m, below soles at height_TS (T,4) m, world.

    Under soles in contact, else where the lowest feet get to.
    """
    stands_TS = clip.contacts > STANDS
    if stands_TS.sum() >= FEWEST_CONTACTS:
        return float(np.median(height_TS[stands_TS]))
    return float(np.quantile(height_TS[clip.tracked].min(axis=1), OUTLIERS))


def _trust_in_feet(clip: Clip) -> Float64:
    """Return how far each foot may lift the person (T,F), 0..1, without leaps.

    Of filled-in frames the seen ones before and after say it.
    """
    scores_TF = clip.scores[:, [JOINT["left_ankle"], JOINT["right_ankle"]]].astype(np.float64)
    unsure, sure = FEET_SEEN
    trust_TF = np.clip((scores_TF - unsure) / (sure - unsure), 0.0, 1.0)
    seen_T = np.flatnonzero(clip.tracked)
    frames_T = np.arange(len(trust_TF))
    whole_TF = np.stack([np.interp(frames_T, seen_T, row[seen_T]) for row in trust_TF.T], axis=1)
    if len(whole_TF) < 2:
        return whole_TF
    even_TF, cutoffs_F = np.ones_like(whole_TF), np.full(2, FEET_HZ)
    smooth_TF1 = smooth_vectors(whole_TF[..., None], clip.time_s, even_TF, cutoffs_F)
    return np.clip(smooth_TF1[..., 0], 0.0, 1.0)


def shifted(clip: Clip, shift_3: Float64) -> Clip:
    """Move the whole world, person and camera, by (3,) m; the picture stays as it was."""
    camera = clip.camera
    moved = camera.translation - camera.rotation.astype(np.float64) @ shift_3
    return replaced(
        clip,
        trans=(clip.trans + shift_3).astype(np.float32),
        joints=(clip.joints + shift_3).astype(np.float32),
        camera=replace(camera, translation=moved.astype(np.float32)),
    )
