"""report.json: what came out, how good it looks and how long it took."""

from typing import Any

from . import VERSION
from .estimators.base import Estimator
from .footage import Footage, content_sha256
from .lens import focal_length_px
from .metrics import Quality
from .monitor import Monitor
from .recording import TakeFacts
from .settings import CaptureSettings

REPORT_SCHEMA_VERSION = 1


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
        },
    }


def take_facts(
    footage: Footage, settings: CaptureSettings, estimator: Estimator, frame_rate: float
) -> TakeFacts:
    """What all takes of a run share."""
    return TakeFacts(
        landmark_names=estimator.landmark_names,
        footage=footage,
        frame_rate=frame_rate,
        focal_px=focal_length_px(footage, settings),
        provenance=provenance(footage, settings, estimator),
        body=estimator.body,
    )


def report(
    facts: TakeFacts, people: dict[int, Quality], frames: int, monitor: Monitor
) -> dict[str, Any]:
    """The content of report.json; `frames` is how many were read."""
    total = monitor.total_s
    return {
        "schema_version": REPORT_SCHEMA_VERSION,
        "footage": {
            "name": facts.footage.path.name,
            "kind": facts.footage.kind,
            "width": facts.footage.width,
            "height": facts.footage.height,
            "frame_rate": facts.frame_rate,
            "focal_px": facts.focal_px,
            "sha256": facts.provenance["footage_sha256"],
        },
        "people": {str(number): quality.as_dict() for number, quality in people.items()},
        "seconds": {**{k: round(v, 4) for k, v in monitor.seconds.items()}, "total": total},
        "frames_per_second": frames / total,
        "warnings": [{"code": w.code, "message": w.message} for w in monitor.warnings],
    }
