"""Body, hands and face of people: as MediaPipe's Holistic sees them, and the same every time."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators import tflite_model, topology
from pose2rig.core_inference.estimators.landmark_models import LandmarkModels
from pose2rig.core_inference.estimators.person_detector import PersonDetector
from pose2rig.core_inference.estimators.regions import Region
from pose2rig.core_inference.estimators.whole_body import (
    Followed,
    PersonSeen,
    WholeBody,
    followed_from,
    usable_threads,
)

from .record_holistic import CLIPS, FACE_POINTS, FRAMES, MISSING, PX_FRACTION, images

RGB = NDArray[np.uint8]
Array = NDArray[Any]

PARTS = ("body", "left_hand", "right_hand", "face")
DIFFERENCE_MAX = 0.01
"""Of the person's height, median over the points that both see."""

VISIBLE = 0.5
IRISES = slice(468, 478)


@pytest.fixture(scope="module")
def detector(landmark_models: LandmarkModels) -> PersonDetector:
    return PersonDetector(landmark_models)


@pytest.fixture(scope="module")
def whole_body(landmark_models: LandmarkModels) -> Iterator[WholeBody]:
    made = WholeBody(landmark_models)
    yield made
    made.close()


@pytest.fixture(scope="module")
def player(shared_dir: Path) -> RGB:
    return read(shared_dir / "footage/images/tennis_crouch.jpg")


@pytest.fixture(scope="module")
def office(shared_dir: Path) -> RGB:
    return read(shared_dir / "footage/images/three_people_office.jpg")


def read(path: Path) -> RGB:
    image = cv2.imread(str(path))
    assert image is not None
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)


def look_at_all(whole_body: WholeBody, detector: PersonDetector, image: RGB) -> list[PersonSeen]:
    seen = whole_body.look(image, [followed_from(found) for found in detector.detect(image)])
    return [person for person in seen if person is not None]


def assert_equal(one: PersonSeen, other: PersonSeen) -> None:
    for field in fields(PersonSeen):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
        else:
            assert mine == theirs


def test_a_person_in_px_and_metres(
    whole_body: WholeBody, detector: PersonDetector, player: RGB
) -> None:
    (seen,) = look_at_all(whole_body, detector, player)
    shapes = {
        "body": (33, 5),
        "body_world": (33, 3),
        "left_hand": (21, 3),
        "left_hand_world": (21, 3),
        "right_hand": (21, 3),
        "right_hand_world": (21, 3),
        "face": (478, 3),
    }
    for name, shape in shapes.items():
        part = getattr(seen, name)
        assert part is None or (part.shape == shape and part.dtype == np.float32), name
    assert seen.body_score > 0.9
    visible = seen.body[:, 3] > VISIBLE
    height, width = player.shape[:2]
    assert visible.sum() > 15
    assert (seen.body[visible, :2] > 0).all()
    assert (seen.body[visible, :2] < [width, height]).all()
    trunk_m = np.linalg.norm(seen.body_world[[11, 12]].mean(0) - seen.body_world[[23, 24]].mean(0))
    assert 0.35 < trunk_m < 0.7


def test_half_precision_sees_the_same_person(
    landmark_models: LandmarkModels,
    detector: PersonDetector,
    monkeypatch: pytest.MonkeyPatch,
    player: RGB,
) -> None:
    seen: list[PersonSeen] = []
    for half in (False, True):
        monkeypatch.setattr(tflite_model, "computes_half", lambda half=half: half)
        whole_body = WholeBody(landmark_models)
        seen += look_at_all(whole_body, detector, player)
        whole_body.close()
    single, half = seen
    np.testing.assert_allclose(half.body_world, single.body_world, atol=0.01)
    for name in ("body", "left_hand", "face"):
        one, other = getattr(single, name), getattr(half, name)
        apart_px = np.linalg.norm(one[:, :2] - other[:, :2], axis=1)
        assert 0 < np.median(apart_px) < 0.01 * np.ptp(one[:, 1])
    assert half.left_hand_world is not None and single.left_hand_world is not None
    np.testing.assert_allclose(half.left_hand_world, single.left_hand_world, atol=0.005)


def test_the_next_frame_is_seen_from_where_this_one_points(
    whole_body: WholeBody, detector: PersonDetector, player: RGB
) -> None:
    (seen,) = look_at_all(whole_body, detector, player)
    (again,) = whole_body.look(player, [seen.next])
    assert again is not None
    size = np.ptp(seen.body[:, 1])
    visible = seen.body[:, 3] > VISIBLE
    apart = np.linalg.norm(again.body[visible, :2] - seen.body[visible, :2], axis=1)
    assert np.median(apart) < 0.03 * size
    assert (again.next.face is None) == (again.face is None)


def test_each_eye_has_its_iris(
    whole_body: WholeBody, detector: PersonDetector, shared_dir: Path
) -> None:
    portrait = read(shared_dir / "footage/images/portrait_president.jpg")
    (seen,) = look_at_all(whole_body, detector, portrait)
    assert seen.face is not None
    assert seen.face_score > 0.5
    right, left = topology.EYE_CORNERS
    for corners, middle in (((right, 133), 468), ((left, 362), 473)):
        outer, inner = seen.face[list(corners), :2]
        apart = np.linalg.norm(seen.face[middle, :2] - (outer + inner) / 2)
        assert apart < 0.35 * np.linalg.norm(outer - inner)
        lids = seen.face[[middle + 1, middle + 3], :2]
        assert np.linalg.norm(lids.mean(0) - seen.face[middle, :2]) < 2.0
    assert np.ptp(seen.face[IRISES, 2]) < np.ptp(seen.face[:, 2])


def test_answers_depend_on_no_timing_and_no_company(
    landmark_models: LandmarkModels, detector: PersonDetector, office: RGB
) -> None:
    people = [followed_from(found) for found in detector.detect(office)]
    assert len(people) >= 2
    answers: list[list[PersonSeen | None]] = []
    for helpers in (0, 1, 2):
        many = WholeBody(landmark_models, helpers)
        answers += [many.look(office, people), many.look(office, people)]
        answers.append([many.look(office, [person])[0] for person in people])
        many.close()
    for seen in answers[1:]:
        for one, other in zip(answers[0], seen, strict=True):
            assert one is not None
            assert other is not None
            assert_equal(one, other)


def test_nobody_is_seen_in_grey_or_in_no_image_worth_the_name(whole_body: WholeBody) -> None:
    somewhere = Followed(body=Region(x=300, y=200, size=300, angle=0.1))
    everything = Followed(
        body=Region(x=0, y=0, size=1e4, angle=0),
        left_hand=Region(x=1, y=1, size=1e-3, angle=3),
        face=Region(x=-1e4, y=1e4, size=1, angle=0),
    )
    for shape in ((480, 640, 3), (1, 1, 3), (2, 700, 3)):
        grey = np.full(shape, 128, dtype=np.uint8)
        assert whole_body.look(grey, [somewhere, everything, somewhere]) == [None] * 3
    assert whole_body.look(grey, []) == []


def test_a_person_cut_off_by_the_pictures_edge_is_still_seen(
    whole_body: WholeBody, detector: PersonDetector, player: RGB
) -> None:
    (whole,) = look_at_all(whole_body, detector, player)
    waist = int(whole.body[[23, 24], 1].mean())
    (seen,) = whole_body.look(np.ascontiguousarray(player[:waist]), [whole.next])
    assert seen is not None
    assert np.isfinite(seen.body).all()
    there = (whole.body[:, 3] > 0.8) & (whole.body[:, 1] < 0.9 * waist)
    apart = np.linalg.norm(seen.body[there, :2] - whole.body[there, :2], axis=1)
    assert there.sum() >= 8
    assert np.median(apart) < 0.05 * whole.next.body.size


def test_threads_are_bounded() -> None:
    assert 1 <= usable_threads() <= 4


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How ours and Holistic's points of one part lie on one clip.

    differences: of the person's height, of the points seen by both; theirs, ours: in how many
    frames it was found.
    """

    differences: Array
    theirs: int
    ours: int


@pytest.fixture(scope="module")
def agreements(landmark_models: LandmarkModels, detector: PersonDetector, shared_dir: Path) -> Any:
    golden = np.load(Path(__file__).with_name("holistic_golden.npz"))

    @cache
    def on_clip(name: str) -> dict[str, Agreement]:
        whole_body = WholeBody(landmark_models)
        ours = follow(whole_body, detector, name, shared_dir, golden[f"{name}_body"])
        whole_body.close()
        visible = golden[f"{name}_visibility"] >= VISIBLE * 255
        return {
            part: agreement(ours[part], golden[f"{name}_{part}"], golden[f"{name}_body"], visible)
            for part in PARTS
        }

    return on_clip


def follow(
    whole_body: WholeBody, detector: PersonDetector, name: str, shared_dir: Path, theirs: Array
) -> dict[str, Array]:
    """Return places px (T,N,2) per part, NaN where it was not found, of whom Holistic followed.

    theirs: Holistic's recorded body (T,33,2).
    """
    place, first = CLIPS[name]
    video = cv2.VideoCapture(str(shared_dir / "footage" / place))
    counts = {"body": 33, "left_hand": 21, "right_hand": 21, "face": 478}
    rows: dict[str, list[Array]] = {part: [] for part in PARTS}
    followed: Followed | None = None
    for index, image in enumerate(images(video, first + FRAMES)):
        if index < first:
            continue
        if followed is None:
            to_come = theirs[index - first :]
            hips = to_come[to_come[:, 0, 0] != MISSING][:1, 23:25].mean(axis=(0, 1)) / PX_FRACTION
            people = sorted(detector.detect(image), key=lambda one: math.dist((one.x, one.y), hips))
            followed = followed_from(people[0]) if people else None
        seen = whole_body.look(image, [followed])[0] if followed else None
        followed = seen.next if seen else None
        for part, count in counts.items():
            points = getattr(seen, part) if seen else None
            rows[part].append(np.full((count, 2), np.nan) if points is None else points[:, :2])
    ours = {part: np.stack(places) for part, places in rows.items()}
    ours["face"] = ours["face"][:, list(FACE_POINTS)]
    return ours


def agreement(ours: Array, recorded: Array, body: Array, visible: Array) -> Agreement:
    theirs = np.where(recorded == MISSING, np.nan, recorded / PX_FRACTION)
    heights = np.ptp(body[..., 1] / PX_FRACTION, axis=1)[:, None]
    differences = np.linalg.norm(ours - theirs, axis=-1) / heights
    if differences.shape == visible.shape:
        differences = differences[visible]
    return Agreement(
        differences=differences[np.isfinite(differences)],
        theirs=int(np.isfinite(theirs[:, 0, 0]).sum()),
        ours=int(np.isfinite(ours[:, 0, 0]).sum()),
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_ours_lie_where_holistics_do(agreements: Any, name: str) -> None:
    parts: dict[str, Agreement] = agreements(name)
    assert len(parts["body"].differences) > 500
    for part, found in parts.items():
        assert found.differences.size == 0 or np.median(found.differences) < DIFFERENCE_MAX, part
    assert parts["body"].ours == parts["body"].theirs


@pytest.mark.slow
def test_hands_are_found_at_least_as_often_as_by_holistic(agreements: Any) -> None:
    theirs, ours = 0, 0
    for name in CLIPS:
        parts: dict[str, Agreement] = agreements(name)
        for part in ("left_hand", "right_hand"):
            assert parts[part].ours >= parts[part].theirs - 1, (name, part)
            theirs += parts[part].theirs
            ours += parts[part].ours
    assert theirs > 800
    assert ours >= theirs
