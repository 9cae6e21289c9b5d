"""The field: the owner of each cell, and the owner of the trail on it."""

from __future__ import annotations

LAND_MASK = 0x0F
TRAIL_SHIFT = 4
LANDS = bytes(value & LAND_MASK for value in range(256))
"""Table for bytes.translate, from cells to the marks of their owners."""
TRAILS = bytes(value >> TRAIL_SHIFT for value in range(256))
STEPS = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""(dx, dy) for up, right, down, left: directions 0 to 3; opposite ones differ by 2."""


class Field:
    """One byte per cell, row by row. The low half is the owner of the land, the high half that of the trail; 0: nobody.

    A cell is identified by its index, a player by a "mark": the seat number + 1.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.cells = bytearray(width * height)
        self._rim = frozenset(cell for cell in range(len(self.cells)) if self._on_rim(cell))

    def _on_rim(self, cell: int) -> bool:
        y, x = divmod(cell, self.width)
        return x in (0, self.width - 1) or y in (0, self.height - 1)

    def land(self, cell: int) -> int:
        """Return the mark of the owner."""
        return self.cells[cell] & LAND_MASK

    def trail(self, cell: int) -> int:
        """Return the mark of the owner of the trail."""
        return self.cells[cell] >> TRAIL_SHIFT

    def ahead(self, cell: int, direction: int) -> int:
        """Return the next cell in that direction; the same cell at the edge of the field."""
        y, x = divmod(cell, self.width)
        dx, dy = STEPS[direction]
        x, y = x + dx, y + dy
        return y * self.width + x if 0 <= x < self.width and 0 <= y < self.height else cell

    def own(self, cell: int, mark: int) -> None:
        """Give the land to a player. A trail on it stays."""
        self.cells[cell] = (self.cells[cell] & ~LAND_MASK) | mark

    def lay(self, cell: int, mark: int) -> None:
        """Lay the trail of a player here."""
        self.cells[cell] = (mark << TRAIL_SHIFT) | (self.cells[cell] & LAND_MASK)

    def count(self, mark: int) -> int:
        """Return the number of land cells of a player."""
        return self.cells.translate(LANDS).count(mark)

    def cells_of(self, mark: int) -> list[int]:
        """Return the land of a player without any trail on it, in order."""
        return [cell for cell, value in enumerate(self.cells) if value == mark]

    def wipe_trail(self, mark: int) -> None:
        """Remove the trail of a player. The land under it stays."""
        gone = bytes(value & LAND_MASK if value >> TRAIL_SHIFT == mark else value for value in range(256))
        self.cells[:] = self.cells.translate(gone)

    def wipe(self, mark: int) -> None:
        """Remove everything of a player."""
        self.wipe_trail(mark)
        gone = bytes(value & ~LAND_MASK if value & LAND_MASK == mark else value for value in range(256))
        self.cells[:] = self.cells.translate(gone)

    def has_trail(self, mark: int) -> bool:
        return mark in self.cells.translate(TRAILS)

    def claim(self, mark: int) -> None:
        """Turn a player's trail into land, and all cells that cannot reach the rim without crossing it."""
        for cell, value in enumerate(self.cells):
            if value >> TRAIL_SHIFT == mark:
                self.cells[cell] = mark
        outside = self._reachable(mark)
        for cell in range(len(self.cells)):
            if cell not in outside:
                self.own(cell, mark)

    def _reachable(self, mark: int) -> set[int]:
        """Return the cells from which a path to the rim avoids the land of a player."""
        seen = {cell for cell in self._rim if self.land(cell) != mark}
        waiting = list(seen)
        while waiting:
            cell = waiting.pop()
            for direction in range(len(STEPS)):
                next_cell = self.ahead(cell, direction)
                if next_cell not in seen and self.land(next_cell) != mark:
                    seen.add(next_cell)
                    waiting.append(next_cell)
        return seen

    def patch(self, cell: int) -> list[int]:
        """Return the cell and its neighbours, also diagonal ones, within the field."""
        y, x = divmod(cell, self.width)
        columns = range(max(0, x - 1), min(self.width, x + 2))
        rows = range(max(0, y - 1), min(self.height, y + 2))
        return [row * self.width + column for row in rows for column in columns]

    def distance(self, one: int, other: int) -> int:
        """Return the number of steps from one cell to another."""
        (y1, x1), (y2, x2) = divmod(one, self.width), divmod(other, self.width)
        return abs(x1 - x2) + abs(y1 - y2)
