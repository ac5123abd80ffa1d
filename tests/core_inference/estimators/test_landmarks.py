"""The `landmarks` estimator on real footage, and its parts."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose2rig.core_inference.estimators import topology
from pose2rig.core_inference.estimators.base import Float32, PersonPose, State
from pose2rig.core_inference.estimators.landmark_models import LandmarkModels
from pose2rig.core_inference.estimators.landmarks import LandmarkEstimator
from pose2rig.core_inference.estimators.person_landmarks import VISIBLE
from pose2rig.core_inference.footage import Frame, open_footage, read
from pose2rig.rigs.skeleton import JOINT

NAME = topology.LANDMARK


@pytest.fixture(scope="module")
def estimator(landmark_models: LandmarkModels) -> Iterator[LandmarkEstimator]:
    made = LandmarkEstimator(landmark_models)
    yield made
    made.close()


def read_image(path: Path) -> Frame:
    image = cv2.imread(str(path))
    assert image is not None
    rgb = np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)
    return Frame(index=0, time_s=0.0, image=rgb)


def frames_of(path: Path, frames: range) -> list[Frame]:
    """Only these frames of a clip, at their times."""
    footage = open_footage(path)
    return [f for f in read(footage, frames.start, frames.stop) if f.index in frames]


def landmarks_of(poses: list[PersonPose]) -> tuple[PersonPose, Float32, Float32, Float32]:
    """The only person there is."""
    (pose,) = poses
    assert pose.landmarks is not None
    return pose, pose.landmarks.points2d, pose.landmarks.points3d, pose.landmarks.scores


def test_names_are_those_of_mediapipes_models() -> None:
    names = topology.LANDMARK_NAMES
    assert (len(names), len(set(names))) == (553, 553)
    assert (names[0], names[11], names[32]) == (
        "body_nose",
        "body_left_shoulder",
        "body_right_foot_index",
    )
    hand = ["wrist", "thumb_cmc", "thumb_tip", "index_finger_mcp", "pinky_tip"]
    for side, part in (("left", topology.LEFT_HAND), ("right", topology.RIGHT_HAND)):
        points = names[part]
        assert [points[n] for n in (0, 1, 4, 5, 20)] == [f"{side}_hand_{name}" for name in hand]
    face = names[topology.FACE]
    assert (face[0], face[-1], len(face)) == ("face_000", "face_477", 478)


def test_joints_lie_at_landmarks_of_their_own_side() -> None:
    for joint, names in topology.JOINT_LANDMARKS.items():
        side = joint.split("_")[0]
        if side in ("left", "right"):
            assert all(side in name.split("_")[:2] for name in names), joint
    unknown = {name for name, index in JOINT.items() if topology.JOINT_PAIRS[index, 0] < 0}
    assert unknown == {"spine1", "spine2", "spine3", "left_collar", "right_collar", "jaw"}


def test_a_whole_body_is_found(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "yoga_warrior_beach.jpg")
    estimator.reset()
    pose, points2d, points3d, scores = landmarks_of(estimator.estimate_all([frame])[0])
    height, width = frame.image.shape[:2]
    assert (points2d.shape, points3d.shape, scores.shape) == ((553, 2), (553, 3), (553,))
    limbs = [JOINT[f"left_{n}"] for n in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")]
    assert pose.scores[limbs].min() > 0.9
    assert np.all((pose.joints2d[limbs] > 0) & (pose.joints2d[limbs] < [width, height]))
    x, y, box_width, box_height = pose.box
    assert 0 <= x < x + box_width <= width
    assert 0 <= y < y + box_height <= height
    assert pose.rotations is None and pose.root is None


def test_metres_are_metres_and_axes_are_the_cameras(
    estimator: LandmarkEstimator, shared_dir: Path
) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "yoga_tree_pose.jpg")
    estimator.reset()
    _, points2d, points3d, scores = landmarks_of(estimator.estimate_all([frame])[0])
    seen = scores > VISIBLE
    for part in (topology.BODY, topology.LEFT_HAND, topology.RIGHT_HAND, topology.FACE):
        assert seen[part].mean() > 0.9
        flat = points2d[part] - points2d[part].mean(axis=0)
        space = points3d[part, :2] - points3d[part, :2].mean(axis=0)
        assert np.corrcoef(flat.ravel(), space.ravel())[0, 1] > 0.9
    left, right = NAME["body_left_hip"], NAME["body_right_hip"]
    np.testing.assert_allclose((points3d[left] + points3d[right]) / 2, 0, atol=0.02)
    nose, ears = NAME["body_nose"], [NAME["body_left_ear"], NAME["body_right_ear"]]
    assert points3d[nose, 2] < points3d[ears, 2].mean()
    for side in ("left", "right"):
        wrist = points3d[NAME[f"{side}_hand_wrist"]]
        palm = points3d[NAME[f"{side}_hand_middle_finger_mcp"]] - wrist
        assert not wrist.any()
        assert 0.06 < np.linalg.norm(palm) < 0.13
    assert 0.10 < np.ptp(points3d[topology.FACE, 0]) < 0.20


def test_hands_are_the_persons_own(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "yoga_warrior_beach.jpg")
    estimator.reset()
    _, points2d, _, scores = landmarks_of(estimator.estimate_all([frame])[0])
    for side, other in (("left", "right"), ("right", "left")):
        hand = points2d[NAME[f"{side}_hand_wrist"]]
        assert scores[NAME[f"{side}_hand_wrist"]] > VISIBLE
        own = np.linalg.norm(hand - points2d[NAME[f"body_{side}_wrist"]])
        assert own < 0.2 * np.linalg.norm(hand - points2d[NAME[f"body_{other}_wrist"]])


def test_unseen_legs_score_low(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "portrait_president.jpg")
    estimator.reset()
    pose, _, _, scores = landmarks_of(estimator.estimate_all([frame])[0])
    assert scores[topology.FACE].min() > 0.9
    assert pose.scores[[JOINT["left_ankle"], JOINT["right_ankle"]]].max() < 0.05


def test_an_unfound_part_is_zero(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "portrait_president.jpg")
    estimator.reset()
    _, points2d, points3d, scores = landmarks_of(estimator.estimate_all([frame])[0])
    lost = scores == 0
    assert lost[topology.LEFT_HAND].all()
    assert not points2d[lost].any()
    assert not points3d[lost].any()


def test_nobody_where_nobody_is(estimator: LandmarkEstimator) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3)).astype(np.uint8)
    for image in (np.full((240, 320, 3), 90, dtype=np.uint8), noise):
        estimator.reset()
        for index in range(2):
            frame = Frame(index=index, time_s=index / 30, image=image)
            assert estimator.estimate_all([frame])[0] == []


def test_two_hands_alone_are_no_person(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    estimator.reset()
    frame = read_image(shared_dir / "footage" / "images" / "two_hands.jpg")
    assert estimator.estimate_all([frame])[0] == []


def test_reset_forgets(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "yoga_warrior_beach.jpg")
    results: list[Float32] = []
    for _ in range(2):
        estimator.reset()
        results.append(landmarks_of(estimator.estimate_all([frame])[0])[1])
    np.testing.assert_array_equal(results[0], results[1])


def test_stdout_stays_clean(
    estimator: LandmarkEstimator, shared_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    estimator.reset()
    estimator.estimate_all([read_image(shared_dir / "footage" / "images" / "yoga_tree_pose.jpg")])[
        0
    ]
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "count"),
    [("three_people_office.jpg", 3), ("kids_soccer_two.jpg", 2), ("portrait_president.jpg", 1)],
)
def test_everybody_in_a_picture_is_found_once(
    estimator: LandmarkEstimator, shared_dir: Path, name: str, count: int
) -> None:
    estimator.reset()
    poses = estimator.estimate_all([read_image(shared_dir / "footage" / "images" / name)])[0]
    assert len(poses) == count
    assert len({pose.followed for pose in poses}) == count
    for pose in poses:
        if pose.appearance is not None:
            assert pose.appearance.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_a_restored_estimator_goes_on_alike(
    estimator: LandmarkEstimator, landmark_models: LandmarkModels, shared_dir: Path
) -> None:
    clip = shared_dir / "footage" / "video" / "bedroom_two_children_jumping.mp4"
    frames = frames_of(clip, range(156, 164))
    estimator.reset()
    estimator.estimate_all(frames[:5])
    state = json.loads(json.dumps(estimator.state()))
    expected = estimator.estimate_all(frames[5:])
    other = LandmarkEstimator(landmark_models)
    other.restore(state)
    found = other.estimate_all(frames[5:])
    other.close()
    assert other.state() == estimator.state()
    for poses, poses_before in zip(found, expected, strict=True):
        assert len(poses) == len(poses_before) >= 1
        for one, before in zip(poses, poses_before, strict=True):
            np.testing.assert_array_equal(one.joints2d, before.joints2d)
            assert one.followed == before.followed


@pytest.fixture(scope="module")
def losing_sight(shared_dir: Path) -> list[Frame]:
    """Two children, of whom one is soon lost, found again and followed anew."""
    clip = shared_dir / "footage" / "video" / "bedroom_two_children_jumping.mp4"
    return frames_of(clip, range(144, 156))


def plain(everybody: list[list[PersonPose]]) -> list[list[dict[str, Any]]]:
    """The poses as dictionaries, which numpy compares."""
    return [[asdict(pose) for pose in poses] for poses in everybody]


def poses_in_parts(
    estimator: LandmarkEstimator, frames: list[Frame], size: int
) -> list[list[PersonPose]]:
    parts = [frames[start : start + size] for start in range(0, len(frames), size)]
    return [poses for part in parts for poses in estimator.estimate_all(part)]


def begun(estimator: LandmarkEstimator) -> State:
    """How the estimator begins a clip: restored, it numbers people alike each time."""
    estimator.reset()
    return estimator.state()


@pytest.mark.slow
def test_how_many_frames_come_at_once_changes_nothing(
    estimator: LandmarkEstimator, losing_sight: list[Frame]
) -> None:
    start = begun(estimator)
    at_once = estimator.estimate_all(losing_sight)
    end = estimator.state()
    first, *_, last = [{pose.followed for pose in poses} for poses in at_once]
    assert (len(first), len(last), len(first | last)) == (2, 2, 3)
    for size in (1, 5, 8):
        estimator.restore(start)
        in_parts = poses_in_parts(estimator, losing_sight, size)
        np.testing.assert_equal(plain(in_parts), plain(at_once))
        assert estimator.state() == end


@pytest.mark.slow
def test_a_run_interrupted_in_the_middle_goes_on_alike(
    estimator: LandmarkEstimator, landmark_models: LandmarkModels, losing_sight: list[Frame]
) -> None:
    start = begun(estimator)
    expected, end = estimator.estimate_all(losing_sight), estimator.state()
    other = LandmarkEstimator(landmark_models)
    found: list[Sequence[Any]] = []
    for cut in (1, 4, 6):
        estimator.restore(start)
        poses = estimator.estimate_all(losing_sight[:cut])
        state = json.loads(json.dumps(estimator.state()))
        found.append([*state["found"]["seen"], *state["found"]["behind"]])
        other.restore(state)
        poses += other.estimate_all(losing_sight[cut:])
        np.testing.assert_equal(plain(poses), plain(expected))
        assert other.state() == end
    other.close()
    assert any(found), "somebody was found in the frame before a cut"


@pytest.mark.slow
def test_the_walker_is_followed(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    """The woman walks below a man on a roof, who is half her height."""
    clip = shared_dir / "footage" / "video" / "walk_sideview_outdoor.mp4"
    estimator.reset()
    for poses in estimator.estimate_all(frames_of(clip, range(90, 102)))[4:]:
        walkers = [pose for pose in poses if pose.joints2d[JOINT["left_hip"], 1] > 600]
        assert [pose.box[3] > 250 for pose in walkers] == [True]


@pytest.mark.slow
def test_three_people_in_a_room_stay_themselves(
    estimator: LandmarkEstimator, shared_dir: Path
) -> None:
    """The assistant far behind has a quarter of the picture's height."""
    clip = shared_dir / "footage" / "video" / "multiperson_lab_cam01.mp4"
    estimator.reset()
    regions = [
        {pose.followed for pose in poses}
        for poses in estimator.estimate_all(frames_of(clip, range(10)))
    ]
    assert all(numbers == regions[0] for numbers in regions)
    assert len(regions[0]) == 3
