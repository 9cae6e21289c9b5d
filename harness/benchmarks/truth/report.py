"""The times that a client reports: one row per delivery, stored as a file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wsproof.model.envelope import find_envelope

Row = tuple[int, bytes, int]
"""The receiving member, the payload, and the time of receipt."""
COLUMNS = ("subscriber", "publisher", "sequence", "sent_ns", "received_ns")


@dataclass(frozen=True)
class Report:
    """The deliveries of a client, with their keys and times.

    `lag_ns` is the lateness that the client measured of itself (empty: none). `after_ns` is the earliest possible time
    of arrival, for a client that knows it, and else the time of receipt.
    """

    subscriber: NDArray[np.int64]
    publisher: NDArray[np.int64]
    sequence: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    lag_ns: NDArray[np.int64]
    after_ns: NDArray[np.int64]

    def save(self, file: Path) -> None:
        np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def load(cls, file: Path) -> Report:
        with np.load(file) as columns:
            return cls(**{field.name: columns[field.name] for field in fields(cls)})


def report_of(rows: list[Row], sent: dict[tuple[int, int], int], since_ns: int) -> Report:
    """Make the report of a rival from its notes.

    `sent` has the send time of each key. Messages that were sent before `since_ns` belong to the warm-up.
    """
    found = []
    for subscriber, payload, received_ns in rows:
        opened = find_envelope(payload)
        if opened is None or payload.startswith(b"You: "):
            continue
        key = (opened.envelope.publisher, opened.envelope.sequence)
        if sent.get(key, 0) >= since_ns:
            found.append((subscriber, *key, sent[key], received_ns))
    table = np.array(found, np.int64).reshape(-1, 5)
    columns = dict(zip(COLUMNS, table.T, strict=True))
    return Report(**columns, lag_ns=np.zeros(0, np.int64), after_ns=columns["received_ns"])
