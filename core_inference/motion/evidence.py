"""What the landmarks of a take say of the body, and how far each word is to be trusted.

Pixels are sure, depth is not: it is asked link by link, from joint to joint, where an error does
not add up along the body.

Legend: T frames, J joints (55), M moving joints, N points, L links.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .chain import MOVING
from .depth import (
    ACCELERATION_MS2,
    DEPTH_SIGMA_M,
    LIVELINESS,
    UNSEEN,
    sideways_acceleration,
)
from .filling import trust_from_score
from .points import Points

Float64 = NDArray[np.float64]

SIDES = ("left", "right")
NAMES = tuple(
    f"body_{side}_{name}"
    for side in SIDES
    for name in (
        *("hip", "knee", "ankle", "heel", "foot_index"),
        *("shoulder", "elbow", "wrist", "ear"),
    )
)
"""The landmarks that a clip is solved for."""

SIDEWAYS_SIGMA_M = 0.02
HIP_SIGMA_M = 0.03
"""How far off a landmark's pixels are, at the person: most of it stays for seconds. Hips have no
mark on the skin."""

FOLLOW_SIGMA_M = 0.015
"""How far off their motion is from one frame of 30 a second to the next."""

SURE_LENGTHS_M = 0.005
SUREST = 0.04
HEARD = 0.3
"""Whose bones keep their lengths to within this, knows depth better, down to this share; both sides
must be seen so well on average."""


def _link(ends: str, starts: str, sides: tuple[str, ...] = ("",)) -> Float64:
    """The row (N,) of a line from the middle of some landmarks to the middle of others."""
    row = np.zeros(len(NAMES))
    for side in sides:
        for names, sign in ((ends, 1.0), (starts, -1.0)):
            row[NAMES.index(f"body_{side}{names}")] += sign / len(sides)
    return row


def _links() -> tuple[Float64, tuple[str, ...]]:
    both = ("left_", "right_")
    links = [
        ("pair", _link("right_hip", "left_hip")),
        ("torso", _link("shoulder", "hip", both)),
        ("pair", _link("right_shoulder", "left_shoulder")),
        ("torso", _link("ear", "shoulder", both)),
    ]
    for side in both:
        links += [
            ("leg", _link("knee", "hip", (side,))),
            ("leg", _link("ankle", "knee", (side,))),
            ("foot", _link("heel", "ankle", (side,))),
            ("foot", _link("foot_index", "ankle", (side,))),
            ("arm", _link("elbow", "shoulder", (side,))),
            ("arm", _link("wrist", "elbow", (side,))),
        ]
    return np.stack([row for _, row in links]), tuple(kind for kind, _ in links)


LINKS, LINK_KINDS = _links()
"""Lines between landmarks (L,N), and how each may accelerate (`ACCELERATION_MS2`)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """rays (T,N,2) pixels from the principal point over the focal length; trust (T,N) 0..1;
    link_depth (T,L) m away from the camera, link_aside (T,L,2) m down and right of it,
    link_trust (T,L); link_bound (T,L) m/s² that a link's depth may accelerate; camera (T,3,3) world
    to camera axes; unseen (T,M) 0..1, the moving joints that nothing shows; pelvis_depth (T,) m
    from the camera where a network says it, else None; noise, 1 for an estimator, less for a source
    that is surer; time_s (T,).
    """

    rays: Float64
    trust: Float64
    link_depth: Float64
    link_aside: Float64
    link_trust: Float64
    link_bound: Float64
    camera: Float64
    unseen: Float64
    pelvis_depth: Float64 | None
    noise: float
    time_s: Float64

    def part(self, frames: slice) -> "Evidence":
        """The same of some frames."""
        arrays = ("rays", "trust", "link_depth", "link_aside", "link_trust", "link_bound", "unseen")
        rows = {name: getattr(self, name)[frames] for name in (*arrays, "camera", "time_s")}
        depth_T = None if self.pelvis_depth is None else self.pelvis_depth[frames]
        return replace(self, **rows, pelvis_depth=depth_T)

    @property
    def sideways_sigma_m(self) -> Float64:
        """How far off each landmark's pixels are (N,), at the person."""
        hips = np.array([name.endswith("_hip") for name in NAMES])
        return self.noise * np.where(hips, HIP_SIGMA_M, SIDEWAYS_SIGMA_M)

    @property
    def depth_sigma_m(self) -> float:
        """How far off a link's depth is."""
        return self.noise * DEPTH_SIGMA_M


def gather(
    seen: Points, rays_TN2: Float64, camera_T33: Float64, scores_TJ: Float64, noise: float
) -> Evidence:
    """What landmarks say: seen as before a level camera in each row, rays those of `NAMES`.

    scores_TJ: how well single frames show each of the 55 joints.
    """
    columns = seen.columns(NAMES)
    trust_TN = np.clip(seen.scores[:, columns], UNSEEN, 1.0)
    links_TL3 = np.einsum("ln,tni->tli", LINKS, seen.positions[:, columns])
    ends = [np.flatnonzero(row) for row in LINKS]
    link_trust_TL = np.stack([trust_TN[:, of].min(axis=1) for of in ends], axis=1)
    bound_TL = np.empty_like(link_trust_TL)
    for number, kind in enumerate(LINK_KINDS):
        lively_T = sideways_acceleration(
            links_TL3[:, number], link_trust_TL[:, number], seen.time_s
        )
        bound_TL[:, number] = np.hypot(ACCELERATION_MS2[kind], LIVELINESS * lively_T)
    return Evidence(
        rays=rays_TN2,
        trust=trust_TN,
        link_depth=links_TL3[..., 1],
        link_aside=np.stack([-links_TL3[..., 2], links_TL3[..., 0]], axis=-1),
        link_trust=link_trust_TL,
        link_bound=bound_TL,
        pelvis_depth=None,
        camera=camera_T33,
        unseen=1.0 - trust_from_score(scores_TJ[:, list(MOVING)]),
        noise=noise,
        time_s=seen.time_s,
    )


_BONES = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


def noise_of(seen: Points) -> float:
    """1 unless the landmarks' limbs are of one length in all frames and on both sides.

    A bone that points along the camera's axis looks too long or short by its error in depth: an
    estimator's change by centimetres, those of a source that knows depth by millimetres. Also 1
    where one side is hardly ever seen: then nothing shows how surely.
    """
    missed, along = 0.0, 0.0
    heard_S = np.zeros(len(SIDES))
    for start, end in _BONES:
        ends = [(f"body_{side}_{start}", f"body_{side}_{end}") for side in SIDES]
        bone_ST3 = np.stack([seen.at(last) - seen.at(first) for first, last in ends])
        trust_ST = np.stack([seen.score(*pair) for pair in ends])
        length_ST = np.linalg.norm(bone_ST3, axis=-1)
        seen_S = np.maximum(trust_ST.mean(axis=1), 1e-9)
        heard_S += seen_S / len(_BONES)
        usual = float(np.average(np.median(length_ST, axis=1), weights=seen_S))
        missed += float(np.sum(trust_ST * (length_ST - usual) ** 2))
        along += float(np.sum(trust_ST * (bone_ST3[..., 1] / np.maximum(length_ST, 1e-6)) ** 2))
    if heard_S.min() < HEARD:
        return 1.0
    off_m = np.sqrt(missed / max(along, 1e-9))
    return float(np.clip(off_m / SURE_LENGTHS_M, SUREST, 1.0))
