"""Tests that one lost or repeated message in hundreds is found, and that overload protection is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.delivery.planting import PATIENT_S, findings_of, planting
from wsproof import Finding, Level, Verdict
from wsproof.delivery import run_suite
from wsproof.delivery.schedule import Action, Step
from wsproof.delivery.volume import join_many
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import RunningServer
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.late_faults:app"
WORKLOADS = {"chat": load_channels("tutorial")["chat"]}
OPTIONS = SuiteOptions(only=("chat.volume",))


@pytest.fixture(scope="module")
def planted() -> Iterator[Callable[[str], RunningServer]]:
    with planting(APP) as plant:
        yield plant


def run(server: RunningServer, options: SuiteOptions = OPTIONS) -> SuiteReport:
    return run_suite(server, WORKLOADS, options)


def violations_of(report: SuiteReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.level.counts]


@pytest.mark.parametrize(
    ("fault", "anomaly"),
    [
        ("rarely loses a message for one member", Anomaly.LOST),
        pytest.param("rarely repeats a message", Anomaly.DUPLICATED, marks=pytest.mark.slow),
        pytest.param("rarely swaps two messages", Anomaly.REORDERED, marks=pytest.mark.slow),
        pytest.param("drops messages for a full queue", Anomaly.LOST, marks=pytest.mark.slow),
        pytest.param("forgets all members beyond thirty", Anomaly.LOST, marks=pytest.mark.slow),
    ],
)
def test_a_fault_that_only_volume_shows_is_reported(
    planted: Callable[[str], RunningServer], fault: str, anomaly: Anomaly
) -> None:
    assert [finding.anomaly for finding in violations_of(run(planted(fault)))] == [anomaly]


def test_a_limit_on_the_rate_is_no_loss_of_a_member_that_stopped_reading(
    planted: Callable[[str], RunningServer],
) -> None:
    report = run(planted("drops messages above the rate limit"), SuiteOptions(only=("chat.paused-reader",)))
    assert findings_of(report) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("drops messages above the rate limit", "seems to limit the rate"),
        ("disconnects slow consumers", "with close code 1013 (try again later)"),
        ("accepts ten connections", "accepted 10 members at the same time and refused the next one"),
    ],
)
def test_a_limit_that_the_server_enforces_is_information(
    planted: Callable[[str], RunningServer], kind: str, words: str
) -> None:
    report = run(planted(kind))
    assert violations_of(report) == []
    limits = [finding for finding in report.findings if words in finding.explanation]
    assert [finding.level for finding in limits] == [Level.INFORMATIONAL]


def test_a_correct_server_passes_with_its_measured_rate(planted: Callable[[str], RunningServer]) -> None:
    report = run(planted(""), OPTIONS.but(deadline_s=PATIENT_S))
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID
    assert {"rate taken", "members at once"} <= {figure.name for figure in report.checks_run[0].measured}


@pytest.mark.parametrize(
    ("is_refused", "departure", "fault"),
    [(True, Departure.REFUSED, ""), (False, Departure.FIN, "did not answer")],
)
def test_a_room_full_message_ends_the_joining_like_a_refused_handshake(
    is_refused: bool, departure: Departure, fault: str
) -> None:
    def member(can_send: bool) -> SimpleNamespace:
        conversation = SimpleNamespace(is_refused=is_refused and not can_send)
        current_departure = Departure.STAYED if can_send else Departure.FIN
        reason = "" if can_send else "did not answer"
        return SimpleNamespace(
            can_send=can_send, conversation=conversation, departure=current_departure, join_fault=reason
        )

    members = [member(can_send) for can_send in (True, True, False, True)]
    remaining = iter(members)
    setting = SimpleNamespace(
        budget=SimpleNamespace(at_most=lambda seconds: 90.0), workload=SimpleNamespace(publishes=False)
    )
    pool = SimpleNamespace(
        setting=setting, gave_up=False, members=members[:3], measured={}, join=lambda room: next(remaining)
    )
    join_many(cast(Any, pool), {}, Step(Action.CROWD, 0, count=4))
    assert (members[2].departure, members[2].join_fault) == (departure, fault)
    assert next(remaining) is members[3]
    assert pool.measured["members at once"].value == 2
