"""What landmarks say: how sure their source is, and what nobody saw has no say."""

from dataclasses import replace

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.motion.evidence import LINKS, NAMES, SUREST, noise_of
from pose2rig.core_inference.motion.points import points_from_raw
from pose2rig.core_inference.synthetic import exact_take

from ..known_motions import random_motion


@pytest.fixture(scope="module")
def raw(body: BodyModel) -> RawTake:
    motion, time_s = random_motion(body, seed=11)
    return exact_take(motion, body, time_s)


def shaken(raw: RawTake, sigma_m: float) -> RawTake:
    """Depth off by so much in each frame, as an estimator's is."""
    noise = np.zeros(raw.landmarks3d.shape)
    noise[..., 2] = np.random.default_rng(1).normal(0.0, sigma_m, noise.shape[:2])
    return replace(raw, landmarks3d=(raw.landmarks3d + noise).astype(np.float32))


def test_exact_landmarks_are_known_for_exact(raw: RawTake, body: BodyModel) -> None:
    assert noise_of(points_from_raw(raw, body)) == pytest.approx(SUREST)


def test_an_estimators_landmarks_are_as_unsure_as_any(raw: RawTake, body: BodyModel) -> None:
    assert noise_of(points_from_raw(shaken(raw, 0.05), body)) == 1.0


def test_the_surer_the_less_noise(raw: RawTake, body: BodyModel) -> None:
    noise = [noise_of(points_from_raw(shaken(raw, s), body)) for s in (0.0, 0.001, 0.002, 0.02)]
    assert noise == sorted(noise)
    assert noise[1] < 0.5 < noise[3]


def test_unseen_limbs_do_not_make_a_source_unsure(raw: RawTake, body: BodyModel) -> None:
    columns = [raw.landmark_names.index(f"body_left_{n}") for n in ("elbow", "wrist")]
    scores, places = raw.landmark_scores.copy(), raw.landmarks3d.copy()
    scores[10:40, columns], places[10:40, columns] = 0.0, 0.0
    blind = replace(raw, landmark_scores=scores, landmarks3d=places)
    assert noise_of(points_from_raw(blind, body)) == pytest.approx(SUREST)


def test_links_say_nothing_of_where_the_person_is() -> None:
    np.testing.assert_allclose(LINKS.sum(axis=1), 0.0, atol=1e-12)
    assert (np.abs(LINKS).sum(axis=0) > 0.0).all()
    assert LINKS.shape[1] == len(NAMES)
