"""The 553 landmarks of the `landmarks` estimator: names, places and SMPL-X joints.

Names follow MediaPipe's own, in lower case; left and right are the person's.

Legend: L landmarks (553), J joints (55).
"""

import numpy as np
from numpy.typing import NDArray

from ...rigs.skeleton import JOINT, JOINT_COUNT

_BODY = (
    "nose",
    *("left_eye_inner", "left_eye", "left_eye_outer"),
    *("right_eye_inner", "right_eye", "right_eye_outer"),
    *("left_ear", "right_ear", "mouth_left", "mouth_right"),
    *(
        f"{side}_{part}"
        for part in ("shoulder", "elbow", "wrist", "pinky", "index", "thumb")
        for side in ("left", "right")
    ),
    *(
        f"{side}_{part}"
        for part in ("hip", "knee", "ankle", "heel", "foot_index")
        for side in ("left", "right")
    ),
)
_HAND = (
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(f"index_finger_{part}" for part in ("mcp", "pip", "dip", "tip")),
    *(f"middle_finger_{part}" for part in ("mcp", "pip", "dip", "tip")),
    *(f"ring_finger_{part}" for part in ("mcp", "pip", "dip", "tip")),
    *(f"pinky_{part}" for part in ("mcp", "pip", "dip", "tip")),
)
FACE_COUNT = 478

LANDMARK_NAMES: tuple[str, ...] = (
    *(f"body_{name}" for name in _BODY),
    *(f"left_hand_{name}" for name in _HAND),
    *(f"right_hand_{name}" for name in _HAND),
    *(f"face_{index:03d}" for index in range(FACE_COUNT)),
)

LANDMARK: dict[str, int] = {name: index for index, name in enumerate(LANDMARK_NAMES)}

BODY = slice(0, 33)
LEFT_HAND = slice(33, 54)
RIGHT_HAND = slice(54, 75)
FACE = slice(75, 75 + FACE_COUNT)

EYE_CORNERS = (33, 263)
"""Outer corners of the right and left eye, counted within the face's points."""

_FINGER_LANDMARKS = {
    "index": ("index_finger_mcp", "index_finger_pip", "index_finger_dip"),
    "middle": ("middle_finger_mcp", "middle_finger_pip", "middle_finger_dip"),
    "pinky": ("pinky_mcp", "pinky_pip", "pinky_dip"),
    "ring": ("ring_finger_mcp", "ring_finger_pip", "ring_finger_dip"),
    "thumb": ("thumb_cmc", "thumb_mcp", "thumb_ip"),
}

JOINT_LANDMARKS: dict[str, tuple[str, str]] = {
    "pelvis": ("body_left_hip", "body_right_hip"),
    "neck": ("body_left_shoulder", "body_right_shoulder"),
    "head": ("body_left_ear", "body_right_ear"),
    **{
        f"{side}_{joint}": (f"body_{side}_{landmark}", f"body_{side}_{landmark}")
        for side in ("left", "right")
        for joint, landmark in (
            ("hip", "hip"),
            ("knee", "knee"),
            ("ankle", "ankle"),
            ("foot", "foot_index"),
            ("shoulder", "shoulder"),
            ("elbow", "elbow"),
            ("wrist", "wrist"),
            ("eye_smplhf", "eye"),
        )
    },
    **{
        f"{side}_{finger}{number}": (f"{side}_hand_{landmark}", f"{side}_hand_{landmark}")
        for side in ("left", "right")
        for finger, landmarks in _FINGER_LANDMARKS.items()
        for number, landmark in enumerate(landmarks, start=1)
    },
}
"""The joints at, or halfway between, landmarks; the spine, collars and jaw have none."""


def _joint_pairs() -> NDArray[np.intp]:
    pairs_J2 = np.full((JOINT_COUNT, 2), -1, dtype=np.intp)
    for joint, names in JOINT_LANDMARKS.items():
        pairs_J2[JOINT[joint]] = [LANDMARK[name] for name in names]
    return pairs_J2


JOINT_PAIRS = _joint_pairs()
"""(55,2) the two landmarks halfway between which each joint lies, -1 where there are none."""
