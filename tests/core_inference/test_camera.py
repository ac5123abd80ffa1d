"""Cameras of clips: at rest or moving, projected, saved and read back, and from strangers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pose2rig.core_inference.array_file import load_arrays, save_arrays
from pose2rig.core_inference.body_model import BodyModel
from pose2rig.core_inference.camera import CAMERA_FROM_WORLD, Camera
from pose2rig.core_inference.camera_path import CameraPath
from pose2rig.core_inference.clip import (
    Clip,
    load_clip,
    load_raw_take,
    replaced,
    save_clip,
    save_raw_take,
)
from pose2rig.core_inference.synthetic import exact_take
from pose2rig.rigs.errors import ClipFileError
from pose2rig.rigs.rotation import matrix_from_axis_angle

from .known_motions import random_motion
from .standing import standing

FRAMES = 9
SIZE = (640, 360)


def moving_camera(count: int = FRAMES) -> Camera:
    """Turns right by 20 degrees and goes 1 m to the right."""
    share = np.linspace(0.0, 1.0, count)
    turns = matrix_from_axis_angle(np.outer(share, [0.0, np.radians(20.0), 0.0]))
    rotation = turns @ CAMERA_FROM_WORLD
    places = np.outer(share, [1.0, 0.0, 0.0]) + [0.0, -4.0, 1.0]
    return Camera(
        focal=np.full(2, 600.0, np.float32),
        principal_point=np.array(SIZE, np.float32) / 2,
        image_size=np.array(SIZE, np.int32),
        rotation=rotation.astype(np.float32),
        translation=-(rotation @ places[..., None])[..., 0].astype(np.float32),
    )


@pytest.fixture
def clip() -> Clip:
    clip = standing(SIZE, range(FRAMES))
    camera = moving_camera()
    joints2d = camera.project(clip.joints).astype(np.float32)
    return replaced(clip, camera=camera, joints2d=joints2d)


def test_each_row_is_seen_by_its_own_camera() -> None:
    camera = moving_camera()
    points = np.random.default_rng(1).normal(size=(FRAMES, 7, 3))
    seen = camera.project(points)
    for row in range(FRAMES):
        one = camera.at(np.array(row))
        assert not one.is_moving
        np.testing.assert_allclose(seen[row], one.project(points[row]), atol=1e-6)
        np.testing.assert_allclose(camera.project(points[:, 2])[row], seen[row, 2], atol=1e-6)
    assert camera.at(np.array([2, 5])).rotation.shape == (2, 3, 3)


def test_a_camera_at_rest_is_the_same_for_all_rows() -> None:
    camera = standing(SIZE, range(3)).camera
    assert camera.at(np.array([0, 2])) is camera


def test_each_row_has_its_own_focal_length_where_the_camera_zooms() -> None:
    zoom = np.linspace(1.0, 1.6, FRAMES).astype(np.float32)
    camera = moving_camera()
    zooming = replace(camera, zoom=zoom)
    points = np.random.default_rng(1).normal(size=(FRAMES, 7, 3))
    aside = camera.project(points) - camera.principal_point
    seen = zooming.project(points)
    np.testing.assert_allclose(seen - camera.principal_point, aside * zoom[:, None, None])
    np.testing.assert_allclose(zooming.project(points[:, 2]), seen[:, 2])
    one = zooming.at(np.array(4))
    assert one.zoom is None
    np.testing.assert_allclose(one.focal, 600.0 * zoom[4])
    np.testing.assert_allclose(one.project(points[4]), seen[4], rtol=1e-5)
    two = zooming.at(np.array([2, 5])).zoom
    assert two is not None
    np.testing.assert_array_equal(two, zoom[[2, 5]])


@pytest.mark.parametrize("value", [0.0, -1.0, 1e6, np.nan])
def test_a_zoom_that_no_lens_has_is_refused(value: float) -> None:
    zoom = np.ones(FRAMES, np.float32)
    zoom[3] = value
    with pytest.raises(ClipFileError, match="camera_zoom is not usable"):
        replace(moving_camera(), zoom=zoom)


def test_a_zoom_of_other_rows_or_of_a_camera_at_rest_is_refused() -> None:
    with pytest.raises(ClipFileError, match="camera_zoom has the wrong shape"):
        replace(moving_camera(), zoom=np.ones(FRAMES - 1, np.float32))
    for count in (0, 1, 3):
        with pytest.raises(ClipFileError, match="camera_zoom stands beside a camera at rest"):
            replace(standing(SIZE, range(3)).camera, zoom=np.ones(count, np.float32))


def test_a_point_in_the_plane_of_the_lens_has_finite_pixels() -> None:
    points = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 2.0, 0.0]])
    camera = replace(
        standing(SIZE, range(3)).camera,
        rotation=CAMERA_FROM_WORLD.astype(np.float32),
        translation=np.zeros(3, np.float32),
    )
    pixels = camera.project(points)
    assert np.isfinite(pixels).all()
    np.testing.assert_allclose(pixels[2], camera.principal_point)


def test_a_moving_camera_is_saved_and_read_back(clip: Clip, tmp_path: Path) -> None:
    save_clip(tmp_path / "clip.npz", clip)
    arrays = load_arrays(tmp_path / "clip.npz")
    assert arrays["camera_rotation"].shape == (FRAMES, 3, 3)
    assert arrays["camera_translation"].shape == (FRAMES, 3)
    assert "camera_zoom" not in arrays
    again = load_clip(tmp_path / "clip.npz")
    np.testing.assert_array_equal(again.camera.rotation, clip.camera.rotation)
    np.testing.assert_array_equal(again.camera.translation, clip.camera.translation)


def test_a_zooming_camera_is_saved_and_read_back_beside_its_first_focal_length(
    clip: Clip, tmp_path: Path
) -> None:
    zoom = np.linspace(1.0, 1.6, FRAMES).astype(np.float32)
    save_clip(tmp_path / "clip.npz", replaced(clip, camera=replace(clip.camera, zoom=zoom)))
    arrays = load_arrays(tmp_path / "clip.npz")
    np.testing.assert_array_equal(arrays["focal"], [600.0, 600.0])
    np.testing.assert_array_equal(arrays["camera_zoom"], zoom)
    again = load_clip(tmp_path / "clip.npz").camera.zoom
    assert again is not None
    np.testing.assert_array_equal(again, zoom)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("camera_translation", (3,)), ("camera_rotation", (3, 3)), ("camera_rotation", (4, 3, 3))],
)
def test_a_camera_of_other_rows_is_refused(
    clip: Clip, tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    save_clip(tmp_path / "clip.npz", clip)
    arrays = load_arrays(tmp_path / "clip.npz")
    save_arrays(tmp_path / "bad.npz", {**arrays, name: np.zeros(shape, np.float32)})
    with pytest.raises(ClipFileError, match="wrong shape"):
        load_clip(tmp_path / "bad.npz")


def test_a_raw_take_keeps_its_moving_camera(body: BodyModel, tmp_path: Path) -> None:
    motion, time_s = random_motion(body, seed=3, seconds=0.3)
    take = exact_take(motion, body, time_s)
    save_raw_take(tmp_path / "still.npz", take)
    assert load_arrays(tmp_path / "still.npz")["camera_rotation"].shape == (3, 3)
    assert load_raw_take(tmp_path / "still.npz").camera_rotation is None
    moving = replace(
        take,
        camera_rotation=moving_camera(len(time_s)).rotation,
        camera_place=np.ones((len(time_s), 2), np.float32),
        camera_zoom=np.linspace(1.0, 2.0, len(time_s)).astype(np.float32),
    )
    save_raw_take(tmp_path / "moving.npz", moving)
    again = load_raw_take(tmp_path / "moving.npz")
    assert again.camera_rotation is not None and again.camera_place is not None
    assert moving.camera_rotation is not None and moving.camera_place is not None
    np.testing.assert_array_equal(again.camera_rotation, moving.camera_rotation)
    np.testing.assert_array_equal(again.camera_place, moving.camera_place)
    assert again.camera_zoom is not None and moving.camera_zoom is not None
    np.testing.assert_array_equal(again.camera_zoom, moving.camera_zoom)
    assert not {"camera_zoom", "camera_place"} & set(load_arrays(tmp_path / "still.npz"))
    assert load_arrays(tmp_path / "moving.npz")["camera_translation"].shape == (len(time_s), 3)


def test_rays_of_a_take_are_of_each_rows_own_focal_length(body: BodyModel) -> None:
    motion, time_s = random_motion(body, seed=3, seconds=0.3)
    take = exact_take(motion, body, time_s)
    centre, pixels = np.array(take.image_size) / 2, take.landmarks2d.astype(np.float64)
    np.testing.assert_array_equal(take.rays(pixels), (pixels - centre) / take.focal_px)
    zoom = np.linspace(1.0, 2.0, len(time_s)).astype(np.float32)
    rotation = moving_camera(len(time_s)).rotation
    zoomed = replace(take, camera_rotation=rotation, camera_zoom=zoom)
    moved = (pixels - centre) * zoom[:, None, None] + centre
    np.testing.assert_allclose(zoomed.rays(moved), take.rays(pixels), atol=1e-12)


@pytest.mark.parametrize("wrong", [np.zeros(4), np.full(4, np.inf), np.ones(3), np.ones((4, 1))])
def test_a_raw_takes_hostile_zoom_is_refused(body: BodyModel, wrong: NDArray[np.float64]) -> None:
    motion, time_s = random_motion(body, seed=3, seconds=0.3)
    count = len(time_s)
    take = exact_take(motion, body, time_s)
    rotation = moving_camera(count).rotation
    zoom = np.resize(wrong, (count - 4 + len(wrong), *wrong.shape[1:])).astype(np.float32)
    with pytest.raises(ClipFileError, match="camera_zoom"):
        replace(take, camera_rotation=rotation, camera_zoom=zoom)
    for rows in (0, count):
        with pytest.raises(ClipFileError, match="camera_zoom stands beside a camera at rest"):
            replace(take, camera_zoom=np.ones(rows, np.float32))


def test_matrices_that_do_more_than_turn_are_refused(body: BodyModel) -> None:
    motion, time_s = random_motion(body, seed=3, seconds=0.3)
    take = exact_take(motion, body, time_s)
    rotation = moving_camera(len(time_s)).rotation
    for wrong in (1.1 * rotation, rotation * np.array([1, 1, -1], np.float32)):
        with pytest.raises(ClipFileError, match="camera_rotation is not usable"):
            replace(take, camera_rotation=wrong)


def test_a_path_is_level_in_its_first_frame_and_comes_back_from_its_state() -> None:
    turns = np.array([[0, 0, 0], [0, 0.1, 0], [0, 0.2, 0.1]], np.float32)
    path = CameraPath(
        frame_index=np.array([4, 5, 6]),
        turns=turns,
        places=turns[:, :2],
        zooms=np.array([1.0, 1.2, 1.5], np.float32),
    )
    rotation = path.rotations(np.array([4, 6]))
    np.testing.assert_array_equal(rotation[0], CAMERA_FROM_WORLD)
    expected = matrix_from_axis_angle(turns[2].astype(np.float64)) @ CAMERA_FROM_WORLD
    np.testing.assert_allclose(rotation[1], expected, atol=1e-6)
    again = CameraPath.from_state(path.state())
    assert again.state() == path.state()
    zooms = again.zooms_at(np.array([4, 6]))
    assert zooms is not None
    np.testing.assert_array_equal(zooms, np.array([1.0, 1.5], np.float32))
    place = again.at(np.array([6]))
    assert place is not None
    np.testing.assert_array_equal(place, turns[2:, :2])


@pytest.mark.parametrize("turns", [np.zeros((2, 3)), np.full((3, 3), np.nan), np.zeros((3, 2))])
def test_a_path_of_other_rows_or_no_numbers_is_refused(turns: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="expected turns"):
        CameraPath(frame_index=np.arange(3), turns=turns.astype(np.float32))
