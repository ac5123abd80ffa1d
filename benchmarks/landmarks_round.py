"""One round of `landmarks.py`, in a process of its own: `PYTHON landmarks_round.py SIDE FOLDER`.

SIDE `holistic` needs mediapipe 0.10.21, `ours` needs pose2rig; FOLDER holds images.npy (N,H,W,3)
uint8 RGB and times.npy (N,) s. The last line on stdout is JSON: per frame `ms`, `hands` found (0 to
2, of the largest person), `people`, `searches` for people; and `further_ms`, what each person
beyond the first takes. Ours gets frames in groups, as in a capture; each takes its group's mean.
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

    told: Told = {"ms": [], "hands": [], "people": [], "searches": []}
    settings = {"model_complexity": 1, "refine_face_landmarks": True}
    with mediapipe.solutions.holistic.Holistic(**settings) as model:
        for image in images:
            pixels = np.array(image)
            start = time.perf_counter()
            found = model.process(pixels)
            told["ms"].append(_ms_since(start))
            hands = (found.left_hand_landmarks, found.right_hand_landmarks)
            told["hands"].append(sum(hand is not None for hand in hands))
            told["people"].append(found.pose_landmarks is not None)
            told["searches"].append(0)
    return {**told, "further_ms": 0.0}


def ours(images: Any, times: Any) -> dict[str, Any]:
    """Our estimator, and how often it searches and whom it looks at."""
    from pose2rig.core_inference.estimators.landmark_models import open_landmark_models
    from pose2rig.core_inference.estimators.landmarks import LandmarkEstimator
    from pose2rig.core_inference.estimators.whole_body import WholeBody
    from pose2rig.core_inference.footage import Frame

    searches = [0]
    asked: list[Any] = []
    ask = WholeBody.ask

    def noted_ask(self: Any, people: Any, windows: Any = ()) -> None:
        searches[0] += len(windows)
        asked.append([(one.body.next, one.followed) for one in people])
        ask(self, people, windows)

    WholeBody.ask = noted_ask
    models = open_landmark_models(None)
    estimator = LandmarkEstimator(models)
    told: Told = {"ms": [], "hands": [], "people": [], "searches": []}
    size = estimator.batch_size
    for first in range(0, len(images), size):
        frames = [
            Frame(index=first + k, time_s=float(times[first + k]), image=np.array(image))
            for k, image in enumerate(images[first : first + size])
        ]
        searches[0] = 0
        start = time.perf_counter()
        everybody = estimator.estimate_all(frames)
        told["ms"] += [_ms_since(start) / len(frames)] * len(frames)
        told["searches"] += [searches[0] / len(frames)] * len(frames)
        told["people"] += [len(poses) for poses in everybody]
        told["hands"] += [_hands(poses) for poses in everybody]
    estimator.close()
    WholeBody.ask = ask
    # The first frame is asked about several times; the last ones are the frames in order.
    in_frames = zip(images, asked[-len(images) :], strict=True)
    several = [(image, people) for image, people in in_frames if len(people) > 1]
    whole_body = WholeBody(models)
    further = _further_ms(whole_body, several)
    whole_body.close()
    return {**told, "further_ms": further}


def _ms_since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)


def _hands(poses: Any) -> int:
    """How many hands of the largest person were found."""
    from pose2rig.core_inference.estimators.topology import LEFT_HAND, RIGHT_HAND

    if not poses:
        return 0
    scores = max(poses, key=lambda pose: pose.box[2] * pose.box[3]).landmarks.scores
    return sum(bool(scores[hand].any()) for hand in (LEFT_HAND, RIGHT_HAND))


def _further_ms(whole_body: Any, several: Any) -> float:
    """Milliseconds that each person beyond the first takes: the same frames with one and with all.

    several: images and whom they show. nan where no frame has several.
    """
    if not several:
        return float("nan")
    images = [np.array(image) for image, _ in several]
    people = [people for _, people in several]
    spans: list[list[float]] = [[], []]
    for _ in range(3):
        spans[0].append(_look_ms(whole_body, images, [group[:1] for group in people]))
        spans[1].append(_look_ms(whole_body, images, people))
    return (median(spans[1]) - median(spans[0])) / sum(len(group) - 1 for group in people)


def _look_ms(whole_body: Any, images: Any, people: Any) -> float:
    """Look at people's bodies in each image, while hands and faces of the last one are seen."""
    from pose2rig.core_inference.estimators.whole_body import Asked

    start = time.perf_counter()
    for index, (image, group) in enumerate(zip(images, people, strict=True)):
        bodies = whole_body.bodies(image, [region for region, _ in group])
        whole_body.show(image)
        if index:
            whole_body.answers()
        whole_body.ask(
            [
                Asked(image=image, body=body, followed=followed)
                for body, (_, followed) in zip(bodies, group, strict=True)
                if body is not None
            ]
        )
    whole_body.answers()
    return _ms_since(start)


def main() -> None:
    """Look at the frames and tell."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    images = np.load(folder / "images.npy", mmap_mode="r")
    times = np.load(folder / "times.npy")
    told = {"holistic": holistic, "ours": ours}[side](images, times)
    print(f"\n{json.dumps(told)}")


if __name__ == "__main__":
    main()
