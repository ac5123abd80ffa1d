"""Rotations in batches: matrices, unit quaternions (wxyz), axis-angle and 6D.

Every function works on any number of leading dimensions and keeps floating dtypes. Conversions
are named target_from_source. A quaternion and its negative are the same rotation; functions that
follow a rotation through time say what they do about it.

Legend: T frames, N points.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

_TINY = 1e-12


def normalized(vectors: FloatArray) -> FloatArray:
    """Return (...,D) vectors scaled to length one; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, _TINY)


def quaternion_from_axis_angle(axis_angle: FloatArray) -> FloatArray:
    """(...,3) axis-angle in radians to (...,4) unit quaternions, w >= 0 for angles up to pi."""
    half = 0.5 * np.linalg.norm(axis_angle, axis=-1, keepdims=True)
    scale = 0.5 * np.sinc(half / np.pi)
    return np.concatenate([np.cos(half), axis_angle * scale], axis=-1)


def axis_angle_from_quaternion(quaternion: FloatArray) -> FloatArray:
    """(...,4) unit quaternions to (...,3) axis-angle, angles in 0..pi."""
    positive = np.where(quaternion[..., :1] < 0.0, -quaternion, quaternion)
    w, xyz = positive[..., :1], positive[..., 1:]
    sine = np.linalg.norm(xyz, axis=-1, keepdims=True)
    angle: FloatArray = 2.0 * np.arctan2(sine, w)
    scale: FloatArray = np.where(sine > 1e-9, angle / np.maximum(sine, _TINY), 2.0)
    return np.multiply(xyz, scale)


def matrix_from_quaternion(quaternion: FloatArray) -> FloatArray:
    """(...,4) unit quaternions to (...,3,3) matrices."""
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternion_from_matrix(matrix: FloatArray) -> FloatArray:
    """(...,3,3) rotation matrices to (...,4) unit quaternions with w >= 0.

    Source: Shepperd, "Quaternion from rotation matrix" (1978): the largest component first.
    """
    m00, m11, m22 = matrix[..., 0, 0], matrix[..., 1, 1], matrix[..., 2, 2]
    w_x = matrix[..., 2, 1] - matrix[..., 1, 2]
    w_y = matrix[..., 0, 2] - matrix[..., 2, 0]
    w_z = matrix[..., 1, 0] - matrix[..., 0, 1]
    x_y = matrix[..., 0, 1] + matrix[..., 1, 0]
    x_z = matrix[..., 0, 2] + matrix[..., 2, 0]
    y_z = matrix[..., 1, 2] + matrix[..., 2, 1]
    squares = [1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22]
    candidates = np.stack(
        [
            np.stack([squares[0], w_x, w_y, w_z], axis=-1),
            np.stack([w_x, squares[1], x_y, x_z], axis=-1),
            np.stack([w_y, x_y, squares[2], y_z], axis=-1),
            np.stack([w_z, x_z, y_z, squares[3]], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.stack(squares, axis=-1), axis=-1)[..., None, None]
    quaternion = normalized(np.take_along_axis(candidates, best, axis=-2)[..., 0, :])
    return np.where(quaternion[..., :1] < 0.0, -quaternion, quaternion)


def matrix_from_axis_angle(axis_angle: FloatArray) -> FloatArray:
    """(...,3) axis-angle in radians to (...,3,3) matrices."""
    return matrix_from_quaternion(quaternion_from_axis_angle(axis_angle))


def axis_angle_from_matrix(matrix: FloatArray) -> FloatArray:
    """(...,3,3) rotation matrices to (...,3) axis-angle, angles in 0..pi."""
    return axis_angle_from_quaternion(quaternion_from_matrix(matrix))


def matrix_from_6d(six: FloatArray) -> FloatArray:
    """(...,6) numbers, a row-major 3x2 whose columns are a1 and a2, to (...,3,3) matrices.

    Source: Zhou et al., "On the continuity of rotation representations" (2019), eq. 15.
    """
    columns = six.reshape(*six.shape[:-1], 3, 2)
    return matrix_from_two_axes(columns[..., 0], columns[..., 1])


def matrix_from_two_axes(first: FloatArray, second: FloatArray) -> FloatArray:
    """Matrices (...,3,3) whose first column is along `first` and second nearest to `second`."""
    b1 = normalized(first)
    b2 = normalized(second - np.sum(b1 * second, axis=-1, keepdims=True) * b1)
    return np.stack([b1, b2, np.cross(b1, b2)], axis=-1)


def multiply(left: FloatArray, right: FloatArray) -> FloatArray:
    """Hamilton product of (...,4) quaternions: first `right`, then `left`."""
    w1, x1, y1, z1 = np.moveaxis(left, -1, 0)
    w2, x2, y2, z2 = np.moveaxis(right, -1, 0)
    return np.stack(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ],
        axis=-1,
    )


def conjugate(quaternion: FloatArray) -> FloatArray:
    """The inverse of (...,4) unit quaternions."""
    return quaternion * np.array([1.0, -1.0, -1.0, -1.0], dtype=quaternion.dtype)


def slerp(start: FloatArray, end: FloatArray, fraction: FloatArray) -> FloatArray:
    """Shortest-path interpolation of (...,4) quaternions; fraction (...) in 0..1.

    Source: Shoemake, "Animating rotation with quaternion curves" (1985).
    """
    dot = np.sum(start * end, axis=-1, keepdims=True)
    end = np.where(dot < 0.0, -end, end)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    sine = np.sin(angle)
    fraction = fraction[..., None]
    near = sine < 1e-6
    safe = np.where(near, 1.0, sine)
    weight_start = np.where(near, 1.0 - fraction, np.sin((1.0 - fraction) * angle) / safe)
    weight_end = np.where(near, fraction, np.sin(fraction * angle) / safe)
    return normalized(weight_start * start + weight_end * end)


def sign_continuous(quaternion: FloatArray) -> FloatArray:
    """Flip signs along the first axis (T,...,4) so that neighbours never jump to the antipode."""
    dots = np.sum(quaternion[1:] * quaternion[:-1], axis=-1)
    flips = np.cumprod(np.where(dots < 0.0, -1.0, 1.0), axis=0)
    signs = np.concatenate([np.ones_like(flips[:1]), flips]) if len(quaternion) > 1 else None
    return quaternion.copy() if signs is None else quaternion * signs[..., None]


def wrap_continuous(axis_angle: FloatArray) -> FloatArray:
    """Axis-angle (T,...,3) whose every frame is the representative nearest to the frame before.

    Angles may leave 0..pi: a rotation by a about n is also one by a + 2 pi k about n. Keys made
    of the result can be interpolated between neighbouring frames without a jump.
    """
    quaternion = sign_continuous(quaternion_from_axis_angle(axis_angle))
    w, xyz = quaternion[..., 0], quaternion[..., 1:]
    sine = np.linalg.norm(xyz, axis=-1)
    angle = 2.0 * np.arctan2(sine, w)
    axis = _held(xyz / np.maximum(sine, _TINY)[..., None], sine > 1e-9)
    previous = np.concatenate([axis[:1], axis[:-1]])
    flips = np.cumprod(np.where(np.sum(axis * previous, axis=-1) < 0.0, -1.0, 1.0), axis=0)
    signed = np.unwrap(angle * flips, axis=0)
    result = axis * flips[..., None] * signed[..., None]
    turns = np.round(signed[:1] / (2.0 * np.pi))
    return result - (2.0 * np.pi) * turns[..., None] * axis * flips[..., None]


def _held(values: FloatArray, valid: NDArray[np.bool_]) -> FloatArray:
    """Repeat the last valid value (T,...,3) along the first axis where valid (T,...) is false."""
    frame = np.arange(len(values)).reshape(-1, *(1,) * (valid.ndim - 1))
    last = np.maximum.accumulate(np.where(valid, frame, 0), axis=0)
    return np.take_along_axis(values, last[..., None], axis=0)


def resample(quaternion_TJ4: FloatArray, source_T: FloatArray, target_U: FloatArray) -> FloatArray:
    """Rotations (T,J,4) at times source_T to (U,J,4) at target_U on SO(3); ends are held."""
    if len(source_T) == 1:
        return np.repeat(quaternion_TJ4, len(target_U), axis=0)
    times = np.clip(target_U, source_T[0], source_T[-1])
    right = np.clip(np.searchsorted(source_T, times, side="right"), 1, len(source_T) - 1)
    span = source_T[right] - source_T[right - 1]
    fraction = (times - source_T[right - 1]) / span
    shape = (-1,) + (1,) * (quaternion_TJ4.ndim - 2)
    fraction = np.broadcast_to(fraction.reshape(shape), (len(times), *quaternion_TJ4.shape[1:-1]))
    return slerp(quaternion_TJ4[right - 1], quaternion_TJ4[right], fraction)


def angle_between(left: FloatArray, right: FloatArray) -> FloatArray:
    """Geodesic distance in radians (...) between (...,3,3) matrices."""
    relative = conjugate(quaternion_from_matrix(left))
    difference = multiply(relative, quaternion_from_matrix(right))
    sine = np.linalg.norm(difference[..., 1:], axis=-1)
    return 2.0 * np.arctan2(sine, np.abs(difference[..., 0]))


def swing_between(source: FloatArray, target: FloatArray) -> FloatArray:
    """The smallest rotation (...,3,3) that turns direction `source` into `target`, both (...,3).

    Opposite directions have no smallest rotation: any perpendicular axis is taken.
    """
    a, b = np.broadcast_arrays(normalized(source), normalized(target))
    cross, dot = np.cross(a, b), np.sum(a * b, axis=-1, keepdims=True)
    helper = np.where(
        np.abs(a[..., :1]) < 0.6, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    )
    opposite = normalized(np.cross(a, helper))
    quaternion = np.where(
        dot < -1.0 + 1e-9,
        np.concatenate([np.zeros_like(dot), opposite], axis=-1),
        np.concatenate([1.0 + dot, cross], axis=-1),
    )
    return matrix_from_quaternion(normalized(quaternion))


def twist_angle(matrix: FloatArray, axis: FloatArray) -> FloatArray:
    """How far (...,3,3) turns about `axis` (3,), radians (...), by swing-twist decomposition.

    The rotation is swing @ twist: the twist comes first, in the frame before the rotation.
    """
    quaternion = quaternion_from_matrix(matrix)
    along = np.sum(quaternion[..., 1:] * normalized(axis), axis=-1)
    angle = 2.0 * np.arctan2(along, quaternion[..., 0])
    return np.arctan2(np.sin(angle), np.cos(angle))


def rotation_about(axis: FloatArray, angle: FloatArray) -> FloatArray:
    """Matrices (...,3,3) that turn by `angle` (...) radians about unit `axis` (...,3)."""
    return matrix_from_axis_angle(normalized(axis) * angle[..., None])


def power(matrix: FloatArray, fraction: float | FloatArray) -> FloatArray:
    """The rotation that goes `fraction` of the way of (...,3,3) from the identity."""
    return matrix_from_axis_angle(axis_angle_from_matrix(matrix) * fraction)


def kabsch(source_N3: FloatArray, target_N3: FloatArray, weights_N: FloatArray) -> FloatArray:
    """The rotation (...,3,3) that best turns points (...,N,3) into others, weighted (...,N).

    Both sides are centred on their weighted means first. Source: Kabsch (1976), with the
    determinant's sign corrected.
    """
    weights = weights_N / np.maximum(weights_N.sum(axis=-1, keepdims=True), _TINY)
    source = source_N3 - np.sum(weights[..., None] * source_N3, axis=-2, keepdims=True)
    target = target_N3 - np.sum(weights[..., None] * target_N3, axis=-2, keepdims=True)
    covariance = np.swapaxes(target * weights[..., None], -1, -2) @ source
    u, _, vt = np.linalg.svd(covariance)
    sign = np.sign(np.linalg.det(u @ vt))
    sign = np.where(sign == 0.0, 1.0, sign)
    u = np.concatenate([u[..., :2], u[..., 2:] * sign[..., None, None]], axis=-1)
    return u @ vt
