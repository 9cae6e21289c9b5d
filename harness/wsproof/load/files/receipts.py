"""The receipts of all workers, one file per column, mapped into memory.

The receipts of a long run do not fit into memory.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Receipts

NAMES = tuple(field.name for field in fields(Receipts))


class ReceiptColumns:
    """Growing column files in a directory, in this machine's byte order. Only this process reads them."""

    def __init__(self, folder: Path) -> None:
        self._paths = {name: folder / f"receipts.{name}.i64" for name in NAMES}
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
            return Receipts(*(np.zeros(0, np.int64) for _ in NAMES))
        return Receipts(
            *(np.asarray(np.memmap(path, np.int64, "r", shape=self._count)) for path in self._paths.values())
        )

    def remove(self) -> None:
        """Delete the files."""
        for path in self._paths.values():
            path.unlink(missing_ok=True)
