"""The tutorial's channels with one planted fault that shows late: with time, with volume, or at departures.

FAULT names the fault, as in `tutorial.py`. The server must pass the suite without a fault, and with each name in
`CORRECT_BEHAVIOUR`. `GET /fault/NAME` plants another fault and resets the server.
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
LONG_LIVED_S = float(os.environ.get("LONG_LIVED_S", "8"))
QUEUE = 256
SHORT_QUEUE = 8
RARE = 500
SEAT_LIMIT = 64
RATE, BURST = 200.0, 60
"""Messages per second that each client may send, and the size of a burst."""
LOW_RATE, HANDSHAKES = 20, 10
"""Messages of each client, and handshakes of all, within one second."""

CORRECT_BEHAVIOUR = {
    "closes idle members": "closes a connection that is silent for some seconds, with 1001",
    "accepts ten connections": "refuses the eleventh connection to the chat",
    "one connection per name": "closes the older connection of a name, with 4001",
    "drops messages above the rate limit": "discards messages above a rate limit per member",
    "disconnects members above the rate limit": "closes a connection above its rate limit, with 1008",
    "disconnects members above twenty messages a second": "closes a connection above a low rate limit, with 1008",
    "refuses handshakes above ten a second": "refuses a handshake above its rate limit, with 429",
    "bans an address after a close frame with an error code": "refuses all its further handshakes, with 403",
    "disconnects slow consumers": "closes a connection whose queue is full, with 1013",
    "sends the latest values to newcomers": "the dashboard sends its latest ten objects to newcomers",
    "limits the message size": "closes a connection after a message of more than 64 KiB, with 1009",
}
"""Correct behaviour that resembles a fault, by name."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def planted(name: str) -> bool:
    return name in FAULT.split(" + ")


class RecentSecond:
    """Counts events, and allows at most `limit` of them in any second."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.times: list[float] = []

    def allows_one_more(self) -> bool:
        now = time.monotonic()
        self.times = [at for at in self.times if at > now - 1.0]
        if len(self.times) >= self.limit:
            return False
        self.times.append(now)
        return True


handshakes = RecentSecond(HANDSHAKES)
banned: set[str] = set()


class Member:
    """One connection. Its own task sends its queue, so that no member waits for another."""

    def __init__(self, name: str, send: Send, address: str) -> None:
        self.name, self.send, self.address = name, send, address
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.writer = asyncio.create_task(self.write())
        self.last_sent_at = self.joined_at = time.monotonic()
        self.place = -1
        self.sent = self.received = self.objects = 0
        self.tokens, self.filled_at = float(BURST), time.monotonic()
        self.second = RecentSecond(LOW_RATE)
        self.is_cut = False

    async def write(self) -> None:
        try:
            while True:
                await self.send({"type": "websocket.send", "text": await self.queue.get()})
        except Exception:  # noqa: BLE001 - whatever the server raises for a peer that has gone
            return

    def put(self, text: str) -> None:
        # Short, so that a burst fills it although the server sends from it between two reads.
        if self.queue.qsize() >= (SHORT_QUEUE if planted("disconnects slow consumers") else QUEUE):
            if planted("drops messages for a full queue"):
                return
            if planted("drops the oldest message of a full queue"):
                self.queue.get_nowait()
            if planted("disconnects slow consumers") and not self.is_cut:
                self.is_cut = True
                self.closer = asyncio.create_task(self.close(1013))
        self.queue.put_nowait(text)

    async def close(self, code: int) -> None:
        self.writer.cancel()
        try:
            await self.send({"type": "websocket.close", "code": code})
        except Exception:  # noqa: BLE001 - the peer has gone already
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
        if planted("refuses handshakes above ten a second") and not handshakes.allows_one_more():
            await send({"type": "websocket.http.response.start", "status": 429, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b"slow down"})
            return
        if not may_join(path) or scope["client"][0] in banned:
            await send({"type": "websocket.close", "code": 1013})
            return
        await send({"type": "websocket.accept"})
        channel = echo if path == "/ws" else dashboard if path == "/dashboard-feed" else chat
        await channel(Member(path.rpartition("/")[2], send, scope["client"][0]), receive)
    else:
        if scope["path"].startswith("/fault/"):
            plant(scope["path"].removeprefix("/fault/"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def may_join(path: str) -> bool:
    if not path.startswith("/ws/"):
        return True
    if planted("accepts ten connections") and len(room) >= 10:
        return False
    if planted("leaks a seat at an abrupt departure") or planted("leaks a seat at every departure"):
        seats[0] += 1
        return seats[0] <= SEAT_LIMIT
    return not (planted("stops serving when the last member leaves") and kept)


def plant(fault: str) -> None:
    global FAULT, count
    FAULT, count, seats[0] = fault, 0, 0
    while producers:
        producers.pop().cancel()
    for collection in (room, viewers, latest, kept, places, banned):
        collection.clear()


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
        if planted("limits the message size") and len(text) > 65_536:
            await member.close(1009)
            break
        count += 1
        member.put(f"Message received: {text}")
        if planted("the chat receives echo messages") and count % 40 == 0:
            broadcast(f"Client #{member.name} says: {text}")
    member.writer.cancel()


def broadcast(text: str) -> None:
    """Send a text to everyone in the chat."""
    global count
    count += 1
    rare = count % RARE == 0
    now = time.monotonic()
    for at, other in enumerate(list(room)):
        other.received += 1
        if planted("gives the slot of a member away") and places.get(other.place) is not other:
            continue
        if planted("forgets silent members") and now - other.last_sent_at > IDLE_S:
            continue
        if planted("forgets long-lived members") and now - other.joined_at > LONG_LIVED_S:
            continue
        if planted("forgets members after many deliveries") and other.received > 300:
            continue
        if planted("rarely loses a message for one member") and rare and at == len(room) - 1:
            continue
        if planted("rarely loses a message for all") and rare:
            continue
        if planted("forgets all members beyond thirty") and at >= 30:
            continue
        if planted("loses messages for long-lived members") and other.received > 90 and other.received % 20 == 0:
            continue
        if planted("rarely swaps two messages") and rare and other.queue.qsize():
            kept.append(other.queue.get_nowait())
        other.put(text)
        while planted("rarely swaps two messages") and kept:
            other.put(kept.pop())
        if planted("rarely repeats a message") and rare:
            other.put(text)
        if planted("repeats messages for long-lived members") and other.received > 90 and other.received % 20 == 0:
            other.put(text)
        if planted("rarely corrupts a message") and rare:
            other.put(text[:-1] + "?")


async def chat(member: Member, receive: Receive) -> None:
    if planted("one connection per name"):
        for other in [present for present in room if present.name == member.name]:
            room.remove(other)
            await other.close(4001)
    member.place = len(room)
    places[member.place] = member
    room.append(member)
    if planted("keeps member names across restarts"):
        if member.name in remembered():
            room.remove(member)
            await member.close(1008)
            return
        remember(member.name)
    if planted("announces departures of silent members"):
        asyncio.get_running_loop().call_later(IDLE_S, announce_silent_member, member)
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
        if not await handle_text(member, text):
            break
    handle_departure(member, code)


def announce_silent_member(member: Member) -> None:
    if member in room and not member.sent:
        broadcast(f"Client #{member.name} left the chat")


async def handle_text(member: Member, text: str) -> bool:
    """Handle a message of a member. Returns False if the member is cut off."""
    member.sent += 1
    member.last_sent_at = time.monotonic()
    if planted("limits the message size") and len(text) > 65_536:
        await member.close(1009)
        return False
    if planted("drops messages above the rate limit") and not member.has_token():
        return True
    if planted("disconnects members above the rate limit") and not member.has_token():
        await member.close(1008)
        return False
    if planted("disconnects members above twenty messages a second") and not member.second.allows_one_more():
        await member.close(1008)
        return False
    if planted("silently drops long messages") and len(text) > 300_000:
        return True
    if planted("raises on long messages") and len(text) > 300_000:
        raise RuntimeError("too long")
    member.put(f"You: {text}")
    delivery = f"Client #{member.name} says: {text}"
    if planted("swaps concurrent messages") and member.sent % 3 == 0 and len(room) > 1:
        asyncio.get_running_loop().call_later(0.002, broadcast, delivery)
    else:
        broadcast(delivery)
    return True


def handle_departure(member: Member, code: int | None) -> None:
    member.writer.cancel()
    if planted("bans an address after a close frame with an error code") and code in (1002, 1003, 1007):
        banned.add(member.address)
    if planted("ignores departures with private close codes") and code is not None and code >= 3000:
        return
    if planted("stops serving after a close without a code") and code == 1005:
        for other in room:
            other.writer.cancel()
    if member in room:
        room.remove(member)
    if planted("keeps member names across restarts") and code not in (1001, 1012):
        forget(member.name)
    plant_leaks(member, code)
    if planted("does not announce departures with unusual close codes") and code not in (1000, 1001, 1005, 1006):
        return
    if planted("announces one of several simultaneous departures") and time.monotonic() - last_departure_at[0] < 0.003:
        return
    last_departure_at[0] = time.monotonic()
    broadcast(f"Client #{member.name} left the chat")


last_departure_at = [0.0]
NAMES_PATH = Path(os.environ.get("NAMES_FILE", os.devnull))
"""The file with the names of all connected members. A process that ends leaves it as it is."""


def remembered() -> list[str]:
    return NAMES_PATH.read_text().split()


def remember(name: str) -> None:
    NAMES_PATH.write_text(" ".join([*remembered(), name]))


def forget(name: str) -> None:
    NAMES_PATH.write_text(" ".join(stored for stored in remembered() if stored != name))


def plant_leaks(member: Member, code: int | None) -> None:
    """Plant the leaks: resources of a former member that the server never frees."""
    if planted("leaks a seat at an abrupt departure") and code not in (None, 1005, 1006):
        seats[0] -= 1
    if planted("leaks a buffer per member"):
        kept.append(bytearray(50_000))
    if planted("leaks a file descriptor per member"):
        kept.append(open(os.devnull))  # noqa: SIM115 - that is the fault
    if planted("leaks a file descriptor at an abrupt departure") and code in (None, 1005, 1006):
        kept.append(open(os.devnull))  # noqa: SIM115 - that is the fault
    if planted("leaks a thread per member"):
        leak_thread()
    if planted("stops serving when the last member leaves") and not room:
        kept.append(True)


def leak_thread() -> None:
    import threading

    ends = threading.Event()
    threading.Thread(target=ends.wait, daemon=True).start()


async def dashboard(member: Member, receive: Receive) -> None:
    viewers.append(member)
    if planted("sends the latest values to newcomers"):
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
        pause = PERIOD * (3 if late and planted("the dashboard slows down") else 1)
        if late and planted("the dashboard speeds up after a while"):
            pause = PERIOD / 3
        await asyncio.sleep(pause)
        latest.append(reading(number))
        for member in list(viewers):
            member.objects += 1
            if planted("the dashboard forgets long-lived viewers") and member.objects > 60:
                continue
            member.put(latest[-1])


def reading(number: int) -> str:
    rare = number % 50 == 0
    values: dict[str, Any] = {
        "cpu_usage": 101 if rare and planted("rarely an impossible CPU usage") else number % 100,
        "memory_usage": "12" if rare and planted("rarely a text instead of a number") else number % 90,
        "active_users": len(viewers),
        "response_time": float("nan") if rare and planted("rarely NaN") else 0.5,
    }
    if rare and planted("rarely no memory usage"):
        del values["memory_usage"]
    return "{" if rare and planted("rarely invalid JSON") else json.dumps(values)
