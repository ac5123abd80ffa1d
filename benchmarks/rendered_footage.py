"""The rendered footage on disk, rendered once and kept: footage.mp4 with truth.npz beside it.

truth.npz: joints (T,55,3) m and rotations (T,55,3,3) parent-relative, world with z up; rest_joints
(55,3) m; open_betas (10,); contacts (T,4); soles (T,4,3) m; time_s (T,); focal (2,),
principal_point (2,) and image_size (2,) px; camera_rotation (T,3,3) and camera_translation (T,3)
m, world to camera in OpenCV's axes.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rendered_motions import Performance
from rendered_views import FOCAL_PX, SIZE_PX, View

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, RawTake, load_clip, load_raw_take
from pose2rig.core_inference.pipeline import run
from pose2rig.core_inference.settings import CaptureSettings

SCENE = Path(__file__).with_name("rendered_scene.py")


@dataclass(frozen=True, kw_only=True, eq=False)
class Shot:
    """A performance as one camera filmed it, in a folder of its own."""

    performance: Performance
    view: View
    folder: Path

    @property
    def footage(self) -> Path:
        """The video."""
        return self.folder / "footage.mp4"

    @property
    def truth(self) -> Path:
        """What really happened."""
        return self.folder / "truth.npz"


def filmed(performance: Performance, view: View, folder: Path, body: BodyModel) -> Shot:
    """The footage in `folder`, rendered anew where anything that decides it has changed."""
    shot = Shot(performance=performance, view=view, folder=folder)
    key, proof = _key(performance, view, body), folder / "key.txt"
    if proof.is_file() and proof.read_text() == key:
        return shot
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    np.savez_compressed(shot.truth, **_truth(performance, view, body))
    command = [sys.executable, str(SCENE), str(shot.truth), str(shot.footage)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    proof.write_text(key)
    return shot


def captured(shot: Shot) -> tuple[RawTake, Clip]:
    """What the product makes of the footage at its default settings: raw take and clip."""
    out = shot.folder / "capture"
    settings = CaptureSettings(footage=shot.footage, out=out, formats=("npz",), overwrite=True)
    run(settings, lambda _: None, lambda: False)
    return load_raw_take(out / "raw" / "person_0.npz"), load_clip(out / "person_0.npz")


def _key(performance: Performance, view: View, body: BodyModel) -> str:
    """A digest of the motion, the camera, the body's mesh and the program of the film set."""
    digest = hashlib.sha256(SCENE.read_bytes())
    digest.update(repr((performance.shirt, performance.trousers, SIZE_PX, FOCAL_PX)).encode())
    for array in (
        performance.rotations,
        performance.joints,
        performance.open_betas,
        performance.contacts,
        view.axes,
        view.origin,
        body.v_template,
        body.shapedirs,
        body.weights,
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _truth(performance: Performance, view: View, body: BodyModel) -> dict[str, np.ndarray]:
    names = ("rotations", "joints", "open_betas", "soles", "contacts", "time_s")
    return {
        **{name: getattr(performance, name) for name in names},
        "rest_joints": np.asarray(body.rest_joints(performance.open_betas)),
        "focal": np.full(2, FOCAL_PX),
        "principal_point": np.full(2, SIZE_PX / 2),
        "image_size": np.array([SIZE_PX, SIZE_PX]),
        "camera_rotation": np.swapaxes(view.axes, 1, 2),
        "camera_translation": view.translations,
        "shirt": np.array(performance.shirt),
        "trousers": np.array(performance.trousers),
    }
