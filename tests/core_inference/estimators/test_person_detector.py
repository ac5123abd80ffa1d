"""The person detector on people, on parts of an image, and on nobody."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.landmark_models import LandmarkModels
from pose2rig.core_inference.estimators.person_detector import PersonDetector

RGB = NDArray[np.uint8]


@pytest.fixture(scope="module")
def detector(landmark_models: LandmarkModels) -> PersonDetector:
    return PersonDetector(landmark_models)


@pytest.fixture(scope="module")
def player(shared_dir: Path) -> RGB:
    image = cv2.imread(str(shared_dir / "footage/images/tennis_crouch.jpg"))
    assert image is not None
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)


def test_one_person_in_the_picture(detector: PersonDetector, player: RGB) -> None:
    height, width = player.shape[:2]
    people = detector.detect(player)
    assert len(people) == 1
    (person,) = people
    assert 0.5 <= person.score <= 1
    assert 0.2 * width < person.x < 0.8 * width
    assert 0.2 * height < person.y < 0.9 * height
    assert 0.1 * height < person.radius < height
    assert person.region.size == pytest.approx(2.5 * person.radius)
    assert (person.region.x, person.region.y) == (person.x, person.y)
    x, y, box_width, box_height = person.box
    assert -0.1 * width < x < x + box_width < 1.1 * width
    assert -0.1 * height < y < y + box_height < 1.1 * height


@pytest.mark.parametrize("pad", [(300, 0), (0, 500), (300, 500)])
def test_a_window_gives_places_in_the_whole_image(
    detector: PersonDetector, player: RGB, pad: tuple[int, int]
) -> None:
    top, left = pad
    height, width = player.shape[:2]
    canvas = np.full((height + top + 40, width + left + 70, 3), 128, dtype=np.uint8)
    canvas[top : top + height, left : left + width] = player
    (alone,) = detector.detect(player)
    (inside,) = detector.detect(canvas, (left, top, width, height))
    assert (inside.x - left, inside.y - top) == pytest.approx((alone.x, alone.y), abs=1e-2)
    assert inside.radius == pytest.approx(alone.radius, abs=1e-2)
    assert inside.angle == pytest.approx(alone.angle, abs=1e-4)
    assert inside.score == pytest.approx(alone.score, abs=1e-4)


def test_a_turned_picture_turns_what_is_found(detector: PersonDetector, player: RGB) -> None:
    side = max(player.shape[:2])
    canvas = np.full((side, side, 3), 128, dtype=np.uint8)
    canvas[: player.shape[0], : player.shape[1]] = player
    (upright,) = detector.detect(canvas)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), -15, 1.0)
    (leaning,) = detector.detect(cv2.warpAffine(canvas, matrix, (side, side)).astype(np.uint8))
    expected = matrix @ [upright.x, upright.y, 1]
    assert np.hypot(*(expected - [leaning.x, leaning.y])) < 0.15 * upright.radius
    assert leaning.angle - upright.angle == pytest.approx(np.radians(15), abs=np.radians(6))


@pytest.mark.parametrize("shape", [(480, 640, 3), (1, 1, 3), (3, 900, 3), (2000, 20, 3)])
def test_nobody_is_found_in_grey(detector: PersonDetector, shape: tuple[int, ...]) -> None:
    assert detector.detect(np.full(shape, 128, dtype=np.uint8)) == ()
