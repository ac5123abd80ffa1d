"""Setting the landmark models up: from wheels and folders, good and hostile, and with pip."""

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pose2rig.core_inference.estimators.landmark_models import (
    LANDMARK_MODELS,
    LandmarkModels,
    open_landmark_models,
)
from pose2rig.core_inference.landmark_setup import (
    LICENCE_FILE,
    is_set_up,
    main,
    set_up_landmark_models,
)
from pose2rig.rigs.errors import EngineError

from .running import Ended, assert_one_line, ended, files_under

WHEEL = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
LICENCE_PLACE = "mediapipe-0.10.21.dist-info/LICENSE"
PLACES = {model.name: model.place for model in LANDMARK_MODELS}
Run = Callable[..., Ended]
Contents = dict[str, bytes]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the set-up in this process."""

    def run_main(*arguments: object) -> Ended:
        status = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return ended(status, out, err)

    return run_main


@pytest.fixture
def contents(landmark_models: LandmarkModels) -> Contents:
    """What the wheel holds: the models and the licence by their places, and more."""
    models = {model.place: landmark_models.read(model.name) for model in LANDMARK_MODELS}
    licence = (landmark_models.folder / LICENCE_FILE).read_bytes()
    return {"mediapipe/__init__.py": b"raise SystemExit", **models, LICENCE_PLACE: licence}


def write_wheel(path: Path, contents: Contents, compression: int = zipfile.ZIP_STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for place, content in contents.items():
            archive.writestr(place, content)
    return path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


WHOLE = {*(model.file_name for model in LANDMARK_MODELS), LICENCE_FILE}


# --- what is good ------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["the wheel", "a folder above it"])
def test_a_wheel_gives_the_models_and_the_licence_and_nothing_else(
    run: Run, contents: Contents, tmp_path: Path, source: str
) -> None:
    wheel = write_wheel(tmp_path / "wheels" / "deep" / WHEEL, contents)
    into = tmp_path / "new" / "models"
    end = run("--from", wheel if source == "the wheel" else wheel.parent.parent, "--into", into)
    assert (end.status, end.err) == (0, [])
    assert str(into) in end.out[-1]
    assert names_in(into) == WHOLE
    assert names_in(into.parent) == {"models"}
    assert (into / LICENCE_FILE).read_bytes() == contents[LICENCE_PLACE]
    assert is_set_up(into)


def test_loose_files_are_known_by_their_hashes(
    run: Run, contents: Contents, tmp_path: Path
) -> None:
    loose = tmp_path / "loose"
    for number, place in enumerate(PLACES.values()):
        folder = loose / f"{number}" / "deeper"
        folder.mkdir(parents=True)
        (folder / "model").write_bytes(contents[place])
        (folder / place.rpartition("/")[2]).write_bytes(b"not the model")
    end = run("--from", loose, "--into", tmp_path / "models")
    assert (end.status, end.err) == (0, [])
    assert names_in(tmp_path / "models") == WHOLE - {LICENCE_FILE}
    assert is_set_up(tmp_path / "models")


def test_what_is_there_and_right_is_left_alone_without_looking_anywhere(
    run: Run, contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    into = tmp_path / "models"
    set_up_landmark_models(write_wheel(tmp_path / WHEEL, contents), into, [].append)
    before = {path: path.stat().st_mtime_ns for path in into.iterdir()}
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    end = run("--into", into)
    assert (end.status, end.err) == (0, [])
    assert "already" in end.out[0]
    assert {path: path.stat().st_mtime_ns for path in into.iterdir()} == before


def test_a_broken_set_up_is_mended_and_other_files_stay(
    run: Run, contents: Contents, tmp_path: Path
) -> None:
    into = tmp_path / "models"
    set_up_landmark_models(write_wheel(tmp_path / WHEEL, contents), into, [].append)
    (into / "iris_landmark.tflite").write_bytes(b"half")
    (into / "hand_recrop.tflite").unlink()
    (into / "mine.txt").write_text("kept", encoding="utf-8")
    assert not is_set_up(into)
    assert run("--from", tmp_path / WHEEL, "--into", into).status == 0
    assert is_set_up(into)
    assert names_in(into) == {*WHOLE, "mine.txt"}


# --- what is hostile or broken -----------------------------------------------------------------


def refused(run: Run, source: Path, tmp_path: Path, *words: str) -> None:
    """The set-up says why in one line and has written nothing anywhere."""
    before = files_under(tmp_path)
    end = run("--from", source, "--into", tmp_path / "new" / "models")
    assert_one_line(end, 1, *words)
    assert files_under(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_names_that_lead_outside_are_never_followed(
    run: Run, contents: Contents, tmp_path: Path
) -> None:
    bad = (
        "../outside",
        "/tmp/pose2rig-outside",
        "..\\outside",
        "mediapipe/../../outside",
        "LICENSE",
    )
    wheel = write_wheel(tmp_path / "in" / WHEEL, {name: b"bad" for name in bad} | contents)
    assert run("--from", wheel, "--into", tmp_path / "new" / "models").status == 0
    assert names_in(tmp_path) == {"in", "new"}
    assert names_in(tmp_path / "new" / "models") == WHOLE
    assert not Path("/tmp/pose2rig-outside").exists()
    assert is_set_up(tmp_path / "new" / "models")


@pytest.mark.parametrize("name", ["pose_detection", "face_detection", LICENCE_PLACE])
def test_an_altered_member_is_refused(
    run: Run, contents: Contents, tmp_path: Path, name: str
) -> None:
    place = PLACES.get(name, name)
    content = contents[place]
    contents[place] = content[:-1] + bytes([content[-1] ^ 1])
    refused(run, write_wheel(tmp_path / WHEEL, contents), tmp_path, place, "sha256")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_unpacks_to_too_much_is_not_unpacked(
    run: Run, contents: Contents, tmp_path: Path, compression: int
) -> None:
    place = PLACES["pose_detection"]
    bomb = {place: bytes(40_000_000)}
    wheel = write_wheel(tmp_path / WHEEL, bomb, compression)
    refused(run, wheel, tmp_path, "40000000 bytes")


def test_a_wheel_without_a_model_is_refused(run: Run, contents: Contents, tmp_path: Path) -> None:
    del contents[PLACES["palm_detection"]]
    refused(run, write_wheel(tmp_path / WHEEL, contents), tmp_path, PLACES["palm_detection"])


@pytest.mark.parametrize("kept", [0, 1000, 15_000_000, -30])
def test_a_truncated_wheel_is_refused(
    run: Run, contents: Contents, tmp_path: Path, kept: int
) -> None:
    wheel = write_wheel(tmp_path / WHEEL, contents)
    wheel.write_bytes(wheel.read_bytes()[:kept])
    refused(run, wheel, tmp_path, WHEEL)


def test_a_file_of_any_size_is_not_read(run: Run, tmp_path: Path) -> None:
    with (tmp_path / WHEEL).open("wb") as file:
        file.truncate(100_000_001)
    refused(run, tmp_path / WHEEL, tmp_path, "100000001 bytes")


def test_a_folder_without_the_models_and_no_folder_at_all_are_refused(
    run: Run, contents: Contents, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    refused(run, tmp_path / "empty", tmp_path, "empty", "face_detection_short_range.tflite")
    refused(run, tmp_path / "nowhere", tmp_path, "nowhere", "No such file")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "x").write_bytes(contents[PLACES["hand_recrop"]])
    refused(run, tmp_path / "one", tmp_path, "one")


def test_a_place_that_cannot_be_written_is_said(
    run: Run, contents: Contents, tmp_path: Path
) -> None:
    wheel = write_wheel(tmp_path / WHEEL, contents)
    (tmp_path / "file").touch()
    end = run("--from", wheel, "--into", tmp_path / "file" / "models")
    assert_one_line(end, 1, "file/models", "--into")
    assert names_in(tmp_path) == {WHEEL, "file"}


# --- with pip ----------------------------------------------------------------------------------


def only_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the user's pip know a folder of wheels and no index."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def test_without_network_the_error_says_how_to_do_without(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_folder(monkeypatch, tmp_path)
    end = run("--into", tmp_path / "models")
    assert_one_line(end, 1, "mediapipe==0.10.21", "network", "--from PATH")
    assert names_in(tmp_path) == set()


def test_a_wheel_of_the_right_name_and_wrong_content_does_not_pass_pip(
    run: Run, contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(tmp_path / WHEEL, contents)
    only_folder(monkeypatch, tmp_path)
    assert_one_line(run("--into", tmp_path / "models"), 1, "pip cannot fetch")
    assert names_in(tmp_path) == {WHEEL}


@pytest.mark.slow
def test_pip_brings_the_real_wheel(tmp_path: Path) -> None:
    said: list[str] = []
    try:
        folder = set_up_landmark_models(None, tmp_path / "share" / "landmarks", said.append)
    except EngineError as error:
        if "pip cannot fetch" in error.what:
            pytest.skip(f"pip cannot reach a package index: {error.actual}")
        raise
    assert names_in(folder) == WHOLE
    assert names_in(tmp_path / "share") == {"landmarks"}
    assert open_landmark_models(tmp_path / "share").folder == folder
    assert len(said) == 2
