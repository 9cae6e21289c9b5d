"""Tests that find the members that were still receiving when the drain ended."""

from __future__ import annotations

from dataclasses import replace

from tests.checks.histories import CHAT, MS, a_room
from wsproof.checks import run_checks
from wsproof.checks.behind import still_receiving


def test_no_member_is_behind_without_receipts_in_the_window() -> None:
    room = a_room(3, 4)
    history = room.history()
    start = int(history.receipts.received_ns.max()) + MS
    late = replace(history, start_ns=start, end_ns=start + MS, drained_ns=start + 2 * MS)
    assert still_receiving(late) == set()
    assert not [finding for finding in run_checks(late, CHAT) if "crashed" in finding.explanation]


def test_a_member_that_still_receives_messages_of_other_clients_has_lost_none_of_ours() -> None:
    room = a_room(3, 4)
    room.recorder.published(0, 99, room.tick(), room.now)
    history = room.history()
    sent = int(history.publications.sent_ns.max())
    history = replace(history, end_ns=sent, drained_ns=sent + 1_000 * MS)
    busy = tuple(replace(member, others_ns=sent + 900 * MS) for member in history.members)
    assert {finding.check for finding in run_checks(history, CHAT)} == {"lost"}
    assert {finding.check for finding in run_checks(replace(history, members=busy), CHAT)} == {"behind"}


def test_a_message_missing_after_a_silent_wait_is_lost_although_later_ones_may_arrive() -> None:
    room = a_room(3, 4)
    lost = room.tick()
    room.recorder.published(0, room.sequences[0], lost, lost)
    silent = room.tick()
    on_its_way = room.tick()
    room.recorder.published(1, room.sequences[1], on_its_way, on_its_way)
    room.publish(2)
    history = room.history()
    waited = replace(history, end_ns=on_its_way, silent_ns=silent)
    assert [f.check for f in run_checks(replace(waited, silent_ns=0), CHAT)] == ["behind"]
    occurrences = {finding.check: finding.occurrences for finding in run_checks(waited, CHAT)}
    assert occurrences == {"lost": 1, "behind": 4}
