"""report.json: what came out, how good it looks and how long it took."""

from typing import Any

from ..rigs.errors import OutputError
from .footage import Footage, content_sha256
from .monitor import Monitor
from .output import OutputFolder
from .settings import CaptureSettings
from .solving import Solved
from .takes import TakeFacts
from .watching import Watched

REPORT_SCHEMA_VERSION = 1


def asked(settings: CaptureSettings) -> dict[str, Any]:
    """What decides the result beside the footage, in the words of the command line."""
    return {
        "person": settings.person,
        "estimator": settings.estimator,
        "start": settings.start,
        "end": settings.end,
        "fov": settings.fov_deg,
        "focal": settings.focal_px,
        "root": settings.root,
        "calibrate": "none",
        "calibration_sha256": None,
        **settings.motion.as_json(),
        "exact": settings.exact,
        "half": settings.half,
        "formats": None if settings.formats is None else list(settings.formats),
    }


def report(
    facts: TakeFacts,
    settings: CaptureSettings,
    watched: Watched,
    people: dict[int, Solved],
    monitor: Monitor,
) -> dict[str, Any]:
    """The content of report.json; the frames per second are those of this run."""
    total = monitor.total_s
    return {
        "schema_version": REPORT_SCHEMA_VERSION,
        "footage": {
            "name": facts.footage.path.name,
            "kind": facts.footage.kind,
            "width": facts.footage.width,
            "height": facts.footage.height,
            "frame_rate": watched.frame_rate,
            "focal_px": facts.focal_px,
            "sha256": facts.provenance["footage_sha256"],
        },
        "settings": asked(settings),
        "people": {str(number): solved.as_dict() for number, solved in people.items()},
        "seconds": {**{k: round(v, 4) for k, v in monitor.seconds.items()}, "total": total},
        "frames_per_second": watched.frames / total,
        "warnings": [{"code": w.code, "message": w.message} for w in monitor.warnings],
    }


def finished_report(
    output: OutputFolder, footage: Footage, settings: CaptureSettings, monitor: Monitor
) -> dict[str, Any] | None:
    """The report of a complete result that `--resume` asks for again, None where work is left.

    Raises OutputError for the result of another capture.
    """
    earlier = output.finished() if settings.resume else None
    if earlier is None:
        return None
    wanted = {"footage": content_sha256(footage), **asked(settings)}
    try:
        found = {"footage": earlier["footage"]["sha256"], **earlier["settings"]}
        people = {str(person): dict(facts) for person, facts in earlier["people"].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        found, people = {}, {}
    differing = [name for name in wanted if found.get(name) != wanted[name]]
    if differing or not people:
        raise OutputError(
            f"{settings.out} holds the result of another capture",
            expected=_told(found, differing),
            actual=_told(wanted, differing),
            next_step="choose another --out folder, or --overwrite instead of --resume",
        )
    monitor.warn("finished", f"{settings.out} holds the complete result: nothing is left to do")
    return earlier


def _told(values: dict[str, Any], names: list[str]) -> str:
    return ", ".join(f"{name} {str(values.get(name))[:16]}" for name in names) or "no people"
