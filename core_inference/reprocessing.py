"""A raw take made into a clip again, as Blender asks for it: quick, for the solve is kept."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .body_model import BodyModel, load_open_body
from .clip import Clip, RawTake, load_clip, load_raw_take, save_clip
from .contact_file import load_contacts
from .metrics import quality_card
from .motion.single_frames import single_frames
from .motion.stack import MotionSettings, process, solved
from .settings import check_motion


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """One raw take to be made into the clip `out`, which is replaced.

    contacts: a file whose foot contacts hold instead of those that are found. cache: a folder in
    which what does not depend on the settings is kept for the next time, under the take's hash.
    Raises UsageError on settings that make no sense.
    """

    raw: Path
    out: Path
    motion: MotionSettings
    contacts: Path | None = None
    cache: Path | None = None

    def __post_init__(self) -> None:
        check_motion(self.motion, command="process")


def process_again(settings: ProcessSettings) -> dict[str, Any]:
    """Write the clip, the same as `pose2rig process` writes; its figures as in report.json."""
    body, take = load_open_body(), load_raw_take(settings.raw)
    contacts = None if settings.contacts is None else load_contacts(settings.contacts, take)
    keep = _Kept(settings, take, body)
    solution = keep.made("solved", solved) if take.pose is None else None
    clip = process(take, body, settings.motion, solution=solution, contacts=contacts)
    before = keep.made("frames", single_frames) if take.pose is None else None
    save_clip(settings.out, clip)
    return quality_card(clip, take, body, before).as_dict()


class _Kept:
    """Clips of a take that stand in the cache's folder from the second time on."""

    def __init__(self, settings: ProcessSettings, take: RawTake, body: BodyModel) -> None:
        self._settings = settings
        self._take = take
        self._body = body

    def made(self, name: str, make: Callable[[RawTake, BodyModel], Clip]) -> Clip:
        folder = self._settings.cache
        if folder is None:
            return make(self._take, self._body)
        take = hashlib.sha256(self._settings.raw.read_bytes()).hexdigest()
        path = folder / f"{name}_{take}.npz"
        if not path.is_file():
            save_clip(path, make(self._take, self._body))
        return load_clip(path)
