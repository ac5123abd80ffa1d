"""Which finger is which, by the shape of a hand's bones alone.

Legend: N bones along one finger, counted from the hand.
"""

import numpy as np
from numpy.typing import NDArray

from .armature import Armature
from .body_plan import FINGERS

Float64 = NDArray[np.float64]

_OTHERS = {
    1: ("middle",),
    2: ("index", "middle"),
    3: ("index", "middle", "ring"),
    4: ("index", "middle", "ring", "pinky"),
}
"""The fingers beside the thumb, from it outwards, by how many there are."""
_NEAR = 0.5  # a metacarpal begins nearer to the wrist than this share of where it ends


def fingers_of(armature: Armature, hand: int) -> dict[str, int]:
    """The bones of a hand's fingers: "thumb1" ... "pinky3" -> row; nothing where there are none.

    The thumb is the branch that points farthest away from the others; index to pinky follow by
    how far they begin from it. What lies in the palm is left out.
    """
    branches = [rows for rows in _branches(armature, hand) if len(rows) > 1]
    if not 2 <= len(branches) <= len(FINGERS):
        return {}
    heads = armature.heads
    ways_3 = [heads[rows[-1]] - heads[rows[0]] for rows in branches]
    units_3 = np.array([way_3 / max(float(np.linalg.norm(way_3)), 1e-12) for way_3 in ways_3])
    thumb = int(np.argmin((units_3 @ units_3.T).sum(axis=1)))
    others = [rows for k, rows in enumerate(branches) if k != thumb]
    links = [_links(heads, hand, rows) for rows in others]
    root_3 = heads[branches[thumb][0]]
    links.sort(key=lambda rows: float(np.linalg.norm(heads[rows[0]] - root_3)))
    named = dict(zip(_OTHERS[len(links)], links, strict=True)) | {"thumb": branches[thumb][:3]}
    return {
        f"{finger}{number}": row
        for finger, rows in named.items()
        for number, row in enumerate(rows, start=1)
    }


def _branches(armature: Armature, hand: int) -> list[list[int]]:
    """Rows of every branch below the hand, from its last fork to its end."""
    found: list[list[int]] = []
    starts = [*armature.children[hand]]
    for start in starts:
        rows = [start]
        while len(armature.children[rows[-1]]) == 1:
            rows.append(armature.children[rows[-1]][0])
        starts.extend(armature.children[rows[-1]])
        if not armature.children[rows[-1]]:
            found.append(rows)
    return found


def _links(heads: Float64, hand: int, rows: list[int]) -> list[int]:
    """The three bones of a finger: without the one in the palm, without what its tip ends in."""
    ways = [float(np.linalg.norm(heads[row] - heads[hand])) for row in rows]
    palm = len(rows) > 3 and ways[0] < _NEAR * ways[1]
    return rows[int(palm) :][:3]
