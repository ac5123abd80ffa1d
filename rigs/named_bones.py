"""Bones found by their names: every known naming is tried and the one that explains most is taken.

A name alone is not enough: a bone counts only where the bone of the joint before it lies above it
in the armature, so that a rig's inverse-kinematics handles and copies are passed over.
"""

from dataclasses import dataclass

import numpy as np

from .armature import Armature
from .body_plan import ABOVE, PARTS, SIDES, SPINE, Body, completeness
from .bone_names import BoneName, Key, shared_start, understood, without_start
from .bone_presets import ANY_NUMBER, Preset, presets

_COLLARS = ("left_collar", "right_collar")
_LATE = (*_COLLARS, SPINE, "neck")
"""Looked up after the others: in some namings "shoulder" is the collar, in some the upper arm."""
_LONGEST_CHAIN = 32  # bones: no spine has more, whatever a rig's bones are called
_LOOSE = 2.0  # times longer or shorter than the thigh: a shin to a loose foot


@dataclass(frozen=True, kw_only=True)
class NamedBody:
    """What one naming found in an armature: its name, the body, its score, 0..1."""

    preset: Preset
    body: Body
    score: float


class _Table:
    """The bones of an armature under every way to write their names."""

    def __init__(self, armature: Armature) -> None:
        names = understood(armature.names)
        self.start = shared_start(names)
        self.words = [without_start(name, self.start) for name in names]
        self._exact: dict[Key, int] = {}
        self._loose: dict[Key, int] = {}
        self._stem: dict[Key, list[int]] = {}
        for spelled in (names, self.words):
            for row, name in enumerate(spelled):
                self._exact.setdefault(name.exact, row)
                self._loose.setdefault(name.loose, row)
                self._stem.setdefault(name.stem, []).append(row)

    def rows(self, name: BoneName, start: tuple[str, ...]) -> list[int]:
        """The bones that a preset's name may mean, the likeliest first."""
        if name.words[-1] == ANY_NUMBER:
            whole = BoneName(side=name.side, words=name.words[:-1])
            stems = dict.fromkeys((whole.exact, without_start(whole, start).exact))
            return [row for stem in stems for row in self._stem.get(stem, [])]
        short = without_start(name, start)
        tries = (
            self._exact.get(name.exact),
            self._exact.get(short.exact),
            self._loose.get(name.loose),
            self._loose.get(short.loose),
        )
        return [row for row in tries if row is not None]


def best_naming(armature: Armature) -> NamedBody:
    """The naming that finds most of a body in the armature, wherever bones follow each other."""
    table = _Table(armature)
    found = [_found(armature, table, preset) for preset in presets()]

    def merit(named: NamedBody) -> tuple[float, bool, int, int]:
        every = (*named.preset.joints.values(), *named.preset.chains.values())
        bones, names = sum(map(len, named.body.values())), sum(map(len, every))
        return named.score, named.preset.start == table.start, bones, -names

    return max(found, key=merit)


def root_named(armature: Armature, preset: Preset, pelvis: int) -> int | None:
    """The bone over the hips that the naming calls the root."""
    table = _Table(armature)
    above = set(armature.above(pelvis))
    rows = [row for name in preset.root for row in table.rows(name, preset.start)]
    return next((row for row in rows if row in above), None)


def words_of(armature: Armature) -> list[BoneName]:
    """What every bone is called, (B,), without the words that the whole rig shares."""
    return _Table(armature).words


def _found(armature: Armature, table: _Table, preset: Preset) -> NamedBody:
    taken: set[int] = set()
    body: Body = {}
    order = [*(part for part in PARTS if part not in _LATE), *_LATE]
    for part in order:
        for name in preset.joints.get(part, ()):
            free = [row for row in table.rows(name, preset.start) if row not in taken]
            if free:
                body[part] = (free[0],)
                taken.add(free[0])
                break
        chain = [
            row
            for name in preset.chains.get(part, ())
            for row in table.rows(name, preset.start)
            if row not in taken
        ]
        if chain:
            body[part] = _upwards(armature, list(dict.fromkeys(chain))[:_LONGEST_CHAIN])
            taken.update(body[part])
    complete = _with_common_pelvis(armature, body)
    ordered = _with_loose_feet(armature, complete, in_order(armature, complete))
    return NamedBody(preset=preset, body=ordered, score=completeness(ordered))


def _upwards(armature: Armature, chain: list[int]) -> tuple[int, ...]:
    """Bones of a chain in the order in which they hang on each other, else as they are named."""

    def below(row: int) -> int:
        return len(set(armature.above(row)) & set(chain))

    return tuple(sorted(chain, key=below))


def _with_common_pelvis(armature: Armature, body: Body) -> Body:
    """Make the pelvis a bone that both legs hang on: some rigs call another one the hips."""
    legs = [body[part][0] for part in ("left_hip", "right_hip") if part in body]
    if len(legs) < 2:
        return body
    first, second = (armature.above(leg) for leg in legs)
    common = [row for row in first if row in second]
    named = body.get("pelvis", (-1,))[0]
    torso = [armature.above(row) for row in body.get(SPINE, ())[-1:]]
    if named in common:
        return body
    both = [row for row in common if all(row in line for line in torso)]
    return body | {"pelvis": (both[0],)} if both else body


def _with_loose_feet(armature: Armature, body: Body, ordered: Body) -> Body:
    """Take feet that hang beside the legs, as in rigs whose legs reach for them, where they fit."""
    heads = armature.heads
    loose: Body = {}
    for side in SIDES:
        hip, knee, ankle = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle"))
        if ankle in ordered or ankle not in body or not {hip, knee} <= ordered.keys():
            continue
        thigh, shin = (
            float(np.linalg.norm(heads[body[upper][0]] - heads[body[lower][0]]))
            for upper, lower in ((hip, knee), (knee, ankle))
        )
        if thigh / _LOOSE < shin < thigh * _LOOSE:
            loose[ankle] = body[ankle]
    both = ordered | loose
    return {part: both[part] for part in PARTS if part in both}


def in_order(armature: Armature, body: Body) -> Body:
    """Keep the parts that hang, in the armature, on the part before them.

    A neck or collar that the next part passes by is dropped instead of what comes after it.
    """
    kept: Body = {}
    for part in PARTS:
        if part not in body:
            continue
        above = [set(armature.above(row)) for row in body[part]]
        before = _before(part, kept)
        passed = before if before in (*_COLLARS, "neck") else None
        if passed is not None and not _hangs(above, kept[passed]):
            before = _before(passed, kept)
        if before is None or _hangs(above, kept[before]):
            kept[part] = body[part]
            if passed is not None and before != passed:
                del kept[passed]
    return kept


def _before(part: str, kept: Body) -> str | None:
    while (part := ABOVE.get(part, "")) != "":
        if part in kept:
            return part
    return None


def _hangs(above: list[set[int]], rows: tuple[int, ...]) -> bool:
    return all(any(row in line for row in rows) for line in above)
