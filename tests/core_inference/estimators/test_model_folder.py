"""The model folder: what is found where, what is refused, what a missing file's error says."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pose2rig.core_inference.estimators import model_folder
from pose2rig.core_inference.estimators.model_folder import (
    KNOWN_FILES,
    PARTS,
    ModelFolder,
    default_folder,
    file_sha256,
    parse_overrides,
)
from pose2rig.rigs.errors import ModelFileError, UsageError

Put = Callable[[str], Path]

CONTRACT_NAMES = {
    "hand4whole": "hand4whole/snapshot_6.pth.tar",
    "pose2pose_body": "pose2pose/body.pth.tar",
    "pose2pose_hand": "pose2pose/hand.pth.tar",
    "pose2pose_face": "pose2pose/face.pth.tar",
    "i2l_meshnet_body": "i2l_meshnet/body.pth.tar",
    "i2l_meshnet_hand": "i2l_meshnet/hand.pth.tar",
    "rootnet": "rootnet/snapshot_18.pth.tar",
    "posenet": "posenet/snapshot_24.pth.tar",
    "vposer": "vposer/TR00_E096.pt",
    "smplx": "smplx/SMPLX_NEUTRAL.npz",
    "smpl": "smpl/SMPL_NEUTRAL.npz",
    "mano": "mano/MANO_RIGHT.npz",
    "flame": "flame/FLAME_NEUTRAL.npz",
}
AUTHORS_NAMES = {
    "pose2pose_body": "pose2pose/snapshot_6_body.pth.tar",
    "pose2pose_hand": "pose2pose/snapshot_12_hand.pth.tar",
    "pose2pose_face": "pose2pose/snapshot_12_face.pth.tar",
    "i2l_meshnet_body": "i2l_meshnet/snapshot_8.pth.tar",
    "vposer": "vposer_v1_0/snapshots/TR00_E096.pt",
    "smplx": "smplx/SMPLX_NEUTRAL_2020.npz",
}


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Put a file into the folder."""

    def write(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
        return path

    return write


def refused(folder: ModelFolder, part: str) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        folder.find(part)
    return caught.value


# --- finding -----------------------------------------------------------------------------------


def test_every_part_of_the_contract_is_known() -> None:
    assert tuple(CONTRACT_NAMES) == PARTS
    assert len({known.place for known in KNOWN_FILES}) == len(KNOWN_FILES)


@pytest.mark.parametrize(
    ("part", "name"), [*CONTRACT_NAMES.items(), *AUTHORS_NAMES.items()], ids=lambda text: text
)
def test_a_file_is_found_by_our_name_and_by_its_authors(
    put: Put, tmp_path: Path, part: str, name: str
) -> None:
    folder = ModelFolder(tmp_path)
    assert folder.find(part) is None
    path = put(name)
    assert folder.find(part) == folder.require(part) == path
    assert [known for known in PARTS if folder.find(known)] == [part]


@pytest.mark.parametrize("part", sorted(set(AUTHORS_NAMES)))
def test_our_name_goes_before_the_authors(put: Put, tmp_path: Path, part: str) -> None:
    put(AUTHORS_NAMES[part])
    ours = put(CONTRACT_NAMES[part])
    assert ModelFolder(tmp_path).find(part) == ours


def test_several_candidates_are_named_and_none_is_guessed(put: Put, tmp_path: Path) -> None:
    for epoch in (9, 18, 10):
        put(f"rootnet/snapshot_{epoch}.pth.tar")
    error = refused(ModelFolder(tmp_path), "rootnet")
    assert "snapshot_9.pth.tar, snapshot_10.pth.tar, snapshot_18.pth.tar" in error.actual
    assert "--checkpoint rootnet=PATH" in error.next_step
    chosen = tmp_path / "rootnet" / "snapshot_9.pth.tar"
    assert ModelFolder(tmp_path, {"rootnet": chosen}).require("rootnet") == chosen


def test_hidden_files_and_folders_are_no_candidates(put: Put, tmp_path: Path) -> None:
    put("rootnet/._snapshot_18.pth.tar")
    (tmp_path / "rootnet" / "old.pth.tar").mkdir()
    assert ModelFolder(tmp_path).find("rootnet") is None
    path = put("rootnet/snapshot_18.pth.tar")
    assert ModelFolder(tmp_path).find("rootnet") == path


def test_a_link_out_of_the_folder_is_followed_and_a_broken_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    (folder / "rootnet").mkdir(parents=True)
    link = folder / "rootnet" / "snapshot_18.pth.tar"
    link.symlink_to(tmp_path / "elsewhere.pth.tar")
    assert ModelFolder(folder).find("rootnet") is None
    (tmp_path / "elsewhere.pth.tar").write_bytes(b"weights")
    assert ModelFolder(folder).find("rootnet") == link


def test_a_missing_file_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as caught:
        ModelFolder(tmp_path).require("rootnet")
    message = str(caught.value)
    assert "rootnet/*.pth.tar" in message
    assert "mks0601/3DMPPE_ROOTNET_RELEASE" in message
    assert "MIT" in message
    assert "--checkpoint rootnet=PATH" in message
    with pytest.raises(ModelFileError) as caught:
        ModelFolder(tmp_path / "nowhere").require("smplx")
    assert f"no folder {tmp_path / 'nowhere'}" in str(caught.value)
    assert "smpl-x.is.tue.mpg.de" in str(caught.value)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("smplx", "smplx/SMPLX_NEUTRAL.pkl"),
        ("smpl", "smpl/SMPL_NEUTRAL.pkl"),
        ("smpl", "smpl/basicModel_neutral_lbs_10_207_0_v1.0.0.pkl"),
        ("mano", "mano/MANO_RIGHT.pkl"),
        ("flame", "flame/generic_model.pkl"),
    ],
)
def test_a_pickled_body_model_is_refused_with_the_way_on(
    put: Put, tmp_path: Path, part: str, name: str
) -> None:
    path = put(name)
    error = refused(ModelFolder(tmp_path), part)
    assert path.name in error.what
    assert "pickle" in error.what
    assert len(error.next_step) > 20
    assert refused(ModelFolder(None, {part: path}), part).what == error.what
    whole = put(CONTRACT_NAMES[part])
    assert ModelFolder(tmp_path).find(part) == whole


# --- the folder in use -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "variables", "expected"),
    [
        ("linux", {}, "home/.local/share/pose2rig/models"),
        ("linux", {"XDG_DATA_HOME": "data"}, "data/pose2rig/models"),
        ("darwin", {}, "home/Library/Application Support/pose2rig/models"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/pose2rig/models"),
        ("win32", {}, "home/AppData/Local/pose2rig/models"),
        ("linux", {"POSE2RIG_MODELS": "mine"}, "mine"),
        ("win32", {"POSE2RIG_MODELS": "mine", "LOCALAPPDATA": "local"}, "mine"),
    ],
)
def test_the_default_folder_is_the_platforms(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    system: str,
    variables: dict[str, str],
    expected: str,
) -> None:
    for name in ("POSE2RIG_MODELS", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setattr(model_folder.sys, "platform", system)
    assert default_folder() == tmp_path / expected
    assert ModelFolder().folder == tmp_path / expected
    assert ModelFolder(tmp_path).folder == tmp_path


# --- --checkpoint PART=PATH --------------------------------------------------------------------


def test_overrides_are_read() -> None:
    assert parse_overrides([]) == {}
    options = ["rootnet=a/b=c.pth.tar", "smplx=~/S.npz"]
    assert parse_overrides(options) == {
        "rootnet": Path("a/b=c.pth.tar"),
        "smplx": Path.home() / "S.npz",
    }


@pytest.mark.parametrize(
    "options",
    [["rootnet"], ["rootnet="], ["=a.pth"], [""], ["toenet=a.pth"], ["mano=a.npz", "mano=b.npz"]],
)
def test_overrides_that_make_no_sense_are_wrong_usage(options: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_overrides(options)
    assert repr(options[-1]) in caught.value.actual


def test_an_override_goes_before_the_folder_and_must_be_there(put: Put, tmp_path: Path) -> None:
    put("rootnet/snapshot_18.pth.tar")
    other = put("other.weights")
    assert ModelFolder(tmp_path, {"rootnet": other}).find("rootnet") == other
    assert ModelFolder(tmp_path, {"posenet": other}).find("rootnet") != other
    gone = tmp_path / "gone"
    assert "no such file" in str(refused(ModelFolder(tmp_path, {"rootnet": gone}), "rootnet"))
    assert "a folder" in str(refused(ModelFolder(tmp_path, {"rootnet": tmp_path}), "rootnet"))


# --- contents ----------------------------------------------------------------------------------


def test_the_sha256_of_a_file_longer_than_a_block(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(data)
    assert file_sha256(tmp_path / "file") == hashlib.sha256(data).hexdigest()
    with pytest.raises(ModelFileError, match="gone"):
        file_sha256(tmp_path / "gone")


def test_the_folder_is_looked_at_without_torch_and_smplx() -> None:
    code = (
        "import sys; from pose2rig.core_inference.estimators.model_folder import *; "
        "assert ModelFolder().find('rootnet') is None; "
        "assert not {'torch', 'smplx'} & set(sys.modules)"
    )
    environment = {"POSE2RIG_MODELS": "/nowhere"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
