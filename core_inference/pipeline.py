"""Footage in, animation out: the straight line of the product. Read this first.

The same line serves the command line (`__main__`) and Blender (`worker`): both pass settings,
hear events and may ask it to stop.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from .body_model import load_open_body
from .estimators.landmarks import LandmarkEstimator
from .exporting import Exporter
from .footage import open_footage
from .lens import focal_length_px
from .metrics import quality
from .monitor import Monitor
from .motion.stack import process
from .output import OutputFolder
from .protocol import OnEvent, Started
from .recording import Recorder, TakeFacts, take_from_chunks
from .reporting import provenance, report
from .settings import CaptureSettings
from .watching import expected_frames, watch


def run(
    settings: CaptureSettings, on_event: OnEvent, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Capture one piece of footage into its output folder and return the report.

    Raises Pose2RigError with one clear line, or Cancelled; then no result stands under its
    final name, and chunks of the raw take that were finished are kept.
    """
    monitor = Monitor(on_event, should_stop)
    footage = open_footage(settings.footage)
    exporter = Exporter.for_settings(settings, monitor)
    with OutputFolder(settings.out, overwrite=settings.overwrite) as output:
        frames = expected_frames(footage, settings)
        on_event(
            Started(frames=frames, width=footage.width, height=footage.height, fps=footage.fps)
        )
        with closing(LandmarkEstimator()) as estimator:
            recorder = Recorder(folder=output.raw, on_event=on_event)
            watched = watch(footage, settings, estimator, recorder, monitor)
        facts = TakeFacts(
            landmark_names=estimator.landmark_names,
            footage=footage,
            frame_rate=watched.frame_rate,
            focal_px=focal_length_px(footage, settings),
            provenance=provenance(footage, settings, estimator),
        )
        body = load_open_body()
        people = {}
        for number, track in enumerate(watched.tracks):
            with monitor.timed("solve"):
                raw = take_from_chunks(recorder.chunks(track.person_id), facts)
                clip = process(raw, body, settings.motion)
                people[number] = quality(clip, raw, body)
            output.save_person(number, raw, clip)
            monitor.stop_if_asked(recorder.rows)
        exporter.export(output, list(people), footage.path.stem)
        monitor.stop_if_asked(recorder.rows)
        result = report(facts, people, monitor)
        output.commit(result)
    exporter.raise_failure()
    return result
