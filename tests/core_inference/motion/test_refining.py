"""What a network says, refined: nearer to the truth, calm, resting feet, the take untouched."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.camera import CAMERA_FROM_WORLD
from pose2rig.core_inference.clip import (
    Clip,
    EstimatedPose,
    RawTake,
    load_raw_take,
    save_clip,
    save_raw_take,
)
from pose2rig.core_inference.metrics import foot_slide
from pose2rig.core_inference.motion.posing import quaternions
from pose2rig.core_inference.motion.refining import refined
from pose2rig.core_inference.motion.soles import sole_points
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.motion_metrics import accelerations
from pose2rig.core_inference.pose_metrics import aligned_point_errors
from pose2rig.core_inference.synthetic import KnownMotion
from pose2rig.rigs.rotation import (
    angle_between,
    axis_angle_from_matrix,
    matrix_from_axis_angle,
    matrix_from_quaternion,
)
from pose2rig.rigs.skeleton import BODY_PARTS, JOINT, JOINT_COUNT

from ..known_motions import turned
from ..network_takes import estimated_take, pose_of, some_rows, turned_by
from ..walkers import walk

Float64 = NDArray[np.float64]

BODY = 22
FLIPPED = slice(30, 34)
"""In these frames the network bends the left arm and the right leg far off."""

NEVER = MotionSettings(refine="never")


@pytest.fixture(scope="module")
def known(body: BodyModel) -> tuple[KnownMotion, Float64]:
    return walk(body, seconds=3.0)


@pytest.fixture(scope="module", params=["smplx", "open"])
def raw(
    request: pytest.FixtureRequest, known: tuple[KnownMotion, Float64], body: BodyModel
) -> RawTake:
    """A walker as a jittery network sees them."""
    return wrong(estimated_take(body, *known, request.param), seed=3)


def wrong(raw: RawTake, seed: int) -> RawTake:
    """The take with offsets of 5 degrees a joint, jitter of 2, flips, and a wavering distance."""
    random = np.random.default_rng(seed)
    count = len(raw.time_s)
    turns = np.zeros((count, JOINT_COUNT, 3))
    turns[:, :BODY] = random.normal(0, 0.085, (BODY, 3)) + random.normal(0, 0.03, (count, BODY, 3))
    turns[FLIPPED, [JOINT["left_shoulder"]]] += (0.0, 1.4, 0.0)
    turns[FLIPPED, [JOINT["right_hip"]]] += (1.2, 0.0, 0.0)
    bent = turned_by(raw, turns)
    pelvis = pose_of(raw).trans + pose_of(raw).rest_joints[0]
    pelvis = pelvis * (1.05 + random.normal(0, 0.01, (count, 1)))
    trans = (pelvis - pose_of(raw).rest_joints[0]).astype(np.float32)
    return replace(bent, pose=replace(pose_of(bent), trans=trans))


def unseeing(raw: RawTake) -> RawTake:
    """The take without any landmarks."""
    nothing = {
        name: getattr(raw, name)[:, :0]
        for name in ("landmarks2d", "landmarks3d", "landmark_scores")
    }
    return replace(raw, **nothing, landmark_names=())


def off_mm(joints_TJ3: NDArray[np.float32], motion: KnownMotion) -> Float64:
    """Error of each frame (T,) after similarity alignment."""
    own, truth = joints_TJ3[:, :BODY].astype(np.float64), motion.joints[:, :BODY]
    return 1000 * aligned_point_errors(own, truth)


def bustle(joints_TJ3: NDArray[np.float32]) -> float:
    own = joints_TJ3[:, :BODY].astype(np.float64)
    return float(accelerations(own, own[:, 0]).mean())


def local_rotations_of(holder: EstimatedPose | Clip) -> Float64:
    rotations = holder.poses.astype(np.float64).reshape(-1, JOINT_COUNT, 3)
    return np.asarray(matrix_from_axis_angle(rotations), dtype=np.float64)


# --- what it does -------------------------------------------------------------------------------


def test_it_is_nearer_to_the_truth_and_calm(
    raw: RawTake, known: tuple[KnownMotion, Float64], body: BodyModel
) -> None:
    before, after = pose_of(raw), refined(raw, pose_of(raw), body)
    assert off_mm(before.joints(), known[0]).mean() > 40.0
    assert off_mm(after.joints(), known[0]).mean() < 0.6 * off_mm(before.joints(), known[0]).mean()
    true_bustle = bustle(known[0].joints.astype(np.float32))
    assert bustle(before.joints()) > 4.0 * true_bustle
    assert bustle(after.joints()) < 1.5 * true_bustle


def test_limbs_bent_the_wrong_way_for_some_frames_are_mended(
    raw: RawTake, known: tuple[KnownMotion, Float64], body: BodyModel
) -> None:
    before, after = pose_of(raw).joints(), refined(raw, pose_of(raw), body).joints()
    worst = off_mm(before, known[0])[FLIPPED].mean()
    assert worst > 1.5 * off_mm(before, known[0]).mean()
    assert off_mm(after, known[0])[FLIPPED].mean() < 0.4 * worst


def test_the_person_stands_where_the_pixels_have_the_body(
    raw: RawTake, known: tuple[KnownMotion, Float64], body: BodyModel
) -> None:
    """The body knows its size, so the distance that wavers is settled by the picture."""
    done = refined(raw, pose_of(raw), body)
    far_m = (done.trans + done.rest_joints[0])[:, 1]
    assert np.abs(np.diff(far_m, n=2)).max() < 0.01
    if done.body_model == "open":
        exact = pose_of(estimated_take(body, *known, "open"))
        np.testing.assert_allclose(far_m, (exact.trans + exact.rest_joints[0])[:, 1], rtol=0.02)


def test_feet_rest_in_the_clip(raw: RawTake, body: BodyModel) -> None:
    clip, rough = process(raw, body, MotionSettings()), process(raw, body, NEVER)
    assert clip.contacts.mean() > 0.3
    slides = [
        foot_slide(sole_points(one, body), clip.contacts, clip.time_s) for one in (clip, rough)
    ]
    assert slides[0] < 0.01
    assert slides[1] > 5.0 * slides[0]


def test_body_fingers_and_face_stay_the_networks(raw: RawTake, body: BodyModel) -> None:
    done = refined(raw, pose_of(raw), body)
    own, others = (local_rotations_of(pose) for pose in (pose_of(raw), done))
    kept = [*BODY_PARTS["fingers"], *BODY_PARTS["face"], JOINT["left_foot"]]
    assert np.degrees(angle_between(own[:, kept], others[:, kept])).max() < 0.1
    for name in ("rest_joints", "betas", "frame_betas", "expression"):
        np.testing.assert_array_equal(getattr(done, name), getattr(pose_of(raw), name))


# --- what it stands on --------------------------------------------------------------------------


def test_without_landmarks_the_networks_own_picture_is_kept_and_calmed(
    raw: RawTake, known: tuple[KnownMotion, Float64], body: BodyModel
) -> None:
    blind = unseeing(raw)
    before, after = pose_of(blind), refined(blind, pose_of(blind), body)
    assert off_mm(after.joints(), known[0]).mean() < off_mm(before.joints(), known[0]).mean()
    assert bustle(after.joints()) < 0.5 * bustle(before.joints())
    moved_m = np.linalg.norm(after.joints()[:, :BODY] - before.joints()[:, :BODY], axis=-1)
    assert np.median(moved_m) < 0.1


def test_landmarks_without_a_face_are_heard_as_with_one(raw: RawTake, body: BodyModel) -> None:
    keep = [k for k, name in enumerate(raw.landmark_names) if not name.startswith("face_")]
    assert 0 < len(keep) < len(raw.landmark_names)
    faceless = replace(
        raw,
        landmark_names=tuple(raw.landmark_names[k] for k in keep),
        landmarks2d=raw.landmarks2d[:, keep],
        landmarks3d=raw.landmarks3d[:, keep],
        landmark_scores=raw.landmark_scores[:, keep],
    )
    whole, bare, blind = (
        refined(take, pose_of(take), body).joints()[:, :BODY]
        for take in (raw, faceless, unseeing(raw))
    )
    np.testing.assert_allclose(bare, whole, atol=1e-6)
    assert np.abs(blind - whole).max() > 0.05


def test_a_limb_that_no_landmark_shows_is_the_networks_and_calm(
    raw: RawTake, known: tuple[KnownMotion, Float64], body: BodyModel
) -> None:
    scores = raw.landmark_scores.copy()
    for column, name in enumerate(raw.landmark_names):
        if any(part in name for part in ("knee", "ankle", "heel", "foot_index")):
            scores[:, column] = 0.0
    cropped = replace(raw, landmark_scores=scores)
    before, after = pose_of(cropped), refined(cropped, pose_of(cropped), body)
    assert bustle(after.joints()) < 0.5 * bustle(before.joints())
    knees = [JOINT["left_knee"], JOINT["right_knee"]]
    apart = angle_between(local_rotations_of(before), local_rotations_of(after))
    assert np.degrees(np.median(apart[:, knees])) < 15.0


def test_a_camera_that_turns_moves_nobody(raw: RawTake, body: BodyModel) -> None:
    """The same rows seen by a camera that pans: the same motion about the camera."""
    pan = turned((0.0, 0.0, 1.0), np.linspace(0.0, 30.0, len(raw.time_s)))
    poses = pose_of(raw).poses.copy().reshape(-1, JOINT_COUNT, 3)
    root = pan @ local_rotations_of(pose_of(raw))[:, 0]
    poses[:, 0] = axis_angle_from_matrix(root)
    rest = pose_of(raw).rest_joints[0]
    pelvis = (pan @ (pose_of(raw).trans + rest)[..., None])[..., 0]
    panned = replace(
        raw,
        camera_rotation=(CAMERA_FROM_WORLD @ np.swapaxes(pan, 1, 2)).astype(np.float32),
        pose=replace(
            pose_of(raw),
            poses=poses.reshape(len(poses), -1).astype(np.float32),
            trans=(pelvis - rest).astype(np.float32),
        ),
    )
    still, moving = (refined(take, pose_of(take), body) for take in (raw, panned))
    apart = angle_between(pan @ local_rotations_of(still)[:, 0], local_rotations_of(moving)[:, 0])
    assert np.degrees(apart).max() < 5.0
    assert np.degrees(np.median(apart)) < 1.5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_frames_are_enough(raw: RawTake, body: BodyModel, count: int) -> None:
    with_mesh = estimated_take(body, *walk(body, seconds=0.2), "open")
    few = some_rows(with_mesh, np.arange(count))
    clip = process(few, body, MotionSettings())
    assert len(clip.frame_index) == count
    assert np.isfinite(clip.poses).all()


# --- the take and the settings ------------------------------------------------------------------


def test_the_take_is_left_alone_and_the_bytes_are_the_same(
    raw: RawTake, body: BodyModel, tmp_path: Path
) -> None:
    said = pose_of(raw).poses.copy()
    save_raw_take(tmp_path / "raw.npz", raw)
    for name in ("one", "two"):
        take = load_raw_take(tmp_path / "raw.npz")
        save_clip(tmp_path / f"{name}.npz", process(take, body, MotionSettings()))
        np.testing.assert_array_equal(pose_of(take).poses, said)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_never_leaves_the_networks_rotations(raw: RawTake, body: BodyModel) -> None:
    bare = replace(NEVER, smooth=0.0, hands=0.0, feet="never", ground="off")
    clip = process(raw, body, bare)
    own = local_rotations_of(pose_of(raw))
    kept = np.asarray(matrix_from_quaternion(quaternions(clip)))
    assert np.degrees(angle_between(kept, own)).max() < 1e-3
    assert clip.face_shapes is None
    assert clip.provenance["motion"]["refine"] == "never"
    assert process(raw, body, MotionSettings()).provenance["motion"]["refine"] == "auto"


def test_the_face_is_that_of_the_landmarks(raw: RawTake, body: BodyModel) -> None:
    clip = process(raw, body, MotionSettings())
    assert clip.face_shapes is not None
    assert clip.face_shapes.shape == (len(clip.frame_index), 52)
    np.testing.assert_array_equal(clip.expression, pose_of(raw).expression)
