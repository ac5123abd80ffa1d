"""What the panel says of a capture and of a take."""

import pytest

pytestmark = pytest.mark.bpy


@pytest.fixture
def status(empty_file):
    """The status of a file with the extension's classes registered."""
    from pose2rig.addon.registration import register, unregister

    register()
    yield empty_file.context.window_manager.pose2rig
    unregister()


@pytest.mark.parametrize(
    ("stage", "text"), [("estimate", "Capturing 25%"), ("solve", "Solving 25%")]
)
def test_progress_names_the_stage(status, stage: str, text: str) -> None:
    """A worker's progress event as the bar shows it."""
    from pose2rig.addon.capture_session import _show
    from pose2rig.addon.panel import progress_text
    from pose2rig.core_inference.protocol import Progress

    _show(status, Progress(done=30, total=120, stage=stage, fps=9.0, eta_s=None))
    assert progress_text(status) == text


def test_jitter_is_told_in_plain_units(empty_file) -> None:
    """The report's unit is 10 m/s3, the panel's is not."""
    from pose2rig.addon.panel import QUALITY_LABELS, quality_text

    shapes = {key: shape for key, _, shape in QUALITY_LABELS}
    assert quality_text("jitter_10m_s3", shapes["jitter_10m_s3"], 48.1) == "481 m/s\u00b3"
    assert quality_text("coverage", shapes["coverage"], 0.93) == "93% of them"
