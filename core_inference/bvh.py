"""BVH motion files: hierarchy and channels into arrays. Plain text from strangers, so bounded.

Legend: T frames, B bones.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.rotation import rotation_about

Float64 = NDArray[np.float64]

MAX_BYTES = 256 * 1024**2
MAX_BONES = 2000

_AXES = {"x": 0, "y": 1, "z": 2}


@dataclass(frozen=True, kw_only=True, eq=False)
class BvhMotion:
    """A motion in the file's own axes and unit of length.

    names (B,); parents (B,) index or -1, parents first; offsets (B,3) from the parent at rest;
    tips (B,3) where a bone's End Site is, zero where it has none; rotations (T,B,3,3)
    parent-relative; root (T,3) where the first bone is; frame_time_s.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float64
    tips: Float64
    rotations: Float64
    root: Float64
    frame_time_s: float

    def world_rotations(self) -> Float64:
        """Rotations (T,B,3,3) in the file's world."""
        world_TB33 = self.rotations.copy()
        for bone, parent in enumerate(self.parents):
            if parent >= 0:
                world_TB33[:, bone] = world_TB33[:, parent] @ self.rotations[:, bone]
        return world_TB33

    def positions(self, world_TB33: Float64) -> Float64:
        """Where the bones begin, (T,B,3) in the file's world and unit."""
        positions_TB3 = np.empty(world_TB33.shape[:-1])
        for bone, parent in enumerate(self.parents):
            if parent < 0:
                positions_TB3[:, bone] = self.root
            else:
                moved = world_TB33[:, parent] @ self.offsets[bone]
                positions_TB3[:, bone] = positions_TB3[:, parent] + moved
        return positions_TB3


def load_bvh(path: Path) -> BvhMotion:
    """Read a BVH file. Raises ClipFileError where it is unreadable, too large or malformed.

    The first bone's position channels replace its offset, as the programs that write BVH mean
    them; those of other bones are passed over.
    """
    hierarchy, values = _split(path, _read_text(path))
    try:
        skeleton = _parse_hierarchy(hierarchy)
        frames_TC, frame_time_s = _parse_motion(values, len(skeleton.channels))
    except (ValueError, IndexError) as error:
        raise _error(path, str(error)) from error
    return BvhMotion(
        names=tuple(skeleton.names),
        parents=tuple(skeleton.parents),
        offsets=np.array(skeleton.offsets),
        tips=np.array(skeleton.tips),
        rotations=_rotations(skeleton, frames_TC),
        root=_root(skeleton, frames_TC),
        frame_time_s=frame_time_s,
    )


def _error(path: Path, actual: str) -> ClipFileError:
    return ClipFileError(
        f"cannot read {path.name}",
        expected="a BVH file with HIERARCHY, MOTION and one number per channel and frame",
        actual=actual,
        next_step="export the motion as BVH again or choose another file",
    )


def _read_text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _error(path, f"{size} bytes, over {MAX_BYTES}")
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise _error(path, error.strerror or str(error)) from error


def _split(path: Path, text: str) -> tuple[list[str], list[str]]:
    """The tokens before and after the word MOTION."""
    head, found, tail = text.partition("MOTION")
    tokens = head.split()
    if not found or not tokens or tokens[0] != "HIERARCHY":
        raise _error(path, "no HIERARCHY or no MOTION")
    return tokens[1:], tail.split()


# --- hierarchy ---------------------------------------------------------------------------------


@dataclass
class _Skeleton:
    names: list[str] = field(default_factory=list[str])
    parents: list[int] = field(default_factory=list[int])
    offsets: list[list[float]] = field(default_factory=list[list[float]])
    tips: list[list[float]] = field(default_factory=list[list[float]])
    channels: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def add(self, name: str, parent: int) -> int:
        if len(self.names) >= MAX_BONES:
            raise ValueError(f"more than {MAX_BONES} bones")
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.tips.append([0.0, 0.0, 0.0])
        return len(self.names) - 1


_END_SITE = -2


def _parse_hierarchy(tokens: list[str]) -> _Skeleton:
    """Walk the tokens with a stack of open bones; `_END_SITE` stands for an open End Site."""
    skeleton, open_bones, at = _Skeleton(), [], 0
    coming = -1
    while at < len(tokens):
        word = tokens[at].upper()
        if word in ("ROOT", "JOINT"):
            coming = skeleton.add(tokens[at + 1], open_bones[-1] if open_bones else -1)
            at += 2
        elif word == "END":
            coming, at = _END_SITE, at + 2
        elif word == "{":
            open_bones.append(coming)
            at += 1
        elif word == "}":
            open_bones.pop()
            at += 1
        else:
            at = _read_property(skeleton, open_bones, tokens, at)
    if open_bones or not skeleton.names or skeleton.parents.count(-1) != 1:
        raise ValueError("a hierarchy without exactly one closed root")
    return skeleton


def _read_property(skeleton: _Skeleton, open_bones: list[int], tokens: list[str], at: int) -> int:
    """Read OFFSET or CHANNELS of the innermost open bone; return where the next word stands."""
    word, bone = tokens[at].upper(), open_bones[-1]
    if word == "OFFSET":
        offset = [float(value) for value in tokens[at + 1 : at + 4]]
        if len(offset) != 3 or not np.isfinite(offset).all():
            raise ValueError(f"an offset of {offset}")
        if bone == _END_SITE:
            skeleton.tips[open_bones[-2]] = offset
        else:
            skeleton.offsets[bone] = offset
        return at + 4
    if word == "CHANNELS" and bone >= 0:
        count = int(tokens[at + 1])
        names = [name.lower() for name in tokens[at + 2 : at + 2 + count]]
        if not 0 <= count <= 6 or not all(_is_channel(name) for name in names):
            raise ValueError(f"the channels {names}")
        skeleton.channels.extend((bone, name) for name in names)
        return at + 2 + count
    raise ValueError(f"the word {tokens[at][:40]!r} in the hierarchy")


def _is_channel(name: str) -> bool:
    return name[:1] in _AXES and name[1:] in ("rotation", "position")


# --- motion ------------------------------------------------------------------------------------


def _parse_motion(tokens: list[str], channel_count: int) -> tuple[Float64, float]:
    """Values (T,C) and the time of a frame in seconds."""
    heading = [token.upper() for token in (tokens[0], *tokens[2:4])]
    if heading != ["FRAMES:", "FRAME", "TIME:"]:
        raise ValueError("no 'Frames:' and 'Frame Time:'")
    count, frame_time_s = int(tokens[1]), float(tokens[4])
    values = np.array(tokens[5:], dtype=np.float64)
    if count < 1 or values.size != count * channel_count:
        raise ValueError(f"{values.size} numbers for {count} frames of {channel_count} channels")
    if not np.isfinite(values).all() or not 1e-6 < frame_time_s < 1e3:
        raise ValueError("numbers that are not finite, or no usable frame time")
    return values.reshape(count, channel_count), frame_time_s


def _rotations(skeleton: _Skeleton, frames_TC: Float64) -> Float64:
    """Multiply the channels' turns in the order in which each bone names them."""
    bone_count = len(skeleton.names)
    rotations = np.broadcast_to(np.eye(3), (len(frames_TC), bone_count, 3, 3)).copy()
    for column, (bone, name) in enumerate(skeleton.channels):
        if name.endswith("rotation"):
            axis = np.eye(3)[_AXES[name[0]]]
            turn_T33 = rotation_about(axis, np.radians(frames_TC[:, column]))
            rotations[:, bone] = rotations[:, bone] @ turn_T33
    return rotations


def _root(skeleton: _Skeleton, frames_TC: Float64) -> Float64:
    root_T3 = np.broadcast_to(skeleton.offsets[0], (len(frames_TC), 3)).copy()
    for column, (bone, name) in enumerate(skeleton.channels):
        if bone == 0 and name.endswith("position"):
            root_T3[:, _AXES[name[0]]] = frames_TC[:, column]
    return root_T3
