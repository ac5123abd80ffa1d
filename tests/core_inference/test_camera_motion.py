"""The camera's motion from the background: pans, dollies, rest, and what nobody can tell."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.camera_motion import CameraMotion
from pose2rig.core_inference.camera_path import CameraPath
from pose2rig.core_inference.footage import Frame, open_footage, read
from pose2rig.core_inference.sightings import Box
from pose2rig.rigs.rotation import matrix_from_axis_angle

from .panned import FOCAL_PX, SIZE, frames_of, gone_views, texture, turned_views, with_somebody

Float64 = NDArray[np.float64]
Found = tuple[CameraPath | None, str | None]

FRAMES = 150


def watched(frames: list[Frame], boxes: list[list[Box]] | None = None) -> Found:
    motion = CameraMotion(focal_px=FOCAL_PX)
    for frame, people in zip(frames, boxes or [[]] * len(frames), strict=True):
        motion.observe(frame, people)
    return motion.finish()


def wandering(degrees: float, count: int = FRAMES) -> Float64:
    """Turns (T,3): to the right, with some up and down and a little roll."""
    share = np.linspace(0.0, 1.0, count)
    return np.radians(
        np.stack([3 * np.sin(9 * share), -degrees * share**2, 1.5 * np.sin(5 * share)], axis=1)
    )


def eased(start: float, end: float, count: int = FRAMES) -> Float64:
    """Focal lengths (T,) that change slowly at first and at last."""
    share = np.linspace(0.0, 1.0, count)
    return np.asarray(start * (end / start) ** (share**2 * (3 - 2 * share)))


def errors_deg(path: CameraPath, turns_T3: Float64) -> Float64:
    both = [matrix_from_axis_angle(turns.astype(np.float64)) for turns in (path.turns, turns_T3)]
    trace = np.trace(both[0] @ np.swapaxes(both[1], 1, 2), axis1=1, axis2=2)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


def test_a_pan_of_five_seconds_behind_somebody_is_known_to_a_tenth_of_a_degree() -> None:
    turns = wandering(40.0)
    images, boxes = with_somebody(turned_views(turns))
    path, doubt = watched(frames_of(images), boxes)
    assert path is not None and doubt is None
    assert path.places is None
    assert errors_deg(path, turns).max() < 0.1
    np.testing.assert_array_equal(path.turns[0], 0.0)


def test_a_camera_at_rest_stands_still_whoever_moves_and_however_it_flickers() -> None:
    images, boxes = with_somebody([turned_views(np.zeros((1, 3)))[0]] * 60)
    random = np.random.default_rng(5)
    noisy = [
        np.clip(image * random.uniform(0.9, 1.0) + random.normal(0, 4, image.shape), 0, 255)
        for image in images
    ]
    frames = frames_of([image.astype(np.uint8) for image in noisy])
    assert watched(frames, boxes) == (None, None)
    assert watched(frames) == (None, None)


def test_a_knock_against_the_tripod_for_two_frames_does_not_make_it_move() -> None:
    turns = np.zeros((40, 3))
    turns[20:22, 1] = np.radians(1.0)
    assert watched(frames_of(turned_views(turns))) == (None, None)


@pytest.mark.parametrize(("frames", "fps", "is_moving"), [(14, 240.0, False), (2, 5.0, True)])
def test_how_long_a_knock_is_counts_in_seconds(frames: int, fps: float, is_moving: bool) -> None:
    turns = np.zeros((60, 3))
    turns[20 : 20 + frames, 1] = np.radians(1.0)
    shot = [replace(frame, time_s=frame.index / fps) for frame in frames_of(turned_views(turns))]
    path, doubt = watched(shot)
    assert ((path is not None), doubt) == (is_moving, None)


def test_a_camera_that_goes_beside_a_runner_goes_and_does_not_pan() -> None:
    places = np.stack([np.linspace(0, 3.0, 90), np.linspace(0, -1.0, 90)], axis=1)
    images, boxes = with_somebody(gone_views(places))
    path, doubt = watched(frames_of(images), boxes)
    assert path is not None and doubt is None
    assert path.places is not None
    np.testing.assert_allclose(path.places, places, atol=0.1)
    assert np.degrees(np.linalg.norm(path.turns, axis=1)).max() < 1.0


@pytest.mark.parametrize("end", [1.6, 0.7])
@pytest.mark.parametrize("degrees", [0.0, 40.0])
def test_a_zoom_behind_somebody_is_known_with_and_without_a_pan(end: float, degrees: float) -> None:
    turns, zooms = wandering(degrees), eased(1.0, end)
    images, boxes = with_somebody(turned_views(turns, zooms_T=zooms))
    path, doubt = watched(frames_of(images), boxes)
    assert path is not None and doubt is None
    assert path.places is None and path.zooms is not None
    assert path.zooms[0] == 1.0
    np.testing.assert_allclose(path.zooms, zooms, rtol=0.005)
    assert errors_deg(path, turns).max() < 0.1


def test_a_pan_and_a_camera_at_rest_have_no_zoom() -> None:
    for turns in (wandering(40.0), np.zeros((40, 3))):
        images, boxes = with_somebody(turned_views(turns))
        path, _ = watched(frames_of(images), boxes)
        assert path is None or path.zooms is None


@pytest.mark.parametrize("forward", [3.0, -3.0])
def test_a_camera_that_goes_forward_or_back_does_not_zoom(forward: float) -> None:
    places = np.outer(np.linspace(0, 1, 90), [0.0, forward])
    images, boxes = with_somebody(gone_views(places))
    path, doubt = watched(frames_of(images), boxes)
    assert path is not None and doubt is None
    assert path.zooms is None and path.places is not None
    np.testing.assert_allclose(path.places, places, atol=0.15)


def test_where_no_ground_is_seen_a_zoom_could_be_a_way_and_is_neither() -> None:
    """Clouds above a smooth field: the corners are all above the horizon."""
    zooms = eased(1.0, 1.4, 60)
    images = turned_views(np.zeros((60, 3)), zooms_T=zooms)
    for image in images:
        image[SIZE[1] // 2 :] = 90
    path, doubt = watched(frames_of(images))
    assert path is None
    assert doubt is not None and "cannot be told" in doubt


def test_a_way_over_no_ground_cannot_be_told_and_counts_as_rest() -> None:
    """Layers at several depths slide over one another; there is no floor among them."""
    layers = [texture(seed, 1200, SIZE[1]) for seed in (7, 8, 9, 10)]
    images = []
    for k in range(60):
        image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        for n, layer in enumerate(layers):
            rows = slice(n * 90, (n + 1) * 90)
            shift = round(k * (0.5, 5.0, 2.0, 3.5)[n])
            image[rows] = layer[rows, shift : shift + SIZE[0]]
        images.append(image)
    path, doubt = watched(frames_of(images))
    assert path is None
    assert doubt is not None and "cannot be told" in doubt and "in the whole shot" in doubt


def test_people_who_fill_the_picture_leave_nothing_to_tell() -> None:
    images = turned_views(wandering(20.0, 40))
    whole: list[list[Box]] = [[(0.0, 0.0, 640.0, 360.0)]] * 40
    path, doubt = watched(frames_of(images), whole)
    assert path is None and doubt is not None


def test_a_single_picture_stands_still_without_a_word() -> None:
    assert watched(frames_of(turned_views(np.zeros((1, 3))))) == (None, None)
    assert CameraMotion(focal_px=FOCAL_PX).finish() == (None, None)


def test_a_shot_begins_anew_after_the_last_one() -> None:
    turns = wandering(15.0, 40)
    frames = frames_of(turned_views(turns))
    motion = CameraMotion(focal_px=FOCAL_PX)
    found: list[Found] = []
    for _ in range(2):
        for frame in frames:
            motion.observe(frame, [])
        found.append(motion.finish())
    (first, _), (second, _) = found
    assert first is not None and second is not None
    assert first.state() == second.state()


@pytest.mark.parametrize("after", [0, 1, 13, 39])
def test_one_that_goes_on_from_a_state_says_the_same_to_the_last_bit(after: int) -> None:
    images, boxes = with_somebody(gone_views(np.outer(np.linspace(0, 1.5, 40), [1.0, -0.3])))
    frames = frames_of(images)
    assert_resumes(frames, boxes, after)


def test_one_that_zooms_goes_on_from_a_state_too() -> None:
    images, boxes = with_somebody(turned_views(wandering(8.0, 40), zooms_T=eased(1.0, 1.3, 40)))
    assert_resumes(frames_of(images), boxes, 21)


def assert_resumes(frames: list[Frame], boxes: list[list[Box]], after: int) -> None:
    """What was watched with a break is what was watched without."""
    whole, _ = watched(frames, boxes)
    begun, resumed = (CameraMotion(focal_px=FOCAL_PX) for _ in range(2))
    for frame, people in zip(frames[:after], boxes[:after], strict=True):
        begun.observe(frame, people)
    resumed.restore(json.loads(json.dumps(begun.state())))
    for frame, people in zip(frames[after:], boxes[after:], strict=True):
        resumed.observe(frame, people)
    path, _ = resumed.finish()
    assert whole is not None and path is not None
    assert path.state() == whole.state()


def test_a_wide_picture_and_a_tall_one_are_followed_alike() -> None:
    turns = wandering(10.0, 30)
    tall = [np.ascontiguousarray(cv2.transpose(image)) for image in turned_views(turns)]
    path, _ = watched(frames_of([np.asarray(image, np.uint8) for image in tall]))
    assert path is not None
    swapped = turns[:, [1, 0, 2]] * -1.0
    assert errors_deg(path, swapped).max() < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["juggle_fullbody_static.mp4", "walk_sideview_outdoor.mp4"])
def test_a_digital_zoom_of_real_footage_is_known_to_two_percent(
    shared_dir: Path, name: str
) -> None:
    """Cut out ever smaller about the middle; somebody is in the middle third."""
    footage = open_footage(shared_dir / "footage" / "video" / name)
    frames = list(read(footage, 0, 75))
    height, width = frames[0].image.shape[:2]
    zooms = eased(1.0, 1.6, len(frames))
    shown: list[Frame] = []
    boxes: list[list[Box]] = []
    for frame, zoom in zip(frames, zooms, strict=True):
        edges = np.array([width, height]) * (1.0 - zoom) / 2 + (zoom - 1.0) / 2
        larger = cv2.warpAffine(
            frame.image, np.array([[zoom, 0.0, edges[0]], [0.0, zoom, edges[1]]]), (width, height)
        )
        shown.append(replace(frame, image=np.asarray(larger, np.uint8)))
        third = zoom * width / 3
        boxes.append([(width / 2 - third / 2, 0.0, third, float(height))])
    motion = CameraMotion(focal_px=float(np.hypot(width, height)))
    for frame, people in zip(shown, boxes, strict=True):
        motion.observe(frame, people)
    path, doubt = motion.finish()
    assert path is not None and doubt is None
    assert path.zooms is not None and path.places is None
    np.testing.assert_allclose(path.zooms, zooms, rtol=0.02)
