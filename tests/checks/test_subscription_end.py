"""Tests of subscriptions that end before their connections do, and of servers that only look as if they did so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.test_standing import CHAT, SAID, SCHEDULES, S, findings_of, listener, receipt_of
from wsproof import Audience, Contract, Level
from wsproof.checks.standing_history import GRACE_NS
from wsproof.checks.subscription_end import CHECK
from wsproof.model.standing import PlayedSchedule, StandingRole

SERVED_4_S = listener(*map(receipt_of, SAID[:4]))
"""A member that received the first four of ten messages, and stayed connected."""


def test_a_subscription_that_ends_before_its_connection_is_a_violation() -> None:
    (finding,) = findings_of(SERVED_4_S)
    assert (finding.check, finding.level, finding.occurrences) == (CHECK, Level.VIOLATION, 6)
    assert "received messages until 3.5 s after it had connected" in finding.explanation
    assert "none of the 6 messages" in finding.explanation
    assert "stayed connected until 29.5 s" in finding.explanation


def test_the_finding_says_whether_the_member_answered_pings() -> None:
    (finding,) = findings_of(replace(SERVED_4_S, pings_ns=(2 * S, 22 * S)))
    assert "until 29.5 s and answered the 2 pings of the server." in finding.explanation


def test_a_member_that_receives_the_last_message_has_only_lost_some() -> None:
    (finding,) = findings_of(listener(*map(receipt_of, [*SAID[:3], SAID[9]])))
    assert finding.check == "lost"


def test_a_few_losses_at_the_end_are_losses() -> None:
    (finding,) = findings_of(listener(*map(receipt_of, SAID[:6])))
    assert (finding.check, finding.occurrences) == ("lost", 4)


def test_a_member_that_received_only_its_own_message_had_a_subscription() -> None:
    own = replace(SAID[0], publisher=2, sent_ns=S * 7 // 10)
    alone = replace(listener(receipt_of(own)), own=own.key)
    (finding,) = findings_of(alone, schedules=(PlayedSchedule((own,), S), *SCHEDULES))
    assert (finding.check, finding.occurrences) == (CHECK, 10)


def test_losses_before_the_end_of_the_subscription_are_reported_beside_it() -> None:
    found = findings_of(listener(receipt_of(SAID[0]), receipt_of(SAID[2]), receipt_of(SAID[3])))
    assert [(one.check, one.occurrences) for one in found] == [("lost", 1), (CHECK, 6)]


def test_a_member_that_answers_no_ping_need_not_be_served_after_the_first_one() -> None:
    silent = replace(SERVED_4_S, role=StandingRole.UNRESPONSIVE)
    assert [one.check for one in findings_of(silent)] == [CHECK]
    assert findings_of(replace(silent, pings_ns=(4 * S,))) == []


def test_messages_of_checks_that_may_disturb_a_member_are_not_expected() -> None:
    unjudged = tuple(replace(schedule, is_judged=False) for schedule in SCHEDULES[4:])
    assert findings_of(SERVED_4_S, schedules=(*SCHEDULES[:4], *unjudged)) == []


def test_messages_that_may_still_come_are_not_missed() -> None:
    late = replace(SERVED_4_S, until_ns=SCHEDULES[4].ended_ns + GRACE_NS - 1)
    assert findings_of(late) == []


def test_a_member_of_another_room_misses_nothing() -> None:
    other = tuple(
        PlayedSchedule(tuple(replace(one, room=1) for one in schedule.publications), schedule.ended_ns)
        for schedule in SCHEDULES[4:]
    )
    assert findings_of(SERVED_4_S, schedules=(*SCHEDULES[:4], *other)) == []


def test_a_member_that_the_server_disconnected_is_judged_until_then() -> None:
    cut = replace(SERVED_4_S, until_ns=int(4.6 * S), was_cut_off=True, close_code=1001, closed=True)
    assert [one.check for one in findings_of(cut)] == ["disconnected"]


@pytest.mark.parametrize(
    ("at_s", "level"),
    [
        (4.5, Level.INFORMATIONAL),
        (5.01, Level.INFORMATIONAL),  # instead of the first message that the member misses
        (2.0, Level.VIOLATION),
        (20.0, Level.VIOLATION),
    ],
)
def test_a_message_of_the_server_at_the_end_of_a_subscription_may_be_its_notice(at_s: float, level: Level) -> None:
    told = replace(SERVED_4_S, other_messages=(('{"type": "expired"}', int(at_s * S)),))
    (finding,) = findings_of(told)
    assert (finding.check, finding.level) == (CHECK, level)
    assert ('{"type": "expired"}' in finding.explanation) is (level is Level.INFORMATIONAL)


def test_a_channel_whose_members_hear_only_themselves_has_no_subscription() -> None:
    assert CHECK not in [one.check for one in findings_of(SERVED_4_S, contract=Contract("echo", Audience.PUBLISHER))]
    assert CHECK in [one.check for one in findings_of(SERVED_4_S, contract=CHAT)]
