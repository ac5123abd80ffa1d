"""People painted over, so that those behind them are found."""

import numpy as np

from pose2rig.core_inference.estimators.following import Follower
from pose2rig.core_inference.estimators.hiding import is_silhouette, silhouettes, without
from pose2rig.core_inference.estimators.person_detector import Detection
from pose2rig.core_inference.estimators.regions import Image, Region
from pose2rig.core_inference.estimators.whole_body import Followed

RADIUS = 100.0


def standing(x: float) -> Follower:
    """A person whose head is at y = 100, shoulders at 140, hips at 200, feet at 300."""
    body = np.full((33, 2), (x, 100.0), dtype=np.float32)
    body[11:33, 1] = 140.0
    body[23:25, 1] = 200.0
    body[25:33, 1] = 300.0
    body[11:33:2, 0] += 20.0
    body[12:33:2, 0] -= 20.0
    where = Followed(body=Region(x=x, y=200.0, size=2.5 * RADIUS, angle=0.0))
    person = Follower(number=0, where=where, since_s=0.0, confirmed_s=0.0, plain_s=0.0)
    person.history.append((0.0, body))
    return person


def room() -> Image:
    return np.random.default_rng(0).integers(0, 255, (400, 600, 3)).astype(np.uint8)


def detection(x: float) -> Detection:
    box = (x - 25.0, 75.0, 50.0, 50.0)
    return Detection(score=0.9, box=box, x=x, y=200.0, radius=RADIUS, angle=0.0)


def test_a_body_is_covered_and_the_rest_is_not() -> None:
    mask = silhouettes([standing(300.0)], room())
    for x, y in ((300, 100), (300, 170), (320, 250), (280, 300)):
        assert mask[y, x] == 1
    assert mask[:, :250].max() == 0
    assert mask[:, 350:].max() == 0


def test_what_is_covered_gets_the_mean_colour_and_the_rest_stays() -> None:
    image = room()
    mask = silhouettes([standing(300.0)], image)
    painted = without(image, mask)
    np.testing.assert_array_equal(painted[mask == 0], image[mask == 0])
    mean = np.rint(image.mean(axis=(0, 1)))
    np.testing.assert_allclose(painted[mask == 1] - mean, 0, atol=1)


def test_paint_is_no_person_and_somebody_beside_it_is() -> None:
    mask = silhouettes([standing(300.0)], room())
    assert is_silhouette(detection(300.0), mask)
    assert not is_silhouette(detection(360.0), mask)


def test_somebody_reaching_out_of_the_image_is_covered_too() -> None:
    assert silhouettes([standing(-5.0)], room()).max() == 1
