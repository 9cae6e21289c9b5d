"""`/rooms/{room}`: a chat with accounts, history and acknowledgements.

A client signs in and sends `join`. It gets the messages that it missed, the list of members, and then live messages, in
the same order as all others. The server acknowledges a message after it is stored. A retry has the same id and is
stored once. A client that returns with the `epoch` and `seq` of its last message learns whether messages are missing
(`recovered`). The messages: `room_messages.py`.
"""

from __future__ import annotations

import asyncio
import secrets

from fastapi import APIRouter, WebSocket

from target_app.close_reasons import POLICY_VIOLATION, TRY_AGAIN_LATER, Refusal
from target_app.conversation import Conversation, conversation, typed
from target_app.history import HistoryUnavailable, Recovery, recover
from target_app.limits import TokenBucket
from target_app.messages import ErrorCode, ErrorMessage, Message
from target_app.outbox import Outgoing
from target_app.room_messages import DIALECT, Ack, Join, Joined, Say, Tell, Typing, Who
from target_app.rooms import Room, Rooms, channel_of, message_of
from target_app.services import Services

MAX_NAME_CHARACTERS = 64
MOST_MISSED = 500
"""Most entries that a returning client gets. A client that missed more gets the latest ones instead."""

LATEST = 50
"""Entries that a new client gets."""

RETRY_AFTER_MS = 1_000

router = APIRouter()


class Guest:
    """A signed-in connection as a member of a room."""

    def __init__(self, talk: Conversation) -> None:
        self.user = talk.user
        self._talk = talk

    def deliver(self, message: Outgoing) -> None:
        self._talk.connection.deliver(message)


async def welcome_back(services: Services, room: str, join: Join) -> tuple[Joined, Recovery]:
    """Return the first message to a client that joins, and the entries after it. Raises HistoryUnavailable."""
    channel, history = channel_of(room), services.history
    if join.epoch is None:
        recovery, recovered = Recovery(False, await history.latest(channel, LATEST)), None
    else:
        recovery = await recover(history, channel, join.epoch, join.seq, MOST_MISSED)
        recovered = recovery.recovered
    last = recovery.entries[-1].seq if recovery.entries else join.seq if recovered else 0
    return Joined(room=room, epoch=history.epoch, seq=last, recovered=recovered), recovery


async def post(services: Services, room: str, user: str, message: Say | Tell) -> Ack | ErrorMessage:
    """Store a message of `user`, deliver it to the room, and return the acknowledgement."""
    body, present = {"text": message.text}, None
    channel = channel_of(room)
    if isinstance(message, Tell):
        body["to"] = message.to
        present = message.to in services.presence.members(channel)
    try:
        stored = await services.timeline.post(channel, message.type, user, message.id, body)
    except HistoryUnavailable:
        return _unavailable(message.id)
    return Ack(
        id=message.id,
        seq=stored.seq,
        epoch=stored.epoch,
        at=stored.at,
        duplicate=stored.duplicate,
        present=present,
    )


def _unavailable(ref: str | None = None) -> ErrorMessage:
    text = "The message cannot be stored at the moment; try again."
    return ErrorMessage(code=ErrorCode.UNAVAILABLE, text=text, ref=ref, retry_after_ms=RETRY_AFTER_MS)


async def _catch_up(talk: Conversation, room: Room, name: str, join: Join) -> None:
    """Send the missed messages. None is lost afterwards: there is no await between the last read and the return."""
    joined, recovery = await welcome_back(talk.services, name, join)
    talk.send(joined)
    entries, last = recovery.entries, joined.seq
    while True:
        for entry in entries:
            talk.send(message_of(entry, talk.user))
            last = entry.seq
            await talk.connection.wait_room()
        entries = await room.rest(last)
        if not entries:
            return


async def _attend(talk: Conversation, room: Room, name: str) -> None:
    typing = TokenBucket(1.0, 3, asyncio.get_running_loop().time())
    async for message in talk:
        match message:
            case Say() | Tell():
                talk.send(await post(talk.services, name, talk.user, message))
            case Typing():
                if typing.take(asyncio.get_running_loop().time()):
                    await room.tell_typing(talk.user)
            case Who():
                talk.send(room.members())
            case Join():
                talk.send_error(_wrong("You are in the room already."))


def _wrong(text: str, message: Message | None = None) -> ErrorMessage:
    return ErrorMessage(code=ErrorCode.INVALID, field="type", text=text, ref=getattr(message, "id", None))


async def _first_join(talk: Conversation) -> Join | None:
    async for message in talk:
        if isinstance(message, Join):
            return message
        talk.send_error(_wrong("Send `join` first.", message))
    return None


@router.websocket("/rooms/{name}")
async def room(websocket: WebSocket, name: str) -> None:
    async with typed(websocket, "rooms") as connection:
        if len(name) > MAX_NAME_CHARACTERS or not name.isprintable():
            raise Refusal(POLICY_VIOLATION, "room_name_not_printable_or_too_long")
        async with conversation(websocket, connection, "rooms", DIALECT) as talk:
            join = await _first_join(talk)
            if join is None:
                return
            try:
                await _be_in(talk, name, join)
            except HistoryUnavailable:
                talk.send(_unavailable())
                raise Refusal(TRY_AGAIN_LATER, "history_unavailable") from None


async def _be_in(talk: Conversation, name: str, join: Join) -> None:
    presence, me = talk.services.presence, secrets.token_hex(8)
    async with talk.services.shared(Rooms).entered(name) as room:
        try:
            presence.join(room.channel, talk.user, me)
            await _catch_up(talk, room, name, join)
            with room.attending(Guest(talk)):
                talk.send(room.members())
                await _attend(talk, room, name)
        finally:
            presence.leave(room.channel, me)
