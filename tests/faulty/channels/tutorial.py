"""The tutorial's channels in one file of plain ASGI, correct except for the planted fault that FAULT names.

Started by tests as `tests.faulty.channels.tutorial:app`. Without a fault it must pass the suite, also with
`snapshot` or `fresh snapshot`: both are correct behaviour, and a fault may be planted beside them (`snapshot + NAME`).
`GET /fault/NAME` plants another fault and resets the server, so that one process serves many tests.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")
PERIOD = float(os.environ.get("TARGET_APP_DASHBOARD_PERIOD", "0.1"))
QUEUE = 100_000
NOTICE_DELAY_S = 1.5

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def planted(fault: str) -> bool:
    return fault in FAULT.split(" + ")


class Member:
    """One connection. Its own task sends its queue, so that no member waits for another."""

    def __init__(self, name: str, send: Send) -> None:
        self.name = name
        self.send = send
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.writer = asyncio.create_task(self.write())
        self.count = 0
        self.last = ""

    async def write(self) -> None:
        try:
            while True:
                text = await self.queue.get()
                if planted("slow but lossless"):
                    await asyncio.sleep(0.1)
                await self.send({"type": "websocket.send", "text": text})
        except Exception:  # noqa: BLE001 - whatever the server raises for a peer that has gone
            return

    def put(self, text: str) -> None:
        if self.queue.qsize() < QUEUE:
            self.queue.put_nowait(text)


room: list[Member] = []
viewers: list[Member] = []
producers: list[asyncio.Task[None]] = []
held: list[str] = []
latest: list[str] = []
"""The dashboard's latest message, for new viewers."""
stopped: list[bool] = []
count = 0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await receive()
        headers = [(b"content-length", b"0")] if planted("an extra header") else []
        await send({"type": "websocket.accept", "headers": headers})
        path = scope["path"]
        channel = echo if path == "/ws" else dashboard if path == "/dashboard-feed" else chat
        await channel(Member(path.rpartition("/")[2], send), receive)
    else:
        known = scope["path"].startswith("/fault/")
        if known:
            plant(scope["path"].removeprefix("/fault/"))
        await send({"type": "http.response.start", "status": 200 if known else 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def plant(fault: str) -> None:
    """Plant another fault, and reset the server."""
    global FAULT, count
    FAULT, count = fault, 0
    while producers:
        producers.pop().cancel()
    for collection in (room, viewers, held, latest, stopped):
        collection.clear()


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def echo(member: Member, receive: Receive) -> None:
    while (text := await next_text(member, receive)) is not None:
        member.count += 1
        if planted("echo strips whitespace") and text != text.strip():
            text = text.strip()
        if planted("echo loses") and member.count % 3 == 0:
            continue
        if planted("echo swaps") and member.count % 4 == 2:
            held.append(text)
            continue
        member.put(f"Message received: {text}")
        if planted("echo swaps") and held:
            member.put(f"Message received: {held.pop()}")
        if planted("echo repeats") and member.count == 3:
            member.put(f"Message received: {text}")
    member.writer.cancel()


async def next_text(member: Member, receive: Receive) -> str | None:
    """Return the next text, or None at the end. A binary frame closes the connection."""
    message = await receive()
    if message["type"] == "websocket.receive":
        text: str | None = message.get("text")
        if text is not None:
            return text
        await member.send({"type": "websocket.close", "code": 1003})
    return None


def broadcast(text: str, publisher: Member | None = None) -> None:
    global count
    count += 1
    listeners = list(room)
    if planted("chat loses") and count % 7 == 0:
        listeners = listeners[:-1]
    if planted("chat does not include the sender") and publisher is not None:
        listeners = [member for member in listeners if member is not publisher]
    if planted("chat has no total order") and publisher is room[0]:
        # The others receive the messages of the first member late and in their order.
        asyncio.get_running_loop().call_later(0.004, put_all, listeners[1:], text)
        listeners = listeners[:1]
    for member in listeners:
        member.put(text)
        if planted("chat repeats") and count % 6 == 0:
            member.put(text)


def broadcast_if_present(text: str, publisher: Member) -> None:
    if publisher in room:
        broadcast(text, publisher)


def put_all(listeners: list[Member], text: str) -> None:
    for member in listeners:
        member.put(text)


async def chat(member: Member, receive: Receive) -> None:
    if any(stopped):
        member.writer.cancel()
    if not planted("chat forgets its third member") or len(room) != 2:
        room.append(member)
    last_close: int | None = None
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            last_close = message.get("code")
            break
        text = message.get("text")
        if text is None:
            if planted("a binary frame stops all deliveries") or planted(
                "a binary frame stops all deliveries for good"
            ):
                for other in room:
                    other.writer.cancel()
                stopped.append(planted("a binary frame stops all deliveries for good"))
            await member.send({"type": "websocket.close", "code": 1003})
            break
        await handle_text(member, text)
    await handle_departure(member, last_close)


async def handle_text(member: Member, text: str) -> None:
    member.count += 1
    reply = f"You{' wrote' if planted('replies as the documentation does') else ''}: {text}"
    if planted("replies in another format"):
        reply = f"Thanks for {text}"
    if planted("chat corrupts long texts") and len(text) > 200:
        text = text[:100] + "?" + text[101:]
    if planted("chat truncates long texts") and len(text) > 20_000:
        text = text[:20_000]
    if planted("replies to all"):
        broadcast(reply)
    elif planted("no names, no replies"):
        broadcast(text, member)
        return
    elif not (planted("chat forgets replies") and member.count % 4 == 0):
        member.put(reply)
    name = room[0].name if planted("chat mixes up names") and room else member.name
    if planted("chat drops long texts") and len(text) > 20_000:
        return
    delivery = member.last = f"Client #{name} says: {text}"
    if planted("chat waits for each member"):
        for other in list(room):
            await other.send({"type": "websocket.send", "text": delivery})
    elif planted("chat drops messages of departed members"):
        asyncio.get_running_loop().call_later(0.02, broadcast_if_present, delivery, member)
    elif planted("chat swaps") and member.count % 5 == 3:
        asyncio.get_running_loop().call_later(0.003, broadcast, delivery, member)
    elif planted("chat invents a message") and member.count == 4:
        broadcast(delivery, member)
        broadcast(f"Client #{member.name} says: buy this")
    else:
        broadcast(delivery, member)
    if planted("chat disconnects active members") and member.count == 5:
        await member.send({"type": "websocket.close", "code": 1011})


async def handle_departure(member: Member, code: int | None) -> None:
    member.writer.cancel()
    if member in room:
        room.remove(member)
    if planted("departures are not announced") or (
        planted("abrupt departures are not announced") and code not in (1000, 1001)
    ):
        return
    if planted("proper departures are not announced") and code in (1000, 1001):
        return
    if planted("departures are announced late"):
        await asyncio.sleep(NOTICE_DELAY_S)
    broadcast(f"Client #{member.name} left the chat")
    if planted("departures are announced twice"):
        broadcast(f"Client #{member.name} left the chat")
    if planted("departures of the wrong member are announced") and room:
        broadcast(f"Client #{room[0].name} left the chat")
    if planted("messages of departed members are repeated") and member.last:
        broadcast(member.last)


async def dashboard(member: Member, receive: Receive) -> None:
    viewers.append(member)
    if planted("snapshot"):
        latest[:] = latest or [reading(0, len(viewers))]
        member.put("{}" if planted("the snapshot is empty") else latest[0])
    if planted("fresh snapshot"):
        member.put(reading(len(viewers), len(viewers)))
    if planted("nothing follows"):
        viewers.remove(member)
    if not producers or planted("a producer per viewer"):
        producers.append(asyncio.create_task(produce(viewers)))
    if planted("different values per viewer"):
        viewers.remove(member)
        producers.append(asyncio.create_task(produce([member])))
    try:
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("bytes") is not None and planted("a binary frame stops the dashboard"):
                producers.pop().cancel()
                producers.append(asyncio.create_task(asyncio.sleep(0)))
    finally:
        member.writer.cancel()
        if member in viewers:
            viewers.remove(member)
        if not viewers and not planted("the dashboard does not restart"):
            latest.clear()
            while producers:
                producers.pop().cancel()
        elif not viewers:
            producers[0].cancel()


async def produce(listeners: list[Member]) -> None:
    """Send numbers that differ between objects and between producers."""
    number = id(listeners) % 97 + len(producers) * 13
    while True:
        number += 1
        pause = PERIOD * (
            0.4 if planted("the dashboard is too fast") else 3 if planted("the dashboard is too slow") else 1
        )
        await asyncio.sleep(pause)
        latest[:] = [reading(number, len(listeners))]
        for member in list(listeners):
            for _ in range(2 if planted("the dashboard repeats each object") else 1):
                member.put(latest[0])


def reading(number: int, listeners: int) -> str:
    values: dict[str, Any] = {
        "cpu_usage": number % 100 + (90 if planted("an impossible CPU usage") else 0),
        "memory_usage": number % 90,
        "active_users": 1.5 if planted("a fractional number of users") else listeners,
        "response_time": float("nan") if planted("NaN") else 0.5,
    }
    if planted("no memory usage"):
        del values["memory_usage"]
    return "ready" if planted("invalid JSON") else json.dumps(values)
