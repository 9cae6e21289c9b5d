"""Counts the expected receipts that are still missing, so that the drain ends with the last one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from wsproof.load.files.worker_files import Records, first_receipts
from wsproof.load.worker.recorder import kind_of_first_receipt
from wsproof.model.contract import Audience, Contract
from wsproof.model.expected import publication_rows
from wsproof.model.history import Kind, Publications, Receipts
from wsproof.model.partition import slices

CELLS = 1_000_000
"""Publications times members examined at once. The limit bounds the memory and does not change the result."""


class OutstandingReceipts:
    """Counts the deliveries that are missing: publications to members that had joined when they were sent.

    Create the object after the last publication has been handed over. `update` then reads what the workers have written
    since.
    """

    def __init__(self, records: Records, contract: Contract, members: int, rooms: Sequence[int] | None = None) -> None:
        records.update()
        self._records = records
        self._contract = contract
        self._members = members
        self._rooms = np.array(rooms if rooms is not None else [0] * members, np.int64)
        # A publication that could not be handed over (sent_ns 0) has no expected receipts.
        sent = records.publications()
        self._publications = sent[sent[:, 3] > 0]
        self._sent = Publications(*(self._publications[:, column] for column in range(6)))
        self._in_ns = first_receipts(records.receipts(), kind_of_first_receipt(contract), members)
        self._received = np.zeros((len(self._publications), members), bool)
        self._answered = np.zeros(len(self._publications), bool)
        self._rows_read = 0

    def update(self) -> int:
        """Read the new receipts and return how many are still missing."""
        self._records.update()
        receipts = self._records.receipts()
        for part in slices(self._rows_read, len(receipts)):
            self._take(receipts, part)
        self._rows_read = len(receipts)
        self._exclude_refused()
        has_left = [entry["member"] for entry in self._records.journal() if entry["what"] == "left"]
        is_present = np.ones(self._members, bool)
        is_present[has_left] = False
        missing = 0
        step = max(1, CELLS // max(1, self._members))
        for first in range(0, len(self._publications), step):
            part = slice(first, first + step)
            missing += int((self._expected(part) & ~self._received[part] & is_present).sum())
        if self._contract.replies:
            publishers = self._publications[:, 0]
            missing += int((~self._answered & is_present[publishers]).sum())
        return missing

    def _exclude_refused(self) -> None:
        """Expect nothing of publications whose HTTP requests did not succeed."""
        refused = [entry for entry in self._records.journal() if entry["what"] == "refused"]
        keys = np.array([(entry["publisher"], entry["sequence"]) for entry in refused], np.int64).reshape(-1, 2)
        rows = publication_rows(self._sent, keys[:, 0], keys[:, 1])
        self._received[rows[rows >= 0]] = True
        self._answered[rows[rows >= 0]] = True

    def _expected(self, part: slice) -> NDArray[np.bool_]:
        """A row per publication and a column per member: whether the member is expected to receive it."""
        publisher, sent_ns = self._publications[part, 0], self._publications[part, 3]
        expected: NDArray[np.bool_] = (self._in_ns > 0) & (self._in_ns <= sent_ns[:, None])
        expected &= self._rooms[publisher][:, None] == self._rooms
        is_own = publisher[:, None] == np.arange(self._members)
        match self._contract.audience:
            case Audience.OTHERS:
                expected &= ~is_own
            case Audience.PUBLISHER:
                expected &= is_own
            case Audience.NOBODY:
                expected[:] = False
        return expected

    def _take(self, receipts: Receipts, part: slice) -> None:
        kind = receipts.kind[part]
        rows = publication_rows(self._sent, receipts.publisher[part], receipts.sequence[part])
        is_published = (rows >= 0) & (receipts.intact[part] == 1)
        deliveries = is_published & (kind == Kind.DELIVERY)
        self._received[rows[deliveries], receipts.subscriber[part][deliveries]] = True
        self._answered[rows[is_published & (kind == Kind.REPLY)]] = True
