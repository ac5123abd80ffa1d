"""The 52 ARKit-named face shapes: their order everywhere, and which of them joints carry.

A coefficient is 0 (at rest) to 1 (as far as it goes). `jawOpen` and the eight `eyeLook` shapes
say the same as the joints of jaw and eyes: at 1 a joint is turned by the angle below. On a body
with these joints the shapes hold only what the joints leave, so that nothing moves twice; a
character without them takes the coefficients alone.
"""

import numpy as np

FACE_SHAPES = (
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft",
    "eyeLookInRight",
    "eyeLookOutLeft",
    "eyeLookOutRight",
    "eyeLookUpLeft",
    "eyeLookUpRight",
    "eyeSquintLeft",
    "eyeSquintRight",
    "eyeWideLeft",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawOpen",
    "jawRight",
    "mouthClose",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthFunnel",
    "mouthLeft",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthPucker",
    "mouthRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
)
"""ARKit's names in alphabetical order; left and right are the person's own."""

FACE_SHAPE = {name: index for index, name in enumerate(FACE_SHAPES)}
FACE_SHAPE_COUNT = len(FACE_SHAPES)

JAW_OPEN_RAD = float(np.radians(20.0))
"""How far the jaw joint is turned about x where `jawOpen` is 1."""

LOOK_RAD = {
    "Up": float(np.radians(20.0)),
    "Down": float(np.radians(25.0)),
    "In": float(np.radians(30.0)),
    "Out": float(np.radians(30.0)),
}
"""How far an eye's joint is turned where `eyeLook<direction><side>` is 1."""
