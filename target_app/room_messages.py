"""Messages of a room (`/rooms/{room}`), in both directions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from target_app.dialect import Dialect
from target_app.messages import MAX_TEXT_CHARACTERS, Message
from target_app.users import MAX_NAME_CHARACTERS

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""The client's own id of a message, unique per message. A message with a known id is a retry."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARACTERS)]


class Join(Message):
    """Enter the room. With `epoch` and `seq` of the last message seen, the server sends missed messages."""

    type: Literal["join"]
    epoch: str | None = Field(default=None, max_length=64)
    seq: int = Field(default=0, ge=0, le=2**53)


class Say(Message):
    """A text to all users in the room. The server answers with `ack`. Without an `ack`, retry with the same id."""

    type: Literal["say"]
    id: Id
    text: Text


class Tell(Message):
    """A text to one user. The rules of `say` apply."""

    type: Literal["tell"]
    id: Id
    to: Name
    text: Text


class Typing(Message):
    """The user is typing. Send it once a second at most."""

    type: Literal["typing"]


class Who(Message):
    """The client asks for `members`."""

    type: Literal["who"]


class Joined(Message):
    """The first answer to `join`. Missed messages follow, then `members`, then live messages.

    `recovered` true: no message is missing between the client's `seq` and now. False: some are missing, or `epoch` has
    changed; the latest messages follow, and the client should discard older ones. Absent: the client gave no `epoch`.
    """

    type: Literal["joined"] = "joined"
    room: str
    epoch: str
    seq: int
    """The last sequence number before this client joined."""
    recovered: bool | None = None


class Said(Message):
    """A text of a user to the room. `seq` has no gaps in a room, and gives all clients the same order."""

    type: Literal["said"] = "said"
    seq: int
    at: float
    """Unix time in seconds, by the server's clock."""
    user: str
    id: str | None
    text: str


class Told(Message):
    """A text of one user to another. Only these two receive it."""

    type: Literal["told"] = "told"
    seq: int
    at: float
    user: str
    to: str
    id: str | None
    text: str


class Passed(Message):
    """The message with this number is between two other users."""

    type: Literal["passed"] = "passed"
    seq: int


class Ack(Message):
    """The message is stored under this number. `duplicate`: it was stored before, and is not delivered again."""

    type: Literal["ack"] = "ack"
    id: str
    seq: int
    epoch: str
    at: float
    duplicate: bool
    present: bool | None = None
    """For `tell`: whether the recipient is in the room now. Otherwise it is delivered later."""


class Present(Message):
    """A user entered with a first connection, or left with the last one."""

    type: Literal["presence"] = "presence"
    event: Literal["join", "leave"]
    user: str


class Members(Message):
    """The names of the users in the room."""

    type: Literal["members"] = "members"
    users: list[str]


class SomebodyTypes(Message):
    """A user is typing, or was typing a moment ago."""

    type: Literal["typing"] = "typing"
    user: str


DIALECT = Dialect(
    incoming=(Join, Say, Tell, Typing, Who),
    outgoing=(Joined, Said, Told, Passed, Ack, Present, Members, SomebodyTypes),
)
