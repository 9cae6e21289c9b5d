"""Tests of a limit on the size of messages that the server enforces and the workload does not name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.delivery.plain_chat import PlainChat
from wsproof import Finding, Level, Workload
from wsproof.delivery.runner import ScheduleResult, ScheduleRunner
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.delivery.size_limit import answered_limit, declares_longest
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, History, Member, Recorder
from wsproof.workloads import load_channels

SCHEDULE: Schedule = (
    Step(Action.JOIN, 0),
    Step(Action.SAY, 0, "a short text"),
    Step(Action.SAY, 0, "b" * 3_000),
    Step(Action.SAY, 0, size_bytes=60_000),
)
LOST = Finding("lost", "chat", Anomaly.LOST, Level.VIOLATION, "The server ended the connection.")


class ShortChat(PlainChat):
    longest_bytes = 4_000


class LimitedServer(ScheduleRunner):
    """A runner whose server closes with `code` after a text of more than `limit_bytes`."""

    def __init__(self, workload: Workload, limit_bytes: int, code: int = 1009) -> None:
        super().__init__(cast(Any, SimpleNamespace(owned=False)), workload, 0)
        self.limit_bytes, self.code = limit_bytes, code
        self.longest: list[int] = []

    def _run_once(self, schedule: Schedule, deadline_s: float, *, waits_in_full: bool) -> ScheduleResult:
        longest = max(max(len(step.body), step.size_bytes) for step in schedule)
        self.longest.append(longest)
        self.broken = is_refused = longest > self.limit_bytes
        end = (Departure.DROPPED, self.code) if is_refused else (Departure.STAYED, None)
        member = Member(0, "1", connected_ns=1, in_ns=1, departure=end[0], close_code=end[1])
        history = Recorder(members=[member]).freeze()
        return ScheduleResult([LOST] if is_refused else [], cast(Any, SimpleNamespace(history=history)))

    def _publish_one(self, size_bytes: int) -> History:
        return history_of_one_text(is_delivered=size_bytes <= self.limit_bytes, ignored=0)


def test_texts_are_halved_until_the_server_accepts_them() -> None:
    runner = LimitedServer(PlainChat(), limit_bytes=2_000)
    assert runner.run_and_check(SCHEDULE, 1.0).findings == []
    assert runner.longest == [60_000, 30_000, 15_000, 7_500, 3_750, 1_875]
    assert not runner.broken, "a limit is no violation: the server is not replaced"
    assert runner.size_limit is not None
    finding = runner.size_limit.finding(runner.workload)
    assert finding.level is Level.INFORMATIONAL
    assert finding.explanation.endswith("longest_bytes = 1875.")
    runner.run_and_check(SCHEDULE, 1.0)
    assert runner.longest[6:] == [1_875], "later schedules send no longer texts"


@pytest.mark.parametrize(
    ("workload", "limit_bytes", "code"),
    [(ShortChat(), 2_000, 1009), (PlainChat(), 2_000, 1008), (PlainChat(), 5, 1009)],
    ids=["the workload names its longest text", "another close code", "every text is too long"],
)
def test_other_disconnections_stay_violations(workload: Workload, limit_bytes: int, code: int) -> None:
    runner = LimitedServer(workload, limit_bytes, code)
    assert runner.run_and_check(SCHEDULE, 1.0).findings == [LOST]


def history_of_one_text(*, is_delivered: bool, ignored: int) -> History:
    recorder = Recorder(members=[Member(0, "1", connected_ns=1, in_ns=1)])
    recorder.published(0, 0, 2, 2)
    recorder.received(0, 0, 0, 2, 3)  # The member published a first text to join.
    recorder.published(0, 1, 4, 4)
    if is_delivered:
        recorder.received(0, 0, 1, 4, 5)
    recorder.ignored = ignored
    return recorder.freeze()


@pytest.mark.parametrize(
    ("limit_bytes", "answers", "accepted"),
    [(5_000, True, 3_750), (5_000, False, None), (60_000, True, None), (0, True, None)],
    ids=["answered", "lost without an answer", "no limit", "nothing is delivered"],
)
def test_a_server_that_answers_long_texts_has_a_limit_and_one_that_does_not_loses_them(
    limit_bytes: int, answers: bool, accepted: int | None
) -> None:
    def publish(size_bytes: int) -> History:
        is_delivered = size_bytes <= limit_bytes
        return history_of_one_text(is_delivered=is_delivered, ignored=2 + (answers and not is_delivered))

    limit = answered_limit(60_000, publish)
    assert (None if limit is None else limit.accepted_bytes) == accepted


def test_only_a_users_class_declares_its_longest_text() -> None:
    assert declares_longest(ShortChat())
    assert not declares_longest(PlainChat())
    assert not declares_longest(load_channels("tutorial")["echo"])
