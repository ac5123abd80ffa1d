"""Face shapes from how the face points moved: bounded least squares, all frames at once.

Legend: T frames, P points of the face mesh (468), S face shapes (52), D data of a frame (3 P).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...rigs.face_shapes import FACE_SHAPE, FACE_SHAPES, JAW_OPEN_RAD
from ...rigs.rotation import matrix_from_axis_angle
from ...rigs.skeleton import JOINT
from ..body_model import FACE_POINT_COUNT, SHAPE_COUNT, BodyModel
from .face_points import LIDS, POINTS, SIDES

Float64 = NDArray[np.float64]

DEPTH_WEIGHT = 0.1
"""What a point's depth weighs against its place in the image: a single camera hardly sees it."""

NOISE_M = 0.0015
"""Standard deviation of a point as if all errors were independent, which neighbours' are not."""

PRIOR = 0.4
"""Standard deviation of a coefficient."""

SIDEWAYS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
LESS_LIKELY = {"jawLeft": 0.12, "jawRight": 0.12, "mouthLeft": 0.25, "mouthRight": 0.25} | {
    "noseSneerLeft": 0.2,
    "noseSneerRight": 0.2,
}
"""The same of shapes that errors pretend: a head not quite straight, a mouth wide open."""

UNLIKE = 0.2
"""Standard deviation of the difference between both sides of a face."""

MIRRORED = [
    (left, FACE_SHAPES.index(name.removesuffix("Left") + "Right"))
    for left, name in enumerate(FACE_SHAPES)
    if name.endswith("Left") and name not in SIDEWAYS and not name.startswith("eyeLook")
]
"""Shapes that both sides of a face have, the left's and the right's; both eyes look together."""

SPARSE = 1.0
"""How much more likely a shape is at rest than a little active: the price of a coefficient of 1."""

NUISANCE = (0.05, 0.005, 0.03)
"""How far a frame's alignment may be off: turned (rad), moved (m) and scaled, as deviations."""

SWEEPS, ACCURACY = 80, 1e-3

FEATURES: dict[str, tuple[int, ...]] = {
    "lips": (
        *(
            61,
            146,
            91,
            181,
            84,
            17,
            314,
            405,
            321,
            375,
            291,
            185,
            40,
            39,
            37,
            0,
            267,
            269,
            270,
            409,
        ),
        *(
            78,
            95,
            88,
            178,
            87,
            14,
            317,
            402,
            318,
            324,
            308,
            191,
            80,
            81,
            82,
            13,
            312,
            311,
            310,
            415,
        ),
    ),
    "brows": (
        *(70, 63, 105, 66, 107, 46, 53, 52, 65, 55),
        *(300, 293, 334, 296, 336, 276, 283, 282, 295, 285),
    ),
    "lids": (*LIDS["Left"], *LIDS["Right"]),
    "nose": (1, 2, 4, 98, 327, 129, 358, 49, 279, 48, 278, 64, 294),
    "chin": (152, 148, 377, 176, 400, 149, 378, 150, 379, 175, 199, 200, 18),
}
"""Points that lie on something to be seen; between them the mesh is guessed, and weighs less."""

SMOOTH_SKIN = 0.3
"""What the other points weigh."""

LIP_PAIRS = ((13, 14), (82, 87), (312, 317), (81, 178), (311, 402), (80, 88), (310, 318), (0, 17),
             (61, 291))  # fmt: skip
"""Pairs whose distance is seen better than where they are."""

PAIR_NOISE_M = 0.0007

UNSEEN = ("tongueOut", "jawForward", "cheekSquintLeft", "cheekSquintRight")
"""Shapes that the face points do not show."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FaceBasis:
    """The open body's face: points at rest (468,3) m, irises (3,) m per side, and how far a
    coefficient of 1 moves the points (468,3,52) m, jaw joint included, `mouthClose` together
    with `jawOpen`."""

    rest: Float64
    irises: dict[str, Float64]
    directions: Float64


def face_basis(body: BodyModel) -> FaceBasis:
    """Read the face off the open body at zero betas."""
    marks = body.landmark_rest_points(np.zeros(SHAPE_COUNT))
    joints = body.rest_joints(np.zeros(SHAPE_COUNT))
    return FaceBasis(
        rest=np.asarray(marks[body.landmark_indices(POINTS)]),
        irises={side: joints[JOINT[f"{side.lower()}_eye_smplhf"]] for side in SIDES},
        directions=np.asarray(body.face_point_offsets),
    )


def jaw_rotation(coefficients_TS: Float64) -> Float64:
    """The jaw joint's rotation (T,3,3) that belongs to `jawOpen`."""
    angle = coefficients_TS[:, FACE_SHAPE["jawOpen"]] * JAW_OPEN_RAD
    return np.asarray(matrix_from_axis_angle(angle[:, None] * np.array([1.0, 0.0, 0.0])))


def fit_shapes(moved_TP3: Float64, basis: FaceBasis, known_TS: Float64) -> Float64:
    """Coefficients (T,52) of the shapes that explain how the points moved (T,468,3) m.

    known_TS (T,52): what is known already, the eyes' direction; such shapes are not fitted.
    `mouthClose` never exceeds `jawOpen`, as ARKit means it.
    """
    known = (known_TS > 0.0).any(axis=0)
    known[[k for k, name in enumerate(FACE_SHAPES) if _is_given(name)]] = True
    wanted = np.flatnonzero(~known)
    design_DS = evidence(basis.directions)
    data_DT = evidence(np.moveaxis(moved_TP3, 0, 2)) - design_DS @ known_TS.T
    free_D7 = evidence(_nuisance(basis.rest))
    inner = np.linalg.inv(free_D7.T @ free_D7 + np.eye(7))
    design = design_DS[:, wanted]
    reduced = design - free_D7 @ (inner @ (free_D7.T @ design))
    hessian = reduced.T @ design + _precision()[np.ix_(wanted, wanted)]
    linear = reduced.T @ data_DT - SPARSE / PRIOR
    coefficients = known_TS.copy()
    coefficients[:, wanted] = solve_bounded(hessian, linear).T
    jaw, closed = FACE_SHAPE["jawOpen"], FACE_SHAPE["mouthClose"]
    coefficients[:, jaw] = np.minimum(coefficients[:, jaw] + coefficients[:, closed], 1.0)
    return coefficients


def evidence(moved_P3N: Float64) -> Float64:
    """Movements (468,3,N) m as (D,N) in standard deviations: points, and pairs of the lips."""
    weight_P = np.full(FACE_POINT_COUNT, SMOOTH_SKIN)
    weight_P[[number for numbers in FEATURES.values() for number in numbers]] = 1.0
    axes_3 = np.array([1.0, 1.0, np.sqrt(DEPTH_WEIGHT)])
    points = moved_P3N * (weight_P[:, None] * axes_3 / NOISE_M)[..., None]
    first, second = (list(side) for side in zip(*LIP_PAIRS, strict=True))
    pairs = (moved_P3N[first] - moved_P3N[second]) * (axes_3 / PAIR_NOISE_M)[:, None]
    return np.concatenate([points, pairs]).reshape(-1, moved_P3N.shape[2])


def _is_given(name: str) -> bool:
    return name.startswith("eyeLook") or name in UNSEEN


def _precision() -> Float64:
    """How firmly coefficients are held at 0 and both sides of a face together (52,52)."""
    deviation = np.array([LESS_LIKELY.get(name, PRIOR) for name in FACE_SHAPES])
    precision = np.diag(deviation**-2.0)
    for left, right in MIRRORED:
        pair = np.ix_((left, right), (left, right))
        precision[pair] += np.array([[1.0, -1.0], [-1.0, 1.0]]) / UNLIKE**2
    return precision


def _nuisance(rest_P3: Float64) -> Float64:
    """How the points move (468,3,7) m with the head's turn, place and size, by deviations."""
    away = rest_P3 - rest_P3.mean(axis=0)
    turned, moved, scaled = NUISANCE
    turns = np.stack([np.cross(axis, away) * turned for axis in np.eye(3)])
    moves = np.broadcast_to(np.eye(3)[:, None] * moved, (3, *away.shape))
    return np.moveaxis(np.concatenate([turns, moves, away[None] * scaled]), 0, 2)


def solve_bounded(hessian_SS: Float64, linear_ST: Float64) -> Float64:
    """Minimise x'Hx/2 - g'x for every column g of linear_ST (S,T) within 0..1, (S,T).

    Coordinate descent with clipping, one coordinate of all columns at a time: for a convex
    quadratic in a box it converges to the minimum (Luo and Tseng 1992).
    """
    x = np.clip(np.linalg.solve(hessian_SS, linear_ST), 0.0, 1.0)
    pull = linear_ST - hessian_SS @ x
    for _ in range(SWEEPS):
        largest = 0.0
        for k, row in enumerate(hessian_SS):
            step = np.clip(x[k] + pull[k] / row[k], 0.0, 1.0) - x[k]
            x[k] += step
            pull -= row[:, None] * step
            largest = max(largest, float(np.abs(step).max(initial=0.0)))
        if largest < ACCURACY:
            break
    return x
