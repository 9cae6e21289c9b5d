"""`/notifications`: alerts for the user who signs in. Administrators also get the alerts to all administrators.

A client first gets its unread alerts, then each new one. Every alert stays unread until the reader acknowledges it. If
a reader has too many unread alerts, the sender of another one gets an error.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

from fastapi import APIRouter, WebSocket

from target_app.alerts import (
    ADMINS,
    AT_ONCE,
    DIALECT,
    Acknowledge,
    Alert,
    Send,
    Sent,
    Unread,
    Where,
    channel_of,
    inboxes_for,
    message_of,
    unread_of,
)
from target_app.close_reasons import TRY_AGAIN_LATER, Refusal
from target_app.conversation import Conversation, conversation, typed
from target_app.history import Entry, HistoryUnavailable, InboxFull
from target_app.messages import ErrorCode, ErrorMessage, Message
from target_app.services import Services
from target_app.tokens import Identity

router = APIRouter()


class Inbox:
    """The alerts sent to one connection. None is sent twice, although unread and live alerts overlap."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk
        self._early: list[Message] | None = []

    def heard(self, where: Where, entry: Entry) -> None:
        message = message_of(entry, where)
        if self._early is None:
            self._talk.send(message)
        else:
            self._early.append(message)

    async def open(self, alerts: list[Alert]) -> None:
        """Send the unread alerts as fast as the client reads, and then those that arrived in the meantime."""
        self._talk.send(Unread(alerts=alerts[:AT_ONCE]))
        for alert in alerts[AT_ONCE:]:
            await self._talk.connection.wait_room()
            self._talk.send(alert)
        shown = set(alerts)
        for message in self._early or ():
            if message not in shown:
                self._talk.send(message)
        self._early = None


def may_send(services: Services, identity: Identity, message: Send) -> ErrorMessage | None:
    """Return the reason why the alert may not be sent; None if it may."""
    if message.to == "admins" and not identity.is_admin:
        text = "Only administrators send alerts to administrators."
        return ErrorMessage(code=ErrorCode.FORBIDDEN, field="to", text=text, ref=message.id)
    if (message.to == "user") != (message.user is not None):
        text = "An alert to a user needs the name in `user`, any other does not."
        return ErrorMessage(code=ErrorCode.INVALID, field="user", text=text, ref=message.id)
    if message.user is not None and message.user not in services.settings.users:
        text = "There is no user of that name."
        return ErrorMessage(code=ErrorCode.NOT_FOUND, field="user", text=text, ref=message.id)
    return None


async def send(services: Services, identity: Identity, message: Send) -> Sent | ErrorMessage:
    """Store an alert and deliver it."""
    if error := may_send(services, identity, message):
        return error
    channel = ADMINS if message.user is None else channel_of(message.user)
    body = {"level": message.level, "text": message.text}
    inboxes = inboxes_for(message, identity, services.settings.users)
    try:
        stored = await services.timeline.post(channel, "alert", identity.user, message.id, body, inboxes)
    except InboxFull:
        services.counts["alerts.inbox_full"] += 1
        text = "Too many alerts wait to be acknowledged there; this one was not sent."
        return ErrorMessage(code=ErrorCode.UNAVAILABLE, text=text, ref=message.id)
    return Sent(id=message.id, seq=stored.seq, duplicate=stored.duplicate)


async def acknowledge(services: Services, identity: Identity, message: Acknowledge) -> None:
    """Store that the user has read this alert, and tell the user's other connections. Safe to repeat."""
    channel = ADMINS if message.to == "admins" else channel_of(identity.user)
    await services.history.acknowledge(identity.user, channel, message.seq)
    name, body = f"{message.to}:{message.seq}", {"to": message.to, "seq": message.seq}
    await services.timeline.post(channel_of(identity.user), "acknowledge", identity.user, name, body)


async def _attend(talk: Conversation) -> None:
    async for message in talk:
        match message:
            case Send():
                answer = await send(talk.services, talk.identity, message)
                if isinstance(answer, ErrorMessage):
                    talk.send_error(answer)
                else:
                    talk.send(answer)
            case Acknowledge():
                await acknowledge(talk.services, talk.identity, message)


async def _read(talk: Conversation) -> None:
    inbox, timeline, identity = Inbox(talk), talk.services.timeline, talk.identity
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(timeline.following(channel_of(talk.user), partial(inbox.heard, "user")))
        if identity.is_admin:
            await stack.enter_async_context(timeline.following(ADMINS, partial(inbox.heard, "admins")))
        await inbox.open(await unread_of(talk.services.history, talk.user, is_admin=identity.is_admin))
        await _attend(talk)


@router.websocket("/notifications")
async def notifications(websocket: WebSocket) -> None:
    async with (
        typed(websocket, "notifications") as connection,
        conversation(websocket, connection, "notifications", DIALECT) as talk,
    ):
        try:
            await _read(talk)
        except HistoryUnavailable:
            raise Refusal(TRY_AGAIN_LATER, "history_unavailable") from None
