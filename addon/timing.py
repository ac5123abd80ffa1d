"""The scene's frame rate and range."""

import bpy

from ..rigs.errors import RigError

MIN_FPS, MAX_FPS = 0.1, 1000.0


def frame_rate(scene: bpy.types.Scene) -> float:
    """The scene's frames per second."""
    return scene.render.fps / scene.render.fps_base


def set_frame_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Set the scene to any sane frame rate, whole or not; raises RigError for others."""
    check_frame_rate(fps)
    scene.render.fps = max(1, round(fps))
    scene.render.fps_base = scene.render.fps / fps


def check_frame_rate(fps: float) -> None:
    """Raise RigError for a rate that no scene should have."""
    if not MIN_FPS <= fps <= MAX_FPS:
        raise RigError(
            "a scene cannot have the clip's frame rate",
            expected=f"{MIN_FPS:g} to {MAX_FPS:g} frames per second",
            actual=f"{fps:g}",
            next_step="capture footage of another frame rate",
        )


def fit_frame_range(scene: bpy.types.Scene, first: int, last: int, *, exactly: bool) -> None:
    """Let the scene's range hold the frames; only its end moves, unless `exactly`."""
    if exactly:
        scene.frame_start = max(0, first)
    scene.frame_end = last if exactly else max(scene.frame_end, last)
