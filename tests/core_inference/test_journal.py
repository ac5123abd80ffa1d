"""Journals: written after every chunk while they are small, never larger than can be read."""

from pathlib import Path
from typing import Any

import pytest

from pose2rig.core_inference import journal
from pose2rig.core_inference.journal import Journal, find_unfinished

OFTEN = 1000
CAPTURE = {"footage": "a"}


def written(folder: Path, size: int, chunks: int) -> tuple[list[int], list[str]]:
    """In which chunks a journal of some size is written, and what warnings it gives."""
    told: list[str] = []
    asked: list[int] = []
    book = Journal(folder, "r1", lambda: CAPTURE)
    for chunk in range(chunks):

        def state(chunk: int = chunk) -> dict[str, Any]:
            asked.append(chunk)
            return {"frames": chunk, "boxes": "x" * size}

        book.write(state, lambda code, _: told.append(code), last=chunk == chunks - 1)
    return asked, told


@pytest.mark.parametrize(("size", "every"), [(0, 1), (OFTEN // 2, 1), (OFTEN, 2), (4 * OFTEN, 5)])
def test_a_large_journal_is_written_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, every: int
) -> None:
    """What is written per chunk stays bounded; the last chunk is always kept."""
    monkeypatch.setattr(journal, "OFTEN_BYTES", OFTEN)
    asked, told = written(tmp_path, size, 20)
    assert asked == sorted({*range(0, 20, every), 19})
    assert told == []


def test_a_journal_too_large_to_be_read_leaves_the_one_before_and_warns_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MAX_BYTES", 2 * OFTEN)
    assert written(tmp_path, OFTEN, 3) == ([0, 1, 2], [])
    asked, told = written(tmp_path, 3 * OFTEN, 9)
    assert (asked, told) == (list(range(9)), ["journal_full"])
    found = find_unfinished(list(tmp_path.glob("run.*")), lambda: CAPTURE)
    assert found is not None
    assert (found.run, found.state["frames"]) == ("r1", 2)
