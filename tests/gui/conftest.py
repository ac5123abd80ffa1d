"""A real Blender window with the built extension installed, for the tests of this folder."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .blender_window import BlenderWindow, install_extension, private_environment
from .display import Display


@pytest.fixture(scope="session")
def blender() -> Path:
    """The Blender under test, from the environment; `make test-gui BLENDER=path` sets it."""
    path = os.environ.get("BLENDER")
    if not path:
        pytest.skip("no Blender given: run make test-gui BLENDER=/path/to/blender")
    return Path(path).resolve()


@pytest.fixture(scope="session")
def extension_zip(repository_dir: Path) -> Path:
    """The extension as `make extension` built it."""
    found = sorted((repository_dir / "dist").glob("pose2rig-*.zip"))
    assert len(found) == 1, f"expected one extension in dist/, got {found}: run make extension"
    return found[0]


@pytest.fixture(scope="session")
def footage(repository_dir: Path) -> Path:
    """The bundled clip: long enough on any machine to be cancelled half-way."""
    return repository_dir / "assets" / "demo.mp4"


@pytest.fixture(scope="session")
def gallery(repository_dir: Path) -> Path:
    """Where screenshots and logs are left for people to look at."""
    folder = repository_dir / "out" / "gui"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def display() -> Iterator[Display]:
    screen = Display.start()
    yield screen
    screen.stop()


@pytest.fixture(scope="session")
def user_environment(
    blender: Path, extension_zip: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A new user's environment, in which the extension has been installed."""
    environment = private_environment(tmp_path_factory.mktemp("home"))
    install_extension(blender, extension_zip, environment)
    return environment
