"""Footage in, animation out: the straight line of the product. Read this first.

The command line (`__main__`) and Blender (`worker`) both run it, hear events and may stop it.
"""

from collections.abc import Callable
from contextlib import closing
from typing import Any

from .estimators.opening import open_estimator
from .exporting import Exporter
from .footage import open_footage
from .monitor import Monitor
from .output import OutputFolder
from .protocol import OnEvent
from .reporting import finished_report, report
from .settings import CaptureSettings
from .solving import Solver
from .watching import started, watch


def run(
    settings: CaptureSettings, on_event: OnEvent, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    """Capture one piece of footage into its output folder and return the report.

    Footage is decoded ahead of the watcher, and the people of a finished shot are solved behind
    it. Raises Pose2RigError, or Cancelled: no result stands then, but chunks of the raw takes and
    a journal do, from which the same settings with `resume` go on. When a format that was asked
    for cannot be written, the clips stand and it raises after that.
    """
    monitor = Monitor(on_event, should_stop)
    footage = open_footage(settings.footage)
    on_event(started(footage, settings))
    exporter = Exporter.for_settings(settings, monitor)
    with (
        OutputFolder(settings.out, overwrite=settings.overwrite, resume=settings.resume) as output,
        Solver(output, settings, monitor) as solver,
    ):
        finished = finished_report(output, footage, settings, monitor)
        if finished is not None:
            return finished
        with closing(open_estimator(settings, footage)) as estimator:
            solver.begin(footage, estimator)
            watched = watch(footage, settings, estimator, output, solver, monitor)
        people = solver.finish(watched.rows)
        exporter.export(output, list(people), footage.name)
        monitor.stop_if_asked(watched.rows)
        result = report(solver.facts, settings, watched, people, monitor)
        output.commit(result)
    exporter.raise_failure()
    return result
