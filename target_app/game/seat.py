"""A player in a match."""

from __future__ import annotations

from dataclasses import dataclass, field

from target_app.game.rules import MOST_PLANNED_TURNS, Status, Turn


@dataclass(slots=True)
class Seat:
    """Position and direction of a player."""

    number: int
    wakes_at: int
    """Tick at which a player who is down comes back, or at which an absent player loses the seat."""
    status: Status = Status.DOWN
    cell: int = 0
    direction: int = 0
    ack: int = 0
    """The greatest number among the turns taken."""
    cuts: int = 0
    planned: list[int] = field(default_factory=list)

    @property
    def mark(self) -> int:
        """The value of this player's cells in the field; 0 is nobody's."""
        return self.number + 1

    def take(self, turn: Turn) -> bool:
        """Plan a turn, unless too many wait already. Returns False if it was taken before."""
        if turn.seq <= self.ack:
            return False
        self.ack = turn.seq
        if self.status is Status.MOVING and len(self.planned) < MOST_PLANNED_TURNS:
            self.planned.append(turn.direction)
        return True

    def steer(self) -> None:
        """Make the next planned turn that changes the direction and does not reverse it."""
        while self.planned:
            direction = self.planned.pop(0)
            if (direction - self.direction) % 2:
                self.direction = direction
                return

    def fall(self, wakes_at: int) -> None:
        self.status, self.wakes_at = Status.DOWN, wakes_at
        self.planned.clear()

    def rise(self, cell: int, direction: int) -> None:
        self.status, self.cell, self.direction = Status.MOVING, cell, direction
        self.planned.clear()
