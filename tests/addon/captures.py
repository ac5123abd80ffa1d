"""A finished capture's folder without its footage: two people whose motions are known."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from pose2rig.core_inference.body_model import load_open_body
from pose2rig.core_inference.clip import save_clip, save_raw_take
from pose2rig.core_inference.metrics import quality_card
from pose2rig.core_inference.motion.stack import MotionSettings, process
from pose2rig.core_inference.synthetic import exact_take

from ..core_inference.conftest import rows_of
from ..core_inference.known_motions import FPS, random_motion

NAMES = ["dancers 0", "dancers 1"]
"""What the people of a capture called dancers are called."""
FIRST_FRAMES = (0, 15)
SECONDS = 1.5
COLOURS = ((40, 40, 200), (200, 120, 40))


def write_capture(folder: Path) -> Path:
    """Write clips, raw takes, pictures and report as the engine does; the second comes in later."""
    body = load_open_body()
    (folder / "raw").mkdir()
    people = {}
    for number, (first, colour) in enumerate(zip(FIRST_FRAMES, COLOURS, strict=True)):
        motion, time_s = random_motion(body, seed=number + 1, seconds=SECONDS)
        rows = np.delete(np.arange(len(time_s)), slice(20, 20 + 4 * number))
        take = exact_take(motion, body, time_s)
        raw = rows_of(replace(take, time_s=take.time_s + first / FPS), rows, first)
        clip = process(raw, body, MotionSettings())
        save_clip(folder / f"person_{number}.npz", clip)
        save_raw_take(folder / "raw" / f"person_{number}.npz", raw)
        people[str(number)] = quality_card(clip, raw, body).as_dict()
        picture = np.full((128, 96, 3), colour, np.uint8)
        assert cv2.imwrite(str(folder / "raw" / f"person_{number}.jpg"), picture)
    report = {"footage": {"frame_rate": clip.frame_rate}, "people": people}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return folder
