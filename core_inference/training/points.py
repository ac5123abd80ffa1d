"""The points that labels and losses speak of, and each network's joints among them.

The 55 joints of the skeleton, the surface points of the smplx package in its order, and the top of
the head. A network's joint that no point stands for is labelled by its nearest kin: SMPL's hand by
the middle knuckle, the thorax by the neck's root, toes by the big toe.
Joint orders: the authors' data sets, as in the released networks.

Legend: P points (77).
"""

from ...rigs.skeleton import JOINT_NAMES

_SIDES = ("left", "right")
_TIPS = ("thumb", "index", "middle", "ring", "pinky")

POINT_NAMES: tuple[str, ...] = (
    *JOINT_NAMES,
    *("nose", "right_eye", "left_eye", "right_ear", "left_ear"),
    *(f"{side}_{part}" for side in _SIDES for part in ("big_toe", "small_toe", "heel")),
    *(f"{side}_{finger}_tip" for side in _SIDES for finger in _TIPS),
    "head_top",
)

POINT_COUNT = len(POINT_NAMES)

SURFACE_NAMES = POINT_NAMES[len(JOINT_NAMES) :]

POINT: dict[str, int] = {name: index for index, name in enumerate(POINT_NAMES)}

PELVIS, NECK, HEAD = POINT["pelvis"], POINT["neck"], POINT["head"]
LEFT_WRIST, RIGHT_WRIST = POINT["left_wrist"], POINT["right_wrist"]


def mirrored(name: str) -> str:
    """The name on the person's other side; a middle one stays."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


MIRRORED_POINTS: tuple[int, ...] = tuple(POINT[mirrored(name)] for name in POINT_NAMES)
"""Which point takes whose place in a mirror; the joints among them stand first."""


def _indices(*names: str) -> tuple[int, ...]:
    return tuple(POINT[name] for name in names)


def _both(*parts: str) -> tuple[str, ...]:
    return tuple(f"{side}_{part}" for part in parts for side in _SIDES)


def _hand(side: str) -> tuple[str, ...]:
    """Thumb to pinky, each from the palm to its tip."""
    return tuple(f"{side}_{finger}{end}" for finger in _TIPS for end in ("1", "2", "3", "_tip"))


BODY_25 = _indices(
    "pelvis",
    *_both("hip", "knee", "ankle"),
    "neck",
    *_both("shoulder", "elbow", "wrist"),
    *(f"{side}_{part}" for side in _SIDES for part in ("big_toe", "small_toe", "heel")),
    *_both("ear", "eye"),
    "nose",
)
LEFT_HAND_20, RIGHT_HAND_20 = _indices(*_hand("left")), _indices(*_hand("right"))
RIGHT_HAND_21 = (RIGHT_WRIST, *RIGHT_HAND_20)
FACE_POINTS = _indices("nose", "right_eye", "left_eye", "right_ear", "left_ear", "jaw")

SMPL_29 = _indices(
    *JOINT_NAMES[:22], "left_middle1", "right_middle1", "nose", *_both("eye"), *_both("ear")
)

CROWD_15 = _indices(
    "pelvis",
    *_both("hip", "knee", "ankle"),
    *("neck", "head_top"),
    *_both("shoulder", "elbow", "wrist"),
)

MUCO_21 = _indices(
    *("head_top", "neck", "right_shoulder", "right_elbow", "right_wrist"),
    *("left_shoulder", "left_elbow", "left_wrist", "right_hip", "right_knee", "right_ankle"),
    *("left_hip", "left_knee", "left_ankle", "pelvis", "spine2", "head"),
    *("right_middle1", "left_middle1", "right_big_toe", "left_big_toe"),
)
H36M_18 = _indices(
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("spine2", "head", "nose", "head_top", "left_shoulder", "left_elbow", "left_wrist"),
    *("right_shoulder", "right_elbow", "right_wrist", "neck"),
)

COCO_BODY_17 = _indices(
    "nose", *_both("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
COCO_FEET_6 = _indices(
    *(f"{side}_{part}" for side in _SIDES for part in ("big_toe", "small_toe", "heel"))
)

OPEN_LANDMARKS: dict[str, str] = {
    "nose": "body_nose",
    **{
        f"{side}_{point}": f"{prefix}{mark}"
        for side in _SIDES
        for point, prefix, mark in (
            ("eye", f"body_{side}_", "eye"),
            ("ear", f"body_{side}_", "ear"),
            ("big_toe", f"body_{side}_", "foot_index"),
            ("heel", f"body_{side}_", "heel"),
            ("thumb_tip", f"{side}_hand_", "thumb_tip"),
            ("index_tip", f"{side}_hand_", "index_finger_tip"),
            ("middle_tip", f"{side}_hand_", "middle_finger_tip"),
            ("ring_tip", f"{side}_hand_", "ring_finger_tip"),
            ("pinky_tip", f"{side}_hand_", "pinky_tip"),
        )
    },
}
"""Where the surface points lie on the open body; it has no small toe of its own."""
