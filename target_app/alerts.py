"""Alerts to one user, or to all administrators. A reader gets an alert again until it is acknowledged.

The history stores them. A user's own channel has the alerts to that user and the user's acknowledgements. Alerts to
administrators have a separate channel. An alert that was confirmed to its sender is kept until its readers have
acknowledged it. If too many alerts are unread, a new one is refused, and no older one is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from target_app.dialect import Dialect
from target_app.history import Entry, HistoryStore, Inboxes
from target_app.messages import Message
from target_app.room_messages import Id, Name
from target_app.tokens import Identity
from target_app.users import User

ADMINS = "alerts:admins"
MOST_UNREAD = 1_000
"""Alerts that may wait for one reader in one channel."""

MOST_UNREAD_OF_USERS = 500
"""Limit of waiting alerts for senders that are no administrators, so that they cannot fill an inbox."""

MOST_UNREAD_OF_ONE_USER = 50
"""Limit of waiting alerts per reader and sender, for senders that are no administrators."""

AT_ONCE = 50
"""Alerts in one message. With the longest texts they fit into an outbox of the default size."""

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
    """The user has read the alert. It disappears from all connections of the user."""

    type: Literal["acknowledge"]
    to: Where
    seq: int = Field(ge=1, le=2**53)


class Alert(Message):
    """An alert, which `to` and `seq` identify."""

    type: Literal["alert"] = "alert"
    to: Where
    seq: int
    at: float
    """Unix time in seconds."""
    sender: str
    level: Level
    text: str


class Unread(Message):
    """The first message after the welcome: the unread alerts, oldest first.

    It has 50 alerts at most. The others follow, each as an `alert`.
    """

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
    """Return the message that tells a client of this entry."""
    if entry.kind == "acknowledge":
        return Acknowledged(to=entry.body["to"], seq=entry.body["seq"])
    return _alert(entry, where)


def _alert(entry: Entry, where: Where) -> Alert:
    return Alert(
        to=where,
        seq=entry.seq,
        at=entry.at,
        sender=entry.sender,
        level=entry.body["level"],
        text=entry.body["text"],
    )


def inboxes_for(message: Send, sender: Identity, users: Mapping[str, User]) -> Inboxes:
    """Return the inboxes that an alert goes to, with the limits of waiting alerts."""
    admins = tuple(sorted(name for name, user in users.items() if "admin" in user.roles))
    readers = admins if message.user is None else (message.user,)
    if sender.is_admin:
        return Inboxes(readers, MOST_UNREAD, MOST_UNREAD)
    return Inboxes(readers, MOST_UNREAD_OF_USERS, MOST_UNREAD_OF_ONE_USER)


async def unread_of(history: HistoryStore, user: str, *, is_admin: bool) -> list[Alert]:
    """Return the waiting notifications of this user, oldest first. Raises HistoryUnavailable."""
    alerts = [_alert(entry, "user") for entry in await history.unread(user, channel_of(user))]
    if is_admin:
        alerts += [_alert(entry, "admins") for entry in await history.unread(user, ADMINS)]
    return sorted(alerts, key=lambda alert: alert.at)
