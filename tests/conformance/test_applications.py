"""Tests that applications which accept only some messages give no findings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import ClassVar, cast
from unittest.mock import Mock

import pytest

from tests.faulty.applications import KINDS, SAMPLE, TIMED, TOKEN, UNSOLICITED
from tests.faulty.quiet import FULL_S, detect_silence
from tests.faulty.running import FaultyServer
from tests.slow import slow_except
from wsproof import Envelope, Level, Send, Verdict, Wait
from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.exchange.login import log_in
from wsproof.conformance.suite import run_suite
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.client import Client
from wsproof.wire import Event, PongReceived, TextMessage
from wsproof.workloads import Opening
from wsproof.workloads.echo import Echo
from wsproof.workloads.steps import JoinSteps

_CHECKS = (
    "payload-lengths",
    "segmentation",
    "rsv-zero",
    "mask-required",
    "fragments-joined",
    "control-between-fragments",
    "continuation-orphan",
    "interleaved-messages",
    "ping-answered",
    "close-answered",
    "utf8-valid",
    "utf8-broken",
    "mixed-frames",
    "deflate-blocks",
    "deflate-empty",
    "deflate-data",
    "deflate-isolation",
)
_OPTIONS = SuiteOptions(examples=1, deadline_s=30.0, only=_CHECKS)
QUICK = (
    *("only-bare", "only-1008", "only-drop", "only-http", "only-silent", "login", "binary", "text", "second"),
    *("after-5-drop", "large", "mute", "bans", "closes-4001"),
)
"""One application of each way to refuse messages."""
_REFUSE_TEXTS = [kind for kind in KINDS if kind.startswith(("only", "login"))]
_NEED_MESSAGES = ("payload-lengths", "fragments-joined", "control-between-fragments", "utf8-valid", "deflate-blocks")
_NEED_NONE = ("segmentation", "rsv-zero", "mask-required", "continuation-orphan", "ping-answered", "close-answered")


class LoggedIn(Echo):
    """A channel with a login: a member sends a token and waits until the application echoes it."""

    name = "logged-in"

    def join(self, member: int) -> JoinSteps:
        yield Send(TOKEN)
        yield Wait("token", until=lambda message: True)

    def publish(self, member: int, envelope: Envelope, body: str) -> str | bytes:
        return SAMPLE


def _check(faulty: FaultyServer, kind: str, options: SuiteOptions, fault: str = "deflate") -> SuiteReport:
    """Run the suite. If the application has no timers, silences of the server are detected at once."""
    with nullcontext() if kind in TIMED else detect_silence(faulty):
        return run_suite(faulty.with_fault(fault, kind), options)


def _reported(report: SuiteReport) -> list[str]:
    return [finding.check for finding in report.findings if finding.level is not Level.INFORMATIONAL]


@pytest.mark.parametrize("kind", slow_except(KINDS, *QUICK))
def test_an_application_that_refuses_messages_has_no_finding(faulty: FaultyServer, kind: str) -> None:
    report = _check(faulty, kind, _OPTIONS)
    assert _reported(report) == []
    if kind not in _REFUSE_TEXTS:
        return
    (remark,) = report.remarks
    assert "takes only some messages" in remark
    assert "--sample" in remark
    not_checked = {row.check: row.reason for row in report.not_run}
    for check in _NEED_MESSAGES:
        assert not_checked[check].startswith("not checked")
    rows = {row.check: row.verdict for row in report.checks_run}
    for check in _NEED_NONE:
        assert rows[check] is Verdict.VALID


@pytest.mark.parametrize(
    "kind", slow_except([kind for kind in KINDS if kind.startswith("only")], "only-bare", "only-drop")
)
def test_with_a_sample_every_check_runs_and_only_the_sample_is_sent(faulty: FaultyServer, kind: str) -> None:
    report = _check(faulty, kind, _OPTIONS.but(sample=SAMPLE))
    assert _reported(report) == []
    assert report.remarks == ()
    not_run = {row.check: row.reason for row in report.not_run}
    assert not_run == {  # The application refuses blanks after the sample, and an empty message.
        "payload-lengths": "not checked: the endpoint accepts the sample only in its own length",
        "deflate-empty": "not checked: the endpoint accepts only the sample",
    }
    assert {row.check for row in report.checks_run} >= {*_CHECKS} - not_run.keys()


@pytest.mark.parametrize(
    "kind", slow_except(["login", "login-bare", "login-silent", "login-greeted"], "login", "login-silent")
)
def test_with_a_login_every_check_runs(faulty: FaultyServer, kind: str) -> None:
    report = _check(faulty, kind, _OPTIONS.but(login=(TOKEN,)))
    assert _reported(report) == []
    assert report.remarks == ()
    assert {row.check for row in report.checks_run} >= {*_CHECKS}


def test_channel_publications_replace_texts_that_the_endpoint_refuses(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("deflate", "login"), _OPTIONS, opening=Opening(LoggedIn()))
    assert _reported(report) == []
    (remark,) = report.remarks
    assert "what a member of the channel publishes" in remark
    assert {row.check for row in report.checks_run} >= {*_CHECKS} - {"deflate-empty"}


def test_a_refused_login_is_reported_and_the_verdict_is_unknown(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("", "login"), _OPTIONS.but(login=("wrong",)))
    assert report.verdict() is Verdict.UNKNOWN
    (row,) = report.checks_run
    assert "accept the login" in row.reason
    assert "4001" in row.reason
    assert "wrong" not in row.reason


def test_a_refused_sample_is_reported(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("", "only-bare"), _OPTIONS.but(sample="other"))
    assert _reported(report) == []
    (remark,) = report.remarks
    assert "refused the sample" in remark


@pytest.mark.parametrize("kind", ["binary", "binary-bare", "binary-silent"])
def test_an_endpoint_for_binary_messages_gets_binary_messages(faulty: FaultyServer, kind: str) -> None:
    report = _check(faulty, kind, _OPTIONS, fault="")
    assert _reported(report) == []
    rows = {row.check for row in report.checks_run}
    assert rows >= {"fragments-joined", "control-between-fragments"}
    # Without echoes, only one message is known to be accepted.
    assert ("payload-lengths" in rows) is (kind == "binary")
    assert "utf8-valid" in {row.check for row in report.not_run}


@pytest.mark.parametrize("kind", ["only-1007", "only-1002"])
def test_a_close_after_a_text_is_not_taken_for_the_reply_to_our_close(faulty: FaultyServer, kind: str) -> None:
    report = _check(faulty, kind, _OPTIONS.but(only=("close",), examples=5))
    assert _reported(report) == []


@pytest.mark.parametrize("kind", UNSOLICITED)
def test_unsolicited_messages_are_not_taken_for_replies(faulty: FaultyServer, kind: str) -> None:
    """The first run finds an empty history, a second one the messages of the first."""
    for _ in range(2 if kind == "history" else 1):
        report = _check(faulty, kind, _OPTIONS)
        assert [finding.check for finding in report.findings if finding.level is Level.VIOLATION] == []
        (remark,) = report.remarks
        assert "messages that are no answers" in remark


@pytest.mark.parametrize("kind", ["closes-4001", "closes-1000", "closes-bare"])
def test_an_endpoint_that_closes_by_itself_is_checked_up_to_its_close(faulty: FaultyServer, kind: str) -> None:
    options = SuiteOptions(examples=3, only=("opening", "version-13", "close", "rsv-zero", "served-"), deadline_s=30.0)
    report = _check(faulty, kind, options, fault="")
    assert _reported(report) == []
    assert "closes each connection by itself" in report.remarks[0]
    rows = {row.check: row.verdict for row in report.checks_run}
    for check in ("opening-accepted", "version-13", "close-by-server"):
        assert rows[check] is Verdict.VALID
    not_checked = {row.check: row.reason for row in report.not_run}
    for check in ("rsv-zero", "close-answered", "served-after-churn"):
        assert "closes by itself" in not_checked[check]


@pytest.mark.usefixtures("detects_silence")
def test_the_close_of_an_endpoint_that_closes_by_itself_is_checked(faulty: FaultyServer) -> None:
    options = SuiteOptions(only=("close-by-server",), deadline_s=FULL_S)
    report = run_suite(faulty.with_fault("keeps-tcp", "closes-4001"), options)
    assert _reported(report) == ["close-ends-tcp"]


def test_a_welcome_before_the_login_counts_as_one_of_its_replies() -> None:
    """Otherwise every connection would wait for a message that has already arrived."""

    class Greeted:
        events: ClassVar[list[Event]] = [TextMessage("welcome", 1)]
        peer: ClassVar[Mock] = Mock()

        def send_ping(self, payload: bytes) -> None:
            self.events.extend([TextMessage("ok", 1), PongReceived(payload)])

        def wait_event(self, matches: Callable[[Event], bool], timeout_s: float) -> Event | None:
            return next(filter(matches, self.events), None)

    profile = EndpointProfile(None, False, False, 1024, login=(Message.of(TOKEN),), login_replies=2)
    assert log_in(cast(Client, Greeted()), profile, 5.0)
