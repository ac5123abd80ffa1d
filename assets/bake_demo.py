"""Bake the demo clip: `python bake_demo.py DEMO.mp4 DEMO_MOTION.npz`, with the `dev` extra.

Renders the choreography on the open body with Blender's Workbench, encodes it with x264, and
stores the true motion as a clip file beside it.
"""

import argparse
import hashlib
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from demo_choreography import FPS, Motion, choreograph
from demo_room import Lens, Room
from demo_steps import Array

from pose2rig.core_inference import VERSION
from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import Camera, Clip, replaced, save_clip
from pose2rig.core_inference.motion.ground import shifted
from pose2rig.core_inference.motion.posing import pose_arrays, world_matrices
from pose2rig.rigs.rotation import quaternion_from_matrix
from pose2rig.rigs.skeleton import JOINT_COUNT

SIZE_PX = (720, 720)
LENS = Lens(
    origin=np.array([0.0, -4.05, 1.05]),
    down_deg=0.0,
    focal_px=float(np.hypot(*SIZE_PX)),
    size_px=SIZE_PX,
)
"""A level camera whose focal length is the image diagonal: both are what Pose2Rig assumes of
footage that says nothing of its lens, so the demo's error holds none for a wrong guess."""

CRF = 21
LICENCE = (
    "CC0-1.0; made by this project's assets/bake_demo.py: own choreography on the open body, "
    "no recorded motion and no footage of a person"
)


def true_clip(motion: Motion, body: BodyModel, lens: Lens = LENS, fps: int = FPS) -> Clip:
    """The motion as a clip file's arrays, in the scene's own world."""
    frames = len(motion.pelvis)
    rest = body.rest_joints(motion.betas)
    axes = lens.axes()
    camera = Camera(
        focal=np.full(2, lens.focal_px, dtype=np.float32),
        principal_point=np.array(lens.size_px, dtype=np.float32) / 2,
        image_size=np.array(lens.size_px, dtype=np.int32),
        rotation=axes.T.astype(np.float32),
        translation=(-axes.T @ lens.origin).astype(np.float32),
    )
    quaternion = quaternion_from_matrix(motion.rotations)
    return Clip(
        **pose_arrays(quaternion, motion.pelvis - rest[0], rest, camera),
        betas=np.zeros(10, dtype=np.float32),
        open_betas=motion.betas.astype(np.float32),
        rest_joints=rest.astype(np.float32),
        expression=np.zeros((frames, 10), dtype=np.float32),
        scores=np.ones((frames, JOINT_COUNT), dtype=np.float32),
        tracked=np.ones(frames, dtype=bool),
        contacts=motion.contacts.astype(np.float32),
        time_s=np.arange(frames) / fps,
        frame_index=np.arange(frames, dtype=np.int64),
        frame_rate=float(fps),
        camera=camera,
        body_model="open",
        provenance={
            "program": f"pose2rig {VERSION}",
            "name": "demo",
            "estimator": "none: the synthetic motion that demo.mp4 was rendered from",
            "licence_note": LICENCE,
            "footage": "demo.mp4",
        },
    )


def surface(clip: Clip, body: BodyModel) -> Array:
    """The body's vertices (T,V,3) m."""
    return np.asarray(
        body.skin(world_matrices(clip), clip.joints.astype(np.float64), clip.open_betas)
    )


def encode(pictures: Path, out: Path, fps: int = FPS) -> None:
    """H.264 from numbered PNGs, the same bytes from the same encoder every time."""
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        made = Path(folder) / out.name
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-framerate", str(fps)]
        command += ["-i", str(pictures / "%04d.png"), "-c:v", "libx264", "-preset", "veryslow"]
        command += ["-crf", str(CRF), "-threads", "1", "-pix_fmt", "yuv420p"]
        command += ["-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709"]
        command += ["-color_primaries", "bt709", "-color_trc", "bt709"]
        command += ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"]
        subprocess.run([*command, "-movflags", "+faststart", str(made)], check=True)
        made.replace(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("motion", type=Path)
    parser.add_argument("--every", type=int, default=1, help="a preview: every Nth frame alone")
    parser.add_argument("--keep", type=Path, help="keep the rendered PNGs in this folder")
    arguments = parser.parse_args()
    body = load_open_body()
    clip = true_clip(choreograph(body), body)
    room = Room(body, LENS)
    with tempfile.TemporaryDirectory() as folder:
        pictures = arguments.keep or Path(folder)
        pictures.mkdir(parents=True, exist_ok=True)
        for number, vertices in enumerate(surface(clip, body)[:: arguments.every]):
            room.render([vertices], pictures / f"{number:04d}.png")
        encode(pictures, arguments.video)
    start = clip.joints[0, 0].astype(np.float64)
    placed = shifted(clip, -np.array([start[0], start[1], 0.0]))
    digest = hashlib.sha256(arguments.video.read_bytes()).hexdigest()
    proof = {**placed.provenance, "footage_sha256": digest}
    save_clip(arguments.motion, replaced(placed, provenance=proof))


if __name__ == "__main__":
    main()
