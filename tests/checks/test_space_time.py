"""Tests that a finding has the events that contradict each other, in order of time."""

from __future__ import annotations

from dataclasses import replace

from tests.checks.histories import QUIET_CHAT, a_room
from wsproof import Finding
from wsproof.checks.delivery import duplicated, lost
from wsproof.checks.order import reordered
from wsproof.model.finding_event import EventKind


def events_of(finding: Finding) -> list[tuple[EventKind, str, str]]:
    return [(event.kind, event.member.partition(" (")[0], event.message) for event in finding.events]


def test_a_loss_shows_its_publisher_a_member_that_received_it_and_one_that_did_not() -> None:
    room = a_room(3, 0, QUIET_CHAT)
    room.present.remove(2)
    sequence = room.publish(0)
    (finding,) = lost(room.history(), QUIET_CHAT)
    label = f"message {sequence} of member 0"
    assert events_of(finding) == [
        (EventKind.SENT, "member 0", label),
        (EventKind.RECEIVED, "member 0", label),
        (EventKind.RECEIVED, "member 1", label),
        (EventKind.MISSING, "member 2", label),
    ]
    times = [event.at_ms for event in finding.events]
    assert times == sorted(times)


def test_a_repeat_shows_both_receipts_and_the_departure_between_them() -> None:
    room = a_room(3, 0, QUIET_CHAT)
    sequence = room.publish(0)
    room.leave(0)
    room.receive(1, 0, sequence)
    (finding,) = duplicated(room.history(), QUIET_CHAT)
    label = f"message {sequence} of member 0"
    assert [event for event in events_of(finding) if event[1] in ("member 0", "member 1")] == [
        (EventKind.SENT, "member 0", label),
        (EventKind.RECEIVED, "member 0", label),
        (EventKind.RECEIVED, "member 1", label),
        (EventKind.LEFT, "member 0", ""),
        (EventKind.RECEIVED, "member 1", label),
    ]


def test_a_wrong_order_shows_both_messages_as_sent_and_as_received() -> None:
    room = a_room(2, 0, QUIET_CHAT)
    room.present.remove(1)
    first, second = room.publish(0), room.publish(0)
    room.receive(1, 0, second)
    room.receive(1, 0, first)
    (finding,) = reordered(room.history(), QUIET_CHAT)
    of_one = [event for event in events_of(finding) if event[1] == "member 1" or event[0] is EventKind.SENT]
    assert of_one == [
        (EventKind.SENT, "member 0", f"message {first} of member 0"),
        (EventKind.SENT, "member 0", f"message {second} of member 0"),
        (EventKind.RECEIVED, "member 1", f"message {second} of member 0"),
        (EventKind.RECEIVED, "member 1", f"message {first} of member 0"),
    ]


def test_a_finding_of_a_history_without_times_has_no_events_before_its_first() -> None:
    room = a_room(3, 0, QUIET_CHAT)
    room.present.remove(2)
    room.publish(0)
    (finding,) = lost(replace(room.history(), drained_ns=0), QUIET_CHAT)
    assert finding.events[-1].kind is EventKind.MISSING
    assert finding.events[0].at_ms >= 0
