"""The namings of bones that this project knows, read from the data files in presets/.

A file gives `joints` (SMPL-X joint: names to try in turn), `chains` (joint or "spine": all of
these that the rig has belong to it), `fingers` (a finger: the names of its three bones) and `root`
(names of a bone over the hips). Names are written for the left; the right is the same mirrored.
A name that ends in "*" stands for any number there.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .bone_names import LEFT, MIDDLE, RIGHT, BoneName, shared_start, understood

FOLDER = Path(__file__).parent / "presets"

Names = dict[str, tuple[BoneName, ...]]

ANY_NUMBER = "*"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One naming: joints and chains (joint name, "spine": the names to look for), root, start.

    start: words that most of its names begin with, as "CC_Base_".
    """

    name: str
    joints: Names
    chains: Names
    root: tuple[BoneName, ...]
    start: tuple[str, ...]


@cache
def presets() -> tuple[Preset, ...]:
    """Every naming in presets/, sorted by file name."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.json")))


def _read(path: Path) -> Preset:
    data = json.loads(path.read_text("utf-8"))
    fingers = {
        f"{finger}{number}": [name]
        for finger, names in data["fingers"].items()
        for number, name in enumerate(names, start=1)
    }
    joints = _both_sides(data["joints"] | fingers)
    chains = _both_sides(data["chains"])
    every = [name for names in (joints | chains).values() for name in names]
    return Preset(
        name=data["name"],
        joints=joints,
        chains=chains,
        root=tuple(_understood(name, MIDDLE) for name in data["root"]),
        start=shared_start(every),
    )


def _both_sides(written: dict[str, list[str]]) -> Names:
    found: Names = {}
    for joint, names in written.items():
        if not joint.startswith(f"{LEFT}_"):
            found[joint] = tuple(_understood(name, MIDDLE) for name in names)
            continue
        for side in (LEFT, RIGHT):
            here = joint.replace(LEFT, side, 1)
            found[here] = tuple(_understood(name, side) for name in names)
    return found


def _understood(name: str, side: str) -> BoneName:
    words = understood((name,))[0].words
    number = (ANY_NUMBER,) if name.endswith(ANY_NUMBER) else ()
    return BoneName(side=side, words=words + number)
