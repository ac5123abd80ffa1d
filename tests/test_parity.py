"""The parity check itself: it passes on the authors' numbers and fails on any other."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

NETWORKS = {
    *("hand4whole", "pose2pose_body", "pose2pose_hand", "pose2pose_face", "crowd3d_graphcnn"),
    *("vposer_v1", "i2l_meshnet_body", "i2l_meshnet_hand", "rootnet"),
    *("posenet_h36m", "posenet_muco"),
}
LINE = re.compile(r"(\w+) (\d+) (\w+) (\d\.\d{3}e[+-]\d\d|nan|inf)")
NEAR_PI = (1, 0, 17)
"""A rotation of VPoser's seed 0 that is within 0.05 rad of a half turn."""


def check(root: Path, repository_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, repository_dir / "tests" / "parity.py", root],
        capture_output=True,
        text=True,
        check=False,
    )


def outputs(result: subprocess.CompletedProcess[str]) -> dict[tuple[str, int, str], float]:
    """The printed differences; every line is a result."""
    found = [LINE.fullmatch(line) for line in result.stdout.splitlines()]
    return {(m[1], int(m[2]), m[3]): float(m[4]) for m in found if m is not None}


@pytest.fixture
def parity_dir(shared_dir: Path) -> Path:
    return shared_dir / "parity"


Changed = Callable[[Callable[[Arrays], None]], Path]


@pytest.fixture
def changed(parity_dir: Path, tmp_path: Path) -> Changed:
    """Copies VPoser's data, the smallest, with its expected numbers changed."""

    def copy(change: Callable[[Arrays], None]) -> Path:
        folder = tmp_path / "vposer_v1"
        shutil.copytree(parity_dir / "vposer_v1", folder)
        folder.chmod(0o755)
        path = folder / "expected_seed0.npz"
        with np.load(path) as stored:
            arrays = dict(stored)
        change(arrays)
        path.unlink()
        np.savez(path, **arrays)
        return tmp_path

    return copy


@pytest.mark.slow
def test_all_networks_equal_the_authors(parity_dir: Path, repository_dir: Path) -> None:
    result = check(parity_dir, repository_dir)
    assert (result.returncode, result.stderr) == (0, "")
    printed = outputs(result)
    assert len(printed) == len(result.stdout.splitlines())
    expected = {
        (path.parent.name, int(path.stem.removeprefix("expected_seed")), name)
        for path in parity_dir.glob("*/expected_seed*.npz")
        for name in np.load(path).files
        if not name.startswith("mid_")
    }
    assert set(printed) == expected
    assert {name for name, _, _ in printed} == NETWORKS
    assert max(value for (name, _, _), value in printed.items() if name != "rootnet") < 1e-3


@pytest.mark.slow
def test_a_half_turn_may_be_given_from_the_other_side(
    changed: Changed, repository_dir: Path
) -> None:
    def turn(arrays: Arrays) -> None:
        vector = arrays["body_pose_aa"][NEAR_PI]
        assert np.linalg.norm(vector) > np.pi - 0.05
        arrays["body_pose_aa"][NEAR_PI] = vector * (1 - 2 * np.pi / np.linalg.norm(vector))

    result = check(changed(turn), repository_dir)
    assert (result.returncode, result.stderr) == (0, "")
    assert outputs(result)["vposer_v1", 0, "body_pose_aa"] < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("value", [0.002, np.nan, np.inf])
def test_one_other_number_fails(changed: Changed, repository_dir: Path, value: float) -> None:
    def add(arrays: Arrays) -> None:
        arrays["body_pose_aa"][2, 0, 5, 1] += value

    result = check(changed(add), repository_dir)
    assert result.returncode == 1
    assert "vposer_v1 0 body_pose_aa: beyond its tolerance" in result.stderr
    assert outputs(result)["vposer_v1", 0, "body_pose_matrot"] < 1e-3


@pytest.mark.slow
def test_a_missing_and_an_unknown_output_fail(changed: Changed, repository_dir: Path) -> None:
    def rename(arrays: Arrays) -> None:
        arrays["body_pose_quaternion"] = arrays.pop("body_pose_matrot")
        arrays["mid_anything"] = np.zeros(1, np.float32)

    result = check(changed(rename), repository_dir)
    assert result.returncode == 1
    assert "vposer_v1 0 body_pose_matrot: missing" in result.stderr
    assert "vposer_v1 0 body_pose_quaternion: unknown output" in result.stderr
    assert "mid_" not in result.stdout + result.stderr


@pytest.mark.slow
def test_an_unknown_network_and_an_empty_folder_fail(
    parity_dir: Path, repository_dir: Path, tmp_path: Path
) -> None:
    empty = check(tmp_path, repository_dir)
    assert empty.returncode == 1
    assert "no network" in empty.stderr
    shutil.copytree(parity_dir / "vposer_v1", tmp_path / "vposer_v9")
    unknown = check(tmp_path, repository_dir)
    assert unknown.returncode == 1
    assert "vposer_v9: unknown network" in unknown.stderr
