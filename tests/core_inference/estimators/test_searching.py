"""Where the detector looks: everywhere at first, then where it pays."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.following import CHECK_EVERY, Follower
from pose2rig.core_inference.estimators.person_detector import Detection, Window
from pose2rig.core_inference.estimators.questions import Followed
from pose2rig.core_inference.estimators.regions import Image, Region
from pose2rig.core_inference.estimators.searching import (
    SAME_EVERY,
    Found,
    Searcher,
    merged,
)
from pose2rig.core_inference.estimators.windows import tiles_of

WIDTH, HEIGHT = 1280, 720


def room() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(60, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8)


def person_at(x: float, y: float, radius: float) -> Follower:
    where = Followed(body=Region(x=x, y=y, size=2.5 * radius, angle=0.0))
    person = Follower(number=0, where=where, since_s=0.0, confirmed_s=0.0, plain_s=0.0, proven=True)
    person.history.append((0.0, np.full((33, 2), (x, y), dtype=np.float32)))
    return person


def look(searcher: Searcher, image: Image, people: list[Follower], index: int) -> list[Window]:
    for person in people:
        person.unchecked += 1
    return [window for _, window in searcher.plan(image, people, index / 30).windows]


@pytest.mark.parametrize("size", [(1920, 1080), (1088, 1920), (960, 540), (640, 480)])
def test_everybody_fits_into_a_window(size: tuple[int, int]) -> None:
    width, height = size
    scales = tiles_of(width, height)
    assert scales
    for tiles in scales:
        side = tiles[0][2]
        high, wide = 0.4 * side, 0.2 * side
        for x in np.linspace(0, width - wide, 40):
            for y in np.linspace(0, height - high, 40):
                assert any(
                    left <= x + 1
                    and top <= y + 1
                    and x + wide <= left + w + 1
                    and y + high <= top + h + 1
                    for left, top, w, h in tiles
                )


def test_a_person_of_90_px_in_full_hd_fills_a_fifth_of_a_window() -> None:
    assert 90 / tiles_of(1920, 1080)[-1][0][2] > 0.2


def test_the_first_frame_is_searched_in_full() -> None:
    windows = look(Searcher(), room(), [], 0)
    everything = [(0, 0, WIDTH, HEIGHT), *(t for tiles in tiles_of(WIDTH, HEIGHT) for t in tiles)]
    assert windows == everything


def test_a_still_scene_costs_little() -> None:
    searcher, image, person = Searcher(), room(), person_at(640, 360, 150)
    counts: list[int] = []
    for n in range(81):
        person.confirm(0.9, n / 30)
        counts.append(len(look(searcher, image, [person], n)))
    assert sum(counts[1:]) <= 0.5 * 80


def test_a_person_followed_is_checked_in_a_window_of_their_own() -> None:
    searcher, image, person = Searcher(), room(), person_at(200, 360, 150)
    windows = [w for n in range(25) for w in look(searcher, image, [person], n)][1:]
    assert any(w[2] == w[3] == 360 and w[0] <= 50 for w in windows)
    assert person.unchecked <= CHECK_EVERY


def test_a_change_is_looked_at_within_half_a_second() -> None:
    searcher, image, person = Searcher(), room(), person_at(200, 360, 100)
    for n in range(10):
        look(searcher, image, [person], n)
    changed = image.copy()
    changed[300:390, 1000:1035] = 255
    windows = [w for n in range(10, 25) for w in look(searcher, changed, [person], n)]
    assert any(
        w[2] == 360 and w[0] <= 1000 and w[0] + w[2] >= 1035 and w[1] <= 300 and w[1] + w[3] >= 390
        for w in windows
    )


def test_where_somebody_was_lost_is_looked_at_for_ten_seconds() -> None:
    searcher, image = Searcher(), room()
    look(searcher, image, [], 0)
    lost = person_at(1000, 400, 164)
    searcher.lose(lost, 0.0)
    own = (754, 154, 492, 492)
    seen = [own in look(searcher, image, [], n) for n in range(1, 400)]
    assert 20 <= sum(seen[:44]) <= 24
    assert 35 <= sum(seen[50:290]) <= 45
    assert not any(seen[301:])


def test_who_is_back_is_looked_for_no_longer() -> None:
    searcher, lost = Searcher(), person_at(1000, 400, 164)
    searcher.lose(lost, 0.0)
    assert searcher.lost(1.0) == [lost]
    searcher.regain(lost)
    assert searcher.lost(1.0) == []


def test_all_large_tiles_have_their_turn_within_a_second() -> None:
    searcher, image, person = Searcher(), room(), person_at(640, 360, 150)
    look(searcher, image, [person], 0)
    coarse = tiles_of(WIDTH, HEIGHT)[0]
    moving = [np.roll(image, 9 * n, axis=1) for n in range(37)]
    windows = {w for n in range(1, 37) for w in look(searcher, moving[n], [person], n)}
    assert set(coarse) <= windows


def test_a_tile_that_stays_the_same_is_searched_seldom() -> None:
    searcher, image, person = Searcher(), room(), person_at(655, 355, 150)
    look(searcher, image, [person], 0)
    tiles = {tile for tiles in tiles_of(WIDTH, HEIGHT) for tile in tiles}
    early = [tiles & set(look(searcher, image, [person], n)) for n in range(1, SAME_EVERY)]
    assert not any(early)
    coarse = tiles_of(WIDTH, HEIGHT)[0]
    late = {w for n in range(2 * SAME_EVERY) for w in look(searcher, image, [person], n)}
    assert set(coarse) <= late


def test_one_person_in_several_windows_is_one() -> None:
    def detection(x: float, radius: float, score: float) -> Detection:
        box = (x, 0.0, 10.0, 10.0)
        return Detection(score=score, box=box, x=x, y=100.0, radius=radius, angle=0.0)

    best, again, other = detection(100, 50, 0.9), detection(110, 60, 0.7), detection(200, 50, 0.8)
    assert merged([again, other, best]) == (best, other)


def test_found_survive_being_kept() -> None:
    box = (1.0, 2.0, 3.0, 4.0)
    one = Detection(score=0.75, box=box, x=5.0, y=6.0, radius=7.0, angle=0.5)
    for found in (Found(seen=(one,), behind=()), Found(seen=(), behind=(one, one))):
        assert Found.from_state(json.loads(json.dumps(found.state()))) == found


def test_a_restored_searcher_goes_on_alike() -> None:
    searcher, other = Searcher(), Searcher()
    image, random = room(), np.random.default_rng(1)
    for n in range(30):
        person = person_at(300 + 10 * n, 360, 100)
        image = np.roll(image, int(random.integers(0, 9)), axis=1)
        other = Searcher()
        other.restore(json.loads(json.dumps(searcher.state())))
        expected = look(searcher, image, [person], n)
        person.unchecked = 0
        assert look(other, image, [person], n) == expected
    assert other.state() == searcher.state()
