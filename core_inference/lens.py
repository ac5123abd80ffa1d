"""The focal length in pixels, from what the user knows or a guess that says so."""

import numpy as np

from .footage import Footage
from .settings import CaptureSettings


def focal_length_px(footage: Footage, settings: CaptureSettings) -> float:
    """--focal, else --fov (horizontal), else the file's metadata, else the image diagonal."""
    if settings.focal_px is not None:
        return settings.focal_px
    if settings.fov_deg is not None:
        return float(footage.width / 2 / np.tan(np.radians(settings.fov_deg) / 2))
    if footage.focal_px is not None:
        return footage.focal_px
    return float(np.hypot(footage.width, footage.height))
