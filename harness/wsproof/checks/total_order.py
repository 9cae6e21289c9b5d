"""Checks that all members receive the messages of all publishers in the same order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer
from wsproof.checks.duplicates import first_receipts
from wsproof.checks.order import inversions
from wsproof.checks.space_time import events_of
from wsproof.checks.stable_order import stable_order
from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.expected import Ints, publication_rows
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Kind
from wsproof.model.partition import member_ranges, rows_of

REFERENCES = 8
"""Number of members with the most receipts that every other member's order is compared with."""


@dataclass(frozen=True)
class _Disagreement:
    """Two members, and two publication rows that they received in opposite orders."""

    reference: int
    other: int
    earlier: int
    later: int


@dataclass(frozen=True)
class _MemberOrder:
    """The receipts of some members, grouped by member, each in the order of arrival."""

    member: Ints
    publication: Ints
    """Rows of the publications."""
    publisher: Ints
    excluded: Ints
    """Publishers whose own messages arrived out of order, which the check `reordered` reports."""

    def without(self, excluded: Ints) -> _MemberOrder:
        """The same without the messages of these publishers."""
        if not len(excluded):
            return self
        keep = ~np.isin(self.publisher, excluded)
        return _MemberOrder(self.member[keep], self.publication[keep], self.publisher[keep], self.excluded)


def agreed_order(history: History, contract: Contract) -> list[Finding]:
    """All members receive all messages in the same order."""
    if not (contract.agreed_order or contract.order is Order.TOTAL):
        return []
    split = _disagreement(history, contract)
    if split is None:
        return []
    describer, sent = Describer(history), history.publications
    first, second = (
        describer.what(int(sent.publisher[r]), int(sent.sequence[r])) for r in (split.earlier, split.later)
    )
    return [
        channel_finding(
            Anomaly.REORDERED,
            contract,
            f"{describer.who(split.reference)} received {first} before {second}; {describer.who(split.other)} received "
            "them the other way round: there is no one order for all.",
            [
                f"{describer.who(split.reference)} receives {first}, then {second}",
                f"{describer.who(split.other)} receives {second}, then {first}",
            ],
            level=Level.VIOLATION if contract.order is Order.TOTAL else Level.NON_STRICT,
            events=events_of(
                history,
                [(int(sent.publisher[row]), int(sent.sequence[row])) for row in (split.earlier, split.later)],
                [split.reference, split.other],
            ),
        )
    ]


def _disagreement(history: History, contract: Contract) -> _Disagreement | None:
    """Two members and two publication rows that they received in opposite orders; None if there are none.

    Every member is compared with the few members that received most. This finds every disagreement about messages that
    those received, in time linear in the number of receipts.
    """
    portions = list(member_ranges(history.receipts))
    # A short run has one portion, which is sorted once. Of several portions only the latest is cached.
    orders = lru_cache(maxsize=1)(partial(_orders, history, contract))
    best, excluded = _references(map(orders, portions))
    if len(excluded):
        best, _ = _references(orders(members).without(excluded) for members in portions)
    places = _places(best, len(history.publications))
    for members in portions:
        part = orders(members).without(excluded)
        for reference, place in places.items():
            pair = _first_descent(part, place)
            if pair is not None:
                other, earlier, later = pair
                return _Disagreement(reference, other, earlier, later)
    return None


def _references(parts: Iterable[_MemberOrder]) -> tuple[dict[int, Ints], Ints]:
    """The REFERENCES members with the most receipts, each with its order, and the publishers to exclude.

    The check `reordered` reports publishers whose own messages are out of order, so this check leaves them out.
    """
    best: dict[int, Ints] = {}
    excluded = [np.zeros(0, np.int64)]
    for part in parts:
        excluded.append(part.excluded)
        best |= _best_informed(part)
        best = dict(sorted(best.items(), key=lambda item: -len(item[1]))[:REFERENCES])
    return best, np.unique(np.concatenate(excluded))


def _orders(history: History, contract: Contract, members: range) -> _MemberOrder:
    """The order in which some members received deliveries."""
    receipts = history.receipts
    rows = first_receipts(receipts, rows_of(receipts, members))
    _, afters = inversions(receipts, rows)
    excluded = np.unique(receipts.publisher[afters])
    rows.sort()  # the columns are read faster in their own order
    rows = rows[receipts.kind[rows] == Kind.DELIVERY]
    if contract.audience is Audience.OTHERS:
        rows = rows[receipts.subscriber[rows] != receipts.publisher[rows]]
    known = publication_rows(history.publications, receipts.publisher[rows], receipts.sequence[rows])
    rows, known = rows[known >= 0], known[known >= 0]
    order, _ = stable_order([receipts.subscriber[rows], rows])
    rows = rows[order]
    return _MemberOrder(receipts.subscriber[rows], known[order], receipts.publisher[rows], excluded)


def _best_informed(part: _MemberOrder) -> dict[int, Ints]:
    """The REFERENCES members with the most receipts, each with its order, the longest first."""
    numbers, starts, counts = np.unique(part.member, return_index=True, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:REFERENCES]
    return {int(numbers[at]): part.publication[starts[at] : starts[at] + counts[at]] for at in most}


def _places(best: dict[int, Ints], publications: int) -> dict[int, Ints]:
    """For each reference member, the position of each publication in its order (-1: not received).

    A reference whose order is contained in another's is left out: a member that disagrees with it disagrees with the
    other as well.
    """
    places: dict[int, Ints] = {}
    for reference, order in best.items():
        if any(order_at[0] >= 0 and np.all(np.diff(order_at) > 0) for order_at in (p[order] for p in places.values())):
            continue
        places[reference] = np.full(publications, -1, np.int64)
        places[reference][order] = np.arange(len(order))
    return places


def _first_descent(part: _MemberOrder, place: Ints) -> tuple[int, int, int] | None:
    """A member, and two rows that it received in the opposite order of the reference.

    The row that the reference received first comes first.
    """
    at = place[part.publication]
    shared = at >= 0
    member, publication = part.member[shared], part.publication[shared]
    down = np.flatnonzero((np.diff(at[shared]) < 0) & (np.diff(member) == 0))
    if not len(down):
        return None
    first = down[0]
    return int(member[first]), int(publication[first + 1]), int(publication[first])
