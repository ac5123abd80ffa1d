"""A virtual screen with a real mouse and keyboard: Xvfb, xdotool and ImageMagick's import."""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

WIDTH = 1600
HEIGHT = 1000
START_S = 30.0
STOP_S = 10.0


class DisplayError(Exception):
    """The virtual screen did not start, or a tool of its failed."""


@dataclass
class Display:
    """A running Xvfb: `name` is what DISPLAY takes."""

    name: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls) -> "Display":
        """Start Xvfb on a free display number, which it picks and reports itself."""
        reader, writer = os.pipe()
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writer), "-nolisten", "tcp", "-noreset"]
                + ["-screen", "0", f"{WIDTH}x{HEIGHT}x24"],
                pass_fds=(writer,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
            os.close(writer)
            with os.fdopen(reader) as answer:
                number = answer.readline().strip()
            if not number:
                process.wait(START_S)
                log.seek(0)
                raise DisplayError(f"Xvfb did not start: {log.read().decode(errors='replace')}")
        return cls(f":{number}", process)

    def stop(self) -> None:
        """End this Xvfb."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def move(self, x: int, y: int) -> None:
        """Put the mouse at x, y px from the upper left corner."""
        self._run("xdotool", "mousemove", str(x), str(y))

    def click(self, x: int, y: int) -> None:
        """Click with the left button at x, y px from the upper left corner."""
        self._run("xdotool", "mousemove", str(x), str(y), "click", "1")

    def key(self, name: str) -> None:
        """Press and release a key, for example Escape or ctrl+z."""
        self._run("xdotool", "key", name)

    def type(self, text: str) -> None:
        """Press and release the keys of a text."""
        self._run("xdotool", "type", text)

    def screenshot(self, path: Path) -> None:
        """Save the whole screen as an image."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._run("import", "-window", "root", str(path))

    def _run(self, *command: str) -> None:
        result = subprocess.run(
            command,
            env={**os.environ, "DISPLAY": self.name},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if result.returncode != 0:
            raise DisplayError(f"{' '.join(command)} failed: {result.stderr.strip()}")
