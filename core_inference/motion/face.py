"""The face of a take: 52 shapes, the jaw and both eyes.

Points of the face mesh are brought into the head's axes, the person's own face at rest is found,
and what differs from it is explained by the open body's face shapes. The irises say where the
eyes look, the distance of the lids how far they are shut.

Legend: T rows of the clip, R rows of the raw take, S face shapes (52).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...rigs.face_shapes import FACE_SHAPE_COUNT
from ...rigs.rotation import axis_angle_from_quaternion, quaternion_from_matrix
from ...rigs.skeleton import JOINT
from ..body_model import BodyModel
from ..clip import Clip, RawTake, replaced
from .face_eyes import eye_rotation, gaze, look_shapes, openness, sized_lids, with_lids
from .face_fit import MIRRORED, face_basis, fit_shapes, jaw_rotation
from .face_points import POINTS, SIDES, FacePoints, face_points, resting_face
from .face_told import told_shapes
from .filling import NEIGHBOUR_S, NEUTRAL_WEIGHT, trust_from_score
from .smoothing import Cutoffs, kernel_sum, scaled, sigma_cutoff_hz, smooth_vectors

Float64 = NDArray[np.float64]

UNSEEN_WEIGHT = 0.02
"""What a frame without a face weighs against a seen one when neighbours are averaged."""

JOINTS = ("jaw", "left_eye_smplhf", "right_eye_smplhf")


@dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """Of every row: shapes (T,52) 0..1, gaze (T,2) rad down and left, trust (T,) 0..1."""

    shapes: Float64
    gaze: Float64
    trust: Float64


def with_face(clip: Clip, raw: RawTake, body: BodyModel, smooth: float, cutoffs: Cutoffs) -> Clip:
    """The clip with `face_shapes`, and jaw and eyes turned as the raw take's face points say.

    smooth 0..1 and the cutoff of the face as in the rest of the stack. Where the face is unseen
    it goes back to rest, or is open as far as a network has the jaw. A clip whose take never saw
    a face keeps its jaw, and gets no shapes unless that opens.
    """
    told_TS = told_shapes(clip)
    trust_R = _trust(raw)
    if not trust_R.any():
        return clip if told_TS is None else replaced(clip, face_shapes=told_TS.astype(np.float32))
    face = filled(solve_face(raw, body, trust_R), raw, clip)
    if told_TS is not None:
        shapes_TS = told_TS + face.trust[:, None] * (face.shapes - told_TS)
        face = replace(face, shapes=shapes_TS)
    if smooth > 0.0 and len(clip.frame_index) > 1:
        face = smoothed(face, clip.time_s, float(scaled(np.array(cutoffs.face), smooth)))
    return _put_on(clip, face)


def _trust(raw: RawTake) -> Float64:
    """How surely each row of the take (R,) shows the whole face, 0..1."""
    if not set(POINTS) <= set(raw.landmark_names):
        return np.zeros(len(raw.frame_index))
    columns = [raw.landmark_names.index(name) for name in POINTS]
    lowest_R = raw.landmark_scores[:, columns].min(axis=1)
    return np.asarray(trust_from_score(lowest_R.astype(np.float64)), dtype=np.float64)


def solve_face(raw: RawTake, body: BodyModel, trust_R: Float64) -> Face:
    """Shapes and gaze of every row of the take (R,), seen or not; no filtering."""
    basis = face_basis(body)
    face = face_points(raw, basis.rest)
    own_P3 = resting_face(face.points, trust_R)
    face = face.laid_onto(own_P3)
    opened = openness(face, own_P3)
    looking = np.zeros((len(trust_R), 2))
    if face.irises:
        believed = {
            side: trust_R * face.view(side) * trust_from_score(opened[side], 0.25, 0.6)
            for side in SIDES
        }
        looking = gaze(face, basis, believed, raw.time_s)
    moved = sized_lids(face.points - own_P3, own_P3, basis)
    shapes = with_lids(fit_shapes(moved, basis, look_shapes(looking)), opened, basis)
    return Face(shapes=_seen_sides(shapes, face), gaze=looking, trust=trust_R)


def _seen_sides(shapes_RS: Float64, face: FacePoints) -> Float64:
    """The shapes (R,52), a side that is turned away taking the other's."""
    left, right = (list(side) for side in zip(*MIRRORED, strict=True))
    away_left, away_right = (1.0 - face.view(side)[:, None] for side in SIDES)
    shapes = shapes_RS.copy()
    shapes[:, left] += away_left * (shapes_RS[:, right] - shapes_RS[:, left])
    shapes[:, right] += away_right * (shapes_RS[:, left] - shapes_RS[:, right])
    return shapes


def filled(face: Face, raw: RawTake, clip: Clip) -> Face:
    """One row per row of the clip: unseen rows lean on neighbours in time, then on the rest."""
    rows = np.searchsorted(clip.frame_index, raw.frame_index)
    values_TD = np.zeros((len(clip.frame_index), FACE_SHAPE_COUNT + 2))
    values_TD[rows] = np.concatenate([face.shapes, face.gaze], axis=1)
    trust_T = np.zeros(len(values_TD))
    trust_T[rows] = face.trust
    if trust_T.min() < 1.0:
        ones_T1 = np.ones((len(values_TD), 1))
        cutoffs = np.array([sigma_cutoff_hz(NEIGHBOUR_S)])
        near = kernel_sum(
            np.concatenate([values_TD, ones_T1], axis=1)[:, None],
            clip.time_s,
            trust_T[:, None],
            cutoffs,
        )[:, 0]
        fill_TD = near[:, :-1] / (near[:, -1:] + NEUTRAL_WEIGHT)
        values_TD = fill_TD + trust_T[:, None] * (values_TD - fill_TD)
    return Face(
        shapes=values_TD[:, :FACE_SHAPE_COUNT], gaze=values_TD[:, FACE_SHAPE_COUNT:], trust=trust_T
    )


def smoothed(face: Face, time_s_T: Float64, cutoff_hz: float) -> Face:
    """The same low-passed in time, zero-phase."""
    weights = np.maximum(face.trust, UNSEEN_WEIGHT)[:, None]
    values = np.concatenate([face.shapes, face.gaze], axis=1)[:, None]
    calm = smooth_vectors(values, time_s_T, weights, np.array([cutoff_hz]))[:, 0]
    shapes, looking = calm[:, :FACE_SHAPE_COUNT], calm[:, FACE_SHAPE_COUNT:]
    return Face(shapes=np.clip(shapes, 0.0, 1.0), gaze=looking, trust=face.trust)


def _put_on(clip: Clip, face: Face) -> Clip:
    """The clip with these shapes, and with jaw and eyes turned accordingly."""
    eyes = eye_rotation(face.gaze)
    poses, scores = clip.poses.copy(), clip.scores.copy()
    for name, rotation in zip(JOINTS, (jaw_rotation(face.shapes), eyes, eyes), strict=True):
        turned = axis_angle_from_quaternion(quaternion_from_matrix(rotation))
        poses[:, 3 * JOINT[name] : 3 * JOINT[name] + 3] = turned
        scores[:, JOINT[name]] = face.trust
    return replaced(clip, poses=poses, scores=scores, face_shapes=face.shapes.astype(np.float32))
