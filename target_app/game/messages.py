"""Messages of `/game/{match}`, beside the control messages. The state is sent in binary frames: `frames.py`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from target_app.dialect import Dialect
from target_app.messages import Message

Direction: TypeAlias = Literal["up", "right", "down", "left"]
DIRECTIONS: tuple[Direction, ...] = ("up", "right", "down", "left")
MAX_NAME_CHARACTERS = 16
MAX_NOTE_CHARACTERS = 200


class SitDown(Message):
    """Give me a seat; with `key`, the one that I had."""

    type: Literal["sit"]
    name: Annotated[str, Field(pattern=r"^[^\s\p{C}][^\p{C}]*$", max_length=MAX_NAME_CHARACTERS)]
    """My name for the others in this match."""
    key: Annotated[str, Field(max_length=64)] | None = None


class StandUp(Message):
    """I give my seat up and go on watching."""

    type: Literal["stand"]


class Steer(Message):
    """Turn. `seq` grows with every turn, so that one that is sent again does not count again."""

    type: Literal["turn"]
    seq: Annotated[int, Field(ge=1, le=2**32 - 1)]
    direction: Direction
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARACTERS)] = ""
    """Words of one's own, by which those who follow the turns may know this one."""


class Follow(Message):
    """Tell me each turn that is taken, with its tick: with the seed, all that is needed to play the match again."""

    type: Literal["follow"]


class MatchOpened(Message):
    """The parameters of this match: the first message after the welcome. Frames with its state follow."""

    type: Literal["match"] = "match"
    match: str
    seed: str
    """Hexadecimal. With the same seed and the same inputs at the same ticks the match goes the same way again."""
    width: int
    height: int
    tick_ms: float
    ready_ticks: int
    round_ticks: int
    over_ticks: int
    respawn_ticks: int
    away_ticks: int
    """Seconds for which the seat of a lost connection is kept."""


class PlayerSeen(Message):
    """Somebody on a seat."""

    type: Literal["player"] = "player"
    seat: int
    name: str
    user: str


class Players(Message):
    """The players, and the number of spectators."""

    type: Literal["players"] = "players"
    players: list[PlayerSeen]
    spectators: int


class Seated(Message):
    """You have a seat. With its key you get it back after a lost connection."""

    type: Literal["seated"] = "seated"
    seat: int
    key: str
    ack: int
    """The number of your latest turn; go on above it."""


class Stood(Message):
    """You have no seat any more: you gave it up, or were away for too long."""

    type: Literal["stood"] = "stood"


class Following(Message):
    """From here on you are told each turn."""

    type: Literal["following"] = "following"


class Turned(Message):
    """A turn was taken. Those who follow get each, once, and all in one order."""

    type: Literal["turned"] = "turned"
    tick: int
    seat: int
    seq: int
    direction: Direction
    note: str


DIALECT = Dialect(
    incoming=(SitDown, StandUp, Steer, Follow),
    outgoing=(MatchOpened, Players, Seated, Stood, Following, Turned),
)
