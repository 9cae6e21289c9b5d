"""What a client says of each message: `Report`, one row per delivery, as a file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wsproof.model.envelope import find_envelope

Row = tuple[int, bytes, int]
"""Who received it, its payload, and when."""
COLUMNS = ("subscriber", "publisher", "sequence", "sent_ns", "received_ns")


@dataclass(frozen=True)
class Report:
    """Deliveries, their keys and times; `lag_ns` is what the client knows of its own lateness (empty: nothing).

    `after_ns` is the earliest time at which each may have arrived, for a client that knows it; otherwise it is the time
    of receipt.
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
    """What a rival has noted down. `sent`: when each key was handed over; what left before `since_ns` is warm-up."""
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
