"""Events as JSON lines: the contract's names and fields, there and back."""

import json

import pytest

from pose2rig.core_inference.protocol import (
    CancelledEvent,
    Chunk,
    Done,
    Event,
    Failed,
    Person,
    Progress,
    Started,
    Warned,
    event_from_line,
    line_from_event,
)
from pose2rig.rigs.errors import EngineError

EVENTS: list[tuple[str, Event, set[str]]] = [
    ("started", Started(frames=9, width=64, height=48, fps=29.97), {"frames"}),
    (
        "progress",
        Progress(done=3, total=9, stage="estimate", fps=12.5, eta_s=0.48),
        {"done", "total", "stage", "fps", "eta_s"},
    ),
    (
        "person",
        Person(id=0, first_frame=4, box=(1.0, 2.0, 3.0, 4.0)),
        {"id", "first_frame", "box"},
    ),
    (
        "person",
        Person(id=1, first_frame=4, box=(1.0, 2.0, 3.0, 4.0), thumbnail="raw/person_1.jpg"),
        {"id", "first_frame", "box", "thumbnail"},
    ),
    ("chunk", Chunk(path="raw/a.npz", first=0, last=255), {"path", "first", "last"}),
    ("warning", Warned(code="cut", message="a cut"), {"code", "message"}),
    ("done", Done(report={"people": {"0": {"coverage": 1.0}}}), {"report"}),
    (
        "failed",
        Failed(code="footage", message="it broke", next_step="mend it"),
        {"code", "message", "next_step"},
    ),
    ("cancelled", CancelledEvent(kept=120), {"kept"}),
]


@pytest.mark.parametrize(("name", "event", "fields"), EVENTS)
def test_an_event_has_the_contracts_name_and_fields(
    name: str, event: Event, fields: set[str]
) -> None:
    content = json.loads(line_from_event(event))
    assert content["event"] == name
    assert fields <= set(content)


@pytest.mark.parametrize(("name", "event", "fields"), EVENTS)
def test_an_event_comes_back_from_its_line(name: str, event: Event, fields: set[str]) -> None:
    line = line_from_event(event)
    assert event_from_line(line) == event
    assert event_from_line(line + "\n") == event


def test_an_event_is_one_line_of_ascii_whatever_it_says() -> None:
    line = line_from_event(Warned(code="odd", message="two\nlines, a ü and a \u2028"))
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert event_from_line(line) == Warned(code="odd", message="two\nlines, a ü and a \u2028")


def test_the_time_left_may_be_unknown() -> None:
    event = Progress(done=0, total=0, stage="estimate", fps=0.0, eta_s=None)
    assert event_from_line(line_from_event(event)) == event


def test_what_json_does_not_know_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        line_from_event(Done(report={"jitter": float("nan")}))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Loading model…",
        "[]",
        "3",
        "null",
        "{}",
        '{"event": "finished"}',
        '{"event": "cancelled"}',
        '{"event": "cancelled", "kept": 1, "more": 2}',
        '{"event": "person", "id": 0, "first_frame": 1, "box": 3}',
        '{"event": ["done"], "report": {}}',
        '{"event": "done", "report": {}',
    ],
)
def test_a_line_that_is_no_event_is_an_engine_error(line: str) -> None:
    with pytest.raises(EngineError, match="no event"):
        event_from_line(line)


def test_an_endless_line_is_not_quoted_whole() -> None:
    with pytest.raises(EngineError) as caught:
        event_from_line('{"event": "warning", "message": "' + "x" * 3_000_000)
    assert len(str(caught.value)) < 1000
