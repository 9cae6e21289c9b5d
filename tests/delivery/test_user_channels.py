"""Tests of user-defined channels: other audiences, acknowledgements, and servers with other formats."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from tests.workloads.apps.pubsub_channels import Others, PubSub
from wsproof import (
    Audience,
    Contract,
    Finding,
    Level,
    MessageKind,
    Order,
    Parsed,
    UsageError,
    Verdict,
    Workload,
    open_envelope,
)
from wsproof.delivery import planned, properties_of, run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

PUBSUB = "tests.workloads.apps.pubsub:app"
FAULTY = "tests.faulty.channels.tutorial:app"
OTHER_FORMATS = "tests.faulty.channels.other_formats:app"
OPTIONS = SuiteOptions(examples=4, deadline_s=1.0)
PATIENT = OPTIONS.but(deadline_s=PATIENT_S)


class NoSecondRoom(PubSub):
    def room_of(self, member: int) -> int:
        return 0


class Nameless(Workload):
    """A channel that delivers each text unchanged to all, without the sender's name."""

    name = "nameless"
    title = "a chat without names"
    any_text = True

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return f"/ws/{self.name_of(member)}"

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, str) and message.endswith("left the chat"):
            return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.DELIVERY, open_envelope(message), text=str(message))


class Deaf(Nameless):
    """A channel that ignores all incoming messages."""

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.IGNORED)


def check(
    app: str, workloads: Mapping[str, Workload], *only: str, fault: str = "", options: SuiteOptions = OPTIONS
) -> SuiteReport:
    with serve(parse_target(app, path="/ws", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, workloads, options.but(only=only))


def violations(report: SuiteReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.level is Level.VIOLATION]


UNANSWERED = tuple(
    f"others.{name}"
    for name in ("concurrent-joins", "malformed-messages", "pause", "resource-release", "shutdown", "unusual-names")
)
"""Checks that wait until their deadline for answers that a channel does not give if it sends none to publishers."""

ANSWERED = tuple(run.check for run in planned({"others": Others()}, PATIENT) if run.check not in UNANSWERED)


@pytest.mark.parametrize(
    ("only", "options"),
    [
        pytest.param(("others.delivery",), PATIENT, id="delivery"),
        pytest.param(ANSWERED, PATIENT, id="answered", marks=pytest.mark.slow),
        pytest.param(UNANSWERED, OPTIONS.but(deadline_s=5.0), id="unanswered", marks=pytest.mark.slow),
    ],
)
def test_a_channel_that_excludes_the_publisher_passes(only: tuple[str, ...], options: SuiteOptions) -> None:
    report = check(PUBSUB, {"others": Others()}, *only, fault="the publisher does not hear itself", options=options)
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID
    assert set(only) <= {row.check for row in report.checks_run}


def test_a_delivery_to_an_excluded_publisher_is_misrouted() -> None:
    report = check(PUBSUB, {"others": Others()}, "others.delivery")
    assert [finding.anomaly for finding in report.findings] == [Anomaly.MISROUTED]


def test_a_workload_that_puts_no_member_in_a_room_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="room_of puts none of the members"):
        check(PUBSUB, {"pubsub": NoSecondRoom()}, "pubsub.delivery")


@pytest.mark.slow
def test_a_loss_that_also_occurs_without_the_stalled_member_is_not_attributed_to_it() -> None:
    report = check(PUBSUB, {"pubsub": PubSub()}, "pubsub.slow-reader-isolation", fault="every 50th is lost")
    (finding,) = violations(report)
    assert finding.anomaly is Anomaly.LOST
    assert "so the misbehaviour is not the cause" in finding.explanation
    assert not finding.explanation.startswith("A member that does not read")


@pytest.mark.slow
def test_a_loss_that_is_not_reproduced_is_an_observation_without_a_cause() -> None:
    only = ("pubsub.binary-frame-isolation", "pubsub.protocol-error-isolation", "pubsub.reset-isolation")
    report = check(PUBSUB, {"pubsub": PubSub()}, *only, fault="every 50th is lost")
    (finding,) = report.findings
    assert (finding.anomaly, finding.reproduced, finding.level) == (Anomaly.LOST, "0 of 3", Level.OBSERVATION)
    assert "depends on earlier schedules" in finding.explanation
    assert "disturbs" not in finding.explanation
    assert report.verdict() is Verdict.VALID


def test_a_loss_caused_by_a_binary_frame_is_attributed_to_it_with_the_control_runs() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.binary-frame-isolation", fault="a binary frame stops all deliveries")
    (finding,) = violations(report)
    assert finding.explanation.startswith("A binary frame from one member disturbs the chat for the others: ")
    assert finding.explanation.endswith("Without that step nothing is lost (3 of 3 control runs).")
    assert (finding.anomaly, finding.reproduced) == (Anomaly.STALLED_BY_OTHER_MEMBER, "3 of 3")


def test_a_server_with_another_message_format_is_reported_once() -> None:
    workloads = load_channels("tutorial")
    report = check(OTHER_FORMATS, {"echo": workloads["echo"]}, fault="echoes unchanged")
    (finding,) = report.findings
    assert (finding.anomaly, finding.level) == (Anomaly.PHANTOM, Level.VIOLATION)
    assert "/ws does not speak the format of the channel 'echo'" in finding.explanation
    assert "~w1" in finding.explanation
    assert finding.witness == ("> member 0 joins", "> member 1 joins")
    assert [row.verdict for row in report.checks_run] == [Verdict.INVALID] + [Verdict.UNKNOWN] * (
        len(properties_of(workloads["echo"])) - 1
    )
    assert all("not run" in row.reason for row in report.checks_run[1:])


@pytest.mark.parametrize(
    ("fault", "words"), [("sends nothing", "nothing"), ("refuses", "HTTP/1.1 403"), ("closes", "close code 1011")]
)
def test_a_channel_without_readable_messages_is_unknown(fault: str, words: str) -> None:
    report = check(OTHER_FORMATS, {"chat": load_channels("tutorial")["chat"]}, fault=fault)
    (finding,) = report.findings
    assert finding.anomaly is Anomaly.UNKNOWN
    assert f"was {words}" in finding.explanation or words in finding.explanation
    assert report.verdict() is Verdict.UNKNOWN
    assert all("does not speak" in row.reason for row in report.checks_run[1:])


def test_a_channel_without_sender_names_is_checked_by_the_message_text() -> None:
    report = check(FAULTY, {"nameless": Nameless()}, "nameless.delivery", fault="no names, no replies", options=PATIENT)
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


def test_a_channel_whose_messages_are_all_ignored_is_unknown_and_says_so() -> None:
    report = check(FAULTY, {"nameless": Deaf()}, "nameless.delivery", fault="no names, no replies")
    (finding,) = report.findings
    assert finding.anomaly is Anomaly.UNKNOWN
    assert "message(s) that the workload reads as IGNORED" in finding.explanation
    assert "was nothing" not in finding.explanation


@pytest.mark.slow
def test_replies_in_another_format_are_corrupt_and_not_lost() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.delivery", fault="replies in another format")
    (finding,) = report.findings
    assert finding.anomaly is Anomaly.CORRUPT
    assert "as 'Thanks for " in finding.explanation
    assert "which is in no format of the channel chat" in finding.explanation
    assert "never received" not in finding.explanation


@pytest.mark.slow
def test_a_wrong_sender_name_is_reported_with_both_names() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.delivery", fault="chat mixes up names")
    (finding,) = report.findings
    assert "under a wrong name: the server named '" in finding.explanation
    assert "as its publisher, which is '" in finding.explanation


def test_a_slow_server_is_behind_and_has_no_violation() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.order", fault="slow but lossless")
    assert {finding.anomaly for finding in report.findings} == {Anomaly.BEHIND}
    assert [row.verdict for row in report.checks_run] == [Verdict.UNKNOWN]


def test_a_missing_channel_leaves_the_other_channels_checked() -> None:
    workloads = load_channels("tutorial", {"dashboard.period": "0.1"})
    with serve(parse_target(OTHER_FORMATS, path="/ws", env=["FAULT=echoes unchanged"])) as server:
        address = f"ws://{server.endpoint.host}:{server.endpoint.port}/ws"
        with serve(parse_target(address)) as reached:
            report = run_suite(reached, workloads, OPTIONS)
    assert [finding.section for finding in report.findings] == ["echo", "chat", "dashboard"]
    assert not any("broke the server" in row.reason for row in report.checks_run)
