"""Tests that limits under load are information with their number, and that losses remain violations."""

from __future__ import annotations

import pytest

from tests.checks.histories import CHAT, MS, QUIET_CHAT, Room, a_room
from wsproof import Finding, Level
from wsproof.checks import run_checks
from wsproof.checks.volume import under_load
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, Kind, UnexpectedMessage


def findings_of(room: Room) -> list[Finding]:
    history = room.history()
    return under_load(history, room.contract, run_checks(history, room.contract))


def kinds(room: Room) -> list[tuple[str, Level]]:
    return [(finding.check, finding.level) for finding in findings_of(room)]


def discard(room: Room, publisher: int, count: int) -> None:
    """Let the publisher send messages that no member receives."""
    for _ in range(count):
        sequence = room.sequences[publisher]
        room.sequences[publisher] = sequence + 1
        sent = room.tick()
        room.recorder.published(publisher, sequence, sent, sent)


def test_a_run_without_a_loss_has_no_finding() -> None:
    assert kinds(a_room(3, 200)) == []


def test_one_missing_message_of_hundreds_at_one_member_is_lost() -> None:
    room = a_room(3, 200, QUIET_CHAT)
    sequence = room.sequences[0]
    room.sequences[0] = sequence + 1
    sent = room.tick()
    room.recorder.published(0, sequence, sent, sent)
    room.receive(0, 0, sequence)
    room.receive(1, 0, sequence)
    room.publish(0)
    assert kinds(room) == [("lost", Level.VIOLATION)]


@pytest.mark.parametrize(("count", "check"), [(1, "lost"), (4, "lost"), (60, "limit")])
def test_a_message_that_no_member_received_is_a_loss_if_rare_and_a_limit_if_frequent(count: int, check: str) -> None:
    room = a_room(3, 200)
    discard(room, 0, count)
    room.publish(0)
    findings = findings_of(room)
    assert {finding.check for finding in findings} == {check}
    assert findings[0].level is (Level.VIOLATION if check == "lost" else Level.INFORMATIONAL)


def test_a_limit_is_recognised_although_a_slow_member_lacks_the_last_messages() -> None:
    room = a_room(3, 200, QUIET_CHAT)
    discard(room, 0, 60)
    room.publish(0)
    room.recorder.end_ns = room.tick()
    for publisher in (1, 2):
        sequence = room.sequences[publisher]
        room.recorder.published(publisher, sequence, room.recorder.end_ns, room.recorder.end_ns)
        room.receive(0, publisher, sequence)
        room.receive(1, publisher, sequence)
    room.receive(2, 1, room.sequences[1])
    assert kinds(room) == [("limit", Level.INFORMATIONAL)]


def test_a_limit_does_not_hide_a_loss() -> None:
    room = a_room(3, 200, QUIET_CHAT)
    discard(room, 0, 60)
    sequence = room.sequences[0]
    sent = room.tick()
    room.recorder.published(0, sequence, sent, sent)
    room.sequences[0] = sequence + 1
    room.receive(1, 0, sequence)
    room.publish(0)
    assert kinds(room) == [("lost", Level.VIOLATION)]


def test_a_missing_reply_to_a_delivered_message_is_lost() -> None:
    room = a_room(3, 200)
    sequence = room.sequences[0]
    room.sequences[0] = sequence + 1
    sent = room.tick()
    room.recorder.published(0, sequence, sent, sent)
    for member in range(3):
        room.receive(member, 0, sequence, Kind.DELIVERY)
    room.publish(0)
    assert kinds(room) == [("lost", Level.VIOLATION)]


@pytest.mark.parametrize(
    ("code", "check", "level"),
    [
        (1013, "limit", Level.INFORMATIONAL),
        (1008, "limit", Level.INFORMATIONAL),
        (4029, "limit", Level.INFORMATIONAL),
        (None, "limit", Level.NON_STRICT),
        (1011, "disconnected", Level.VIOLATION),
    ],
)
def test_a_close_with_a_policy_code_is_a_limit_and_1011_a_failure(code: int | None, check: str, level: Level) -> None:
    room = a_room(3, 200)
    room.leave(2, Departure.DROPPED)
    room.change(2, close_code=code)
    assert kinds(room) == [(check, level)]


def test_a_reset_may_have_lost_the_close_frame_of_a_limit() -> None:
    room = a_room(3, 200)
    room.leave(2, Departure.DROPPED)
    room.change(2, was_reset=True)
    (finding,) = findings_of(room)
    assert (finding.check, finding.level) == ("limit", Level.INFORMATIONAL)
    assert "it reset TCP" in finding.explanation


def test_a_refused_member_is_a_limit_with_its_number() -> None:
    room = a_room(3, 20)
    room.join()
    room.change(3, departure=Departure.REFUSED, in_ns=0, connected_ns=0, left_ns=room.now)
    room.present.remove(3)
    limits = [finding for finding in findings_of(room) if finding.check == "limit"]
    assert "accepted 3 members at the same time and refused the next one" in limits[0].explanation


def test_an_error_message_is_information_and_an_unknown_envelope_is_phantom() -> None:
    room = a_room(3, 200)
    room.recorder.unexpected.append(UnexpectedMessage(0, room.tick(), '{"error": "slow down"}'))
    (finding,) = findings_of(room)
    assert (finding.check, finding.level) == ("limit", Level.INFORMATIONAL)
    room.receive(0, 1, 999)
    assert ("phantom", Level.VIOLATION) in kinds(room)


def test_a_slow_server_is_not_reported_separately() -> None:
    finding = Finding("behind", "chat", Anomaly.BEHIND, Level.INFORMATIONAL, "")
    assert under_load(a_room(3, 4).history(), CHAT, [finding]) == []


@pytest.mark.parametrize(
    ("reason", "seconds", "check"),
    [
        ("keepalive ping timeout", 40, "limit"),
        ("keepalive ping timeout", 1, "disconnected"),
        ("Internal error", 40, "disconnected"),
    ],
)
def test_an_unanswered_ping_of_a_slow_server_is_a_limit(reason: str, seconds: int, check: str) -> None:
    room = a_room(3, 20)
    room.now += seconds * 1_000 * MS
    room.leave(2, Departure.DROPPED)
    room.change(2, close_code=1011, close_reason=reason)
    assert [name for name, _ in kinds(room)] == [check]
