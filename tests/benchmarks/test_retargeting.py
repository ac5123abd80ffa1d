"""The benchmark of retargeting: recorded motions stay themselves on rigs mapped without help."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from pose2rig.core_inference.body_model import load_open_body


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "game_engine", "mixamo"])
def test_a_recorded_dance_on_a_real_rig(
    name: str, repository_dir: Path, shared_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(repository_dir / "benchmarks")
    benchmark, body = import_module("retargeting"), load_open_body()
    footage = shared_dir / "footage"
    performance = import_module("rendered_motions").recorded("dance", footage / "mocap", body, 4.0)
    motion, contacts = benchmark.source_of(performance, body)
    rig = benchmark.mpfb_rig(footage / "characters" / f"mpfb_rig.{name}.json")
    character = (rig, benchmark.map_armature(rig))
    world_TB44 = benchmark.carried(motion, character)
    for group in ("limbs", "palms", "fingers"):
        bones = benchmark.BONES[group]
        errors = benchmark.direction_errors(motion, character, world_TB44, bones)
        assert errors.shape[1] == len(bones)
        assert np.median(errors) < 0.1 and errors.max() < 2.0
    assert benchmark.round_trip_errors(motion, character, world_TB44).max() < 0.1
    assert max(benchmark.skin_twists(character, motion.rest_joints).values()) < 5.0
    planted_TB44 = benchmark.carried(motion, character, contacts)
    limbs = benchmark.direction_errors(motion, character, planted_TB44, benchmark.BONES["limbs"])
    assert np.median(limbs) < 1.0
