"""Fixtures shared by all tests."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository_dir() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_dir(repository_dir: Path) -> Path:
    """Real footage, motion capture and characters beside the checkout; skips where absent."""
    path = repository_dir.parent / "shared"
    if not (path / "footage").is_dir():
        pytest.skip(f"no real footage at ../shared beside {repository_dir.name}")
    return path
