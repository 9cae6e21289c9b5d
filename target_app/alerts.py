"""Alerts: to one user, or to all administrators; what a reader has not acknowledged, it gets again.

They live in the history. A user's own channel has the alerts to that user and what the user has acknowledged; the
administrators' alerts have a channel of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from target_app.dialect import Dialect
from target_app.history import Entry, HistoryStore
from target_app.messages import Message
from target_app.room_messages import Id, Name

ADMINS = "alerts:admins"
MOST_UNREAD = 200
"""Entries of a channel that are looked through for what is unread: older ones are let go."""

Level = Literal["info", "success", "warning", "critical"]
Where = Literal["user", "admins"]


class Send(Message):
    """An alert to a user by name, or to all administrators. Only administrators may send the latter."""

    type: Literal["send"]
    id: Id
    to: Where
    user: Name | None = None
    level: Level
    text: Annotated[str, StringConstraints(min_length=1, max_length=1_000)]


class Acknowledge(Message):
    """The alert has been read. It is gone on all of the user's connections."""

    type: Literal["acknowledge"]
    to: Where
    seq: int = Field(ge=1, le=2**53)


class Alert(Message):
    """An alert; `to` and `seq` together name it."""

    type: Literal["alert"] = "alert"
    to: Where
    seq: int
    at: float
    """Unix time in seconds."""
    sender: str
    level: Level
    text: str


class Unread(Message):
    """The first message after the welcome: all that waits to be acknowledged, oldest first."""

    type: Literal["unread"] = "unread"
    alerts: list[Alert]


class Acknowledged(Message):
    """This alert has been acknowledged, here or on another connection of the user."""

    type: Literal["acknowledged"] = "acknowledged"
    to: Where
    seq: int


class Sent(Message):
    """The alert is stored, and reaches whom it is for now or later."""

    type: Literal["sent"] = "sent"
    id: str
    seq: int
    duplicate: bool


DIALECT = Dialect(incoming=(Send, Acknowledge), outgoing=(Unread, Alert, Acknowledged, Sent))


def channel_of(user: str) -> str:
    """The history's channel of one user."""
    return f"alerts:user:{user}"


def message_of(entry: Entry, where: Where) -> Alert | Acknowledged:
    """What a client is told of this entry."""
    if entry.kind == "acknowledge":
        return Acknowledged(to=entry.body["to"], seq=entry.body["seq"])
    return Alert(
        to=where,
        seq=entry.seq,
        at=entry.at,
        sender=entry.sender,
        level=entry.body["level"],
        text=entry.body["text"],
    )


def unread(own: Iterable[Entry], admins: Iterable[Entry]) -> list[Alert]:
    """The alerts among these entries that nobody has acknowledged, oldest first."""
    own = list(own)
    read = {(entry.body["to"], entry.body["seq"]) for entry in own if entry.kind == "acknowledge"}
    alerts = [message_of(entry, "user") for entry in own] + [message_of(entry, "admins") for entry in admins]
    waiting = [alert for alert in alerts if isinstance(alert, Alert) and (alert.to, alert.seq) not in read]
    return sorted(waiting, key=lambda alert: alert.at)


async def unread_of(history: HistoryStore, user: str, *, is_admin: bool) -> list[Alert]:
    """What waits for this user. Raises HistoryUnavailable."""
    own = await history.latest(channel_of(user), MOST_UNREAD)
    return unread(own, await history.latest(ADMINS, MOST_UNREAD) if is_admin else ())
