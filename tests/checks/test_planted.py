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
    Show,
    a_room,
    a_talk,
    two_rooms,
    with_receipt_again,
    with_receipts_swapped,
    with_value,
    without_receipt,
)
from tests.checks.test_same_name import came, two_connections
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
    return a_talk(0, 6).history(), QUIET_CHAT


def a_person_said_to_have_gone_with_one_of_two_connections() -> tuple[History, Contract]:
    return came(two_connections(), 1).history(), QUIET_CHAT


def a_room_that_two_processes_serve() -> tuple[History, Contract]:
    """Return a room on two processes: members 0 and 2 receive each other's messages, and so do 1 and 3."""
    room = two_rooms()
    for number in range(4):
        room.change(number, room=0)
    return room.history(), CHAT


def an_intruder_that_hears() -> tuple[History, Contract]:
    room = a_room(2, 2)
    room.change(room.join(), intrusion="without its credentials", misbehaviour="a handshake without its credentials")
    room.say(0)
    return room.history(), CHAT


def a_member_that_is_behind() -> tuple[History, Contract]:
    """Return a member that still receives in order when the drain ends, and lacks the last three messages."""
    return _a_slow_member(heard_ms=(10, 20, 30, 40), drained_ms=45), CHAT


def _a_slow_member(heard_ms: tuple[int, ...], drained_ms: int, lost: tuple[int, ...] = ()) -> History:
    """Let member 0 publish seven messages. Member 2 receives them at these times after the last one was sent."""
    room = a_room(messages=0)
    room.here.remove(2)
    said = [room.say(0) for _ in range(7)]
    end_ns = room.now
    late = [sequence for sequence in said if sequence not in lost]
    for sequence, after_ms in zip(late, heard_ms, strict=False):
        room.recorder.received(2, 0, sequence, 0, end_ns + after_ms * MS)
    room.recorder.end_ns, room.recorder.drained_ns = end_ns, end_ns + drained_ms * MS
    return room.recorder.freeze()


def a_reply_in_words_of_another_channel() -> tuple[History, Contract]:
    room = a_room()
    history = room.history()
    row = row_of(history, 1, 1, 1, Kind.REPLY)
    wrote = UnexpectedMessage(1, room.tick(), "You wrote: hello~w1", publisher=1, sequence=1)
    return replace(without_receipt(history, row), unexpected=(wrote,)), CHAT


def a_lost_reply() -> tuple[History, Contract]:
    history = a_room().history()
    return without_receipt(history, row_of(history, 1, 1, 1, Kind.REPLY)), CHAT


def a_lost_echo() -> tuple[History, Contract]:
    history = a_room(contract=ECHO).history()
    return without_receipt(history, row_of(history, 0, 0, 1)), ECHO


def a_deaf_member() -> tuple[History, Contract]:
    room = a_room()
    deaf = room.join()
    room.change(deaf, in_ns=0)
    room.say(0)
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


def a_member_cut_off() -> tuple[History, Contract]:
    room = a_room()
    room.leave(2, Departure.DROPPED)
    return room.history(), CHAT


def a_message_twice() -> tuple[History, Contract]:
    history = a_room().history()
    return with_receipt_again(history, row_of(history, 2, 1, 1)), CHAT


def a_message_of_nobody() -> tuple[History, Contract]:
    room = a_room()
    room.hear(1, 2, 77)
    return room.history(), CHAT


def a_message_that_was_not_sent() -> tuple[History, Contract]:
    room = a_room()
    room.say(1, Outcome.FAILED)
    return room.history(), CHAT


def an_unexpected_message() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.unexpected.append(UnexpectedMessage(1, room.tick(), "Internal Server Error"))
    return room.history(), CHAT


def somebody_elses_echo() -> tuple[History, Contract]:
    history = a_room(contract=ECHO).history()
    return with_value(history, row_of(history, 1, 1, 1), "subscriber", 2), ECHO


def somebody_elses_reply() -> tuple[History, Contract]:
    room = a_room()
    room.hear(2, 1, 1, Kind.REPLY)
    return room.history(), CHAT


def ones_own_message_where_only_others_get_it() -> tuple[History, Contract]:
    contract = replace(CHAT, audience=Audience.OTHERS, replies=False)
    room = a_room(contract=contract)
    room.hear(1, 1, 1)
    return room.history(), contract


def a_damaged_message() -> tuple[History, Contract]:
    history = a_room().history()
    return with_value(history, row_of(history, 2, 1, 1), "intact", 0), CHAT


def a_message_damaged_beyond_recognition() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.unexpected.append(UnexpectedMessage(1, room.tick(), "hel~w1lo"))
    return room.history(), CHAT


def two_messages_swapped() -> tuple[History, Contract]:
    history = a_room(2, 6).history()
    return with_receipts_swapped(history, row_of(history, 1, 0, 1), row_of(history, 1, 0, 2)), CHAT


def two_publishers_in_two_orders() -> tuple[History, Contract]:
    history = a_room(3, 4).history()
    return with_receipts_swapped(history, row_of(history, 2, 0, 1), row_of(history, 2, 1, 1)), CHAT


def a_leave_that_is_not_told() -> tuple[History, Contract]:
    room = a_room()
    room.leave(2, Departure.RESET)
    room.recorder.notices.pop()
    return room.history(), CHAT


def a_leave_told_twice() -> tuple[History, Contract]:
    room = a_room()
    room.leave(2)
    room.recorder.notices.append(replace(room.recorder.notices[-1], received_ns=room.tick()))
    return room.history(), CHAT


def a_leave_of_one_who_stays() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.notices.append(PresenceNotice(0, "2", True, room.tick()))
    return room.history(), CHAT


def a_leave_before_it_happened() -> tuple[History, Contract]:
    room = a_room()
    told = room.tick()
    room.leave(2)
    room.recorder.notices[:] = [replace(notice, received_ns=told) for notice in room.recorder.notices]
    return room.history(), CHAT


def a_message_of_one_who_is_gone() -> tuple[History, Contract]:
    room = a_room()
    sequence = room.say(2)
    history = room.history()
    late = row_of(history, 0, 2, sequence)
    room.leave(2)
    history = room.history()
    return with_value(history, late, "received_ns", room.tick()), CHAT


def a_room_that_a_sleeper_stalls() -> tuple[History, Contract]:
    room = a_room()
    room.stall(2)
    room.here.remove(1)
    room.say(0)
    room.say(0)
    return room.history(), CHAT


def a_room_that_a_binary_frame_bricks() -> tuple[History, Contract]:
    room = a_room()
    room.change(2, misbehaviour="a binary frame")
    room.leave(2, Departure.DROPPED)
    room.leave(1, Departure.DROPPED)
    return room.history(), CHAT


def a_message_in_the_other_room() -> tuple[History, Contract]:
    room = two_rooms()
    room.hear(1, 0, room.say(0))
    return room.history(), CHAT


def a_message_lost_in_ones_own_room() -> tuple[History, Contract]:
    room = two_rooms()
    last = room.say(0)
    history = room.history()
    return without_receipt(history, row_of(history, 2, 0, last)), CHAT


def a_leave_told_in_the_other_room() -> tuple[History, Contract]:
    room = two_rooms()
    room.leave(0)
    room.recorder.notices.append(PresenceNotice(1, "1", True, room.tick()))
    return room.history(), CHAT


def a_feed_with_a_field_missing() -> tuple[History, Contract]:
    return _feed_saying({"cpu": 3})


def a_feed_that_says_nan() -> tuple[History, Contract]:
    return _feed_saying({"load": float("nan")})


def a_feed_beyond_its_range() -> tuple[History, Contract]:
    return _feed_saying({"load": 10**400})


def a_feed_that_says_true() -> tuple[History, Contract]:
    return _feed_saying({"load": True})


def a_feed_that_sends_no_object() -> tuple[History, Contract]:
    return _feed_saying(None)


def _feed_saying(value: dict[str, object] | None) -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.ticks(3)
    show.see(0, show.now + MS, value)
    return show.history(), FEED


def a_slow_feed() -> tuple[History, Contract]:
    show = Show(period_ms=1_800)
    show.join()
    show.ticks(8)
    return show.history(), FEED


def a_fast_feed() -> tuple[History, Contract]:
    show = Show(period_ms=500)
    show.join()
    show.ticks(8)
    return show.history(), FEED


def a_feed_doubled_by_its_second_viewer() -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.ticks(6)
    show.join()
    for _ in range(5):
        show.period_ms = 50
        show.ticks(1)
        show.period_ms = 950
        show.ticks(1)
    return show.history(), FEED


def a_feed_of_ones_own() -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.join()
    for at in range(6):
        show.now += 1_000 * MS
        show.see(0, show.now, {"load": at})
        show.see(1, show.now, {"load": 50 + at})
    return show.history(), FEED


def a_viewer_that_misses_an_object(step_ms: int = 1_000) -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.join()
    for at in range(12):
        show.now += (step_ms if at in (6, 7) else 1_000) * MS
        for viewer in show.here:
            if (viewer, at) != (1, 6):
                show.see(viewer, show.now + viewer, {"load": at})
    return show.history(), FEED


def test_an_outdated_object_that_a_late_server_skips_for_one_viewer_is_no_loss() -> None:
    assert run_checks(*a_viewer_that_misses_an_object(step_ms=10)) == []


def test_overdue_objects_that_a_server_sends_at_once_to_a_newcomer_are_no_second_producer() -> None:
    show = Show(period_ms=250)
    show.join()
    show.join()
    for step_ms in (0, 1, 3, 5, 106, 250, 250):
        show.now += step_ms * MS
        for viewer in show.here:
            show.see(viewer, show.now + viewer, {"load": step_ms})
    contract = replace(FEED, feed=replace(FEED.feed, period_s=0.25)) if FEED.feed is not None else FEED
    assert "leaked-producer" not in {finding.check for finding in run_checks(show.history(), contract)}


def test_viewers_of_different_rooms_or_of_a_feed_that_is_not_shared_may_receive_different_objects() -> None:
    history, contract = a_feed_of_ones_own()
    assert FEED.feed is not None
    own = replace(contract, feed=replace(FEED.feed, shared=False))
    first, second = history.members
    rooms = replace(history, members=(first, replace(second, room=1)))
    assert run_checks(history, own) == run_checks(rooms, contract) == []


def a_feed_of_ones_own_on_a_busy_machine() -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.join()
    for at in range(12):
        show.now += 1_000 * MS
        show.see(0, show.now + (700 * MS if at % 4 == 1 else 0), {"load": at})
        show.see(1, show.now, {"load": 50 + at})
    return show.history(), FEED


def a_feed_of_ones_own_after_a_snapshot_for_all() -> tuple[History, Contract]:
    show = Show()
    show.greet()
    show.greet()
    for at in range(6):
        show.now += 1_000 * MS
        show.see(0, show.now, {"load": at})
        show.see(1, show.now, {"load": 50 + at})
    return show.history(), FEED


def a_feed_doubled_after_a_snapshot() -> tuple[History, Contract]:
    show = Show(period_ms=500)
    show.greet()
    show.ticks(5)
    return show.history(), FEED


def a_feed_that_is_only_a_snapshot() -> tuple[History, Contract]:
    show = Show()
    show.greet()
    show.ticks(2)
    show.greet(after_ms=300)
    show.here.remove(1)
    show.ticks(6)
    return show.history(), FEED


def a_feed_that_stops() -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.ticks(4)
    return show.history(silence_ms=6_000), FEED


def a_feed_that_never_speaks_to_a_latecomer() -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.ticks(2)
    show.join()
    show.here.remove(1)
    show.ticks(6)
    return show.history(), FEED


def a_feed_that_a_binary_frame_kills() -> tuple[History, Contract]:
    show = Show()
    show.join()
    show.join()
    show.ticks(4)
    show.recorder.members[1] = replace(show.recorder.members[1], misbehaviour="a binary frame")
    return show.history(silence_ms=6_000), FEED


def a_message_missed_while_away() -> tuple[History, Contract]:
    room = a_room()
    name = room.recorder.members[1].name
    room.leave(1)
    room.say(0)
    back = room.join(name)
    room.change(back, resumes=1)
    room.say(0)
    return room.history(), replace(CHAT, resume=Resume.SINCE_LAST)


def a_return(resume: Resume) -> tuple[History, Contract]:
    """Let member 1 reconnect and receive its last message a second time."""
    room = a_room()
    room.say(0)
    name = room.recorder.members[1].name
    room.leave(1)
    back = room.join(name)
    room.change(back, resumes=1)
    room.hear(back, 0, room.sequences[0] - 1)
    room.say(0)
    return room.history(), replace(CHAT, resume=resume, agreed_order=False)


def a_return_while_the_old_connection_is_still_served() -> tuple[History, Contract]:
    """Let member 1 reconnect before the server has noticed the end of its old connection, and serve both."""
    room = a_room()
    name = room.recorder.members[1].name
    room.leave(1)
    back = room.join(name)
    room.change(back, resumes=1)
    room.hear(1, 0, room.say(0))
    return room.history(), replace(CHAT, resume=Resume.SINCE_LAST)


def a_message_sent_again_on_return() -> tuple[History, Contract]:
    return a_return(Resume.SINCE_LAST)


def a_request_that_was_refused() -> tuple[History, Contract]:
    room = a_room()
    sequence = room.sequences[0]
    room.recorder.published(0, sequence, room.now, room.tick(), outcome=Outcome.REFUSED)
    room.recorder.refused(0, sequence, 429, "HTTP 429 Too Many Requests")
    return room.history(), CHAT


def a_frame_against_the_protocol() -> tuple[History, Contract]:
    room = a_room()
    room.recorder.protocol.append(ProtocolNote(1, "masked", "5.1", "MUST", "It masked a frame.", "81 85 …"))
    return room.history(), CHAT


PLANTED: list[tuple[Callable[[], tuple[History, Contract]], str, Anomaly]] = [
    (a_lost_message, "lost", Anomaly.LOST),
    (a_member_that_is_behind, "behind", Anomaly.BEHIND),
    (a_reply_in_words_of_another_channel, "corrupt", Anomaly.CORRUPT),
    (a_lost_reply, "lost", Anomaly.LOST),
    (a_lost_echo, "lost", Anomaly.LOST),
    (a_deaf_member, "nothing-received", Anomaly.NOTHING_RECEIVED),
    (a_member_cut_off, "disconnected", Anomaly.LOST),
    (a_message_twice, "duplicated", Anomaly.DUPLICATED),
    (a_gap_between_history_and_live_messages, "gap", Anomaly.LOST),
    (a_person_said_to_have_gone_with_one_of_two_connections, "early-user-leave", Anomaly.PHANTOM),
    (a_room_that_two_processes_serve, "split-audience", Anomaly.LOST),
    (an_intruder_that_hears, "unauthorized-access", Anomaly.MISROUTED),
    (a_message_of_nobody, "phantom", Anomaly.PHANTOM),
    (a_message_that_was_not_sent, "phantom", Anomaly.PHANTOM),
    (an_unexpected_message, "phantom", Anomaly.PHANTOM),
    (somebody_elses_echo, "misrouted", Anomaly.MISROUTED),
    (somebody_elses_reply, "misrouted", Anomaly.MISROUTED),
    (ones_own_message_where_only_others_get_it, "misrouted", Anomaly.MISROUTED),
    (a_message_in_the_other_room, "misrouted", Anomaly.MISROUTED),
    (a_message_lost_in_ones_own_room, "lost", Anomaly.LOST),
    (a_leave_told_in_the_other_room, "misrouted-leave", Anomaly.MISROUTED),
    (a_damaged_message, "corrupt", Anomaly.CORRUPT),
    (a_message_damaged_beyond_recognition, "corrupt", Anomaly.CORRUPT),
    (two_messages_swapped, "reordered", Anomaly.REORDERED),
    (two_publishers_in_two_orders, "total-order", Anomaly.REORDERED),
    (a_leave_that_is_not_told, "missing-leave", Anomaly.MISSING_LEAVE),
    (a_leave_told_twice, "duplicate-leave", Anomaly.DUPLICATE_LEAVE),
    (a_leave_of_one_who_stays, "false-leave", Anomaly.PHANTOM),
    (a_leave_before_it_happened, "false-leave", Anomaly.PHANTOM),
    (a_message_of_one_who_is_gone, "message-after-leave", Anomaly.MESSAGE_AFTER_LEAVE),
    (a_room_that_a_sleeper_stalls, "stalled-by-other-member", Anomaly.STALLED_BY_OTHER_MEMBER),
    (a_room_that_a_binary_frame_bricks, "stalled-by-other-member", Anomaly.STALLED_BY_OTHER_MEMBER),
    (a_feed_with_a_field_missing, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_that_says_nan, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_beyond_its_range, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_that_says_true, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_feed_that_sends_no_object, "out-of-range", Anomaly.OUT_OF_RANGE),
    (a_slow_feed, "wrong-period", Anomaly.WRONG_PERIOD),
    (a_fast_feed, "wrong-period", Anomaly.WRONG_PERIOD),
    (a_feed_doubled_by_its_second_viewer, "leaked-producer", Anomaly.LEAKED_PRODUCER),
    (a_feed_of_ones_own, "own-producer", Anomaly.LEAKED_PRODUCER),
    (a_feed_of_ones_own_on_a_busy_machine, "own-producer", Anomaly.LEAKED_PRODUCER),
    (a_feed_of_ones_own_after_a_snapshot_for_all, "own-producer", Anomaly.LEAKED_PRODUCER),
    (a_viewer_that_misses_an_object, "missing-object", Anomaly.LOST),
    (a_feed_doubled_after_a_snapshot, "wrong-period", Anomaly.WRONG_PERIOD),
    (a_feed_that_is_only_a_snapshot, "feed-stopped", Anomaly.LOST),
    (a_feed_that_stops, "feed-stopped", Anomaly.LOST),
    (a_feed_that_never_speaks_to_a_latecomer, "feed-stopped", Anomaly.NOTHING_RECEIVED),
    (a_feed_that_a_binary_frame_kills, "feed-stopped", Anomaly.STALLED_BY_OTHER_MEMBER),
    (a_member_that_could_not_join, "join-failed", Anomaly.UNKNOWN),
    (a_message_missed_while_away, "missed-while-away", Anomaly.LOST),
    (a_request_that_was_refused, "publish-refused", Anomaly.REFUSED),
    (a_message_sent_again_on_return, "repeated-after-return", Anomaly.DUPLICATED),
    (a_frame_against_the_protocol, "server-masked", Anomaly.PROTOCOL),
]


@pytest.mark.parametrize(("planted", "check", "anomaly"), PLANTED, ids=[p[0].__name__ for p in PLANTED])
def test_a_planted_fault_is_reported_once_by_its_check(
    planted: Callable[[], tuple[History, Contract]], check: str, anomaly: Anomaly
) -> None:
    findings = run_checks(*planted())
    assert [(finding.check, finding.anomaly) for finding in findings] == [(check, anomaly)], findings
    assert findings[0].explanation.endswith((".", ". Seen 1 time(s) on the channel chat."))
    assert findings[0].witness


def test_every_check_has_a_planted_fault_and_a_promise() -> None:
    protocol = {"server-masked": "protocol"}
    assert {protocol.get(check, check) for _, check, _ in PLANTED} == {check.name for check in CHECKS}
    assert all(check.promise.endswith(".") for check in CHECKS)


def everything_clean() -> list[tuple[str, History, Contract]]:
    room = a_room(4, 9)
    room.leave(1)
    room.say(0)
    room.leave(2, Departure.RESET)
    room.join(name="2")
    room.say(3)
    caught_up = Show()
    caught_up.join()
    for period_ms, count in ((1_000, 3), (9_000, 1), (100, 9), (1_000, 2)):
        caught_up.period_ms = period_ms
        caught_up.ticks(count)
    busy = Show()
    busy.join()
    busy.ticks(6, wobble_ms=(0, 0, 300, 0))
    busy.join()
    busy.ticks(6, wobble_ms=(0, 30, 0))
    greeting = Show()
    greeting.greet()
    greeting.ticks(6)
    greeting.greet(after_ms=999)  # a moment before the next tick
    greeting.greet({"load": 77}, after_ms=400)  # one that no other viewer gets
    greeting.ticks(4)
    held_up = Show()  # the second viewer reads its first four objects at once, when the fourth comes
    held_up.join()
    held_up.join()
    for at in range(10):
        held_up.now += 1_000 * MS
        held_up.see(0, held_up.now, {"load": at})
        if at >= 3:
            for missed in range(at + 1) if at == 3 else (at,):
                held_up.see(1, held_up.now + MS + missed, {"load": missed})
    sleeper = a_room(4, 4)
    sleeper.stall(2)
    sleeper.say(0)
    sent_away = a_room(4, 4)
    sent_away.stall(2)
    sent_away.recorder.notices.append(PresenceNotice(0, "3", True, sent_away.tick()))
    sent_away.say(0)
    hasty = (
        a_room()
    )  # the server tells of the join when the member has closed already, and its message comes after that
    sequence = hasty.say(2)
    name, late = hasty.recorder.members[2].name, row_of(hasty.history(), 0, 2, sequence)
    hasty.change(2, left_ns=hasty.tick(), departure=Departure.CLOSED)
    hasty.here.remove(2)
    hasty.recorder.notices.append(PresenceNotice(0, name, False, hasty.tick()))
    heard_ns = hasty.tick()
    hasty.recorder.notices += [PresenceNotice(other, name, True, hasty.tick()) for other in hasty.here]
    hasty_history = with_value(hasty.history(), late, "received_ns", heard_ns)
    rude = a_room()
    rude.change(1, misbehaviour="a binary frame")
    rude.leave(1, Departure.DROPPED)
    rude.say(0)
    rude.recorder.unexpected.append(UnexpectedMessage(1, rude.tick(), "what a rude member is told is not promised"))
    others = replace(CHAT, audience=Audience.OTHERS)
    unknowable = a_room()
    unknowable.here.clear()
    unknowable.say(0, Outcome.INFO)
    two = two_rooms()
    two.leave(0)
    two.say(1)
    return [
        ("two rooms", two.history(), CHAT),
        ("a room with comings and goings", room.history(), CHAT),
        ("an echo", a_room(contract=ECHO).history(), ECHO),
        ("a channel for the others", a_room(contract=others).history(), others),
        ("a feed on a busy machine", busy.history(), FEED),
        ("a feed that was held back and caught up", caught_up.history(), FEED),
        ("a feed whose second viewer is held up at first", held_up.history(), FEED),
        ("a feed that greets newcomers with a snapshot", greeting.history(), FEED),
        ("a sleeper that harms nobody", sleeper.history(), CHAT),
        ("a sleeper that is sent away", sent_away.history(), CHAT),
        ("a member that leaves before the others are told that it came", hasty_history, CHAT),
        ("a rude member that harms nobody", rude.history(), CHAT),
        ("a message whose fate nobody knows", unknowable.history(), CHAT),
        ("a return to the whole history", *a_return(Resume.HISTORY)),
        ("a return beside the old connection", *a_return_while_the_old_connection_is_still_served()),
        ("an intruder that could not join", *an_intruder_that_could_not_join()),
    ]


@pytest.mark.parametrize(
    ("history", "contract"), [c[1:] for c in everything_clean()], ids=[c[0] for c in everything_clean()]
)
def test_a_correct_history_has_no_findings(history: History, contract: Contract) -> None:
    assert run_checks(history, contract) == []


def told(history: History, contract: Contract = CHAT) -> str:
    (finding,) = run_checks(history, contract)
    return finding.explanation


def test_a_member_that_is_behind_is_unknown_with_the_number_of_messages() -> None:
    (finding,) = run_checks(*a_member_that_is_behind())
    assert "member 2 (called '3'), for example, by 3 message(s), replies included" in finding.explanation
    assert finding.verdict() is Verdict.UNKNOWN
    assert finding.verdict(strict=True) is Verdict.UNKNOWN


def test_missing_messages_of_a_member_silent_long_before_the_drain_end_are_lost() -> None:
    (finding,) = run_checks(_a_slow_member(heard_ms=(10, 20, 30, 40), drained_ms=4_000), CHAT)
    assert (finding.check, finding.occurrences) == ("lost", 3)


def test_a_receipt_after_the_drain_shows_that_a_member_is_behind() -> None:
    (finding,) = run_checks(_a_slow_member(heard_ms=(1, 2, 3, 4_100), drained_ms=4_000), CHAT)
    assert (finding.check, finding.occurrences) == ("behind", 3)


def test_disconnected_groups_of_members_are_named() -> None:
    assert "The members form 2 groups that receive only their own messages: 0, 2 | 1, 3." in told(
        *a_room_that_two_processes_serve()
    )


def test_a_loss_inside_a_group_is_not_reported_as_disconnected_groups() -> None:
    history, _ = a_room_that_two_processes_serve()
    last = int(history.publications.sequence[history.publications.publisher == 0].max())
    lossy = without_receipt(history, row_of(history, 2, 0, last))
    assert "groups" not in told(lossy)
    assert "groups" not in told(a_lost_message()[0])


def test_a_gap_is_a_loss_even_if_its_member_is_behind() -> None:
    findings = run_checks(_a_slow_member(heard_ms=(10, 20, 30, 40), drained_ms=45, lost=(2,)), CHAT)
    assert {finding.check: finding.occurrences for finding in findings} == {"lost": 1, "behind": 2}


def test_a_message_in_an_unknown_format_is_shown_and_not_lost() -> None:
    assert told(*a_reply_in_words_of_another_channel()) == (
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
    explanation = told(replace(history, damage=(damage,)))
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
    explanation = told(history)
    assert "Nothing but 40 message(s) was received that the workload reads as IGNORED" in explanation
    assert """for example '{"type": "value"}'""" in explanation


def test_a_missing_total_order_is_non_strict_unless_it_is_promised() -> None:
    history, _ = two_publishers_in_two_orders()
    assert [f.level for f in run_checks(history, CHAT)] == [Level.NON_STRICT]
    assert [f.level for f in run_checks(history, replace(CHAT, order=Order.TOTAL))] == [Level.VIOLATION]
    assert run_checks(history, replace(CHAT, agreed_order=False)) == []


def test_a_close_with_an_acceptable_code_is_non_strict() -> None:
    room = a_room()
    room.change(2, close_code=1013)
    room.leave(2, Departure.DROPPED)
    assert [(f.check, f.level) for f in run_checks(room.history(), CHAT)] == [("disconnected", Level.NON_STRICT)]


def test_nothing_received_is_unknown_and_no_pass() -> None:
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
    seen = breach(rule, "81 85 ...")
    room.recorder.protocol.append(ProtocolNote(1, seen.rule, seen.section, seen.level, seen.sentence, seen.evidence))
    (finding,) = run_checks(room.history(), CHAT)
    assert (finding.check, finding.anomaly, finding.level) == (f"server-{rule}", Anomaly.PROTOCOL, level)


def test_every_rule_of_the_auditor_has_a_level() -> None:
    room = a_room()
    for rule in RULES:
        seen = breach(rule, "seen")
        note = ProtocolNote(1, seen.rule, seen.section, seen.level, seen.sentence, seen.evidence)
        room.recorder.protocol.append(note)
    assert {finding.check for finding in run_checks(room.history(), CHAT)} == {f"server-{rule}" for rule in RULES}


def test_a_feed_of_nan_values_is_out_of_range_and_has_no_second_producer() -> None:
    show = Show()
    for _ in range(2):
        show.join()
    for _ in range(6):
        show.now += 1_000 * MS
        for member in show.here:
            show.recorder.ticks.append(Tick(member, show.now + member, {"load": float("nan")}, '{"load": NaN}'))
    assert {f.check for f in run_checks(show.history(), FEED)} == {"out-of-range"}


def test_a_deeply_nested_value_is_out_of_range() -> None:
    nested: list[object] = []
    for _ in range(20_000):
        nested = [nested]
    show = Show()
    show.join()
    show.ticks(3)
    show.recorder.ticks[0] = replace(show.recorder.ticks[0], value={"load": nested}, text="[[[")
    assert {f.check for f in run_checks(show.history(), FEED)} == {"out-of-range"}
    while nested:  # level by level: freed all at once, it would need as much stack again
        nested = nested.pop()  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("period_s", "steps_s", "is_told"),
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
    period_s: float, steps_s: tuple[float, ...], is_told: bool
) -> None:
    times_s = [sum((0, *steps_s)[: number + 1]) for number in range(len(steps_s) + 1)]
    recorder = Recorder(start_ns=1)
    recorder.members = [Member(0, "viewer", connected_ns=1, in_ns=1)]
    recorder.ticks += [Tick(0, int(at * 1e9) + 2, {"value": 1.0}, f"{at}") for at in times_s]
    history = recorder.freeze()
    contract = replace(FEED, feed=replace(FEED.feed, period_s=period_s)) if FEED.feed is not None else FEED
    assert bool(wrong_period(history, contract)) is is_told
