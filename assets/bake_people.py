"""Two people whose motions are known: `python bake_people.py DIR`, with the `dev` extra.

Both walk the demo's choreography in the demo's room, the second one smaller, further away and
mirrored, so that they cross twice. Writes people.mp4 and truth_0.npz, truth_1.npz, clips of one
world, at 15 frames a second. For measuring where people stand and for the readme's picture;
nothing of it is kept here.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from bake_demo import encode, surface, true_clip
from demo_choreography import FPS, LOOK, Motion, choreograph
from demo_room import Lens, Room
from demo_steps import Array
from picture import COLOURS

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import save_clip
from pose2rig.rigs.skeleton import JOINT_NAMES

SIZE_PX = (960, 720)
LENS = Lens(
    origin=np.array([0.0, -4.35, 1.05]),
    down_deg=0.0,
    focal_px=float(np.hypot(*SIZE_PX)),
    size_px=SIZE_PX,
)
SECOND_LOOK = {"size": -1.5, "gender": 1.0, "shoulder_width": -0.6, "hip_width": 0.6}
SECOND_SHIRT = (0.45, 0.30, 0.04)
PLACES_M = np.array([[-0.1, 0.05, 0.0], [0.15, 1.1, 0.0]])
"""Where the two are moved from where the demo's one walks."""

KEPT = slice(0, 172, 2)
"""Of the choreography's frames: until they have crossed twice, every second one."""

_OTHER_SIDE = {"left": "right_", "right": "left_"}


def placed(motion: Motion, place_3: Array) -> Motion:
    """The kept frames of the motion, elsewhere on the floor."""
    return replace(
        motion,
        rotations=motion.rotations[KEPT],
        pelvis=motion.pelvis[KEPT] + place_3,
        contacts=motion.contacts[KEPT],
    )


def mirrored(motion: Motion) -> Motion:
    """The motion as in a mirror across x = 0."""
    mirror = np.array([-1.0, 1.0, 1.0])
    partner = [JOINT_NAMES.index(_opposite(name)) for name in JOINT_NAMES]
    rotations = motion.rotations[:, partner] * mirror[:, None] * mirror
    return replace(
        motion,
        rotations=rotations,
        pelvis=motion.pelvis * mirror,
        contacts=motion.contacts[:, [2, 3, 0, 1]],
    )


def _opposite(name: str) -> str:
    side, _, rest = name.partition("_")
    return _OTHER_SIDE[side] + rest if side in _OTHER_SIDE else name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    body = load_open_body()
    motions = choreograph(body, LOOK), mirrored(choreograph(body, SECOND_LOOK))
    clips = [
        true_clip(placed(motion, place), body, LENS, FPS // KEPT.step)
        for motion, place in zip(motions, PLACES_M, strict=True)
    ]
    room = Room(body, LENS, (COLOURS["shirt"], SECOND_SHIRT))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as pictures:
        for number, bodies in enumerate(zip(*(surface(clip, body) for clip in clips), strict=True)):
            room.render(bodies, Path(pictures) / f"{number:04d}.png")
        encode(Path(pictures), arguments.folder / "people.mp4", FPS // KEPT.step)
    for number, clip in enumerate(clips):
        save_clip(arguments.folder / f"truth_{number}.npz", clip)


if __name__ == "__main__":
    main()
