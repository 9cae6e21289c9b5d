"""Tests that closing silent connections is reported as a rule of the server, and not as a violation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.histories import QUIET_CHAT, Room, a_room
from wsproof import Finding, Verdict
from wsproof.checks import run_checks
from wsproof.checks.silence import time_limit
from wsproof.model.finding import Anomaly, verdict_of
from wsproof.model.history import Departure, History

S = 1_000_000_000


def ended(
    ends_s: dict[int, float], *, publisher: int | None = None, members: int = 4, until_s: float = 60.0
) -> History:
    """Return a history whose members connect at 0, 1, 2 ... s and are closed after these times."""
    room: Room = a_room(members=0, messages=0, contract=replace(QUIET_CHAT, leaves=False))
    base = 10 * S
    for number in range(members):
        room.now = base + number * S
        room.join()
    if publisher is not None:
        sent = len(room.recorder.publications.data["publisher"])
        while room.now < base + int(until_s * S):
            room.now += 2 * S
            at = room.tick()
            room.recorder.published(publisher, room.sequences[publisher], at, at)
            room.sequences[publisher] += 1
            sent += 1
    for number, after_s in ends_s.items():
        born = room.recorder.members[number].connected_ns
        room.change(number, left_ns=born + int(after_s * S), departure=Departure.DROPPED)
    room.now = base + int(until_s * S)
    room.recorder.end_ns = room.now
    return room.history()


def cut_off(history: History) -> list[Finding]:
    return [finding for finding in run_checks(history, QUIET_CHAT) if finding.check == "disconnected"]


def test_disconnections_at_the_same_connection_age_are_a_server_rule() -> None:
    history = replace(ended({0: 45.0, 1: 45.2, 2: 45.1, 3: 45.0}), ignored=9, shortest_ignored_text="2")
    (finding,) = cut_off(history)
    assert finding.anomaly is Anomaly.UNKNOWN
    assert "ends connections that stay silent or do not answer its messages, such as '2'" in finding.explanation
    assert "45" in finding.explanation
    assert verdict_of([finding]) is Verdict.UNKNOWN


def test_a_crash_that_is_noticed_in_the_order_of_the_connections_is_no_rule() -> None:
    room: Room = a_room(members=0, messages=0, contract=replace(QUIET_CHAT, leaves=False))
    for _ in range(3):
        room.now += 5_000_000
        room.join()
    for number in range(3):
        born = room.recorder.members[number].connected_ns
        room.change(number, left_ns=born + 3 * S, departure=Departure.DROPPED)
    room.now += 60 * S
    room.recorder.end_ns = room.now
    history = room.history()
    assert time_limit(history, list(history.members)) is None


def test_a_member_that_sent_a_message_may_stay_longer() -> None:
    history = ended({0: 6.0, 1: 3.0, 2: 3.0, 3: 3.1, 4: 3.0}, members=5)
    limit = time_limit(history, list(history.members))
    assert limit is not None
    assert 2.9 < limit.seconds < 3.1


@pytest.mark.parametrize(("ignored", "code", "is_rule"), [(9, 1000, True), (0, 1000, False), (9, None, False)])
def test_simultaneous_ends_are_a_rule_only_with_a_close_after_unanswered_messages(
    ignored: int, code: int | None, is_rule: bool
) -> None:
    history = ended({0: 5.0, 1: 5.0, 2: 5.0, 3: 5.0})
    together = [replace(m, connected_ns=10 * S, left_ns=15 * S, close_code=code) for m in history.members]
    publications = replace(history.publications, sent_ns=history.publications.sent_ns.clip(0, 10 * S))
    history = replace(history, members=tuple(together), publications=publications, ignored=ignored)
    assert (time_limit(history, together) is not None) is is_rule


def test_listeners_disconnected_while_the_publisher_stays_show_an_idle_timeout() -> None:
    history = ended({0: 20.0, 1: 20.0, 2: 20.1}, publisher=3)
    limit = time_limit(history, [history.members[n] for n in (0, 1, 2)])
    assert limit is not None
    assert limit.is_of_silence
    assert 19.9 < limit.seconds < 20.2


@pytest.mark.parametrize(
    ("ends_s", "publisher", "reason"),
    [
        ({0: 20.0, 1: 19.0, 2: 18.0, 3: 17.0}, None, "all ended at one time, as in a crash"),
        ({0: 20.0, 1: 9.0, 2: 14.0}, None, "each ended at another age"),
        ({0: 20.0, 1: 20.0}, 3, "member 2 was silent for longer and stayed"),
        ({0: 45.0, 1: 45.0, 2: 45.0, 3: 12.0}, None, "one ended before the limit"),
        ({0: 20.0}, 3, "one alone shows no rule"),
        ({0: 0.1, 1: 0.1, 2: 0.1, 3: 0.1}, None, "too short for a rule"),
    ],
)
def test_disconnections_that_fit_no_rule_are_violations(
    ends_s: dict[int, float], publisher: int | None, reason: str
) -> None:
    (finding,) = cut_off(ended(ends_s, publisher=publisher))
    assert finding.anomaly is Anomaly.LOST, reason
    assert verdict_of([finding]) is Verdict.INVALID


def test_disconnecting_members_that_send_heartbeats_is_a_violation() -> None:
    history = replace(ended({0: 45.0, 1: 45.2, 2: 45.1, 3: 45.0}), keeps_alive=True)
    (finding,) = cut_off(history)
    assert finding.anomaly is Anomaly.LOST
