"""Whom a shot shows, and who of them is wanted under which number."""

from dataclasses import asdict, dataclass
from typing import Any

from ..rigs.errors import NoPersonError, UsageError
from .camera_path import CameraPath
from .estimators.base import State
from .footage import Footage
from .people import PersonTrack
from .sightings import Box


@dataclass(frozen=True, kw_only=True)
class Member:
    """A person of one shot: the tracklets that are this person, from first to last source frame.

    box: x, y, width, height px in the first frame.
    """

    parts: tuple[int, ...]
    first_frame: int
    last_frame: int
    box: Box

    @classmethod
    def from_track(cls, track: PersonTrack) -> "Member":
        """Return the person of a track."""
        x, y, width, height = track.boxes[0].tolist()
        return cls(
            parts=track.parts,
            first_frame=int(track.frame_index[0]),
            last_frame=int(track.frame_index[-1]),
            box=(x, y, width, height),
        )


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Everybody in one shot, the largest first; frame_rate is the shot's own mean rate.

    camera: how the camera moves, None where it stands still.
    """

    number: int
    frame_rate: float
    people: tuple[Member, ...]
    camera: CameraPath | None = None

    def state(self) -> State:
        """Return it as JSON keeps it."""
        return {
            "number": self.number,
            "frame_rate": self.frame_rate,
            "people": [asdict(member) for member in self.people],
            "camera": None if self.camera is None else self.camera.state(),
        }

    @classmethod
    def from_state(cls, state: State) -> "Shot":
        """Return the shot that gave this state."""
        people: list[dict[str, Any]] = state["people"]
        camera: State | None = state["camera"]
        members: list[Member] = []
        for person in people:
            x, y, width, height = person["box"]
            members.append(
                Member(
                    parts=tuple(int(part) for part in person["parts"]),
                    first_frame=int(person["first_frame"]),
                    last_frame=int(person["last_frame"]),
                    box=(float(x), float(y), float(width), float(height)),
                )
            )
        return cls(
            number=int(state["number"]),
            frame_rate=float(state["frame_rate"]),
            people=tuple(members),
            camera=None if camera is None else CameraPath.from_state(camera),
        )


class Cast:
    """Numbers the people of shot after shot and picks who is wanted.

    "all" counts everybody, a number is one of these, and "largest" counts the first of each shot.
    """

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._found = 0
        self._largest = 0

    def choose(self, shot: Shot) -> dict[int, Member]:
        """Return the wanted people of the next shot by their numbers."""
        everybody = dict(enumerate(shot.people, start=self._found))
        self._found += len(everybody)
        if self._wanted == "all":
            return everybody
        if self._wanted == "largest":
            largest = dict(enumerate(shot.people[:1], start=self._largest))
            self._largest += len(largest)
            return largest
        number = int(self._wanted)
        return {number: everybody[number]} if number in everybody else {}

    def check(self, footage: Footage, frames: int) -> None:
        """Raise NoPersonError when nobody was found, UsageError for a number nobody has."""
        if not self._found:
            raise NoPersonError(
                f"no person found in {footage.path.name}",
                expected="somebody visible from the hips up for half a second",
                actual=f"nobody in {frames} frames",
                next_step="choose footage that shows a person, or another frame range",
            )
        if self._wanted.isdecimal() and int(self._wanted) >= self._found:
            people = "1 person was" if self._found == 1 else f"{self._found} people were"
            raise UsageError(
                f"there is no person {self._wanted} in {footage.path.name}",
                expected=f"a number below {self._found}: {people} found",
                actual=f"--person {self._wanted}",
                next_step="run it again with --resume and another --person; nothing is looked at "
                "twice",
            )
