"""Cuts: found at their frame, and not where something merely moves, turns or lights up."""

import itertools
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.footage import Frame, open_footage, read
from pose2rig.core_inference.shots import ShotDetector

from ..footage_samples import make_video

RGB = NDArray[np.uint8]


def scene(seed: int, width: int = 640, height: int = 360) -> RGB:
    """Paint a random scene: overlapping soft-edged discs on a plain ground."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), rng.integers(30, 220, 3), np.uint8)
    for _ in range(60):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        colour = [int(value) for value in rng.integers(20, 235, 3)]
        cv2.circle(image, centre, int(rng.integers(15, 90)), colour, -1)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0), np.uint8)


def cuts(images: Iterable[RGB]) -> list[int]:
    detector = ShotDetector()
    frames = (Frame(index=i, time_s=i / 30.0, image=image) for i, image in enumerate(images))
    return [frame.index for frame in frames if detector.is_cut(frame)]


def lit(image: RGB, gain: float, offset: float = 0.0) -> RGB:
    return np.clip(image * gain + offset, 0, 255).astype(np.uint8)


def test_hard_cut_is_found_at_its_frame() -> None:
    for seed in range(20):
        assert cuts([scene(seed)] * 4 + [scene(seed + 100)] * 4) == [4]


def test_shots_of_one_frame_are_cuts_too() -> None:
    assert cuts([scene(1), scene(2), scene(3)]) == [1, 2]


def test_still_and_noise_are_no_cut() -> None:
    rng = np.random.default_rng(4)
    picture = scene(5)
    noisy = [lit(picture, 1.0) for _ in range(6)]
    for image in noisy:
        image[:] = np.clip(image + rng.normal(0.0, 12.0, image.shape), 0, 255)
    assert cuts(noisy) == []


def test_panning_camera_is_no_cut() -> None:
    wide = scene(6, width=2400)
    assert cuts(wide[:, x : x + 640] for x in range(0, 1700, 40)) == []


def test_exposure_change_is_no_cut() -> None:
    picture = scene(7)
    assert cuts(lit(picture, gain) for gain in (1.0, 0.6, 1.0, 1.25, 0.4, 1.0)) == []


def test_flash_is_no_cut() -> None:
    picture = scene(8)
    assert cuts([picture, picture, lit(picture, 2.5, 90.0), picture, picture]) == []


def test_black_frames_hide_no_cut() -> None:
    black = np.zeros((360, 640, 3), np.uint8)
    assert cuts([scene(9), black, black, scene(9)]) == []
    assert cuts([scene(9), black, black, scene(10)]) == [3]


def test_cut_in_an_encoded_clip(tmp_path: Path) -> None:
    pans = [scene(seed, width=900) for seed in (11, 12)]
    pictures = [pan[:, x : x + 640].copy() for pan in pans for x in range(0, 240, 8)]
    footage = open_footage(make_video(tmp_path / "two.mp4", pictures))
    assert cuts(frame.image for frame in read(footage)) == [30]


def real_clips(shared_dir: Path) -> list[Path]:
    footage_dir = shared_dir / "footage"
    balance = footage_dir / "samples3d" / "pose2sim_balance"
    return [*sorted((footage_dir / "video").glob("*.m*")), *sorted(balance.glob("*.mp4"))]


@pytest.mark.slow
def test_no_cut_in_real_clips_and_one_where_two_meet(shared_dir: Path) -> None:
    ends: dict[str, tuple[list[RGB], list[RGB]]] = {}
    for path in real_clips(shared_dir):
        found: list[int] = []
        head: list[RGB] = []
        tail: list[RGB] = []
        detector = ShotDetector()
        for frame in read(open_footage(path)):
            if detector.is_cut(frame):
                found.append(frame.index)
            small = cv2.resize(frame.image, (640, 360), interpolation=cv2.INTER_AREA)
            if len(head) < 8:
                head.append(np.asarray(small, np.uint8))
            tail = [*tail[-7:], np.asarray(small, np.uint8)]
        assert found == [], path.name
        ends[path.name] = (head, tail)
    assert len(ends) >= 15
    for first, second in itertools.permutations(ends, 2):
        joined = ends[first][1] + ends[second][0]
        assert cuts(joined) == [len(ends[first][1])], f"{first} then {second}"


@pytest.mark.slow
def test_cut_detection_costs_little(shared_dir: Path) -> None:
    """Where other programs do not disturb it: in a quarter of the frames."""
    path = shared_dir / "footage" / "video" / "juggle_fullbody_static.mp4"
    detector = ShotDetector()
    spent_s: list[float] = []
    for frame in read(open_footage(path)):
        began_s = time.thread_time()
        detector.is_cut(frame)
        spent_s.append(time.thread_time() - began_s)
    assert float(np.quantile(spent_s, 0.25)) < 0.001
