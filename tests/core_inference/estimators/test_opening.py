"""The choice of an estimator: what is read in which order, and what the user is told of it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pose2rig.core_inference.estimators.base import Estimator
from pose2rig.core_inference.estimators.landmarks import LandmarkEstimator
from pose2rig.core_inference.estimators.opening import open_estimator
from pose2rig.core_inference.estimators.running import LoadedNetwork, NetworkLoader
from pose2rig.core_inference.footage import Footage
from pose2rig.core_inference.licensed_body import LICENCE_NOTE
from pose2rig.core_inference.settings import CaptureSettings
from pose2rig.rigs.errors import EngineError, ModelFileError

from ...licensed_models import write_mano, write_smpl
from .stand_ins import ChosenNetwork, silent

RESEARCH = ("hand4whole", "pose2pose", "i2l-meshnet")
FOOTAGE = Footage(
    path=Path("clip.mp4"),
    kind="video",
    width=640,
    height=480,
    fps=30.0,
    frame_count=9,
    focal_px=None,
)


class Loads:
    """Networks that load without weights; which parts were asked for, and the networks."""

    def __init__(self) -> None:
        self.networks: dict[str, ChosenNetwork] = {}

    def load(self, part: str) -> LoadedNetwork:
        self.networks[part] = ChosenNetwork(silent)
        return self.networks[part]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    made = Loads()

    def load(_: NetworkLoader, part: str, networks: tuple[str, ...] = ()) -> LoadedNetwork:
        return made.load(part)

    monkeypatch.setattr(NetworkLoader, "load", load)
    return made


def opened(name: str, models: Path, **changes: Any) -> Estimator:
    settings = CaptureSettings(
        footage=FOOTAGE.path, out=Path("out"), estimator=name, models=models, **changes
    )
    estimator = open_estimator(settings, FOOTAGE)
    estimator.close()
    return estimator


def codes(estimator: Estimator) -> list[str]:
    return [code for code, _ in estimator.warnings]


def place(folder: Path, part: str, write: Callable[[Path], Path], name: str) -> Path:
    (folder / part).mkdir()
    return write(folder / part / name)


# --- what is imported --------------------------------------------------------------------------


def test_the_choice_alone_imports_no_research_code() -> None:
    code = (
        "import sys\n"
        "import pose2rig.core_inference.estimators.opening\n"
        "print('\\n'.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    modules = set(done.stdout.split())
    assert "pose2rig.core_inference.estimators.landmarks" in modules
    assert not modules & {"torch", "smplx", "openvino"}
    parts = ("networks", "training", "estimators.research", "estimators.running")
    for part in parts:
        assert not any(m.startswith(f"pose2rig.core_inference.{part}") for m in modules), part


@pytest.mark.parametrize("name", RESEARCH)
def test_without_the_research_extra_it_says_how_to_get_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match=f"--estimator {name} needs the research extra") as caught:
        opened(name, tmp_path)
    assert "research.txt" in caught.value.next_step


def test_the_default_needs_no_model_folder(tmp_path: Path) -> None:
    estimator = opened("landmarks", tmp_path / "nowhere")
    assert isinstance(estimator, LandmarkEstimator)
    assert estimator.warnings == ()


def test_options_of_the_networks_without_a_network_are_said_to_do_nothing(tmp_path: Path) -> None:
    for changes in ({"exact": True}, {"half": True}, {"checkpoints": {"smplx": tmp_path}}):
        estimator = opened("landmarks", tmp_path, **changes)
        assert codes(estimator) == ["estimator"]
        assert "--estimator" in estimator.warnings[0][1]


# --- what is read, in which order --------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("hand4whole", ["hand4whole"]),
        ("pose2pose", ["pose2pose_body", "pose2pose_hand", "pose2pose_face"]),
    ],
)
def test_each_estimator_loads_its_own_networks(
    name: str, parts: list[str], loads: Loads, tmp_path: Path
) -> None:
    estimator = opened(name, tmp_path)
    assert list(loads.networks) == parts
    files = [word.partition(":")[0] for word in estimator.weights_sha256.split()]
    assert files == [*parts, "landmarks"]
    assert estimator.name == name


@pytest.mark.parametrize("name", RESEARCH)
def test_checkpoints_are_read_before_body_models(name: str, tmp_path: Path) -> None:
    """Both are unusable; the checkpoint is what the user hears of."""
    for part in ("smplx/SMPLX", "smpl/SMPL"):
        file = tmp_path / f"{part}_NEUTRAL.npz"
        file.parent.mkdir()
        file.write_bytes(b"no model")
    with pytest.raises(ModelFileError) as caught:
        opened(name, tmp_path)
    assert "NEUTRAL" not in str(caught.value)
    assert "is missing" in caught.value.what


@pytest.mark.parametrize("name", RESEARCH)
def test_body_models_are_read_before_any_frame(name: str, loads: Loads, tmp_path: Path) -> None:
    place(tmp_path, "smpl", write_smpl, "SMPL_NEUTRAL.npz")
    (tmp_path / "smplx").mkdir()
    (tmp_path / "smplx" / "SMPLX_NEUTRAL.npz").write_bytes(b"no model")
    with pytest.raises(ModelFileError, match=r"SMPLX_NEUTRAL\.npz"):
        opened(name, tmp_path)
    assert loads.networks


def test_i2l_meshnet_needs_smpls_joints(loads: Loads, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="SMPL: body is missing"):
        opened("i2l-meshnet", tmp_path)
    assert list(loads.networks) == ["i2l_meshnet_body"]


def test_i2l_meshnet_gets_smpls_joints_and_says_that_smpl_is_licensed(
    loads: Loads, tmp_path: Path
) -> None:
    place(tmp_path, "smpl", write_smpl, "SMPL_NEUTRAL.npz")
    estimator = opened("i2l-meshnet", tmp_path)
    assert loads.networks["i2l_meshnet_body"].filled["joint_regressor"].shape == (29, 6890)
    assert " smpl:" in estimator.weights_sha256
    assert LICENCE_NOTE in estimator.licence_note
    assert ("licence", LICENCE_NOTE) in estimator.warnings


def test_rootnet_is_used_where_it_is_and_its_want_is_told(loads: Loads, tmp_path: Path) -> None:
    place(tmp_path, "smpl", write_smpl, "SMPL_NEUTRAL.npz")
    without = opened("i2l-meshnet", tmp_path)
    assert codes(without).count("rootnet") == 1
    assert list(loads.networks) == ["i2l_meshnet_body"]
    rootnet = tmp_path / "root.pth.tar"
    rootnet.touch()
    with_it = opened("i2l-meshnet", tmp_path, checkpoints={"rootnet": rootnet})
    assert "rootnet" not in codes(with_it)
    assert list(loads.networks) == ["i2l_meshnet_body", "rootnet"]


# --- RootNet's roots ---------------------------------------------------------------------------


def test_rootnet_places_the_default_estimators_people(loads: Loads, tmp_path: Path) -> None:
    estimator = opened("landmarks", tmp_path, root="rootnet")
    assert list(loads.networks) == ["rootnet"]
    assert (estimator.name, estimator.body) == ("landmarks", None)
    files = [word.partition(":")[0] for word in estimator.weights_sha256.split()]
    assert files == ["landmarks", "rootnet"]
    assert codes(estimator) == ["licence"]
    assert "non-commercial research" in estimator.licence_note


def test_posenet_is_used_where_it_is(loads: Loads, tmp_path: Path) -> None:
    posenet = tmp_path / "pose.pth.tar"
    posenet.touch()
    estimator = opened("landmarks", tmp_path, root="rootnet", checkpoints={"posenet": posenet})
    assert list(loads.networks) == ["rootnet", "posenet"]
    assert " posenet:" in estimator.weights_sha256


def test_rootnet_replaces_the_root_of_a_research_network(loads: Loads, tmp_path: Path) -> None:
    estimator = opened("hand4whole", tmp_path, root="rootnet")
    assert list(loads.networks) == ["rootnet", "hand4whole"]
    files = [word.partition(":")[0] for word in estimator.weights_sha256.split()]
    assert files == ["hand4whole", "rootnet", "landmarks"]


def test_i2l_meshnet_asks_rootnet_itself_and_must_have_it(loads: Loads, tmp_path: Path) -> None:
    place(tmp_path, "smpl", write_smpl, "SMPL_NEUTRAL.npz")
    with pytest.raises(ModelFileError, match="RootNet"):
        opened("i2l-meshnet", tmp_path, root="rootnet")
    rootnet = tmp_path / "root.pth.tar"
    rootnet.touch()
    opened("i2l-meshnet", tmp_path, root="rootnet", checkpoints={"rootnet": rootnet})
    assert list(loads.networks) == ["i2l_meshnet_body", "rootnet"]


def test_rootnet_needs_the_research_extra_and_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelFileError, match="RootNet"):
        opened("landmarks", tmp_path, root="rootnet")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match="--root rootnet needs the research extra"):
        opened("landmarks", tmp_path, root="rootnet")


# --- what the user is told ---------------------------------------------------------------------


@pytest.mark.usefixtures("loads")
@pytest.mark.parametrize("name", ["hand4whole", "pose2pose"])
def test_without_licensed_files_one_warning_says_what_is_lost(name: str, tmp_path: Path) -> None:
    estimator = opened(name, tmp_path)
    assert codes(estimator) == ["licence", "body_model"]
    assert "non-commercial" in estimator.warnings[0][1]
    for words in ("mean pose", "expressions", "open body"):
        assert words in estimator.warnings[1][1]


@pytest.mark.usefixtures("loads")
def test_a_licensed_file_brings_its_licence(tmp_path: Path) -> None:
    place(tmp_path, "mano", write_mano, "MANO_RIGHT.npz")
    estimator = opened("hand4whole", tmp_path)
    assert codes(estimator) == ["licence", "licence", "body_model"]
    assert estimator.warnings[1][1] == LICENCE_NOTE
    assert LICENCE_NOTE in estimator.licence_note
