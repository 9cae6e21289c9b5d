"""Tests of publications by functions and commands: what counts as accepted, and calls beside a poll."""

from __future__ import annotations

import select
import sys
from threading import Event

import pytest

from wsproof import Command, FunctionCall
from wsproof.model.outside_call import OutsideCall, PublishAnswer
from wsproof.net.outside_call import CallInThread, run_call

DEADLINE_S = 60.0


def fails() -> None:
    raise ConnectionError("the broker is gone")


def python(code: str, text: str | bytes = b"") -> Command:
    return Command((sys.executable, "-c", code), text)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (FunctionCall(lambda: 1), None),
        (FunctionCall(fails), "ConnectionError: the broker is gone"),
        (python("import sys; sys.exit(sys.stdin.buffer.read() != 'é'.encode())", "é"), None),
        (python("import sys; sys.exit('no such\\n topic')"), f"{sys.executable} ended with exit code 1: no such topic"),
        (Command(("/does/not/exist",)), "/does/not/exist cannot be run (No such file or directory)"),
    ],
)
def test_a_call_is_accepted_unless_it_fails(call: OutsideCall, reason: str | None) -> None:
    answer = run_call(call, DEADLINE_S)
    assert answer == (PublishAnswer(is_accepted=True) if reason is None else PublishAnswer(reason))


def test_a_command_that_exceeds_its_timeout_is_ended() -> None:
    answer = run_call(python("import time; time.sleep(600)"), 0.01)
    assert answer == PublishAnswer(f"{sys.executable} did not end within 0.01 s")


def test_the_caller_can_poll_while_a_call_runs_in_a_thread() -> None:
    may_end = Event()
    line = CallInThread()
    line.begin(FunctionCall(may_end.wait))
    assert line.advance() is None
    may_end.set()
    poll = select.poll()
    poll.register(line, select.POLLIN)
    assert poll.poll(DEADLINE_S * 1000)
    assert line.advance() == PublishAnswer(is_accepted=True)
    line.close()


def test_a_call_may_end_after_its_timeout() -> None:
    may_end, ended = Event(), Event()

    def function() -> None:
        may_end.wait()
        ended.set()

    line = CallInThread(deadline_s=3.0)
    line.begin(FunctionCall(function))
    assert line.give_up() == PublishAnswer("the call did not end within 3 s")
    may_end.set()
    assert ended.wait(DEADLINE_S)
