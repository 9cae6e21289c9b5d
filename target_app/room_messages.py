"""Messages of a room (`/rooms/{room}`), in both directions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from target_app.dialect import Dialect
from target_app.messages import MAX_TEXT_CHARACTERS, Message
from target_app.users import MAX_NAME_CHARACTERS

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""A name that a client gives its own message, different for each: the same one again is the same message again."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARACTERS)]


class Join(Message):
    """Enter the room. With `epoch` and `seq` of the last message seen: and hear what was missed since then."""

    type: Literal["join"]
    epoch: str | None = Field(default=None, max_length=64)
    seq: int = Field(default=0, ge=0, le=2**53)


class Say(Message):
    """To all in the room. Answered with `ack`; send it again under the same id when no `ack` came."""

    type: Literal["say"]
    id: Id
    text: Text


class Tell(Message):
    """To one user, under the same rules."""

    type: Literal["tell"]
    id: Id
    to: Name
    text: Text


class Typing(Message):
    """The user is typing; worth telling about once a second or less often."""

    type: Literal["typing"]


class Who(Message):
    """Asks for `members`."""

    type: Literal["who"]


class Joined(Message):
    """The first answer to `join`; what was missed follows, then `members`, then what happens.

    `recovered` true: nothing is left out between the client's `seq` and now. False: something is, or its cursor was
    from another time (`epoch`), and the latest messages follow instead: forget the older ones. Absent: it had none.
    """

    type: Literal["joined"] = "joined"
    room: str
    epoch: str
    seq: int
    """The last number before this client's joining."""
    recovered: bool | None = None


class Said(Message):
    """Somebody said something; `seq` counts in the room without holes, and is the same order for all."""

    type: Literal["said"] = "said"
    seq: int
    at: float
    """Unix time in seconds, by the server's clock."""
    user: str
    id: str | None
    text: str


class Told(Message):
    """One user said something to another; only these two get it."""

    type: Literal["told"] = "told"
    seq: int
    at: float
    user: str
    to: str
    id: str | None
    text: str


class Passed(Message):
    """This number went to a message between two others."""

    type: Literal["passed"] = "passed"
    seq: int


class Ack(Message):
    """The message is stored and has its number. `duplicate`: it had it before, and was not said again."""

    type: Literal["ack"] = "ack"
    id: str
    seq: int
    epoch: str
    at: float
    duplicate: bool
    present: bool | None = None
    """For `tell`: whether the other user is in the room now; else it is read later."""


class Present(Message):
    """A user came (with the first connection) or went (with the last)."""

    type: Literal["presence"] = "presence"
    event: Literal["join", "leave"]
    user: str


class Members(Message):
    """The names of the users in the room."""

    type: Literal["members"] = "members"
    users: list[str]


class SomebodyTypes(Message):
    """A user is typing, or was a moment ago."""

    type: Literal["typing"] = "typing"
    user: str


DIALECT = Dialect(
    incoming=(Join, Say, Tell, Typing, Who),
    outgoing=(Joined, Said, Told, Passed, Ack, Present, Members, SomebodyTypes),
)
