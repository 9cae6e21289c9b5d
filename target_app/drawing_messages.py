"""Messages of `/draw/{board}`, in addition to the control messages. `drawing.py` has their effects.

Cursors are sent as binary frames, because they are many and small. All numbers are unsigned and big-endian:

    client to server    u8 1, u16 x, u16 y          position of the pointer; both 65535: not over the paper
    server to client    u8 1, then for each cursor that is over the paper: u16 member, u16 x, u16 y

Every frame of the server has all cursors, so a newer frame can replace one that still waits to be sent.
"""

from __future__ import annotations

import struct
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from target_app.dialect import Dialect
from target_app.drawing import HEIGHT, MAX_POINTS_OF_STROKE, WIDTH
from target_app.messages import ErrorCode, ErrorMessage, Message

MAX_POINTS_OF_MESSAGE = 256
CURSORS = 1
CURSOR_IN = struct.Struct(">BHH")
CURSOR_OUT = struct.Struct(">HHH")
NOWHERE = 0xFFFF

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Color = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
PenWidth = Annotated[int, Field(ge=1, le=80)]
Seq = Annotated[int, Field(ge=0, le=2**53)]


class Join(Message):
    """The client asks for the board; with `epoch` and `since`, only for the changes since then."""

    type: Literal["join"]
    epoch: str | None = Field(default=None, max_length=64)
    since: Seq = 0


class Draw(Message):
    """Points of a stroke of this client, from its point number `at` on. Safe to repeat."""

    type: Literal["draw"]
    id: Id
    at: Annotated[int, Field(ge=0, le=MAX_POINTS_OF_STROKE)]
    points: Annotated[list[int], Field(max_length=2 * MAX_POINTS_OF_MESSAGE)]
    """x and y alternately."""
    color: Color
    width: PenWidth
    done: bool

    @field_validator("points")
    @classmethod
    def _are_on_the_paper(cls, points: list[int]) -> list[int]:
        if len(points) % 2:
            raise ValueError("every x needs its y")
        if points and not (min(points) >= 0 and max(points[::2]) <= WIDTH and max(points[1::2]) <= HEIGHT):
            raise ValueError(f"the paper is {WIDTH} wide and {HEIGHT} high")
        return points


class Undo(Message):
    """Remove a stroke of this user, for all. Safe to repeat."""

    type: Literal["undo"]
    id: Id


class Clear(Message):
    """Remove all strokes, for all. Administrators only."""

    type: Literal["clear"]


class CursorMoved(Message):
    """The content of a binary frame from a client, which has no JSON form."""

    type: Literal["cursor"] = "cursor"
    x: int
    y: int


def read_cursor(raw: bytes) -> Message | ErrorMessage:
    """Parse the binary frame of a client."""
    if len(raw) == CURSOR_IN.size and raw[0] == CURSORS:
        _, x, y = CURSOR_IN.unpack(raw)
        if (x <= WIDTH and y <= HEIGHT) or x == y == NOWHERE:
            return CursorMoved(x=x, y=y)
    text = f"A cursor is 5 bytes: 1, x (2 bytes, at most {WIDTH}), y (2 bytes, at most {HEIGHT})."
    return ErrorMessage(code=ErrorCode.INVALID, text=text)


class WholeStroke(Message):
    """A stroke with all its points. It replaces an earlier state of the same stroke."""

    type: Literal["stroke"] = "stroke"
    seq: Seq
    id: str
    by: str
    order: int
    """Its layer: a stroke with a greater number is on top."""
    color: str
    width: int
    points: list[int]
    done: bool
    undone: bool


class MorePoints(Message):
    """New points at the end of a stroke that has `at` points so far."""

    type: Literal["points"] = "points"
    seq: Seq
    id: str
    at: int
    points: list[int]
    done: bool


class Undone(Message):
    """The author removed a stroke."""

    type: Literal["undone"] = "undone"
    seq: Seq
    id: str


class Cleared(Message):
    """All strokes were removed."""

    type: Literal["cleared"] = "cleared"
    seq: Seq


class BoardState(Message):
    """Strokes that changed. After the last part (`more` is false) single changes follow, without a gap in `seq`."""

    type: Literal["board"] = "board"
    board: str
    epoch: str
    """It changes with a new board, such as after a restart. Numbers of different epochs are not comparable."""
    seq: Seq
    member: int
    """The number of this connection among the cursors."""
    reset: bool
    """Whether the client must discard all strokes that it knows."""
    more: bool
    strokes: list[WholeStroke]


class Member(Message):
    """One connection to the board."""

    type: Literal["member"] = "member"
    member: int
    user: str


class Members(Message):
    """The users at the board, with the number of each cursor."""

    type: Literal["members"] = "members"
    members: list[Member]


CHANGES: dict[str, type[Message]] = {
    "stroke": WholeStroke,
    "points": MorePoints,
    "undone": Undone,
    "cleared": Cleared,
}
DIALECT = Dialect(
    incoming=(Join, Draw, Undo, Clear),
    outgoing=(BoardState, WholeStroke, MorePoints, Undone, Cleared, Members),
    from_binary=read_cursor,
)


def change_text(change: dict[str, Any]) -> str:
    """The text of a change of the board, as all members receive it."""
    return CHANGES[change["type"]](**change).to_json()
