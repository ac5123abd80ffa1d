"""What completes a body once its limbs are found: spine, neck, fingers, twist bones and root.

Legend: B bones.
"""

import numpy as np
from numpy.typing import NDArray

from .armature import Armature
from .body_plan import FINGERS, LIMBS, SIDES, SPINE, Body
from .body_shape import stands_on_ground
from .bone_names import BoneName
from .bone_presets import Preset
from .named_bones import root_named, words_of

Float64 = NDArray[np.float64]

_FINGER_WORDS = {
    "thumb": ("thumb",),
    "index": ("index", "pointer"),
    "middle": ("middle", "mid"),
    "ring": ("ring",),
    "pinky": ("pinky", "little", "pinkie", "small"),
}
_NO_JOINT = ("metacarpal", "meta", "palm", "base", "end", "nub", "tip", "leaf")
_TWISTS = ("twist", "roll", "twistbone")
_ALONG = np.cos(np.radians(20.0))
_BESIDE = 0.15  # of the limb's length: how far from its line a twist bone may begin
_PIECE = 0.9  # of the limb's length: what is longer is no part of it but a copy
_INSIDE = 0.03  # of the limb's length: nearer to its far end begins the next joint


def with_torso(armature: Armature, body: Body) -> Body:
    """Fill an unnamed spine or neck with the bones between those that were found."""
    whole = dict(body)
    if SPINE not in whole and "left_shoulder" in whole and "pelvis" in whole:
        line = armature.above(whole["left_shoulder"][0])
        other = armature.above(whole["right_shoulder"][0])
        shared = [row for row in line if row in other]
        spine = _until(shared, whole["pelvis"][0])
        if spine:
            whole[SPINE] = tuple(spine[::-1])
    if "neck" not in whole and "head" in whole and SPINE in whole:
        neck = _until(armature.above(whole["head"][0]), whole[SPINE][-1])
        if neck:
            whole["neck"] = tuple(neck[::-1])
    return whole


def _until(line: list[int], last: int) -> list[int]:
    return line[: line.index(last)] if last in line else []


def with_fingers(armature: Armature, body: Body) -> Body:
    """Find fingers by the words in their names, at hands where no naming found any."""
    words = words_of(armature)
    whole = dict(body)
    for side in SIDES:
        found = any(f"{side}_{finger}1" in body for finger in FINGERS)
        hand = body.get(f"{side}_wrist", body.get(f"{side}_elbow"))
        if found or hand is None:
            continue
        below = _below(armature, hand[0])
        for finger in FINGERS:
            rows = [row for row in below if _is_link(words[row], finger)][:3]
            for number, row in enumerate(rows, start=1):
                whole[f"{side}_{finger}{number}"] = (row,)
    return whole


def _is_link(name: BoneName, finger: str) -> bool:
    text = "".join(name.words)
    named = any(word in text for word in _FINGER_WORDS[finger])
    return named and not any(word in name.words for word in _NO_JOINT)


def _below(armature: Armature, bone: int) -> list[int]:
    rows = [*armature.children[bone]]
    for row in rows:
        rows.extend(armature.children[row])
    return sorted(rows)


def root_over(armature: Armature, body: Body, preset: Preset | None) -> int | None:
    """The bone above the hips that can carry the way: so named, or the topmost.

    Where names tell of the body but of no root, the topmost counts only if it is on the ground.
    """
    pelvis = body["pelvis"][0]
    topmost = next(iter(armature.above(pelvis)[-1:]), None)
    if preset is None or topmost is None:
        return topmost
    named = root_named(armature, preset, pelvis)
    return topmost if named is None and stands_on_ground(armature, body, topmost) else named


def twist_bones(armature: Armature, body: Body) -> Body:
    """Bones along a limb that share its twist: inside its line, or beside it and parallel."""
    words = words_of(armature)
    taken = {row for rows in body.values() for row in rows}
    twists: Body = {}
    for limb, lower in LIMBS.items():
        if limb not in body or lower not in body:
            continue
        first, last = body[limb][0], body[lower][0]
        start_3 = armature.heads[first]
        line_3 = armature.heads[last] - start_3
        inside = [row for row in _until(armature.above(last), first) if row not in taken]
        beside = [row for bone in (first, *inside) for row in armature.children[bone]]
        place = {row: _place(armature, row, start_3, line_3) for row in (*inside, *beside)}
        rows = [row for row in inside if _INSIDE < place[row] < 1.0 - _INSIDE]
        for row in beside:
            free = row not in taken and row not in inside and not _carries(armature, row, taken)
            if free and place[row] < 1.0 - _INSIDE and _twists(armature, row, words[row], line_3):
                rows.append(row)
        if rows:
            twists[limb] = tuple(sorted(set(rows), key=lambda row: (place[row], row)))
    return twists


def _place(armature: Armature, row: int, start_3: Float64, line_3: Float64) -> float:
    """Where along a limb a bone begins, 0 at its near end, 1 at its far; infinite beside it."""
    length = np.linalg.norm(line_3)
    way_3 = armature.heads[row] - start_3
    share = float(way_3 @ line_3 / length**2) if length > 0.0 else np.inf
    aside = np.linalg.norm(way_3 - share * line_3) if length > 0.0 else np.inf
    return share if aside < _BESIDE * length and share > -_INSIDE else np.inf


def _carries(armature: Armature, row: int, taken: set[int]) -> bool:
    return any(below in taken for below in _below(armature, row))


def _twists(armature: Armature, row: int, name: BoneName, line_3: Float64) -> bool:
    """Whether a bone beside a limb is called a twist bone or is a parallel piece of the limb."""
    if any(word in _TWISTS for word in name.words):
        return True
    way_3 = armature.tails[row] - armature.heads[row]
    size, length = np.linalg.norm(way_3), np.linalg.norm(line_3)
    return bool(way_3 @ line_3 > _ALONG * size * length and size < _PIECE * length)
