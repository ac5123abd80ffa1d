"""Record what MediaPipe's own Holistic sees on the shared clips, for test_whole_body.py.

Run it with an interpreter that has mediapipe 0.10.21, which the product's environment has not:

    PYTHON tests/core_inference/estimators/record_holistic.py ../shared

It writes holistic_golden.npz beside itself. Per clip: body (T,33,2), left and right hand (T,21,2)
and some points of the face (T,F,2) as int16 in eighths of a pixel, int16's smallest number where
a part was not found; visibility (T,33) in 1/255.
"""

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CLIPS = {
    "juggle": ("video/juggle_fullbody_static.mp4", 0),
    "squats": ("video/squats_5fps_portrait.mp4", 0),
    "walk": ("video/walk_sideview_outdoor.mp4", 60),
    "run": ("video/run_panning_camera.mp4", 0),
    "seated": ("video/seated_woman_orbit.mp4", 0),
    "asl": ("video/asl_again_upperbody.mkv", 0),
    "asl_walk": ("video/asl_walk_upperbody.mkv", 0),
    "face": ("video/face_expressions_selfie.mp4", 0),
    "balance": ("samples3d/pose2sim_balance/cam01.mp4", 0),
}
"""Name, file in the shared footage, first frame."""

FRAMES = 80
FACE_POINTS = (*range(0, 468, 6), *(33, 133, 362, 263, 159, 145, 386, 374), *range(468, 478))
PX_FRACTION = 8
MISSING = np.iinfo(np.int16).min


def main(shared: Path) -> None:
    """Record all clips."""
    from mediapipe.python.solutions.holistic import Holistic  # pyright: ignore

    record: dict[str, Any] = {}
    for name, (place, first) in CLIPS.items():
        holistic: Any = Holistic(smooth_landmarks=False, refine_face_landmarks=True)
        video = cv2.VideoCapture(str(shared / "footage" / place))
        rows = [
            row_of(holistic.process(image), image.shape)
            for index, image in enumerate(images(video, first + FRAMES))
            if index >= first
        ]
        holistic.close()
        record |= {f"{name}_{part}": np.stack([row[part] for row in rows]) for part in rows[0]}
    np.savez_compressed(Path(__file__).with_name("holistic_golden.npz"), **record)


def images(video: cv2.VideoCapture, count: int) -> Any:
    """Yield the first frames of a video as RGB."""
    for _ in range(count):
        more, image = video.read()
        if not more:
            return
        yield np.ascontiguousarray(image[..., ::-1])


def row_of(result: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what is kept of one frame."""
    height, width = shape[:2]
    body = result.pose_landmarks
    visible = [point.visibility for point in body.landmark] if body else [0.0] * 33
    parts = {
        "body": (body, range(33)),
        "left_hand": (result.left_hand_landmarks, range(21)),
        "right_hand": (result.right_hand_landmarks, range(21)),
        "face": (result.face_landmarks, FACE_POINTS),
    }
    row: dict[str, Any] = {
        name: quantised(found, points, (width, height)) for name, (found, points) in parts.items()
    }
    return row | {"visibility": np.round(np.array(visible) * 255).astype(np.uint8)}


def quantised(found: Any, points: Any, size: tuple[int, int]) -> Any:
    """Return the places of some points (N,2) as int16."""
    if found is None:
        return np.full((len(points), 2), MISSING, dtype=np.int16)
    places = np.array([[found.landmark[index].x, found.landmark[index].y] for index in points])
    eighths = np.round(places * size * PX_FRACTION)
    return np.clip(eighths, MISSING + 1, np.iinfo(np.int16).max).astype(np.int16)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
