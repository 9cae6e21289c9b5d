"""Column files, written continuously, so that a crash or Ctrl-C still leaves a record.

Each worker of a run appends to its own files: rows of little-endian int64 for numbers, a line of JSON for rare events.
A reader may read at any time, and takes the complete rows.
"""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Receipts

WIDTHS: dict[str, int] = {
    "publications": 6,  # publisher, sequence, intended_ns, sent_ns, phase, outcome
    "messages": 5,  # publisher, sequence, intended_ns, kind, intact; a row's number is the message's
    "receipts": 3,  # subscriber, message, received_ns
    "pulse": 3,  # at_ns, cpu_ns, loop_lag_ns
    "intervals": 4,  # after_ns, at_ns, messages, woke_ns: messages whose arrival is known within an interval
    "queues": 3,  # at_ns, queued_bytes, window_bytes: large reads only
}
"""The tables that a worker writes, and how many numbers a row of each has."""

JOURNAL = "journal"
"""The name of the journal, beside those of the tables."""

RECEIPT_COLUMNS = tuple(field.name for field in fields(Receipts))
"""The columns of the joined receipts."""


class RowFile:
    """A growing table. `rows` is a flat list, which the hot path only extends by whole rows.

    A list takes a row in a fifth of the time of array('q'): 60 ns against 290 ns for three numbers. `settle` packs and
    writes the rows so far. Frequent calls keep the portions small, so that each pause stays below 0.1 ms.
    """

    def __init__(self, path: Path) -> None:
        self.rows: list[int] = []
        self.source: Callable[[], bytes] = bytes
        """Returns rows that were recorded elsewhere since the last call, packed as int64: the compiled reader's."""
        self._packed: list[bytes] = []
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def collect(self) -> None:
        """Take the source's rows. They come after those that are in `rows` now, and before those that follow."""
        if packed := self.source():
            if self.rows:
                self._packed.append(array("q", self.rows).tobytes())
                self.rows.clear()
            self._packed.append(packed)

    def unwritten(self) -> list[int]:
        """All rows that are not in the file yet, one after the other."""
        self.collect()
        return [*array("q", b"".join(self._packed)), *self.rows]

    def settle(self) -> None:
        """Append the rows so far to the file."""
        self.collect()
        if self._packed:  # only on little-endian machines
            _write_all(self._file, memoryview(b"".join(self._packed)))
            self._packed.clear()
        if self.rows:
            packed = array("q", self.rows)
            self.rows.clear()
            if sys.byteorder == "big":
                packed.byteswap()
            _write_all(self._file, memoryview(packed).cast("B"))

    def close(self) -> None:
        self.settle()
        os.close(self._file)


class Journal:
    """Rare events with text: opened and ended connections, messages without envelope, protocol violations."""

    def __init__(self, path: Path) -> None:
        self._lines: list[str] = []
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, what: str, **details: Any) -> None:
        """Add an entry."""
        self._lines.append(json.dumps({"what": what, **details}))

    def settle(self) -> None:
        """Append the entries so far to the file."""
        if self._lines:
            text = "\n".join(self._lines) + "\n"
            self._lines.clear()
            _write_all(self._file, memoryview(text.encode()))

    def close(self) -> None:
        self.settle()
        os.close(self._file)


def _write_all(file: int, data: memoryview) -> None:
    while data:
        data = data[os.write(file, data) :]


def table_path(folder: Path, worker: int, table: str) -> Path:
    """The path of a worker's table, or of its journal."""
    return folder / f"worker-{worker}.{table}.{'jsonl' if table == JOURNAL else 'i64'}"


class Tail:
    """Reads the new rows of a growing table. An incomplete row is left for the next call."""

    def __init__(self, folder: Path, worker: int, table: str) -> None:
        self._path = table_path(folder, worker, table)
        self._width = WIDTHS[table]
        self._offset = 0

    def read(self, most_rows: int | None = None) -> NDArray[np.int64]:
        """The new rows, at most `most_rows`. Each row of the table is a row of the result."""
        data = _bytes_from(self._path, self._offset, None if most_rows is None else most_rows * 8 * self._width)
        complete = len(data) - len(data) % (8 * self._width)
        self._offset += complete
        return np.frombuffer(data[:complete], dtype="<i8").reshape(-1, self._width).astype(np.int64, copy=False)

    @property
    def waiting(self) -> int:
        """The number of new rows in the file."""
        size = self._path.stat().st_size if self._path.exists() else 0
        return (size - self._offset) // (8 * self._width)


class JournalTail:
    """Reads the new entries of a growing journal. An incomplete line is left for the next call."""

    def __init__(self, folder: Path, worker: int) -> None:
        self._path = table_path(folder, worker, JOURNAL)
        self._offset = 0

    def read(self) -> list[dict[str, Any]]:
        """The new entries."""
        data = _bytes_from(self._path, self._offset)
        complete = data.rfind(b"\n") + 1
        self._offset += complete
        return [json.loads(line) for line in data[:complete].splitlines()]


def _bytes_from(path: Path, offset: int, most: int | None = None) -> bytes:
    if not path.exists():  # the worker has not begun, or ended before it could
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(most)


def worker_files(folder: Path, workers: Iterable[int]) -> list[Path]:
    """All files that these workers may have written."""
    return [table_path(folder, worker, table) for worker in workers for table in (*WIDTHS, JOURNAL)]


class ReceiptColumns:
    """The receipts of all workers: one growing file per column, in this machine's byte order, mapped into memory.

    The receipts of a long run do not fit into memory. Only this process reads the files.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = {name: folder / f"receipts.{name}.i64" for name in RECEIPT_COLUMNS}
        self._count = 0

    def append(self, rows: NDArray[np.int64]) -> None:
        """Append receipts, one per row, with columns in the order of `Receipts`."""
        for column, path in enumerate(self._paths.values()):
            with path.open("ab" if self._count else "wb") as file:
                np.ascontiguousarray(rows[:, column]).tofile(file)
        self._count += len(rows)

    def receipts(self) -> Receipts:
        """All receipts so far. They stay readable while a reference exists, even after `remove`."""
        if not self._count:
            return Receipts(*(np.zeros(0, np.int64) for _ in RECEIPT_COLUMNS))
        return Receipts(
            *(np.asarray(np.memmap(path, np.int64, "r", shape=self._count)) for path in self._paths.values())
        )

    def remove(self) -> None:
        """Delete the files."""
        for path in self._paths.values():
            path.unlink(missing_ok=True)
