"""Footage in, animation out: the straight line of the product. Read this first.

The command line (`__main__`) and Blender (`worker`) both run it, hear events and may stop it.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from .body_model import load_open_body
from .estimators.opening import open_estimator
from .exporting import Exporter
from .footage import open_footage
from .metrics import quality
from .monitor import Monitor
from .motion.stack import process
from .output import OutputFolder
from .protocol import OnEvent
from .recording import Recorder, take_from_chunks
from .reporting import report, take_facts
from .settings import CaptureSettings
from .watching import started, watch


def run(
    settings: CaptureSettings, on_event: OnEvent, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Capture one piece of footage into its output folder and return the report.

    Raises Pose2RigError, or Cancelled: no result stands then, finished chunks of the raw take do.
    When a format that was asked for cannot be written, the clips stand and it raises after that.
    """
    monitor = Monitor(on_event, should_stop)
    footage = open_footage(settings.footage)
    on_event(started(footage, settings))
    exporter = Exporter.for_settings(settings, monitor)
    with OutputFolder(settings.out, overwrite=settings.overwrite) as output:
        with closing(open_estimator(settings, footage)) as estimator:
            recorder = Recorder(folder=output.raw, on_event=monitor.tell, run=output.run)
            watched = watch(footage, settings, estimator, recorder, monitor)
        facts = take_facts(footage, settings, estimator, watched.frame_rate)
        body = load_open_body()
        people = {}
        monitor.begin()
        for number, track in enumerate(watched.tracks):
            monitor.stop_if_asked(recorder.rows)
            with monitor.timed("solve"):
                raw = take_from_chunks(recorder.chunks(track.person_id), facts)
                clip = process(raw, body, settings.motion)
                people[number] = quality(clip, raw, body)
            output.save_person(number, raw, clip)
            monitor.progress("solve", number + 1, len(watched.tracks))
        monitor.stop_if_asked(recorder.rows)
        exporter.export(output, list(people), footage.name)
        monitor.stop_if_asked(recorder.rows)
        result = report(facts, people, watched.frames, monitor)
        output.commit(result)
    exporter.raise_failure()
    return result
