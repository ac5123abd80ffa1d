"""Snapshots: the authors' layout, whole or absent, and nothing in them is executed."""

import pickle
from pathlib import Path

import pytest
import torch

from pose2rig.core_inference.training.checkpointing import (
    Progress,
    TrainingState,
    load_snapshot,
    newest_snapshot,
    save_snapshot,
)
from pose2rig.rigs.errors import ModelFileError, OutputError

from .samples import tiny_body, weights_of

DONE = Progress(epoch=3, step=40, seed=1, items=100, batch=8)


def state(seed: int) -> TrainingState:
    network = tiny_body(seed)
    return TrainingState(
        network=network,
        optimizer=torch.optim.Adam(network.parameters(), lr=0.01),
        scaler=torch.amp.GradScaler("cpu", enabled=False),
    )


def stepped(some: TrainingState) -> TrainingState:
    output = some.network(torch.rand(2, 3, 8, 8))
    torch.stack([part.square().mean() for part in output]).sum().backward()
    some.optimizer.step()
    return some


def test_the_layout_is_the_authors(tmp_path: Path) -> None:
    some = stepped(state(0))
    path = save_snapshot(tmp_path, some, DONE)
    assert path.name == "snapshot_3.pth.tar"
    content = torch.load(path, weights_only=True)
    assert set(content) == {"epoch", "network", "optimizer", "training"}
    assert content["epoch"] == 3
    names = {f"module.{name}" for name in some.network.state_dict()}
    assert set(content["network"]) == names
    assert list(tmp_path.iterdir()) == [path]


def test_everything_comes_back(tmp_path: Path) -> None:
    first, second = stepped(state(0)), state(1)
    path = save_snapshot(tmp_path, first, DONE)
    next_random = torch.rand(3)
    assert load_snapshot(path, second, DONE) == DONE
    assert torch.equal(torch.rand(3), next_random)
    for a, b in zip(weights_of(first.network), weights_of(second.network), strict=True):
        assert (a == b).all()
    moments = [some.optimizer.state_dict()["state"][0]["exp_avg"] for some in (first, second)]
    assert torch.equal(*moments)


@pytest.mark.parametrize("changed", [{"seed": 2}, {"items": 99}, {"batch": 4}])
def test_another_order_of_the_data_is_refused(tmp_path: Path, changed: dict[str, int]) -> None:
    path = save_snapshot(tmp_path, state(0), DONE)
    wanted = Progress(**{"epoch": 0, "step": 0, "seed": 1, "items": 100, "batch": 8, **changed})
    with pytest.raises(ModelFileError, match=next(iter(changed))):
        load_snapshot(path, state(0), wanted)


class Trap:
    """What a stranger's pickle may do."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, ("trapped",))


def test_a_snapshot_that_would_run_a_program_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "snapshot_0.pth.tar"
    torch.save({"epoch": 0, "network": {}, "optimizer": Trap()}, path)
    with pytest.raises(ModelFileError):
        load_snapshot(path, state(0), DONE)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelFileError):
        load_snapshot(path, state(0), DONE)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04broken"])
def test_a_damaged_snapshot_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "snapshot_0.pth.tar"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"snapshot_0\.pth\.tar"):
        load_snapshot(path, state(0), DONE)


def test_an_authors_file_without_our_key_is_refused_as_a_start(tmp_path: Path) -> None:
    path = tmp_path / "snapshot_0.pth.tar"
    torch.save({"epoch": 0, "network": {}, "optimizer": {}}, path)
    with pytest.raises(ModelFileError, match="training"):
        load_snapshot(path, state(0), DONE)


def test_the_newest_snapshot_is_that_of_the_latest_epoch(tmp_path: Path) -> None:
    assert newest_snapshot(tmp_path) is None
    for name in ("snapshot_2.pth.tar", "snapshot_10.pth.tar", "snapshot_best.pth.tar"):
        (tmp_path / name).touch()
    assert newest_snapshot(tmp_path) == tmp_path / "snapshot_10.pth.tar"


def test_a_missing_folder_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"snapshot_3\.pth\.tar"):
        save_snapshot(tmp_path / "nowhere", state(0), DONE)
