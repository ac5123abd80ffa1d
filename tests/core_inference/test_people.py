"""People over time: tracklets, cuts, crossings, absences, and whom to keep."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from pose2rig.core_inference.estimators.base import PersonPose
from pose2rig.core_inference.people import (
    Observation,
    PersonTrack,
    PersonTracker,
    choose,
    link,
)
from pose2rig.core_inference.sightings import Box

from .crowds import BLUE, FPS, RED, Scene, box_at, frame, pose, watch

SIZE = (1920, 1080)


def follow(boxes: dict[int, Box], cuts: tuple[int, ...] = (), fps: float = FPS) -> PersonTracker:
    tracker = PersonTracker()
    for index in range(max(boxes) + 1):
        seen = [pose(boxes[index])] if index in boxes else []
        tracker.observe(frame(index, fps), seen, index in cuts)
    return tracker


def track(
    count: int,
    *,
    box: Box,
    score: float = 0.9,
    sway: float = 5.0,
    person_id: int = 0,
    shot: int = 0,
) -> PersonTrack:
    """A track of so many frames in a shot of ten seconds; shorter ones come from `follow`."""
    index = np.arange(count)
    boxes = np.tile(np.array(box, dtype=np.float32), (count, 1))
    boxes[:, 0] += (sway * np.sin(index)).astype(np.float32)
    return PersonTrack(
        person_id=person_id,
        shot=shot,
        shot_s=10.0,
        frame_index=index.astype(np.int64),
        time_s=index / FPS,
        boxes=boxes,
        scores=np.full(count, score, dtype=np.float32),
        body_scores=np.full(count, score, dtype=np.float32),
        parts=(person_id,),
    )


def chosen(tracks: tuple[PersonTrack, ...]) -> list[tuple[int, ...]]:
    """The parts of the people chosen, in order."""
    return [kept.parts for kept in choose(tracks, SIZE)]


def test_a_walker_keeps_one_id() -> None:
    tracks = follow({i: box_at(1500 - 8 * i, 600) for i in range(150)}).tracks()
    assert [t.person_id for t in tracks] == [0]
    assert tracks[0].frame_index.tolist() == list(range(150))
    assert tracks[0].boxes.shape == (150, 4)
    assert tracks[0].parts == (0,)


def test_a_runner_at_five_frames_per_second_keeps_one_id() -> None:
    boxes = {i: box_at(100 + 250 * i, 600) for i in range(7)}
    assert len(follow(boxes, fps=5.0).tracks()) == 1


def test_a_jump_to_somebody_else_is_a_new_person_and_the_way_back_the_old_one() -> None:
    here, there = box_at(300, 600), box_at(1500, 600)
    boxes = {i: there if 30 <= i < 60 else here for i in range(90)}
    people = link(follow(boxes).tracks())
    assert [person.frame_index.tolist() for person in people] == [
        [*range(30), *range(60, 90)],
        [*range(30, 60)],
    ]


def test_a_person_lost_for_a_second_and_found_nearby_is_linked() -> None:
    boxes = {i: box_at(400 + 6 * i, 600) for i in (*range(40), *range(70, 110))}
    tracks = follow(boxes).tracks()
    people = link(tracks)
    assert [t.parts for t in tracks] == [(0,), (1,)]
    assert [t.parts for t in people] == [(0, 1)]
    assert people[0].frame_index.tolist() == sorted(boxes)
    assert people[0].boxes.shape == (80, 4)


def test_a_frame_without_a_pose_is_nobody() -> None:
    tracker = PersonTracker()
    assert tracker.observe(frame(0), [], False) == []
    assert tracker.tracks() == ()
    assert link(()) == ()


def test_a_cut_starts_a_new_person_in_the_same_place() -> None:
    tracks = follow({i: box_at(900, 500) for i in range(60)}, cuts=(25,)).tracks()
    expected = [(0, 0, 25), (1, 1, 35)]
    assert [(t.person_id, t.shot, len(t.frame_index)) for t in tracks] == expected
    assert [(t.person_id, t.shot, len(t.frame_index)) for t in link(tracks)] == expected


def test_a_cut_in_a_frame_without_a_pose_counts_too() -> None:
    boxes = {i: box_at(900, 500) for i in (*range(20), *range(22, 40))}
    tracks = follow(boxes, cuts=(21,)).tracks()
    assert [t.shot for t in tracks] == [0, 1]


def test_a_forgotten_shot_is_gone_and_its_numbers_with_it() -> None:
    tracker = follow({i: box_at(900, 500) for i in range(30)})
    tracker.forget_shot()
    assert tracker.tracks() == ()
    watch(tracker, lambda _: [pose(box_at(900, 500))], range(30, 60), cuts=(30,))
    after = tracker.tracks()
    assert [(t.person_id, t.shot, len(t.frame_index)) for t in after] == [(1, 1, 30)]
    assert after[0].shot_s == pytest.approx(29 / FPS)


def test_legs_coming_into_view_are_no_new_person() -> None:
    tracker = PersonTracker()
    for index in range(60):
        whole = pose((800.0, 100.0, 200.0, 900.0))
        scores = whole.scores.copy()
        if index < 30:
            scores[whole.joints2d[:, 1] > 350] = 0
        height = 250.0 if index < 30 else 900.0
        seen = PersonPose(joints2d=whole.joints2d, scores=scores, box=(800.0, 100.0, 200.0, height))
        tracker.observe(frame(index), [seen], False)
    assert len(tracker.tracks()) == 1


def passing(looks: tuple[tuple[float, ...] | None, ...], swap: bool) -> Scene:
    """Two people walk past each other; while they overlap only the one in front is seen.

    With `swap` the estimator's regions change places there.
    """

    def scene(index: int) -> Iterator[PersonPose]:
        xs = (300.0 + 12.0 * index, 1500.0 - 12.0 * index)
        hidden = abs(xs[0] - xs[1]) < 90
        for number, (x, colours) in enumerate(zip(xs, looks, strict=True)):
            if hidden and number == 1:
                continue
            region = number if not swap or index < 50 else 1 - number
            swing = 0.1 * np.sin(0.4 * index + number)
            yield pose(box_at(x, 600), followed=region, looks=colours, swing=swing)

    return scene


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("looks", [(None, None), (RED, BLUE)])
def test_two_people_passing_keep_their_identities(
    looks: tuple[tuple[float, ...] | None, ...], swap: bool
) -> None:
    tracker = PersonTracker()
    watch(tracker, passing(looks, swap), range(100))
    people = choose(link(tracker.tracks()), SIZE)
    assert len(people) == 2
    ways = sorted((float(p.boxes[0, 0]), float(p.boxes[-1, 0])) for p in people)
    assert ways == [(225.0, 1413.0), (1425.0, 237.0)]
    assert min(len(p.frame_index) for p in people) > 85


def test_two_who_meet_and_turn_back_are_told_apart_by_their_clothes() -> None:
    def scene(index: int) -> Iterator[PersonPose]:
        apart = 20.0 + 10.0 * abs(index - 50)
        for number, (way, looks) in enumerate(((-1, RED), (1, BLUE))):
            if apart > 40 or number == 0:
                region = number if index < 50 else 1 - number
                yield pose(box_at(900 + way * apart, 600), followed=region, looks=looks)

    tracker = PersonTracker()
    watch(tracker, scene, range(100))
    people = choose(link(tracker.tracks()), SIZE)
    assert len(people) == 2
    for person in people:
        assert np.sign(person.boxes[0, 0] - 825) == np.sign(person.boxes[-1, 0] - 825)


def test_a_region_that_jumps_onto_the_neighbour_takes_no_identity_along() -> None:
    def scene(index: int) -> Iterator[PersonPose]:
        yield pose(box_at(900, 600), followed=0 if index < 40 else 7, looks=RED)
        if index < 40:
            yield pose(box_at(980, 600), followed=1, looks=BLUE)
        if index >= 40:
            yield pose(box_at(985, 600), followed=0, looks=BLUE)

    tracker = PersonTracker()
    seen = watch(tracker, scene, range(80))
    assert tracklets_of(seen, 0).isdisjoint(tracklets_of(seen, 1, before=40))
    people = choose(link(tracker.tracks()), SIZE)
    assert sorted(len(p.frame_index) for p in people) == [80, 80]
    assert sorted({float(x) for p in people for x in np.ptp(p.boxes[:, :1], axis=0)}) == [0.0, 5.0]


def tracklets_of(seen: list[Observation], region: int, before: int = 1000) -> set[int]:
    return {o.person_id for o in seen if o.pose.followed == region and o.frame_index < before}


def test_a_person_behind_a_pillar_comes_out_again() -> None:
    def scene(index: int) -> Iterator[PersonPose]:
        if not 40 <= index < 58:
            yield pose(box_at(300 + 8 * index, 600), followed=int(index >= 58))

    tracker = PersonTracker()
    watch(tracker, scene, range(110))
    assert [p.parts for p in link(tracker.tracks())] == [(0, 1)]


def test_who_leaves_and_who_enters_elsewhere_are_two_people() -> None:
    def scene(index: int) -> Iterator[PersonPose]:
        if index < 50:
            yield pose(box_at(1800 + 2 * index, 600), looks=RED)
        if index >= 60:
            yield pose(box_at(100 + 2 * index, 600), followed=1, looks=BLUE)

    tracker = PersonTracker()
    watch(tracker, scene, range(120))
    assert len(choose(link(tracker.tracks()), SIZE)) == 2


def five(index: int) -> Iterator[PersonPose]:
    """Five people in a row who wave; the order they are reported in changes."""
    numbers = np.random.default_rng(index).permutation(5).tolist()
    for number in numbers:
        sway = 30.0 * np.sin(0.1 * index + number)
        looks = (BLUE, RED)[number % 2]
        yield pose(
            box_at(250 + 330 * number + sway, 500, 100 + 10 * number, 300 + 20 * number),
            followed=number,
            looks=looks,
            swing=0.1 * np.sin(0.3 * index),
        )


def test_five_people_are_five_whatever_order_they_come_in() -> None:
    tracker = PersonTracker()
    seen = watch(tracker, five, range(90))
    assert len(seen) == 450
    assert all(len({o.pose.followed for o in seen if o.person_id == n}) == 1 for n in range(5))
    people = choose(link(tracker.tracks()), SIZE)
    assert [p.person_id for p in people] == [0, 1, 2, 3, 4]
    assert [len(p.frame_index) for p in people] == [90] * 5
    areas = [float(np.prod(p.boxes[0, 2:])) for p in people]
    assert areas == sorted(areas, reverse=True)


@pytest.mark.parametrize("scene", [five, passing((RED, BLUE), True), passing((None, None), False)])
def test_a_tracker_restored_at_any_frame_goes_on_alike(scene: Scene) -> None:
    """Equal states after one more frame, from every frame on, make equal all that follows."""
    whole, restored = PersonTracker(), PersonTracker()
    for index in range(90):
        restored = PersonTracker()
        restored.restore(json.loads(json.dumps(whole.state())))
        expected = watch(whole, scene, [index])
        found = watch(restored, scene, [index])
        assert [o.person_id for o in found] == [o.person_id for o in expected]
        assert restored.state() == whole.state()
    for one, other in zip(restored.tracks(), whole.tracks(), strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.time_s, other.time_s)
        np.testing.assert_array_equal(one.body_scores, other.body_scores)


def test_the_person_with_the_most_box_over_time_comes_first() -> None:
    near = track(60, box=(100, 100, 300, 800), person_id=0)
    far = track(100, box=(900, 300, 60, 160), person_id=1)
    assert chosen((far, near)) == [(0,), (1,)]


def test_who_is_seen_better_comes_before_a_slightly_larger_one() -> None:
    dark = track(60, box=(100, 100, 300, 800), score=0.6, person_id=0)
    clear = track(60, box=(900, 100, 280, 780), score=0.9, person_id=1)
    assert chosen((dark, clear)) == [(1,), (0,)]


def test_who_is_seen_steadily_comes_before_a_figure_that_flickers() -> None:
    flickers = track(60, box=(100, 100, 300, 800), sway=200.0, person_id=0)
    walker = track(60, box=(900, 100, 250, 700), person_id=1)
    assert chosen((flickers, walker)) == [(1,), (0,)]


def test_people_come_shot_by_shot() -> None:
    first = track(60, box=(100, 100, 300, 800), person_id=0, shot=0)
    bystander = track(60, box=(900, 300, 60, 160), person_id=1, shot=0)
    second = track(40, box=(900, 300, 100, 260), person_id=2, shot=1)
    tracks = (first, bystander, second)
    assert chosen(tracks) == [(0,), (1,), (2,)]
    assert [kept.person_id for kept in choose(tracks, SIZE)] == [0, 1, 2]


def test_boxes_count_within_the_image_only() -> None:
    outside = track(60, box=(1900, 0, 2000, 1000), person_id=0)
    inside = track(60, box=(500, 300, 150, 400), person_id=1)
    assert chosen((outside, inside)) == [(1,), (0,)]


def test_half_a_second_is_the_least_a_person_lives() -> None:
    glimpse = track(14, box=(100, 100, 600, 900), person_id=0)
    person = track(16, box=(900, 300, 60, 160), person_id=1)
    assert chosen((glimpse, person)) == [(1,)]


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_or_a_very_short_clip_keeps_its_person(count: int) -> None:
    only = follow({i: box_at(900, 500) for i in range(count)}).tracks()
    assert chosen(link(only)) == [(0,)]


def test_glimpses_that_never_last_are_nobody_however_many() -> None:
    flicker = follow({i: box_at(900, 500) for i in range(300) if i % 10 < 6}).tracks()
    assert [len(t.frame_index) for t in flicker] == [180]
    assert choose(flicker, SIZE) == ()


def test_a_statue_is_dropped() -> None:
    statue = track(120, box=(300, 100, 200, 400), score=0.3, sway=0.5, person_id=0)
    person = track(60, box=(900, 300, 80, 200), person_id=1)
    assert chosen((statue, person)) == [(1,)]
    assert choose((statue,), SIZE) == ()


def test_a_second_track_of_the_same_person_is_dropped() -> None:
    person = track(90, box=(100, 100, 300, 800), person_id=0)
    double = track(60, box=(110, 120, 290, 760), person_id=1)
    beside = track(60, box=(350, 100, 300, 800), person_id=2)
    assert chosen((person, double, beside)) == [(0,), (2,)]


def test_a_still_person_who_is_clearly_seen_is_no_statue() -> None:
    sitter = track(300, box=(300, 100, 400, 700), score=0.8, sway=0.2)
    assert chosen((sitter,)) == [(0,)]


def test_a_still_talking_head_is_no_statue() -> None:
    tracker = PersonTracker()
    scores = np.zeros(55, dtype=np.float32)
    scores[[15, 23, 24]] = 0.95
    joints2d = np.zeros((55, 2), dtype=np.float32)
    for index in range(90):
        head = PersonPose(joints2d=joints2d, scores=scores, box=(300.0, 100.0, 400.0, 400.0))
        tracker.observe(frame(index), [head], False)
    assert chosen(tracker.tracks()) == [(0,)]


def test_a_badly_seen_person_who_moves_is_no_statue() -> None:
    walker = track(300, box=(300, 100, 100, 200), score=0.3, sway=30)
    assert chosen((walker,)) == [(0,)]


def test_nobody_gives_nobody() -> None:
    assert choose((), SIZE) == ()
