"""Tests that each check finds its planted fault and reports nothing about a clean history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.checks.histories import (
    CHAT,
    ECHO,
    FEED,
    MS,
    QUIET_CHAT,
    FeedRoom,
    a_room,
    a_room_with_a_late_joiner,
    two_rooms,
    with_duplicated_receipt,
    with_receipts_swapped,
    with_value,
    without_receipt,
)
from tests.checks.test_same_name import two_connections, with_join_notices
from wsproof import Audience, Contract, Finding, Level, Order, Resume, Verdict
from wsproof.checks import CHECKS, run_checks
from wsproof.checks.feed import wrong_period
from wsproof.model.finding import Anomaly, verdict_of
from wsproof.model.history import (
    Damage,
    Departure,
    History,
    Kind,
    Member,
    Outcome,
    Part,
    PresenceNotice,
    ProtocolNote,
    Receipts,
    Recorder,
    Tick,
    UnexpectedMessage,
)
from wsproof.wire.audit import RULES, breach


def row_of(history: History, subscriber: int, publisher: int, sequence: int, kind: Kind = Kind.DELIVERY) -> int:
    got = history.receipts
    return next(
        row
        for row in range(len(got))
        if (got.subscriber[row], got.publisher[row], got.sequence[row], got.kind[row])
        == (subscriber, publisher, sequence, kind)
    )


def a_lost_message() -> tuple[History, Contract]:
    history = a_room().history()
    return without_receipt(history, row_of(history, 2, 0, 1)), CHAT


def a_gap_between_history_and_live_messages() -> tuple[History, Contract]:
    return a_room_with_a_late_joiner(0, 6).history(), QUIET_CHAT


def a_leave_of_a_user_with_another_connection() -> tuple[History, Contract]:
    return with_join_notices(two_connections(), 1).history(), QUIET_CHAT


def a_room_split_between_two_processes() -> tuple[History, Contract]:
    """Return a room on two processes: members 0 and 2 receive each other's messages, and so do 1 and 3."""
    room = two_rooms()
    for number in range(4):
        room.change(number, room=0)
    return room.history(), CHAT


def an_intruder_that_receives_messages() -> tuple[History, Contract]:
    room = a_room(2, 2)
    room.change(room.join(), intrusion="without its credentials", misbehaviour="a handshake without its credentials")
    room.publish(0)
    return room.history(), CHAT


def a_member_that_is_behind() -> tuple[History, Contract]:
    """Return a member that still receives in order when the drain ends, and lacks the last three messages."""
    return _a_slow_member(received_ms=(10, 20, 30, 40), drained_ms=45), CHAT


def _a_slow_member(received_ms: tuple[int, ...], drained_ms: int, lost: tuple[int, ...] = ()) -> History:
    """Let member 0 publish seven messages. Member 2 receives them at these times after the last one was sent."""
    room = a_room(messages=0)
    room.present.remove(2)
    published = [room.publish(0) for _ in range(7)]
    end_ns = room.now
    late = [sequence for sequence in published if sequence not in lost]
    for sequence, after_ms in zip(late, received_ms, strict=False):
        room.recorder.received(2, 0, sequence, 0, end_ns + after_ms * MS)
    room.recorder.end_ns, room.recorder.drained_ns = end_ns, end_ns + drained_ms * MS
    return room.recorder.freeze()


def a_reply_in_the_form_of_another_channel() -> tuple[History, Contract]:
    room = a_room()
    history = room.history()
    row = row_of(history, 1, 1, 1, Kind.REPLY)
    foreign_reply = UnexpectedMessage(1, room.tick(), "You wrote: hello~w1", publisher=1, sequence=1)
    return replace(without_receipt(history, row), unexpected=(foreign_reply,)), CHAT


def a_lost_reply() -> tuple[History, Contract]:
    history = a_room().history()
    return without_receipt(history, row_of(history, 1, 1, 1, Kind.REPLY)), CHAT


def a_lost_echo() -> tuple[History, Contract]:
    history = a_room(contract=ECHO).history()
    return without_receipt(history, row_of(history, 0, 0, 1)), ECHO


def a_member_that_receives_nothing() -> tuple[History, Contract]:
    room = a_room()
    deaf = room.join()
    room.change(deaf, in_ns=0)
    room.publish(0)
    history = room.history()
    while deaf in history.receipts.subscriber:
        history = without_receipt(history, history.receipts.subscriber.tolist().index(deaf))
    members = tuple(replace(m, in_ns=0) if m.number == deaf else m for m in history.members)
    return replace(history, members=members), CHAT


def a_member_that_could_not_join() -> tuple[History, Contract]:
    room = a_room()
    number = room.join()
    fault = "did not answer `subscribe` within 5 s"
    room.change(number, in_ns=0, left_ns=room.tick(), departure=Departure.FIN, join_fault=fault)
    history = room.history()
    return replace(history, members=tuple(history.members)), CHAT


def an_intruder_that_could_not_join() -> tuple[History, Contract]:
    room = a_room()
    intruder = Member(
        len(room.recorder.members),
        "intruder",
        connected_ns=room.tick(),
        left_ns=room.tick(),
        departure=Departure.FIN,
        misbehaviour="a handshake without its credentials",
        join_fault="ended the connection before it answered `a seat`, with close code 1008",
        intrusion="without its credentials",
    )
    room.recorder.members.append(intruder)
    return room.history(), CHAT


def a_disconnected_member() -> tuple[History, Contract]:
    room = a_room()
    room.leave(2, Departure.DROPPED)
    return room.history(), CHAT


def a_duplicated_message() -> tuple[History, Contract]:
    history = a_room().history()
    return with_duplicated_receipt(history, row_of(history, 2, 1, 1)), CHAT


def a_message_that_nobody_published() -> tuple[History, Contract]:
    room = a_room()
    room.receive(1, 2, 77)
    return room.history(), CHAT


def a_message_whose_publication_failed() -> tuple[History, Contract]:
    room = a_room()
    room.publish(1, Outcome.FAILED)
    return room.history(), CHAT


def an_unexpected_message() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.unexpected.append(UnexpectedMessage(1, room.tick(), "Internal Server Error"))
    return room.history(), CHAT


def an_echo_to_another_member() -> tuple[History, Contract]:
    history = a_room(contract=ECHO).history()
    return with_value(history, row_of(history, 1, 1, 1), "subscriber", 2), ECHO


def a_reply_to_another_member() -> tuple[History, Contract]:
    room = a_room()
    room.receive(2, 1, 1, Kind.REPLY)
    return room.history(), CHAT


def a_message_returned_to_its_publisher() -> tuple[History, Contract]:
    contract = replace(CHAT, audience=Audience.OTHERS, replies=False)
    room = a_room(contract=contract)
    room.receive(1, 1, 1)
    return room.history(), contract


def a_damaged_message() -> tuple[History, Contract]:
    history = a_room().history()
    return with_value(history, row_of(history, 2, 1, 1), "intact", 0), CHAT


def a_message_whose_envelope_is_damaged() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.unexpected.append(UnexpectedMessage(1, room.tick(), "hel~w1lo"))
    return room.history(), CHAT


def two_messages_swapped() -> tuple[History, Contract]:
    history = a_room(2, 6).history()
    return with_receipts_swapped(history, row_of(history, 1, 0, 1), row_of(history, 1, 0, 2)), CHAT


def two_publishers_received_in_different_orders() -> tuple[History, Contract]:
    history = a_room(3, 4).history()
    return with_receipts_swapped(history, row_of(history, 2, 0, 1), row_of(history, 2, 1, 1)), CHAT


def a_missing_leave_notice() -> tuple[History, Contract]:
    room = a_room()
    room.leave(2, Departure.RESET)
    room.recorder.notices.pop()
    return room.history(), CHAT


def a_duplicated_leave_notice() -> tuple[History, Contract]:
    room = a_room()
    room.leave(2)
    room.recorder.notices.append(replace(room.recorder.notices[-1], received_ns=room.tick()))
    return room.history(), CHAT


def a_leave_notice_for_a_present_member() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.notices.append(PresenceNotice(0, "2", True, room.tick()))
    return room.history(), CHAT


def a_leave_notice_before_the_departure() -> tuple[History, Contract]:
    room = a_room()
    before_ns = room.tick()
    room.leave(2)
    room.recorder.notices[:] = [replace(notice, received_ns=before_ns) for notice in room.recorder.notices]
    return room.history(), CHAT


def a_message_of_a_member_that_has_left() -> tuple[History, Contract]:
    room = a_room()
    sequence = room.publish(2)
    history = room.history()
    late = row_of(history, 0, 2, sequence)
    room.leave(2)
    history = room.history()
    return with_value(history, late, "received_ns", room.tick()), CHAT


def a_room_stalled_by_a_member_that_does_not_read() -> tuple[History, Contract]:
    room = a_room()
    room.stall(2)
    room.present.remove(1)
    room.publish(0)
    room.publish(0)
    return room.history(), CHAT


def a_room_broken_by_a_binary_frame() -> tuple[History, Contract]:
    room = a_room()
    room.change(2, misbehaviour="a binary frame")
    room.leave(2, Departure.DROPPED)
    room.leave(1, Departure.DROPPED)
    return room.history(), CHAT


def a_message_delivered_to_another_room() -> tuple[History, Contract]:
    room = two_rooms()
    room.receive(1, 0, room.publish(0))
    return room.history(), CHAT


def a_message_lost_in_one_of_two_rooms() -> tuple[History, Contract]:
    room = two_rooms()
    last = room.publish(0)
    history = room.history()
    return without_receipt(history, row_of(history, 2, 0, last)), CHAT


def a_leave_notice_in_another_room() -> tuple[History, Contract]:
    room = two_rooms()
    room.leave(0)
    room.recorder.notices.append(PresenceNotice(1, "1", True, room.tick()))
    return room.history(), CHAT


def a_feed_without_a_field() -> tuple[History, Contract]:
    return _feed_with({"cpu": 3})


def a_feed_with_nan() -> tuple[History, Contract]:
    return _feed_with({"load": float("nan")})


def a_feed_with_a_value_beyond_its_range() -> tuple[History, Contract]:
    return _feed_with({"load": 10**400})


def a_feed_with_a_boolean() -> tuple[History, Contract]:
    return _feed_with({"load": True})


def a_feed_without_an_object() -> tuple[History, Contract]:
    return _feed_with(None)


def _feed_with(value: dict[str, object] | None) -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.ticks(3)
    feed.receive(0, feed.now + MS, value)
    return feed.history(), FEED


def a_slow_feed() -> tuple[History, Contract]:
    feed = FeedRoom(period_ms=1_800)
    feed.join()
    feed.ticks(8)
    return feed.history(), FEED


def a_fast_feed() -> tuple[History, Contract]:
    feed = FeedRoom(period_ms=500)
    feed.join()
    feed.ticks(8)
    return feed.history(), FEED


def a_feed_doubled_by_its_second_viewer() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.ticks(6)
    feed.join()
    for _ in range(5):
        feed.period_ms = 50
        feed.ticks(1)
        feed.period_ms = 950
        feed.ticks(1)
    return feed.history(), FEED


def a_feed_per_viewer() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.join()
    for at in range(6):
        feed.now += 1_000 * MS
        feed.receive(0, feed.now, {"load": at})
        feed.receive(1, feed.now, {"load": 50 + at})
    return feed.history(), FEED


def a_viewer_that_misses_an_object(step_ms: int = 1_000) -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.join()
    for at in range(12):
        feed.now += (step_ms if at in (6, 7) else 1_000) * MS
        for viewer in feed.present:
            if (viewer, at) != (1, 6):
                feed.receive(viewer, feed.now + viewer, {"load": at})
    return feed.history(), FEED


def test_a_field_that_the_contract_does_not_name_may_differ_between_viewers() -> None:
    feed = FeedRoom()
    feed.join()
    feed.join()
    for at in range(6):
        feed.now += 1_000 * MS
        for viewer in feed.present:
            feed.receive(viewer, feed.now + viewer, {"load": at, "sent": at + viewer / 10})
    assert run_checks(feed.history(), FEED) == []


def test_an_outdated_object_that_a_late_server_skips_for_one_viewer_is_no_loss() -> None:
    assert run_checks(*a_viewer_that_misses_an_object(step_ms=10)) == []


def test_overdue_objects_that_a_server_sends_at_once_to_a_newcomer_are_no_second_producer() -> None:
    feed = FeedRoom(period_ms=250)
    feed.join()
    feed.join()
    for step_ms in (0, 1, 3, 5, 106, 250, 250):
        feed.now += step_ms * MS
        for viewer in feed.present:
            feed.receive(viewer, feed.now + viewer, {"load": step_ms})
    contract = replace(FEED, feed=replace(FEED.feed, period_s=0.25)) if FEED.feed is not None else FEED
    assert "leaked-producer" not in {finding.check for finding in run_checks(feed.history(), contract)}


def test_viewers_of_different_rooms_or_of_a_feed_that_is_not_shared_may_receive_different_objects() -> None:
    history, contract = a_feed_per_viewer()
    assert FEED.feed is not None
    own = replace(contract, feed=replace(FEED.feed, shared=False))
    first, second = history.members
    rooms = replace(history, members=(first, replace(second, room=1)))
    assert run_checks(history, own) == run_checks(rooms, contract) == []


def a_feed_per_viewer_on_a_busy_machine() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.join()
    for at in range(12):
        feed.now += 1_000 * MS
        feed.receive(0, feed.now + (700 * MS if at % 4 == 1 else 0), {"load": at})
        feed.receive(1, feed.now, {"load": 50 + at})
    return feed.history(), FEED


def a_feed_per_viewer_after_a_snapshot_for_all() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join_with_snapshot()
    feed.join_with_snapshot()
    for at in range(6):
        feed.now += 1_000 * MS
        feed.receive(0, feed.now, {"load": at})
        feed.receive(1, feed.now, {"load": 50 + at})
    return feed.history(), FEED


def a_feed_doubled_after_a_snapshot() -> tuple[History, Contract]:
    feed = FeedRoom(period_ms=500)
    feed.join_with_snapshot()
    feed.ticks(5)
    return feed.history(), FEED


def a_feed_that_is_only_a_snapshot() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join_with_snapshot()
    feed.ticks(2)
    feed.join_with_snapshot(after_ms=300)
    feed.present.remove(1)
    feed.ticks(6)
    return feed.history(), FEED


def a_feed_that_stops() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.ticks(4)
    return feed.history(silence_ms=6_000), FEED


def a_feed_that_never_reaches_a_late_viewer() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.ticks(2)
    feed.join()
    feed.present.remove(1)
    feed.ticks(6)
    return feed.history(), FEED


def a_feed_stopped_by_a_binary_frame() -> tuple[History, Contract]:
    feed = FeedRoom()
    feed.join()
    feed.join()
    feed.ticks(4)
    feed.recorder.members[1] = replace(feed.recorder.members[1], misbehaviour="a binary frame")
    return feed.history(silence_ms=6_000), FEED


def a_message_missed_during_an_absence() -> tuple[History, Contract]:
    room = a_room()
    name = room.recorder.members[1].name
    room.leave(1)
    room.publish(0)
    returned = room.join(name)
    room.change(returned, resumes=1)
    room.publish(0)
    return room.history(), replace(CHAT, resume=Resume.SINCE_LAST)


def a_reconnection(resume: Resume) -> tuple[History, Contract]:
    """Let member 1 reconnect and receive its last message a second time."""
    room = a_room()
    room.publish(0)
    name = room.recorder.members[1].name
    room.leave(1)
    returned = room.join(name)
    room.change(returned, resumes=1)
    room.receive(returned, 0, room.sequences[0] - 1)
    room.publish(0)
    return room.history(), replace(CHAT, resume=resume, agreed_order=False)


def a_reconnection_while_the_old_connection_is_still_served() -> tuple[History, Contract]:
    """Let member 1 reconnect before the server has noticed the end of its old connection, and serve both."""
    room = a_room()
    name = room.recorder.members[1].name
    room.leave(1)
    returned = room.join(name)
    room.change(returned, resumes=1)
    room.receive(1, 0, room.publish(0))
    return room.history(), replace(CHAT, resume=Resume.SINCE_LAST)


def a_message_repeated_after_a_reconnection() -> tuple[History, Contract]:
    return a_reconnection(Resume.SINCE_LAST)


def a_request_that_was_refused() -> tuple[History, Contract]:
    room = a_room()
    sequence = room.sequences[0]
    room.recorder.published(0, sequence, room.now, room.tick(), outcome=Outcome.REFUSED)
    room.recorder.refused(0, sequence, 429, "HTTP 429 Too Many Requests")
    return room.history(), CHAT


def a_protocol_violation() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.protocol.append(ProtocolNote(1, "masked", "5.1", "MUST", "It masked a frame.", "81 85 …"))
    return room.history(), CHAT


PLANTED: list[tuple[Callable[[], tuple[History, Contract]], str, Anomaly]] = [
    (a_lost_message, "lost", Anomaly.LOST),
    (a_member_that_is_behind, "behind", Anomaly.BEHIND),
    (a_reply_in_the_form_of_another_channel, "corrupt", Anomaly.CORRUPT),
    (a_lost_reply, "lost", Anomaly.LOST),
    (a_lost_echo, "lost", Anomaly.LOST),
    (a_member_that_receives_nothing, "nothing-received", Anomaly.NOTHING_RECEIVED),
    (a_disconnected_member, "disconnected", Anomaly.LOST),
    (a_duplicated_message, "duplicated", Anomaly.DUPLICATED),
    (a_gap_between_history_and_live_messages, "gap", Anomaly.LOST),
    (a_leave_of_a_user_with_another_connection, "early-user-leave", Anomaly.PHANTOM),
    (a_room_split_between_two_processes, "split-audience", Anomaly.LOST),
    (an_intruder_that_receives_messages, "unauthorized-access", Anomaly.MISROUTED),
    (a_message_that_nobody_published, "phantom", Anomaly.PHANTOM),
    (a_message_whose_publication_failed, "phantom", Anomaly.PHANTOM),
    (an_unexpected_message, "phantom", Anomaly.PHANTOM),
    (an_echo_to_another_member, "misrouted", Anomaly.MISROUTED),
    (a_reply_to_another_member, "misrouted", Anomaly.MISROUTED),
    (a_message_returned_to_its_publisher, "misrouted", Anomaly.MISROUTED),
    (a_message_delivered_to_another_room, "misrouted", Anomaly.MISROUTED),
    (a_message_lost_in_one_of_two_rooms, "lost", Anomaly.LOST),
    (a_leave_notice_in_another_room, "misrouted-leave", Anomaly.MISROUTED),
    (a_damaged_message, "corrupt", Anomaly.CORRUPT),
    (a_message_whose_envelope_is_damaged, "corrupt", Anomaly.CORRUPT),
    (two_messages_swapped, "reordered", Anomaly.REORDERED),
    (two_publishers_received_in_different_orders, "total-order", Anomaly.REORDERED),
    (a_missing_leave_notice, "missing-leave", Anomaly.MISSING_LEAVE),
    (a_duplicated_leave_notice, "duplicate-leave", Anomaly.DUPLICATE_LEAVE),
    (a_leave_notice_for_a_present_member, "false-leave", Anomaly.PHANTOM),
    (a_leave_notice_before_the_departure, "false-leave", Anomaly.PHANTOM),
    (a_message_of_a_member_that_has_left, "message-after-leave", Anomaly.MESSAGE_AFTER_LEAVE),
    (a_room_stalled_by_a_member_that_does_not_read, "stalled-by-other-member", Anomaly.STALLED_BY_OTHER_MEMBER),
    (a_room_broken_by_a_binary_frame, "stalled-by-other-member", Anomaly.STALLED_BY_OTHER_MEMBER),
    (a_feed_without_a_field, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_with_nan, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_with_a_value_beyond_its_range, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_with_a_boolean, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_without_an_object, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_slow_feed, "wrong-period", Anomaly.WRONG_PERIOD),
    (a_fast_feed, "wrong-period", Anomaly.WRONG_PERIOD),
    (a_feed_doubled_by_its_second_viewer, "leaked-producer", Anomaly.LEAKED_PRODUCER),
    (a_feed_per_viewer, "own-producer", Anomaly.LEAKED_PRODUCER),
    (a_feed_per_viewer_on_a_busy_machine, "own-producer", Anomaly.LEAKED_PRODUCER),
    (a_feed_per_viewer_after_a_snapshot_for_all, "own-producer", Anomaly.LEAKED_PRODUCER),
    (a_viewer_that_misses_an_object, "missing-object", Anomaly.LOST),
    (a_feed_doubled_after_a_snapshot, "wrong-period", Anomaly.WRONG_PERIOD),
    (a_feed_that_is_only_a_snapshot, "feed-stopped", Anomaly.LOST),
    (a_feed_that_stops, "feed-stopped", Anomaly.LOST),
    (a_feed_that_never_reaches_a_late_viewer, "feed-stopped", Anomaly.NOTHING_RECEIVED),
    (a_feed_stopped_by_a_binary_frame, "feed-stopped", Anomaly.STALLED_BY_OTHER_MEMBER),
    (a_member_that_could_not_join, "join-failed", Anomaly.UNKNOWN),
    (a_message_missed_during_an_absence, "missed-while-away", Anomaly.LOST),
    (a_request_that_was_refused, "publish-refused", Anomaly.REFUSED),
    (a_message_repeated_after_a_reconnection, "repeated-after-return", Anomaly.DUPLICATED),
    (a_protocol_violation, "server-masked", Anomaly.PROTOCOL),
]


@pytest.mark.parametrize(("planted", "check", "anomaly"), PLANTED, ids=[p[0].__name__ for p in PLANTED])
def test_a_planted_fault_is_reported_once_by_its_check(
    planted: Callable[[], tuple[History, Contract]], check: str, anomaly: Anomaly
) -> None:
    findings = run_checks(*planted())
    assert [(finding.check, finding.anomaly) for finding in findings] == [(check, anomaly)], findings
    assert findings[0].explanation.endswith((".", ". Seen 1 time(s) on the channel chat."))
    assert findings[0].witness


def test_every_check_has_a_planted_fault_and_states_its_promise() -> None:
    protocol = {"server-masked": "protocol"}
    assert {protocol.get(check, check) for _, check, _ in PLANTED} == {check.name for check in CHECKS}
    assert all(check.promise.endswith(".") for check in CHECKS)


def correct_histories() -> list[tuple[str, History, Contract]]:
    room = a_room(4, 9)
    room.leave(1)
    room.publish(0)
    room.leave(2, Departure.RESET)
    room.join(name="2")
    room.publish(3)
    caught_up = FeedRoom()
    caught_up.join()
    for period_ms, count in ((1_000, 3), (9_000, 1), (100, 9), (1_000, 2)):
        caught_up.period_ms = period_ms
        caught_up.ticks(count)
    busy = FeedRoom()
    busy.join()
    busy.ticks(6, wobble_ms=(0, 0, 300, 0))
    busy.join()
    busy.ticks(6, wobble_ms=(0, 30, 0))
    with_snapshot = FeedRoom()
    with_snapshot.join_with_snapshot()
    with_snapshot.ticks(6)
    with_snapshot.join_with_snapshot(after_ms=999)  # The viewer joins shortly before the next tick.
    with_snapshot.join_with_snapshot({"load": 77}, after_ms=400)  # No other viewer gets this object.
    with_snapshot.ticks(4)
    # The second viewer reads its first four objects at once, when it receives the fourth.
    delayed = FeedRoom()
    delayed.join()
    delayed.join()
    for at in range(10):
        delayed.now += 1_000 * MS
        delayed.receive(0, delayed.now, {"load": at})
        if at >= 3:
            for missed in range(at + 1) if at == 3 else (at,):
                delayed.receive(1, delayed.now + MS + missed, {"load": missed})
    stalled = a_room(4, 4)
    stalled.stall(2)
    stalled.publish(0)
    disconnected = a_room(4, 4)
    disconnected.stall(2)
    disconnected.recorder.notices.append(PresenceNotice(0, "3", True, disconnected.tick()))
    disconnected.publish(0)
    short_lived = (
        a_room()
    )  # the server tells of the join when the member has closed already, and its message comes after that
    sequence = short_lived.publish(2)
    name, late = short_lived.recorder.members[2].name, row_of(short_lived.history(), 0, 2, sequence)
    short_lived.change(2, left_ns=short_lived.tick(), departure=Departure.CLOSED)
    short_lived.present.remove(2)
    short_lived.recorder.notices.append(PresenceNotice(0, name, False, short_lived.tick()))
    received_ns = short_lived.tick()
    short_lived.recorder.notices += [
        PresenceNotice(recipient, name, True, short_lived.tick()) for recipient in short_lived.present
    ]
    short_lived_history = with_value(short_lived.history(), late, "received_ns", received_ns)
    misbehaving = a_room()
    misbehaving.change(1, misbehaviour="a binary frame")
    misbehaving.leave(1, Departure.DROPPED)
    misbehaving.publish(0)
    misbehaving.recorder.unexpected.append(
        UnexpectedMessage(1, misbehaving.tick(), "no promise covers messages to a misbehaving member")
    )
    others = replace(CHAT, audience=Audience.OTHERS)
    uncertain = a_room()
    uncertain.present.clear()
    uncertain.publish(0, Outcome.INFO)
    separate_rooms = two_rooms()
    separate_rooms.leave(0)
    separate_rooms.publish(1)
    return [
        ("two rooms", separate_rooms.history(), CHAT),
        ("a room whose members join and leave", room.history(), CHAT),
        ("an echo", a_room(contract=ECHO).history(), ECHO),
        ("a channel whose publisher receives nothing", a_room(contract=others).history(), others),
        ("a feed on a busy machine", busy.history(), FEED),
        ("a feed that was delayed and caught up", caught_up.history(), FEED),
        ("a feed whose second viewer is delayed at first", delayed.history(), FEED),
        ("a feed with a snapshot for new viewers", with_snapshot.history(), FEED),
        ("a member that does not read and affects no other", stalled.history(), CHAT),
        ("a member that does not read and is disconnected", disconnected.history(), CHAT),
        ("a member that leaves before its join is announced", short_lived_history, CHAT),
        ("a misbehaving member that affects no other", misbehaving.history(), CHAT),
        ("a message with an unknown outcome", uncertain.history(), CHAT),
        ("a reconnection with the whole history", *a_reconnection(Resume.HISTORY)),
        ("a reconnection beside the old connection", *a_reconnection_while_the_old_connection_is_still_served()),
        ("an intruder that could not join", *an_intruder_that_could_not_join()),
    ]


@pytest.mark.parametrize(
    ("history", "contract"), [c[1:] for c in correct_histories()], ids=[c[0] for c in correct_histories()]
)
def test_a_correct_history_has_no_findings(history: History, contract: Contract) -> None:
    assert run_checks(history, contract) == []


def explanation_of(history: History, contract: Contract = CHAT) -> str:
    (finding,) = run_checks(history, contract)
    return finding.explanation


def test_a_member_that_is_behind_is_unknown_with_the_number_of_messages() -> None:
    (finding,) = run_checks(*a_member_that_is_behind())
    assert "member 2 (called '3'), for example, by 3 message(s), replies included" in finding.explanation
    assert finding.verdict() is Verdict.UNKNOWN
    assert finding.verdict(strict=True) is Verdict.UNKNOWN


def test_missing_messages_of_a_member_silent_long_before_the_drain_end_are_lost() -> None:
    (finding,) = run_checks(_a_slow_member(received_ms=(10, 20, 30, 40), drained_ms=4_000), CHAT)
    assert (finding.check, finding.occurrences) == ("lost", 3)


def test_a_receipt_after_the_drain_shows_that_a_member_is_behind() -> None:
    (finding,) = run_checks(_a_slow_member(received_ms=(1, 2, 3, 4_100), drained_ms=4_000), CHAT)
    assert (finding.check, finding.occurrences) == ("behind", 3)


def test_disconnected_groups_of_members_are_named() -> None:
    assert "The members form 2 groups that receive only their own messages: 0, 2 | 1, 3." in explanation_of(
        *a_room_split_between_two_processes()
    )


def test_a_loss_inside_a_group_is_not_reported_as_disconnected_groups() -> None:
    history, _ = a_room_split_between_two_processes()
    last = int(history.publications.sequence[history.publications.publisher == 0].max())
    lossy = without_receipt(history, row_of(history, 2, 0, last))
    assert "groups" not in explanation_of(lossy)
    assert "groups" not in explanation_of(a_lost_message()[0])


def test_a_gap_is_a_loss_even_if_its_member_is_behind() -> None:
    findings = run_checks(_a_slow_member(received_ms=(10, 20, 30, 40), drained_ms=45, lost=(2,)), CHAT)
    assert {finding.check: finding.occurrences for finding in findings} == {"lost": 1, "behind": 2}


def test_a_message_in_an_unknown_format_is_shown_and_not_lost() -> None:
    assert explanation_of(*a_reply_in_the_form_of_another_channel()) == (
        "member 1 (called '2') received message 1 of member 1 (called '2') as 'You wrote: hello~w1', which is in no "
        "format of the channel chat."
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            Damage(1, 1, Part.SPEAKER, "2", "7"),
            " under a wrong name: the server named '7' as its publisher, which is '2'.",
        ),
        (
            Damage(1, 1, Part.TEXT, "hello~w1", "hallo~w1"),
            " with a changed text: it was sent as 'hello~w1' and arrived as 'hallo~w1'.",
        ),
        (
            Damage(1, 1, Part.TEXT, "o, you~w1", "0, you~w1", 70),
            " with a changed text: from character 70 on it was sent as 'o, you~w1' and arrived as '0, you~w1'.",
        ),
        (
            Damage(1, 1, Part.TEXT, "", "hallo~w1"),
            " with a changed text: its checksum does not match what arrived, 'hallo~w1'.",
        ),
    ],
)
def test_damage_is_reported_with_both_values(damage: Damage, words: str) -> None:
    history, _ = a_damaged_message()
    explanation = explanation_of(replace(history, damage=(damage,)))
    assert explanation == f"member 2 (called '3') received message 1 of member 1 (called '2'){words}"


@pytest.mark.parametrize(
    ("got", "contract", "level"),
    [
        ("hello~w10000000d0000~", CHAT, Level.NON_STRICT),
        ("hello~w10000000d0000~", replace(CHAT, audience=Audience.PUBLISHER), Level.VIOLATION),
        (" hallo~w10000000d0000~", CHAT, Level.VIOLATION),
    ],
    ids=["a chat strips white space", "an echo strips white space", "a letter"],
)
def test_a_change_that_readers_do_not_see_is_non_strict_except_in_an_echo(
    got: str, contract: Contract, level: Level
) -> None:
    history, _ = a_damaged_message()
    damage = Damage(1, 1, Part.TEXT, " hello~w10000000d0000~", got)
    findings = run_checks(replace(history, damage=(damage,)), contract)
    assert [finding.level for finding in findings if finding.anomaly is Anomaly.CORRUPT] == [level]


def test_a_history_of_ignored_messages_is_unknown_and_says_so() -> None:
    history = replace(a_room().history(), receipts=_nothing(), ignored=40, ignored_text='{"type": "value"}')
    explanation = explanation_of(history)
    assert "Nothing but 40 message(s) was received that the workload reads as IGNORED" in explanation
    assert """for example '{"type": "value"}'""" in explanation


def test_a_missing_total_order_is_non_strict_unless_it_is_promised() -> None:
    history, _ = two_publishers_received_in_different_orders()
    assert [f.level for f in run_checks(history, CHAT)] == [Level.NON_STRICT]
    assert [f.level for f in run_checks(history, replace(CHAT, order=Order.TOTAL))] == [Level.VIOLATION]
    assert run_checks(history, replace(CHAT, agreed_order=False)) == []


def test_a_close_with_an_acceptable_code_is_non_strict() -> None:
    room = a_room()
    room.change(2, close_code=1013)
    room.leave(2, Departure.DROPPED)
    assert [(f.check, f.level) for f in run_checks(room.history(), CHAT)] == [("disconnected", Level.NON_STRICT)]


def test_a_history_without_receipts_is_unknown() -> None:
    history = replace(a_room().history(), receipts=_nothing())
    findings = run_checks(history, CHAT)
    assert [f.anomaly for f in findings] == [Anomaly.UNKNOWN]
    assert verdict_of(findings) is Verdict.UNKNOWN


def _nothing() -> Receipts:
    return Recorder().freeze().receipts


def test_a_check_that_crashes_is_unknown() -> None:
    history = a_room().history()
    broken = replace(history, notices=(3,))  # type: ignore[arg-type]
    findings: list[Finding] = run_checks(broken, CHAT)
    assert findings
    assert {f.anomaly for f in findings} == {Anomaly.UNKNOWN}
    assert all("crashed" in f.explanation for f in findings)


@pytest.mark.parametrize(("rule", "level"), [("masked", Level.VIOLATION), ("control-after-close", Level.NON_STRICT)])
def test_the_level_of_a_breach_follows_the_keyword_of_the_rfc(rule: str, level: Level) -> None:
    room = a_room()
    example_breach = breach(rule, "81 85 ...")
    room.recorder.protocol.append(
        ProtocolNote(
            1,
            example_breach.rule,
            example_breach.section,
            example_breach.level,
            example_breach.sentence,
            example_breach.evidence,
        )
    )
    (finding,) = run_checks(room.history(), CHAT)
    assert (finding.check, finding.anomaly, finding.level) == (f"server-{rule}", Anomaly.PROTOCOL, level)


def test_every_rule_of_the_auditor_has_a_level() -> None:
    room = a_room()
    for rule in RULES:
        example_breach = breach(rule, "seen")
        note = ProtocolNote(
            1,
            example_breach.rule,
            example_breach.section,
            example_breach.level,
            example_breach.sentence,
            example_breach.evidence,
        )
        room.recorder.protocol.append(note)
    assert {finding.check for finding in run_checks(room.history(), CHAT)} == {f"server-{rule}" for rule in RULES}


def test_a_feed_of_nan_values_is_out_of_range_and_has_no_second_producer() -> None:
    feed = FeedRoom()
    for _ in range(2):
        feed.join()
    for _ in range(6):
        feed.now += 1_000 * MS
        for member in feed.present:
            feed.recorder.ticks.append(Tick(member, feed.now + member, {"load": float("nan")}, '{"load": NaN}'))
    assert {f.check for f in run_checks(feed.history(), FEED)} == {"out-of-range"}


def test_a_deeply_nested_value_is_out_of_range() -> None:
    nested: list[object] = []
    for _ in range(20_000):
        nested = [nested]
    feed = FeedRoom()
    feed.join()
    feed.ticks(3)
    feed.recorder.ticks[0] = replace(feed.recorder.ticks[0], value={"load": nested}, text="[[[")
    assert {f.check for f in run_checks(feed.history(), FEED)} == {"out-of-range"}
    while nested:  # Freeing all levels at once would need too much stack.
        nested = nested.pop()  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("period_s", "steps_s", "is_reported"),
    [
        (2.0, (2.0, 6.1, 2.04, 6.0, 5.2), False),
        (2.0, (3.6, 3.6, 3.6, 3.6, 3.6), True),
        (2.0, (2.0, 2.0, 2.0, 2.1, 2.0), False),
        (0.1, (0.1, 0.35, 0.35, 0.1, 0.35), False),
        (0.25, (0.3, 0.88, 0.31, 0.6, 0.45), False),
        (0.25, (0.3, 0.88, 0.61, 0.31, 0.6, 0.45, 0.3, 0.5, 0.6, 0.7, 0.5, 0.45), False),
        (0.25, (0.3, 0.88, 0.61, 0.5, 0.6, 0.45, 0.51, 0.5, 0.6, 0.7, 0.5, 0.45), True),
    ],
)
def test_a_feed_of_a_server_that_stops_or_is_short_of_cpu_is_not_reported_as_slow(
    period_s: float, steps_s: tuple[float, ...], is_reported: bool
) -> None:
    times_s = [sum((0, *steps_s)[: number + 1]) for number in range(len(steps_s) + 1)]
    recorder = Recorder(start_ns=1)
    recorder.members = [Member(0, "viewer", connected_ns=1, in_ns=1)]
    recorder.ticks += [Tick(0, int(at * 1e9) + 2, {"value": 1.0}, f"{at}") for at in times_s]
    history = recorder.freeze()
    contract = replace(FEED, feed=replace(FEED.feed, period_s=period_s)) if FEED.feed is not None else FEED
    assert bool(wrong_period(history, contract)) is is_reported
