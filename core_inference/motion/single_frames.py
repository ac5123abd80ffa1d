"""What a take's frames give each by itself: the motion before the clip was made of all of them.

It says what solve, smoothing and planted feet are worth, and is never shown.
"""

import numpy as np

from ..body_model import BodyModel
from ..clip import Clip, RawTake, replaced
from .camera import with_camera_gone
from .estimated import clip_from_estimate
from .gaps import fill_gaps
from .ground import ground_level, shifted
from .placing import scene_of, turned
from .soles import sole_points
from .solve import solve_frames


def single_frames(raw: RawTake, body: BodyModel) -> Clip:
    """The motion of a raw take as each frame shows it, in the world of the take."""
    if raw.pose is not None:
        return clip_from_estimate(raw, raw.pose)
    scene = scene_of(raw)
    return solve_frames(raw, body, 1.0 if scene is None else scene.size)


def standing_like(frames: Clip, clip: Clip, raw: RawTake, body: BodyModel) -> Clip:
    """What `single_frames` gave, with the rows, the way up and the contacts of the take's clip."""
    scene = scene_of(raw, clip.provenance["motion"]["ground"])
    frames = fill_gaps(with_camera_gone(frames, raw, body, scene), clip.time_s)
    own_33, clips_33 = (c.camera.rotation.reshape(-1, 3, 3)[0] for c in (frames, clip))
    upright = turned(frames, (clips_33.T @ own_33).astype(np.float64))
    marked = replaced(upright, contacts=clip.contacts)
    if scene is None:
        down_m = ground_level(marked, sole_points(marked, body)[..., 2])
    else:
        down_m = scene.ground_m
    return shifted(marked, np.array([0.0, 0.0, -down_m]))
