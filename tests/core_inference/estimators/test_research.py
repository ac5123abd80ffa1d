"""What the papers' estimators share: whose pose it is, how sure, and what is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.estimators.base import PersonPose
from pose2rig.core_inference.estimators.bodies import ResearchBody
from pose2rig.core_inference.estimators.research import (
    UNKNOWN_JOINT,
    PosedPeople,
    ResearchEstimator,
    Sighting,
)
from pose2rig.core_inference.estimators.root import Lens
from pose2rig.core_inference.footage import Frame
from pose2rig.rigs.rotation import matrix_from_axis_angle
from pose2rig.rigs.skeleton import joint_positions, world_rotations

from .stand_ins import (
    Box,
    ChosenFinder,
    ChosenPoses,
    blank,
    found_person,
    licensed_research_body,
    random_rotations,
)

Float64 = NDArray[np.float64]

LENS = Lens(focal_px=400.0, image_size=(320, 240))
BOX: Box = (100.0, 40.0, 80.0, 160.0)


def posed(count: int, seed: int = 1, vertices: int = 0) -> PosedPeople:
    random = np.random.default_rng(seed)
    rotations = random_rotations(seed, count, 55)
    rotations[:, 0] += [np.pi - 0.5, 0.0, 0.0]
    return PosedPeople(
        rotations=rotations,
        root=np.array([0.1, 0.0, 4.0]) + random.normal(size=(count, 3)) * 0.1,
        betas=random.normal(size=(count, 10)),
        expression=random.normal(size=(count, 10)),
        hands_seen=np.ones((count, 2), dtype=np.bool_),
        vertices=np.zeros((count, vertices, 3), np.float32) if vertices else None,
    )


def frames(*numbers: int) -> list[Frame]:
    return [Frame(index=k, time_s=k / 30, image=blank(320, 240)) for k in numbers]


class Looker:
    """Networks that note whom they were shown."""

    def __init__(self, answer: PosedPeople) -> None:
        self.shown: list[Sequence[Sighting]] = []
        self._answer = answer

    def __call__(self, people: Sequence[Sighting]) -> PosedPeople:
        self.shown.append(people)
        return self._answer


def estimator(
    seen: Mapping[int, PersonPose | Sequence[PersonPose]],
    answer: PosedPeople,
    body: ResearchBody | None = None,
) -> tuple[ResearchEstimator, Looker, ChosenFinder]:
    looker, finder = Looker(answer), ChosenFinder(seen)
    body = licensed_research_body() if body is None else body
    return ResearchEstimator(finder, ChosenPoses(looker), body, LENS, ()), looker, finder


# --- whose pose it is --------------------------------------------------------------------------


def test_frames_where_nobody_was_found_stay_empty_and_the_networks_see_the_others_once() -> None:
    people = {4: found_person(BOX), 6: found_person((20.0, 20.0, 60.0, 90.0))}
    answer = posed(2)
    looking, looker, _ = estimator(people, answer)
    poses = looking.estimate_all(frames(3, 4, 5, 6))
    assert [len(people) for people in poses] == [0, 1, 0, 1]
    assert [[s.found for s in shown] for shown in looker.shown] == [[people[4], people[6]]]
    for [pose], number, row in ((poses[1], 4, 0), (poses[3], 6, 1)):
        assert pose.root is not None
        assert pose.box == people[number].box
        assert pose.landmarks is people[number].landmarks
        np.testing.assert_allclose(pose.root, answer.root[row], atol=1e-6)


def test_everybody_in_a_frame_is_posed_in_batches_no_larger_than_liked() -> None:
    """Five people in three frames, four at once: the second look is at the fifth."""
    everybody = {
        0: [found_person(BOX), replace(found_person(BOX), followed=1)],
        2: [replace(found_person(BOX), followed=number) for number in (2, 3, 4)],
    }
    shown: list[Sequence[Sighting]] = []

    def look(people: Sequence[Sighting]) -> PosedPeople:
        shown.append(people)
        return posed(len(people))

    looking = ResearchEstimator(
        ChosenFinder(everybody), ChosenPoses(look), ResearchBody(), LENS, ()
    )
    poses = looking.estimate_all(frames(0, 1, 2))
    assert [len(people) for people in shown] == [4, 1]
    assert [[pose.followed for pose in people] for people in poses] == [[0, 1], [], [2, 3, 4]]


def test_what_helps_to_know_a_person_again_is_passed_on() -> None:
    clothes = np.full(8, 0.125, np.float32)
    person = replace(found_person(BOX), followed=7, appearance=clothes)
    looking, _, _ = estimator({0: person}, posed(1))
    [[pose]] = looking.estimate_all(frames(0))
    assert pose.followed == 7
    assert pose.appearance is clothes


def test_its_memory_is_the_finders() -> None:
    looking, _, finder = estimator({}, posed(1))
    assert looking.state() == finder.memory
    looking.restore({"frames": 5})
    assert finder.memory == {"frames": 5}


def test_where_nobody_is_the_networks_are_not_asked() -> None:
    looking, looker, _ = estimator({}, posed(1))
    assert looking.estimate_all(frames(0, 1)) == [[], []]
    assert looking.estimate_all([]) == []
    assert looker.shown == []


@pytest.mark.parametrize(
    "box", [(400.0, 10.0, 50.0, 50.0), (-80.0, 10.0, 0.0, 50.0), (10.0, 10.0, 0.5, 90.0)]
)
def test_a_box_that_shows_nothing_of_the_image_is_nobody(box: Box) -> None:
    looking, looker, _ = estimator({0: found_person(box)}, posed(1))
    assert looking.estimate_all(frames(0)) == [[]]
    assert looker.shown == []


@pytest.mark.parametrize("field", ["rotations", "root", "betas", "expression", "vertices"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_make_nobody_of_that_person_alone(field: str, value: float) -> None:
    answer = posed(2, vertices=5)
    getattr(answer, field)[0, 2] = value
    looking, _, _ = estimator({0: found_person(BOX), 1: found_person(BOX)}, answer)
    first, second = looking.estimate_all(frames(0, 1))
    assert (len(first), len(second)) == (0, 1)


def test_numbers_beyond_float32_are_none() -> None:
    answer = posed(1)
    answer.root[0] = [1e300, 0.0, 1e-300]
    looking, _, _ = estimator({0: found_person(BOX)}, answer)
    assert looking.estimate_all(frames(0)) == [[]]


# --- what is said of them ----------------------------------------------------------------------


def test_joints2d_are_the_posed_joints_seen_by_our_camera() -> None:
    answer, body = posed(3), licensed_research_body()
    looking, _, _ = estimator({k: found_person(BOX) for k in range(3)}, answer, body)
    for n, [pose] in enumerate(looking.estimate_all(frames(0, 1, 2))):
        assert pose.rotations is not None
        assert pose.rotations.dtype == pose.joints2d.dtype == np.float32
        full = body.full_rotations(answer.rotations)[n]
        np.testing.assert_allclose(pose.rotations, full, atol=1e-6)
        rest = body.rest_joints(answer.betas)[n]
        world = world_rotations(matrix_from_axis_angle(full[None]))
        joints = joint_positions(world, rest, (answer.root[n] - rest[0])[None])[0]
        np.testing.assert_allclose(joints[0], answer.root[n], atol=1e-12)
        np.testing.assert_allclose(pose.joints2d, LENS.project(joints), atol=1e-3)


def test_the_open_body_expresses_nothing() -> None:
    looking, _, _ = estimator({0: found_person(BOX)}, posed(1), ResearchBody())
    [[pose]] = looking.estimate_all(frames(0))
    assert pose.expression is not None
    assert not pose.expression.any()


def test_scores_are_the_landmarks_and_unknown_joints_follow_the_person() -> None:
    scores = np.zeros(55, np.float32)
    scores[[1, 2]] = [0.6, 0.8]
    looking, _, _ = estimator({0: found_person(BOX, scores=scores)}, posed(1))
    [[pose]] = looking.estimate_all(frames(0))
    assert pose.scores.dtype == np.float32
    np.testing.assert_allclose(pose.scores[[1, 2]], [0.6, 0.8])
    np.testing.assert_allclose(np.delete(pose.scores, [1, 2]), UNKNOWN_JOINT * 0.7, rtol=1e-6)


def test_fingers_that_no_network_saw_score_nothing() -> None:
    people = replace(posed(1), hands_seen=np.array([[True, False]]))
    looking, _, _ = estimator({0: found_person(BOX, scores=np.full(55, 0.8, np.float32))}, people)
    [[pose]] = looking.estimate_all(frames(0))
    np.testing.assert_allclose(pose.scores[:40], 0.8, rtol=1e-6)
    assert not pose.scores[40:].any()


def test_whom_nobody_is_sure_of_scores_nothing() -> None:
    looking, _, _ = estimator({0: found_person(BOX, scores=np.zeros(55, np.float32))}, posed(1))
    [[pose]] = looking.estimate_all(frames(0))
    assert not pose.scores.any()


def test_vertices_go_with_their_person() -> None:
    answer = posed(2, vertices=7)
    assert answer.vertices is not None
    answer.vertices[1] = 1.0
    looking, _, _ = estimator({0: found_person(BOX), 1: found_person(BOX)}, answer)
    [first], [second] = looking.estimate_all(frames(0, 1))
    assert first.vertices is not None
    assert second.vertices is not None
    np.testing.assert_array_equal(first.vertices, np.zeros((7, 3)))
    np.testing.assert_array_equal(second.vertices, np.ones((7, 3)))


# --- the estimator -----------------------------------------------------------------------------


def test_every_file_and_every_licence_is_named() -> None:
    looking, _, _ = estimator({}, posed(1))
    assert looking.weights_sha256.split() == [
        "chosen_part:" + "c" * 64,
        "smplx:" + "b" * 64,
        "landmarks:" + "f" * 64,
    ]
    for words in ("the networks' note.", "the finder's note.", "SMPL-X, SMPL, MANO"):
        assert words in looking.licence_note


def test_without_licensed_files_their_licence_is_not_spoken_of() -> None:
    looking, _, _ = estimator({}, posed(1), ResearchBody())
    assert "SMPL-X" not in looking.licence_note
    assert "smplx" not in looking.weights_sha256


def test_it_passes_on_batch_size_body_and_names_and_forgets_with_the_finder() -> None:
    looking, _, finder = estimator({}, posed(1))
    assert (looking.name, looking.batch_size) == ("chosen", 4)
    assert looking.landmark_names == finder.landmark_names
    assert looking.body is not None
    assert looking.body.body_model == "smplx"
    looking.reset()
    looking.close()
    assert finder.calls == ["reset", "close"]


def test_posed_people_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="betas"):
        PosedPeople(
            rotations=np.zeros((1, 55, 3)),
            root=np.zeros((1, 3)),
            betas=np.zeros((1, 300)),
            expression=np.zeros((1, 10)),
            hands_seen=np.ones((1, 2), dtype=np.bool_),
        )
