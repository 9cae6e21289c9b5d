"""Which receipt belongs to which publication: the join that every delivery metric starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsproof.model.contract import Contract
from wsproof.model.history import History, Kind
from wsproof.model.owed import owed, publication_rows
from wsproof.model.plan import Phase

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Deliveries:
    """Intact first receipts of measured publications, one row each, by members who were in when they were sent.

    What a member was told of the time before it came (a history, say) is no delivery that took so long. `publication`
    is the row in the history's publications; `intended_ns` and `sent_ns` are that publication's own. A second receipt
    of the same publication by the same subscriber is an anomaly, not a sample.
    """

    publication: Ints
    intended_ns: Ints
    sent_ns: Ints
    received_ns: Ints

    @property
    def latency_ns(self) -> Ints:
        """Receipt - intended send time."""
        return self.received_ns - self.intended_ns

    @property
    def service_ns(self) -> Ints:
        """Receipt - actual send time."""
        known = self.sent_ns > 0
        return self.received_ns[known] - self.sent_ns[known]


@dataclass(frozen=True)
class Fanout:
    """How far each measured publication reached; one row each, only those that were owed to anybody.

    An incomplete one has no time to last and no spread (of some subscriber the receipt never came); it lowers `reach`.
    """

    reach: NDArray[np.float64]
    time_to_last_ns: Ints
    spread_ns: Ints


def deliveries(history: History) -> Deliveries:
    """Join receipts with publications: a million receipts in well under a second."""
    published, receipts = history.publications, history.receipts
    rows = publication_rows(published, receipts.publisher, receipts.sequence)
    useful = np.flatnonzero((rows >= 0) & (receipts.kind == Kind.DELIVERY) & (receipts.intact == 1))
    useful = useful[published.phase[rows[useful]] == Phase.MEASURED]
    in_ns = np.array([member.in_ns for member in history.members], np.int64)
    useful = useful[published.sent_ns[rows[useful]] >= in_ns[receipts.subscriber[useful]]]
    useful = useful[_first_of_each(rows[useful], receipts.subscriber[useful])]
    publication = rows[useful]
    return Deliveries(
        publication,
        published.intended_ns[publication],
        published.sent_ns[publication],
        receipts.received_ns[useful],
    )


def fanout(history: History, contract: Contract, joined: Deliveries) -> Fanout:
    """Hold what came against what was owed."""
    published = history.publications
    first = np.full(len(published), np.iinfo(np.int64).max)
    last = np.zeros(len(published), dtype=np.int64)
    np.minimum.at(first, joined.publication, joined.received_ns)
    np.maximum.at(last, joined.publication, joined.received_ns)
    due = owed(history, contract)
    measured = published.phase == Phase.MEASURED
    # A publication that arrived only damaged counts as got, but was never received whole: it has no last receipt.
    complete = measured & due.complete & (last > 0)
    return Fanout(
        due.reach[measured & (due.owed > 0)],
        (last - published.intended_ns)[complete],
        (last - first)[complete],
    )


def _first_of_each(publication: Ints, subscriber: Ints) -> NDArray[np.intp]:
    """Positions of the first receipt of each (publication, subscriber)."""
    if not len(publication):
        return np.zeros(0, dtype=np.intp)
    key = publication * (int(subscriber.max()) + 1) + subscriber
    positions: NDArray[np.intp] = np.unique(key, return_index=True)[1]
    return positions
