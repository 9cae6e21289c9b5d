"""A client's view of the frames, written from their documented layout and independent of the server's code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SeatSeen:
    seat: int
    status: int
    direction: int
    x: int
    y: int
    land: int
    cuts: int
    ack: int


class GameView:
    """The latest state, from frames in any order and with gaps, as a slow connection gets them."""

    def __init__(self, width: int, height: int) -> None:
        self.tick = -1
        self.phase = 0
        self.ticks_left = 0
        self.seats: list[SeatSeen] = []
        self.cells = bytes(width * height)
        self._base = -1
        self._base_cells = self.cells

    def take(self, frame: bytes) -> bool:
        """Apply a frame. Returns False if it builds on a snapshot that was not received."""
        number = int.from_bytes
        assert frame[0] == 1
        tick, base = number(frame[1:5], "big"), number(frame[5:9], "big")
        if base not in (tick, self._base) or tick < self._base:
            return False
        cells = bytearray(len(self.cells) if base == tick else self._base_cells)
        seats, at = [], 13
        for _ in range(frame[12]):
            seat, how, x, y = frame[at : at + 4]
            land, cuts = number(frame[at + 4 : at + 6], "big"), frame[at + 6]
            seats.append(SeatSeen(seat, how & 15, how >> 4, x, y, land, cuts, number(frame[at + 7 : at + 11], "big")))
            at += 11
        assert (len(frame) - at) % 5 == 0
        for run in range(at, len(frame), 5):
            first, length = number(frame[run : run + 2], "big"), number(frame[run + 2 : run + 4], "big")
            assert length > 0
            assert first + length <= len(cells)
            cells[first : first + length] = bytes([frame[run + 4]]) * length
        self.tick, self.phase, self.ticks_left = tick, frame[9], number(frame[10:12], "big")
        self.seats, self.cells = seats, bytes(cells)
        if base == tick:
            self._base, self._base_cells = base, self.cells
        return True
