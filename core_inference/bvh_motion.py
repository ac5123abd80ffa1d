"""BVH motions on the SMPL-X skeleton: bones found by name, rotations carried over in the world.

A bone's world rotation is carried over as R_target = R_source A, where A turns the zero pose's
bone onto the source's at rest: so both point the same way at all times, whatever the source's
rest pose. Where that rest is no pose at all (bones laid along one axis), how a limb is turned
about itself comes from the plane in which its hinge bends over the motion.

Legend: T frames, B bones of the file, J joints (55), N bones of a chain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rigs.errors import ClipFileError
from ..rigs.rest_pose import UPRIGHT
from ..rigs.rotation import (
    angle_between,
    matrix_from_quaternion,
    matrix_from_two_axes,
    quaternion_from_matrix,
    slerp,
    swing_between,
)
from ..rigs.skeleton import JOINT, JOINT_COUNT, PARENTS, local_rotations
from .bvh import BvhMotion
from .bvh_names import ARM_NAMES, CLASSIC_NAMES, NEEDED

Float64 = NDArray[np.float64]

LAID_OUT_LEG, LAID_OUT_ARM = np.cos(np.radians(60.0)), np.cos(np.radians(100.0))
"""A limb at rest further than this from the zero pose's is laid out, not posed."""

LAID_OUT_SPINE = np.cos(np.radians(45.0))

KNEE_HINGE = (1.0, 0.0, 0.0)
ELBOW_HINGE = {"left": (0.0, -1.0, 0.0), "right": (0.0, 1.0, 0.0)}
"""Axes about which knees and elbows bend, in the zero pose."""


TORSO = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
FACE = ("jaw", "left_eye_smplhf", "right_eye_smplhf")


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyMotion:
    """A known motion of the SMPL-X joints: rotations (T,55,3,3) parent-relative, trans (T,3) m
    in a z-up world, known (55,) where the file had a bone, time_s (T,)."""

    rotations: Float64
    trans: Float64
    known: NDArray[np.bool_]
    time_s: Float64


def body_motion(bvh: BvhMotion, rest_joints_J3: Float64) -> BodyMotion:
    """Carry a BVH motion over to a body of rest joints (55,3) m, scaled by the legs' lengths.

    Joints without a bone in the file stay at rest; spine and neck bones of any number are
    spread over the joints. Raises ClipFileError where the file has no person's bones.
    """
    source = _Source(bvh, rest_joints_J3)
    world_TJ33 = np.broadcast_to(np.eye(3), (len(bvh.root), JOINT_COUNT, 3, 3)).copy()
    world_TJ33[:, 0] = source.carried("pelvis", source.facing)
    _carry_torso(source, world_TJ33)
    turns = {
        joint: turn
        for side in ("left", "right")
        for turns in (_leg_turns(source, side), _arm_turns(source, side))
        for joint, turn in turns.items()
    } | {joint: source.facing for joint in FACE if joint in source.bone}
    for joint, turn in turns.items():
        world_TJ33[:, JOINT[joint]] = source.carried(joint, turn)
    known = np.array([name in turns or name in TORSO for name in JOINT])
    for joint, parent in enumerate(PARENTS):
        if not known[joint]:
            world_TJ33[:, joint] = world_TJ33[:, parent]
    upright = UPRIGHT @ source.facing.T
    return BodyMotion(
        rotations=np.asarray(local_rotations(upright @ world_TJ33), dtype=np.float64),
        trans=source.scale() * bvh.root @ upright.T - rest_joints_J3[0],
        known=known,
        time_s=np.arange(len(bvh.root)) * bvh.frame_time_s,
    )


def known_positions(bvh: BvhMotion, rest_joints_J3: Float64) -> tuple[tuple[str, ...], Float64]:
    """Where the file itself has the joints it knows: their names (N,) and (T,N,3) m, z up.

    A file whose legs are as long as legs are in metres or centimetres is believed; any other
    unit is scaled to the body of rest joints (55,3) m.
    """
    source = _Source(bvh, rest_joints_J3)
    leg = sum(
        float(np.linalg.norm(source.direction(f"left_{start}", f"left_{end}")))
        for start, end in (("hip", "knee"), ("knee", "ankle"))
    )
    metres = next((unit for unit in (1.0, 0.01) if 0.4 < leg * unit < 1.3), source.scale())
    names = tuple(name for name in JOINT if name in source.bone)
    bones = [source.bone[name] for name in names]
    positions = bvh.positions(source.world)[:, bones]
    return names, metres * positions @ (UPRIGHT @ source.facing.T).T


class _Source:
    """A BVH motion seen through the names of the SMPL-X joints."""

    def __init__(self, bvh: BvhMotion, rest_joints_J3: Float64) -> None:
        self.bvh = bvh
        self.target_rest = rest_joints_J3
        self.bone = _find_bones(bvh)
        self.world = bvh.world_rotations()
        self.rest = _rest_positions(bvh)
        self.spine, self.neck = self._torso_chains()
        self.facing = self._facing()

    def carried(self, joint: str, rest_turn_33: Float64) -> Float64:
        """World rotation (T,3,3) of a joint from its bone's and the turn between the rests."""
        return self.world[:, self.bone[joint]] @ rest_turn_33

    def direction(self, joint: str, child: str) -> Float64:
        """From a joint's bone to its child's, (3,), in the bone's own frame."""
        return self.rest[self.bone[child]] - self.rest[self.bone[joint]]

    def target_direction(self, joint: str, child: str) -> Float64:
        """The same at the zero pose."""
        return self.target_rest[JOINT[child]] - self.target_rest[JOINT[joint]]

    def scale(self) -> float:
        """Metres per unit of the file: the ratio of the legs' lengths."""
        bones = [
            (f"{side}_{start}", f"{side}_{end}")
            for side in ("left", "right")
            for start, end in (("hip", "knee"), ("knee", "ankle"))
        ]
        own = sum(float(np.linalg.norm(self.target_direction(*bone))) for bone in bones)
        return own / max(sum(float(np.linalg.norm(self.direction(*b))) for b in bones), 1e-9)

    def _torso_chains(self) -> tuple[list[int], list[int]]:
        """Bones after the hips up to where the arms branch off, and from there to the head."""
        left = _ancestors(self.bvh, self.bone["left_shoulder"])
        right = set(_ancestors(self.bvh, self.bone["right_shoulder"]))
        chest = next(bone for bone in left if bone in right)
        spine = _between(self.bvh, chest, self.bone["pelvis"])
        return spine, _between(self.bvh, self.bone["head"], chest)

    def _facing(self) -> Float64:
        """The turn (3,3) from SMPL-X's axes to those of the file, hips and back at rest."""
        left = _nearest_axis(self.direction("right_hip", "left_hip"))
        first = next((b for b in (*self.spine, *self.neck) if self.bvh.offsets[b].any()), None)
        if first is None:
            raise _error("a spine of no length")
        up = _nearest_axis(self.bvh.offsets[first])
        return np.stack([left, up, np.cross(left, up)], axis=-1)


def _error(actual: str) -> ClipFileError:
    return ClipFileError(
        "the BVH file is not a person's motion",
        expected="bones named as MotionBuilder, Mixamo, CMU or Biovision files name them",
        actual=actual,
        next_step="rename its bones or choose another file",
    )


def _find_bones(bvh: BvhMotion) -> dict[str, int]:
    """Joint name to bone index by the table of names that fits best."""
    places = {name.split(":")[-1].lower(): bone for bone, name in enumerate(bvh.names)}
    tables = (ARM_NAMES, CLASSIC_NAMES, {name: name for name in JOINT})
    found = [
        {joint: places[name.lower()] for joint, name in table.items() if name.lower() in places}
        for table in tables
    ]
    best = max(found, key=lambda bones: sum(joint in bones for joint in NEEDED))
    missing = [joint for joint in NEEDED if joint not in best]
    if missing:
        raise _error(f"no bone for {', '.join(missing[:4])}")
    return best


def _rest_positions(bvh: BvhMotion) -> Float64:
    positions_B3 = np.zeros((len(bvh.names), 3))
    for bone, parent in enumerate(bvh.parents):
        if parent >= 0:
            positions_B3[bone] = positions_B3[parent] + bvh.offsets[bone]
    return positions_B3


def _ancestors(bvh: BvhMotion, bone: int) -> list[int]:
    """The bones above, nearest first."""
    above: list[int] = []
    while bvh.parents[bone] >= 0:
        bone = bvh.parents[bone]
        above.append(bone)
    return above


def _between(bvh: BvhMotion, low: int, high: int) -> list[int]:
    """From below `high` down to `low`, both bones of one chain."""
    chain = [low, *_ancestors(bvh, low)]
    return chain[: chain.index(high)][::-1] if high in chain else [low]


def _nearest_axis(vector_3: Float64) -> Float64:
    axis = int(np.argmax(np.abs(vector_3)))
    return np.eye(3)[axis] * (1.0 if vector_3[axis] >= 0.0 else -1.0)


# --- torso -------------------------------------------------------------------------------------


def _carry_torso(source: _Source, world_TJ33: Float64) -> None:
    """Spread the source's spine over three joints, its neck over one, and set the head."""
    pelvis = world_TJ33[:, 0].copy()
    carried = _carried_chain(source, [*source.spine, *source.neck])
    spine, neck = carried[: len(source.spine)], carried[len(source.spine) :]
    for share, joint in ((1 / 3, "spine1"), (2 / 3, "spine2"), (1.0, "spine3")):
        world_TJ33[:, JOINT[joint]] = _along([pelvis, *spine], share)
    chest = world_TJ33[:, JOINT["spine3"]].copy()
    for share, joint in ((0.5, "neck"), (1.0, "head")):
        world_TJ33[:, JOINT[joint]] = _along([chest, *neck], share)


def _carried_chain(source: _Source, chain: list[int]) -> list[Float64]:
    """World rotations (T,3,3) of the bones from spine to head, facing as the body does.

    A bone of no length takes the turn between the rests from the one below it. The head, whose
    tip some files only make up, takes whichever of the two turns bends the neck less.
    """
    up, turn = source.facing[:, 1], source.facing
    carried: list[Float64] = []
    for bone, above in zip(chain[:-1], chain[1:], strict=True):
        along = source.bvh.offsets[above]
        length = float(np.linalg.norm(along))
        if length > 0.0:
            laid_out = float(along @ up) < LAID_OUT_SPINE * length
            turn = swing_between(up, along) @ source.facing if laid_out else source.facing
        carried.append(source.world[:, bone] @ turn)
    heads = [source.world[:, chain[-1]] @ turn for turn in (source.facing, turn)]
    bends = [float(np.median(angle_between(head, carried[-1]))) for head in heads]
    return [*carried, heads[int(np.argmin(bends))]]


def _along(chain: list[Float64], share: float) -> Float64:
    """The rotation (T,3,3) at a share 0..1 of the way along a chain of rotations."""
    place = share * (len(chain) - 1)
    first = min(int(place + 1e-9), len(chain) - 2) if len(chain) > 1 else 0
    if len(chain) == 1:
        return chain[0]
    start, end = (quaternion_from_matrix(chain[k]) for k in (first, first + 1))
    fraction = np.full(len(start), place - first)
    return np.asarray(matrix_from_quaternion(slerp(start, end, fraction)), dtype=np.float64)


# --- limbs -------------------------------------------------------------------------------------


def _leg_turns(source: _Source, side: str) -> dict[str, Float64]:
    """The turns between the rests (3,3) of a leg's bones and its foot's."""
    hip, knee, ankle, foot = (f"{side}_{name}" for name in ("hip", "knee", "ankle", "foot"))
    turns = _limb_turns(source, (hip, knee, ankle), np.array(KNEE_HINGE), LAID_OUT_LEG)
    if foot not in source.bone:
        return {**turns, ankle: turns[knee]}
    turn = turns.get(ankle, _swung(source, ankle, foot, turns[knee]))
    return {**turns, ankle: turn, foot: turn}


def _arm_turns(source: _Source, side: str) -> dict[str, Float64]:
    """The turns between the rests (3,3) of an arm's bones, its collar's and its hand's."""
    collar, *arm = (f"{side}_{name}" for name in ("collar", "shoulder", "elbow", "wrist"))
    shoulder, elbow, wrist = arm
    joints = (shoulder, elbow, wrist)
    turns = _limb_turns(source, joints, np.array(ELBOW_HINGE[side]), LAID_OUT_ARM)
    if collar in source.bone:
        turns[collar] = _swung(source, collar, shoulder, turns[shoulder])
    return {**turns, **_hand_turns(source, side, turns[elbow])}


def _limb_turns(
    source: _Source, joints: tuple[str, str, str], hinge_3: Float64, laid_out: float
) -> dict[str, Float64]:
    """The turns between the rests (3,3) of a limb's two bones, and of a laid out leg's foot."""
    upper, lower, end = joints
    seen = source.direction(upper, lower)
    wanted = source.facing @ source.target_direction(upper, lower)
    cosine = float(seen @ wanted / max(np.linalg.norm(seen) * np.linalg.norm(wanted), 1e-9))
    if cosine >= laid_out:
        turn = _swung(source, upper, lower, source.facing)
        return {upper: turn, lower: _swung(source, lower, end, turn)}
    bones = {upper: lower, lower: end}
    tip = end.replace("ankle", "foot")
    if tip != end and tip in source.bone:
        bones[end] = tip
    across_T3 = _hinge_seen(source, joints)
    turns: dict[str, Float64] = {}
    for joint, child in bones.items():
        own = np.einsum("tji,tj->i", source.world[:, source.bone[joint]], across_T3)
        source_axes = matrix_from_two_axes(source.direction(joint, child), own)
        target_axes = matrix_from_two_axes(source.target_direction(joint, child), hinge_3)
        turns[joint] = np.asarray(source_axes @ target_axes.T, dtype=np.float64)
    return turns


def _hinge_seen(source: _Source, joints: tuple[str, str, str]) -> Float64:
    """The hinge's axis in the world (T,3), the longer the more it is bent."""
    upper, lower, end = joints
    first = source.world[:, source.bone[upper]] @ source.direction(upper, lower)
    second = source.world[:, source.bone[lower]] @ source.direction(lower, end)
    return np.cross(first, second)


def _swung(source: _Source, joint: str, child: str, turn_33: Float64) -> Float64:
    """A turn swung on so that the zero pose's bone points where the source's does at rest."""
    seen = source.direction(joint, child)
    if not seen.any():
        return turn_33
    swing = swing_between(turn_33 @ source.target_direction(joint, child), seen)
    return np.asarray(swing @ turn_33, dtype=np.float64)


def _hand_turns(source: _Source, side: str, forearm_33: Float64) -> dict[str, Float64]:
    """The turns of the wrist and, where the file has them, of the fingers."""
    wrist = f"{side}_wrist"
    if f"{side}_index1" not in source.bone or f"{side}_middle1" not in source.bone:
        return {wrist: forearm_33}
    pair = (f"{side}_middle1", f"{side}_index1")
    axes = [
        matrix_from_two_axes(*(d(wrist, p) for p in pair))
        for d in (source.direction, source.target_direction)
    ]
    palm = np.asarray(axes[0] @ axes[1].T, dtype=np.float64)
    turns = {wrist: palm}
    for finger in ("index", "middle", "pinky", "ring", "thumb"):
        turn = palm
        for k in (1, 2, 3):
            joint, child = f"{side}_{finger}{k}", f"{side}_{finger}{k + 1}"
            if joint in source.bone:
                turn = _swung(source, joint, child, turn) if child in source.bone else turn
                turns[joint] = turn
    return turns
