"""A room of users with one planted fault, or with one correct variation.

`GET /plant/NAME` plants NAME and resets the room. Members connect at `/ws?name=N&room=R`; the room receives
`{"text": T}` as `{"who": N, "text": T}`. Kinds with a greeting expect `{"subscribe": ROOM}` first. The tests pair each
fault with a correct twin.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

QUERY_S = 0.03
"""Seconds that the database needs for a history or for a subscription."""
HISTORY = 20
QUEUE = 64
"""Maximum number of messages in a member's bounded queue, for kinds with one."""
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiMCJ9.c2lnbmF0dXJlLW9mLXRoaXM"
"""A token that looks like a JSON Web Token. Its signature is not verified; it is compared as a whole."""


@dataclass(eq=False)
class Person:
    """One connection. A task of its own empties its queue."""

    name: str
    room: str
    send: Send
    number: int
    queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    writer: asyncio.Task[None] | None = None
    closer: asyncio.Task[None] | None = None
    live: bool = True
    waiting: list[tuple[int, str]] = field(default_factory=list)
    """Messages that are published before the history has been sent."""

    async def write(self) -> None:
        try:
            while True:
                await self.send({"type": "websocket.send", "text": await self.queue.get()})
        except Exception:  # noqa: BLE001 - whatever the server raises for a peer that has gone
            return

    def put(self, value: Any) -> None:
        self.queue.put_nowait(value if isinstance(value, str) else json.dumps(value))


class World:
    """The state of the server."""

    def __init__(self, kind: str = "") -> None:
        self.kind = kind
        self.people: list[Person] = []
        self.by_name: dict[str, Person] = {}
        self.rooms: dict[str, list[Person]] = {}
        self.online: dict[str, int] = {}
        self.history: dict[str, list[tuple[int, str]]] = {}
        self.count = 0
        self.connections = 0
        self.broken = False
        self.lock = asyncio.Lock()
        self.watch: asyncio.Task[None] | None = None
        self.is_disturbed = False

    def has(self, kind: str) -> bool:
        return kind in self.kind.split(" + ")


world = World(os.environ.get("KIND", ""))


async def app(scope: Message, receive: Receive, send: Send) -> None:
    global world
    if scope["type"] == "lifespan":
        prepare_end()
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await converse(scope, receive, send)
    else:
        if scope["path"] == "/disturb":
            world.is_disturbed = world.has("forgets all after a disturbance")
            if world.has("forgets its connections after a disturbance"):
                world.people.clear()
            if world.has("subscribes again after a disturbance"):
                world.people.extend(list(world.people))
        if scope["path"].startswith("/plant/"):
            world = World(scope["path"].removeprefix("/plant/"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def prepare_end() -> None:
    """Set up what the process does on SIGTERM, and after it was stopped for a while."""
    if world.has("ends without a word"):
        # Exit in the event loop, between two callbacks: if a sender has its message back, all others have it, too.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    if world.has("does not end"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if world.has("a pause ends everybody"):
        world.watch = asyncio.create_task(end_all_after_a_pause())


async def end_all_after_a_pause() -> None:
    """Mistake a pause of the whole process for the silence of all members, and close their connections."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.05)
        if time.monotonic() - before > 0.8:
            for person in world.people:
                await close(person.send)


async def converse(scope: Message, receive: Receive, send: Send) -> None:
    here = world
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    name, room = query.get("name", ["x"])[0], query.get("room", ["0"])[0]
    here.connections += 1
    person = Person(name, room, send, here.connections)
    if here.has("one per name, the second is refused") and name in here.by_name:
        await send({"type": "websocket.close", "code": 4009})
        return
    if here.has("odd names are refused at the handshake") and not is_plain(name):
        await send({"type": "websocket.close", "code": 4400})
        return
    if here.has("names are normalised"):
        person.name = " ".join(name.lower().split())[:32]
    allowed = may_enter(here, scope, query.get("token", [""])[0])
    if here.has("token in the log"):
        sys.stderr.write(f"GET {scope['path']}?{scope['query_string'].decode()}\n")
    if not allowed and not here.has("token is checked late"):
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    person.writer = asyncio.create_task(person.write())
    try:
        if here.has("greet under a lock"):
            async with here.lock:
                await take(here, person, await receive())
        await enter(here, person)
        if here.has("the first message is lost"):
            await receive()
        if not allowed:
            asyncio.get_running_loop().call_later(0.2, asyncio.ensure_future, close(send))
        while (message := await receive())["type"] == "websocket.receive":
            await take(here, person, message)
    finally:
        leave(here, person)
        person.writer.cancel()


def is_plain(name: str) -> bool:
    """Return whether a name consists of a few letters and digits."""
    return name.isascii() and name.isalnum() and len(name) < 32


async def close(send: Send) -> None:
    await send({"type": "websocket.close", "code": 1008})


def may_enter(here: World, scope: Message, token: str) -> bool:
    """Return whether the token and the origin allow access."""
    headers = dict(scope["headers"])
    if "one origin" in here.kind and headers.get(b"origin", b"https://app.example") != b"https://app.example":
        return here.has("one origin is named and not asked for")
    if "token" not in here.kind:
        return True
    if here.has("token is optional") and not token:
        return True
    if here.has("token may be any") and token:
        return True
    if here.has("token without its signature"):
        return bool(token) and token.split(".")[1:2] == TOKEN.split(".")[1:2]
    return token == TOKEN


async def enter(here: World, person: Person) -> None:
    """Subscribe a connection, and send its history if the kind has one."""
    if here.has("odd names are refused") and not is_plain(person.name):
        await close(person.send)
        return
    if here.has("odd names are not heard") and not is_plain(person.name):
        person.put({"info": "choose another name"})
        return
    here.broken = here.broken or (here.has("reserved names break the room") and person.name in ("__proto__", "null"))
    if "greet" in here.kind:
        return
    before = here.by_name.get(person.name)
    here.by_name[person.name] = person
    if before is not None and here.has("one per name"):
        await before.send({"type": "websocket.close", "code": 4001})
    if here.has("history gap"):
        for _, text in await stored(here, person.room):
            person.put(text)
    elif here.has("history") or here.has("history overlap"):
        here.people.append(person)
        person.live = False
        history = await stored(here, person.room, late=True)
        for _, text in history:
            person.put(text)
        person.live = True
        for number, text in person.waiting:
            if number not in dict(history) or here.has("history overlap"):
                person.put(text)
        announce(here, person)
        return
    elif here.has("late subscription"):
        await asyncio.sleep(QUERY_S)
    elif here.has("a room is made twice"):
        await find_room(here, person)
    elif here.has("a room is made once"):
        async with here.lock:
            await find_room(here, person)
    here.people.append(person)
    announce(here, person)


async def find_room(here: World, person: Person) -> None:
    """Enter a room. The first member creates it in the database."""
    if person.room not in here.rooms:
        await asyncio.sleep(QUERY_S)
        here.rooms[person.room] = []
    here.rooms[person.room].append(person)


def announce(here: World, person: Person) -> None:
    """Announce a new user to the room, unless another connection of that user is present."""
    here.online[person.name] = here.online.get(person.name, 0) + 1
    if "person" in here.kind and here.online[person.name] == 1:
        for other in in_room(here, person.room):
            other.put({"joined": person.name})


async def stored(here: World, room: str, *, late: bool = False) -> list[tuple[int, str]]:
    """Return a room's latest messages. The database reads them at the beginning or (`late`) at the end of a query."""
    length = 3 if here.has("three of it") else HISTORY
    before = here.history.get(room, [])[-length:]
    await asyncio.sleep(QUERY_S)
    return here.history.get(room, [])[-length:] if late else before


def in_room(here: World, room: str) -> list[Person]:
    if here.has("rooms by prefix"):
        return [person for person in here.people if person.room.startswith(room)]
    return [person for person in here.people if person.room == room]


async def take(here: World, person: Person, message: Message) -> None:
    """Handle one message of a member."""
    if "room's own task" in here.kind:
        await serve_in_turn(here, person, message)
        return
    try:
        value = json.loads(message.get("text") or "")
        if "greet" in here.kind and isinstance(value, dict) and "subscribe" in value:
            await subscribe(here, person)
            return
        text = value["text"]
        if not isinstance(text, str) and not here.has("whatever comes is passed on"):
            raise TypeError(text)
    except (ValueError, KeyError, TypeError, RecursionError):
        if here.has("a malformed message ends its connection"):
            await person.send({"type": "websocket.close", "code": 1008})
        elif here.has("a malformed message is told to its sender"):
            person.put({"info": "malformed"})
        return
    if person in here.people:
        tell(here, person, text)


async def serve_in_turn(here: World, person: Person, message: Message) -> None:
    """Publish a message in the room's only task. An unexpected error ends that task."""
    if here.broken:
        return
    if here.has("a lock in the room's own task"):
        await here.lock.acquire()
    try:
        text = json.loads(message.get("text") or "")["text"]
        tell(here, person, text + "")
    except ValueError:
        if here.has("a lock in the room's own task"):
            return  # and the lock stays held
    except (KeyError, TypeError, RecursionError):
        here.broken = not here.has("the room's own task goes on")
    if here.lock.locked():
        here.lock.release()


async def subscribe(here: World, person: Person) -> None:
    """Handle the greeting, which a member may send again."""
    again = person in here.people
    if again and here.has("a second greeting ends the connection"):
        await person.send({"type": "websocket.close", "code": 4429})
        return
    if not again or here.has("each greeting counts"):
        here.people.append(person)
    person.put({"info": "subscribed"})
    if here.has("greeted with history"):
        for _, text in here.history.get(person.room, [])[-HISTORY:]:
            person.put(text)


def tell(here: World, person: Person, text: str) -> None:
    """Publish a message in the room."""
    here.count += 1
    if here.broken or here.is_disturbed:
        return
    whole = json.dumps({"who": person.name, "text": text})
    if here.has("hand-made json"):
        whole = f'{{"who": "{person.name}", "text": {json.dumps(text)}}}'
    if here.has("half a character is sent as it is"):
        whole = json.dumps({"who": person.name, "text": text}, ensure_ascii=False)
    if here.has("names are ascii"):
        for other in in_room(here, person.room):
            if other is not person:
                other.name.encode("ascii")
    here.history.setdefault(person.room, []).append((here.count, whole))
    if here.has("latest connection only"):
        hearers = [here.by_name[other.name] for other in in_room(here, person.room) if other.name in here.by_name]
        hearers = list(dict.fromkeys(hearers))
    elif here.has("a name for each connection"):
        names = [other.name for other in in_room(here, person.room)]
        hearers = [one for name in names for one in in_room(here, person.room) if one.name == name]
    elif "a room is made" in here.kind:
        hearers = [one for one in here.rooms[person.room] if one in here.people]
    elif here.has("two workers"):
        hearers = [one for one in in_room(here, person.room) if one.number % 2 == person.number % 2]
    elif here.has("one is deaf"):
        hearers = [one for one in in_room(here, person.room) if one is person or one.number % 6 != 3]
    else:
        hearers = in_room(here, person.room)
    for hearer in hearers:
        if hearer.queue.qsize() >= QUEUE and "slow reader" in here.kind:
            defend(here, hearer)
            continue
        if hearer.live:
            hearer.put(whole)
        else:
            hearer.waiting.append((here.count, whole))


def defend(here: World, hearer: Person) -> None:
    """Handle a member whose queue is full."""
    if here.has("a slow reader is cut off") and hearer.live:
        hearer.live = False
        hearer.closer = asyncio.create_task(close(hearer.send))
    if here.has("a slow reader is told what it lacks") and hearer.live:
        hearer.live = False
        hearer.put({"info": "some messages were left out"})


def leave(here: World, person: Person) -> None:
    """Forget a connection that has ended."""
    here.people = [other for other in here.people if other is not person]
    if here.has("the end removes what begins so"):
        here.people = [other for other in here.people if not other.name.startswith(person.name)]
    if here.has("the end removes the name"):
        here.by_name.pop(person.name, None)
        here.people = [other for other in here.people if other.name != person.name]
    elif here.by_name.get(person.name) is person:
        del here.by_name[person.name]
    left = here.online.get(person.name, 0) - 1
    here.online[person.name] = max(0, left)
    if here.has("person leaves with each connection"):
        here.online[person.name] = 0
    if ("person" in here.kind and here.online[person.name] == 0) or here.has("connection leaves"):
        for other in in_room(here, person.room):
            other.put({"left": person.name})
