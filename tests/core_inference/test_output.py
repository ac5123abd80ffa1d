"""The output folder: whole results or none, and nobody's files lost."""

from pathlib import Path

import pytest

from pose2rig.core_inference.clip import load_clip, load_raw_take
from pose2rig.core_inference.output import OutputFolder
from pose2rig.rigs.errors import Cancelled, NoPersonError, OutputError

from .conftest import Files
from .running import files_under

REPORT = {"schema_version": 1}


def fill(folder: Path, files: Files, *, overwrite: bool = False, people: int = 1) -> None:
    """A run that succeeds."""
    with OutputFolder(folder, overwrite=overwrite) as output:
        (output.raw / f"person_0.{output.run}.chunk_0000.npz").write_bytes(b"rows")
        (output.raw / f"run.{output.run}.journal.json").write_text("{}", encoding="utf-8")
        for number in range(people):
            output.save_person(number, load_raw_take(files.raw), load_clip(files.clip))
        output.commit(REPORT)


def no_person() -> NoPersonError:
    return NoPersonError("nobody", expected="somebody", actual="nobody", next_step="look again")


def test_a_run_that_succeeds_leaves_its_results_and_no_chunks(
    known_files: Files, tmp_path: Path
) -> None:
    fill(tmp_path / "deep" / "out", known_files, people=2)
    names = sorted(files_under(tmp_path / "deep" / "out"))
    assert names == [
        "person_0.npz",
        "person_1.npz",
        "raw/person_0.npz",
        "raw/person_1.npz",
        "report.json",
    ]


def test_nothing_stands_under_a_final_name_before_everything_is_whole(
    known_files: Files, tmp_path: Path
) -> None:
    with OutputFolder(tmp_path, overwrite=False) as output:
        output.save_person(0, load_raw_take(known_files.raw), load_clip(known_files.clip))
        assert not list(tmp_path.glob("person_*"))
        assert not list(output.raw.iterdir())


@pytest.mark.parametrize("error", [no_person(), KeyboardInterrupt(), RuntimeError("broken")])
def test_a_run_that_fails_takes_its_empty_folders_away(
    tmp_path: Path, error: BaseException
) -> None:
    with (
        pytest.raises(type(error)),
        OutputFolder(tmp_path / "new" / "out", overwrite=False),
    ):
        raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [Cancelled(3), MemoryError()])
def test_finished_chunks_outlive_whatever_stops_a_run(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), OutputFolder(tmp_path, overwrite=False) as output:
        (output.raw / "person_0.chunk_0000.npz").write_bytes(b"rows")
        raise error
    assert list(files_under(tmp_path)) == ["raw/person_0.chunk_0000.npz"]


def test_chunks_of_nobody_are_removed(tmp_path: Path) -> None:
    with pytest.raises(NoPersonError), OutputFolder(tmp_path, overwrite=False) as output:
        (output.raw / f"person_0.{output.run}.chunk_0000.npz").write_bytes(b"a statue")
        (output.raw / f"run.{output.run}.journal.json").write_bytes(b"how it was seen")
        raise no_person()
    assert list(tmp_path.iterdir()) == []


def test_kept_chunks_outlive_a_later_run_that_fails(tmp_path: Path) -> None:
    """Only a complete result takes the place of what a cancelled run saw."""
    kept = tmp_path / "raw" / "person_0.before.chunk_0000.npz"
    kept.parent.mkdir()
    kept.write_bytes(b"rows")
    with pytest.raises(NoPersonError), OutputFolder(tmp_path, overwrite=False):
        raise no_person()
    assert list(files_under(tmp_path)) == ["raw/person_0.before.chunk_0000.npz"]


def test_overwriting_leaves_files_of_others_alone(known_files: Files, tmp_path: Path) -> None:
    """A file is ours by its whole name, not by how it begins."""
    fill(tmp_path, known_files)
    (tmp_path / "raw").mkdir(exist_ok=True)
    others = (
        "person_hero.glb", "person_notes.npz", "raw/person_notes.npz", "person_1.txt",
        "raw/person_hero.a.chunk_0.npz", "raw/person_0.chunk_mine.npz", "raw/run.mine.json",
        "raw/person_hero.jpg", "raw/run.journal.json",
    )  # fmt: skip
    for name in others:
        (tmp_path / name).write_bytes(b"mine")
    (tmp_path / "person_7.usd").mkdir()
    (tmp_path / "person_3.fbx").write_bytes(b"an earlier result")
    fill(tmp_path, known_files, overwrite=True)
    assert {name: (tmp_path / name).read_bytes() for name in others} == dict.fromkeys(
        others, b"mine"
    )
    assert (tmp_path / "person_7.usd").is_dir()
    assert not (tmp_path / "person_3.fbx").exists()


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        OutputFolder(tmp_path, overwrite=False) as first,
        pytest.raises(OutputError, match="in use"),
        OutputFolder(tmp_path, overwrite=True),
    ):
        pass
    assert not first.path.joinpath(".pose2rig.lock").exists()


def test_what_a_killed_run_left_is_cleared_away_by_the_next(
    known_files: Files, tmp_path: Path
) -> None:
    (tmp_path / ".pose2rig-dead" / "raw").mkdir(parents=True)
    (tmp_path / ".pose2rig-dead" / "person_0.npz").write_bytes(b"half")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "person_3.dead.chunk_0000.npz").write_bytes(b"rows")
    fill(tmp_path, known_files)
    assert sorted(files_under(tmp_path)) == ["person_0.npz", "raw/person_0.npz", "report.json"]


@pytest.mark.parametrize(
    "name",
    ["person_0.npz", "person_4.fbx", "raw/person_0.npz", "raw/person_2.jpg", "report.json"],
)
def test_any_part_of_a_result_is_an_existing_result(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"earlier")
    before = files_under(tmp_path)
    with (
        pytest.raises(OutputError, match="already holds a result"),
        OutputFolder(tmp_path, overwrite=False),
    ):
        raise AssertionError("the folder was accepted")
    assert files_under(tmp_path) == before


def test_overwriting_replaces_all_of_a_result_and_nothing_else(
    known_files: Files, tmp_path: Path
) -> None:
    fill(tmp_path, known_files, people=2)
    (tmp_path / "person_0.fbx").write_bytes(b"earlier")
    (tmp_path / "holiday.npz").write_bytes(b"mine")
    fill(tmp_path, known_files, overwrite=True)
    names = sorted(files_under(tmp_path))
    assert names == ["holiday.npz", "person_0.npz", "raw/person_0.npz", "report.json"]


def test_overwriting_loses_nothing_until_the_new_result_is_whole(
    known_files: Files, tmp_path: Path
) -> None:
    fill(tmp_path, known_files)
    before = files_under(tmp_path)
    with pytest.raises(RuntimeError), OutputFolder(tmp_path, overwrite=True) as output:
        output.save_person(0, load_raw_take(known_files.raw), load_clip(known_files.clip))
        raise RuntimeError("broken")
    assert files_under(tmp_path) == before


def test_an_earlier_result_goes_only_after_the_new_one_stands(
    known_files: Files, tmp_path: Path
) -> None:
    """The report's place is taken: the move ends there, and nothing was deleted before it."""
    (tmp_path / "person_1.npz").write_bytes(b"earlier")
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OutputError, match="cannot write to"):
        fill(tmp_path, known_files, overwrite=True)
    assert (tmp_path / "person_1.npz").read_bytes() == b"earlier"
    assert len(list((tmp_path / "raw").glob("person_0.*.chunk_0000.npz"))) == 1
    assert len(list((tmp_path / "raw").glob("run.*.journal.json"))) == 1


def test_a_report_that_json_cannot_hold_is_never_written(
    known_files: Files, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="JSON"), OutputFolder(tmp_path, overwrite=False) as output:
        output.save_person(0, load_raw_take(known_files.raw), load_clip(known_files.clip))
        output.commit({"jitter": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with (
            pytest.raises(OutputError, match="cannot write to"),
            OutputFolder(path, overwrite=True),
        ):
            raise AssertionError("the folder was accepted")


# --- resuming ----------------------------------------------------------------------------------


def test_a_complete_result_is_found_again_and_what_a_kill_left_beside_it_goes(
    known_files: Files, tmp_path: Path
) -> None:
    fill(tmp_path, known_files)
    left = tmp_path / "raw" / "person_0.dead.chunk_0003.npz"
    left.write_bytes(b"rows")
    with OutputFolder(tmp_path, overwrite=False, resume=True) as output:
        assert output.finished() == REPORT
    assert not left.exists()


def test_a_result_that_was_being_replaced_is_not_finished(
    known_files: Files, tmp_path: Path
) -> None:
    fill(tmp_path, known_files)
    (tmp_path / "raw" / "run.dead.journal.json").write_text("{}", encoding="utf-8")
    with OutputFolder(tmp_path, overwrite=False, resume=True) as output:
        assert output.finished() is None
        assert [path.name for path in output.journals()] == ["run.dead.journal.json"]


def test_a_file_of_a_result_without_report_or_journal_is_in_the_way_of_resuming(
    tmp_path: Path,
) -> None:
    (tmp_path / "person_0.npz").write_bytes(b"somebody's")
    with (
        pytest.raises(OutputError, match="already holds a result"),
        OutputFolder(tmp_path, overwrite=False, resume=True),
    ):
        raise AssertionError("the folder was accepted")


@pytest.mark.parametrize("text", ["", "[1]", "3", "[" * 100_000])
def test_a_report_that_is_none_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with (
        pytest.raises(OutputError, match=r"report\.json cannot be read"),
        OutputFolder(tmp_path, overwrite=False, resume=True) as output,
    ):
        output.finished()


def test_portraits_are_results_of_their_run(known_files: Files, tmp_path: Path) -> None:
    raw, clip = load_raw_take(known_files.raw), load_clip(known_files.clip)
    with OutputFolder(tmp_path, overwrite=False) as output:
        for number in (0, 1):
            output.save_person(number, raw, clip, portrait=b"a JPEG")
        output.commit(REPORT)
    assert (tmp_path / "raw" / "person_1.jpg").read_bytes() == b"a JPEG"
    fill(tmp_path, known_files, overwrite=True)
    assert not list((tmp_path / "raw").glob("*.jpg"))
