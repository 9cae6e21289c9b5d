"""Do messages arrive in the order in which they were published, and does everyone see the same order?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wsproof.checks.check import found
from wsproof.checks.repeats import first_receipts
from wsproof.checks.story import Story
from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Kind
from wsproof.model.owed import Ints, publication_rows

REFERENCES = 8
"""With how many of the best-informed members everybody's order is compared."""


def reordered(history: History, contract: Contract) -> list[Finding]:
    """Everyone receives the messages of one publisher in the order in which it sent them."""
    if contract.order is Order.NONE:
        return []
    got = history.receipts
    befores, afters = _inversions(history)
    if not len(afters):
        return []
    story = Story(history)
    first = np.argmin(got.received_ns[afters])
    before, after = int(befores[first]), int(afters[first])
    return [
        found(
            Anomaly.REORDERED,
            contract,
            f"{story.who(int(got.subscriber[before]))} received message {int(got.sequence[before])} of "
            f"{story.who(int(got.publisher[before]))} before its message {int(got.sequence[after])}"
            f"{f' ({len(afters)} inversions in all)' if len(afters) > 1 else ''}.",
            [story.receipt(before), story.receipt(after)],
            occurrences=len(afters),
        )
    ]


@dataclass(frozen=True)
class _Disagreement:
    one: int
    other: int
    earlier: int
    later: int


def agreed_order(history: History, contract: Contract) -> list[Finding]:
    """All members see all messages in one and the same order."""
    if not (contract.agreed_order or contract.order is Order.TOTAL):
        return []
    split = _disagreement(history, contract)
    if split is None:
        return []
    story, sent = Story(history), history.publications
    first, second = (story.what(int(sent.publisher[r]), int(sent.sequence[r])) for r in (split.earlier, split.later))
    return [
        found(
            Anomaly.REORDERED,
            contract,
            f"{story.who(split.one)} received {first} before {second}; {story.who(split.other)} received them the "
            "other way round: there is no one order for all.",
            [
                f"{story.who(split.one)} receives {first}, then {second}",
                f"{story.who(split.other)} receives {second}, then {first}",
            ],
            level=Level.VIOLATION if contract.order is Order.TOTAL else Level.NON_STRICT,
        )
    ]


def _disagreement(history: History, contract: Contract) -> _Disagreement | None:
    """Two members and two publications (rows) that they saw in opposite orders.

    Everyone is compared with the few members that received most. That finds every disagreement about messages which
    those received, and stays linear in the receipts.
    """
    # A publisher whose own messages come out of order is told by the other check, and would be told here again.
    _, afters = _inversions(history)
    told = np.unique(history.receipts.publisher[afters])
    best: dict[int, Ints] = {}
    for orders in _orders(history, contract, told):
        best = dict(sorted((best | orders).items(), key=lambda item: -len(item[1]))[:REFERENCES])
    for orders in _orders(history, contract, told):
        for one, reference in best.items():
            place = np.full(len(history.publications), -1, np.int64)
            place[reference] = np.arange(len(reference))
            for other, order in orders.items():
                pair = _first_descent(order[place[order] >= 0], place, history)
                if pair is not None:
                    return _Disagreement(one, other, *pair)
    return None


def _orders(history: History, contract: Contract, told: Ints) -> Iterator[dict[int, Ints]]:
    """Of some members at a time: the publications (rows) that each received, in its own order."""
    got = history.receipts
    for rows in first_receipts(got):
        rows = rows[got.kind[rows] == Kind.DELIVERY]
        if contract.audience is Audience.OTHERS:
            rows = rows[got.subscriber[rows] != got.publisher[rows]]
        rows = rows[~np.isin(got.publisher[rows], told)]
        known = publication_rows(history.publications, got.publisher[rows], got.sequence[rows])
        rows, known = rows[known >= 0], known[known >= 0]
        by_member = np.argsort(got.subscriber[rows], kind="stable")
        numbers, starts = np.unique(got.subscriber[rows][by_member], return_index=True)
        yield dict(zip(numbers.tolist(), np.split(known[by_member], starts[1:]), strict=True)) if len(numbers) else {}


def _first_descent(order: Ints, place: Ints, history: History) -> tuple[int, int] | None:
    """Two rows that `order` has the other way round than `place`: the latter's first one first."""
    publisher = history.publications.publisher
    down = np.flatnonzero((np.diff(place[order]) < 0) & (np.diff(publisher[order]) != 0))
    return (int(order[down[0] + 1]), int(order[down[0]])) if len(down) else None


def _inversions(history: History) -> tuple[Ints, Ints]:
    """Pairs of rows, one after the other for their subscriber: of one publisher, and the sequence goes down."""
    got = history.receipts
    before, after = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for rows in first_receipts(got):
        grouped = rows[np.lexsort((rows, got.publisher[rows], got.kind[rows], got.subscriber[rows]))]
        late = np.ones(max(len(grouped) - 1, 0), dtype=bool)
        for column in (got.subscriber, got.kind, got.publisher):
            late &= np.diff(column[grouped]) == 0
        late &= np.diff(got.sequence[grouped]) < 0
        at = np.flatnonzero(late)
        before.append(grouped[at])
        after.append(grouped[at + 1])
    return np.concatenate(before), np.concatenate(after)
