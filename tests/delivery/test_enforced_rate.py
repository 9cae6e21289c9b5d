"""Tests of a limit on the rate of publications that the server enforces and the contract does not name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.delivery.plain_chat import PlainChat
from wsproof import Audience, Contract, Finding, Level, RateLimit, Verdict, Workload
from wsproof.delivery import run_suite
from wsproof.delivery.runner import ScheduleResult, ScheduleRunner
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, History, Member, Recorder
from wsproof.model.suite import SuiteOptions
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

SCHEDULE: Schedule = (Step(Action.JOIN, 0), *(Step(Action.SAY, 0, "a text") for _ in range(12)))
SENT = 12
SECOND = 10**9
DISCONNECTED = Finding(
    "disconnected", "chat", Anomaly.DISCONNECTED, Level.VIOLATION, "The server ended the connection."
)
LOST = Finding("lost", "chat", Anomaly.LOST, Level.VIOLATION, "A message is missing.")


class PromisedChat(PlainChat):
    contract = Contract("chat", Audience.EVERYONE, rate_limit=RateLimit(20, 1.0))


class LimitedServer(ScheduleRunner):
    """A runner whose server refuses more than `limit` messages per second, by a close code or by an answer."""

    def __init__(self, workload: Workload, limit: int, code: int | None, *, answers: bool = True) -> None:
        super().__init__(cast(Any, SimpleNamespace(owned=False)), workload, 0)
        self.limit, self.code, self.answers = limit, code, answers
        self.rates: list[int] = []

    def _run_once(self, schedule: Schedule, deadline_s: float, *, waits_in_full: bool) -> ScheduleResult:
        rate = self.pace.messages if self.pace is not None else SENT
        self.rates.append(rate)
        self.broken = is_refused = rate > self.limit
        if is_refused:
            self.known.add(Anomaly.LOST)
        findings = [] if not is_refused else [LOST] if self.code is None else [DISCONNECTED]
        return ScheduleResult(findings, cast(Any, SimpleNamespace(history=self._history(rate, is_refused=is_refused))))

    def _history(self, rate: int, *, is_refused: bool) -> History:
        is_cut = is_refused and self.code is not None
        end = (Departure.DROPPED, self.code) if is_cut else (Departure.STAYED, None)
        times = [SECOND + at * SECOND // rate for at in range(SENT)]
        member = Member(0, "1", connected_ns=1, in_ns=1, left_ns=times[-1] + 1, departure=end[0], close_code=end[1])
        recorder = Recorder(members=[member])
        for sequence, sent_ns in enumerate(times):
            recorder.published(0, sequence, sent_ns, sent_ns)
        recorder.ignored = 1 + (is_refused and self.code is None and self.answers)
        return recorder.freeze()


@pytest.mark.parametrize("code", [1008, 1013, 4029, None])
def test_a_slower_rate_is_tried_until_the_server_accepts_it(code: int | None) -> None:
    runner = LimitedServer(PlainChat(), limit=4, code=code)
    assert runner.run_and_check(SCHEDULE, 1.0).findings == []
    assert runner.rates == [12, 6, 3]
    assert not runner.broken, "a limit is no violation: the server is not replaced"
    assert runner.known == set()
    assert runner.rate_limit is not None
    finding = runner.rate_limit.finding(runner.workload)
    assert finding.level is Level.INFORMATIONAL
    assert finding.explanation.endswith("rate_limit=RateLimit(messages=3, window_s=1).")
    runner.run_and_check(SCHEDULE, 1.0)
    assert runner.rates[3:] == [3], "later schedules keep the rate"


@pytest.mark.parametrize(
    ("workload", "limit", "code", "answers"),
    [
        (PromisedChat(), 4, 1008, True),
        (PlainChat(), 4, 1011, True),
        (PlainChat(), 4, 1006, True),
        (PlainChat(), 4, None, False),
        (PlainChat(), 0, 1008, True),
    ],
    ids=["within the contract", "internal error", "no close frame", "lost without an answer", "refused at any rate"],
)
def test_other_losses_stay_violations(workload: Workload, limit: int, code: int | None, answers: bool) -> None:
    runner = LimitedServer(workload, limit, code, answers=answers)
    assert runner.run_and_check(SCHEDULE, 1.0).findings in ([DISCONNECTED], [LOST])
    assert (runner.pace, runner.rate_limit, runner.broken) == (None, None, True)
    assert runner.known == {Anomaly.LOST}


@pytest.mark.parametrize(
    ("habit", "check"),
    [
        ("disconnects members above twenty messages a second", "chat.departures"),
        ("refuses handshakes above ten a second", "chat.reconnect"),
        ("refuses handshakes above ten a second", "chat.concurrent-joins"),
    ],
)
def test_a_server_that_refuses_what_is_too_fast_is_not_accused(habit: str, check: str) -> None:
    app = parse_target("tests.faulty.channels.late_faults:app", path="/ws", env=[f"FAULT={habit}"])
    with serve(app) as server:
        report = run_suite(server, {"chat": load_channels("tutorial")["chat"]}, SuiteOptions(only=(check,)))
    assert [finding for finding in report.findings if finding.level.counts] == []
    assert report.verdict() is Verdict.VALID
