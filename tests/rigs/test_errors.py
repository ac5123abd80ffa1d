"""The error tree: one line with four parts, and the exit statuses of the contract."""

import inspect

import pytest

from pose2rig.rigs import errors
from pose2rig.rigs.errors import Cancelled, NoPersonError, Pose2RigError, UsageError

TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Pose2RigError)
]


@pytest.mark.parametrize("kind", TREE)
def test_every_error_is_one_line_of_what_expected_got_and_next_step(
    kind: type[Pose2RigError],
) -> None:
    error = kind("it broke", expected="a whole", actual="a half", next_step="mend it")
    assert str(error) == "it broke; expected a whole, got a half; mend it"
    assert (error.what, error.expected, error.actual) == ("it broke", "a whole", "a half")
    assert error.next_step == "mend it"


@pytest.mark.parametrize("kind", TREE)
def test_exit_statuses_are_those_of_the_contract(kind: type[Pose2RigError]) -> None:
    status = 2 if issubclass(kind, UsageError) else 3 if kind is NoPersonError else 1
    assert kind.exit_status == status


def test_every_kind_of_error_has_its_own_code() -> None:
    codes = [kind.code for kind in TREE]
    assert len(codes) >= 11
    assert len(set(codes)) == len(codes)


def test_cancelled_is_no_error_and_says_what_was_kept() -> None:
    cancelled = Cancelled(17)
    assert not isinstance(cancelled, Pose2RigError)
    assert cancelled.exit_status == 130
    assert cancelled.kept == 17
    assert str(cancelled) == "cancelled, 17 frames kept"
