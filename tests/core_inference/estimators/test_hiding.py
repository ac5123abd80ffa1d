"""People painted over, so that those behind them are found."""

import numpy as np
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.following import Follower
from pose2rig.core_inference.estimators.hiding import Canvas, is_silhouette
from pose2rig.core_inference.estimators.person_detector import Detection
from pose2rig.core_inference.estimators.questions import Followed
from pose2rig.core_inference.estimators.regions import Image, Region

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


def painted_pixels(image: Image, painted: Image) -> NDArray[np.bool_]:
    return (painted != image).any(axis=2)


def test_a_body_gets_the_mean_colour_and_the_rest_stays() -> None:
    image = room()
    kept = image.copy()
    painted = Canvas().without(image, [standing(300.0)])
    for x, y in ((300, 100), (300, 170), (320, 250), (280, 300)):
        np.testing.assert_allclose(painted[y, x], image.mean(axis=(0, 1)), atol=5)
    covered = painted_pixels(image, painted)
    assert not covered[:, :250].any()
    assert not covered[:, 350:].any()
    assert covered.sum() > 5000
    np.testing.assert_array_equal(image, kept)


def test_a_canvas_shows_the_last_image_alone() -> None:
    canvas, image = Canvas(), room()
    canvas.without(image, [standing(300.0)])
    np.testing.assert_array_equal(canvas.without(image, []), image)
    other = np.full((50, 60, 3), 7, dtype=np.uint8)
    np.testing.assert_array_equal(canvas.without(other, []), other)


def test_paint_is_no_person_and_somebody_beside_it_is() -> None:
    people = [standing(300.0)]
    assert is_silhouette(detection(300.0), people, room())
    assert not is_silhouette(detection(360.0), people, room())
    assert not is_silhouette(detection(300.0), [], room())


def test_a_detection_outside_the_image_is_nobody() -> None:
    assert is_silhouette(detection(-80.0), [], room())
    assert is_silhouette(detection(700.0), [], room())


def test_somebody_reaching_out_of_the_image_is_covered_too() -> None:
    image = room()
    assert painted_pixels(image, Canvas().without(image, [standing(-5.0)])).any()
    far = standing(1e7)
    np.testing.assert_array_equal(Canvas().without(image, [far]), image)
