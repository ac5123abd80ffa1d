"""Average precision of roots against values found by hand and by a search written another way."""

from itertools import pairwise

import numpy as np
import pytest

from pose2rig.core_inference.detection_metrics import Roots, root_average_precision

from .known_motions import Float64


def roots(*places: tuple[int, float]) -> Roots:
    """Roots by image and distance from the camera in metres."""
    return Roots(
        positions=np.array([[0.0, 0.0, z] for _, z in places]).reshape(-1, 3),
        images=np.array([image for image, _ in places], dtype=np.int64),
    )


def ap(predicted: Roots, scores: list[float], truth: Roots) -> float:
    return root_average_precision(predicted, np.array(scores), truth)


def test_right_wrong_right_by_hand():
    """By falling score: right (1/1), wrong, right (2/3); two of three found: (1 + 2/3) / 3."""
    truth = roots((0, 3.0), (0, 5.0), (1, 4.0))
    predicted = roots((1, 4.1), (0, 3.1), (0, 8.0))
    assert ap(predicted, [0.5, 0.9, 0.7], truth) == pytest.approx((1 + 2 / 3) / 3)


def test_everything_right_is_1_and_nothing_right_0():
    truth = roots((0, 3.0), (0, 5.0), (1, 4.0))
    assert ap(truth, [0.1, 0.2, 0.3], truth) == 1.0
    assert ap(roots((0, 9.0), (1, 9.0)), [0.1, 0.2], truth) == 0.0
    assert ap(roots(), [], truth) == 0.0


def test_25_cm_is_where_right_ends():
    truth = roots((0, 3.0))
    assert ap(roots((0, 3.2499)), [1.0], truth) == 1.0
    assert ap(roots((0, 3.25)), [1.0], truth) == 0.0


def test_a_second_prediction_of_the_same_person_is_wrong():
    truth = roots((0, 3.0), (0, 9.0))
    predicted = roots((0, 3.0), (0, 3.01), (0, 9.0))
    assert ap(predicted, [0.9, 0.8, 0.7], truth) == pytest.approx((1 + 2 / 3) / 2)


def test_the_nearest_person_is_taken_even_where_another_one_is_free():
    truth = roots((0, 3.0), (0, 3.2))
    predicted = roots((0, 3.0), (0, 3.05))
    assert ap(predicted, [0.9, 0.8], truth) == pytest.approx(0.5)


def test_images_without_a_true_person_do_not_count():
    truth = roots((0, 3.0))
    assert ap(roots((7, 3.0), (0, 3.0)), [0.9, 0.5], truth) == 1.0
    assert ap(roots((0, 3.0)), [0.9], roots()) == 0.0


def test_people_of_other_images_are_not_found():
    assert ap(roots((0, 3.0), (1, 3.0)), [0.9, 0.5], roots((0, 8.0), (1, 3.0))) == 0.25


def searched(predicted: Roots, scores: Float64, truth: Roots) -> float:
    """Precision and recall after every prediction, then the area, one step after the other."""
    right, taken, steps = 0, set[int](), [(0.0, 0.0)]
    for count, n in enumerate(sorted(range(len(scores)), key=lambda k: -scores[k]), start=1):
        mine = [m for m in range(len(truth.images)) if truth.images[m] == predicted.images[n]]
        away = {m: float(np.linalg.norm(truth.positions[m] - predicted.positions[n])) for m in mine}
        best = min(away, key=lambda m: away[m])
        if away[best] < 0.25 and best not in taken:
            taken.add(best)
            right += 1
        steps.append((right / len(truth.images), right / count))
    return sum(new[1] * (new[0] - old[0]) for old, new in pairwise(steps))


@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_is_what_the_search_finds(seed: int):
    rng = np.random.default_rng(seed)
    truth = Roots(positions=rng.uniform(0, 1.0, (40, 3)), images=rng.permutation(np.arange(40) % 8))
    noise = rng.normal(0, 0.15, (40, 3))
    predicted = Roots(positions=truth.positions + noise, images=truth.images)
    scores = rng.uniform(0, 1, 40)
    found = root_average_precision(predicted, scores, truth)
    assert 0.05 < found < 0.95
    assert found == pytest.approx(searched(predicted, scores, truth))


def test_roots_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="roots need"):
        Roots(positions=np.zeros((2, 2)), images=np.zeros(2, dtype=np.int64))
