"""Tests of expected deliveries, on small histories, against a slow reference implementation, and on a large history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wsproof import Audience, Contract, Order
from wsproof.model import expected as owed_module
from wsproof.model.expected import expected_deliveries, publication_rows
from wsproof.model.history import Departure, History, Kind, Member, Outcome, Recorder

CHAT = Contract("chat", Audience.EVERYONE, replies=True)


def a_history(
    members: list[Member], published: Sequence[tuple[int, ...]], received: Sequence[tuple[int, ...]]
) -> History:
    recorder = Recorder(members=members, drained_ns=1_000)
    for publisher, sequence, sent in published:
        recorder.published(publisher, sequence, sent, sent)
    for subscriber, publisher, sequence, at in received:
        recorder.received(subscriber, publisher, sequence, 0, at)
    return recorder.freeze()


def pairs(history: History, contract: Contract = CHAT, kind: Kind = Kind.DELIVERY) -> set[tuple[int, int]]:
    due = expected_deliveries(history, contract, kind)
    return set(zip(due.missing_member.tolist(), due.missing_row.tolist(), strict=True))


def test_nothing_is_expected_before_the_first_receipt() -> None:
    history = a_history([Member(0, "a", in_ns=20)], [(0, 0, 10), (0, 1, 30)], [])
    assert pairs(history) == {(0, 1)}


def test_a_member_that_left_expects_only_publications_before_its_newest_receipt() -> None:
    former = Member(1, "b", in_ns=5, left_ns=50, departure=Departure.FIN)
    history = a_history([Member(0, "a"), former], [(0, later, 10 + later) for later in range(4)], [(1, 0, 2, 20)])
    assert pairs(history) == {(1, 0), (1, 1)}
    assert pairs(history, replace(CHAT, order=Order.NONE)) == set()


def test_a_member_that_left_after_the_drain_counts_as_stayed() -> None:
    late = Member(0, "a", in_ns=5, left_ns=1_000, departure=Departure.CLOSED)
    assert pairs(a_history([late], [(0, 0, 10)], [])) == {(0, 0)}


def test_nothing_is_expected_for_members_that_stall_or_misbehave() -> None:
    members = [Member(0, "a", in_ns=5, stalled=True), Member(1, "b", in_ns=5, misbehaviour="a binary frame")]
    assert pairs(a_history(members, [(0, 0, 10)], [])) == set()


def test_last_messages_of_a_member_that_left_are_expected_unless_the_contract_says_otherwise() -> None:
    left = Member(1, "b", in_ns=5, left_ns=50, departure=Departure.CLOSED)
    published = [(1, 0, 10), (1, 1, 20), (1, 2, 40), (0, 0, 60)]
    history = a_history([Member(0, "a", in_ns=5), left], published, [(0, 1, 1, 25)])
    assert pairs(history) == {(0, 0), (0, 2), (0, 3)}
    assert pairs(history, replace(CHAT, last_messages=False)) == {(0, 0), (0, 3)}, "only the last one may be lost"


def test_failed_or_uncertain_publications_are_not_expected() -> None:
    recorder = Recorder(members=[Member(0, "a", in_ns=5)], drained_ns=1_000)
    for sequence, outcome in enumerate(Outcome):
        recorder.published(0, sequence, 10, 10, outcome=outcome)
    recorder.published(0, 9, 10, 0)
    assert expected_deliveries(recorder.freeze(), CHAT).expected.tolist() == [
        int(outcome is Outcome.OK) for outcome in Outcome
    ] + [0]


def test_the_audience_decides_who_expects_a_publication() -> None:
    members = [Member(number, str(number), in_ns=5) for number in range(3)]
    history = a_history(members, [(1, 0, 10)], [])
    expected = {
        Audience.EVERYONE: {0, 1, 2},
        Audience.OTHERS: {0, 2},
        Audience.PUBLISHER: {1},
        Audience.NOBODY: set(),
    }
    for audience, numbers in expected.items():
        assert {member for member, _ in pairs(history, Contract("x", audience))} == numbers
    assert pairs(history, CHAT, Kind.REPLY) == {(1, 0)}
    assert pairs(history, replace(CHAT, replies=False), Kind.REPLY) == set()


def test_reach_is_the_share_of_expected_receipts_and_1_if_all_arrived() -> None:
    members = [Member(number, str(number), in_ns=5) for number in range(4)]
    history = a_history(
        members, [(0, 0, 10), (0, 1, 11), (0, 2, 1)], [(n, 0, 0, 20) for n in range(4)] + [(0, 0, 1, 21)]
    )
    due = expected_deliveries(history, CHAT)
    assert (due.expected.tolist(), due.received.tolist(), due.complete.tolist()) == (
        [4, 4, 0],
        [4, 1, 0],
        [True, False, False],
    )
    np.testing.assert_equal(due.reach, [1.0, 0.25, np.nan])


def test_keys_that_were_never_published_have_no_row() -> None:
    sent = a_history([], [(3, 7, 1), (2**32 - 1, 2**32 - 1, 1)], []).publications
    rows = publication_rows(sent, np.array([3, 3, 2**32 - 1]), np.array([7, 8, 2**32 - 1]))
    assert rows.tolist() == [0, -1, 1]
    assert publication_rows(a_history([], [], []).publications, np.array([3]), np.array([7])).tolist() == [-1]


@st.composite
def histories(draw: st.DrawFn) -> History:
    small = st.integers(0, 3)
    members = [
        Member(
            number,
            str(number),
            in_ns=draw(st.sampled_from([0, 1, 50])),
            left_ns=0 if departure is Departure.STAYED else draw(st.sampled_from([60, 1_000])),
            departure=departure,
            stalled=draw(st.booleans()),
        )
        for number, departure in enumerate(draw(st.lists(st.sampled_from(list(Departure)), max_size=4)))
    ]
    keys = draw(st.lists(st.tuples(small, small), unique=True, max_size=8))
    published = [(*key, draw(st.sampled_from([0, 10, 70]))) for key in keys]
    received = draw(st.lists(st.tuples(small, small, small, st.just(80)), max_size=12))
    return a_history(members, published, received)


def reference_implementation(history: History, contract: Contract) -> tuple[list[int], set[tuple[int, int]]]:
    sent, got = history.publications, history.receipts
    keys = [(int(p), int(later)) for p, later in zip(sent.publisher, sent.sequence, strict=True)]
    receipts = set(zip(got.subscriber.tolist(), got.publisher.tolist(), got.sequence.tolist(), strict=True))
    counts, missing = [0] * len(keys), set()
    for row, (publisher, sequence) in enumerate(keys):
        for member in history.members:
            right = {"everyone": True, "others": member.number != publisher, "publisher": member.number == publisher}
            newer = any(
                (member.number, publisher, later) in receipts
                for p, later in keys
                if p == publisher and later > sequence
            )
            stayed = member.departure is Departure.STAYED or member.left_ns >= history.drained_ns
            if (
                right.get(contract.audience.value)
                and not member.stalled
                and member.in_ns
                and sent.sent_ns[row]
                and sent.sent_ns[row] >= member.in_ns
                and (stayed or (contract.order is not Order.NONE and newer))
            ):
                counts[row] += 1
                if (member.number, publisher, sequence) not in receipts:
                    missing.add((member.number, row))
    return counts, missing


@settings(deadline=None)
@given(
    history=histories(),
    audience=st.sampled_from(list(Audience)),
    order=st.sampled_from(list(Order)),
    cells=st.sampled_from([1, 10, 4_000_000]),
)
def test_the_vectorised_rule_agrees_with_the_reference_implementation(
    history: History, audience: Audience, order: Order, cells: int
) -> None:
    contract = Contract("x", audience, order)
    before, owed_module.CELLS = owed_module.CELLS, cells
    try:
        due = expected_deliveries(history, contract)
    finally:
        owed_module.CELLS = before
    counts, missing = reference_implementation(history, contract)
    assert due.expected.tolist() == counts
    assert set(zip(due.missing_member.tolist(), due.missing_row.tolist(), strict=True)) == missing
    assert (due.expected - due.received).sum() == len(missing)


def test_a_thousand_members_and_messages_are_compared() -> None:
    size = 1_000
    history = a_history([Member(n, str(n), in_ns=1, left_ns=900, departure=Departure.FIN) for n in range(size)], [], [])
    sequence, member = np.meshgrid(np.arange(size), np.arange(size))
    zeros, ones = np.zeros(size * size, np.int64), np.ones(size * size, np.int64)
    sent = type(history.publications)(
        zeros[:size], np.arange(size), ones[:size], ones[:size], zeros[:size], ones[:size]
    )
    got = type(history.receipts)(member.ravel(), zeros, sequence.ravel(), zeros, ones, zeros, ones)
    due = expected_deliveries(replace(history, publications=sent, receipts=got), CHAT)
    assert due.expected.tolist() == [size] * (size - 1) + [0]


def test_members_expect_no_publications_of_another_room() -> None:
    members = [Member(number, str(number), in_ns=5, room=number % 2) for number in range(4)]
    history = a_history(members, [(0, 0, 10), (3, 0, 11)], [])
    assert pairs(history) == {(0, 0), (2, 0), (1, 1), (3, 1)}
    assert pairs(history, Contract("others", Audience.OTHERS)) == {(2, 0), (1, 1)}
