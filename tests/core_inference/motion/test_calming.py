"""Calming a clip: part by part, without moving what is not asked for."""

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.clip import Clip, replaced
from pose2rig.core_inference.motion.calming import FILTERS, Strength, calmed
from pose2rig.core_inference.motion.posing import quaternions, with_pose
from pose2rig.core_inference.motion.smoothing import Cutoffs
from pose2rig.rigs.rotation import normalized
from pose2rig.rigs.skeleton import BODY_PARTS

from ..known_motions import clip_of, random_motion


@pytest.fixture(scope="module")
def shaking(body: BodyModel) -> Clip:
    """A known motion whose joints tremble by a degree and whose root by a centimetre."""
    motion, time_s = random_motion(body, seed=31, seconds=2.0)
    clip = clip_of(motion, body, time_s)
    rng = np.random.default_rng(1)
    turns = quaternions(clip)
    turns = normalized(turns + rng.normal(0.0, 0.01, turns.shape))
    return with_pose(clip, turns, clip.trans + rng.normal(0.0, 0.01, clip.trans.shape))


def strength(name: str, smooth: float = 0.5, hands: float = 0.5) -> Strength:
    return Strength(smooth=smooth, hands=hands, filter=name)


def changed_joints(one: Clip, other: Clip) -> list[int]:
    apart = np.abs(one.poses - other.poses).reshape(-1, 55, 3).max(axis=(0, 2))
    return np.flatnonzero(apart > 1e-3).tolist()


@pytest.mark.parametrize("name", FILTERS)
def test_parts_of_the_body_are_calmed_apart(shaking: Clip, name: str) -> None:
    """Arms held far more than the rest: the legs are as they were, the arms are not."""
    plain = calmed(shaking, strength(name), Cutoffs())
    arms = calmed(shaking, strength(name), Cutoffs(arms=1.0))
    assert changed_joints(plain, arms) == [13, 14, 16, 17, 18, 19]


@pytest.mark.parametrize("name", FILTERS)
def test_hands_have_a_strength_of_their_own(shaking: Clip, name: str) -> None:
    hands = calmed(shaking, strength(name, smooth=0.0), Cutoffs())
    assert changed_joints(hands, shaking) == sorted([*BODY_PARTS["wrists"], *BODY_PARTS["fingers"]])
    np.testing.assert_allclose(hands.trans, shaking.trans, atol=1e-6)


@pytest.mark.parametrize("name", FILTERS)
def test_what_trembles_comes_nearer_to_the_truth(shaking: Clip, body: BodyModel, name: str) -> None:
    truth = random_motion(body, seed=31, seconds=2.0)[0].joints
    off = [
        np.linalg.norm((clip.joints - clip.joints[:, :1]) - (truth - truth[:, :1]), axis=-1).mean()
        for clip in (calmed(shaking, strength(name), Cutoffs()), shaking)
    ]
    assert off[0] < 0.9 * off[1]


@pytest.mark.parametrize("name", FILTERS)
def test_no_strength_and_a_single_frame_are_left_alone(shaking: Clip, name: str) -> None:
    assert calmed(shaking, strength(name, smooth=0.0, hands=0.0), Cutoffs()) is shaking


@pytest.mark.parametrize("name", FILTERS)
def test_an_unsure_frame_leans_on_its_neighbours(shaking: Clip, name: str) -> None:
    scores = shaking.scores.copy()
    scores[30] = 0.0
    turns = quaternions(shaking)
    turns[30, 18] = turns[30, 18][[1, 0, 2, 3]]
    odd = replaced(with_pose(shaking, turns, shaking.trans.astype(np.float64)), scores=scores)
    sure = replaced(odd, scores=np.ones_like(scores))
    slow = Cutoffs(arms=3.0)
    near = calmed(shaking, strength(name), slow).poses[30]
    unsure, believed = (calmed(clip, strength(name), slow).poses[30] for clip in (odd, sure))
    assert np.abs(unsure - near).max() < 0.3 * np.abs(believed - near).max()
