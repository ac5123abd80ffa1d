"""Raw takes while they grow: rows in order, chunks on disk, memory of one chunk."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose2rig.core_inference import recording
from pose2rig.core_inference.array_file import load_arrays, save_arrays
from pose2rig.core_inference.camera_path import CameraPath
from pose2rig.core_inference.estimators.base import Landmarks, PersonPose
from pose2rig.core_inference.footage import Footage
from pose2rig.core_inference.people import Observation
from pose2rig.core_inference.portrait import portrait
from pose2rig.core_inference.protocol import Chunk, Event, Warned
from pose2rig.core_inference.recording import Recorder
from pose2rig.core_inference.takes import (
    TakeBody,
    TakeFacts,
    best_portrait,
    take_from_chunks,
    weighted_median,
)
from pose2rig.rigs.errors import ClipFileError, OutputError
from pose2rig.rigs.rotation import matrix_from_axis_angle

from ..licensed_models import smplx_like_joints

CHUNK_FRAMES = 64
IMAGE = np.zeros((480, 640, 3), np.uint8)
NAMES = ("body_nose", "body_left_hip", "body_right_hip")


def observation(frame: int, person_id: int = 0) -> Observation:
    """What an estimator said of a frame: numbers made from the frame's own."""
    generator = np.random.default_rng(1000 * person_id + frame)

    def numbers(*shape: int) -> Any:
        return generator.uniform(size=shape).astype(np.float32)

    landmarks = Landmarks(points2d=numbers(3, 2), points3d=numbers(3, 3), scores=numbers(3))
    pose = PersonPose(
        joints2d=numbers(55, 2),
        scores=numbers(55),
        box=(float(frame), 2.0, 3.0, 4.0),
        landmarks=landmarks,
    )
    return Observation(frame_index=frame, time_s=frame / 25.0, person_id=person_id, pose=pose)


def facts() -> TakeFacts:
    footage = Footage(
        path=Path("clip.mp4"),
        kind="video",
        width=640,
        height=480,
        fps=25.0,
        frame_count=0,
        focal_px=None,
    )
    return TakeFacts(
        landmark_names=NAMES,
        footage=footage,
        frame_rate=25.0,
        focal_px=800.1,
        provenance={"estimator": "landmarks"},
    )


def test_a_take_has_every_row_in_order_across_chunks(tmp_path: Path) -> None:
    frames = [k for k in range(CHUNK_FRAMES + 20) if k not in (7, 8, 9)]
    recorder, events = recorded(tmp_path, [observation(frame) for frame in frames])
    take = take_from_chunks(recorder.chunks(0), facts())
    assert len(events) == 2
    assert take.frame_index.tolist() == frames
    np.testing.assert_allclose(take.time_s, np.array(frames) / 25.0, rtol=1e-6)
    np.testing.assert_array_equal(take.boxes[:, 0], np.array(frames, dtype=np.float32))
    last = observation(frames[-1]).pose
    assert last.landmarks is not None
    np.testing.assert_array_equal(take.joints2d[-1], last.joints2d)
    np.testing.assert_array_equal(take.scores[-1], last.scores)
    np.testing.assert_array_equal(take.landmarks2d[-1], last.landmarks.points2d)
    np.testing.assert_array_equal(take.landmarks3d[-1], last.landmarks.points3d)
    np.testing.assert_array_equal(take.landmark_scores[-1], last.landmarks.scores)
    assert (take.image_size, take.landmark_names) == ((640, 480), NAMES)
    assert take.camera_root is None
    assert recorder.rows == len(frames)


def test_a_take_joins_tracklets_in_order_of_time(tmp_path: Path) -> None:
    """The second tracklet lies within a break of the first."""
    parts = {0: [*range(20), *range(50, 80)], 4: list(range(25, 45))}
    seen = [observation(frame, part) for part, frames in parts.items() for frame in frames]
    seen.sort(key=lambda one: one.frame_index)
    recorder, _ = recorded(tmp_path, seen)
    take = take_from_chunks((*recorder.chunks(0), *recorder.chunks(4)), facts())
    assert take.frame_index.tolist() == [one.frame_index for one in seen]
    np.testing.assert_array_equal(take.joints2d, [one.pose.joints2d for one in seen])
    np.testing.assert_array_equal(take.scores, [one.pose.scores for one in seen])


def test_roots_of_a_network_stand_in_the_take_where_every_row_has_them(tmp_path: Path) -> None:
    def rooted(frame: int, person_id: int) -> Observation:
        seen = observation(frame, person_id)
        root = np.array([0.1 * frame, 0.2, 3.0], np.float32)
        return replace(seen, pose=replace(seen.pose, camera_root=root))

    seen = [*(rooted(k, 0) for k in range(9)), *(rooted(k, 1) for k in range(4)), observation(4, 1)]
    recorder, _ = recorded(tmp_path, seen)
    roots = take_from_chunks(recorder.chunks(0), facts()).camera_root
    assert roots is not None
    np.testing.assert_allclose(roots[:, 0], 0.1 * np.arange(9), atol=1e-6)
    assert take_from_chunks(recorder.chunks(1), facts()).camera_root is None


def test_chunks_that_do_not_belong_together_are_an_error(tmp_path: Path) -> None:
    recorder, _ = recorded(tmp_path, [observation(k) for k in range(3)])
    path = recorder.chunks(0)[0]
    rows = load_arrays(path)
    for name, broken in (("scores", rows["scores"][:2]), ("frame_index", np.zeros((3, 2), int))):
        save_arrays(path, {**rows, name: broken})
        with pytest.raises(ClipFileError, match="do not belong together"):
            take_from_chunks((path,), facts())
    with pytest.raises(ClipFileError, match="do not belong together"):
        take_from_chunks((), facts())


def test_what_is_flushed_is_on_disk_and_told(tmp_path: Path) -> None:
    events: list[Event] = []
    recorder = Recorder(folder=tmp_path, on_event=events.append, run="r1")
    for frame in range(CHUNK_FRAMES + 1):
        if frame == CHUNK_FRAMES:
            recorder.flush()
        recorder.add(observation(frame), IMAGE)
    assert len(events) == 1
    assert isinstance(events[0], Chunk)
    assert (events[0].first, events[0].last) == (0, CHUNK_FRAMES - 1)
    assert len(load_arrays(Path(events[0].path))["frame_index"]) == CHUNK_FRAMES
    recorder.flush()
    recorder.flush()
    assert len(events) == 2
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "person_0.r1.chunk_0000.npz",
        "person_0.r1.chunk_0001.npz",
    ]


def sized(frame: int, height: float) -> Observation:
    """Somebody whose box begins at 100, 50 px, is 40 px wide and as high as wanted."""
    seen = observation(frame)
    scores = np.full(55, 0.5, np.float32)
    return replace(seen, pose=replace(seen.pose, box=(100.0, 50.0, 40.0, height), scores=scores))


def test_the_portrait_is_of_the_frame_in_which_the_person_is_largest(tmp_path: Path) -> None:
    """Every frame has a grey of its own; a box that reaches out of the image counts within it."""
    recorder = Recorder(folder=tmp_path, on_event=lambda _: None, run="r1")
    for frame, height in enumerate((100.0, 101.0, 200.0, 150.0, 90.0, 1e6, 120.0)):
        recorder.add(sized(frame, height), np.full((480, 640, 3), 10 * frame + 10, np.uint8))
        if frame % 2:
            recorder.flush()
    recorder.flush()
    data = best_portrait(recorder.chunks(0))
    assert data is not None
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[0] == 128
    assert abs(float(picture.mean()) - 60.0) < 2.0
    held = ["portrait" in load_arrays(path) for path in recorder.chunks(0)]
    assert held == [True, True, True, False]


def test_portraits_of_odd_boxes_are_small_pictures() -> None:
    random = np.random.default_rng(3)
    image = random.integers(0, 255, (60, 80, 3), np.uint8)
    boxes = [(0.0, 0.0, 80.0, 60.0), (79.0, 59.0, 0.0, 0.0), (-50.0, -50.0, 10.0, 10.0),
             (500.0, 9.0, 5.0, 5.0), (0.0, 30.0, 80.0, 1.0), (30.0, 0.0, 1.0, 60.0)]  # fmt: skip
    for box in boxes:
        height, width, _ = portrait(image, box).shape
        assert 1 <= height <= 128
        assert 1 <= width <= 192


def test_a_recorder_goes_on_where_its_state_was_taken(tmp_path: Path) -> None:
    """Chunks that came after it go, another run's stay."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    seen = [sized(frame, 100.0 + 7 * frame) for frame in range(12)]
    expected = Recorder(folder=whole, on_event=lambda _: None, run="r1")
    first = Recorder(folder=killed, on_event=lambda _: None, run="r1")
    state = {}
    for frame, one in enumerate(seen):
        for recorder in (expected, first):
            recorder.add(one, IMAGE)
            if frame % 4 == 3:
                recorder.flush()
        if frame == 7:
            state = json.loads(json.dumps(first.state()))
    (killed / "person_0.r2.chunk_0002.npz").write_bytes(b"another run's")
    second = Recorder(folder=killed, on_event=lambda _: None, run="r1")
    second.restore(state)
    assert not (killed / "person_0.r1.chunk_0002.npz").exists()
    for one in seen[8:]:
        second.add(one, IMAGE)
    second.flush()
    assert second.state() == expected.state()
    for one, other in zip(expected.chunks(0), second.chunks(0), strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert (killed / "person_0.r2.chunk_0002.npz").read_bytes() == b"another run's"


def test_people_do_not_mix(tmp_path: Path) -> None:
    recorder = Recorder(folder=tmp_path, on_event=lambda _: None, run="r1")
    for frame in range(10):
        recorder.add(observation(frame, person_id=frame % 2), IMAGE)
    recorder.flush()
    for person_id in (0, 1):
        take = take_from_chunks(recorder.chunks(person_id), facts())
        assert take.frame_index.tolist() == list(range(person_id, 10, 2))
    assert recorder.chunks(2) == ()


def test_a_take_holds_what_its_file_can_hold(tmp_path: Path) -> None:
    """Single precision already in memory: a take read back gives the same clip."""
    recorder = Recorder(folder=tmp_path, on_event=lambda _: None, run="r1")
    recorder.add(observation(1), IMAGE)
    recorder.flush()
    take = take_from_chunks(recorder.chunks(0), facts())
    assert take.focal_px == float(np.float32(800.1))
    assert take.time_s[0] == float(np.float32(1 / 25.0))


def test_a_chunk_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder(folder=tmp_path / "file", on_event=lambda _: None, run="r1")
    recorder.add(observation(0), IMAGE)
    with pytest.raises(OutputError, match=r"cannot write person_0\.r1\.chunk_0000\.npz"):
        recorder.flush()


# --- rotations and meshes ----------------------------------------------------------------------

WORLD_FROM_CAMERA = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Right stays right, forward becomes y, down becomes -z."""


def posed(frame: int, vertices: int | None = None, person_id: int = 0) -> Observation:
    """What an estimator of rotations, without landmarks, says of a frame."""
    random = np.random.default_rng(5000 + frame)

    def numbers(*shape: int) -> Any:
        return random.normal(size=shape).astype(np.float32)

    seen = observation(frame, person_id)
    pose = replace(
        seen.pose,
        landmarks=None,
        rotations=numbers(55, 3),
        root=numbers(3) + np.array([0.0, 0.0, 4.0], np.float32),
        betas=numbers(10),
        expression=numbers(10),
        vertices=None if vertices is None else numbers(vertices, 3),
    )
    return replace(seen, pose=pose)


def recorded(folder: Path, observations: list[Observation]) -> tuple[Recorder, list[Event]]:
    events: list[Event] = []
    recorder = Recorder(folder=folder, on_event=events.append, run="r1")
    for number, one in enumerate(observations, start=1):
        recorder.add(one, IMAGE)
        if number % CHUNK_FRAMES == 0:
            recorder.flush()
    recorder.flush()
    return recorder, events


def rest_joints(betas: Any) -> Any:
    return smplx_like_joints() * (1.0 + 0.01 * betas[0])


def posed_facts(body_model: str = "smplx") -> TakeFacts:
    body = TakeBody(body_model=body_model, rest_joints=rest_joints)
    return replace(facts(), landmark_names=(), body=body)


def test_rotations_stand_in_the_world_and_the_rest_as_it_was(tmp_path: Path) -> None:
    observations = [posed(k) for k in range(6)]
    recorder, _ = recorded(tmp_path, observations)
    take = take_from_chunks(recorder.chunks(0), posed_facts())
    assert take.pose is not None
    assert take.landmarks2d.shape == (6, 0, 2)
    assert take.pose.vertices is None
    for row, seen in enumerate(observations):
        pose = seen.pose
        assert pose.rotations is not None
        assert pose.root is not None
        assert pose.betas is not None
        assert pose.expression is not None
        found = take.pose.poses[row].reshape(55, 3)
        np.testing.assert_allclose(found[1:], pose.rotations[1:], atol=1e-6)
        expected = WORLD_FROM_CAMERA @ matrix_from_axis_angle(pose.rotations[0])
        np.testing.assert_allclose(matrix_from_axis_angle(found[0]), expected, atol=1e-5)
        pelvis = take.pose.trans[row] + take.pose.rest_joints[0]
        np.testing.assert_allclose(pelvis, WORLD_FROM_CAMERA @ pose.root, atol=1e-5)
        np.testing.assert_array_equal(take.pose.frame_betas[row], pose.betas)
        np.testing.assert_array_equal(take.pose.expression[row], pose.expression)


def test_chunks_stay_in_the_cameras_axes(tmp_path: Path) -> None:
    recorder, _ = recorded(tmp_path, [posed(0, vertices=4)])
    arrays = load_arrays(recorder.chunks(0)[0])
    pose = posed(0, vertices=4).pose
    for name in ("rotations", "root", "betas", "expression", "vertices"):
        np.testing.assert_array_equal(arrays[name][0], getattr(pose, name))


def test_a_landmark_takes_chunks_have_no_rows_of_networks(tmp_path: Path) -> None:
    recorder, _ = recorded(tmp_path, [observation(0)])
    assert set(load_arrays(recorder.chunks(0)[0])) == {
        "frame_index", "time_s", "boxes", "joints2d", "scores",
        "landmarks2d", "landmarks3d", "landmark_scores", "portrait", "showiness",
    }  # fmt: skip
    assert take_from_chunks(recorder.chunks(0), facts()).pose is None


def test_one_shape_for_the_take_of_the_licensed_body_and_none_for_the_open_one(
    tmp_path: Path,
) -> None:
    recorder, _ = recorded(tmp_path, [posed(k) for k in range(9)])
    licensed = take_from_chunks(recorder.chunks(0), posed_facts()).pose
    opened = take_from_chunks(recorder.chunks(0), posed_facts("open")).pose
    assert licensed is not None
    assert opened is not None
    low, high = licensed.frame_betas.min(axis=0), licensed.frame_betas.max(axis=0)
    assert ((licensed.betas > low) & (licensed.betas < high)).all()
    np.testing.assert_allclose(licensed.rest_joints, rest_joints(licensed.betas), atol=1e-6)
    np.testing.assert_array_equal(opened.betas, 0.0)
    np.testing.assert_allclose(opened.rest_joints, smplx_like_joints(), atol=1e-6)
    np.testing.assert_array_equal(opened.frame_betas, licensed.frame_betas)
    assert (licensed.body_model, opened.body_model) == ("smplx", "open")


def test_the_median_counts_rows_by_their_scores() -> None:
    values = np.array([[0.0, 9.0], [1.0, 8.0], [2.0, 7.0], [30.0, -6.0], [40.0, -5.0]])
    even = np.ones(5, np.float32)
    np.testing.assert_array_equal(weighted_median(values, even), [2.0, 7.0])
    doubted = np.array([1.0, 1.0, 1.0, 0.0, 0.0], np.float32)
    np.testing.assert_array_equal(weighted_median(values, doubted), [1.0, 8.0])
    np.testing.assert_array_equal(weighted_median(values, 0.0 * even), [2.0, 7.0])
    sure = np.array([0.1, 0.1, 0.1, 0.1, 9.0], np.float32)
    np.testing.assert_array_equal(weighted_median(values, sure), [40.0, -5.0])


def test_a_mesh_stands_in_the_world_across_chunks(tmp_path: Path) -> None:
    observations = [posed(k, vertices=3) for k in range(CHUNK_FRAMES + 5)]
    recorder = Recorder(folder=tmp_path, on_event=lambda _: None, run="r1")
    for seen in observations:
        recorder.add(seen, IMAGE)
        if seen.frame_index == CHUNK_FRAMES:
            recorder.flush()
    recorder.flush()
    assert len(recorder.chunks(0)) == 2
    take = take_from_chunks(recorder.chunks(0), posed_facts())
    assert take.pose is not None
    assert take.pose.vertices is not None
    assert take.pose.vertices.dtype == np.float32
    for row in (0, CHUNK_FRAMES - 1, CHUNK_FRAMES + 4):
        own = observations[row].pose.vertices
        np.testing.assert_allclose(take.pose.vertices[row], own @ WORLD_FROM_CAMERA.T, atol=1e-6)


def test_a_recorder_says_when_it_holds_many_meshes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people of 1200 bytes a frame and a bound of 12000: full after ten of them."""
    monkeypatch.setattr(recording, "CHUNK_MESH_BYTES", 12_000)
    recorder = Recorder(folder=tmp_path, on_event=lambda _: None, run="r1")
    full: list[int] = []
    for k in range(24):
        recorder.add(posed(k // 2, vertices=100, person_id=k % 2), IMAGE)
        if recorder.is_full:
            full.append(k)
            recorder.flush()
    assert full == [9, 19]


def test_a_mesh_beyond_the_bound_is_left_out_with_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames nobody was seen in count: they are filled in later. The rest of the take stays."""
    monkeypatch.setattr(recording, "MAX_MESH_BYTES", 12_000)
    short = [posed(k, vertices=100, person_id=1) for k in range(10)]
    long = [posed(k, vertices=100) for k in (0, 1, 2, 10, 11)]
    recorder, events = recorded(tmp_path, short + long)
    warnings = [event for event in events if isinstance(event, Warned)]
    assert [warning.code for warning in warnings] == ["mesh_left_out"]
    whole = take_from_chunks(recorder.chunks(1), posed_facts()).pose
    without = take_from_chunks(recorder.chunks(0), posed_facts()).pose
    assert whole is not None
    assert whole.vertices is not None
    assert without is not None
    assert without.vertices is None
    assert len(without.poses) == 5


def test_networks_roots_and_meshes_are_as_much_farther_as_the_footage_is_zoomed(
    tmp_path: Path,
) -> None:
    """They count on the focal length of the shot's first frame."""
    recorder, _ = recorded(tmp_path, [posed(k, vertices=5) for k in range(6)])
    zooms = np.linspace(1.0, 2.0, 6).astype(np.float32)
    path = CameraPath(frame_index=np.arange(6), turns=np.zeros((6, 3), np.float32), zooms=zooms)
    plain = take_from_chunks(recorder.chunks(0), posed_facts())
    take = take_from_chunks(recorder.chunks(0), replace(posed_facts(), camera=path))
    assert take.camera_zoom is not None
    np.testing.assert_array_equal(take.camera_zoom, zooms)
    assert plain.pose is not None and take.pose is not None
    assert plain.pose.vertices is not None and take.pose.vertices is not None
    pelvis, zoomed = (p.trans + p.rest_joints[0] for p in (plain.pose, take.pose))
    farther = pelvis[:, 1] * (zooms - 1.0)
    np.testing.assert_allclose(zoomed[:, 1] - pelvis[:, 1], farther, atol=1e-5)
    np.testing.assert_allclose(zoomed[:, [0, 2]], pelvis[:, [0, 2]], atol=1e-6)
    moved = take.pose.vertices - plain.pose.vertices
    np.testing.assert_allclose(moved[..., 1], np.repeat(farther[:, None], 5, axis=1), atol=1e-5)
    np.testing.assert_allclose(moved[..., [0, 2]], 0.0, atol=1e-5)
