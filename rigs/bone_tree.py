"""A body found by the shape of an armature alone, where the names of its bones say nothing.

Legs and arms are pairs of branches that mirror each other: the pair nearest the root is the legs,
the widest one above it the arms. Between them lies the spine, above the arms the head. Knees and
elbows are where a limb's bones divide it as a body's do; hands are where it branches into fingers.

Legend: N bones along one branch, counted from the root.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from .armature import Armature
from .body_plan import SIDES, SPINE, Body
from .body_shape import check_two_legged, forward_direction, no_humanoid, up_direction
from .errors import RigError
from .hand_shape import fingers_of

Float64 = NDArray[np.float64]

_SAME = 0.05  # how far the two branches of a pair may differ, of their reach
_LEAST_REACH = 0.3  # of the farthest pair's reach: what limbs have at least
_THIGH_TO_SHIN, _UPPER_TO_FOREARM = 1.05, 1.12
_LEG_UNUSED, _ARM_UNUSED = 1.5, 0.7  # costs of a limb's length left over
_BENT = 3.0  # cost of a bone's length by which the bones that make it up leave its line
_STRAIGHT_ON = 0.5  # cost of an ankle after which a leg goes straight on
_PALM = 0.6  # of the step before: what is shorter may lead from a wrist into the palm
_TOUCHING = 0.01  # of the way from chest to crown: bones so near begin in one place
_FEWEST = 3  # bones in a limb
_TRIES = 10
_ASIDE = np.cos(np.radians(50.0))


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two branches at one bone that mirror each other: rows along each to its far end; reach m."""

    bone: int
    first: list[int]
    second: list[int]
    reach: float


class _Tree:
    """An armature's branches: how far each reaches and along which bones."""

    def __init__(self, armature: Armature) -> None:
        self.armature = armature
        count = len(armature.names)
        parents = armature.parents.tolist()
        self.heads = armature.heads
        self._reach = np.zeros(count)
        self._next = np.full(count, -1)
        for row in range(count - 1, -1, -1):
            parent = parents[row]
            if parent < 0:
                continue
            reach = self._reach[row] + np.linalg.norm(self.heads[row] - self.heads[parent])
            if reach > self._reach[parent]:
                self._reach[parent], self._next[parent] = reach, row

    def branch(self, row: int) -> list[int]:
        """Rows from a bone along the longest way to an end."""
        rows = [row]
        while self._next[rows[-1]] >= 0:
            rows.append(int(self._next[rows[-1]]))
        return rows

    def pairs(self) -> list[Pair]:
        """At every bone the farthest reaching two branches that mirror each other."""
        found: list[Pair] = []
        for bone, children in enumerate(self.armature.children):
            reaches = [(self._reach_from(bone, child), child) for child in children]
            limbs = sorted((reach for reach in reaches if reach[0] > 0.0), reverse=True)
            for (far, one), (near, other) in combinations(limbs[:12], 2):
                first, second = self.branch(one), self.branch(other)
                alike = far - near < _SAME * far and len(first) >= _FEWEST
                if alike and self._mirrors(bone, first[:4], second[:4], far):
                    found.append(Pair(bone=bone, first=first, second=second, reach=far))
                    break
        return found

    def _reach_from(self, bone: int, child: int) -> float:
        step = np.linalg.norm(self.heads[child] - self.heads[bone])
        return float(self._reach[child] + step)

    def _mirrors(self, bone: int, first: list[int], second: list[int], reach: float) -> bool:
        """Whether two branches begin with joints as far along, and do not lie in one place."""
        if len(first) != len(second):
            return False
        way_1, way_2 = (
            np.linalg.norm(self.heads[rows] - self.heads[bone], axis=1) for rows in (first, second)
        )
        apart = np.linalg.norm(self.heads[first[-1]] - self.heads[second[-1]])
        return bool(np.abs(way_1 - way_2).max() < _SAME * reach and apart > _SAME * reach)


def body_by_shape(armature: Armature) -> Body:
    """Find a body on two legs by its branches. Raises RigError, with the reason, where none is."""
    tree = _Tree(armature)
    refusals: list[RigError] = []
    for legs, arms in _limb_pairs(tree):
        try:
            body = _with_true_sides(armature, _body_of(tree, legs, arms))
            check_two_legged(armature, body)
        except RigError as refusal:
            refusals.append(refusal)
        else:
            return body
    raise refusals[0]


def _body_of(tree: _Tree, legs: Pair, arms: Pair) -> Body:
    above_legs, above_arms = ([pair.bone, *tree.armature.above(pair.bone)] for pair in (legs, arms))
    hips = next(row for row in above_legs if row in above_arms)
    body: Body = {"pelvis": (hips,), SPINE: tuple(above_arms[: above_arms.index(hips)][::-1])}
    for side, branch in zip(SIDES, (legs.first, legs.second), strict=True):
        body |= _leg(tree, side, branch)
    for side, branch in zip(SIDES, (arms.first, arms.second), strict=True):
        body |= _arm(tree, side, branch)
    return body | _head(tree, arms, body)


def _limb_pairs(tree: _Tree) -> list[tuple[Pair, Pair]]:
    """What may be the legs and the arms, the farthest reaching first."""
    pairs = tree.pairs()
    farthest = max((pair.reach for pair in pairs), default=0.0)
    long = [pair for pair in pairs if pair.reach > _LEAST_REACH * farthest]
    choices = [
        _legs_first(tree, one, other)
        for one, other in combinations(sorted(long, key=lambda pair: -pair.reach), 2)
        if _apart(tree.armature, one, other)
    ]
    if not choices:
        actual = f"{len(long)} of them, no spine between two"
        raise no_humanoid(
            "it has no two pairs of limbs", "mirrored arms and legs on a spine", actual
        )
    return choices[:_TRIES]


def _apart(armature: Armature, one: Pair, other: Pair) -> bool:
    """Whether two pairs of limbs have a spine between them, and neither hangs on the other's."""
    lines = [{pair.bone, *armature.above(pair.bone)} for pair in (one, other)]
    limbs = [{*pair.first, *pair.second} for pair in (one, other)]
    return (
        one.bone != other.bone
        and bool(lines[0] & lines[1])
        and not (lines[0] & limbs[1] or lines[1] & limbs[0])
    )


def _legs_first(tree: _Tree, one: Pair, other: Pair) -> tuple[Pair, Pair]:
    """Legs branch off nearer to the root; where both are as near, they end lower."""
    if one.bone in tree.armature.above(other.bone):
        return one, other
    if other.bone in tree.armature.above(one.bone):
        return other, one
    low, high = sorted((one, other), key=lambda pair: tree.heads[pair.first[-1]][2])
    return low, high


def _leg(tree: _Tree, side: str, branch: list[int]) -> Body:
    """Hip, knee, ankle and toes along a branch."""
    rows = list(branch)
    while len(rows) > 3 and _leads_aside(tree.heads[rows]):
        rows.pop(0)
    if len(rows) < 3:
        raise no_humanoid("a leg has too few bones", "thigh, shin and foot", f"{len(rows)} bones")
    hip, knee, ankle = _joints_along(
        tree.heads[rows], range(2, len(rows)), _THIGH_TO_SHIN, _LEG_UNUSED
    )
    names = {"hip": rows[hip], "knee": rows[knee], "ankle": rows[ankle]}
    toes = tree.armature.children[rows[ankle]]
    if ankle + 1 < len(rows) and len(toes) < 3:
        names["foot"] = rows[ankle + 1]
    return {f"{side}_{name}": (row,) for name, row in names.items()}


def _leads_aside(heads_N3: Float64) -> bool:
    """Whether a branch's first bone leads to the leg, not along it."""
    first_3, way_3 = heads_N3[1] - heads_N3[0], heads_N3[-1] - heads_N3[1]
    sizes = np.linalg.norm(first_3) * np.linalg.norm(way_3)
    return bool(first_3 @ way_3 < _ASIDE * sizes)


def _arm(tree: _Tree, side: str, branch: list[int]) -> Body:
    """Collar, shoulder, elbow, wrist and fingers along a branch."""
    if len(branch) < 3:
        raise no_humanoid("an arm has too few bones", "arm, forearm and hand", f"{len(branch)}")
    children = tree.armature.children
    forks = [k for k in range(2, len(branch)) if len(children[branch[k]]) > 2]
    ends = range(2, len(branch))
    if forks:
        wrist = forks[0] - int(_in_palm(tree, branch, forks[0]))
        ends = range(wrist, wrist + 1)
    limb = tree.heads[branch[: ends[-1] + 1]]
    shoulder, elbow, wrist = _joints_along(limb, ends, _UPPER_TO_FOREARM, _ARM_UNUSED)
    found: Body = {
        f"{side}_shoulder": (branch[shoulder],),
        f"{side}_elbow": (branch[elbow],),
        f"{side}_wrist": (branch[wrist],),
    }
    if shoulder:
        found[f"{side}_collar"] = tuple(branch[:shoulder])
    fingers = fingers_of(tree.armature, branch[wrist]) if forks else {}
    return found | {f"{side}_{name}": (row,) for name, row in fingers.items()}


def _in_palm(tree: _Tree, branch: list[int], fork: int) -> bool:
    """Whether a hand's bones fork only inside the palm, after one bone from the wrist."""
    if fork < _FEWEST or len(tree.armature.children[branch[fork - 1]]) > 1:
        return False
    before_3, wrist_3, fork_3 = tree.heads[branch[fork - 2 : fork + 1]]
    step = np.linalg.norm(wrist_3 - before_3)
    return bool(np.linalg.norm(fork_3 - wrist_3) < _PALM * step)


def _joints_along(
    heads_N3: Float64, ends: range, proportion: float, unused: float
) -> tuple[int, int, int]:
    """Where along a branch (N,3) m a limb begins, bends and ends.

    ends: where it may end; proportion: its upper part's length over its lower's; unused: the cost
    of what is left over before and after it.
    """
    whole = float(np.linalg.norm(np.diff(heads_N3, axis=0), axis=1).sum())

    def cost(joints: tuple[int, int, int]) -> float:
        start_3, bend_3, end_3 = heads_N3[list(joints)]
        upper, lower = np.linalg.norm(bend_3 - start_3), np.linalg.norm(end_3 - bend_3)
        if min(upper, lower) <= 0.0:
            return np.inf
        total = float(abs(np.log(upper / lower / proportion)))
        total += unused * (1.0 - float(upper + lower) / whole)
        total += _BENT * (_bend(heads_N3[joints[0] : joints[1] + 1]) / float(upper))
        total += _BENT * (_bend(heads_N3[joints[1] : joints[2] + 1]) / float(lower))
        return total + _STRAIGHT_ON * _straightness(heads_N3, joints)

    triples = [joints for joints in combinations(range(len(heads_N3)), 3) if joints[2] in ends]
    return min(triples, key=cost)


def _bend(heads_N3: Float64) -> float:
    """How far the bones between two joints stand beside the line from one to the other, m."""
    ways_N3 = heads_N3 - heads_N3[0]
    axis_3 = ways_N3[-1] / np.linalg.norm(ways_N3[-1])
    return float(np.linalg.norm(ways_N3 - (ways_N3 @ axis_3)[:, None] * axis_3, axis=1).max())


def _straightness(heads_N3: Float64, joints: tuple[int, int, int]) -> float:
    """How straight on a branch goes after a limb's end, 1 where it ends there or goes on."""
    _, bend, end = joints
    if end + 1 >= len(heads_N3):
        return 1.0
    before_3, after_3 = heads_N3[end] - heads_N3[bend], heads_N3[end + 1] - heads_N3[end]
    sizes = np.linalg.norm(before_3) * np.linalg.norm(after_3)
    return float(before_3 @ after_3 / sizes) if sizes > 0.0 else 1.0


def _head(tree: _Tree, arms: Pair, body: Body) -> Body:
    """Neck and head: the highest branch of the chest that is no arm."""
    armature = tree.armature
    limbs = {arms.first[0], arms.second[0]}
    up_3, _ = up_direction(armature, body)
    branches = [tree.branch(child) for child in armature.children[arms.bone] if child not in limbs]
    rising = [rows for rows in branches if _rises(tree, rows, arms.bone, up_3)]
    if not rising:
        return {}
    rows = max(rising, key=lambda rows: tree.heads[rows[-1]] @ up_3)
    head = _place_of_head(tree, rows)
    return {"head": (rows[head],)} | ({"neck": tuple(rows[:head])} if head else {})


def _place_of_head(tree: _Tree, rows: list[int]) -> int:
    """Which bone above the chest is the head: where the face branches off, else the longest."""
    steps_N = np.linalg.norm(np.diff(tree.heads[rows], axis=0), axis=1)
    forks = [k for k, row in enumerate(rows) if len(tree.armature.children[row]) > 1]
    if not forks:
        return int(np.argmax(steps_N)) if len(rows) > 2 else len(rows) - 1
    head = forks[0]
    while head and steps_N[head - 1] < _TOUCHING * steps_N.sum():
        head -= 1
    return head


def _rises(tree: _Tree, rows: list[int], chest: int, up_3: Float64) -> bool:
    return bool((tree.heads[rows[-1]] - tree.heads[chest]) @ up_3 > 0.0)


def _with_true_sides(armature: Armature, body: Body) -> Body:
    """Name the sides by where the body faces: each pair of limbs for itself."""
    up_3, _ = up_direction(armature, body)
    left_3 = np.cross(up_3, forward_direction(armature, body))
    turned = dict(body)
    for limb in (("hip", "knee", "ankle", "foot"), None):
        parts = [part for part in body if _of_limb(part, limb)]
        lead = "hip" if limb else "shoulder"
        way_3 = armature.heads[body[f"left_{lead}"][0]] - armature.heads[body[f"right_{lead}"][0]]
        if way_3 @ left_3 > 0.0:
            continue
        for part in parts:
            del turned[part]
        turned |= {_other_side(part): body[part] for part in parts}
    return turned


def _of_limb(part: str, leg: tuple[str, ...] | None) -> bool:
    side, _, name = part.partition("_")
    legs = ("hip", "knee", "ankle", "foot")
    return side in SIDES and ((name in legs) == (leg is not None))


def _other_side(part: str) -> str:
    side, _, name = part.partition("_")
    return f"{SIDES[1 - SIDES.index(side)]}_{name}"
