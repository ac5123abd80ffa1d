"""PC-HMR's Table 3 on known motions: `python benchmarks/calibration.py [--footage DIR]`.

Every BVH motion of the test data is carried over to the open body, of a random shape and turned
all ways. A made-up mesh regressor errs about as much as HMR, and landmarks as wrong as the
estimator's, solved, are the pose its mesh is calibrated to. Printed: mean vertex error in mm,
pelvises together, vertices counting by their area, for weights that geometry gives and for weights
learned on the other half of the motions; beside it the paper's (Human3.6M). Then what the product
makes of the takes: it keeps the regressor's size and place and knows nothing of the mesh.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from exact_joints import motion_files
from machine import heading
from noisy_joints import with_noise

from pose2rig.core_inference.body_model import SHAPE_COUNT, BodyModel, load_open_body
from pose2rig.core_inference.bvh import load_bvh
from pose2rig.core_inference.bvh_motion import body_motion
from pose2rig.core_inference.clip import EstimatedPose, RawTake
from pose2rig.core_inference.motion.calibration import (
    BoneMoves,
    CalibrationWeights,
    bone_moves,
    calibrated_mesh,
)
from pose2rig.core_inference.motion.calibration_learning import Lesson, learned_weights
from pose2rig.core_inference.motion.calibration_mesh import joint_projector, open_body_plan
from pose2rig.core_inference.motion.calibration_take import CalibrationSettings, calibrated
from pose2rig.core_inference.motion.calibration_target import lifted
from pose2rig.core_inference.motion.calibration_weights import BONES, geometric_weights
from pose2rig.core_inference.motion.solve import solve
from pose2rig.core_inference.synthetic import exact_take, known_motion
from pose2rig.core_inference.synthetic_meshes import regressed
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import JOINT_COUNT, joint_positions, world_rotations

CAPTURE_HZ, EVERY, SECONDS, HEADINGS = 30.0, 8, 6.0, 2
AVERAGE = np.zeros(SHAPE_COUNT)

PAPER = {
    "the true pose": 29.9,
    "calibrated": 61.1,
    "without the non-rigid term": 69.3,
    "as regressed": 96.1,
    "from a template": 125.7,
    "serial": 82.7,
}
"""Rows of Table 3 in the order of their errors, and of Table 2 the serial variant; the paper's
calibrations are learned."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A person seen for some seconds; meshes (T,V,3) and joints (T,55,3) m about the pelvis."""

    truth: np.ndarray
    true_joints: np.ndarray
    found: np.ndarray
    mesh: np.ndarray
    mesh_joints: np.ndarray
    raw: RawTake

    @property
    def pose(self) -> EstimatedPose:
        """What the regressor said."""
        assert self.raw.pose is not None
        return self.raw.pose

    @property
    def pelvis(self) -> np.ndarray:
        """Where the regressor put the pelvis in the frames that count (T,1,3) m."""
        return (self.pose.trans + self.pose.rest_joints[0])[::EVERY, None]


def sample(path: Path, body: BodyModel, seed: int, facing_rad: float) -> Sample:
    """One person doing a recorded motion, seen at CAPTURE_HZ, of which a few frames count."""
    random = np.random.default_rng(seed)
    motion = body_motion(load_bvh(path), np.asarray(body.rest_joints(AVERAGE), dtype=np.float64))
    step = max(1, round(1.0 / CAPTURE_HZ / (motion.time_s[1] - motion.time_s[0])))
    rows = slice(0, round(SECONDS * CAPTURE_HZ) * step, step)
    facing = matrix_from_axis_angle(np.array([0.0, 0.0, facing_rad]))
    rotations = motion.rotations[rows].copy()
    rotations[:, 0] = facing @ rotations[:, 0]
    betas = random.normal(size=SHAPE_COUNT)
    known = known_motion(body, rotations, motion.trans[rows] @ facing.T, betas)
    time_s = motion.time_s[rows]
    pose = regressed(known, body, time_s, random)
    raw = replace(with_noise(exact_take(known, body, time_s), seed), pose=pose)
    counted = slice(None, None, EVERY)
    found = solve(replace(raw, pose=None), body).joints[counted].astype(np.float64)
    joints = known.joints[counted]
    truth = body.skin(world_rotations(rotations[counted]), joints, betas)
    mesh = pose.vertices[counted].astype(np.float64)
    own_joints = joint_projector(open_body_plan(body)) @ mesh
    return Sample(
        truth=truth - joints[:, :1],
        true_joints=joints - joints[:, :1],
        found=found - found[:, :1],
        mesh=mesh - own_joints[:, :1],
        mesh_joints=own_joints - own_joints[:, :1],
        raw=raw,
    )


def areas(body: BodyModel) -> np.ndarray:
    """The share (V,) of the skin's area that each vertex stands for."""
    corners = body.v_template[body.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.repeat(np.linalg.norm(across, axis=-1), 3)
    share = np.bincount(body.faces.ravel(), area, minlength=len(body.v_template))
    return share / share.sum()


Task = Callable[[Sample], tuple[np.ndarray, BoneMoves]]


def tasks(body: BodyModel) -> dict[str, Task]:
    """What is calibrated to what: mesh and bone moves of a sample."""
    template = (body.v_template - body.rest_joints(AVERAGE)[0]) @ UPRIGHT.T
    rest = (body.rest_joints(AVERAGE) - body.rest_joints(AVERAGE)[0]) @ UPRIGHT.T

    def plain(s: Sample) -> tuple[np.ndarray, BoneMoves]:
        return s.mesh, bone_moves(s.mesh_joints, s.found, BONES)

    def rigid(s: Sample) -> tuple[np.ndarray, BoneMoves]:
        mesh, moves = plain(s)
        return mesh, replace(moves, stretch=np.zeros_like(moves.stretch))

    def from_template(s: Sample) -> tuple[np.ndarray, BoneMoves]:
        joints = np.broadcast_to(rest, s.found.shape)
        return np.broadcast_to(template, s.mesh.shape), bone_moves(joints, s.found, BONES)

    def to_truth(s: Sample) -> tuple[np.ndarray, BoneMoves]:
        return s.mesh, bone_moves(s.mesh_joints, s.true_joints, BONES)

    def serial(s: Sample) -> tuple[np.ndarray, BoneMoves]:
        target = lifted(joint_projector(open_body_plan(body)) @ s.pose.vertices, s.raw.time_s)
        target = target[::EVERY] - target[::EVERY, :1]
        return s.mesh, bone_moves(s.mesh_joints, target, BONES)

    return {
        "the true pose": to_truth,
        "calibrated": plain,
        "without the non-rigid term": rigid,
        "from a template": from_template,
        "serial": serial,
    }


def geometric_errors(task: Task, body: BodyModel, samples: Sequence[Sample]) -> np.ndarray:
    """Each sample's error (N,) with the weights that geometry gives."""
    return np.array([error_with(task, start_of(body), s, areas(body)) for s in samples])


def learned_errors(task: Task, body: BodyModel, samples: Sequence[Sample]) -> np.ndarray:
    """Each sample's error (N,) with weights learned from the other half of the motions."""
    errors, area = np.zeros(len(samples)), areas(body)
    half_N = np.arange(len(samples)) // HEADINGS % 2
    for half in (0, 1):
        others = [s for s, own in zip(samples, half_N, strict=True) if own != half]
        lessons = [Lesson(vertices=m, moves=x, truth=s.truth) for s in others for m, x in [task(s)]]
        weights = learned_weights(start_of(body), lessons)
        for k in np.flatnonzero(half_N == half):
            errors[k] = error_with(task, weights, samples[k], area)
    return errors


def start_of(body: BodyModel) -> CalibrationWeights:
    """What geometry says of the open body's mesh."""
    plan = open_body_plan(body)
    return geometric_weights(plan.rest, plan.skin, plan.joints)


def error_with(task: Task, weights: CalibrationWeights, s: Sample, area: np.ndarray) -> float:
    """MPVE in mm of one calibrated mesh."""
    mesh, moves = task(s)
    return vertex_error(calibrated_mesh(mesh, moves, weights), s, area)


def vertex_error(mesh: np.ndarray, s: Sample, area: np.ndarray) -> float:
    """MPVE in mm, by area."""
    return 1000 * float((np.linalg.norm(mesh - s.truth, axis=-1) @ area).mean())


def joint_error(joints: np.ndarray, s: Sample) -> float:
    """MPJPE in mm of the 21 joints from hips to wrists."""
    return 1000 * float(np.linalg.norm(joints - s.true_joints, axis=-1)[:, 1:22].mean())


def product_errors(body: BodyModel, samples: Sequence[Sample], target: str) -> np.ndarray:
    """What `--calibrate` makes of the takes: errors (2,N) of the mesh and of the skinned armature.

    Size and place are the regressor's, the mesh is one of which nothing is known.
    """
    area, errors = areas(body), np.zeros((2, len(samples)))
    for k, s in enumerate(samples):
        done = calibrated(s.raw, s.pose, body, CalibrationSettings(target=target))
        errors[0, k] = vertex_error(done.vertices[::EVERY] - s.pelvis, s, area)
        errors[1, k] = vertex_error(skinned(done, body) - s.pelvis, s, area)
    return errors


def skinned(pose: EstimatedPose, body: BodyModel) -> np.ndarray:
    """The open body (T,V,3) m on an armature, in the frames that count."""
    rotations = pose.poses[::EVERY].astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    world = world_rotations(matrix_from_axis_angle(rotations))
    return body.skin(world, joint_positions(world, pose.rest_joints, pose.trans[::EVERY]), AVERAGE)


def people(footage: Path | None, body: BodyModel) -> list[Sample]:
    """Everybody who is measured: the motions turned by all angles alike."""
    paths = motion_files(footage)
    turns = (np.arange(HEADINGS)[None] + np.arange(len(paths))[:, None] / len(paths)) / HEADINGS
    return [
        sample(path, body, HEADINGS * number + k, 2 * np.pi * turns[number, k])
        for number, path in enumerate(paths)
        for k in range(HEADINGS)
    ]


def print_table(body: BodyModel, samples: Sequence[Sample]) -> None:
    """The paper's rows beside ours."""
    frames = sum(len(s.truth) for s in samples)
    own = np.mean([joint_error(s.mesh_joints, s) for s in samples])
    found = np.mean([joint_error(s.found, s) for s in samples])
    print(f"{len(samples)} people, {frames} frames")
    print(f"joints off by: mesh {own:.1f} mm (HMR 88.0), target {found:.1f} mm (PC-HMR 47.9)\n")
    print(f"{'MPVE mm':<30}{'geometry':>10}{'learned':>10}{'paper':>10}")
    errors = geometric_table(body, samples)
    for name, paper in PAPER.items():
        learned = f"{errors[name].mean():.1f}"
        if name != "as regressed":
            learned = f"{learned_errors(tasks(body)[name], body, samples).mean():.1f}"
        print(f"{name:<30}{errors[name].mean():>10.1f}{learned:>10}{paper:>10.1f}", flush=True)
    gain = errors["without the non-rigid term"] - errors["calibrated"]
    print(f"the non-rigid term: {gain.mean():.1f} mm, a gain for {sum(gain > 0)} of {len(gain)}\n")


def geometric_table(body: BodyModel, samples: Sequence[Sample]) -> dict[str, np.ndarray]:
    """Each row's errors (N,) in mm, nothing learned."""
    area = areas(body)
    rows = {name: geometric_errors(task, body, samples) for name, task in tasks(body).items()}
    return {**rows, "as regressed": np.array([vertex_error(s.mesh, s, area) for s in samples])}


def print_product(body: BodyModel, samples: Sequence[Sample]) -> None:
    """What --calibrate gives."""
    area = areas(body)
    mesh = np.mean([vertex_error(s.mesh, s, area) for s in samples])
    bare = np.mean([vertex_error(skinned(s.pose, body) - s.pelvis, s, area) for s in samples])
    print(f"{'--calibrate, MPVE mm':<30}{'mesh':>10}{'armature':>10}")
    print(f"{'none':<30}{mesh:>10.1f}{bare:>10.1f}")
    for target in ("parallel", "serial"):
        mesh, armature = product_errors(body, samples, target).mean(axis=1)
        print(f"{target:<30}{mesh:>10.1f}{armature:>10.1f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path)
    options = parser.parse_args()
    print(heading())
    body = load_open_body()
    samples = people(options.footage, body)
    print_table(body, samples)
    print_product(body, samples)


if __name__ == "__main__":
    main()
