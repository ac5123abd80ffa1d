"""The camera while footage is watched: told of its shot, doubted once, the same when resumed."""

from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.camera_path import CameraPath
from pose2rig.core_inference.footage import Footage, open_footage

from ..footage_samples import write_image
from .panned import turned_views
from .test_watching import Dying, Groups, Killed, Run

FRAMES = 24


@pytest.fixture(scope="module")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """A camera turns right by 12 degrees; the estimator sees two people who are not there."""
    folder = tmp_path_factory.mktemp("pan")
    turns = np.zeros((FRAMES, 3))
    turns[:, 1] = np.radians(np.linspace(0.0, -12.0, FRAMES))
    for k, image in enumerate(turned_views(turns)):
        write_image(folder / f"{k:03d}.png", image)
    return open_footage(folder)


def camera_of_the_shot(run: Run) -> CameraPath | None:
    ((shot, _),) = run.noted
    return shot.camera


def test_a_pan_is_told_with_its_shot(pan: Footage, tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.watch(pan, Groups(4), focal_px=700.0)
    camera = camera_of_the_shot(run)
    assert camera is not None
    assert camera.frame_index.tolist() == list(range(FRAMES))
    np.testing.assert_allclose(np.degrees(camera.turns[-1]), [0.0, -12.0, 0.0], atol=0.1)
    assert not [warning for warning in run.monitor.warnings if warning.code == "camera"]


@pytest.mark.parametrize("calls", [2, 9, 17])
def test_killed_and_resumed_the_camera_is_the_same_to_the_last_bit(
    pan: Footage, tmp_path: Path, calls: int
) -> None:
    whole, resumed = Run(tmp_path / "whole"), Run(tmp_path / "killed")
    whole.watch(pan, Groups(1))
    with pytest.raises(Killed):
        Run(tmp_path / "killed").watch(pan, Dying(1, calls))
    resumed.watch(pan, Groups(1), resume=True)
    cameras = [camera_of_the_shot(run) for run in (whole, resumed)]
    assert cameras[0] is not None and cameras[1] is not None
    assert cameras[0].state() == cameras[1].state()


def test_a_finished_shot_keeps_its_camera_in_the_journal(pan: Footage, tmp_path: Path) -> None:
    """Everything is looked at; another person is asked for."""
    first, again = Run(tmp_path), Run(tmp_path)
    first.watch(pan, Groups(4))
    estimator = Groups(4)
    again.watch(pan, estimator, resume=True, person="1")
    assert estimator.calls == []
    cameras = [camera_of_the_shot(run) for run in (first, again)]
    assert cameras[0] is not None and cameras[1] is not None
    assert cameras[0].state() == cameras[1].state()


def test_where_nothing_can_be_told_the_user_hears_it_once(tmp_path: Path) -> None:
    """Two shots of noise."""
    random = np.random.default_rng(1)
    for k in range(40):
        colour = (200, 60, 30) if k < 20 else (20, 90, 220)
        noise = random.normal(0.0, 40.0, (180, 320, 3)) + np.array(colour)
        write_image(tmp_path / f"{k:03d}.png", np.clip(noise, 0, 255).astype(np.uint8))
    run = Run(tmp_path / "out")
    run.watch(open_footage(tmp_path), Groups(4))
    told = [warning.message for warning in run.monitor.warnings if warning.code == "camera"]
    assert len(told) == 1
    assert "taken for still in the whole shot" in told[0]
    assert all(shot.camera is None for shot, _ in run.noted)
