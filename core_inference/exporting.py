"""The formats beside npz: written by a Blender without a window, after the take is safe."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ..rigs.errors import BlenderError, Pose2RigError
from .blender import BlenderHost, find_blender
from .monitor import Monitor
from .output import OutputFolder
from .settings import CaptureSettings


@dataclass
class Exporter:
    """Writes the wanted formats of every person; a failure waits until the clips are safe."""

    formats: tuple[str, ...]
    explicit: bool
    host: BlenderHost | None
    monitor: Monitor
    _failure: Pose2RigError | None = field(default=None)

    @classmethod
    def for_settings(cls, settings: CaptureSettings, monitor: Monitor) -> Self:
        """Find a Blender where one is needed.

        Without one, the default fbx is left out with a warning; an fbx that was asked for
        raises BlenderError before any work starts.
        """
        formats = tuple(f for f in settings.wanted_formats if f != "npz")
        host = find_blender(settings.blender) if formats else None
        explicit = settings.formats is not None
        if formats and host is None:
            if explicit:
                raise no_blender()
            monitor.warn("no_blender", "no Blender and no bpy module found: the fbx is left out")
            formats = ()
        return cls(formats=formats, explicit=explicit, host=host, monitor=monitor)

    def export(self, output: OutputFolder, numbers: list[int], name: str) -> None:
        """Write all formats of all people among the staged results."""
        with self.monitor.timed("export"):
            self.monitor.begin()
            jobs = [(number, kind) for number in numbers for kind in self.formats]
            for done, (number, kind) in enumerate(jobs):
                source = output.staging / f"person_{number}.npz"
                take = name if len(numbers) == 1 else f"{name}_{number}"
                self._export_one(source, source.with_suffix(f".{kind}"), take)
                self.monitor.progress("export", done + 1, len(jobs))

    def _export_one(self, source: Path, target: Path, take: str) -> None:
        if self.host is None:
            return
        try:
            export_fbx(self.host, source, target, take)
        except Pose2RigError as error:
            target.unlink(missing_ok=True)
            self.monitor.warn("export_failed", f"{target.name} was not written: {error.actual}")
            self._failure = error

    def raise_failure(self) -> None:
        """Raise what went wrong with a format that was asked for; the clips stand by now."""
        if self._failure is not None and self.explicit:
            raise self._failure


def export_fbx(host: BlenderHost, clip: Path, target: Path, take: str) -> None:
    """Have Blender write one clip file as FBX, its take named `take`."""
    host.run({"job": "export_fbx", "clip": str(clip), "out": str(target), "name": take})


def no_blender() -> BlenderError:
    """The error for a format that needs a Blender where there is none."""
    return BlenderError(
        "no Blender found",
        expected="the bpy module, --blender PATH or a blender on PATH",
        actual="none of them",
        next_step="install Blender or the blender extra, or use --formats npz",
    )
