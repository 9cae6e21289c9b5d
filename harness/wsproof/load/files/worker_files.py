"""Reads the workers' files during or after the run, and joins them into the columns of a history.

Only receipts are numerous. They are joined in portions and written to disk again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.load.files.columns import WIDTHS, JournalTail, ReceiptColumns, Tail
from wsproof.load.worker.recorder import NO_ENVELOPE
from wsproof.model.history import Kind, Receipts
from wsproof.model.partition import slices

SUBSCRIBER, PUBLISHER, SEQUENCE, INTENDED, RECEIVED, KIND, INTACT, MESSAGE = range(8)
"""The columns of joined receipts: those of `history.Receipts`, and the message's number in its worker."""

Rows = NDArray[np.int64]
AT_ONCE = 500_000
"""Receipts that are joined at once. The limit bounds the memory and does not change the result."""


class WorkerRecords:
    """One worker's files."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._publications = Tail(folder, worker, "publications")
        self._messages = Tail(folder, worker, "messages")
        self._receipts = Tail(folder, worker, "receipts")
        self._pulse = Tail(folder, worker, "pulse")
        self._intervals = Tail(folder, worker, "intervals")
        self._queues = Tail(folder, worker, "queues")
        self._journal = JournalTail(folder, worker)
        self.messages: Rows = empty("messages")
        self.publications: list[Rows] = []
        self.without_envelope: list[Rows] = []
        self.pulse: list[Rows] = []
        self.intervals: list[Rows] = []
        self.queues: list[Rows] = []
        self.journal: list[dict[str, Any]] = []

    def update(self) -> Iterator[Rows]:
        """Read the new rows. Yields the new receipts that have an envelope, in portions."""
        # Count the receipts before the messages are read. A worker writes a message first, so each receipt finds its
        # message.
        waiting = self._receipts.waiting
        fresh = self._messages.read()
        if len(fresh):
            self.messages = np.concatenate([self.messages, fresh])
        self.publications.append(self._publications.read())
        self.pulse.append(self._pulse.read())
        self.intervals.append(self._intervals.read())
        self.queues.append(self._queues.read())
        self.journal += self._journal.read()
        while waiting > 0:
            rows = self._receipts.read(min(waiting, AT_ONCE))
            waiting -= len(rows)
            yield self._join(rows)

    def _join(self, rows: Rows) -> Rows:
        """Add each receipt's message as columns. Receipts without envelope go to `without_envelope`."""
        rows = rows[rows[:, 1] < len(self.messages)]  # a worker that was killed may leave a receipt without its message
        of_message = self.messages[rows[:, 1]]
        joined = np.column_stack([rows[:, 0], of_message[:, :3], rows[:, 2], of_message[:, 3:], rows[:, 1]])
        has_envelope = (joined[:, KIND] == Kind.DELIVERY) | (joined[:, KIND] == Kind.REPLY)
        self.without_envelope.append(joined[(joined[:, KIND] == NO_ENVELOPE) | (joined[:, KIND] == Kind.TICK)])
        with_envelope: Rows = joined[has_envelope]
        return with_envelope


class Records:
    """All workers' files of a run."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.columns = ReceiptColumns(folder)
        self.workers: Sequence[WorkerRecords] = [WorkerRecords(folder, number) for number in range(workers)]

    def update(self) -> None:
        """Read the new rows of all workers."""
        for worker in self.workers:
            for with_envelope in worker.update():
                self.columns.append(with_envelope)

    def publications(self) -> Rows:
        """All publications so far, sorted by publisher and sequence number."""
        parts = [part for worker in self.workers for part in worker.publications]
        rows = np.concatenate([empty("publications"), *parts])
        return rows[np.lexsort((rows[:, 1], rows[:, 0]))]

    def receipts(self) -> Receipts:
        """All receipts with an envelope so far, in the order in which each subscriber read them."""
        return self.columns.receipts()

    def journal(self) -> list[dict[str, Any]]:
        """All journal entries so far, worker by worker."""
        return [entry for worker in self.workers for entry in worker.journal]


def empty(table: str) -> Rows:
    """A table without rows."""
    return np.zeros((0, WIDTHS[table]), np.int64)


def first_receipts(receipts: Receipts, kind: int, members: int) -> Rows:
    """Time of each member's first receipt of a kind. 0 if there is none."""
    first = np.full(members, np.iinfo(np.int64).max)
    for part in slices(0, len(receipts)):
        chosen = receipts.kind[part] == kind
        np.minimum.at(first, receipts.subscriber[part][chosen], receipts.received_ns[part][chosen])
    return np.where(first == np.iinfo(np.int64).max, 0, first)
