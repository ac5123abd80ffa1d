"""Several processes under `torchrun`: gradients are averaged, so the weights are one process'."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pose2rig.core_inference.training.distributed import process_group
from pose2rig.rigs.errors import UsageError

SCRIPT = Path(__file__).with_name("shared_out.py")


def shared_out(clip: Path, out: Path, processes: int) -> dict[str, torch.Tensor]:
    """The network's last snapshot after a training by so many processes."""
    start = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [sys.executable, *(start if processes > 1 else []), str(SCRIPT), str(clip), str(out)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    content = torch.load(out / "snapshot_1.pth.tar", weights_only=True)
    return content["network"]


@pytest.mark.slow
def test_two_processes_learn_what_one_does_with_the_whole_batch(
    motion_clip: Path, tmp_path: Path
) -> None:
    one = shared_out(motion_clip, tmp_path / "one", 1)
    two = shared_out(motion_clip, tmp_path / "two", 2)
    assert set(one) == set(two)
    for name, values in one.items():
        np.testing.assert_allclose(two[name].numpy(), values.numpy(), atol=2e-5)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    first, second = ([json.loads(line)["step"] for line in log if "step" in line] for log in logs)
    assert first == second == [1, 2, 3, 4, 5, 6]
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        "log.jsonl",
        "snapshot_0.pth.tar",
        "snapshot_1.pth.tar",
    }


def test_alone_there_is_one_process_on_the_cpu() -> None:
    with process_group("cpu") as group:
        assert (group.rank, group.size, group.device.type) == (0, 1, "cpu")
        assert group.agreed(True)
        assert not group.agreed(False)
        network = torch.nn.Linear(1, 1)
        assert group.wrapped(network) is network


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_said() -> None:
    with pytest.raises(UsageError, match="CUDA"), process_group("cuda"):
        pass
