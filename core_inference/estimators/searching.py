"""When and where the person detector looks, so that everybody is found and little time is spent.

The detector finds people who fill a fifth of its window or more. So the image is searched whole
and in smaller windows at two finer scales, down to people a twelfth of its height. The first frame
is searched in full. Later ones only where it pays: about the people followed, to confirm them;
where somebody was just lost; where the picture has changed since it was last searched and nobody
followed stands there; and elsewhere in rotation. The detector confirms people in the image as it
is, and finds people mostly with those already followed painted over.
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .base import State
from .following import Follower
from .hiding import Canvas, is_silhouette
from .person_detector import Detection, Window
from .regions import Image
from .windows import around, holds, square, tiles_of

Cells = NDArray[np.uint8]

WHOLE_EVERY = 16
EMPTY_EVERY = 2
COARSE_EVERY = 6
FINE_EVERY = 16
BESIDE_EVERY = 12
CHANGE_EVERY = 2
LOST_EVERY = 6
KEEN_EVERY = 2
"""How many frames lie between two looks of a kind; at 30 a second all coarse tiles take one."""

SAME_EVERY = 64
"""A tile is searched anew after so many frames where its picture stayed the same."""

LOST_S = 10.0
KEEN_S = 1.5
"""Somebody lost is looked for so long near where they were, and so long at the keen rate."""

MAX_LOST = 4
MAX_DUE = 2
"""So many people lost, and so many followed, are looked at in one frame."""

_OWN_RADII = 2.2
_LOST_RADII = 3.0
_CELL_PX = 8
_CHANGED = 18
_CHANGED_CELLS = 8
_SAME_HIPS = 0.5
_SAME_SIZE = 1.7


@dataclass(frozen=True, kw_only=True)
class Found:
    """Everybody in a frame's windows, best first and once each.

    seen: in the image as it is; behind: with those followed painted over, so nobody's confirmation.
    """

    seen: tuple[Detection, ...]
    behind: tuple[Detection, ...]

    def state(self) -> State:
        """Return everything as JSON keeps it."""
        return {name: [asdict(one) for one in part] for name, part in vars(self).items()}

    @classmethod
    def from_state(cls, state: State) -> "Found":
        """Return the one that gave this state."""
        seen, behind = (tuple(map(_detection_from, state[name])) for name in ("seen", "behind"))
        return cls(seen=seen, behind=behind)


NOBODY = Found(seen=(), behind=())


@dataclass(frozen=True, kw_only=True)
class Search:
    """Where to look in a frame: windows, each with its image, the last ones without these people.

    The image without people is overwritten by the next search's.
    """

    image: Image
    people: tuple[Follower, ...]
    windows: tuple[tuple[Image, Window], ...]
    open_windows: int

    @classmethod
    def nowhere(cls, image: Image) -> "Search":
        """Return a search of no window."""
        return cls(image=image, people=(), windows=(), open_windows=0)

    def found(self, answers: Sequence[Sequence[Detection]]) -> Found:
        """Return whom the windows show, from the detections in each; nobody moved on since."""
        seen, behind = (
            merged([one for found in part for one in found])
            for part in (answers[: self.open_windows], answers[self.open_windows :])
        )
        free = tuple(one for one in behind if not is_silhouette(one, self.people, self.image))
        return Found(seen=seen, behind=free)


class Searcher:
    """Decides where to look in each frame, and remembers when it looked where."""

    def __init__(self) -> None:
        self._canvas = Canvas()
        self.forget()

    def forget(self) -> None:
        """Start anew, as after a cut: the next frame is searched in full."""
        self._frame = 0
        self._turns = [0, 0]
        self._lost: list[tuple[float, Follower]] = []
        self._searched: list[Cells] = []
        self._looked: dict[Window, int] = {}
        self._covered: NDArray[np.bool_] = np.zeros((0, 0), dtype=np.bool_)

    @property
    def is_fresh(self) -> bool:
        """Tell whether nothing was searched since the start or the last cut."""
        return self._frame == 0

    def lost(self, time_s: float) -> list[Follower]:
        """Return whom it still looks for, the last lost first."""
        self._lost = [(at_s, person) for at_s, person in self._lost if time_s - at_s < LOST_S]
        return [person for _, person in reversed(self._lost)]

    def lose(self, person: Follower, time_s: float) -> None:
        """Look for this person near where they were last for a while."""
        self._lost.append((time_s, person))

    def regain(self, person: Follower) -> None:
        """Look for this person no longer."""
        self._lost = [(at_s, one) for at_s, one in self._lost if one is not person]

    def plan(self, image: Image, people: Sequence[Follower], time_s: float) -> Search:
        """Return where to look in this frame; people looked at are marked as checked."""
        windows, painted = self._plan(image, people, time_s)
        for person in people:
            person.search_here()
        self._frame += 1
        hiding = [person for person in people if person.stands_alone] if painted else []
        return self._search(image, hiding, windows, painted)

    def plan_behind(self, image: Image, people: Sequence[Follower]) -> Search:
        """Return the image's larger windows, with these people painted over."""
        height, width = image.shape[:2]
        windows: list[Window] = [(0, 0, width, height), *sum(tiles_of(width, height)[:1], [])]
        return self._search(image, people, [], windows)

    def state(self) -> State:
        """Return everything as JSON keeps it; pictures as base64 of their bytes."""
        return {
            "frame": self._frame,
            "turns": list(self._turns),
            "lost": [[at_s, person.state()] for at_s, person in self._lost],
            "looked": [[list(window), frame] for window, frame in self._looked.items()],
            "shape": list(self._covered.shape),
            "searched": [b64encode(cells.tobytes()).decode() for cells in self._searched],
            "covered": b64encode(np.packbits(self._covered).tobytes()).decode(),
        }

    def restore(self, state: State) -> None:
        """Go on as the one that gave this state."""
        self._frame, self._turns = state["frame"], list(state["turns"])
        self._lost = [(at_s, Follower.from_state(person)) for at_s, person in state["lost"]]
        self._looked = {tuple(window): frame for window, frame in state["looked"]}
        rows, columns = state["shape"]
        self._searched = [
            np.frombuffer(b64decode(cells), dtype=np.uint8).reshape(rows, columns).copy()
            for cells in state["searched"]
        ]
        bits = np.unpackbits(np.frombuffer(b64decode(state["covered"]), dtype=np.uint8))
        self._covered = bits[: rows * columns].reshape(rows, columns).astype(np.bool_)

    def _search(
        self,
        image: Image,
        people: Sequence[Follower],
        windows: Sequence[Window],
        painted: Sequence[Window],
    ) -> Search:
        """Return the search of windows in the image, and in the one with people painted over."""
        picture = self._canvas.without(image, people) if painted else image
        return Search(
            image=image,
            people=tuple(people),
            windows=(
                *((image, window) for window in windows),
                *((picture, window) for window in painted),
            ),
            open_windows=len(windows),
        )

    def _plan(
        self, image: Image, people: Sequence[Follower], time_s: float
    ) -> tuple[list[Window], list[Window]]:
        """Return the windows of the image as it is, and those with the people painted over."""
        height, width = image.shape[:2]
        whole: Window = (0, 0, width, height)
        scales = tiles_of(width, height)
        now = _cells_of(image)
        if self._covered.shape != now.shape:
            self._covered = np.zeros(now.shape, dtype=np.bool_)
            self._searched = [now.copy() for _ in scales]
            self._looked = {tile: self._frame for tiles in scales for tile in tiles}
            return [whole, *(tile for tiles in scales for tile in tiles)], []
        lost = self.lost(time_s)
        self._cover(now, people, uncover=not lost)
        due = sorted(
            (person for person in people if person.is_due(time_s)),
            key=lambda person: (person.stands_alone, -person.unchecked),
        )[:MAX_DUE]
        as_it_is = [around(person, image, _OWN_RADII) for person in due]
        if self._frame % (WHOLE_EVERY if people else EMPTY_EVERY) == 0:
            as_it_is.append(whole)
        painted = [around(person, image, _OWN_RADII) for person in due if not person.stands_alone]
        painted += self._near_windows(image, people, time_s)
        painted += self._tiles(scales, now, people)
        as_it_is = list(dict.fromkeys(as_it_is))
        for person in people:
            if person in due or any(holds(window, person) for window in as_it_is):
                person.check()
        return as_it_is, list(dict.fromkeys(painted))

    def _near_windows(
        self, image: Image, people: Sequence[Follower], time_s: float
    ) -> list[Window]:
        """Return where somebody lost may be back, and where somebody may stand beside another."""
        windows = [
            around(person, image, _LOST_RADII)
            for at_s, person in self._lost[-MAX_LOST:]
            if self._frame % (KEEN_EVERY if time_s - at_s < KEEN_S else LOST_EVERY) == 0
        ]
        every = BESIDE_EVERY // 2 if self._lost else BESIDE_EVERY
        if people and self._frame % every == every // 2:
            one = people[self._frame // every % len(people)]
            windows.append(around(one, image, _LOST_RADII))
        return windows

    def _tiles(
        self,
        scales: Sequence[Sequence[Window]],
        now: Cells,
        people: Sequence[Follower],
    ) -> list[Window]:
        """Return the tiles whose turn it is, and where the picture changed, one in some frames."""
        turns = [
            (level, tiles)
            for level, (tiles, every) in enumerate(
                zip(scales, (COARSE_EVERY, FINE_EVERY), strict=False)
            )
            if self._frame % every == every // 2
        ]
        looks_for_changes = not people or self._frame % CHANGE_EVERY == 1
        if not turns and not looks_for_changes:
            return []
        chosen: list[tuple[int, Window]] = []
        all_tiles = [(level, tile) for level, tiles in enumerate(scales) for tile in tiles]
        changes = self._changes(all_tiles, now)
        for level, tiles in turns:
            tile = tiles[self._turns[level] % len(tiles)]
            self._turns[level] += 1
            if changes[tile] or self._frame - self._looked[tile] >= SAME_EVERY:
                chosen.append((level, tile))
        if looks_for_changes and all_tiles:
            urgent = max(all_tiles, key=lambda one: self._urgency(one[1], changes))
            if self._urgency(urgent[1], changes) > 0:
                chosen.append(urgent)
        for level, tile in chosen:
            self._searched[level][_place(tile)] = now[_place(tile)]
            self._looked[tile] = self._frame
        return [tile for _, tile in chosen]

    def _cover(self, now: Cells, people: Sequence[Follower], uncover: bool) -> None:
        """Note where people stand; to uncover takes what they leave free as searched.

        What comes into view behind them is mostly the room, unless somebody was lost there.
        """
        covered = np.zeros_like(self._covered)
        for person in people:
            covered[_place(square(person))] = True
        left = self._covered & ~covered
        for cells in self._searched if uncover else ():
            cells[left] = now[left]
        self._covered = covered

    def _changes(self, tiles: Sequence[tuple[int, Window]], now: Cells) -> dict[Window, int]:
        """Return how many cells of each tile changed since it was searched, 0 for a few."""
        differs = [
            (cv2.absdiff(cells, now) > _CHANGED) & ~self._covered for cells in self._searched
        ]
        counts = {tile: int(differs[level][_place(tile)].sum()) for level, tile in tiles}
        return {tile: count if count >= _CHANGED_CELLS else 0 for tile, count in counts.items()}

    def _urgency(self, tile: Window, changes: dict[Window, int]) -> int:
        """Return how much of the tile changed, times how long it waits for a search."""
        return changes[tile] * (self._frame - self._looked[tile])


def merged(found: Sequence[Detection]) -> tuple[Detection, ...]:
    """Return each person once, as the window that is surest of them shows them, best first."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda detection: -detection.score):
        if not any(_is_same(one, other) for other in kept):
            kept.append(one)
    return tuple(kept)


def _detection_from(state: State) -> Detection:
    numbers: State = {**state, "box": tuple(state["box"])}
    return Detection(**numbers)


def _is_same(one: Detection, other: Detection) -> bool:
    smaller, larger = sorted((one.radius, other.radius))
    apart = math.hypot(one.x - other.x, one.y - other.y)
    return apart < _SAME_HIPS * smaller and larger < _SAME_SIZE * smaller


def _cells_of(image: Image) -> Cells:
    """Return the image in grey, a cell for every 8 x 8 px."""
    height, width = image.shape[:2]
    size = (-(-width // _CELL_PX), -(-height // _CELL_PX))
    # Thinning first costs a tenth of averaging every pixel of a large picture.
    thin = cv2.resize(image, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_NEAREST)
    grey = cv2.cvtColor(thin, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _place(window: Window) -> tuple[slice, slice]:
    """Return the rows and columns of cells in a window, which may reach out of the image."""
    x, y, wide, high = (value / _CELL_PX for value in window)
    return _span(y, y + high), _span(x, x + wide)


def _span(start: float, end: float) -> slice:
    return slice(max(math.floor(start), 0), max(math.ceil(end), 0))
