"""How near hands are to the body: its skin as points with normals, a hand as small balls.

Legend: T frames, J joints (55), V vertices, N skin points, B balls of a hand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.rotation import FloatArray, normalized
from ...rigs.skeleton import JOINT, JOINT_COUNT
from ..body_model import BodyModel, IntArray
from .evidence import SIDES

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

FINGERS = ("index", "middle", "pinky", "ring", "thumb")
TIPS = ("index_finger_tip", "middle_finger_tip", "pinky_tip", "ring_finger_tip", "thumb_tip")

ARM = ("shoulder", "elbow")
TOUCHED = (
    *("pelvis", "spine1", "spine2", "spine3", "neck", "head", "jaw"),
    *(f"{side}_{name}" for side in SIDES for name in ("collar", "hip", "knee", *ARM)),
)
"""The joints on whose skin a hand can lie."""

SPACING_M = 0.05
"""Of each joint's skin one point stands for a cell of so many metres; what is farther aside of it
than this is not above or below it."""

NEAREST = 80
"""So many skin points around the middle of a hand are looked at."""

ALONG_PALM = (0.35, 0.7)
"""Where on the way from the wrist to a knuckle a palm's balls are."""

RADII_M = np.array([0.008] * (3 * len(FINGERS) + len(TIPS)) + [0.014] * (2 * (len(FINGERS) - 1)))
"""Half the thickness (B,) of a hand: finger joints and tips, then the palm."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Skin:
    """Points of skin as sums over the joints that move them: places (220,N) m weighs a joint's
    rotation and position, row by row, normals (165,N) its rotation; carrier (N,) the joint that
    weighs most."""

    places: Float64
    normals: Float64
    carrier: NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class PosedSkin:
    """points (T,3,N) m, the squares (T,N) of their distances from the origin, and normals (T,3,N)
    out of them, not of unit length; world."""

    points: Float64
    squares: Float64
    normals: Float64


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """The skin around a hand: points (T,3,K) m, unit normals (T,3,K) and velocities (T,3,K) m/s."""

    points: Float32
    normals: Float32
    velocities: Float32


@dataclass(frozen=True, kw_only=True, eq=False)
class Gaps:
    """How far each ball of a hand is from what it may touch: gap (T,B) m, negative inside; away
    (T,B,3) the unit vector from there; velocity (T,B,3) m/s with which that moves; all world."""

    gap: Float64
    away: Float64
    velocity: Float64


def skin_of(body: BodyModel, open_betas: FloatArray) -> Skin:
    """The skin of a shape (10,) that hands can touch, thinned out to `SPACING_M`."""
    rest_V3 = np.asarray(body.rest_vertices(open_betas), dtype=np.float64)
    joints_J3 = np.asarray(body.rest_joints(open_betas), dtype=np.float64)
    normal_V3 = _normals(rest_V3, body.faces)
    carrier_V = body.weights.argmax(axis=1)
    outside_V = ((rest_V3 - _middles(rest_V3, carrier_V)) * normal_V3).sum(axis=-1) > 0.0
    touched_V = outside_V & np.isin(carrier_V, [JOINT[name] for name in TOUCHED])
    vertices = np.flatnonzero(touched_V)
    cells_V3 = np.floor(rest_V3[vertices] / SPACING_M).astype(np.int64)
    cells_V4 = np.column_stack([cells_V3, carrier_V[vertices]])
    _, first = np.unique(cells_V4, axis=0, return_index=True)
    picked = vertices[np.sort(first)]
    offset_JN3 = rest_V3[picked] - joints_J3[:, None]
    weight_JN1 = body.weights[picked].T[..., None]
    place_JN4 = np.concatenate([weight_JN1 * offset_JN3, weight_JN1], axis=-1)
    return Skin(
        places=np.swapaxes(place_JN4, 1, 2).reshape(-1, len(picked)),
        normals=np.swapaxes(weight_JN1 * normal_V3[picked], 1, 2).reshape(-1, len(picked)),
        carrier=carrier_V[picked],
    )


def _middles(rest_V3: Float64, carrier_V: IntArray) -> Float64:
    """The middle (V,3) m of the skin that is carried by the same joint."""
    count_J = np.maximum(np.bincount(carrier_V, minlength=JOINT_COUNT), 1)
    sums = [np.bincount(carrier_V, axis, minlength=JOINT_COUNT) / count_J for axis in rest_V3.T]
    return np.stack(sums, axis=1)[carrier_V]


def _normals(rest_V3: Float64, faces_F3: IntArray) -> Float64:
    """Outward unit normals (V,3) of a mesh."""
    corner_F3, first_F3, second_F3 = (rest_V3[faces_F3[:, k]] for k in range(3))
    face_F3 = np.cross(first_F3 - corner_F3, second_F3 - corner_F3)
    corners = faces_F3.ravel()
    sums = [np.bincount(corners, np.repeat(axis, 3), minlength=len(rest_V3)) for axis in face_F3.T]
    sum_V3 = np.stack(sums, axis=1).astype(np.float64)
    return np.asarray(normalized(sum_V3), dtype=np.float64)


def posed_skin(skin: Skin, world_TJ33: Float64, joints_TJ3: Float64) -> PosedSkin:
    """The skin of a body with world rotations (T,55,3,3) and joints (T,55,3) m."""
    count = len(world_TJ33)
    moved_TJ34 = np.concatenate([world_TJ33, joints_TJ3[..., None]], axis=-1)
    moves_T3P = moved_TJ34.transpose(0, 2, 1, 3).reshape(count * 3, -1)
    turns_T3P = world_TJ33.transpose(0, 2, 1, 3).reshape(count * 3, -1)
    points_T3N = (moves_T3P @ skin.places).reshape(count, 3, -1)
    return PosedSkin(
        points=points_T3N,
        squares=np.einsum("tin,tin->tn", points_T3N, points_T3N),
        normals=(turns_T3P @ skin.normals).reshape(count, 3, -1),
    )


def patch_around(
    middle_T3: Float64,
    posed: PosedSkin,
    beside_arm: NDArray[np.intp],
    time_s_T: Float64,
    rows: slice,
) -> Patch:
    """The skin nearest to the middle of a hand, among the points that it can touch, in some rows.

    The rows beside them say how it moves.
    """
    rows_T = np.arange(len(middle_T3))[rows]
    far_TN = posed.squares[rows] - 2.0 * (middle_T3[rows, None] @ posed.points[rows])[:, 0]
    around_TK = np.argpartition(far_TN[:, beside_arm], NEAREST, axis=1)[:, :NEAREST]
    around_TK = beside_arm[around_TK]
    before_T, after_T = np.maximum(rows_T - 1, 0), np.minimum(rows_T + 1, len(middle_T3) - 1)
    moved_TK3 = (
        posed.points[after_T[:, None], :, around_TK] - posed.points[before_T[:, None], :, around_TK]
    )
    taken_s_T11 = (time_s_T[after_T] - time_s_T[before_T])[:, None, None]
    points_TK3, normals_TK3 = (
        of_T3N[rows_T[:, None], :, around_TK] for of_T3N in (posed.points, posed.normals)
    )
    return Patch(
        points=np.swapaxes(points_TK3, 1, 2).astype(np.float32),
        normals=_unit(np.swapaxes(normals_TK3, 1, 2)).astype(np.float32),
        velocities=np.swapaxes(moved_TK3 / taken_s_T11, 1, 2).astype(np.float32),
    )


def beside_arm(skin: Skin, side: str) -> NDArray[np.intp]:
    """Which of the skin's points the hand of a side can touch: not its own arm's."""
    return np.flatnonzero(~np.isin(skin.carrier, [JOINT[f"{side}_{name}"] for name in ARM]))


def hand_balls(
    body: BodyModel, world_TJ33: Float64, joints_TJ3: Float64, betas: FloatArray, side: str
) -> Float64:
    """Middles (T,B,3) m, world, of a hand's balls, in the order of `RADII_M`."""
    fingers = [JOINT[f"{side}_{finger}{k}"] for finger in FINGERS for k in (1, 2, 3)]
    knuckles = [JOINT[f"{side}_{finger}1"] for finger in FINGERS[:-1]]
    tips = [f"{side}_hand_{tip}" for tip in TIPS]
    tips_T53 = body.landmark_points(world_TJ33, joints_TJ3, betas, tips)
    wrist_T13, knuckles_T43 = joints_TJ3[:, [JOINT[f"{side}_wrist"]]], joints_TJ3[:, knuckles]
    palm = [wrist_T13 + share * (knuckles_T43 - wrist_T13) for share in ALONG_PALM]
    return np.concatenate([joints_TJ3[:, fingers], tips_T53, *palm], axis=1)


def gaps_to_skin(balls_TB3: Float64, patch: Patch) -> Gaps:
    """How far balls (T,B,3) m are from skin, along the normal of its nearest point."""
    squares_T1K = np.square(patch.points, dtype=np.float64).sum(axis=1, keepdims=True)
    nearest_T1B = (squares_T1K - 2.0 * balls_TB3 @ patch.points).argmin(axis=-1)[:, None]
    points_T3B, normals_T3B, velocities_T3B = (
        np.take_along_axis(of_T3K, nearest_T1B, axis=2).astype(np.float64)
        for of_T3K in (patch.points, patch.normals, patch.velocities)
    )
    off_T3B = np.swapaxes(balls_TB3, 1, 2) - points_T3B
    above_T1B = (off_T3B * normals_T3B).sum(axis=1, keepdims=True)
    far_T1B = np.linalg.norm(off_T3B, axis=1, keepdims=True)
    on_skin_T1B = far_T1B**2 - above_T1B**2 < SPACING_M**2
    return Gaps(
        gap=np.where(on_skin_T1B, above_T1B, far_T1B)[:, 0] - RADII_M,
        away=np.swapaxes(np.where(on_skin_T1B, normals_T3B, _unit(off_T3B)), 1, 2),
        velocity=np.swapaxes(velocities_T3B, 1, 2),
    )


def _unit(vectors_T3N: Float64) -> Float64:
    length_T1N = np.linalg.norm(vectors_T3N, axis=1, keepdims=True)
    return np.asarray(vectors_T3N / np.maximum(length_T1N, 1e-9), dtype=np.float64)


def gaps_to_hand(balls_TB3: Float64, other_TB3: Float64, velocity_T3: Float64) -> Gaps:
    """How far the balls of one hand (T,B,3) m are from those of the other, that moves so fast."""
    own_TB1, other_TB1 = (np.square(b).sum(axis=-1)[..., None] for b in (balls_TB3, other_TB3))
    along_TBB = balls_TB3 @ np.swapaxes(other_TB3, 1, 2)
    squares_TBB = own_TB1 + np.swapaxes(other_TB1, 1, 2) - 2.0 * along_TBB
    gap_TBB = np.sqrt(np.maximum(squares_TBB, 0.0)) - RADII_M[:, None] - RADII_M
    nearest_TB1 = gap_TBB.argmin(axis=-1)[..., None]
    off_TB3 = balls_TB3 - np.take_along_axis(other_TB3, nearest_TB1, axis=1)
    return Gaps(
        gap=np.take_along_axis(gap_TBB, nearest_TB1, axis=2)[..., 0],
        away=np.asarray(normalized(off_TB3), dtype=np.float64),
        velocity=np.broadcast_to(velocity_T3[:, None], off_TB3.shape),
    )
