"""Tests of message limits: a limit is reported, and none is non-strict only if the server's memory shows it."""

from __future__ import annotations

from wsproof import Audience, Contract, Level
from wsproof.checks.limits import MIB, SizeLimitRecord, judge_limits, limits_in_figures, limits_in_words

CHAT = Contract("chat", Audience.EVERYONE)
LIMITED = SizeLimitRecord("in fragments", 8 * MIB, 16 * MIB, "close code 1009", 9 * MIB)


def test_a_size_limit_is_information() -> None:
    assert judge_limits([LIMITED], CHAT) == []
    assert limits_in_words([LIMITED]) == "in fragments: refused at 16 MiB by close code 1009"
    assert [(figure.name, figure.value) for figure in limits_in_figures([LIMITED])] == [("taken in fragments", 8)]


def test_a_missing_limit_with_memory_growth_is_non_strict() -> None:
    (finding,) = judge_limits([SizeLimitRecord("in fragments", 64 * MIB, memory_bytes=70 * MIB)], CHAT)
    assert (finding.check, finding.level) == ("message-size-limit", Level.NON_STRICT)
    assert "accepted 64 MiB of one message without reaching a limit (in fragments)" in finding.explanation
    assert "memory grew by 70 MiB" in finding.explanation


def test_a_server_that_does_not_keep_the_message_needs_no_limit() -> None:
    (finding,) = judge_limits([SizeLimitRecord("in fragments", 64 * MIB, memory_bytes=MIB)], CHAT)
    assert finding.level is Level.INFORMATIONAL


def test_a_missing_limit_without_visible_memory_is_information() -> None:
    (finding,) = judge_limits([LIMITED, SizeLimitRecord("compressed", 64 * MIB)], CHAT)
    assert finding.level is Level.INFORMATIONAL
    assert "(compressed)" in finding.explanation


def test_an_unfinished_size_test_reports_nothing() -> None:
    assert judge_limits([], CHAT) == []
    assert judge_limits([SizeLimitRecord("in fragments", 0)], CHAT) == []
