"""Where a take comes from: what stands in its file, and what all takes of a run share."""

from typing import Any

from . import VERSION
from .estimators.base import Estimator
from .footage import Footage, content_sha256
from .lens import focal_length_px
from .settings import CaptureSettings
from .takes import TakeFacts


def provenance(footage: Footage, settings: CaptureSettings, estimator: Estimator) -> dict[str, Any]:
    """Where a take comes from: program, footage, estimator with its weights, settings."""
    return {
        "program": f"pose2rig {VERSION}",
        "name": footage.name,
        "estimator": estimator.name,
        "weights_sha256": estimator.weights_sha256,
        "licence_note": estimator.licence_note,
        "footage": footage.path.name,
        "footage_sha256": content_sha256(footage),
        "settings": {
            "start": settings.start,
            "end": settings.end,
            "fov_deg": settings.fov_deg,
            "focal_px": settings.focal_px,
            "person": settings.person,
            "exact": settings.exact,
            "half": settings.half,
            "root": settings.root,
        },
    }


def take_facts(footage: Footage, settings: CaptureSettings, estimator: Estimator) -> TakeFacts:
    """What all takes of a run share, at the footage's nominal rate."""
    return TakeFacts(
        landmark_names=estimator.landmark_names,
        footage=footage,
        frame_rate=footage.fps,
        focal_px=focal_length_px(footage, settings),
        provenance=provenance(footage, settings, estimator),
        body=estimator.body,
    )
