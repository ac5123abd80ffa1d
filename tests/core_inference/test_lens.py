"""The focal length: what the user says, else the metadata, else the image diagonal."""

from pathlib import Path

import pytest

from pose2rig.core_inference.footage import Footage
from pose2rig.core_inference.lens import focal_length_px
from pose2rig.core_inference.settings import CaptureSettings

PATH = Path("clip.mp4")


def footage(focal_px: float | None) -> Footage:
    return Footage(
        path=PATH,
        kind="video",
        width=400,
        height=300,
        fps=30.0,
        frame_count=1,
        focal_px=focal_px,
    )


@pytest.mark.parametrize(
    ("metadata_px", "fov_deg", "asked_px", "expected_px"),
    [
        (None, None, None, 500.0),
        (450.0, None, None, 450.0),
        (450.0, 90.0, None, 200.0),
        (None, 2.0 * 26.565051177, None, 400.0),
        (450.0, None, 777.0, 777.0),
    ],
)
def test_the_users_word_counts_most_and_the_diagonal_least(
    metadata_px: float | None, fov_deg: float | None, asked_px: float | None, expected_px: float
) -> None:
    settings = CaptureSettings(footage=PATH, out=PATH, fov_deg=fov_deg, focal_px=asked_px)
    assert focal_length_px(footage(metadata_px), settings) == pytest.approx(expected_px)
