"""What a human body is to the search for its bones: joints, which hangs on which, which matter.

The three joints of SMPL-X's spine are one part here, "spine": rigs have between none and six bones
there, which are shared out at the end.
"""

from .skeleton import JOINT_NAMES, PARENTS

SPINE = "spine"
SPINE_JOINTS = ("spine1", "spine2", "spine3")
SIDES = ("left", "right")
FINGERS = ("thumb", "index", "middle", "ring", "pinky")

Body = dict[str, tuple[int, ...]]
"""Part (SMPL-X joint name or "spine") -> rows of its bones in the armature, nearest root first."""


def _part(joint: str) -> str:
    return SPINE if joint in SPINE_JOINTS else joint


PARTS: tuple[str, ...] = tuple(dict.fromkeys(_part(joint) for joint in JOINT_NAMES))
"""Every part once, those above before those below."""

ABOVE: dict[str, str] = {
    _part(joint): _part(JOINT_NAMES[parent])
    for joint, parent in zip(JOINT_NAMES, PARENTS, strict=True)
    if parent >= 0 and _part(joint) != _part(JOINT_NAMES[parent])
}
"""Part -> the part that it hangs on."""

LIMBS: dict[str, str] = {
    f"{side}_{upper}": f"{side}_{lower}"
    for side in SIDES
    for upper, lower in (
        ("hip", "knee"),
        ("knee", "ankle"),
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
    )
}
"""Joint of a long bone -> the joint at its other end."""

REQUIRED: tuple[str, ...] = (
    "pelvis",
    SPINE,
    *(f"{side}_{joint}" for side in SIDES for joint in ("hip", "knee", "shoulder", "elbow")),
)
"""Without these there is no humanoid to move."""

_WEIGHTY = (*REQUIRED, "head", *(f"{s}_{joint}" for s in SIDES for joint in ("ankle", "wrist")))
_FINE = 0.1

WEIGHTS: dict[str, float] = {
    part: 3.0
    if part in _WEIGHTY
    else _FINE
    if part.endswith(("1", "2", "3", "jaw", "smplhf"))
    else 1.0
    for part in PARTS
}
"""What finding a part is worth: 3 for what carries the motion, 1 for neck, collars and toes."""


def completeness(body: Body) -> float:
    """The weighted share of the parts that were found, 0..1."""
    found = sum(weight for part, weight in WEIGHTS.items() if part in body)
    return found / sum(WEIGHTS.values())


def missing(body: Body) -> list[str]:
    """The required parts that were not found."""
    return [part for part in REQUIRED if part not in body]
