"""Characters made up for measuring: other rest poses, bone axes, sizes and sets of bones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pose2rig.rigs.armature import Armature
from pose2rig.rigs.mapping import Mapping
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import matrix_from_axis_angle, swing_between
from pose2rig.rigs.skeleton import JOINT, JOINT_NAMES, PARENTS, joint_positions, world_rotations

Float64 = NDArray[np.float64]

SPINE = ("spine1", "spine2", "spine3")
SPREAD = {
    1: {"spine3": (0,)},
    2: {"spine1": (0,), "spine3": (1,)},
    3: {"spine1": (0,), "spine2": (1,), "spine3": (2,)},
    5: {"spine1": (0, 1), "spine2": (2,), "spine3": (3, 4)},
}
"""How bones of a spine are given to joints, by their count."""

FINGERS = tuple(name for name in JOINT_NAMES if name[-1] in "123" and "spine" not in name)
COLLARS = ("left_collar", "right_collar")
FACE = ("jaw", "left_eye_smplhf", "right_eye_smplhf")
TIP_M, ANKLE_M = 0.03, 0.075

_A_POSE = {
    "shoulder": (0.0, 0.0, -45.0),
    "elbow": (0.0, -12.0, 0.0),
    "hip": (0.0, 0.0, 8.0),
    "ankle": (0.0, 0.0, -8.0),
}
POSES: dict[str, dict[str, tuple[float, float, float]]] = {
    "t": {},
    "a": _A_POSE,
    "odd": _A_POSE
    | {
        "shoulder": (0.0, 0.0, -80.0),
        "elbow": (0.0, -60.0, 0.0),
        "hip": (-50.0, 0.0, 0.0),
        "knee": (50.0, 0.0, 0.0),
        "ankle": (0.0, 0.0, 0.0),
        "index1": (0.0, 0.0, -40.0),
        "index2": (0.0, 0.0, -30.0),
    },
}
"""How characters rest: axis-angles of the left joints in degrees, the right ones mirrored."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """What a character is like.

    pose: how it rests, 't', 'a' or 'odd'; roll_seed: seed of its bones' rolls, None for none;
    proportions: seed of its limbs' lengths, None for the source's; spine: bones in its spine;
    twists: none, 'inline' or 'beside' its limbs; without: joints that have no bone; turned: whether
    its armature object is in centimetres, y up, elsewhere, and faces +x; root: whether a bone on
    the ground carries it.
    """

    pose: str = "t"
    roll_seed: int | None = None
    proportions: int | None = None
    spine: int = 3
    twists: str = "none"
    without: tuple[str, ...] = FACE
    turned: bool = False
    root: bool = False


BUILDS = {
    "T-pose": Build(),
    "A-pose": Build(pose="a", proportions=1),
    "odd pose": Build(pose="odd", proportions=2),
    "random rolls": Build(pose="a", roll_seed=3, proportions=3),
    "cm, turned 90": Build(pose="a", roll_seed=4, proportions=4, turned=True),
    "one spine bone": Build(pose="a", roll_seed=5, spine=1),
    "five spine bones": Build(pose="a", roll_seed=6, spine=5),
    "twists inline": Build(pose="a", roll_seed=7, twists="inline"),
    "twists beside": Build(pose="a", roll_seed=8, twists="beside"),
    "no fingers, collars": Build(pose="a", roll_seed=9, without=(*FACE, *FINGERS, *COLLARS)),
    "root bone": Build(pose="a", roll_seed=10, proportions=5, root=True),
}


def made_character(build: Build, rest_joints_J3: Float64) -> tuple[Armature, Mapping]:
    """A character of a build, about as tall as a body of rest joints (55,3) m."""
    joints_J3 = _resting(build, _proportioned(build, rest_joints_J3))
    bones = _Bones(build)
    if build.root:
        bones.add("root", None, np.zeros(3), np.array([0.0, 0.2, 0.0]))
    for joint, name in enumerate(JOINT_NAMES):
        if name == "spine1":
            _add_spine(bones, joints_J3)
        elif name not in (*SPINE, *build.without):
            _add_limb(bones, name, joints_J3, _end(joint, joints_J3))
    return bones.armature(), Mapping(
        joints=bones.joints,
        twists=bones.twists,
        root="root" if build.root else None,
        preset="made",
        score=1.0,
    )


class _Bones:
    """Bones as they are added, in the world, and what they stand for."""

    def __init__(self, build: Build) -> None:
        self.build = build
        self.names: list[str] = []
        self.parents: list[int] = []
        self.heads: list[Float64] = []
        self.tails: list[Float64] = []
        self.joints: dict[str, tuple[str, ...]] = {}
        self.twists: dict[str, tuple[str, ...]] = {}

    def add(self, name: str, parent: str | None, head_3: Float64, tail_3: Float64) -> None:
        self.names.append(name)
        self.parents.append(-1 if parent is None else self.names.index(parent))
        self.heads.append(head_3)
        self.tails.append(tail_3)

    def carrier(self, joint: str) -> str | None:
        """The bone that a joint's bone hangs on."""
        above = PARENTS[JOINT[joint]]
        while above >= 0:
            name = JOINT_NAMES[above]
            inline = self.twists.get(name, ()) if self.build.twists == "inline" else ()
            if name in self.joints:
                return (*self.joints[name], *inline)[-1]
            above = PARENTS[above]
        return "root" if self.build.root else None

    def armature(self) -> Armature:
        heads_B3, tails_B3 = (
            np.stack(ends) @ facing(self.build).T for ends in (self.heads, self.tails)
        )
        lines_B3 = tails_B3 - heads_B3
        lengths_B = np.linalg.norm(lines_B3, axis=-1)
        y_B3 = lines_B3 / lengths_B[:, None]
        axes_B33 = swing_between(np.array([0.0, 1.0, 0.0]), y_B3)
        if self.build.roll_seed is not None:
            random = np.random.default_rng(self.build.roll_seed)
            turns = np.zeros((len(y_B3), 3))
            turns[:, 1] = random.uniform(-np.pi, np.pi, len(y_B3))
            axes_B33 = axes_B33 @ matrix_from_axis_angle(turns)
        rest_B44 = np.broadcast_to(np.eye(4), (len(y_B3), 4, 4)).copy()
        rest_B44[:, :3, :3] = axes_B33
        rest_B44[:, :3, 3] = heads_B3
        world_44, scale = np.eye(4), 1.0
        if self.build.turned:
            world_44[:3, :3], scale = 0.01 * facing(self.build) @ UPRIGHT, 0.01
            inverse_33 = world_44[:3, :3].T / scale
            rest_B44[:, :3, :3] = inverse_33 @ axes_B33
            rest_B44[:, :3, 3] = heads_B3 @ inverse_33.T / scale
            world_44[:3, 3] = (0.5, -0.25, 0.0)
        return Armature(
            names=tuple(self.names),
            parents=np.array(self.parents),
            rest=rest_B44,
            lengths=lengths_B / scale,
            world=world_44,
        )


def _end(joint: int, joints_J3: Float64) -> Float64:
    """Where a joint's bone ends: at the joint below, or a little further than the last."""
    name = JOINT_NAMES[joint]
    below = {"pelvis": "spine1", "neck": "head", "left_wrist": "left_middle1"}
    below |= {"right_wrist": "right_middle1"}
    children = [k for k, parent in enumerate(PARENTS) if parent == joint]
    if name in below or (children and name != "head"):
        return joints_J3[JOINT[below[name]] if name in below else children[0]]
    line_3 = joints_J3[joint] - joints_J3[PARENTS[joint]]
    return joints_J3[joint] + TIP_M * line_3 / np.linalg.norm(line_3)


def _add_limb(bones: _Bones, name: str, joints_J3: Float64, end_3: Float64) -> None:
    head_3, side_part = joints_J3[JOINT[name]], name.partition("_")[2]
    parent = bones.carrier(name)
    limb = side_part in ("shoulder", "elbow", "hip", "knee")
    bones.joints[name] = (f"b.{name}",)
    middle_3 = 0.5 * (head_3 + end_3)
    inline = limb and bones.build.twists == "inline"
    bones.add(f"b.{name}", parent, head_3, middle_3 if inline else end_3)
    if limb and bones.build.twists != "none":
        bones.twists[name] = (f"b.{name}.twist",)
        bones.add(f"b.{name}.twist", f"b.{name}", middle_3, end_3)


def _add_spine(bones: _Bones, joints_J3: Float64) -> None:
    """Bones of even length from the first joint of the spine to the neck."""
    count = bones.build.spine
    line_43 = joints_J3[[JOINT[name] for name in (*SPINE, "neck")]]
    at = np.linspace(0.0, 3.0, count + 1)
    ends = np.stack([np.interp(at, np.arange(4), axis) for axis in line_43.T], axis=1)
    parent = bones.carrier("spine1")
    for k in range(count):
        bones.add(f"b.spine.{k}", parent, ends[k], ends[k + 1])
        parent = f"b.spine.{k}"
    for joint, chain in SPREAD[count].items():
        bones.joints[joint] = tuple(f"b.spine.{k}" for k in chain)


def _proportioned(build: Build, rest_joints_J3: Float64) -> Float64:
    """Rest joints with limbs of other lengths, left as right, and the soles at 0."""
    lengths_J = np.ones(len(JOINT_NAMES))
    if build.proportions is not None:
        random = np.random.default_rng(build.proportions)
        kinds = sorted({_kind(name) for name in JOINT_NAMES})
        factor = dict(zip(kinds, random.uniform(0.8, 1.25, len(kinds)), strict=True))
        lengths_J = np.array([factor[_kind(name)] for name in JOINT_NAMES])
    joints_J3 = rest_joints_J3.copy()
    for joint, parent in enumerate(PARENTS[1:], start=1):
        bone_3 = rest_joints_J3[joint] - rest_joints_J3[parent]
        joints_J3[joint] = joints_J3[parent] + lengths_J[joint] * bone_3
    return joints_J3


def _kind(name: str) -> str:
    return name.removeprefix("left_").removeprefix("right_")


def facing(build: Build) -> Float64:
    """The turn (3,3) about z from facing -y to where a character faces at rest."""
    turned_33 = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    return turned_33 if build.turned else np.eye(3)


def rest_turns(build: Build) -> Float64:
    """World turns (55,3,3) from the upright zero pose into the pose that a character rests in."""
    turns_J3 = np.zeros((len(JOINT_NAMES), 3))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for joint, degrees in POSES[build.pose].items():
            mirrored = np.array([degrees[0], sign * degrees[1], sign * degrees[2]])
            turns_J3[JOINT[f"{side}_{joint}"]] = np.radians(mirrored)
    world_J33 = world_rotations(matrix_from_axis_angle(turns_J3)[None])[0]
    return facing(build) @ UPRIGHT @ world_J33 @ UPRIGHT.T


def _resting(build: Build, joints_J3: Float64) -> Float64:
    """The joints (55,3) m of the pose it rests in, upright, soles about on the ground."""
    world_J33 = facing(build).T @ rest_turns(build) @ UPRIGHT
    posed_J3 = joint_positions(world_J33[None], joints_J3, -joints_J3[:1])[0]
    lowest_m = posed_J3[[JOINT["left_ankle"], JOINT["right_ankle"]], 2].min()
    return posed_J3 + np.array([0.0, 0.0, ANKLE_M - lowest_m])
