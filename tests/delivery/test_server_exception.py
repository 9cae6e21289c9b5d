"""Tests of the exception of the server that a finding quotes."""

from __future__ import annotations

import pytest

from wsproof import Finding, Level
from wsproof.delivery.server_exception import exception_in, with_exception
from wsproof.model.finding import Anomaly

TRACEBACK = ["Traceback (most recent call last):", '  File "chat.py", line 7, in publish']


@pytest.mark.parametrize(
    ("last", "exception"),
    [
        ("RuntimeError: dictionary changed size during iteration", "RuntimeError: dictionary changed size"),
        ("  | asyncio.queues.QueueFull", "asyncio.queues.QueueFull"),
        ("KeyError: 'text'", "KeyError: 'text'"),
    ],
)
def test_the_last_line_of_a_traceback_is_the_exception(last: str, exception: str) -> None:
    assert exception_in([*TRACEBACK, last]).startswith(exception)


def test_an_exception_of_node_is_found_above_its_frames() -> None:
    lines = ["TypeError: room.push is not a function", "    at join (server.js:7:3)"]
    assert exception_in(lines) == "TypeError: room.push is not a function"


def test_a_line_that_names_no_exception_is_none() -> None:
    assert exception_in(["ERROR: cannot open the file"]) == ""


@pytest.mark.parametrize("level", [Level.INFORMATIONAL, Level.OBSERVATION])
def test_only_a_finding_that_counts_quotes_the_exception(level: Level) -> None:
    finding = Finding("lost", "chat", Anomaly.LOST, level, "A message is lost.")
    assert with_exception(finding, [*TRACEBACK, "KeyError: 1"]).explanation == "A message is lost."


def test_a_loop_over_members_that_change_is_named() -> None:
    finding = Finding("lost", "chat", Anomaly.LOST, Level.VIOLATION, "A message is lost.")
    lines = [*TRACEBACK, "RuntimeError: Set changed size during iteration"]
    assert "iterates over its members while a member joins or leaves" in with_exception(finding, lines).explanation
