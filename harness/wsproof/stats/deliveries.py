"""The join of receipts and publications, on which every delivery metric is based."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsproof.model.contract import Audience, Contract
from wsproof.model.expected import expected_deliveries, publication_rows
from wsproof.model.history import History, Kind, Outcome, Publications
from wsproof.model.partition import groups
from wsproof.model.plan import Phase

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Deliveries:
    """Intact first receipts of measured publications, one row each, by members that were in when they were sent.

    Those of a member that reads slowly on purpose are left out: their latency is its own.
    A message that was sent before a member was in (such as a chat history) is not a delivery with a long latency, so it
    is left out. `publication` is the row in the history's publications. `intended_ns` and `sent_ns` are those of that
    publication. A second receipt of a publication by the same subscriber is an anomaly and not a sample.
    """

    published: Publications
    publication: NDArray[np.int32]
    received_ns: Ints

    @property
    def intended_ns(self) -> Ints:
        """Intended send time of each delivery's publication."""
        return self.published.intended_ns[self.publication]

    @property
    def sent_ns(self) -> Ints:
        """Actual send time of each delivery's publication."""
        return self.published.sent_ns[self.publication]

    @property
    def latency_ns(self) -> Ints:
        """Receipt - intended send time."""
        return self.received_ns - self.intended_ns

    @property
    def service_ns(self) -> Ints:
        """Receipt - actual send time, for the deliveries whose send time is known."""
        service = self.received_ns - self.sent_ns
        is_sent = self.published.sent_ns > 0
        return service if is_sent.all() else service[is_sent[self.publication]]


@dataclass(frozen=True)
class PublicationDeliveries:
    """Reach of each measured publication that somebody was expected to receive.

    A publication that could not be made, because the server had ended its publisher's connection, reached nobody. An
    incomplete publication lacks the receipt of some subscriber. It has no time to last and no spread, and it lowers
    `reach`.
    """

    reach: NDArray[np.float64]
    time_to_last_ns: Ints
    spread_ns: Ints
    complete: Ints
    """Rows of the complete publications. `first_ns` and `last_ns` are the times of their first and last receipts."""
    first_ns: Ints
    last_ns: Ints


def deliveries(history: History) -> Deliveries:
    """Join receipts with publications.

    A million receipts take well under a second, and each takes 12 bytes.
    """
    publication, received = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
    for rows in groups(history.receipts):
        useful, of = _useful(history, rows)
        publication.append(of.astype(np.int32))
        received.append(history.receipts.received_ns[useful])
    return Deliveries(history.publications, np.concatenate(publication), np.concatenate(received))


def _useful(history: History, rows: Ints) -> tuple[Ints, Ints]:
    """Select the receipts that are the first of a delivery, and the rows of their publications."""
    published, receipts = history.publications, history.receipts
    rows = rows[(receipts.kind[rows] == Kind.DELIVERY) & (receipts.intact[rows] == 1)]
    of = publication_rows(published, receipts.publisher[rows], receipts.sequence[rows])
    rows, of = rows[of >= 0], of[of >= 0]
    in_ns = np.array([member.in_ns for member in history.members], np.int64)
    reads = np.array([member.is_well_behaved for member in history.members], np.bool_)
    by = receipts.subscriber[rows]
    chosen = (published.phase[of] == Phase.MEASURED) & (published.sent_ns[of] >= in_ns[by]) & reads[by]
    rows, of = rows[chosen], of[chosen]
    first = _first_of_each(of, receipts.subscriber[rows])
    return rows[first], of[first]


def fanout(history: History, contract: Contract, joined: Deliveries) -> PublicationDeliveries:
    """Compare the receipts with the expected deliveries."""
    published = history.publications
    first = np.full(len(published), np.iinfo(np.int64).max)
    last = np.zeros(len(published), dtype=np.int64)
    np.minimum.at(first, joined.publication, joined.received_ns)
    np.maximum.at(last, joined.publication, joined.received_ns)
    due = expected_deliveries(history, contract)
    measured = published.phase == Phase.MEASURED
    # A publication that arrived only damaged counts as received, but has no intact receipt and thus no last one.
    complete = np.flatnonzero(measured & due.complete & (last > 0))
    failed = measured & (published.outcome == Outcome.FAILED) & (contract.audience is not Audience.NOBODY)
    reach = np.where(failed, 0.0, due.reach)
    return PublicationDeliveries(
        reach[measured & ((due.expected > 0) | failed)],
        (last - published.intended_ns)[complete],
        (last - first)[complete],
        complete,
        first[complete],
        last[complete],
    )


def _first_of_each(publication: Ints, subscriber: Ints) -> NDArray[np.intp]:
    """Positions of the first receipt of each (publication, subscriber)."""
    if not len(publication):
        return np.zeros(0, dtype=np.intp)
    key = publication * (int(subscriber.max()) + 1) + subscriber
    positions: NDArray[np.intp] = np.unique(key, return_index=True)[1]
    return positions
