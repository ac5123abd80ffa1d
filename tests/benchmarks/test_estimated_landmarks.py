"""Landmarks made as wrong as the estimator's: as wrong as was measured, and the same every time."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pose2rig.core_inference.body_model import BodyModel, load_open_body
from pose2rig.core_inference.clip import RawTake
from pose2rig.core_inference.synthetic import exact_take, known_motion
from pose2rig.rigs.rest_pose import UPRIGHT
from pose2rig.rigs.skeleton import JOINT_COUNT

SECONDS, RATE_HZ = 60.0, 30.0


@pytest.fixture
def module(repository_dir: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(repository_dir / "benchmarks")
    return import_module("estimated_landmarks")


@pytest.fixture(scope="module")
def raw() -> RawTake:
    """Somebody who stands still for a minute."""
    body: BodyModel = load_open_body()
    count = round(SECONDS * RATE_HZ)
    rotations = np.broadcast_to(np.eye(3), (count, JOINT_COUNT, 3, 3)).copy()
    rotations[:, 0] = UPRIGHT
    motion = known_motion(body, rotations, np.zeros((count, 3)), np.zeros(10))
    return exact_take(motion, body, np.arange(count) / RATE_HZ)


def body_columns(raw: RawTake) -> list[int]:
    return [k for k, name in enumerate(raw.landmark_names) if name.startswith("body_")]


def test_noise_is_as_large_and_as_quick_as_was_measured(module: ModuleType, raw: RawTake) -> None:
    noisy = module.with_noise(raw, np.random.default_rng(1))
    off_m = (noisy.landmarks3d - raw.landmarks3d)[:, body_columns(raw), 2]
    error = module.SPACE[2]
    about = off_m - off_m.mean(axis=0)
    assert about.std() == pytest.approx(np.hypot(error.drift_m, error.jitter_m), rel=0.1)
    steps = np.sqrt(np.square(np.diff(about, n=2, axis=0)).mean() / 6)
    assert error.jitter_m < steps < 2.0 * error.jitter_m
    lag = round(error.within_s * RATE_HZ)
    memory = (about[lag:] * about[:-lag]).mean() / np.square(about).mean()
    assert memory == pytest.approx(np.exp(-1.0), abs=0.12)
    fingers = [k for k, name in enumerate(raw.landmark_names) if "_hand_" in name]
    np.testing.assert_array_equal(noisy.landmarks2d[:, fingers], raw.landmarks2d[:, fingers])


def test_limbs_are_lost_as_often_as_was_measured(module: ModuleType, raw: RawTake) -> None:
    lost = module.with_lost_limbs(raw, np.random.default_rng(2))
    for limb, name in (("arm", "wrist"), ("leg", "ankle")):
        column = raw.landmark_names.index(f"body_left_{name}")
        share = float((lost.landmark_scores[:, column] < 0.5).mean())
        assert 0.3 * module.LOST_SHARE[limb] < share < 2.5 * module.LOST_SHARE[limb]


def test_legs_are_exchanged_for_single_frames(module: ModuleType, raw: RawTake) -> None:
    swapped = module.with_swaps(raw, np.random.default_rng(3))
    left, right = (raw.landmark_names.index(f"body_{side}_ankle") for side in ("left", "right"))
    changed = np.flatnonzero((swapped.landmarks2d != raw.landmarks2d).any(axis=(1, 2)))
    assert 1 <= len(changed) <= 3 * module.SWAPS_PER_S * SECONDS
    np.testing.assert_array_equal(
        swapped.landmarks2d[changed, left], raw.landmarks2d[changed, right]
    )


def test_the_same_seed_gives_the_same_take(module: ModuleType, raw: RawTake) -> None:
    one, other, third = (module.as_estimated(raw, seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.landmarks3d, other.landmarks3d)
    assert not np.array_equal(one.landmarks3d, third.landmarks3d)
