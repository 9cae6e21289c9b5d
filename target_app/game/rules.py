"""The parameters of the game, its states, and the inputs of its players."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

SEATS = 8
MOST_PLANNED_TURNS = 3
"""Maximum number of turns that wait for their tick. A quick "up, left" is two turns in two ticks."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Sizes in cells, times in ticks."""

    seats: int = SEATS
    width: int = 48
    height: int = 32
    ready_ticks: int = 30
    round_ticks: int = 900
    over_ticks: int = 60
    respawn_ticks: int = 15
    away_ticks: int = 300
    """Ticks for which the seat of a lost connection is kept."""


class Phase(IntEnum):
    """The phase of a match. The numbers go over the wire."""

    WARM_UP = 0
    """Too few players for a round: those present move freely."""
    READY = 1
    """The players stand still and see their positions."""
    PLAY = 2
    OVER = 3
    """The result stands, until the next round."""


class Status(IntEnum):
    """The state of a seat. The numbers go over the wire."""

    DOWN = 0
    MOVING = 1
    AWAY = 2


@dataclass(frozen=True, slots=True)
class Sit:
    """A player takes a free seat."""

    seat: int


@dataclass(frozen=True, slots=True)
class Stand:
    """A player gives up the seat."""

    seat: int


@dataclass(frozen=True, slots=True)
class Away:
    """The connection of a player is lost."""

    seat: int


@dataclass(frozen=True, slots=True)
class Back:
    """A player is connected again."""

    seat: int


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of direction. The numbers of a player only grow. A turn with an older number was already applied."""

    seat: int
    seq: int
    direction: int
    note: str = ""
    """A note of the player. The rules ignore it."""


Input = Sit | Stand | Away | Back | Turn
