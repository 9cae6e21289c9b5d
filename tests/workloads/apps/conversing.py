"""A channel with a protocol, in plain ASGI, correct except for the planted fault that FAULT names.

    {"type": "init"}               is answered {"type": "ack"}; an earlier message closes the connection with 4401
    {"type": "subscribe"}          is answered {"type": "subscribed"}
    {"type": "publish", "text": T} all subscribers get {"type": "next", "text": T}
    {"type": "pong", "id": N}      answers {"type": "ping", "id": N}, which every third message brings along

A member gets no more until it has answered a ping, and nothing at all before its first {"type": "beat"}. So a client
that does not answer or beat receives nothing, however slow the machine is.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")
"""`refuses`: {"type": "error"} instead of an ack; `no room`: not more than two subscribers are answered; `late`:
subscribed only some messages after it says so; `forgets`: every fifth message is lost; `ignores pongs`: closes with
4408 over a pong."""
LATE = 2
"""Number of publications that a subscriber with the fault `late` does not get."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Subscriber:
    """One connection. Its own task sends its queue, and waits for pongs."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.is_ready = False
        self.beat = asyncio.Event()
        self.pongs = asyncio.Semaphore(0)
        self.late = LATE if FAULT == "late" else 0
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.writer = asyncio.create_task(self.write())

    async def say(self, message: dict[str, Any]) -> None:
        await self.send({"type": "websocket.send", "text": json.dumps(message)})

    async def write(self) -> None:
        with contextlib.suppress(Exception):  # whatever the server raises for a peer that has gone
            for number in itertools.count(1):
                message = await self.queue.get()
                await self.beat.wait()
                await self.say(message)
                if number % 3 == 0:
                    await self.say({"type": "ping", "id": number})
                    await self.pongs.acquire()


everybody: list[Subscriber] = []
count = 0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    subscriber = Subscriber(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            code = await obey(subscriber, json.loads(message.get("text") or "{}"))
            if code is not None:
                await send({"type": "websocket.close", "code": code})
                break
    except (ValueError, AttributeError):
        pass
    finally:
        if subscriber in everybody:
            everybody.remove(subscriber)
        subscriber.writer.cancel()


async def obey(subscriber: Subscriber, request: dict[str, Any]) -> int | None:
    """Answer a request. Returns the code to close with, or None."""
    match request.get("type"):
        case "init":
            subscriber.is_ready = FAULT != "refuses"
            await subscriber.say({"type": "error" if FAULT == "refuses" else "ack"})
        case "subscribe" | "publish" if not subscriber.is_ready:
            return 4401
        case "subscribe" if FAULT != "no room" or len(everybody) < 2:
            everybody.append(subscriber)
            await subscriber.say({"type": "subscribed"})
        case "publish":
            publish(request["text"])
        case "pong":
            subscriber.pongs.release()
            return 4408 if FAULT == "ignores pongs" else None
        case "beat":
            subscriber.beat.set()
    return None


def publish(text: str) -> None:
    global count
    count += 1
    if FAULT == "forgets" and count % 5 == 0:
        return
    for each in everybody:
        if each.late:
            each.late -= 1
        else:
            each.queue.put_nowait({"type": "next", "text": text})
