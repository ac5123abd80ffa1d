"""Checkpoint files that are damaged, hostile or something else: one error each, nothing run."""

import builtins
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from pose2rig.core_inference.estimators import weights_file
from pose2rig.core_inference.estimators.checkpoints import load_checkpoint
from pose2rig.rigs.errors import ModelFileError

from .checkpoint_files import (
    FORMATS,
    Write,
    hollow_state,
    on_meta,
    random_state,
    refused,
    vposer,
    wrapped,
)

# --- files that want to run code ---------------------------------------------------------------


class Trap:
    """A pickle that creates a file when it is opened without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return builtins.open, (str(self.path), "w")


@pytest.mark.parametrize("place", ["network", "optimizer", "whole"])
@FORMATS
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_malicious_pickle_is_refused_and_runs_nothing(
    write: Write, tmp_path: Path, place: str, zipped: bool
) -> None:
    sprung = tmp_path / "sprung"
    checkpoint = wrapped(random_state(vposer()))
    if place == "network":
        checkpoint["network"]["module.trap"] = Trap(sprung)
    else:
        checkpoint["optimizer"] = Trap(sprung)
    path = write(Trap(sprung) if place == "whole" else checkpoint, zipped=zipped)
    torch.load(path, weights_only=False)
    assert sprung.exists(), "the trap works, on whoever opens it so"
    sprung.unlink()
    message = refused(path)
    assert not sprung.exists()
    assert "asks for code: io.open" in message
    assert "refused" in message


def test_a_bare_pickle_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = tmp_path / "bare.pth.tar"
        path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung"), protocol))
        refused(path)
        assert not (tmp_path / "sprung").exists()


def test_a_body_models_pickle_is_called_one(tmp_path: Path) -> None:
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    path.write_bytes(b"\x80\x02cchumpy.ch\nCh\nq\x00)\x81q\x01.")
    message = refused(path)
    assert "chumpy.ch.Ch" in message
    assert "body model" in message


# --- damaged and hostile files -----------------------------------------------------------------


def rezip(source: Path, target: Path, edit: Callable[[zipfile.ZipFile, zipfile.ZipFile], None]):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        edit(old, new)
    return target


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "snapshot_6/../../../escaped"])
def test_paths_in_the_archive_lead_nowhere(write: Write, tmp_path: Path, name: str) -> None:
    source = write(wrapped(random_state(vposer())), "source.pth.tar")

    def add(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
        new.writestr(name, b"escaped")

    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    path = rezip(source, folder / "tricky.pth.tar", add)
    assert "paths lead out of it" in refused(path)
    assert not list(tmp_path.rglob("escaped"))
    assert not Path("/tmp/escaped").exists()


def test_a_compressed_archive_is_refused_unopened(write: Write, tmp_path: Path) -> None:
    source = write(wrapped(random_state(vposer())), "source.pth.tar")

    def bomb(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        for entry in old.infolist():
            blank = entry.filename.endswith("/data/0")
            data = bytes(64 << 20) if blank else old.read(entry)
            new.writestr(entry.filename, data, zipfile.ZIP_DEFLATED)

    assert "compressed" in refused(rezip(source, tmp_path / "bomb.pth.tar", bomb))


@pytest.mark.slow
def test_a_huge_index_is_refused(write: Write, tmp_path: Path) -> None:
    source = write(wrapped(random_state(vposer())), "source.pth.tar")

    def swell(old: zipfile.ZipFile, new: zipfile.ZipFile) -> None:
        for entry in old.infolist():
            index = entry.filename.endswith("data.pkl")
            data = b"\x80\x02" + b"]" * weights_file.MAX_INDEX_BYTES if index else old.read(entry)
            new.writestr(entry.filename, data)

    assert "data.pkl, more than" in refused(rezip(source, tmp_path / "big.pth.tar", swell))
    legacy = tmp_path / "legacy.pth.tar"
    legacy.write_bytes(b"\x80\x02" + b"]" * (2 * weights_file.MAX_INDEX_BYTES))
    refused(legacy)


def test_a_file_larger_than_any_network_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.pth.tar"
    with path.open("wb") as file:
        file.truncate(weights_file.MAX_FILE_BYTES + 1)
    assert "more than" in refused(path)


def claiming(path: Path, numbers: int, target: Path, *, zipped: bool) -> Path:
    """A file of one tensor whose storage claims more numbers than it has (4242 of them)."""
    old, new = (b"M" + (4242).to_bytes(2, "little"), b"\x8a\x08" + numbers.to_bytes(8, "little"))
    if not zipped:
        data = path.read_bytes()
        assert data.count(old) == 2
        target.write_bytes(data.replace(old, new))
        return target

    def edit(archive: zipfile.ZipFile, copy: zipfile.ZipFile) -> None:
        for entry in archive.infolist():
            data = archive.read(entry)
            if entry.filename.endswith("data.pkl"):
                assert data.count(old) == 2
                data = data.replace(old, new)
            copy.writestr(entry.filename, data)

    return rezip(path, target, edit)


@pytest.mark.parametrize("numbers", [10**7, 10**12, 2**62, -1, -(2**62)])
@FORMATS
def test_a_storage_smaller_than_it_claims_is_never_read_beyond(
    write: Write, tmp_path: Path, numbers: int, zipped: bool
) -> None:
    if numbers < 0:
        numbers += 2**64
    source = write({"t": torch.zeros(4242)}, "source.pth.tar", zipped=zipped)
    assert "1 unexpected (t)" in refused(source)
    path = claiming(source, numbers, tmp_path / "claims.pth.tar", zipped=zipped)
    assert "cannot read" in refused(path)


@FORMATS
def test_a_truncated_file_is_refused_wherever_it_ends(write: Write, zipped: bool) -> None:
    path = write(wrapped(hollow_state("vposer")), zipped=zipped)
    data = path.read_bytes()
    module = on_meta("vposer")
    for end in range(0, len(data) - 1, max(1, len(data) // 150)):
        path.write_bytes(data[:end])
        refused(path, module=module)


@FORMATS
def test_a_changed_byte_never_ends_in_another_error(write: Write, zipped: bool) -> None:
    path = write(wrapped(hollow_state("vposer")), zipped=zipped)
    data = path.read_bytes()
    module = vposer()
    chance = random.Random(3)
    damaged = 0
    for _ in range(150):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        try:
            load_checkpoint(path, module, "vposer")
        except ModelFileError:
            damaged += 1
    assert damaged > 30


def test_a_changed_weight_is_noticed_by_its_checksum(write: Write) -> None:
    path = write(wrapped(random_state(vposer())))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert "checksum" in refused(path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "an empty file"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"\x89HDF\r\n", "HDF5"),
        (bytes(257) + b"ustar" + bytes(250), "a tar archive"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
        (b"no checkpoint at all", "no checkpoint"),
    ],
)
def test_other_files_under_a_checkpoints_name_are_called_by_theirs(
    tmp_path: Path, content: bytes, word: str
) -> None:
    path = tmp_path / "snapshot_6.pth.tar"
    path.write_bytes(content)
    assert word in refused(path)


def test_an_npz_and_a_torchscript_program_are_called_so(tmp_path: Path) -> None:
    for name, word in (("v_template.npy", "npz"), ("model/constants.pkl", "TorchScript")):
        path = tmp_path / "snapshot_6.pth.tar"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"")
        assert word in refused(path)


def test_a_file_that_the_system_does_not_give_is_refused_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "snapshot_6.pth.tar"
    path.write_bytes(b"weights")
    monkeypatch.setattr(Path, "open", denied)
    assert "got Permission denied; check its permissions" in refused(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.pth.tar").mkdir()
    assert "a folder" in refused(tmp_path / "folder.pth.tar")
    assert "no such file" in refused(tmp_path / "gone.pth.tar")
