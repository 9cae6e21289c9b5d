"""Expected deliveries: which subscriber must receive which publication, and which deliveries are missing.

A subscriber is *in* from its first receipt on, because a 101 is not a subscription. A publication is expected if it was
sent in the subscriber's room while the subscriber was in, and one of two conditions holds. Either the subscriber stayed
until the end of the drain. Or an order is promised, and the subscriber later received a newer message of that
publisher. Members that stopped reading or misbehaved on purpose expect nothing. A publication with an unknown outcome
is expected by nobody.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.history import Departure, History, Kind, Member, Outcome, Publications, Receipts
from wsproof.model.partition import member_ranges, rows_of, slices

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

CELLS = 4_000_000
"""Members times publications processed at a time. It bounds the memory and does not change the result."""


@dataclass(frozen=True)
class ExpectedDeliveries:
    """For each publication of the history, the number of members that must receive it, and that did.

    The missing pairs: member `missing_member[i]` (a number) lacks publication `missing_row[i]` (a row).
    """

    expected: Ints
    received: Ints
    missing_member: Ints
    missing_row: Ints

    @property
    def complete(self) -> Flags:
        """Whether each publication is expected and reached all expected members. Only these have a time to last."""
        complete: Flags = (self.expected > 0) & (self.received == self.expected)
        return complete

    @property
    def reach(self) -> NDArray[np.float64]:
        """Share of the expected members that received each publication; NaN if none is expected."""
        share: NDArray[np.float64] = np.full(len(self.expected), np.nan)
        np.divide(self.received, self.expected, out=share, where=self.expected > 0)
        return share


def publication_rows(publications: Publications, publisher: Ints, sequence: Ints) -> Ints:
    """Return the row of each key (publisher, sequence) in `publications`; -1 if it was never published."""
    return rows_of_pairs(publications.publisher, publications.sequence, publisher, sequence)


def reached_anybody(history: History) -> Flags:
    """Return whether any member, its publisher included, received each publication."""
    sent, receipts = history.publications, history.receipts
    rows = publication_rows(sent, receipts.publisher, receipts.sequence)
    reached: Flags = np.zeros(len(sent), dtype=bool)
    reached[rows[rows >= 0]] = True
    return reached


def rows_of_pairs(firsts: Ints, seconds: Ints, first: Ints, second: Ints) -> Ints:
    """Return the index of each pair (`first`, `second`) among the pairs (`firsts`, `seconds`); -1 if absent.

    All values have 32 bits.
    """
    if not len(firsts):
        return np.full(len(first), -1, dtype=np.int64)
    keys = _keys(firsts, seconds)
    order = np.argsort(keys, kind="stable")
    sought = _keys(first, second)
    at = np.minimum(np.searchsorted(keys[order], sought), len(keys) - 1)
    rows: Ints = np.where(keys[order][at] == sought, order[at], -1)
    return rows


def expected_deliveries(history: History, contract: Contract, kind: Kind = Kind.DELIVERY) -> ExpectedDeliveries:
    """Compare the receipts of one kind with the expected deliveries.

    Replies are expected by the publisher alone, if the contract has replies. Deliveries are expected by the contract's
    audience.
    """
    publications = history.publications
    audience = _audience(contract, kind)
    members = [m for m in history.members if m.in_ns and m.is_well_behaved] if audience is not Audience.NOBODY else []
    owed = _owed(history, contract)
    expected_by, received_by = np.zeros(len(publications), np.int64), np.zeros(len(publications), np.int64)
    missing: list[tuple[Ints, Ints]] = []
    for chunk in _chunks(members, history):
        received = _got(chunk, *_received(history, chunk, kind), len(publications))
        due = owed & _due(chunk, received, history, contract, audience)
        expected_by += due.sum(axis=0)
        received_by += (due & received).sum(axis=0)
        at, row = np.nonzero(due & ~received)
        missing.append((np.array([m.number for m in chunk], np.int64)[at], row.astype(np.int64)))
    empty = np.zeros(0, np.int64)
    return ExpectedDeliveries(
        expected_by,
        received_by,
        np.concatenate([empty, *(member for member, _ in missing)]),
        np.concatenate([empty, *(row for _, row in missing)]),
    )


def _audience(contract: Contract, kind: Kind) -> Audience:
    if kind is Kind.DELIVERY:
        return contract.audience
    return Audience.PUBLISHER if kind is Kind.REPLY and contract.replies else Audience.NOBODY


def _chunks(members: list[Member], history: History) -> Iterator[list[Member]]:
    """Yield groups of members with a bounded number of receipts and cells."""
    bounds = [each.stop for each in member_ranges(history.receipts)]
    step = max(1, CELLS // max(1, len(history.publications)))
    numbers = [member.number for member in members]
    cuts = [0, *(bisect_left(numbers, bound) for bound in bounds), len(members)]
    for low, high in pairwise(cuts):
        for first in range(low, high, step):
            yield members[first : min(first + step, high)]


def _received(history: History, chunk: list[Member], kind: Kind) -> tuple[Ints, Ints]:
    """Return the receipts of one kind of these members: member and publication row of each receipt."""
    receipts = history.receipts
    rows = rows_of(receipts, range(chunk[0].number, chunk[-1].number + 1))
    rows = rows[receipts.kind[rows] == kind]
    publication = publication_rows(history.publications, receipts.publisher[rows], receipts.sequence[rows])
    known = publication >= 0
    return receipts.subscriber[rows[known]], publication[known]


def _got(chunk: list[Member], member: Ints, row: Ints, width: int) -> Flags:
    """Flag the publications that each member received: one row per member, one column per publication."""
    numbers = np.array([m.number for m in chunk], np.int64)
    order = np.argsort(numbers)
    at = np.minimum(np.searchsorted(numbers[order], member), len(numbers) - 1)
    ours = numbers[order][at] == member
    received = np.zeros((len(chunk), width), dtype=bool)
    received[order[at[ours]], row[ours]] = True
    return received


def _owed(history: History, contract: Contract) -> Flags:
    """Flag the publications that the server must deliver to somebody."""
    sent = history.publications
    owed: Flags = (sent.sent_ns > 0) & (sent.outcome == Outcome.OK)
    if not contract.last_messages:
        owed &= ~_sent_before_leaving(history)
    return owed


def _due(chunk: list[Member], received: Flags, history: History, contract: Contract, audience: Audience) -> Flags:
    publications = history.publications
    number = np.array([[m.number] for m in chunk], np.int64)
    came = np.array([[m.in_ns] for m in chunk], np.int64)
    stayed = np.array([[stayed_through(m, history)] for m in chunk])
    due: Flags = publications.sent_ns >= came
    if audience is Audience.PUBLISHER:
        due &= publications.publisher == number
    elif audience is Audience.OTHERS:
        due &= publications.publisher != number
    if any(member.room for member in history.members):
        due &= history.rooms_of(publications.publisher) == history.rooms_of(number)
    if contract.order is Order.NONE:
        due &= stayed
    elif not stayed.all():
        due &= stayed | (publications.sequence < _newest(received, publications))
    return due


def _sent_before_leaving(history: History) -> Flags:
    """Flag the last publications of each member that left, after the last one that any member received."""
    sent = history.publications
    last = publications_with_unknown_outcome(sent.publisher, sent.sequence, history.receipts, history.members)
    stayed = np.array([stayed_through(member, history) for member in history.members], dtype=bool)
    before_leaving: Flags = last & ~stayed[sent.publisher]
    return before_leaving


def _newest(received: Flags, publications: Publications) -> Ints:
    """Return for each cell the highest sequence that this member received from the publisher (-1 for none)."""
    publishers, column = np.unique(publications.publisher, return_inverse=True)
    newest = np.full((len(received), len(publishers)), -1, dtype=np.int64)
    at, row = np.nonzero(received)
    np.maximum.at(newest, (at, column[row]), publications.sequence[row])
    wide: Ints = newest[:, column]
    return wide


def stayed_through(member: Member, history: History) -> bool:
    """Whether this member was still connected when the drain ended."""
    return member.departure is Departure.STAYED or (0 < history.drained_ns <= member.left_ns)


def received_rows(history: History, number: int, before_ns: int | None = None) -> Ints:
    """Return the row of each publication that this member received (before a time), in the order of its receipts."""
    receipts = history.receipts
    mine = (receipts.subscriber == number) & (receipts.kind == Kind.DELIVERY)
    if before_ns is not None:
        mine &= receipts.received_ns < before_ns
    rows = publication_rows(history.publications, receipts.publisher[mine], receipts.sequence[mine])
    return rows[rows >= 0]


def _keys(first: Ints, second: Ints) -> Ints:
    # The envelope has 32 bits for each number, so a pair fits into one integer without collisions.
    keys: Ints = (first << 32) | (second & 0xFFFFFFFF)
    return keys


def publications_with_unknown_outcome(
    publisher: Ints, sequence: Ints, receipts: Receipts, members: Sequence[Member]
) -> NDArray[np.bool_]:
    """Flag the publications whose outcome is unknown: the last ones of a connection that ended.

    The server has read a publication if a member received it, or a later one of the same publisher.
    """
    last_received = np.full(len(members), -1)
    for part in slices(0, len(receipts)):
        publishers = receipts.publisher[part]
        intact = (receipts.intact[part] == 1) & (publishers >= 0) & (publishers < len(members))
        np.maximum.at(last_received, publishers[intact], receipts.sequence[part][intact])
    left_ns = np.array([member.left_ns for member in members], np.int64)
    unsure: NDArray[np.bool_] = (left_ns[publisher] > 0) & (sequence > last_received[publisher])
    return unsure
