"""Messages of `/game/{match}`, in addition to the control messages. Binary frames have the state: `frames.py`."""

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
    """The client asks for a seat; with `key`, for the seat that it had."""

    type: Literal["sit"]
    name: Annotated[str, Field(pattern=r"^[^\s\p{C}][^\p{C}]*$", max_length=MAX_NAME_CHARACTERS)]
    """The name that the others in this match see."""
    key: Annotated[str, Field(max_length=64)] | None = None


class StandUp(Message):
    """The client gives up its seat, and keeps watching."""

    type: Literal["stand"]


class Steer(Message):
    """Change of direction. `seq` grows with every turn, so a turn that is sent twice counts once."""

    type: Literal["turn"]
    seq: Annotated[int, Field(ge=1, le=2**32 - 1)]
    direction: Direction
    note: Annotated[str, Field(max_length=MAX_NOTE_CHARACTERS)] = ""
    """A free text, by which clients that follow the turns can recognise this one."""


class Follow(Message):
    """The client asks for each turn with its tick. Together with the seed, the turns suffice to replay the match."""

    type: Literal["follow"]


class MatchOpened(Message):
    """The parameters of this match: the first message after the welcome. Frames with its state follow."""

    type: Literal["match"] = "match"
    match: str
    seed: str
    """Hexadecimal. The same seed and the same turns at the same ticks give the same match."""
    width: int
    height: int
    tick_ms: float
    ready_ticks: int
    round_ticks: int
    over_ticks: int
    respawn_ticks: int
    away_ticks: int
    """Ticks for which the seat of a lost connection is kept."""


class PlayerSeen(Message):
    """A player with a seat."""

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
    """The client has a seat. With its key it gets the seat back after a lost connection."""

    type: Literal["seated"] = "seated"
    seat: int
    key: str
    ack: int
    """The number of the client's latest turn. The next one must be greater."""


class Stood(Message):
    """The client has no seat any more: it gave the seat up, or was away for too long."""

    type: Literal["stood"] = "stood"


class Following(Message):
    """From now on the client receives each turn."""

    type: Literal["following"] = "following"


class Turned(Message):
    """A turn of a player. Clients that follow receive each turn once, and all in the same order."""

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
