"""The joint graphs of the graph convolutions: names in the networks' order and the bones.

Source: Pose2Pose, section 3.2; joint orders of the released Pose2Pose and 3DCrowdNet.
"""

from dataclasses import dataclass

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")

_TOES = ("big_toe", "small_toe", "heel")

_LIMBS = (
    ("pelvis", "left_hip"),
    ("pelvis", "right_hip"),
    ("pelvis", "neck"),
    *(
        bone
        for side in ("left", "right")
        for bone in (
            (f"{side}_hip", f"{side}_knee"),
            (f"{side}_knee", f"{side}_ankle"),
            ("neck", f"{side}_shoulder"),
            (f"{side}_shoulder", f"{side}_elbow"),
            (f"{side}_elbow", f"{side}_wrist"),
        )
    ),
)


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Joints in a network's order and the bones between them, both by name."""

    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]

    @property
    def mirror_pairs(self) -> tuple[tuple[str, str], ...]:
        """Every left joint with its right counterpart."""
        return tuple(
            (name, name.replace("left_", "right_"))
            for name in self.joints
            if name.startswith("left_")
        )


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for name in names for side in ("left", "right"))


CROWD_BODY = Skeleton(
    joints=(
        "pelvis",
        *_both("hip", "knee", "ankle"),
        "neck",
        "head",
        *_both("shoulder", "elbow", "wrist"),
    ),
    bones=(*_LIMBS, ("neck", "head")),
)
"""The 15 joints of 3DCrowdNet."""

BODY = Skeleton(
    joints=(
        "pelvis",
        *_both("hip", "knee", "ankle"),
        "neck",
        *_both("shoulder", "elbow", "wrist"),
        *(
            f"{side}_{toe}"
            for side in ("left", "right")
            for toe in ("big_toe", "small_toe", "heel")
        ),
        *_both("ear", "eye"),
        "nose",
    ),
    bones=(
        *_LIMBS,
        *((f"{side}_ankle", f"{side}_{toe}") for side in ("left", "right") for toe in _TOES),
        ("neck", "nose"),
        *(("nose", eye) for eye in _both("eye")),
        *((f"{side}_eye", f"{side}_ear") for side in ("left", "right")),
    ),
)
"""The 25 positional joints of the body."""

HAND = Skeleton(
    joints=("wrist", *(f"{finger}_{k}" for finger in _FINGERS for k in (1, 2, 3, 4))),
    bones=tuple(
        ("wrist" if k == 1 else f"{finger}_{k - 1}", f"{finger}_{k}")
        for finger in _FINGERS
        for k in (1, 2, 3, 4)
    ),
)
"""The 21 positional joints of a hand."""
