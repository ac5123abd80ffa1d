"""What moves each bone of a character: which joints of the source, and what hangs on what.

Legend: B bones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .armature import Armature
from .errors import RigError
from .mapping import Mapping, check_fit
from .skeleton import JOINT, JOINT_NAMES, PARENTS

SPINE = ("spine1", "spine2", "spine3")
FINGERS = ("index", "middle", "ring", "pinky", "thumb")
SIDES = ("left", "right")

NEXT: dict[str, tuple[str, ...]] = {
    "spine1": ("neck", "head"),
    "spine2": ("neck", "head"),
    "spine3": ("neck", "head"),
    "neck": ("head",),
} | {
    f"{side}_{name}": tuple(f"{side}_{below}" for below in chain[k + 1 :])
    for side in SIDES
    for chain in (
        ("collar", "shoulder", "elbow", "wrist"),
        ("hip", "knee", "ankle", "foot"),
        *((f"{finger}1", f"{finger}2", f"{finger}3") for finger in FINGERS),
    )
    for k, name in enumerate(chain[:-1])
}
"""Joint -> the joints below that it may point to: the first that has a bone."""

SEGMENTS = tuple(
    f"{side}_{name}" for side in SIDES for name in ("shoulder", "elbow", "hip", "knee")
)
"""Limb joints: their bones bend at the first of a chain and twist along it."""

UPPER = ("shoulder", "hip")
"""Those that twist against the trunk; the others twist with the hand or foot below."""

NEEDED = ("pelvis", *(f"{side}_{name}" for side in SIDES for name in ("hip", "knee", "ankle")))


@dataclass(frozen=True, kw_only=True)
class Drive:
    """A bone turns in the world from joint `start` by `share` (0..1) of the way to joint `end`."""

    start: int
    end: int
    share: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Binding:
    """An armature and what moves it, bones as rows.

    chains: joint name -> rows, first nearest to the root; drives: row -> Drive, of all rows in
    chains; twists: limb joint name -> rows that take a share of its twist; root: the row that
    carries the way over the ground, or None.
    """

    armature: Armature
    chains: dict[str, tuple[int, ...]]
    drives: dict[int, Drive]
    twists: dict[str, tuple[int, ...]]
    root: int | None

    @property
    def hips(self) -> int:
        """The row of the hips."""
        return self.chains["pelvis"][0]

    def next_joint(self, joint: str) -> str | None:
        """The first joint below with a bone of its own: what the joint's bone points to."""
        own = self.chains[joint]
        below = (name for name in NEXT.get(joint, ()) if name in self.chains)
        return next((name for name in below if self.chains[name][0] not in own), None)

    def inline(self, joint: str) -> list[int]:
        """The rows of a limb's twist bones between its first bone and the next joint's."""
        end = self.next_joint(joint)
        above = [] if end is None else self.armature.above(self.chains[end][0])
        return [row for row in reversed(above) if row in self.twists.get(joint, ())]

    def ends(self) -> dict[int, int]:
        """Joint -> the row that turns in full as it does; an upper limb's is its last inline."""
        rows = {drive.end: row for row, drive in self.drives.items() if drive.share == 1.0}
        lines = {joint: self.inline(joint) for joint in self.twists if joint.endswith(UPPER)}
        return rows | {JOINT[joint]: line[-1] for joint, line in lines.items() if line}

    def anchor(self, joint: str) -> int | None:
        """The row that carries a joint's first bone: the last one of the nearest joint above that
        does not itself hang on the joint's own bones, as a second bone of Rigify's hips does."""
        own, above = self.chains[joint], PARENTS[JOINT[joint]]
        while above >= 0:
            rows = self.chains.get(JOINT_NAMES[above], ())
            free = [row for row in rows if not {row, *self.armature.above(row)} & set(own)]
            if free:
                return free[-1]
            above = PARENTS[above]
        return None


def bind(armature: Armature, mapping: Mapping) -> Binding:
    """Look up a mapping's bones. Raises RigError for bones not there, or no hips or legs."""
    check_fit(mapping, armature)
    if missing := [joint for joint in NEEDED if not mapping.joints.get(joint)]:
        raise RigError(
            "the mapping leaves out bones that a person walks on",
            expected=f"bones for {', '.join(NEEDED)}",
            actual=f"none for {', '.join(missing)}",
            next_step="add them to the mapping, or let it be found anew",
        )
    chains = {
        joint: _rows(armature, mapping.joints[joint])
        for joint in JOINT_NAMES
        if mapping.joints.get(joint)
    }
    twists = {joint: _twists(armature, mapping, joint) for joint in SEGMENTS if joint in chains}
    chains |= {joint: chains[joint][:1] for joint in twists}
    return Binding(
        armature=armature,
        chains=chains,
        drives=_drives(chains),
        twists={joint: rows for joint, rows in twists.items() if rows},
        root=None if mapping.root is None else armature.index[mapping.root],
    )


def _rows(armature: Armature, names: Sequence[str]) -> tuple[int, ...]:
    return tuple(armature.index[name] for name in names)


def _twists(armature: Armature, mapping: Mapping, joint: str) -> tuple[int, ...]:
    """Rows that take a share of a limb's twist: later bones of its chain, and its twist bones."""
    names = (*mapping.joints[joint][1:], *mapping.twists.get(joint, ()))
    return _rows(armature, tuple(dict.fromkeys(names)))


def _drives(chains: dict[str, tuple[int, ...]]) -> dict[int, Drive]:
    """What moves each row; a bone that stands for several joints follows the last of them."""
    drives: dict[int, Drive] = {}
    for joint, rows in chains.items():
        end = _deepest(joint, chains)
        start = _joint_above(joint, chains, rows)
        for place, row in enumerate(rows, start=1):
            drives[row] = Drive(start=start, end=end, share=place / len(rows))
    for joint, tip in _short_fingers(chains):
        drives[chains[joint][-1]] = Drive(start=JOINT[joint], end=tip, share=0.5)
    return drives


def _deepest(joint: str, chains: dict[str, tuple[int, ...]]) -> int:
    """The joint that a chain ends at: the last spine bone carries the chest."""
    last = next((name for name in reversed(SPINE) if name in chains), None)
    return JOINT["spine3"] if joint == last else JOINT[joint]


def _joint_above(joint: str, chains: dict[str, tuple[int, ...]], rows: tuple[int, ...]) -> int:
    """The nearest joint above that moves another bone; of the pelvis the pelvis itself."""
    above = PARENTS[JOINT[joint]]
    while above >= 0 and not set(chains.get(JOINT_NAMES[above], rows)) - set(rows):
        above = PARENTS[above]
    return max(above, 0)


def _short_fingers(chains: dict[str, tuple[int, ...]]) -> list[tuple[str, int]]:
    """The last joint of each finger with too few bones, and the joint of its tip."""
    short: list[tuple[str, int]] = []
    for finger in (f"{side}_{name}" for side in SIDES for name in FINGERS):
        known = [f"{finger}{k}" for k in (1, 2, 3) if f"{finger}{k}" in chains]
        if known and known[-1] != f"{finger}3":
            short.append((known[-1], JOINT[f"{finger}3"]))
    return short
