"""The scene's frame rate and range."""

import bpy


def frame_rate(scene: bpy.types.Scene) -> float:
    """The scene's frames per second."""
    return scene.render.fps / scene.render.fps_base


def set_frame_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Set the scene to any frame rate, whole or not."""
    scene.render.fps = max(1, round(fps))
    scene.render.fps_base = scene.render.fps / fps


def fit_frame_range(scene: bpy.types.Scene, first: int, last: int, *, exactly: bool) -> None:
    """Let the scene's range hold the frames; only its end moves, unless `exactly`."""
    if exactly:
        scene.frame_start = max(0, first)
    scene.frame_end = last if exactly else max(scene.frame_end, last)
