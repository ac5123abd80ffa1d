"""How true motions stay on other characters: `python benchmarks/retargeting.py [--footage DIR]`.

Recorded motions go onto made characters and onto MPFB's rigs, mapped without help. Printed per
character, over all motions: angles between source and target bones in the world (median and
maximum, degrees), the most that skin twists about a bone in the zero pose, what is lost on the way
back to SMPL-X, how fast soles slide that stand and how deep they sink; and the seconds that 18,000
frames take.

Legend: T frames, B bones, N compared bones.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine import heading, shared_footage
from made_characters import BUILDS, Build, made_character
from numpy.typing import NDArray
from rendered_motions import MOTIONS, Performance, recorded

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.rigs.armature import Armature
from pose2rig.rigs.mapping import Mapping, map_armature
from pose2rig.rigs.planting import Contacts
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.retarget import joint_rotations, posed, retarget
from pose2rig.rigs.rotation import (
    angle_between,
    matrix_from_axis_angle,
    normalized,
    swing_between,
    twist_angle,
)
from pose2rig.rigs.skeleton import JOINT, JOINT_COUNT, joint_positions, world_rotations

Float64 = NDArray[np.float64]
Character = tuple[Armature, Mapping]

SECONDS, FRAMES, RUNS = 8.0, 18_000, 5
SIDES = ("left", "right")
LONG_RIG = Build(pose="a", roll_seed=1, proportions=1, spine=5, twists="beside", without=())

BONES: dict[str, tuple[tuple[str, str], ...]] = {
    "limbs": tuple(
        (f"{side}_{start}", f"{side}_{end}")
        for side in SIDES
        for start, end in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("hip", "knee"),
            ("knee", "ankle"),
        )
    ),
    "palms": tuple((f"{side}_wrist", f"{side}_middle1") for side in SIDES),
    "fingers": tuple(
        (f"{side}_{finger}{k}", f"{side}_{finger}{k + 1}")
        for side in SIDES
        for finger in ("index", "middle", "pinky", "ring", "thumb")
        for k in (1, 2)
    ),
    "feet": tuple((f"{side}_ankle", f"{side}_foot") for side in SIDES),
    "trunk": (
        ("pelvis", "neck"),
        ("neck", "head"),
        *((f"{s}_collar", f"{s}_shoulder") for s in SIDES),
    ),
}
"""Bones that are compared, from joint to joint."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """A source: rotations (T,55,3,3), pelvis (T,3) m, rest_joints (55,3) m."""

    rotations: Float64
    pelvis: Float64
    rest_joints: Float64

    @property
    def joints(self) -> Float64:
        """Where the joints are (T,55,3) m."""
        trans_T3 = self.pelvis - self.rest_joints[0]
        world_TJ33 = world_rotations(self.rotations)
        return np.asarray(joint_positions(world_TJ33, self.rest_joints, trans_T3))


def zero_pose(rest_joints_J3: Float64) -> Motion:
    """One frame of the zero pose, upright, above the origin."""
    rotations = np.broadcast_to(np.eye(3), (1, JOINT_COUNT, 3, 3)).copy()
    rotations[0, 0] = UPRIGHT
    return Motion(
        rotations=rotations, pelvis=np.array([[0.0, 0.0, 1.0]]), rest_joints=rest_joints_J3
    )


def carried(motion: Motion, character: Character, contacts: Contacts | None = None) -> Float64:
    """A motion's world matrices (T,B,4,4) on a character."""
    armature, mapping = character
    keyframes = retarget(
        motion.rotations, motion.pelvis, motion.rest_joints, armature, mapping, contacts
    )
    return posed(armature, keyframes)


def direction_errors(
    motion: Motion, character: Character, world_TB44: Float64, bones: Iterable[tuple[str, str]]
) -> Float64:
    """Angles (T,N) deg in the world between a source's bones and a character's."""
    armature, mapping = character
    first = {joint: armature.index[chain[0]] for joint, chain in mapping.joints.items()}
    known = [bone for bone in bones if bone[0] in first and bone[1] in first]
    heads_TB3 = world_TB44[..., :3, 3]

    def lines(places_T3: Float64, rows: dict[str, int]) -> Float64:
        starts, ends = ([rows[bone[k]] for bone in known] for k in (0, 1))
        return np.asarray(normalized(places_T3[:, ends] - places_T3[:, starts]))

    own_TN3, source_TN3 = lines(heads_TB3, first), lines(motion.joints, JOINT)
    sine_TN = np.linalg.norm(np.cross(own_TN3, source_TN3), axis=-1)
    return np.degrees(np.arctan2(sine_TN, (own_TN3 * source_TN3).sum(axis=-1)))


def skin_twists(character: Character, rest_joints_J3: Float64) -> dict[str, float]:
    """How far a limb's bone twists against its parent, from rest to the zero pose, degrees."""
    armature, mapping = character
    world_B44 = carried(zero_pose(rest_joints_J3), character)[0]
    rest_B44 = armature.world @ armature.rest
    turns_B33 = world_B44[:, :3, :3] @ np.linalg.inv(rest_B44[:, :3, :3])
    found: dict[str, float] = {}
    for start, end in (bone for group in ("limbs", "palms", "fingers") for bone in BONES[group]):
        if start not in mapping.joints or end not in mapping.joints:
            continue
        row, tip = (armature.index[mapping.joints[joint][0]] for joint in (start, end))
        relative_33 = turns_B33[armature.parents[row]].T @ turns_B33[row]
        axis_3 = armature.heads[tip] - armature.heads[row]
        found[start] = abs(float(np.degrees(twist_angle(relative_33, axis_3))))
    return found


def round_trip_errors(motion: Motion, character: Character, world_TB44: Float64) -> Float64:
    """Angles (T,N) deg in the world between mapped joints before and after: there and back."""
    armature, mapping = character
    back_TJ33 = joint_rotations(world_TB44, motion.rest_joints, armature, mapping)
    joints = [JOINT[joint] for joint in mapping.joints]
    ends = [world_rotations(local)[:, joints] for local in (back_TJ33, motion.rotations)]
    return np.degrees(angle_between(*ends))


def slides(character: Character, world_TB44: Float64, contacts: Contacts) -> Float64:
    """How fast (N,) cm/s balls of the feet go while their toes stand."""
    armature, mapping = character
    feet = [joint for joint in ("left_foot", "right_foot") if joint in mapping.joints]
    toes = [armature.index[mapping.joints[joint][0]] for joint in feet]
    steps_TN = np.linalg.norm(np.diff(world_TB44[..., :2, 3][:, toes], axis=0), axis=-1)
    stands_TN = contacts.standing[:, (1, 3)][:, : len(feet)] > 0.5
    speeds_TN = 100.0 * steps_TN / np.diff(contacts.time_s)[:, None]
    return np.asarray(speeds_TN[stands_TN[1:] & stands_TN[:-1]])


def mpfb_rig(path: Path) -> Armature:
    """MPFB's file of a rig, at the places of its own default body."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    bones: dict[str, Any] = data.get("bones", data)
    names: list[str] = []
    while len(names) < len(bones):
        names += [n for n in bones if n not in names and bones[n]["parent"] in ("", None, *names)]
    heads_B3, tails_B3 = (
        np.array([bones[name][end]["default_position"] for name in names])
        for end in ("head", "tail")
    )
    lines_B3 = tails_B3 - heads_B3
    rest_B44 = np.broadcast_to(np.eye(4), (len(names), 4, 4)).copy()
    rolls_B3 = np.zeros((len(names), 3))
    rolls_B3[:, 1] = [bones[name]["roll"] for name in names]
    rest_B44[:, :3, :3] = swing_between(np.array([0.0, 1.0, 0.0]), normalized(lines_B3))
    rest_B44[:, :3, :3] = rest_B44[:, :3, :3] @ matrix_from_axis_angle(rolls_B3)
    rest_B44[:, :3, 3] = heads_B3
    parents = [bones[name]["parent"] for name in names]
    return Armature(
        names=tuple(names),
        parents=np.array([names.index(p) if p else -1 for p in parents], dtype=np.int64),
        rest=rest_B44,
        lengths=np.linalg.norm(lines_B3, axis=-1),
        world=np.eye(4),
    )


def characters(footage: Path, rest_joints_J3: Float64) -> dict[str, Character]:
    """Made ones with the mapping they were made with, MPFB's with the one that is found."""
    found = {name: made_character(build, rest_joints_J3) for name, build in BUILDS.items()}
    for path in sorted((footage / "characters").glob("mpfb_rig.*.json")):
        rig = mpfb_rig(path)
        found[f"MPFB {path.name.split('.')[1]}"] = (rig, map_armature(rig))
    return found


def source_of(performance: Performance, body: BodyModel) -> tuple[Motion, Contacts]:
    """A recorded performance as the source of a retargeting, and what stands."""
    rest = np.asarray(body.rest_joints(performance.open_betas), dtype=np.float64)
    motion = Motion(
        rotations=performance.rotations, pelvis=performance.joints[:, 0], rest_joints=rest
    )
    standing = performance.contacts.astype(np.float64)
    return motion, Contacts(standing=standing, time_s=performance.time_s)


def _row(name: str, sources: list[tuple[Motion, Contacts]], character: Character) -> str:
    errors: dict[str, list[Float64]] = {group: [] for group in (*BONES, "back")}
    speeds: dict[bool, list[Float64]] = {False: [], True: []}
    for motion, contacts in sources:
        world_TB44 = carried(motion, character)
        for group, bones in BONES.items():
            errors[group].append(direction_errors(motion, character, world_TB44, bones).ravel())
        errors["back"].append(round_trip_errors(motion, character, world_TB44).ravel())
        planted_TB44 = carried(motion, character, contacts)
        for planted, matrices in ((False, world_TB44), (True, planted_TB44)):
            speeds[planted].append(slides(character, matrices, contacts))
    cells = [_median_max(np.concatenate(values)) for values in errors.values()]
    twists = skin_twists(character, sources[0][0].rest_joints)
    worst = max(twists, key=lambda joint: twists[joint])
    mean = (np.concatenate(own).mean() if own[0].size else np.nan for own in speeds.values())
    slide = "/".join(f"{speed:.1f}" for speed in mean)
    joined = " ".join(f"{cell:>11}" for cell in cells)
    return f"{name:20} {joined} {twists[worst]:5.1f} {worst:14} {slide:>10}"


def _median_max(values: Float64) -> str:
    return f"{np.median(values):.2f}/{values.max():.1f}" if len(values) else "-"


def seconds(rest_joints_J3: Float64) -> tuple[int, float]:
    """Bones of a long rig, and the median of several runs over many frames, feet planted."""
    random = np.random.default_rng(3)
    rotations = matrix_from_axis_angle(0.3 * random.normal(size=(FRAMES, JOINT_COUNT, 3)))
    pelvis_T3 = random.normal(size=(FRAMES, 3))
    armature, mapping = made_character(LONG_RIG, rest_joints_J3)
    standing_T4 = np.repeat(random.random((FRAMES // 20, 4)) > 0.5, 20, axis=0)
    contacts = Contacts(standing=standing_T4.astype(np.float64), time_s=np.arange(FRAMES) / 30.0)
    taken: list[float] = []
    for _ in range(RUNS):
        start = time.perf_counter()
        retarget(rotations, pelvis_T3, rest_joints_J3, armature, mapping, contacts)
        taken.append(time.perf_counter() - start)
    return len(armature.names), statistics.median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    footage = shared_footage(parser.parse_args().footage)
    body = load_open_body()
    rest = np.asarray(body.rest_joints(np.zeros(10)), dtype=np.float64)
    sources = [
        source_of(recorded(name, footage / "mocap", body, SECONDS), body) for name in MOTIONS
    ]
    titles = " ".join(f"{group:>11}" for group in (*BONES, "back"))
    lines = [heading(), f"{'degrees':20} {titles} {'twist':>20} {'slide cm/s':>10}"]
    for name, character in characters(footage, rest).items():
        lines.append(_row(name, sources, character))
    bones, taken = seconds(rest)
    lines.append(f"{FRAMES} frames onto {bones} bones: {taken:.2f} s, median of {RUNS}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
