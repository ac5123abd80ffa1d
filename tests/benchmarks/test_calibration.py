"""The benchmark of the calibration: on recorded motions, too, the paper's order comes out."""

from importlib import import_module
from pathlib import Path

import pytest

from pose2rig.core_inference.body_model import load_open_body


@pytest.mark.slow
def test_recorded_motions_give_the_order_of_the_papers_table(
    repository_dir: Path, shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(repository_dir / "benchmarks")
    benchmark, body = import_module("calibration"), load_open_body()
    errors = benchmark.geometric_table(body, benchmark.people(shared_dir / "footage", body))
    names = [name for name in benchmark.PAPER if name != "serial"]
    means = [float(errors[name].mean()) for name in names]
    assert means == sorted(means), dict(zip(names, means, strict=True))
    assert means[1] < 0.75 * means[3]
    assert float(errors["serial"].mean()) < means[3]
