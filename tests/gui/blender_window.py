"""A real Blender with a window on a virtual screen, and an agent inside that answers requests."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .display import HEIGHT, WIDTH, Display

AGENT = Path(__file__).with_name("agent.py")
START_S = 120.0
REPLY_S = 60.0
STOP_S = 20.0
POLL_S = 0.02
FIND_S = 60.0
SCAN_STEP_PX = 10
MIDDLE_LEFT = 1 / 3
"""Where across the sidebar most buttons can be met."""
MIDDLE_RIGHT = 3 / 4
"""Where across it fields that have their names before them can be met."""
TICKS = 0.1
"""Where across it the list's tick boxes stand."""


class BlenderWindowError(Exception):
    """Blender did not start, ended, or the agent inside reported an error."""


def wait_until(true: Callable[[], Any], limit_s: float, what: str, every_s: float = 0.2) -> Any:
    """Poll until `true()` is truthy and return its value; AssertionError after `limit_s`."""
    end = time.monotonic() + limit_s
    while True:
        value = true()
        if value:
            return value
        assert time.monotonic() < end, f"{what}: not within {limit_s:.0f} s"
        time.sleep(every_s)


def private_environment(home: Path) -> dict[str, str]:
    """The environment of a user who has never started Blender: nothing of this machine's own."""
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700, parents=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "LANG": "C.UTF-8",
    }


def install_extension(blender: Path, extension: Path, environment: dict[str, str]) -> None:
    """Install the built zip as a user does from disk, and enable it."""
    result = subprocess.run(
        [str(blender), "--command", "extension", "install-file"]
        + ["-r", "user_default", "-e", str(extension)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    if result.returncode != 0:
        raise BlenderWindowError(f"the extension did not install: {result.stdout}{result.stderr}")


def ask_without_window(
    blender: Path, environment: dict[str, str], scene: Path, folder: Path, command: str
) -> Any:
    """Open a scene in a Blender without a window, run one command of the agent, return its value.

    folder: an empty folder for request and reply.
    """
    request = {"id": 1, "command": command, "arguments": {}}
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    result = subprocess.run(
        [str(blender), "--background", str(scene), "--python", str(AGENT), "--", str(folder)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=START_S,
    )
    reply_file = folder / "reply.json"
    if result.returncode != 0 or not reply_file.exists() or "Traceback" in result.stdout:
        raise BlenderWindowError(f"Blender, status {result.returncode}, said:\n{result.stdout}")
    return _value(reply_file, command)


def _value(reply_file: Path, command: str) -> Any:
    reply = json.loads(reply_file.read_text(encoding="utf-8"))
    reply_file.unlink()
    if "error" in reply:
        raise BlenderWindowError(f"{command} failed in Blender:\n{reply['error']}")
    return reply["value"]


@dataclass
class BlenderWindow:
    """A running Blender; `round_trips_s` holds how long its agent took to answer each request."""

    process: subprocess.Popen[bytes]
    display: Display
    mailbox: Path
    log: Path
    round_trips_s: list[float] = field(default_factory=list[float])
    requests: int = 0

    @classmethod
    def start(
        cls, blender: Path, display: Display, environment: dict[str, str], folder: Path
    ) -> "BlenderWindow":
        """Start Blender over the whole screen and wait until its agent answers."""
        mailbox = folder / "mailbox"
        mailbox.mkdir()
        log = folder / "blender.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(blender), "--window-geometry", "0", "0", str(WIDTH), str(HEIGHT)]
                + ["--python", str(AGENT), "--", str(mailbox)],
                env={**environment, "DISPLAY": display.name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        window = cls(process, display, mailbox, log)
        try:
            window.call("blender_info", limit_s=START_S)
        except BlenderWindowError:
            window.kill()
            raise
        return window

    def call(self, command: str, /, limit_s: float = REPLY_S, **arguments: Any) -> Any:
        """Run a command of the agent in Blender's main loop and return its value."""
        self.requests += 1
        request = {"id": self.requests, "command": command, "arguments": arguments}
        unfinished = self.mailbox / "request.part"
        unfinished.write_text(json.dumps(request), encoding="utf-8")
        started = time.monotonic()
        unfinished.rename(self.mailbox / "request.json")
        reply_file = self.mailbox / "reply.json"
        while not reply_file.exists():
            if self.process.poll() is not None:
                raise BlenderWindowError(f"Blender ended, status {self.process.returncode}")
            if time.monotonic() - started > limit_s:
                raise BlenderWindowError(f"no answer to {command} within {limit_s:.0f} s")
            time.sleep(POLL_S)
        self.round_trips_s.append(time.monotonic() - started)
        return _value(reply_file, command)

    def find_button(
        self, operator: str, *, settings: str = "", at: float = MIDDLE_LEFT
    ) -> tuple[int, int]:
        """The place of an operator's button in the sidebar: hover and ask what lies there.

        settings: as in the button's Python command. at: where across the sidebar, 0..1.
        """
        what = f"a button {operator}({settings})"

        def is_it(command: str) -> bool:
            return command.startswith(f"bpy.ops.{operator}(") and settings in command

        return wait_until(lambda: self._scan("operator_under_mouse", is_it, at), FIND_S, what)

    def find_field(self, path: str, *, at: float = MIDDLE_RIGHT) -> tuple[int, int]:
        """The place of a field in the sidebar, by its full data path."""
        return wait_until(
            lambda: self._scan("field_under_mouse", path.__eq__, at), FIND_S, f"a field {path}"
        )

    def _scan(
        self, question: str, is_it: Callable[[str], bool], at: float
    ) -> tuple[int, int] | None:
        sidebar = self.call("rectangle", kind="UI")
        x = sidebar["x"] + round(at * sidebar["width"])
        for y in range(sidebar["y"] + 5, sidebar["y"] + sidebar["height"], SCAN_STEP_PX):
            self.display.move(x, y)
            self.call("panel_text")  # one tick, so that Blender takes notice of the mouse
            if is_it(self.call(question)):
                return x, y
        return None

    def press(self, operator: str, *, settings: str = "", at: float = MIDDLE_LEFT) -> None:
        """Click an operator's button with the mouse."""
        self.display.click(*self.find_button(operator, settings=settings, at=at))

    def enter(self, path: str, text: str) -> None:
        """Type into a field, by its full data path, instead of what it holds."""
        self.display.move(*self.find_field(path))
        for key in ("Return", "ctrl+a"):
            self.display.key(key)
        self.display.type(text)
        self.display.key("Return")

    def hover_view(self) -> None:
        """Put the mouse over the empty 3D view, which then receives the keys."""
        area = self.call("rectangle", kind="WINDOW")
        self.display.move(area["x"] + area["width"] // 4, area["y"] + area["height"] // 2)

    def wait_for_redraw(self) -> None:
        """Wait until the 3D view has been drawn anew, twice for the second buffer."""
        target = self.call("redraws") + 2
        wait_until(lambda: self.call("redraws") > target, REPLY_S, "the view is drawn")

    def says(self, words: str) -> bool:
        """Whether the panel, as last drawn, says these words (upper or lower case)."""
        return words.lower() in " ".join(self.call("panel_text")).lower()

    def is_alive(self) -> bool:
        """Whether Blender runs and its main loop answers."""
        return self.process.poll() is None and bool(self.call("blender_info"))

    def kill(self) -> None:
        """End Blender at once, without a chance to clean up."""
        self.process.kill()
        self.process.wait(STOP_S)
