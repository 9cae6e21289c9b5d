"""Channels that are not the tutorial's: other audiences, acknowledgements, and servers that speak otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.workloads.apps.pubsub_channels import Others, PubSub
from wsproof.delivery import properties_of, run_suite
from wsproof.errors import UsageError
from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import open_envelope
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import MessageKind, Parsed, Workload, load_channels

PUBSUB = "tests.workloads.apps.pubsub:app"
FAULTY = "tests.faulty.channels.app:app"
SPEECHLESS = "tests.faulty.channels.otherwise:app"
OPTIONS = SuiteOptions(examples=4, deadline_s=1.0)


class NoSecondRoom(PubSub):
    def room_of(self, member: int) -> int:
        return 0


class Nameless(Workload):
    """What one says, all get as it is, without a name."""

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
    """It ignores all that comes."""

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.IGNORED)


def check(app: str, workloads: Mapping[str, Workload], *only: str, fault: str = "") -> SuiteReport:
    with serve(parse_target(app, path="/ws", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, workloads, OPTIONS.but(only=only))


def violations(report: SuiteReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.level is Level.VIOLATION]


@pytest.mark.parametrize("only", [("others.delivery",), pytest.param((), marks=pytest.mark.slow, id="all")])
def test_a_channel_for_the_others_only_is_not_accused(only: tuple[str, ...]) -> None:
    report = check(PUBSUB, {"others": Others()}, *only, fault="the publisher does not hear itself")
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID


def test_and_a_publisher_that_hears_itself_there_is_misrouted() -> None:
    report = check(PUBSUB, {"others": Others()}, "others.delivery")
    assert [finding.anomaly for finding in report.findings] == [Anomaly.MISROUTED]


def test_rooms_that_nobody_is_in_are_a_mistake_of_the_workload() -> None:
    with pytest.raises(UsageError, match="room_of puts none of the members"):
        check(PUBSUB, {"pubsub": NoSecondRoom()}, "pubsub.delivery")


def test_a_loss_that_has_nothing_to_do_with_the_neighbour_is_not_blamed_on_it() -> None:
    report = check(PUBSUB, {"pubsub": PubSub()}, "pubsub.sleeping-neighbour", fault="every 50th is lost")
    (finding,) = violations(report)
    assert finding.anomaly is Anomaly.LOST
    assert "so that is not what does it" in finding.explanation
    assert not finding.explanation.startswith("A member that does not read")


def test_a_loss_that_does_not_come_back_has_no_story() -> None:
    only = ("pubsub.binary-neighbour", "pubsub.garbage-neighbour", "pubsub.dying-neighbour")
    report = check(PUBSUB, {"pubsub": PubSub()}, *only, fault="every 50th is lost")
    (finding,) = report.findings
    assert (finding.anomaly, finding.reproduced, finding.level) == (Anomaly.LOST, "0 of 3", Level.OBSERVATION)
    assert "depends on what the server had been through" in finding.explanation
    assert "disturbs" not in finding.explanation
    assert report.verdict() is Verdict.VALID


def test_a_binary_frame_that_is_to_blame_is_blamed_with_the_control_runs() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.binary-neighbour", fault="a binary frame ends all")
    (finding,) = violations(report)
    assert finding.explanation.startswith("A binary frame from one member disturbs the chat for the others: ")
    assert finding.explanation.endswith("Without that step nothing is lost (3 of 3 control runs).")
    assert (finding.anomaly, finding.reproduced) == (Anomaly.STALLED_BY_NEIGHBOUR, "3 of 3")


def test_a_server_that_answers_in_other_words_is_told_so_once() -> None:
    workloads = load_channels("tutorial")
    report = check(SPEECHLESS, {"echo": workloads["echo"]}, fault="echoes plainly")
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
    ("fault", "words"), [("says nothing", "nothing"), ("refuses", "HTTP/1.1 403"), ("hangs up", "close code 1011")]
)
def test_where_nothing_comes_nothing_is_known(fault: str, words: str) -> None:
    report = check(SPEECHLESS, {"chat": load_channels("tutorial")["chat"]}, fault=fault)
    (finding,) = report.findings
    assert finding.anomaly is Anomaly.UNKNOWN
    assert f"was {words}" in finding.explanation or words in finding.explanation
    assert report.verdict() is Verdict.UNKNOWN
    assert all("does not speak" in row.reason for row in report.checks_run[1:])


def test_a_plain_text_on_a_channel_that_names_nobody_is_judged_by_the_text() -> None:
    report = check(FAULTY, {"nameless": Nameless()}, "nameless.delivery", fault="no names, no replies")
    assert report.findings == ()
    assert report.verdict() is Verdict.VALID


def test_where_all_that_comes_is_ignored_it_is_said_so() -> None:
    report = check(FAULTY, {"nameless": Deaf()}, "nameless.delivery", fault="no names, no replies")
    (finding,) = report.findings
    assert finding.anomaly is Anomaly.UNKNOWN
    assert "message(s) that the workload reads as IGNORED" in finding.explanation
    assert "was nothing" not in finding.explanation


def test_replies_in_other_words_are_shown_and_not_called_lost() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.delivery", fault="replies otherwise")
    (finding,) = report.findings
    assert finding.anomaly is Anomaly.CORRUPT
    assert "as 'Thanks for " in finding.explanation
    assert "which is none of the formats of the channel chat" in finding.explanation
    assert "never received" not in finding.explanation


def test_a_name_that_is_not_the_publisher_s_is_told_with_both_names() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.delivery", fault="chat mixes up names")
    (finding,) = report.findings
    assert "under a wrong name: the server named '" in finding.explanation
    assert "as its publisher, which is '" in finding.explanation


def test_a_server_that_is_slow_is_behind_and_accused_of_nothing() -> None:
    workloads = {"chat": load_channels("tutorial")["chat"]}
    report = check(FAULTY, workloads, "chat.order", fault="slow but whole")
    assert {finding.anomaly for finding in report.findings} == {Anomaly.BEHIND}
    assert [row.verdict for row in report.checks_run] == [Verdict.UNKNOWN]


def test_one_channel_that_is_not_there_leaves_the_others_their_check() -> None:
    workloads = load_channels("tutorial", {"dashboard.period": "0.1"})
    with serve(parse_target(SPEECHLESS, path="/ws", env=["FAULT=echoes plainly"])) as server:
        address = f"ws://{server.endpoint.host}:{server.endpoint.port}/ws"
        with serve(parse_target(address)) as reached:
            report = run_suite(reached, workloads, OPTIONS)
    assert [finding.section for finding in report.findings] == ["echo", "chat", "dashboard"]
    assert not any("broke the server" in row.reason for row in report.checks_run)
