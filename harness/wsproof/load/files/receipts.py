"""The receipts of all workers, a file per column, mapped into memory: of a long run there are more than fit into it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Receipts

NAMES = tuple(field.name for field in fields(Receipts))


class ReceiptColumns:
    """Growing columns in a folder. Their bytes are this machine's own: whoever reads them has written them."""

    def __init__(self, folder: Path) -> None:
        self._paths = {name: folder / f"receipts.{name}.i64" for name in NAMES}
        self._count = 0

    def append(self, rows: NDArray[np.int64]) -> None:
        """Add receipts, one per row, their columns in the order of `Receipts`."""
        for column, path in enumerate(self._paths.values()):
            with path.open("ab" if self._count else "wb") as file:
                np.ascontiguousarray(rows[:, column]).tofile(file)
        self._count += len(rows)

    def receipts(self) -> Receipts:
        """All so far. They can be read as long as somebody holds them, even when the files are gone."""
        if not self._count:
            return Receipts(*(np.zeros(0, np.int64) for _ in NAMES))
        return Receipts(
            *(np.asarray(np.memmap(path, np.int64, "r", shape=self._count)) for path in self._paths.values())
        )

    def remove(self) -> None:
        """Take the files away."""
        for path in self._paths.values():
            path.unlink(missing_ok=True)
