"""One round of `landmarks.py`, in a process of its own: `PYTHON landmarks_round.py SIDE FOLDER`.

SIDE `holistic` needs mediapipe 0.10.21, `ours` needs pose2rig; FOLDER holds images.npy (N,H,W,3)
uint8 RGB and times.npy (N,) s. The last line on stdout is JSON: per frame `ms`, `cpu_ms` of all
threads, `hands` found (0 to 2, of the largest person), `people`, `searches` for people (0 or 1);
and `further_ms`, what each person beyond the first takes.
"""

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

Told = dict[str, list[float]]


def holistic(images: Any, times: Any) -> dict[str, Any]:
    """MediaPipe Holistic as its users call it."""
    import mediapipe

    told: Told = {"ms": [], "cpu_ms": [], "hands": [], "people": [], "searches": []}
    settings = {"model_complexity": 1, "refine_face_landmarks": True}
    with mediapipe.solutions.holistic.Holistic(**settings) as model:
        for image in images:
            pixels = np.array(image)
            start = _now_ms()
            found = model.process(pixels)
            _take_time(told, start)
            hands = (found.left_hand_landmarks, found.right_hand_landmarks)
            told["hands"].append(sum(hand is not None for hand in hands))
            told["people"].append(found.pose_landmarks is not None)
            told["searches"].append(0)
    return {**told, "further_ms": 0.0}


def ours(images: Any, times: Any) -> dict[str, Any]:
    """Our estimator, and how often it searches and whom it looks at."""
    from pose2rig.core_inference.estimators.landmark_models import open_landmark_models
    from pose2rig.core_inference.estimators.landmarks import LandmarkEstimator
    from pose2rig.core_inference.estimators.person_detector import PersonDetector
    from pose2rig.core_inference.estimators.whole_body import WholeBody
    from pose2rig.core_inference.footage import Frame

    searches: list[int] = []
    looks: list[tuple[int, Any]] = []
    detect, look = PersonDetector.detect, WholeBody.look

    def counted_detect(self: Any, *arguments: Any, **named: Any) -> Any:
        searches[-1] += 1
        return detect(self, *arguments, **named)

    def noted_look(self: Any, image: Any, people: Any) -> Any:
        looks.append((len(searches) - 1, people))
        return look(self, image, people)

    PersonDetector.detect, WholeBody.look = counted_detect, noted_look
    models = open_landmark_models(None)
    estimator = LandmarkEstimator(models)
    told: Told = {"ms": [], "cpu_ms": [], "hands": [], "people": []}
    for index, image in enumerate(images):
        frame = Frame(index=index, time_s=float(times[index]), image=np.array(image))
        searches.append(0)
        start = _now_ms()
        (poses,) = estimator.estimate_all([frame])
        _take_time(told, start)
        told["people"].append(len(poses))
        told["hands"].append(_hands(poses))
    estimator.close()
    PersonDetector.detect, WholeBody.look = detect, look
    whole_body = WholeBody(models)
    further = _further_ms(whole_body, images, looks)
    whole_body.close()
    return {**told, "searches": [min(count, 1) for count in searches], "further_ms": further}


def _now_ms() -> tuple[float, float]:
    return 1000 * time.perf_counter(), 1000 * time.process_time()


def _take_time(told: Told, start: tuple[float, float]) -> None:
    end = _now_ms()
    told["ms"].append(end[0] - start[0])
    told["cpu_ms"].append(end[1] - start[1])


def _hands(poses: Any) -> int:
    """How many hands of the largest person were found."""
    from pose2rig.core_inference.estimators.topology import LEFT_HAND, RIGHT_HAND

    if not poses:
        return 0
    scores = max(poses, key=lambda pose: pose.box[2] * pose.box[3]).landmarks.scores
    return sum(bool(scores[hand].any()) for hand in (LEFT_HAND, RIGHT_HAND))


def _further_ms(whole_body: Any, images: Any, looks: Any) -> float:
    """Milliseconds that each person beyond the first takes: the same frames with one and with all.

    nan where no frame has several.
    """
    costs: list[float] = []
    for index, people in looks:
        if len(people) < 2:
            continue
        image = np.array(images[index])
        spans = []
        for group in (people[:1], people):
            start = time.perf_counter()
            whole_body.look(image, group)
            spans.append(1000 * (time.perf_counter() - start))
        costs.append((spans[1] - spans[0]) / (len(people) - 1))
    return median(costs) if costs else float("nan")


def main() -> None:
    """Look at the frames and tell."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    images = np.load(folder / "images.npy", mmap_mode="r")
    times = np.load(folder / "times.npy")
    told = {"holistic": holistic, "ours": ours}[side](images, times)
    print(f"\n{json.dumps(told)}")


if __name__ == "__main__":
    main()
