"""What a mesh takes from each bone, learned from meshes whose truth is known.

A calibrated vertex is linear in its shares of the bones while its places along them stand still,
and the other way round: least squares in turn, every vertex for itself, each held to its beginning
by a pull. Source: PC-HMR, equations 12 and 13, whose A and W the authors learn by gradients.

Legend: T frames, V vertices, B bones, K bones of one vertex.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .calibration import BoneMoves, CalibrationWeights

Float64 = NDArray[np.float64]

BONES_OF_A_VERTEX = 5
"""A vertex learns about so many bones: those it belongs to most at the beginning."""

ROUNDS = 2

PULL_SHARE_M = 0.05
PULL_ALONG_M = 0.005
"""How strongly a weight is held to its beginning: as if each frame moved it so far, m, at once."""

_FRAMES_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """A mesh (T,V,3) m as estimated, how its bones move onto their target, and the truth (T,V,3)
    m in the target's axes."""

    vertices: Float64
    moves: BoneMoves
    truth: Float64

    def __post_init__(self) -> None:
        if self.vertices.shape != self.truth.shape:
            raise ValueError(f"expected {self.vertices.shape}, got {self.truth.shape}")


def learned_weights(start: CalibrationWeights, lessons: Sequence[Lesson]) -> CalibrationWeights:
    """Return the weights that bring the lessons' meshes nearest to their truth.

    The shares of a vertex sum to 1 as before: a target elsewhere moves the mesh there.
    """
    bones_VK = np.argsort(-start.share, axis=1, kind="stable")[:, :BONES_OF_A_VERTEX]
    first_VK = np.take_along_axis(start.share, bones_VK, axis=1)
    first_VK = first_VK / first_VK.sum(axis=1, keepdims=True)
    first_along_VK = np.take_along_axis(start.along, bones_VK, axis=1)
    share_VK, along_VK = first_VK, first_along_VK
    for _ in range(ROUNDS):
        share_VK = _fit_shares(lessons, bones_VK, first_VK, along_VK)
        along_VK = _fit_along(lessons, bones_VK, share_VK, first_along_VK)
    share_VB, along_VB = np.zeros_like(start.share), start.along.copy()
    np.put_along_axis(share_VB, bones_VK, share_VK, axis=1)
    np.put_along_axis(along_VB, bones_VK, along_VK, axis=1)
    return CalibrationWeights(share=share_VB, along=along_VB)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Some frames: vertices as each bone would have them, and its stretch, both (T,V,K,3) m."""

    moved: Float64
    stretch: Float64
    truth: Float64


def _fit_shares(
    lessons: Sequence[Lesson], bones_VK: NDArray[np.int64], first_VK: Float64, along_VK: Float64
) -> Float64:
    """The shares (V,K). What one bone has more another has less: each counts against the first."""

    def asked(part: _Part) -> tuple[Float64, Float64]:
        placed_TVK3 = part.moved + along_VK[..., None] * part.stretch
        missed_TV3 = part.truth - np.einsum("vk,tvki->tvi", first_VK, placed_TVK3)
        return placed_TVK3 - placed_TVK3[:, :, :1], missed_TV3

    change_VK = _least_squares(_parts(lessons, bones_VK), asked, PULL_SHARE_M)
    change_VK[:, 0] = -change_VK[:, 1:].sum(axis=1)
    return first_VK + change_VK


def _fit_along(
    lessons: Sequence[Lesson], bones_VK: NDArray[np.int64], share_VK: Float64, first_VK: Float64
) -> Float64:
    """The places along the bones (V,K)."""

    def asked(part: _Part) -> tuple[Float64, Float64]:
        placed_TVK3 = part.moved + first_VK[..., None] * part.stretch
        missed_TV3 = part.truth - np.einsum("vk,tvki->tvi", share_VK, placed_TVK3)
        return share_VK[..., None] * part.stretch, missed_TV3

    return first_VK + _least_squares(_parts(lessons, bones_VK), asked, PULL_ALONG_M)


def _parts(lessons: Sequence[Lesson], bones_VK: NDArray[np.int64]) -> Iterator[_Part]:
    for lesson in lessons:
        for first in range(0, len(lesson.vertices), _FRAMES_AT_ONCE):
            part = slice(first, first + _FRAMES_AT_ONCE)
            turn_TVK33 = lesson.moves.turn[part][:, bones_VK]
            vertices_TV13 = lesson.vertices[part, :, None, :, None]
            moved_TVK3 = (turn_TVK33 @ vertices_TV13)[..., 0]
            yield _Part(
                moved=moved_TVK3 + lesson.moves.shift[part][:, bones_VK],
                stretch=lesson.moves.stretch[part][:, bones_VK],
                truth=lesson.truth[part],
            )


def _least_squares(
    parts: Iterator[_Part], asked: Callable[[_Part], tuple[Float64, Float64]], pull_m: float
) -> Float64:
    """The changes (V,K) that best explain what is missed: normal equations over all frames."""
    normal_VKK, gradient_VK, count = np.zeros(()), np.zeros(()), 0
    for part in parts:
        slope_TVK3, missed_TV3 = asked(part)
        normal_VKK = normal_VKK + np.einsum("tvki,tvli->vkl", slope_TVK3, slope_TVK3)
        gradient_VK = gradient_VK + np.einsum("tvki,tvi->vk", slope_TVK3, missed_TV3)
        count += len(missed_TV3)
    pulled_VKK = normal_VKK + count * pull_m**2 * np.eye(normal_VKK.shape[-1])
    return np.linalg.solve(pulled_VKK, gradient_VK[..., None])[..., 0]
