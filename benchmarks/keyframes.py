"""How long keys take: `python benchmarks/keyframes.py [--json FILE]` with the bpy module.

Keys 55 bones over 18,000 frames (ten minutes at 30 fps) through addon.keyframes in both rotation
modes, and, as the peer in the same run, Blender's own `keyframe_insert` over fewer frames. Prints
the median of five runs each.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import bpy
import numpy as np

from pose2rig.addon.armature import build_armature
from pose2rig.addon.keyframes import key_motion
from pose2rig.addon.sampling import Keyframes
from pose2rig.core_inference.body_model import load_open_body
from pose2rig.rigs.rotation import quaternion_from_axis_angle, sign_continuous
from pose2rig.rigs.skeleton import JOINT_NAMES

FRAMES, PEER_FRAMES, RUNS = 18_000, 300, 5


def motion(frames: int) -> Keyframes:
    """Smooth motion of every bone."""
    random = np.random.default_rng(5)
    time_F11 = np.arange(frames)[:, None, None] / 30.0
    phase, width = random.uniform(0, 6, (55, 3)), random.uniform(0, 2.5, (55, 3))
    rotations = quaternion_from_axis_angle(width * np.sin(phase + time_F11))
    return Keyframes(
        frames=np.arange(1, frames + 1),
        bones=JOINT_NAMES,
        rotations=sign_continuous(rotations),
        root_location=np.zeros((frames, 3)),
    )


def insert_each(armature: bpy.types.Object, keyframes: Keyframes) -> None:
    """The peer: Blender's own way, key by key."""
    action = bpy.data.actions.new("peer")
    armature.animation_data_create().action = action
    for row, frame in enumerate(keyframes.frames.tolist()):
        for index, bone in enumerate(keyframes.bones):
            pose_bone = armature.pose.bones[bone]
            pose_bone.rotation_quaternion = keyframes.rotations[row, index]
            pose_bone.keyframe_insert("rotation_quaternion", frame=frame, group=bone)


def median_seconds(work: Callable[[], object]) -> float:
    """The median of several runs, each in an empty file."""
    seconds: list[float] = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
        for action in list(bpy.data.actions):
            bpy.data.actions.remove(action)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    target = parser.parse_args().json
    bpy.ops.wm.read_factory_settings(use_empty=True)
    collection = bpy.context.scene.collection
    armature = build_armature(load_open_body().rest_joints(np.zeros(10)), "a", collection)
    long, short = motion(FRAMES), motion(PEER_FRAMES)
    seconds = {
        f"axis_angle {FRAMES} frames": median_seconds(
            lambda: key_motion(armature, long, "a", "AXIS_ANGLE")
        ),
        f"quaternion {FRAMES} frames": median_seconds(
            lambda: key_motion(armature, long, "a", "QUATERNION")
        ),
        f"quaternion {PEER_FRAMES} frames": median_seconds(
            lambda: key_motion(armature, short, "a", "QUATERNION")
        ),
        f"keyframe_insert {PEER_FRAMES} frames": median_seconds(
            lambda: insert_each(armature, short)
        ),
    }
    result = {
        "command": "python benchmarks/keyframes.py",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "versions": {
            "python": platform.python_version(),
            "bpy": bpy.app.version_string,
            "numpy": np.__version__,
        },
        "runs": RUNS,
        "median_seconds": seconds,
    }
    text = json.dumps(result, indent=2)
    sys.stdout.write(text + "\n")
    if target is not None:
        target.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
