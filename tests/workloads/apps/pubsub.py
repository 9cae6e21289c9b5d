"""A small JSON pub/sub with rooms, in plain ASGI, correct except for the planted fault that FAULT names.

    {"op": "subscribe", "room": R, "name": N}    is answered {"event": "welcome"}
    {"op": "publish", "text": T}                 all in the room get {"event": "said", "who": N, "text": T}

Joins and departures are announced to the room: {"event": "joined", "who": N}, {"event": "left", "who": N}. Any other
message is answered {"event": "error"}.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Subscriber:
    """One connection. Its own task sends its queue, so that no member waits for another."""

    def __init__(self, send: Send) -> None:
        self.name = ""
        self.room: int | None = None
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.send = send
        self.writer = asyncio.create_task(self.write())

    async def write(self) -> None:
        with contextlib.suppress(Exception):  # whatever the server raises for a peer that has gone
            while True:
                await self.send({"type": "websocket.send", "text": json.dumps(await self.queue.get())})


everybody: list[Subscriber] = []
count = 0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await converse(Subscriber(send), receive)


async def converse(subscriber: Subscriber, receive: Receive) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        try:
            obey(subscriber, json.loads(message.get("text") or ""))
        except (ValueError, KeyError, TypeError):
            subscriber.queue.put_nowait({"event": "error"})
    subscriber.writer.cancel()
    if subscriber in everybody:
        everybody.remove(subscriber)
        if FAULT != "departures are not announced":
            announce(subscriber, {"event": "left", "who": subscriber.name})


def obey(subscriber: Subscriber, order: dict[str, Any]) -> None:
    if order["op"] == "subscribe":
        subscriber.room, subscriber.name = order["room"], order["name"]
        if subscriber not in everybody:  # a second subscription must not duplicate messages
            announce(subscriber, {"event": "joined", "who": subscriber.name})
            everybody.append(subscriber)
        subscriber.queue.put_nowait({"event": "welcome"})
    elif order["op"] == "publish" and subscriber in everybody:
        publish(subscriber, order["text"])


def publish(subscriber: Subscriber, text: str) -> None:
    global count
    count += 1
    lossy = {"every fifth is lost": 5, "every 50th is lost": 50}.get(FAULT)
    if lossy is None or count % lossy:
        announce(subscriber, {"event": "said", "who": subscriber.name, "text": text})


def announce(subject: Subscriber, event: dict[str, Any]) -> None:
    excluded = subject if FAULT == "the publisher does not hear itself" else None
    leaks = FAULT == "messages leak" if event["event"] == "said" else FAULT == "notices leak"
    for recipient in everybody:
        if recipient is not excluded and (recipient.room == subject.room or leaks):
            recipient.queue.put_nowait(event)
