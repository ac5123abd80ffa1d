"""Which bones of a character move like which SMPL-X joints.

Names are asked first (named_bones.py), then the shape of the armature alone (bone_tree.py). What
was found is checked to be a body on two legs (body_shape.py) and completed (bone_details.py).
"""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, cast

from .armature import MAX_BONES, Armature
from .body_plan import LIMBS, SPINE, SPINE_JOINTS, Body, completeness, missing
from .body_shape import check_two_legged, no_humanoid
from .bone_details import root_over, twist_bones, with_fingers, with_torso
from .bone_tree import body_by_shape
from .errors import RigError
from .named_bones import NamedBody, best_naming
from .skeleton import JOINT, JOINT_NAMES

STRUCTURE = "structure"
"""What `Mapping.preset` says where the names of the bones said nothing."""

_TELLING = 0.4  # of a body under known names: from there on they tell what is missing

FORMAT = "pose2rig mapping 1"
MAX_TEXT = 1_000_000
_MAX_NAME = 256

Bones = dict[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Which bones of one armature move like which SMPL-X joints.

    joints: joint name -> the chain of bones that move like it together, the first nearest to the
    root, mostly one; twists: limb joint name -> bones that share its turn about its own length,
    from its near end to its far; root: a bone above the hips that can carry the way over the
    ground, or None; preset: the naming that gave it, or "structure"; score: the weighted share of
    a body that was found, 0..1. Raises RigError for unknown joints and bones named twice.
    """

    joints: Bones
    twists: Bones
    root: str | None
    preset: str
    score: float

    def __post_init__(self) -> None:
        unknown = (set(self.joints) - set(JOINT)) | (set(self.twists) - set(LIMBS))
        if unknown:
            raise _malformed("the names of SMPL-X joints", repr(min(unknown)))
        chains = [*self.joints.values(), *self.twists.values()]
        bones = [bone for chain in chains for bone in chain]
        if not all(chains) or not all(bones) or len(bones) > MAX_BONES:
            raise _malformed(f"1 to {MAX_BONES} bones, all with names", f"{len(bones)} bones")
        if len(set(bones)) < len(bones):
            twice = min(bone for bone in bones if bones.count(bone) > 1)
            raise _malformed("every bone at most once", f"{twice!r} twice")
        if not 0.0 <= self.score <= 1.0:
            raise _malformed("a score from 0 to 1", f"{self.score}")


def map_armature(armature: Armature) -> Mapping:
    """Find the bones of a humanoid: by names where they tell, else by the armature's shape.

    Raises RigError where the armature is no humanoid, with the reason.
    """
    named = best_naming(armature)
    if not missing(named.body):
        return _mapping(armature, named.body, named)
    try:
        body = body_by_shape(armature)
    except RigError as refusal:
        if named.score < _TELLING:
            raise
        lacking = ", ".join(missing(named.body))
        expected = f"under the names of {named.preset.name!r} a bone for every joint of a body"
        raise no_humanoid("parts are missing", expected, f"none for {lacking}") from refusal
    return _mapping(armature, body, None)


def _mapping(armature: Armature, body: Body, named: NamedBody | None) -> Mapping:
    check_two_legged(armature, body)
    whole = with_fingers(armature, with_torso(armature, body))
    twists = twist_bones(armature, whole)
    root = root_over(armature, whole, named.preset if named else None)
    return Mapping(
        joints=_named(armature, _shared_spine(whole)),
        twists=_named(armature, twists),
        root=None if root is None else armature.names[root],
        preset=named.preset.name if named else STRUCTURE,
        score=round(completeness(whole), 4),
    )


def _shared_spine(body: Body) -> Body:
    """Share the bones of the spine among SMPL-X's three joints, the topmost always spine3's."""
    bones = body[SPINE]
    count = len(bones)
    sizes = {1: (0, 0, 1), 2: (1, 0, 1)}.get(
        count, tuple((count + rest) // 3 for rest in (2, 1, 0))
    )
    shared: Body = {}
    first = 0
    for joint, size in zip(SPINE_JOINTS, sizes, strict=True):
        if size:
            shared[joint] = bones[first : first + size]
        first += size
    whole = {part: rows for part, rows in body.items() if part != SPINE} | shared
    return {joint: whole[joint] for joint in JOINT_NAMES if joint in whole}


def _named(armature: Armature, body: Body) -> Bones:
    return {part: tuple(armature.names[row] for row in rows) for part, rows in body.items()}


def check_fit(mapping: Mapping, armature: Armature) -> None:
    """Raise RigError where a mapping speaks of bones that the armature does not have."""
    bones = [bone for chain in (mapping.joints | mapping.twists).values() for bone in chain]
    named = bones if mapping.root is None else [*bones, mapping.root]
    strange = [bone for bone in named if bone not in armature.index]
    if strange:
        raise RigError(
            "the mapping does not belong to this armature",
            expected="bones that the armature has",
            actual=f"{strange[0]!r} and {len(strange) - 1} more that it has not",
            next_step="choose the mapping made for it, or map the armature anew",
        )


def as_json(mapping: Mapping) -> str:
    """The mapping as the text of a file, for people to read, change and share."""
    return json.dumps({"format": FORMAT, **asdict(mapping)}, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Mapping:
    """Read `as_json`'s text back; raises RigError where it is anything else."""
    try:
        data: Any = json.loads(text) if len(text) <= MAX_TEXT else None
    except (ValueError, RecursionError) as error:
        raise _malformed("JSON", type(error).__name__) from error
    fields = {"format", "joints", "twists", "root", "preset", "score"}
    if not isinstance(data, dict) or set(cast(dict[str, Any], data)) != fields:
        raise _malformed(f"one object with {', '.join(sorted(fields))}", "something else")
    whole = cast(dict[str, Any], data)
    if whole["format"] != FORMAT:
        raise _malformed(f"the format {FORMAT!r}", repr(whole["format"])[:60])
    score = whole["score"]
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise _malformed("a number for the score", type(score).__name__)
    return Mapping(
        joints=_bones(whole["joints"]),
        twists=_bones(whole["twists"]),
        root=None if whole["root"] is None else _text(whole["root"]),
        preset=_text(whole["preset"]),
        score=float(score),
    )


def _bones(data: Any) -> Bones:
    if not isinstance(data, dict):
        raise _malformed("joints and their bones", type(data).__name__)
    chains = cast(dict[str, Any], data)
    if not all(isinstance(chain, list) for chain in chains.values()):
        raise _malformed("a list of bones for every joint", "something else")
    return {joint: tuple(_text(bone) for bone in chain) for joint, chain in chains.items()}


def _text(data: Any) -> str:
    if not isinstance(data, str) or not 0 < len(data) <= _MAX_NAME:
        raise _malformed(f"a name of 1 to {_MAX_NAME} letters", repr(data)[:60])
    return data


def _malformed(expected: str, actual: str) -> RigError:
    return RigError(
        "the mapping is malformed",
        expected=expected,
        actual=actual,
        next_step="save it again from the panel, or map the armature anew",
    )
