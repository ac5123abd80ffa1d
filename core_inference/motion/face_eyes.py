"""Where the eyes look, from the irises, and how far the lids are shut.

Legend: T frames, S face shapes (52).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.face_shapes import FACE_SHAPE, FACE_SHAPE_COUNT, LOOK_RAD
from ...rigs.rotation import matrix_from_axis_angle
from .face_fit import FaceBasis
from .face_points import (
    CORNERS,
    LIDS,
    LOWER_LIDS,
    OUTWARDS,
    SIDES,
    UPPER_LIDS,
    FacePoints,
    aperture,
)

Float64 = NDArray[np.float64]

EYE_RADIUS = 0.43
"""From an eye's middle to its iris, in widths of the eye between its corners: 12 of 28 mm."""

MOST_RAD = np.radians(40.0)
USUAL_OFF = 0.06
"""How far a person's irises, looking straight ahead, may lie off the body's, in eye widths."""

TINY = 1e-9

SHUT = 0.16
"""A shut eye still seems open by this share of the open one's height."""


STILL = 0.06
"""An eye's height that changes by no more than this share of it has not changed."""

CLOSING = ("eyeLookDown", "eyeSquint")
OPENING = ("eyeLookUp",)
"""Shapes beside blinking and widening that move the lids."""


def openness(face: FacePoints, rest_P3: Float64) -> dict[str, Float64]:
    """How far each eye is open (T,), 0 shut, 1 as the person's own at rest, above 1 wide."""
    found: dict[str, Float64] = {}
    for side in SIDES:
        own = float(aperture(rest_P3[None], side)[0])
        found[side] = (aperture(face.points, side) / own - SHUT) / (1.0 - SHUT)
    return found


def sized_lids(moved_TP3: Float64, own_P3: Float64, basis: FaceBasis) -> Float64:
    """The movements (T,468,3) m, those of the lids as large as if the eyes were the body's."""
    sized = moved_TP3.copy()
    for side in SIDES:
        own, body = (float(aperture(p[None], side)[0]) for p in (own_P3, basis.rest))
        sized[:, list(LIDS[side])] *= body / max(own, TINY)
    return sized


def with_lids(shapes_TS: Float64, opened: dict[str, Float64], basis: FaceBasis) -> Float64:
    """The shapes (T,52) with `eyeBlink` and `eyeWide` such that each eye is open as it was seen."""
    shapes = shapes_TS.copy()
    for side in SIDES:
        open_T = opened[side].copy()
        for name in CLOSING + OPENING:
            open_T -= _opens(basis, name, side) * shapes[:, FACE_SHAPE[name + side]]
        wide = (open_T - 1.0 - STILL) / _opens(basis, "eyeWide", side)
        shut = (1.0 - open_T - STILL) / (1.0 - STILL)
        shapes[:, FACE_SHAPE["eyeBlink" + side]] = np.clip(shut, 0.0, 1.0)
        shapes[:, FACE_SHAPE["eyeWide" + side]] = np.clip(wide, 0.0, 1.0)
    return shapes


def _opens(basis: FaceBasis, name: str, side: str) -> float:
    """How much further a shape opens the body's eye, as a share of the eye's height."""
    column = FACE_SHAPE[name + side]
    up, down = (basis.directions[list(lids[side]), 1, column] for lids in (UPPER_LIDS, LOWER_LIDS))
    return float((up - down).mean() / aperture(basis.rest[None], side)[0])


def gaze(
    face: FacePoints, basis: FaceBasis, seen: dict[str, Float64], time_s_T: Float64
) -> Float64:
    """How far both eyes look down and to the person's left (T,2) rad; 0 is straight ahead.

    seen: per side (T,) how much its iris is to be believed. People's eyes turn together: each
    counts as much as it is believed. To the side, straight ahead is where both irises lie alike
    in their eyes; up and down it is the usual place, as far as anatomy lets it differ.
    """
    places = {side: _iris_place(face, basis, side) for side in SIDES}
    both = np.minimum(seen["Left"], seen["Right"])
    apart = weighted_median((places["Left"] - places["Right"])[:, 0] / 2.0, both)
    weights_2T = np.stack([seen[side] for side in SIDES])
    centred = np.stack([places[side] - [OUTWARDS[side] * apart, 0.0] for side in SIDES])
    total_T = weights_2T.sum(axis=0)
    place = np.sum(weights_2T[..., None] * centred, axis=0) / np.maximum(total_T, TINY)[:, None]
    usual = weighted_median(place[:, 1], total_T)
    place[:, 1] -= np.clip(usual, -USUAL_OFF, USUAL_OFF)
    sight = np.flatnonzero(total_T >= 0.5 * total_T.max())
    place = np.stack([np.interp(time_s_T, time_s_T[sight], c[sight]) for c in place.T], axis=-1)
    furthest = np.sin(MOST_RAD)
    angle = np.arcsin(np.clip(place / EYE_RADIUS, -furthest, furthest))
    return np.stack([-angle[:, 1], angle[:, 0]], axis=-1)


def _iris_place(face: FacePoints, basis: FaceBasis, side: str) -> Float64:
    """The iris (T,2) from its place on the body's eye at rest, left and up, in eye widths."""
    inner, outer = (face.points[:, corner, :2] for corner in CORNERS[side])
    width = np.linalg.norm(outer - inner, axis=-1, keepdims=True)
    rest_inner, rest_outer = (basis.rest[corner, :2] for corner in CORNERS[side])
    rest_width = float(np.linalg.norm(rest_outer - rest_inner))
    rest_place = (basis.irises[side][:2] - (rest_inner + rest_outer) / 2.0) / rest_width
    return (face.irises[side][:, :2] - (inner + outer) / 2.0) / np.maximum(width, TINY) - rest_place


def weighted_median(values_T: Float64, weights_T: Float64) -> float:
    """The value with half of the weight below it."""
    order = np.argsort(values_T, kind="stable")
    below = np.cumsum(weights_T[order])
    return float(values_T[order[np.searchsorted(below, 0.5 * below[-1])]])


def look_shapes(gaze_T2: Float64) -> Float64:
    """The eight `eyeLook` coefficients (T,52) of a gaze, all others 0."""
    down, left = gaze_T2.T
    turned = {"Down": down, "Up": -down}
    coefficients = np.zeros((len(gaze_T2), FACE_SHAPE_COUNT))
    for side in SIDES:
        outwards = OUTWARDS[side] * left
        for direction, angle in {**turned, "Out": outwards, "In": -outwards}.items():
            share = np.clip(angle / LOOK_RAD[direction], 0.0, 1.0)
            coefficients[:, FACE_SHAPE[f"eyeLook{direction}{side}"]] = share
    return coefficients


def eye_rotation(gaze_T2: Float64) -> Float64:
    """The rotation (T,3,3) of an eye's joint from straight ahead: about x down, about y left."""
    vectors = np.concatenate([gaze_T2, np.zeros((len(gaze_T2), 1))], axis=1)
    return np.asarray(matrix_from_axis_angle(vectors))
