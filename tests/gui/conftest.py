"""A real Blender window with the built extension installed, for the tests of this folder."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from .blender_window import BlenderWindow, install_extension, private_environment, wait_until
from .display import Display

DRAWN_S = 60.0

OpenWindow = Callable[[], BlenderWindow]


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
    """The bundled clip."""
    return repository_dir / "assets" / "demo.mp4"


@pytest.fixture(scope="session")
def long_footage(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled clip five times over: it takes long enough to find a button meanwhile."""
    path = tmp_path_factory.mktemp("footage") / "long.mp4"
    again = ["-stream_loop", "4", "-i", str(footage), "-c", "copy", str(path)]
    subprocess.run([get_ffmpeg_exe(), "-loglevel", "error", *again], check=True)
    return path


@pytest.fixture(scope="session")
def gallery(repository_dir: Path) -> Path:
    """Where screenshots, logs and figures are left for people to look at."""
    folder = repository_dir / "out" / "gui"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def user_environment(
    blender: Path, extension_zip: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The environment of a new user who has installed the extension."""
    environment = private_environment(tmp_path_factory.mktemp("home"))
    install_extension(blender, extension_zip, environment)
    return environment


@pytest.fixture(scope="session")
def display() -> Iterator[Display]:
    """A virtual screen."""
    screen = Display.start()
    yield screen
    screen.stop()


@pytest.fixture(scope="module")
def open_window(
    blender: Path,
    display: Display,
    user_environment: dict[str, str],
    footage: Path,
    gallery: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OpenWindow]:
    """Opens Blender ready for a capture: tab shown, engine and footage set. One at a time."""
    opened: list[BlenderWindow] = []

    def open_one() -> BlenderWindow:
        for earlier in opened:
            earlier.kill()
        window = BlenderWindow.start(
            blender, display, user_environment, tmp_path_factory.mktemp("window")
        )
        opened.append(window)
        info = window.call("blender_info")
        assert info["addon_enabled"] and not info["background"], info
        window.call("empty_scene")
        window.call("open_sidebar")
        assert window.call("choose_tab") == "Pose2Rig"
        assert window.call("watch_panels")
        wait_until(lambda: window.call("panel_text"), DRAWN_S, "the panel is drawn")
        window.wait_for_redraw()
        window.call("set_engine", python=sys.executable)
        window.call("set_footage", path=str(footage))
        return window

    yield open_one
    for number, window in enumerate(opened, start=1):
        window.kill()
        (gallery / f"blender_{number}.log").write_bytes(window.log.read_bytes())
