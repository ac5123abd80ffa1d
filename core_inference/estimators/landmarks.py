"""The embedded default: MediaPipe's landmarks of everybody, in pixels and metres, with scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..footage import Frame
from . import topology
from .base import Float32, PersonPose, State, TakeBody
from .body_landmarks import Body
from .clothes import appearance
from .following import (
    BEHIND_RADII,
    BESIDE_S,
    MATCH_RADII,
    START_SCORE,
    SURE_SCORE,
    Follower,
    doubles,
    is_human,
)
from .hiding import Canvas
from .landmark_models import LandmarkModels
from .person_detector import Detection
from .person_landmarks import pose_from_seen
from .questions import Followed
from .regions import Image, Region
from .searching import NOBODY, Found, Search, Searcher
from .whole_body import Asked, WholeBody

MAX_PEOPLE = 24
"""Of more people than this in a frame the largest are followed."""


@dataclass(frozen=True, kw_only=True)
class _Look:
    """Somebody followed as a frame shows them; the image is the frame, or one without others.

    clothes: how they are coloured.
    """

    person: Follower
    body: Body
    clothes: Float32 | None
    image: Image


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A frame whose bodies are known, while hands and faces, and more people, are looked for.

    size: width and height px.
    """

    people: list[_Look]
    search: Search
    size: tuple[int, int]


class LandmarkEstimator:
    """Estimator over MediaPipe's networks: follows everybody, gives landmarks and no rotations."""

    name = "landmarks"
    landmark_names = topology.LANDMARK_NAMES
    licence_note = (
        "Landmark models: MediaPipe 0.10.21 by Google, Apache-2.0; "
        "results may be used commercially."
    )
    batch_size = 8
    body: TakeBody | None = None
    warnings: tuple[tuple[str, str], ...] = ()

    def __init__(self, models: LandmarkModels) -> None:
        self.weights_sha256 = models.weights_sha256
        self._whole_body = WholeBody(models)
        self._searcher = Searcher()
        self._canvas = Canvas()
        self._found = NOBODY
        self._people: list[Follower] = []
        self._next_number = 0

    def estimate_all(self, frames: Sequence[Frame]) -> list[list[PersonPose]]:
        """Return everybody in each frame, the longest followed first; no cut lies between.

        While hands and faces in a frame are looked at, and for more people, the bodies of the
        next one are seen; so whoever is found in a frame is followed from the next one on.
        """
        poses: list[list[PersonPose]] = []
        before: _Shown | None = None
        for frame in frames:
            image = np.ascontiguousarray(frame.image)
            if self._searcher.is_fresh:
                looks = self._begin(image, frame.time_s)
                before = self._ask(image, looks, Search.nowhere(image))
                continue
            bodies = self._whole_body.bodies(image, [one.where.body for one in self._people])
            self._whole_body.show(image)
            if before is not None:
                poses.append(self._whole(before))
            looks = self._follow(image, bodies, frame.time_s)
            search = self._searcher.plan(image, self._people, frame.time_s)
            before = self._ask(image, looks, search)
        return poses if before is None else [*poses, self._whole(before)]

    def _follow(self, image: Image, bodies: Sequence[Body | None], time_s: float) -> list[_Look]:
        """Follow everybody by their bodies into a frame and return those believed to be people."""
        found, self._found = self._found, NOBODY
        looks = self._followed(image, bodies, found, time_s)
        looks += self._taken_up(image, found, False, time_s)
        return self._believed(looks, time_s)

    def _begin(self, image: Image, time_s: float) -> list[_Look]:
        """Find everybody in a first frame, at once."""
        self._whole_body.show(image)
        search = self._searcher.plan(image, [], time_s)
        looks = self._taken_up(image, self._searched(search), True, time_s)
        looks = self._without_doubles(looks, time_s)
        if looks:
            behind = self._searched(self._searcher.plan_behind(image, self._people))
            looks += self._taken_up(image, behind, True, time_s)
        return self._believed(looks, time_s)

    def _searched(self, search: Search) -> Found:
        self._whole_body.ask([], search.windows)
        return search.found(self._whole_body.answers().windows)

    def _believed(self, looks: list[_Look], time_s: float) -> list[_Look]:
        return [
            look
            for look in self._without_doubles(looks, time_s)
            if look.person.is_believed and (look.person.is_certain or is_human(look.body))
        ]

    def _ask(self, image: Image, looks: list[_Look], search: Search) -> _Shown:
        people = [Asked(image=one.image, body=one.body, followed=one.person.where) for one in looks]
        self._whole_body.ask(people, search.windows)
        return _Shown(people=looks, search=search, size=(image.shape[1], image.shape[0]))

    def _whole(self, shown: _Shown) -> list[PersonPose]:
        """Return everybody in a frame once hands and faces are known; keep who else was found."""
        seen = self._whole_body.answers()
        self._found = shown.search.found(seen.windows)
        for look, one in zip(shown.people, seen.people, strict=True):
            look.person.see_parts(one.next)
        return [
            pose_from_seen(one, shown.size, look.person.number, look.clothes)
            for look, one in zip(shown.people, seen.people, strict=True)
        ]

    def state(self) -> State:
        """Return whom it follows and where it has searched."""
        return {
            "people": [person.state() for person in self._people],
            "next_number": self._next_number,
            "searcher": self._searcher.state(),
            "found": self._found.state(),
        }

    def restore(self, state: State) -> None:
        """Follow and search on as the estimator that gave this state."""
        self._people = [Follower.from_state(person) for person in state["people"]]
        self._next_number = state["next_number"]
        self._searcher.restore(state["searcher"])
        self._found = Found.from_state(state["found"])

    def reset(self) -> None:
        """Forget what came before, as after a cut; regions are not numbered anew."""
        self._people, self._found = [], NOBODY
        self._searcher.forget()

    def close(self) -> None:
        """Release the models."""
        self._whole_body.close()

    def _followed(
        self, image: Image, seen: Sequence[Body | None], found: Found, time_s: float
    ) -> list[_Look]:
        """Return those of the followed who are still there."""
        before = [person.where.body for person in self._people]
        alone = [person for person in self._people if person.stands_alone]
        for person, one in zip(self._people, seen, strict=True):
            if one is not None:
                person.see(one, is_human(one), time_s)
        untangled = self._untangled(image, before, seen, time_s)
        self._confirm(self._people, found.seen, time_s)
        hidden = [person for person in self._people if person not in alone]
        self._confirm(hidden, found.behind, time_s)
        here: list[_Look] = []
        for person, one in zip(list(self._people), seen, strict=True):
            picture, body = untangled.get(person.number, (image, one))
            if body is None or person.is_over(time_s):
                self._let_go(person, time_s)
                continue
            clothes = appearance(image, body.points)
            if person.plain_s == time_s:
                person.look_like(clothes)
            here.append(_Look(person=person, body=body, clothes=clothes, image=picture))
        return here

    def _confirm(
        self, people: Sequence[Follower], found: Sequence[Detection], time_s: float
    ) -> None:
        """Let each detection confirm the person nearest to it."""
        for detection in found if people else ():
            nearest = min(people, key=lambda person: person.off(detection))
            if nearest.explains(detection):
                nearest.confirm(detection.score, time_s)

    def _untangled(
        self, image: Image, before: Sequence[Region], seen: Sequence[Body | None], time_s: float
    ) -> dict[int, tuple[Image, Body]]:
        """Look again, without the others, at whom the look lost or found on another one's body.

        Returns the image without the others and the body in it, by the followed one's number.
        """
        here = [person for person, one in zip(self._people, seen, strict=True) if one is not None]
        double = doubles(here)
        others = [person for person in here if person not in double]
        untangled: dict[int, tuple[Image, Body]] = {}
        for index, person in enumerate(self._people):
            if seen[index] is not None and person not in double:
                person.plain_s = time_s
            elif others and time_s - person.plain_s <= BESIDE_S:
                picture = self._canvas.without(image, others)
                body = self._whole_body.bodies(picture, [before[index]])[0]
                if body is not None:
                    if seen[index] is not None:
                        person.unsee(before[index])
                    person.see(body, is_human(body), time_s)
                    untangled[person.number] = picture.copy(), body
        return untangled

    def _taken_up(self, image: Image, found: Found, is_first: bool, time_s: float) -> list[_Look]:
        """Begin to follow whom nobody followed explains.

        Those found behind others are first seen without the others, who would draw the look; but
        for the first frame's they are believed once they are found again.
        """
        here: list[_Look] = []
        seen = self._unexplained(found.seen, MATCH_RADII, time_s)
        if seen:
            here += self._begun(image, seen, True, time_s)
        behind = self._unexplained(found.behind, BEHIND_RADII, time_s)
        if behind:
            picture = self._canvas.without(image, self._people).copy()
            here += self._begun(picture, behind, is_first, time_s)
        return here

    def _unexplained(
        self, found: Sequence[Detection], radii: float, time_s: float
    ) -> list[Detection]:
        """Return the detections of nobody followed; weak ones only where somebody may be back.

        Of too many the largest are returned.
        """
        lost = self._searcher.lost(time_s)
        new = [
            one
            for one in found
            if (one.score >= START_SCORE or any(person.is_near(one) for person in lost))
            and not any(person.explains(one, radii) for person in self._people)
        ]
        room = MAX_PEOPLE - len(self._people)
        return sorted(new, key=lambda one: -one.radius)[:room] if len(new) > room else new

    def _begun(
        self, image: Image, found: Sequence[Detection], may_be_sure: bool, time_s: float
    ) -> list[_Look]:
        """Begin to follow the people detected who look human."""
        here: list[_Look] = []
        for detection, body in zip(found, self._look_twice(image, found), strict=True):
            if body is None or not is_human(body):
                continue
            person = Follower(
                number=self._next_number,
                where=Followed(body=body.next),
                since_s=time_s,
                confirmed_s=time_s,
                plain_s=time_s,
                sure=may_be_sure and detection.score >= SURE_SCORE,
            )
            person.see(body, True, time_s)
            clothes = appearance(image, body.points)
            person.look_like(clothes)
            back = [lost for lost in self._searcher.lost(time_s) if lost.may_be(person)]
            if back:
                self._searcher.regain(back[0])
                person.number, person.sure = back[0].number, True
            elif detection.score >= START_SCORE:
                self._next_number += 1
            else:
                continue
            self._people.append(person)
            here.append(_Look(person=person, body=body, clothes=clothes, image=image))
        return here

    def _look_twice(self, image: Image, found: Sequence[Detection]) -> list[Body | None]:
        """Return who is seen at detections: the second look is where the first one points."""
        first = self._whole_body.bodies(image, [detection.region for detection in found])
        aims = [one.next for one in first if one is not None]
        again = iter(self._whole_body.bodies(image, aims))
        return [None if one is None else next(again) for one in first]

    def _without_doubles(self, looks: list[_Look], time_s: float) -> list[_Look]:
        double = doubles([look.person for look in looks])
        for person in double:
            self._let_go(person, time_s)
        return [look for look in looks if look.person not in double]

    def _let_go(self, person: Follower, time_s: float) -> None:
        self._people.remove(person)
        if person.proven:
            self._searcher.lose(person, time_s)
