"""Tests of the findings about members that come back after a restart of their server."""

from __future__ import annotations

from dataclasses import replace

from wsproof import Audience, Contract, Level, Resume
from wsproof.checks.comeback import judge_comeback
from wsproof.model.comeback import ComebackRecord
from wsproof.model.finding import Anomaly

CHAT = Contract("chat", Audience.EVERYONE, resume=Resume.HISTORY)
BACK = ComebackRecord(4, waited_s=10.0, served_s=1.5, attempts=9)
"""Four members that were all served again."""
LOCKED_OUT = replace(BACK, served_s=None, unserved=("7",), is_newcomer_served=True)


def test_members_that_are_served_again_have_no_finding() -> None:
    assert judge_comeback(BACK, CHAT) == []


def test_a_member_that_is_locked_out_while_a_newcomer_is_served_is_a_violation() -> None:
    (finding,) = judge_comeback(LOCKED_OUT, CHAT)
    assert (finding.check, finding.anomaly, finding.level) == (
        "restart-return",
        Anomaly.NOTHING_RECEIVED,
        Level.VIOLATION,
    )
    assert "1 of 4 members cannot come back: 7, for example, was not served within 10 s" in finding.explanation


def test_a_new_process_that_serves_no_newcomer_either_may_only_be_slow() -> None:
    assert judge_comeback(replace(LOCKED_OUT, is_newcomer_served=False), CHAT) == []


def test_acknowledged_messages_that_are_gone_are_reported_and_are_no_violation() -> None:
    (finding,) = judge_comeback(replace(BACK, forgotten=("message 3 of 7", "message 4 of 7")), CHAT)
    assert (finding.check, finding.level, finding.occurrences) == ("restart-loss", Level.NON_STRICT, 2)
    assert "message 3 of 7" in finding.explanation
    assert Resume.HISTORY.in_words in finding.explanation
