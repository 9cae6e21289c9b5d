"""The tutorial's channels with one planted fault that shows late: with time, with volume, or at departures.

FAULT names the fault, as in `app.py`. Without one, the server must pass the suite, and also with any of `INNOCENT`,
which are correct behaviour. `GET /fault/NAME` plants another one and forgets all members.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

FAULT = os.environ.get("FAULT", "")
PERIOD = float(os.environ.get("TARGET_APP_DASHBOARD_PERIOD", "0.1"))
IDLE_S = 2.0
OLD_S = float(os.environ.get("OLD_S", "8"))
QUEUE = 256
SHORT_QUEUE = 8
RARE = 500
SEATS = 64
RATE, BURST = 200.0, 60
"""Messages per second that each client may send, and the size of a burst."""

INNOCENT = {
    "closes idle members": "closes with 1001 who says nothing for some seconds",
    "takes ten connections": "refuses the eleventh connection of the chat",
    "one connection for each name": "closes with 4001 the older connection of a name",
    "drops what is above its rate": "takes only so many messages a second of each member",
    "closes who is above the rate": "closes with 1008 who is above its rate",
    "cuts off slow consumers": "closes with 1013 whose queue is full",
    "sends its latest figures": "the dashboard greets newcomers with its latest ten objects",
    "takes small messages": "closes with 1009 over messages of more than 64 KiB",
}
"""Correct behaviour that resembles a fault, by name."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def planted(name: str) -> bool:
    return name in FAULT.split(" + ")


class Member:
    """One connection. A task of its own empties its queue, so that no member waits for another."""

    def __init__(self, name: str, send: Send) -> None:
        self.name, self.send = name, send
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.writer = asyncio.create_task(self.write())
        self.spoke_at = self.joined_at = time.monotonic()
        self.place = -1
        self.said = self.told = self.objects = 0
        self.tokens, self.filled_at = float(BURST), time.monotonic()
        self.is_cut = False

    async def write(self) -> None:
        try:
            while True:
                await self.send({"type": "websocket.send", "text": await self.queue.get()})
        except Exception:  # noqa: BLE001 - whatever the server raises for a peer that has gone
            return

    def put(self, text: str) -> None:
        # A burst fills a short queue even if the server reads it in several pieces, and empties the queue in between.
        if self.queue.qsize() >= (SHORT_QUEUE if planted("cuts off slow consumers") else QUEUE):
            if planted("drops what does not fit into its queue"):
                return
            if planted("drops the oldest of a full queue"):
                self.queue.get_nowait()
            if planted("cuts off slow consumers") and not self.is_cut:
                self.is_cut = True
                self.closer = asyncio.create_task(self.close(1013))
        self.queue.put_nowait(text)

    async def close(self, code: int) -> None:
        self.writer.cancel()
        try:
            await self.send({"type": "websocket.close", "code": code})
        except Exception:  # noqa: BLE001 - it has gone already
            return

    def has_token(self) -> bool:
        now = time.monotonic()
        self.tokens = min(BURST, self.tokens + RATE * (now - self.filled_at)) - 1
        self.filled_at = now
        if self.tokens < 0:
            self.tokens += 1
            return False
        return True


room: list[Member] = []
viewers: list[Member] = []
producers: list[asyncio.Task[None]] = []
places: dict[int, Member] = {}
latest: list[str] = []
kept: list[Any] = []
seats = [0]
count = 0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        path = scope["path"]
        if not may_join(path):
            await send({"type": "websocket.close", "code": 1013})
            return
        await send({"type": "websocket.accept"})
        channel = echo if path == "/ws" else dashboard if path == "/dashboard-feed" else chat
        await channel(Member(path.rpartition("/")[2], send), receive)
    else:
        if scope["path"].startswith("/fault/"):
            plant(scope["path"].removeprefix("/fault/"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def may_join(path: str) -> bool:
    if not path.startswith("/ws/"):
        return True
    if planted("takes ten connections") and len(room) >= 10:
        return False
    if planted("keeps the seat of who ends abruptly") or planted("keeps every seat"):
        seats[0] += 1
        return seats[0] <= SEATS
    return not (planted("dies when the last one goes") and kept)


def plant(fault: str) -> None:
    global FAULT, count
    FAULT, count, seats[0] = fault, 0, 0
    while producers:
        producers.pop().cancel()
    for everyone in (room, viewers, latest, kept, places):
        everyone.clear()


async def next_message(member: Member, receive: Receive) -> Message:
    """Return the next message, or a close if the member has been silent for too long."""
    if not planted("closes idle members"):
        return await receive()
    waiting = asyncio.ensure_future(receive())
    done, _ = await asyncio.wait({waiting}, timeout=IDLE_S)
    if done:
        return waiting.result()
    await member.close(1001)
    return await waiting


async def echo(member: Member, receive: Receive) -> None:
    global count
    while (message := await next_message(member, receive))["type"] == "websocket.receive":
        text = message.get("text")
        if text is None:
            await member.close(1003)
            break
        if planted("takes small messages") and len(text) > 65_536:
            await member.close(1009)
            break
        count += 1
        member.put(f"Message received: {text}")
        if planted("the chat hears an echo") and count % 40 == 0:
            tell(f"Client #{member.name} says: {text}")
    member.writer.cancel()


def tell(text: str) -> None:
    """Send a text to everyone in the chat."""
    global count
    count += 1
    rare = count % RARE == 0
    now = time.monotonic()
    for at, other in enumerate(list(room)):
        other.told += 1
        if planted("gives a place away") and places.get(other.place) is not other:
            continue
        if planted("forgets who says nothing") and now - other.spoke_at > IDLE_S:
            continue
        if planted("forgets old members") and now - other.joined_at > OLD_S:
            continue
        if planted("forgets who was told much") and other.told > 300:
            continue
        if planted("rarely loses one for one member") and rare and at == len(room) - 1:
            continue
        if planted("rarely loses one for all") and rare:
            continue
        if planted("forgets all beyond thirty") and at >= 30:
            continue
        if planted("loses some for old members") and other.told > 90 and other.told % 20 == 0:
            continue
        if planted("rarely swaps two") and rare and other.queue.qsize():
            kept.append(other.queue.get_nowait())
        other.put(text)
        while planted("rarely swaps two") and kept:
            other.put(kept.pop())
        if planted("rarely repeats") and rare:
            other.put(text)
        if planted("repeats for old members") and other.told > 90 and other.told % 20 == 0:
            other.put(text)
        if planted("rarely damages") and rare:
            other.put(text[:-1] + "?")


async def chat(member: Member, receive: Receive) -> None:
    if planted("one connection for each name"):
        for other in [one for one in room if one.name == member.name]:
            room.remove(other)
            await other.close(4001)
    member.place = len(room)
    places[member.place] = member
    room.append(member)
    if planted("remembers names for longer than its process"):
        if member.name in remembered():
            room.remove(member)
            await member.close(1008)
            return
        remember(member.name)
    if planted("says that who says nothing has left"):
        asyncio.get_running_loop().call_later(IDLE_S, tell_of_silence, member)
    code: int | None = None
    while True:
        message = await next_message(member, receive)
        if message["type"] != "websocket.receive":
            code = message.get("code")
            break
        text = message.get("text")
        if text is None:
            await member.close(1003)
            break
        if not await hear(member, text):
            break
    gone(member, code)


def tell_of_silence(member: Member) -> None:
    if member in room and not member.said:
        tell(f"Client #{member.name} left the chat")


async def hear(member: Member, text: str) -> bool:
    """Handle a message of a member. Returns False if the member is cut off."""
    member.said += 1
    member.spoke_at = time.monotonic()
    if planted("takes small messages") and len(text) > 65_536:
        await member.close(1009)
        return False
    if planted("drops what is above its rate") and not member.has_token():
        return True
    if planted("closes who is above the rate") and not member.has_token():
        await member.close(1008)
        return False
    if planted("silently drops what is long") and len(text) > 300_000:
        return True
    if planted("dies of what is long") and len(text) > 300_000:
        raise RuntimeError("too long")
    member.put(f"You: {text}")
    words = f"Client #{member.name} says: {text}"
    if planted("two at once swap") and member.said % 3 == 0 and len(room) > 1:
        asyncio.get_running_loop().call_later(0.002, tell, words)
    else:
        tell(words)
    return True


def gone(member: Member, code: int | None) -> None:
    member.writer.cancel()
    if planted("keeps who closes with a code of its own") and code is not None and code >= 3000:
        return
    if planted("dies of a close without a code") and code == 1005:
        for other in room:
            other.writer.cancel()
    if member in room:
        room.remove(member)
    if planted("remembers names for longer than its process") and code not in (1001, 1012):
        forget(member.name)
    kept_of(member, code)
    if planted("tells nobody of odd codes") and code not in (1000, 1001, 1005, 1006):
        return
    if planted("tells of one of those who go at once") and time.monotonic() - last_left[0] < 0.003:
        return
    last_left[0] = time.monotonic()
    tell(f"Client #{member.name} left the chat")


last_left = [0.0]
NAMES = Path(os.environ.get("NAMES_FILE", os.devnull))
"""The file with the names of all connected members. A process that ends leaves it as it is."""


def remembered() -> list[str]:
    return NAMES.read_text().split()


def remember(name: str) -> None:
    NAMES.write_text(" ".join([*remembered(), name]))


def forget(name: str) -> None:
    NAMES.write_text(" ".join(each for each in remembered() if each != name))


def kept_of(member: Member, code: int | None) -> None:
    """Plant the leaks: resources that the server keeps of a member that has gone."""
    if planted("keeps the seat of who ends abruptly") and code not in (None, 1005, 1006):
        seats[0] -= 1
    if planted("keeps a buffer of each member"):
        kept.append(bytearray(50_000))
    if planted("keeps a descriptor of each member"):
        kept.append(open(os.devnull))  # noqa: SIM115 - that is the fault
    if planted("keeps a descriptor of who ends abruptly") and code in (None, 1005, 1006):
        kept.append(open(os.devnull))  # noqa: SIM115 - that is the fault
    if planted("keeps a thread of each member"):
        keep_thread()
    if planted("dies when the last one goes") and not room:
        kept.append(True)


def keep_thread() -> None:
    import threading

    ends = threading.Event()
    threading.Thread(target=ends.wait, daemon=True).start()


async def dashboard(member: Member, receive: Receive) -> None:
    viewers.append(member)
    if planted("sends its latest figures"):
        for text in latest[-10:]:
            member.put(text)
    if not producers:
        producers.append(asyncio.create_task(produce()))
    try:
        while (message := await next_message(member, receive))["type"] == "websocket.receive":
            if message.get("bytes") is not None:
                await member.close(1003)
                break
    finally:
        member.writer.cancel()
        if member in viewers:
            viewers.remove(member)
        if not viewers:
            latest.clear()
            while producers:
                producers.pop().cancel()


async def produce() -> None:
    number = 0
    while True:
        number += 1
        late = number > 60
        pause = PERIOD * (3 if late and planted("the dashboard tires") else 1)
        if late and planted("the dashboard hurries after a while"):
            pause = PERIOD / 3
        await asyncio.sleep(pause)
        latest.append(reading(number))
        for member in list(viewers):
            member.objects += 1
            if planted("the dashboard forgets old viewers") and member.objects > 60:
                continue
            member.put(latest[-1])


def reading(number: int) -> str:
    rare = number % 50 == 0
    figures: dict[str, Any] = {
        "cpu_usage": 101 if rare and planted("rarely more than all of the cpu") else number % 100,
        "memory_usage": "12" if rare and planted("rarely a text for a number") else number % 90,
        "active_users": len(viewers),
        "response_time": float("nan") if rare and planted("rarely no number") else 0.5,
    }
    if rare and planted("rarely no memory"):
        del figures["memory_usage"]
    return "{" if rare and planted("rarely no json") else json.dumps(figures)
