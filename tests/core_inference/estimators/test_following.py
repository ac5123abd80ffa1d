"""One person followed: confirmed, doubted, let go; and one body that two regions follow."""

import json

import numpy as np
import pytest

from pose2rig.core_inference.estimators.base import Float32
from pose2rig.core_inference.estimators.body_landmarks import Body
from pose2rig.core_inference.estimators.following import (
    CHECK_EVERY,
    DOUBT_EVERY,
    MISSES,
    Follower,
    doubles,
)
from pose2rig.core_inference.estimators.person_detector import Detection
from pose2rig.core_inference.estimators.questions import Followed
from pose2rig.core_inference.estimators.regions import Region

RADIUS = 200.0
LIMBS = [13, 14, 15, 16, 25, 26, 27, 28]


def body_at(x: float, y: float = 400.0, flail: float = 0.0) -> Float32:
    body = np.zeros((33, 5), dtype=np.float32)
    body[:, :2] = np.random.default_rng(3).normal(0, 60, (33, 2))
    body[[23, 24], :2] = [(-20, 0), (20, 0)]
    body[LIMBS, :2] += flail
    body[:, :2] += (x, y)
    return body


def seen_at(x: float, flail: float = 0.0) -> Body:
    where = Region(x=x, y=400.0, size=2.5 * RADIUS, angle=0.1)
    world = np.zeros((33, 3), dtype=np.float32)
    return Body(points=body_at(x, flail=flail), world=world, score=1.0, next=where)


def detection(x: float, radius: float = RADIUS) -> Detection:
    box = (x - 50.0, 200.0, 100.0, 100.0)
    return Detection(score=0.9, box=box, x=x, y=400.0, radius=radius, angle=0.0)


def followed(
    x: float, last_s: float, *, flail: float = 0.0, proven: bool = True, number: int = 0
) -> Follower:
    where = Followed(body=Region(x=x, y=400.0, size=2.5 * RADIUS, angle=0.0))
    person = Follower(
        number=number,
        where=where,
        since_s=0.0,
        confirmed_s=0.0,
        plain_s=0.0,
        sure=True,
        proven=proven,
    )
    for index in range(round(last_s * 30) + 1):
        person.see(seen_at(x, flail * (index % 2)), True, index / 30)
    return person


def test_a_detection_at_the_hips_is_this_person() -> None:
    person = followed(300, 0.2)
    assert person.radius == pytest.approx(RADIUS)
    assert person.explains(detection(380))
    assert not person.explains(detection(420))
    assert not person.explains(detection(380, radius=100))


def test_somebody_seen_once_is_let_go_soon() -> None:
    seen_once = followed(300, 0.5, proven=False)
    seen_once.check()
    assert not seen_once.is_over(0.3)
    assert seen_once.is_over(0.5)


def test_at_a_slow_rate_nobody_is_let_go_before_the_second_look() -> None:
    assert not followed(300, 1.0, proven=False).is_over(1.0)


def test_a_detection_is_compared_with_the_frame_that_was_searched() -> None:
    person = followed(300, 0.2)
    person.search_here()
    person.see(seen_at(600), True, 0.3)
    assert person.explains(detection(310))
    assert not person.explains(detection(600))
    person.search_here()
    assert person.explains(detection(600))
    restored = Follower.from_state(json.loads(json.dumps(person.state())))
    assert restored.searched == person.searched


def test_a_second_detection_proves_a_person() -> None:
    person = followed(300, 0.3, proven=False)
    person.confirm(0.9, 0.0)
    assert not person.proven
    person.confirm(0.9, 0.3)
    assert person.proven
    assert not person.is_over(0.9)


def test_a_weak_detection_confirms_whom_a_better_one_proved() -> None:
    person = followed(300, 0.3, proven=False)
    person.confirm(0.55, 0.2)
    assert not person.proven
    person.confirm(0.65, 0.3)
    person.confirm(0.55, 0.4)
    assert person.proven
    assert person.confirmed_s == 0.4


def test_who_comes_back_near_in_the_same_clothes_is_the_one_lost() -> None:
    red, blue = np.zeros(24, dtype=np.float32), np.zeros(24, dtype=np.float32)
    red[[0, 12]], blue[[5, 17]] = 0.5, 0.5
    lost, back = followed(300, 0.3), followed(450, 0.0, proven=False)
    lost.look_like(red)
    back.look_like(red)
    assert lost.may_be(back)
    stranger, far = followed(450, 0.0, proven=False), followed(800, 0.0, proven=False)
    stranger.look_like(blue)
    far.look_like(red)
    assert not lost.may_be(stranger)
    assert not lost.may_be(far)


def test_only_a_sure_or_proven_person_is_believed() -> None:
    person = followed(300, 0.1, proven=False)
    assert person.is_believed
    person.sure = False
    assert not person.is_believed
    person.confirm(0.9, 0.1)
    assert person.is_believed


def test_what_rarely_looks_human_is_believed_after_two_detections_only() -> None:
    person = followed(300, 0.1, proven=False)
    for index in range(8):
        person.see(seen_at(300), False, 0.2 + index / 30)
    assert not person.is_believed
    person.confirm(0.9, 0.5)
    assert person.is_believed


def test_an_unconfirmed_person_is_kept_unless_the_limbs_flail() -> None:
    assert not followed(300, 1.5).is_over(1.5)
    flailing = followed(300, 1.5, flail=40.0)
    for _ in range(MISSES):
        assert not flailing.is_over(1.5)
        flailing.check()
    assert flailing.is_over(1.5)
    flailing.confirm(0.55, 1.4)
    assert not flailing.is_over(1.5)


def test_a_doubted_person_is_checked_more_often() -> None:
    person = followed(300, 0.0)
    waits: list[int] = []
    for time_s in (0.5, 1.5):
        person.unchecked = 0
        while not person.is_due(time_s):
            person.unchecked += 1
        waits.append(person.unchecked)
    assert waits == [CHECK_EVERY, DOUBT_EVERY]


def test_of_two_on_one_body_the_one_that_jumped_there_leaves() -> None:
    stayed, jumped = followed(300, 0.5), followed(500, 0.5, number=1)
    assert doubles([stayed, jumped]) == []
    jumped.see(seen_at(305), True, 0.6)
    stayed.see(seen_at(302), True, 0.6)
    assert doubles([stayed, jumped]) == [jumped]
    assert doubles([jumped, stayed]) == [jumped]


def test_a_newcomer_on_a_known_body_leaves() -> None:
    known, newcomer = followed(300, 0.5), followed(302, 0.0, proven=False, number=1)
    assert doubles([known, newcomer]) == [newcomer]


def test_state_goes_round_trip() -> None:
    person = followed(300, 0.7, flail=3.0)
    again = Follower.from_state(json.loads(json.dumps(person.state())))
    assert again.state() == person.state()
    assert again.where == person.where
    for (_, body), (_, before) in zip(again.history, person.history, strict=True):
        np.testing.assert_array_equal(body, before)
    for one in (person, again):
        one.see(seen_at(310), True, 0.8)
    assert again.state() == person.state()
