"""A raw take made into a clip again, as Blender asks for it: quick, for the solve is kept."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .body_model import BodyModel, load_open_body
from .clip import RawTake, load_clip, load_raw_take, save_clip
from .contact_file import load_contacts
from .metrics import quality_card
from .motion.solve import Solution
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
    as_solved = settings.motion.takes_as_solved(take)
    solution = _kept_solution(settings, take, body) if as_solved else None
    clip = process(take, body, settings.motion, solution=solution, contacts=contacts)
    save_clip(settings.out, clip)
    frames = None if solution is None else solution.frames
    return quality_card(clip, take, body, frames).as_dict()


def _kept_solution(settings: ProcessSettings, take: RawTake, body: BodyModel) -> Solution:
    """What the take gives before all filtering; from the cache's folder from the second time on."""
    if settings.cache is None:
        return solved(take, body)
    name = hashlib.sha256(settings.raw.read_bytes()).hexdigest()
    frames, clip = (settings.cache / f"{part}_{name}.npz" for part in ("frames", "solved"))
    if not (frames.is_file() and clip.is_file()):
        solution = solved(take, body)
        save_clip(frames, solution.frames)
        save_clip(clip, solution.clip)
    return Solution(frames=load_clip(frames), clip=load_clip(clip))
