"""What an installation brings: the locked files hold what pyproject.toml wants, and no more."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

HEAVY = {"mediapipe", "jax", "jaxlib", "opencv-contrib-python", "opencv-python", "torch", "smplx"}
ENGINE = {
    "ai-edge-litert",
    "filelock",
    "numpy",
    "opencv-python-headless",
    "scipy",
    "threadpoolctl",
    "tqdm",
}


def names(lines: list[str]) -> set[str]:
    return {re.split(r"[ =<>;]", line, maxsplit=1)[0].lower() for line in lines}


@pytest.fixture(scope="module")
def project(repository_dir: Path) -> dict[str, Any]:
    return tomllib.loads((repository_dir / "pyproject.toml").read_text("utf-8"))["project"]


def locked(repository_dir: Path, name: str) -> list[str]:
    lines = (repository_dir / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_engine_is_small(project: dict[str, Any], repository_dir: Path) -> None:
    assert names(project["dependencies"]) == ENGINE
    engine = names(locked(repository_dir, "engine"))
    assert engine > ENGINE
    assert not engine & HEAVY


@pytest.mark.parametrize(("name", "extra"), [("blender", "blender"), ("dev", "dev")])
def test_the_other_locks_hold_the_engine_unchanged(
    project: dict[str, Any], repository_dir: Path, name: str, extra: str
) -> None:
    lines = set(locked(repository_dir, name))
    assert lines > set(locked(repository_dir, "engine"))
    assert names(project["optional-dependencies"][extra]) <= names(list(lines))
    assert not names(list(lines)) & HEAVY


@pytest.mark.parametrize("name", ["engine", "blender", "dev", "research"])
def test_every_line_is_one_version_and_names_no_host(repository_dir: Path, name: str) -> None:
    lines = locked(repository_dir, name)
    assert lines
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; .+)?", line), line
        assert "://" not in line
