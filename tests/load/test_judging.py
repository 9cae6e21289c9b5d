"""Tests of the verdict on a measurement, which all front ends share."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.stats.builders import measurement, steady
from wsproof import Finding, Level, Verdict
from wsproof.deviations import Deviation, KnownDeviations
from wsproof.load import judging
from wsproof.load.judging import UnknownServer, judge_measurement
from wsproof.model.finding import Anomaly
from wsproof.model.server_end import ServerEnd
from wsproof.stats.objective import parse_objective

LATE = measurement(steady(latency_ms=50, slip_ms=20))
FOUND = Finding("server-masked", "5.1", Anomaly.PROTOCOL, Level.VIOLATION, "A frame of the server is masked: secret-1.")
KNOWN = KnownDeviations(shipped=(Deviation("server-masked", "5.1", "the library does so", "issue 1"),))


@dataclass(frozen=True)
class Server(UnknownServer):
    end: ServerEnd | None = None
    words: tuple[str, ...] = ()

    def ended(self) -> ServerEnd | None:
        return self.end

    def last_exception(self) -> tuple[str, ...]:
        return self.words


@pytest.fixture
def one_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "run_checks", lambda *_: [FOUND])


@pytest.mark.usefixtures("one_violation")
def test_a_violation_shows_the_last_server_exception_without_its_secrets() -> None:
    judged = judge_measurement(LATE, Server(secrets=("secret-1",), words=("KeyError: 'room'",)))
    (finding,) = judged.findings
    assert judged.verdict() is Verdict.INVALID
    assert "secret-1" not in finding.explanation
    assert finding.server_output == ("KeyError: 'room'",)


@pytest.mark.usefixtures("one_violation")
def test_a_known_deviation_is_shown_and_does_not_count() -> None:
    judged = judge_measurement(LATE, Server(known_deviations=KNOWN))
    assert [finding.accepted for finding in judged.findings] == ["the library does so (issue 1)"]
    assert judged.verdict() is Verdict.VALID


@pytest.mark.usefixtures("one_violation")
def test_an_ended_server_process_is_a_finding_beside_the_others() -> None:
    judged = judge_measurement(LATE, Server(end=ServerEnd(1)))
    assert [finding.check for finding in judged.findings] == ["process-ended", "server-masked"]


@pytest.mark.usefixtures("one_violation")
def test_a_measurement_that_ended_early_is_not_checked_and_not_trusted() -> None:
    judged = judge_measurement(measurement(steady()), Server(), whole=False)
    assert (judged.findings, judged.verdict(), judged.trusted) == ((), Verdict.UNKNOWN, False)
    assert "latency" in judged.metrics


def test_figures_delayed_by_the_generator_are_void_and_decide_no_objective() -> None:
    late, steady_one = judge_measurement(LATE, Server()), judge_measurement(measurement(steady()), Server())
    assert (bool(late.void_codes), late.trusted) == (True, False)
    assert (steady_one.void_codes, steady_one.trusted) == ((), True)
    between = parse_objective("p99(latency) < 40ms")
    assert [result.met for result in late.evaluate([between])] == [None]
    assert [result.met for result in steady_one.evaluate([between])] == [True]


def test_objectives_count_only_the_findings_that_count() -> None:
    judged = judge_measurement(LATE, Server())
    lost = Finding("delivery", "chat", Anomaly.LOST, Level.VIOLATION, "Member 2 did not receive it.", accepted="known")
    none_lost = [parse_objective("lost == 0")]
    assert [result.met for result in replace(judged, findings=(lost,)).evaluate(none_lost)] == [True]
    counted = replace(judged, findings=(replace(lost, accepted=None),))
    assert [result.met for result in counted.evaluate(none_lost)] == [False]
