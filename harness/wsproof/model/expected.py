"""Who is owed which publication, and who did not get it.

A subscriber is *in* from its first receipt, since a 101 is not a subscription. A publication is owed to it if it was
sent in its room while the subscriber was in, and the subscriber stayed through the drain or, where order is promised,
later received a newer message of that publisher. Nothing is owed to members that stopped reading or broke the rules on
purpose; a publication whose fate nobody can know is owed to no one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.history import Departure, History, Kind, Member, Outcome, Publications
from wsproof.model.partition import member_ranges, rows_of

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

CELLS = 4_000_000
"""Members times publications looked at in one go: it bounds the memory, not the answer."""


@dataclass(frozen=True)
class Expected:
    """One row per publication of the history: to how many it is owed, and how many of those got it.

    The pairs that are missing: member `missing_member[i]` (a number) lacks publication `missing_row[i]` (a row).
    """

    owed: Ints
    got: Ints
    missing_member: Ints
    missing_row: Ints

    @property
    def complete(self) -> Flags:
        """Publications owed to somebody that all of those got: only these have a time to last."""
        complete: Flags = (self.owed > 0) & (self.got == self.owed)
        return complete

    @property
    def reach(self) -> NDArray[np.float64]:
        """Share of the subscribers owed a publication that got it; NaN where it is owed to nobody."""
        share: NDArray[np.float64] = np.full(len(self.owed), np.nan)
        np.divide(self.got, self.owed, out=share, where=self.owed > 0)
        return share


def publication_rows(publications: Publications, publisher: Ints, sequence: Ints) -> Ints:
    """The row of each key (publisher, sequence) in `publications`; -1 for what was never published."""
    return rows_of_pairs(publications.publisher, publications.sequence, publisher, sequence)


def rows_of_pairs(ones: Ints, others: Ints, one: Ints, other: Ints) -> Ints:
    """For each pair (`one`, `other`), both of 32 bits: at which place of `ones` and `others` it is; -1 if at none."""
    if not len(ones):
        return np.full(len(one), -1, dtype=np.int64)
    keys = _keys(ones, others)
    order = np.argsort(keys, kind="stable")
    wanted = _keys(one, other)
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    found: Ints = np.where(keys[order][at] == wanted, order[at], -1)
    return found


def owed(history: History, contract: Contract, kind: Kind = Kind.DELIVERY) -> Expected:
    """Hold the receipts of one kind against what is owed.

    Replies are owed to the publisher alone, where the contract has them; deliveries to the contract's audience.
    """
    publications = history.publications
    audience = _audience(contract, kind)
    members = [m for m in history.members if m.in_ns and m.innocent] if audience is not Audience.NOBODY else []
    owed_to, got_by = np.zeros(len(publications), np.int64), np.zeros(len(publications), np.int64)
    missing: list[tuple[Ints, Ints]] = []
    for chunk in _chunks(members, history):
        got = _got(chunk, *_heard(history, chunk, kind), len(publications))
        due = _due(chunk, got, history, contract, audience)
        owed_to += due.sum(axis=0)
        got_by += (due & got).sum(axis=0)
        at, row = np.nonzero(due & ~got)
        missing.append((np.array([m.number for m in chunk], np.int64)[at], row.astype(np.int64)))
    empty = np.zeros(0, np.int64)
    return Expected(
        owed_to,
        got_by,
        np.concatenate([empty, *(member for member, _ in missing)]),
        np.concatenate([empty, *(row for _, row in missing)]),
    )


def _audience(contract: Contract, kind: Kind) -> Audience:
    if kind is Kind.DELIVERY:
        return contract.audience
    return Audience.PUBLISHER if kind is Kind.REPLY and contract.replies else Audience.NOBODY


def _chunks(members: list[Member], history: History) -> Iterator[list[Member]]:
    """Members, as many at a time as have few enough receipts and cells."""
    bounds = [each.stop for each in member_ranges(history.receipts)]
    step = max(1, CELLS // max(1, len(history.publications)))
    numbers = [member.number for member in members]
    cuts = [0, *(bisect_left(numbers, bound) for bound in bounds), len(members)]
    for low, high in pairwise(cuts):
        for first in range(low, high, step):
            yield members[first : min(first + step, high)]


def _heard(history: History, chunk: list[Member], kind: Kind) -> tuple[Ints, Ints]:
    """What these members have received of one kind: member and row of the publication, for each receipt."""
    receipts = history.receipts
    rows = rows_of(receipts, range(chunk[0].number, chunk[-1].number + 1))
    rows = rows[receipts.kind[rows] == kind]
    publication = publication_rows(history.publications, receipts.publisher[rows], receipts.sequence[rows])
    known = publication >= 0
    return receipts.subscriber[rows[known]], publication[known]


def _got(chunk: list[Member], member: Ints, row: Ints, width: int) -> Flags:
    """Who of the chunk has got what: one line per member, one column per publication."""
    numbers = np.array([m.number for m in chunk], np.int64)
    order = np.argsort(numbers)
    at = np.minimum(np.searchsorted(numbers[order], member), len(numbers) - 1)
    ours = numbers[order][at] == member
    got = np.zeros((len(chunk), width), dtype=bool)
    got[order[at[ours]], row[ours]] = True
    return got


def _due(chunk: list[Member], got: Flags, history: History, contract: Contract, audience: Audience) -> Flags:
    publications = history.publications
    number = np.array([[m.number] for m in chunk], np.int64)
    came = np.array([[m.in_ns] for m in chunk], np.int64)
    stayed = np.array([[stayed_through(m, history)] for m in chunk])
    known = (publications.sent_ns > 0) & (publications.outcome == Outcome.OK)
    due: Flags = known & (publications.sent_ns >= came)
    if audience is Audience.PUBLISHER:
        due &= publications.publisher == number
    elif audience is Audience.OTHERS:
        due &= publications.publisher != number
    if any(member.room for member in history.members):
        due &= history.rooms_of(publications.publisher) == history.rooms_of(number)
    if contract.order is Order.NONE:
        due &= stayed
    elif not stayed.all():
        due &= stayed | (publications.sequence < _newest(got, publications))
    return due


def _newest(got: Flags, publications: Publications) -> Ints:
    """For each cell, the highest sequence that this member has got of this publication's publisher (-1 for none)."""
    publishers, column = np.unique(publications.publisher, return_inverse=True)
    newest = np.full((len(got), len(publishers)), -1, dtype=np.int64)
    at, row = np.nonzero(got)
    np.maximum.at(newest, (at, column[row]), publications.sequence[row])
    wide: Ints = newest[:, column]
    return wide


def stayed_through(member: Member, history: History) -> bool:
    """Whether this member was still there when the drain ended."""
    return member.departure is Departure.STAYED or (0 < history.drained_ns <= member.left_ns)


def _keys(one: Ints, other: Ints) -> Ints:
    # The envelope gives all numbers 32 bits, so a pair fits one integer (and wraps to no other's place).
    keys: Ints = (one << 32) | (other & 0xFFFFFFFF)
    return keys
