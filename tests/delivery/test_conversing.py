"""Tests of channels with a protocol: members join step by step, answer the server and send heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from tests.slow import slow_except
from tests.workloads.apps.conversing_channels import Conversing, Hasty
from wsproof import Finding, Verdict, Workload
from wsproof.delivery import run_suite
from wsproof.delivery.client_pool import ClientPool
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target

APP = "tests.workloads.apps.conversing:app"
OPTIONS = SuiteOptions(examples=2, deadline_s=2.0)
WORKLOADS: Mapping[str, Workload] = {"conversing": Conversing()}


def check(fault: str = "", *only: str, workloads: Mapping[str, Workload] = WORKLOADS) -> SuiteReport:
    options = OPTIONS if fault else OPTIONS.but(deadline_s=PATIENT_S)
    with serve(parse_target(APP, path="/", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, workloads, options.but(only=only or ("conversing.delivery",)))


def test_a_correct_server_passes() -> None:
    report = check("", "conversing.delivery", "conversing.order", "conversing.messages-before-close")
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


def test_a_server_that_refuses_all_joins_is_unknown_and_its_refusal_is_shown() -> None:
    finding = only_unknown(check("refuses"))
    assert "the server refused the member: {" in finding.explanation


def test_the_report_names_the_step_before_which_the_server_closed() -> None:
    finding = only_unknown(check("", "hasty.delivery", workloads={"hasty": Hasty()}))
    assert "the server ended the connection before it answered `subscribe`, with close code 4401" in finding.explanation


def only_unknown(report: SuiteReport) -> Finding:
    assert report.verdict() is Verdict.UNKNOWN
    (finding,) = report.findings
    assert finding.anomaly is Anomaly.UNKNOWN
    return finding


def test_an_unanswered_join_step_makes_the_check_unknown_and_is_no_loss() -> None:
    report = check("no room")
    assert report.verdict() is Verdict.UNKNOWN
    assert {finding.anomaly for finding in report.findings} == {Anomaly.UNKNOWN}
    assert "could not join" in report.findings[0].explanation
    assert "the server did not answer `subscribe` within 0.5 s" in report.findings[0].explanation


def test_a_client_that_sends_nothing_is_not_the_cause_of_a_full_room() -> None:
    report = check("no room", "conversing.silent-client-isolation")
    assert [finding for finding in report.findings if finding.level.counts] == []


@pytest.mark.parametrize("fault", slow_except(["late", "forgets", "ignores pongs"], "forgets", "ignores pongs"))
def test_a_planted_fault_is_found(fault: str) -> None:
    report = check(fault)
    assert report.verdict() is Verdict.INVALID
    assert Anomaly.LOST in {finding.anomaly for finding in report.findings}


def test_a_member_that_does_not_acknowledge_receives_no_more() -> None:
    class Unacknowledging(Conversing):
        def answer(self, member: int, message: str | bytes) -> list[str]:
            return []

    assert check(workloads={"conversing": Unacknowledging()}).verdict() is Verdict.INVALID


def test_an_automatic_reply_is_not_sent_inside_a_partially_sent_frame() -> None:
    whole, sent = b"a frame in pieces", list[bytes]()

    class Client:
        peer = SimpleNamespace(may_send=True, send_text=lambda text: sent.append(text.encode()))
        send_raw = staticmethod(sent.append)

    class Pool:
        def poll_once(self, timeout_s: float) -> None:
            ClientPool.put(cast(Any, self), person, "pong")

        def _hand_over_all(self, member: Any, messages: list[str]) -> None:
            for each in messages:
                ClientPool.put(cast(Any, self), member, each)

    pool: Any = Pool()
    person: Any = SimpleNamespace(
        client=Client(), closed=False, is_mid_frame=False, held_answers=[], access=None, sent=0
    )
    ClientPool.send_in_pieces(pool, person, [whole[:4], whole[4:9], whole[9:]])
    assert b"".join(sent[:3]) == whole
    assert sent[3:] == [b"pong"] * 3
    assert person.held_answers == []
