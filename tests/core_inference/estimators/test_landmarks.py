"""The `landmarks` estimator on real footage, and its parts."""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose2rig.core_inference.estimators import topology
from pose2rig.core_inference.estimators.base import Float32, PersonPose
from pose2rig.core_inference.estimators.following import Follower, Verdict
from pose2rig.core_inference.estimators.holistic import (
    Detection,
    import_part,
    points_from_bytes,
    weights_sha256,
)
from pose2rig.core_inference.estimators.landmarks import VISIBLE, LandmarkEstimator
from pose2rig.core_inference.footage import Frame
from pose2rig.rigs.errors import EngineError
from pose2rig.rigs.skeleton import JOINT

NAME = topology.LANDMARK


@pytest.fixture(scope="module")
def estimator() -> Iterator[LandmarkEstimator]:
    made = LandmarkEstimator()
    yield made
    made.close()


def read_image(path: Path) -> Frame:
    image = cv2.imread(str(path))
    assert image is not None
    rgb = np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)
    return Frame(index=0, time_s=0.0, image=rgb)


def poses_of_clip(estimator: LandmarkEstimator, path: Path) -> list[PersonPose | None]:
    estimator.reset()
    video = cv2.VideoCapture(str(path))
    fps = video.get(cv2.CAP_PROP_FPS)
    poses: list[PersonPose | None] = []
    while True:
        more, image = video.read()
        if not more:
            return poses
        rgb = np.ascontiguousarray(image[..., ::-1]).astype(np.uint8)
        time_s = len(poses) / fps
        poses.append(estimator.estimate(Frame(index=len(poses), time_s=time_s, image=rgb)))


def landmarks_of(pose: PersonPose | None) -> tuple[PersonPose, Float32, Float32, Float32]:
    assert pose is not None
    assert pose.landmarks is not None
    return pose, pose.landmarks.points2d, pose.landmarks.points3d, pose.landmarks.scores


def test_names_are_mediapipes_own() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pose: Any = importlib.import_module("mediapipe.python.solutions.pose")
        hands: Any = importlib.import_module("mediapipe.python.solutions.hands")
    body = [f"body_{landmark.name.lower()}" for landmark in pose.PoseLandmark]
    hand = [landmark.name.lower() for landmark in hands.HandLandmark]
    assert list(topology.LANDMARK_NAMES[topology.BODY]) == body
    assert list(topology.LANDMARK_NAMES[topology.LEFT_HAND]) == [f"left_hand_{n}" for n in hand]
    assert list(topology.LANDMARK_NAMES[topology.RIGHT_HAND]) == [f"right_hand_{n}" for n in hand]
    face = topology.LANDMARK_NAMES[topology.FACE]
    assert (face[0], face[-1], len(face)) == ("face_000", "face_477", 478)
    assert len(set(topology.LANDMARK_NAMES)) == 553


def test_joints_lie_at_landmarks_of_their_own_side() -> None:
    for joint, names in topology.JOINT_LANDMARKS.items():
        side = joint.split("_")[0]
        if side in ("left", "right"):
            assert all(side in name.split("_")[:2] for name in names), joint
    unknown = {name for name, index in JOINT.items() if topology.JOINT_PAIRS[index, 0] < 0}
    assert unknown == {"spine1", "spine2", "spine3", "left_collar", "right_collar", "jaw"}


def test_points_read_from_bytes_are_those_of_the_message() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        messages: Any = importlib.import_module("mediapipe.framework.formats.landmark_pb2")
    values = np.random.default_rng(7).normal(size=(33, 5)).astype(np.float32)
    values[4] = 0.0
    message = messages.NormalizedLandmarkList()
    for x, y, z, visibility, presence in values.tolist():
        message.landmark.add(x=x, y=y, z=z, visibility=visibility, presence=presence)
    np.testing.assert_array_equal(points_from_bytes(message.SerializeToString()), values)


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(EngineError, match="unknown layout"):
        points_from_bytes(b"\x0a\x0f" + bytes(16))


def test_a_missing_part_says_what_to_install() -> None:
    with pytest.raises(EngineError, match="pip install mediapipe==0.10.21"):
        import_part("mediapipe.no_such_part")


def test_weights_have_a_stable_hash() -> None:
    assert weights_sha256() == weights_sha256()
    assert len(weights_sha256()) == 64


def test_a_whole_body_is_found(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "yoga_warrior_beach.jpg")
    estimator.reset()
    pose, points2d, points3d, scores = landmarks_of(estimator.estimate(frame))
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
    _, points2d, points3d, scores = landmarks_of(estimator.estimate(frame))
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
    _, points2d, _, scores = landmarks_of(estimator.estimate(frame))
    for side, other in (("left", "right"), ("right", "left")):
        hand = points2d[NAME[f"{side}_hand_wrist"]]
        assert scores[NAME[f"{side}_hand_wrist"]] > VISIBLE
        own = np.linalg.norm(hand - points2d[NAME[f"body_{side}_wrist"]])
        assert own < 0.2 * np.linalg.norm(hand - points2d[NAME[f"body_{other}_wrist"]])


def test_unseen_legs_score_low(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "portrait_president.jpg")
    estimator.reset()
    pose, _, _, scores = landmarks_of(estimator.estimate(frame))
    assert scores[topology.FACE].min() > 0.9
    assert pose.scores[[JOINT["left_ankle"], JOINT["right_ankle"]]].max() < 0.05


def test_an_unfound_part_is_zero(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "portrait_president.jpg")
    estimator.reset()
    _, points2d, points3d, scores = landmarks_of(estimator.estimate(frame))
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
            assert estimator.estimate(frame) is None


def test_two_hands_alone_are_no_person(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    estimator.reset()
    frame = read_image(shared_dir / "footage" / "images" / "two_hands.jpg")
    assert estimator.estimate(frame) is None


def test_reset_forgets(estimator: LandmarkEstimator, shared_dir: Path) -> None:
    frame = read_image(shared_dir / "footage" / "images" / "yoga_warrior_beach.jpg")
    results: list[Float32] = []
    for _ in range(2):
        estimator.reset()
        results.append(landmarks_of(estimator.estimate(frame))[1])
    np.testing.assert_array_equal(results[0], results[1])


def test_stdout_stays_clean(
    estimator: LandmarkEstimator, shared_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    estimator.reset()
    estimator.estimate(read_image(shared_dir / "footage" / "images" / "yoga_tree_pose.jpg"))
    assert capfd.readouterr().out == ""


def body_at(x: float, y: float, flail: float = 0.0) -> Float32:
    body = np.zeros((33, 2), dtype=np.float32)
    body[[13, 14, 15, 16, 25, 26, 27, 28]] = flail
    return body + np.array([x, y], dtype=np.float32)


def person(x: float, radius: float = 200.0, score: float = 0.9) -> Detection:
    return Detection(score=score, x=x, y=400.0, radius=radius)


def followed(x: float, last_s: float, flail: float = 0.0) -> Follower:
    follower = Follower()
    follower.take(person(x), 0.0)
    for index in range(round(last_s * 30) + 1):
        follower.see(body_at(x, 400, flail * (index % 2)), index / 30)
    return follower


def test_the_largest_detection_is_taken_up() -> None:
    follower = Follower()
    assert follower.wants_detections
    decision = follower.decide((person(100), person(900, 300), person(500, 400, 0.55)), 0.0)
    assert decision.verdict is Verdict.TAKE
    assert decision.detection == person(900, 300)
    assert follower.decide((person(500, 400, 0.55),), 0.0).verdict is Verdict.NOBODY


def test_a_confirmed_person_is_kept_beside_one_of_the_same_size() -> None:
    follower = followed(300, 2.0)
    assert follower.decide((person(900, 280), person(310)), 2.0).verdict is Verdict.KEEP


def test_a_much_larger_person_takes_over_when_seen_twice() -> None:
    follower = followed(300, 0.5)
    seen = (person(310), person(900, 310))
    assert follower.decide(seen, 0.5).verdict is Verdict.KEEP
    assert follower.decide(seen, 0.8).detection == person(900, 310)


def test_an_unconfirmed_person_gives_way_after_a_second() -> None:
    assert followed(300, 0.9).decide((person(900),), 0.9).verdict is Verdict.KEEP
    assert followed(300, 1.1).decide((person(900),), 1.1).detection == person(900)


def test_an_unconfirmed_person_alone_is_kept_unless_the_limbs_flail() -> None:
    assert followed(300, 1.5).decide((), 1.5).verdict is Verdict.KEEP
    assert followed(300, 1.5, flail=40.0).decide((), 1.5).verdict is Verdict.NOBODY
    assert followed(300, 1.5, flail=40.0).decide((person(310),), 1.5).verdict is Verdict.KEEP


@pytest.mark.slow
def test_the_walker_is_followed_and_empty_frames_are_empty(
    estimator: LandmarkEstimator, shared_dir: Path
) -> None:
    """Frame 0 shows a man on a roof; the woman walks in view from 33 to 205; 228, 229 are empty."""
    clip = shared_dir / "footage" / "video" / "walk_sideview_outdoor.mp4"
    poses = poses_of_clip(estimator, clip)
    assert len(poses) == 230
    assert poses[228] is None and poses[229] is None
    for index in range(70, 195):
        pose, points2d, _, _ = landmarks_of(poses[index])
        assert points2d[NAME["body_left_hip"], 1] > 600, f"frame {index}: not the walker"
        assert pose.box[3] > 250


@pytest.mark.slow
def test_a_hand_alone_is_hardly_ever_a_person(
    estimator: LandmarkEstimator, shared_dir: Path
) -> None:
    poses = poses_of_clip(estimator, shared_dir / "footage" / "video" / "hand_closeup_asl.mp4")
    assert sum(pose is not None for pose in poses) < 0.1 * len(poses)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["squats_5fps_portrait.mp4", "asl_again_upperbody.mkv", "multiperson_lab_cam01.mp4"],
)
def test_people_are_found_in_every_frame_and_stay_themselves(
    estimator: LandmarkEstimator, shared_dir: Path, name: str
) -> None:
    poses = poses_of_clip(estimator, shared_dir / "footage" / "video" / name)
    middles = np.array([landmarks_of(pose)[1][[11, 12]].mean(axis=0) for pose in poses])
    size = np.median([landmarks_of(pose)[0].box[3] for pose in poses])
    steps = np.linalg.norm(np.diff(middles, axis=0), axis=1)
    assert steps.max() < 0.3 * size
