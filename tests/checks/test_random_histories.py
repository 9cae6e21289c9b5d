"""Tests that random clean histories give no findings, and that one random fault is found under its right name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.checks.histories import (
    CHAT,
    Room,
    with_duplicated_receipt,
    with_receipts_swapped,
    with_value,
    without_receipt,
)
from wsproof.checks import run_checks
from wsproof.checks.same_name import shared_names
from wsproof.model.finding import Anomaly
from wsproof.model.history import Departure, History, Kind

GOING = [Departure.CLOSED, Departure.FIN, Departure.RESET]
QUIET = settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])


@st.composite
def rooms(draw: st.DrawFn, least_messages: int = 0) -> History:
    """Draw a correct chat run: joins, messages, departures, reused names, members that stall or misbehave."""
    room = Room(CHAT)
    room.join()
    room.join()
    names = ["1", "2", "3"]
    actions = draw(st.lists(st.sampled_from(["join", "say", "say", "say", "leave", "stall", "rude"]), max_size=20))
    for action in [*actions, *["say"] * least_messages]:
        if action == "join":
            present_names = {room.recorder.members[number].name for number in room.present}
            free = [name for name in names if name not in present_names]
            room.join(draw(st.sampled_from(free)) if free else None)
        member = draw(st.sampled_from(room.present))
        if action == "say":
            room.publish(member)
        elif len(room.present) > 2 and action == "leave":
            room.leave(member, draw(st.sampled_from(GOING)))
        elif len(room.present) > 2 and action == "stall":
            room.stall(member)
        elif len(room.present) > 2 and action == "rude":
            room.change(member, misbehaviour="a binary frame")
            room.leave(member, Departure.DROPPED)
    return room.history()


@QUIET
@given(history=rooms())
def test_a_correct_history_never_has_findings(history: History) -> None:
    assert run_checks(history, CHAT) == []


def deliveries_to_members_that_stay(history: History) -> list[int]:
    """Return the expected receipts that are neither their member's first nor the last of their publication."""
    got = history.receipts
    first = {m.number: m.in_ns for m in history.members if m.departure is Departure.STAYED and m.is_well_behaved}
    sent = dict(
        zip(
            zip(history.publications.publisher, history.publications.sequence, strict=True),
            history.publications.sent_ns,
            strict=True,
        )
    )
    return [
        row
        for row in range(len(got))
        if got.kind[row] == Kind.DELIVERY
        and got.subscriber[row] in first
        and sent[got.publisher[row], got.sequence[row]] >= first[int(got.subscriber[row])]
    ]


def names_of(history: History) -> set[Anomaly]:
    return {finding.anomaly for finding in run_checks(history, CHAT)}


@QUIET
@given(history=rooms(least_messages=3), data=st.data())
def test_a_lost_receipt_is_always_found(history: History, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(deliveries_to_members_that_stay(history)))
    disturbed = any(not member.is_well_behaved for member in history.members)
    checks = names_of(without_receipt(history, row))
    # With a stalled member, the loss of the very last message cannot be distinguished from a delay.
    assert checks == {Anomaly.LOST} or (disturbed and checks == {Anomaly.STALLED_BY_OTHER_MEMBER})


@QUIET
@given(history=rooms(), data=st.data())
def test_a_repeated_receipt_is_always_found(history: History, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(history.receipts) - 1))
    assert names_of(with_duplicated_receipt(history, row)) == {Anomaly.DUPLICATED}


@QUIET
@given(history=rooms(), data=st.data())
def test_a_damaged_receipt_is_always_found(history: History, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(history.receipts) - 1))
    assert names_of(with_value(history, row, "intact", 0)) == {Anomaly.CORRUPT}


@QUIET
@given(history=rooms(least_messages=3), data=st.data())
def test_swapped_receipts_of_one_publisher_are_always_found(history: History, data: st.DataObject) -> None:
    got = history.receipts
    rows = np.arange(len(got))[got.kind == Kind.DELIVERY]
    pairs = [
        (int(a), int(b))
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
        if got.subscriber[a] == got.subscriber[b] and got.publisher[a] == got.publisher[b]
    ]
    if not pairs:
        return
    assert names_of(with_receipts_swapped(history, *data.draw(st.sampled_from(pairs)))) == {Anomaly.REORDERED}


@QUIET
@given(history=rooms(), data=st.data())
def test_a_receipt_of_an_unsent_message_is_always_found(history: History, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(history.receipts) - 1))
    again = with_duplicated_receipt(history, row)
    assert names_of(with_value(again, len(history.receipts), "sequence", 10_000)) == {Anomaly.PHANTOM}


@QUIET
@given(history=rooms(), data=st.data())
def test_a_missing_notice_is_always_found(history: History, data: st.DataObject) -> None:
    stayed = {m.number for m in history.members if m.departure is Departure.STAYED and m.is_well_behaved}
    # If a name returns within a second, the server may not have noticed the departure, so no notice is expected.
    returned = shared_names(history)
    candidates = [at for at, n in enumerate(history.notices) if n.subscriber in stayed and n.about not in returned]
    if not candidates:
        return
    at = data.draw(st.sampled_from(candidates))
    notices = (*history.notices[:at], *history.notices[at + 1 :])
    assert Anomaly.MISSING_LEAVE in names_of(replace(history, notices=notices))


@QUIET
@given(history=rooms(), data=st.data())
def test_an_extra_notice_is_always_found(history: History, data: st.DataObject) -> None:
    stayed = {m.number for m in history.members if m.departure is Departure.STAYED and m.is_well_behaved}
    # The server may have closed a stalled member of that name, so a second notice may be about that one.
    asleep = {m.name for m in history.members if m.stalled}
    candidates = [notice for notice in history.notices if notice.subscriber in stayed and notice.about not in asleep]
    if not candidates:
        return
    again = replace(data.draw(st.sampled_from(candidates)), received_ns=history.drained_ns)
    checks = names_of(replace(history, notices=(*history.notices, again)))
    assert checks in ({Anomaly.DUPLICATE_LEAVE}, {Anomaly.PHANTOM})
