"""People over time: ids, cuts, gaps, and whom to keep."""

import numpy as np
import pytest

from pose2rig.core_inference.estimators.base import PersonPose
from pose2rig.core_inference.footage import Frame
from pose2rig.core_inference.people import Box, PersonTrack, PersonTracker, choose

FPS = 30.0
IMAGE = np.zeros((8, 8, 3), dtype=np.uint8)
SIZE = (1920, 1080)


def frame(index: int, fps: float = FPS) -> Frame:
    return Frame(index=index, time_s=index / fps, image=IMAGE)


def pose(box: Box, score: float = 0.9) -> PersonPose:
    return PersonPose(
        joints2d=np.zeros((55, 2), dtype=np.float32),
        scores=np.full(55, score, dtype=np.float32),
        box=box,
    )


def box_at(x: float, y: float, width: float = 150.0, height: float = 400.0) -> Box:
    return (x - width / 2, y - height / 2, width, height)


def follow(boxes: dict[int, Box], cuts: tuple[int, ...] = (), fps: float = FPS) -> PersonTracker:
    tracker = PersonTracker()
    for index in range(max(boxes) + 1):
        seen = pose(boxes[index]) if index in boxes else None
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
    )


def test_a_walker_keeps_one_id() -> None:
    tracks = follow({i: box_at(1500 - 8 * i, 600) for i in range(150)}).tracks()
    assert [t.person_id for t in tracks] == [0]
    assert tracks[0].frame_index.tolist() == list(range(150))
    assert tracks[0].boxes.shape == (150, 4)


def test_a_runner_at_five_frames_per_second_keeps_one_id() -> None:
    tracks = follow({i: box_at(100 + 250 * i, 600) for i in range(7)}, fps=5.0).tracks()
    assert len(tracks) == 1


def test_a_jump_to_somebody_else_is_a_new_id_and_the_way_back_the_old_one() -> None:
    here, there = box_at(300, 600), box_at(1500, 600)
    tracker = PersonTracker()
    ids: list[int] = []
    for index in range(90):
        seen = tracker.observe(frame(index), pose(there if 30 <= index < 60 else here), False)
        assert seen is not None
        ids.append(seen.person_id)
    assert ids == [0] * 30 + [1] * 30 + [0] * 30


def test_a_person_lost_for_a_second_and_found_nearby_keeps_the_id() -> None:
    boxes = {i: box_at(400 + 6 * i, 600) for i in (*range(40), *range(70, 110))}
    tracks = follow(boxes).tracks()
    assert len(tracks) == 1
    assert len(tracks[0].frame_index) == 80


def test_a_frame_without_a_pose_is_nobody() -> None:
    tracker = PersonTracker()
    assert tracker.observe(frame(0), None, False) is None
    assert tracker.tracks() == ()


def test_a_cut_starts_a_new_person_in_the_same_place() -> None:
    tracks = follow({i: box_at(900, 500) for i in range(60)}, cuts=(25,)).tracks()
    assert [(t.person_id, t.shot, len(t.frame_index)) for t in tracks] == [(0, 0, 25), (1, 1, 35)]


def test_a_cut_in_a_frame_without_a_pose_counts_too() -> None:
    boxes = {i: box_at(900, 500) for i in (*range(20), *range(22, 40))}
    tracks = follow(boxes, cuts=(21,)).tracks()
    assert [t.shot for t in tracks] == [0, 1]


def test_legs_coming_into_view_are_no_new_person() -> None:
    boxes = {i: (800.0, 100.0, 200.0, 250.0 if i < 30 else 900.0) for i in range(60)}
    assert len(follow(boxes).tracks()) == 1


def test_the_person_with_the_most_box_over_time_is_chosen() -> None:
    near = track(60, box=(100, 100, 300, 800), person_id=0)
    far = track(100, box=(900, 300, 60, 160), person_id=1)
    assert choose((near, far), SIZE) == (near,)


def test_each_shot_keeps_its_own_person() -> None:
    first = track(60, box=(100, 100, 300, 800), person_id=0, shot=0)
    bystander = track(60, box=(900, 300, 60, 160), person_id=1, shot=0)
    second = track(40, box=(900, 300, 100, 260), person_id=2, shot=1)
    assert choose((first, bystander, second), SIZE) == (first, second)


def test_boxes_count_within_the_image_only() -> None:
    outside = track(60, box=(1900, 0, 2000, 1000), person_id=0)
    inside = track(60, box=(500, 300, 150, 400), person_id=1)
    assert choose((outside, inside), SIZE) == (inside,)


def test_half_a_second_is_the_least_a_person_lives() -> None:
    glimpse = track(14, box=(100, 100, 600, 900), person_id=0)
    person = track(16, box=(900, 300, 60, 160), person_id=1)
    assert choose((glimpse, person), SIZE) == (person,)


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_or_a_very_short_clip_keeps_its_person(count: int) -> None:
    only = follow({i: box_at(900, 500) for i in range(count)}).tracks()
    assert [t.person_id for t in choose(only, SIZE)] == [0]


def test_glimpses_that_never_last_are_nobody_however_many() -> None:
    flicker = follow({i: box_at(900, 500) for i in range(300) if i % 10 < 6}).tracks()
    assert [len(t.frame_index) for t in flicker] == [180]
    assert choose(flicker, SIZE) == ()


def test_a_statue_is_dropped() -> None:
    statue = track(120, box=(300, 100, 200, 400), score=0.3, sway=0.5, person_id=0)
    person = track(60, box=(900, 300, 80, 200), person_id=1)
    assert choose((statue, person), SIZE) == (person,)
    assert choose((statue,), SIZE) == ()


def test_a_still_person_who_is_clearly_seen_is_no_statue() -> None:
    sitter = track(300, box=(300, 100, 400, 700), score=0.8, sway=0.2)
    assert choose((sitter,), SIZE) == (sitter,)


def test_a_still_talking_head_is_no_statue() -> None:
    tracker = PersonTracker()
    scores = np.zeros(55, dtype=np.float32)
    scores[[15, 23, 24]] = 0.95
    joints2d = np.zeros((55, 2), dtype=np.float32)
    for index in range(90):
        head = PersonPose(joints2d=joints2d, scores=scores, box=(300.0, 100.0, 400.0, 400.0))
        tracker.observe(frame(index), head, False)
    assert [t.person_id for t in choose(tracker.tracks(), SIZE)] == [0]


def test_a_badly_seen_person_who_moves_is_no_statue() -> None:
    walker = track(300, box=(300, 100, 100, 200), score=0.3, sway=30)
    assert choose((walker,), SIZE) == (walker,)


def test_nobody_gives_nobody() -> None:
    assert choose((), SIZE) == ()
