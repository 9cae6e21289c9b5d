"""The state of a match as bytes.

One layout serves snapshots and deltas. All numbers are unsigned and big-endian:

    u8  kind            1
    u32 tick
    u32 base            the tick of the snapshot that the cells build on; base = tick: this is a snapshot
    u8  phase           0 warm-up, 1 ready, 2 play, 3 over
    u16 ticks left in the phase
    u8  number of seats, and for each taken one:
        u8  seat
        u8  status (low half: 0 down, 1 moving, 2 away) and direction (high half: 0 up, 1 right, 2 down, 3 left)
        u8  x
        u8  y
        u16 cells of land
        u8  trails cut in this round (255: or more)
        u32 number of the latest turn taken
    the rest: runs of equal cells, each
        u16 first cell (row by row)
        u16 length
        u8  value (low half: owner's seat + 1, high half: trail's seat + 1, 0: nobody)

The runs of a snapshot apply to an empty field, those of a delta to the field of its base. A delta has all changes since
that snapshot, not since the previous delta. So a client that misses some deltas is complete again after the latest one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from target_app.game.match import Match

STATE = 1
HEAD = struct.Struct(">BIIBHB")
SEAT = struct.Struct(">BBBBHBI")
RUN = struct.Struct(">HHB")


class StateFrames:
    """The frames of a match: a snapshot from time to time, and deltas in between."""

    def __init__(self, match: Match, ticks_between_snapshots: int) -> None:
        self._match = match
        self._between = ticks_between_snapshots
        self._empty = bytes(len(match.field.cells))
        self.snapshot = b""
        self._take_snapshot()

    def next_frame(self) -> bytes:
        """Return the frame for the current tick, and renew `snapshot` if that is due."""
        if self._match.tick - self._base >= self._between:
            self._take_snapshot()
        return self.latest()[-1]

    def latest(self) -> list[bytes]:
        """Return the frames for a newcomer: the snapshot and, if the match has advanced since, the delta to now."""
        if self._match.tick == self._base:
            return [self.snapshot]
        return [self.snapshot, self._frame(self._cells)]

    def _take_snapshot(self) -> None:
        self._base = self._match.tick
        self._cells = bytes(self._match.field.cells)
        self.snapshot = self._frame(self._empty)

    def _frame(self, before: bytes) -> bytes:
        match, width = self._match, self._match.rules.width
        seats = match.seats()
        parts = [HEAD.pack(STATE, match.tick, self._base, match.phase, match.ticks_left, len(seats))]
        for seat in seats:
            y, x = divmod(seat.cell, width)
            land = match.field.count(seat.mark)
            how = seat.status | seat.direction << 4
            parts.append(SEAT.pack(seat.number, how, x, y, land, min(seat.cuts, 255), seat.ack))
        parts.extend(RUN.pack(*run) for run in runs(before, match.field.cells))
        return b"".join(parts)


def runs(before: bytes, after: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Yield the differences of `after` as runs of one value: (first cell, length, value)."""
    start = 0
    while start < len(after):
        if before[start] == after[start]:
            start += 1
            continue
        value, end = after[start], start + 1
        while end < len(after) and after[end] == value and before[end] != value:
            end += 1
        yield start, end - start, value
        start = end
