"""The loop: it learns, and a run that was stopped and gone on with ends with the same bits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from pose2rig.core_inference.training.checkpointing import TrainingState, newest_snapshot
from pose2rig.core_inference.training.loop import run, train_step
from pose2rig.rigs.errors import Cancelled, ModelFileError, OutputError, UsageError

from .samples import Array, clip_data, tiny_body, tiny_session, tiny_settings, weights_of

DROPOUT = 0.2


def trained(clip: Path, out: Path, seed: int = 0) -> list[Array]:
    network = tiny_body(seed, DROPOUT)
    run(tiny_session(tiny_settings(clip, out), network))
    return weights_of(network)


@pytest.mark.slow
def test_a_resumed_run_ends_with_the_same_bits(motion_clip: Path, tmp_path: Path) -> None:
    """Stopped in the middle of the first epoch, then in the second, then let through."""
    whole = trained(motion_clip, tmp_path / "whole")
    out = tmp_path / "parts"
    for stop_after, done in ((2, 2), (3, 5)):
        settings = tiny_settings(motion_clip, out, resume=True)
        # Other weights and another random state: all must come from the snapshot.
        network = tiny_body(0 if stop_after == 2 else 99, DROPOUT)
        if stop_after == 2:
            torch.manual_seed(0)
            network = tiny_body(0, DROPOUT)
        session = tiny_session(settings, network, stop_after=stop_after)
        with pytest.raises(Cancelled) as stop:
            run(session)
        assert stop.value.kept == done
    torch.manual_seed(12345)
    last = tiny_body(77, DROPOUT)
    run(tiny_session(tiny_settings(motion_clip, out, resume=True), last))
    for a, b in zip(whole, weights_of(last), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_another_seed_of_the_data_gives_other_weights(motion_clip: Path, tmp_path: Path) -> None:
    first = tiny_body()
    run(tiny_session(tiny_settings(motion_clip, tmp_path / "a"), first))
    second = tiny_body()
    run(tiny_session(tiny_settings(motion_clip, tmp_path / "b", seed=4), second))
    pairs = zip(weights_of(first), weights_of(second), strict=True)
    assert any((a != b).any() for a, b in pairs)


@pytest.mark.slow
def test_finished_epochs_leave_snapshots_and_a_log(motion_clip: Path, tmp_path: Path) -> None:
    settings = tiny_settings(
        motion_clip, tmp_path, held_out=(clip_data(motion_clip, 6, seed=8),), drop_epoch=1
    )
    found = run(tiny_session(settings, tiny_body()))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"log.jsonl", "snapshot_0.pth.tar", "snapshot_1.pth.tar"}
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    steps = [row for row in rows if "step" in row]
    assert [row["step"] for row in steps] == [1, 2, 3, 4, 5, 6]
    assert [row["learning_rate"] for row in steps] == [1e-3] * 3 + [pytest.approx(1e-4)] * 3
    terms = {"pose", "shape", "joint_3d", "joint_2d", "joint_img"}
    assert terms < set(steps[0])
    assert steps[0]["total"] == pytest.approx(sum(steps[0][name] for name in terms), rel=1e-5)
    measured = [row for row in rows if "joint_error_mm" in row]
    assert len(measured) == 2
    assert found is not None
    assert measured[-1]["joint_error_mm"] == found.joint_error_mm
    assert 30.0 < found.mean_pose_error_mm < 500.0


@pytest.mark.slow
def test_the_loss_falls_on_a_fixed_batch(motion_clip: Path, tmp_path: Path) -> None:
    session = tiny_session(tiny_settings(motion_clip, tmp_path), tiny_body())
    batch = default_collate([session.plain[k] for k in range(4)])
    state = TrainingState(
        network=session.network,
        optimizer=torch.optim.Adam(session.network.parameters(), lr=3e-3),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
    )
    rows = [train_step(session, state, session.network, batch) for _ in range(80)]
    assert rows[-1]["total"] < rows[0]["total"] / 2
    for name in ("pose", "shape", "joint_3d", "joint_img"):
        assert rows[-1][name] < rows[0][name], name


def test_an_earlier_training_is_not_overwritten(motion_clip: Path, tmp_path: Path) -> None:
    settings = tiny_settings(motion_clip, tmp_path, epochs=1)
    run(tiny_session(settings, tiny_body()))
    before = newest_snapshot(tmp_path)
    assert before is not None
    content = before.read_bytes()
    with pytest.raises(OutputError, match="resume = true"):
        run(tiny_session(settings, tiny_body()))
    assert before.read_bytes() == content


def test_a_resumed_training_must_be_the_same(motion_clip: Path, tmp_path: Path) -> None:
    run(tiny_session(tiny_settings(motion_clip, tmp_path, epochs=1), tiny_body()))
    changed = tiny_settings(motion_clip, tmp_path, resume=True, batch=6)
    with pytest.raises(ModelFileError, match="batch"):
        run(tiny_session(changed, tiny_body()))


def test_frozen_modules_stay_as_they_are(motion_clip: Path, tmp_path: Path) -> None:
    network = tiny_body()
    before = [part.clone() for part in network.inner.parameters()]
    moved = network.out.weight.clone()
    run(tiny_session(tiny_settings(motion_clip, tmp_path, freeze=("inner",)), network))
    after = list(network.inner.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert not torch.equal(network.out.weight, moved)
    with pytest.raises(UsageError, match="nothing_here"):
        run(tiny_session(tiny_settings(motion_clip, tmp_path, freeze=("nothing_here",)), network))


@pytest.mark.parametrize(
    ("changes", "word"), [({"batch": 13}, "too little data"), ({"precision": "fp16"}, "fp16")]
)
def test_settings_that_cannot_work_are_said(
    motion_clip: Path, tmp_path: Path, changes: dict[str, object], word: str
) -> None:
    with pytest.raises(UsageError, match=word):
        run(tiny_session(tiny_settings(motion_clip, tmp_path, **changes), tiny_body()))


def test_half_precision_learns_too(motion_clip: Path, tmp_path: Path) -> None:
    network = tiny_body()
    run(tiny_session(tiny_settings(motion_clip, tmp_path, precision="bf16"), network))
    assert all(np.isfinite(part).all() for part in weights_of(network))
