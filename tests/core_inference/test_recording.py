"""Raw takes while they grow: rows in order, chunks on disk, memory of one chunk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose2rig.core_inference.array_file import load_arrays
from pose2rig.core_inference.estimators.base import Landmarks, PersonPose
from pose2rig.core_inference.footage import Footage
from pose2rig.core_inference.people import Observation
from pose2rig.core_inference.protocol import Chunk, Event
from pose2rig.core_inference.recording import CHUNK_FRAMES, Recorder, TakeFacts, take_from_chunks
from pose2rig.rigs.errors import OutputError

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
    events: list[Event] = []
    recorder = Recorder(folder=tmp_path, on_event=events.append, run="r1")
    frames = [k for k in range(CHUNK_FRAMES + 20) if k not in (7, 8, 9)]
    for frame in frames:
        recorder.add(observation(frame))
    recorder.flush()
    take = take_from_chunks(recorder.chunks(0), facts())
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
    assert recorder.rows == len(frames)


def test_a_full_chunk_is_on_disk_at_once_and_told(tmp_path: Path) -> None:
    events: list[Event] = []
    recorder = Recorder(folder=tmp_path, on_event=events.append, run="r1")
    for frame in range(CHUNK_FRAMES + 1):
        recorder.add(observation(frame))
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


def test_people_do_not_mix(tmp_path: Path) -> None:
    recorder = Recorder(folder=tmp_path, on_event=lambda _: None, run="r1")
    for frame in range(10):
        recorder.add(observation(frame, person_id=frame % 2))
    recorder.flush()
    for person_id in (0, 1):
        take = take_from_chunks(recorder.chunks(person_id), facts())
        assert take.frame_index.tolist() == list(range(person_id, 10, 2))
    assert recorder.chunks(2) == ()


def test_a_take_holds_what_its_file_can_hold(tmp_path: Path) -> None:
    """Single precision already in memory: a take read back gives the same clip."""
    recorder = Recorder(folder=tmp_path, on_event=lambda _: None, run="r1")
    recorder.add(observation(1))
    recorder.flush()
    take = take_from_chunks(recorder.chunks(0), facts())
    assert take.focal_px == float(np.float32(800.1))
    assert take.time_s[0] == float(np.float32(1 / 25.0))


def test_a_chunk_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder(folder=tmp_path / "file", on_event=lambda _: None, run="r1")
    recorder.add(observation(0))
    with pytest.raises(OutputError, match=r"cannot write person_0\.r1\.chunk_0000\.npz"):
        recorder.flush()
