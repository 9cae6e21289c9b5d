"""Tests of members whose access is revoked, and of members that respect a rate limit."""

from __future__ import annotations

import pytest

from tests.slow import slow_except
from wsproof import Audience, Contract, Level, RateLimit, Verdict
from wsproof.checks.rate_limit import Burst, judge_rate
from wsproof.checks.revoked import RevocationAttempt, judge_revocation
from wsproof.delivery import properties_of, run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

CHANNELS = "tests.workloads.apps.limited_channels"
CONTRACT = Contract("room", Audience.EVERYONE, rate_limit=RateLimit(100, 1.0))


def check(fault: str, *only: str, deadline_s: float = 30.0) -> SuiteReport:
    workloads = load_channels(CHANNELS)
    selected = {name: workloads[name] for name in {check_name.partition(".")[0] for check_name in only}}
    with serve(parse_target("tests.workloads.apps.limited:app", path="/", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, selected, SuiteOptions(examples=0, deadline_s=deadline_s, only=only))


def test_a_member_that_is_logged_out_and_still_served_is_a_violation() -> None:
    report = check("keeps logged-out members", "limited.revoked-access")
    assert report.verdict() is Verdict.INVALID
    (finding,) = report.findings
    assert (finding.check, finding.anomaly, finding.level) == (
        "limited.revoked-access",
        Anomaly.MISROUTED,
        Level.VIOLATION,
    )
    assert "still received messages of others and could still publish to others" in finding.explanation


@pytest.mark.parametrize(
    "server",
    slow_except(["", "ignores logged-out members", "waits for the close frame"], "", "waits for the close frame"),
)
def test_a_server_that_disconnects_or_ignores_logged_out_members_passes(server: str) -> None:
    report = check(server, "limited.revoked-access")
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID


@pytest.mark.parametrize(
    ("fault", "name", "words"),
    [
        ("accepts expired tokens", "expired-access", "joined with credentials that have expired, and received message"),
        (
            "ignores the room of a token",
            "access-to-other-rooms",
            "joined with the credentials of a member of another room, and received",
        ),
    ],
)
def test_a_server_that_accepts_expired_or_foreign_credentials_is_a_violation(fault: str, name: str, words: str) -> None:
    report = check(fault, f"private.{name}")
    (finding,) = report.findings
    assert (finding.check, finding.level) == (f"private.{name}", Level.VIOLATION)
    assert words in finding.explanation


def test_a_server_that_refuses_expired_credentials_and_those_of_other_rooms_passes() -> None:
    report = check("", "private.expired-access", "private.access-to-other-rooms")
    assert report.findings == ()
    assert [row.verdict for row in report.checks_run] == [Verdict.VALID] * 2


def test_a_limit_below_the_promised_one_is_a_violation() -> None:
    report = check("counts a publication twice", "limited.rate-limit", deadline_s=5.0)
    (finding,) = report.findings
    assert (finding.check, finding.anomaly, finding.level) == ("limited.rate-limit", Anomaly.LOST, Level.VIOLATION)
    assert "only 19 of 20 messages were delivered" in finding.explanation


@pytest.mark.parametrize(
    ("server", "channel"),
    [
        ("", "limited"),
        ("sliding", "limited"),
        ("tokens", "limited"),
        pytest.param("counts heartbeats", "beating", marks=pytest.mark.slow),
    ],
)
def test_every_kind_of_limiter_that_keeps_the_promise_passes(server: str, channel: str) -> None:
    report = check(server, f"{channel}.rate-limit")
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID


def test_one_limit_for_all_clients_is_a_violation_if_the_contract_has_a_limit_for_each_member() -> None:
    (finding,) = check("one limit for all clients", "limited.delivery", deadline_s=1.0).findings
    assert (finding.anomaly, finding.level) == (Anomaly.LOST, Level.VIOLATION)


def test_all_schedules_respect_a_limit_for_each_address() -> None:
    assert check("one limit per address", "limited.delivery").findings == ()


def test_a_server_that_ends_an_idle_connection_is_not_checked_for_its_rate() -> None:
    report = check("closes idle", "limited.rate-limit")
    assert report.findings == ()
    assert "ended the connection during a pause" in report.checks_run[0].reason


def test_only_channels_with_a_promised_rate_or_a_logout_have_these_checks() -> None:
    for workload in load_channels("tutorial").values():
        assert not {"revoked-access", "rate-limit"} & {checked.name for checked in properties_of(workload)}


class TestRate:
    def test_one_short_burst_is_an_observation_and_two_are_a_violation(self) -> None:
        whole, short = Burst(100, 100), Burst(100, 99)
        assert judge_rate([whole] * 4, CONTRACT) == []
        assert [finding.level for finding in judge_rate([whole, short, whole], CONTRACT)] == [Level.OBSERVATION]
        assert [finding.level for finding in judge_rate([whole, short, short], CONTRACT)] == [Level.VIOLATION]

    def test_the_limiter_may_have_counted_other_messages_of_the_member(self) -> None:
        assert judge_rate([Burst(100, 98, others=2)] * 4, CONTRACT) == []
        assert judge_rate([Burst(100, 97, others=2)] * 4, CONTRACT) != []

    def test_the_explanation_names_the_limit_and_the_number_of_delivered_messages(self) -> None:
        (finding,) = judge_rate([Burst(100, 100), Burst(100, 99), Burst(100, 40)], CONTRACT, is_ended=True)
        assert "(100 messages in 1 s)" in finding.explanation
        assert "in 2 of these bursts only 40 to 99 of 100 messages were delivered" in finding.explanation
        assert "then ended its connection" in finding.explanation


class TestRevocation:
    def test_a_member_that_is_served_once_and_not_again_is_an_observation(self) -> None:
        served, ended = RevocationAttempt("u1", None, has_received=True), RevocationAttempt("u2", 0.1, 4001)
        (finding,) = judge_revocation([served, ended], CONTRACT)
        assert finding.level is Level.OBSERVATION
        assert "u2: the server ended the connection after 0.1 s, with close code 4001" in finding.witness
        assert judge_revocation([ended], CONTRACT) == []
