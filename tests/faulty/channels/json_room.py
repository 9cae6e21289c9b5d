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
class Connection:
    """One connection of a user. Its own task sends the messages in its queue."""

    name: str
    room: str
    send: Send
    number: int
    queue: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    writer: asyncio.Task[None] | None = None
    closer: asyncio.Task[None] | None = None
    live: bool = True
    waiting: list[tuple[int, str]] = field(default_factory=list)
    """Messages published before the history has been sent."""

    async def write(self) -> None:
        try:
            while True:
                await self.send({"type": "websocket.send", "text": await self.queue.get()})
        except Exception:  # noqa: BLE001 - whatever the server raises for a peer that has gone
            return

    def put(self, value: Any) -> None:
        self.queue.put_nowait(value if isinstance(value, str) else json.dumps(value))


class RoomState:
    """The state of the server and the planted kind."""

    def __init__(self, kind: str = "") -> None:
        self.kind = kind
        self.connections: list[Connection] = []
        self.by_name: dict[str, Connection] = {}
        self.rooms: dict[str, list[Connection]] = {}
        self.online: dict[str, int] = {}
        self.history: dict[str, list[tuple[int, str]]] = {}
        self.count = 0
        self.connection_count = 0
        self.broken = False
        self.lock = asyncio.Lock()
        self.watch: asyncio.Task[None] | None = None
        self.is_silent = False

    def has(self, kind: str) -> bool:
        return kind in self.kind.split(" + ")


current = RoomState(os.environ.get("KIND", ""))


async def app(scope: Message, receive: Receive, send: Send) -> None:
    global current
    if scope["type"] == "lifespan":
        set_up_signals()
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await converse(scope, receive, send)
    else:
        if scope["path"] == "/disturb":
            current.is_silent = current.has("publishes nothing after a disturbance")
            if current.has("forgets its connections after a disturbance"):
                current.connections.clear()
            if current.has("subscribes again after a disturbance"):
                current.connections.extend(list(current.connections))
        if scope["path"].startswith("/plant/"):
            current = RoomState(scope["path"].removeprefix("/plant/"))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def set_up_signals() -> None:
    """Plant the faults of shutdown (SIGTERM) and of a pause (SIGSTOP)."""
    if current.has("exits without close frames"):
        # Exit between two callbacks of the event loop: no message is then delivered to some members only.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    if current.has("ignores SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if current.has("a pause disconnects all members"):
        current.watch = asyncio.create_task(close_all_after_a_pause())


async def close_all_after_a_pause() -> None:
    """Mistake a pause of the whole process for the silence of all members, and close their connections."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.05)
        if time.monotonic() - before > 0.8:
            for connection in current.connections:
                await close(connection.send)


async def converse(scope: Message, receive: Receive, send: Send) -> None:
    state = current
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    name, room = query.get("name", ["x"])[0], query.get("room", ["0"])[0]
    state.connection_count += 1
    connection = Connection(name, room, send, state.connection_count)
    if state.has("one per name, the second is refused") and name in state.by_name:
        await send({"type": "websocket.close", "code": 4009})
        return
    if state.has("unusual names are refused at the handshake") and not is_plain(name):
        await send({"type": "websocket.close", "code": 4400})
        return
    if state.has("names are normalised"):
        connection.name = " ".join(name.lower().split())[:32]
    allowed = may_join(state, scope, query.get("token", [""])[0])
    if state.has("token in the log"):
        sys.stderr.write(f"GET {scope['path']}?{scope['query_string'].decode()}\n")
    if not allowed and not state.has("token is checked late"):
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    connection.writer = asyncio.create_task(connection.write())
    try:
        if state.has("greet under a lock"):
            async with state.lock:
                await handle(state, connection, await receive())
        await join(state, connection)
        if state.has("the first message is lost"):
            await receive()
        if not allowed:
            asyncio.get_running_loop().call_later(0.2, asyncio.ensure_future, close(send))
        while (message := await receive())["type"] == "websocket.receive":
            await handle(state, connection, message)
    finally:
        leave(state, connection)
        connection.writer.cancel()


def is_plain(name: str) -> bool:
    """Return whether a name consists of a few letters and digits."""
    return name.isascii() and name.isalnum() and len(name) < 32


async def close(send: Send) -> None:
    await send({"type": "websocket.close", "code": 1008})


def may_join(state: RoomState, scope: Message, token: str) -> bool:
    """Return whether the token and the origin allow access."""
    headers = dict(scope["headers"])
    if "one origin" in state.kind and headers.get(b"origin", b"https://app.example") != b"https://app.example":
        return state.has("one origin is documented and not enforced")
    if "token" not in state.kind:
        return True
    if state.has("token is optional") and not token:
        return True
    if state.has("any token is accepted") and token:
        return True
    if state.has("token signature is not verified"):
        return bool(token) and token.split(".")[1:2] == TOKEN.split(".")[1:2]
    return token == TOKEN


async def join(state: RoomState, connection: Connection) -> None:
    """Subscribe a connection, and send its history if the kind has one."""
    if state.has("unusual names are refused") and not is_plain(connection.name):
        await close(connection.send)
        return
    if state.has("unusual names are not subscribed") and not is_plain(connection.name):
        connection.put({"info": "choose another name"})
        return
    state.broken = state.broken or (
        state.has("reserved names break the room") and connection.name in ("__proto__", "null")
    )
    if "greet" in state.kind:
        return
    before = state.by_name.get(connection.name)
    state.by_name[connection.name] = connection
    if before is not None and state.has("one per name"):
        await before.send({"type": "websocket.close", "code": 4001})
    if state.has("history gap"):
        for _, text in await read_history(state, connection.room):
            connection.put(text)
    elif state.has("history") or state.has("history overlap"):
        state.connections.append(connection)
        connection.live = False
        history = await read_history(state, connection.room, late=True)
        for _, text in history:
            connection.put(text)
        connection.live = True
        for number, text in connection.waiting:
            if number not in dict(history) or state.has("history overlap"):
                connection.put(text)
        announce(state, connection)
        return
    elif state.has("late subscription"):
        await asyncio.sleep(QUERY_S)
    elif state.has("a room is created twice"):
        await find_room(state, connection)
    elif state.has("a room is created once"):
        async with state.lock:
            await find_room(state, connection)
    state.connections.append(connection)
    announce(state, connection)


async def find_room(state: RoomState, connection: Connection) -> None:
    """Enter a room. The first member creates it in the database."""
    if connection.room not in state.rooms:
        await asyncio.sleep(QUERY_S)
        state.rooms[connection.room] = []
    state.rooms[connection.room].append(connection)


def announce(state: RoomState, connection: Connection) -> None:
    """Announce a new user to the room, unless another connection of that user is present."""
    state.online[connection.name] = state.online.get(connection.name, 0) + 1
    if "presence" in state.kind and state.online[connection.name] == 1:
        for other in in_room(state, connection.room):
            other.put({"joined": connection.name})


async def read_history(state: RoomState, room: str, *, late: bool = False) -> list[tuple[int, str]]:
    """Return a room's latest messages. The database reads them at the beginning or (`late`) at the end of a query."""
    length = 3 if state.has("only three messages") else HISTORY
    before = state.history.get(room, [])[-length:]
    await asyncio.sleep(QUERY_S)
    return state.history.get(room, [])[-length:] if late else before


def in_room(state: RoomState, room: str) -> list[Connection]:
    if state.has("rooms by prefix"):
        return [connection for connection in state.connections if connection.room.startswith(room)]
    return [connection for connection in state.connections if connection.room == room]


async def handle(state: RoomState, connection: Connection, message: Message) -> None:
    """Handle one message of a member."""
    if "room task" in state.kind:
        await publish_in_room_task(state, connection, message)
        return
    try:
        value = json.loads(message.get("text") or "")
        if "greet" in state.kind and isinstance(value, dict) and "subscribe" in value:
            await subscribe(state, connection)
            return
        text = value["text"]
        if not isinstance(text, str) and not state.has("values of any type are passed on"):
            raise TypeError(text)
    except (ValueError, KeyError, TypeError, RecursionError):
        if state.has("a malformed message closes its connection"):
            await connection.send({"type": "websocket.close", "code": 1008})
        elif state.has("a malformed message is reported to its sender"):
            connection.put({"info": "malformed"})
        return
    if connection in state.connections:
        publish(state, connection, text)


async def publish_in_room_task(state: RoomState, connection: Connection, message: Message) -> None:
    """Publish a message in the room's only task. An unexpected error ends that task."""
    if state.broken:
        return
    if state.has("a lock in the room task"):
        await state.lock.acquire()
    try:
        text = json.loads(message.get("text") or "")["text"]
        publish(state, connection, text + "")
    except ValueError:
        if state.has("a lock in the room task"):
            return  # The fault: the lock is not released.
    except (KeyError, TypeError, RecursionError):
        state.broken = not state.has("the room task continues")
    if state.lock.locked():
        state.lock.release()


async def subscribe(state: RoomState, connection: Connection) -> None:
    """Handle the greeting, which a member may send again."""
    again = connection in state.connections
    if again and state.has("a second greeting ends the connection"):
        await connection.send({"type": "websocket.close", "code": 4429})
        return
    if not again or state.has("each greeting adds a subscription"):
        state.connections.append(connection)
    connection.put({"info": "subscribed"})
    if state.has("the greeting is answered with history"):
        for _, text in state.history.get(connection.room, [])[-HISTORY:]:
            connection.put(text)


def publish(state: RoomState, connection: Connection, text: str) -> None:
    """Publish a message in the room."""
    state.count += 1
    if state.broken or state.is_silent:
        return
    message_text = json.dumps({"who": connection.name, "text": text})
    if state.has("JSON by concatenation"):
        message_text = f'{{"who": "{connection.name}", "text": {json.dumps(text)}}}'
    if state.has("a lone surrogate is passed on"):
        message_text = json.dumps({"who": connection.name, "text": text}, ensure_ascii=False)
    if state.has("names are encoded as ASCII"):
        for other in in_room(state, connection.room):
            if other is not connection:
                other.name.encode("ascii")
    state.history.setdefault(connection.room, []).append((state.count, message_text))
    if state.has("latest connection only"):
        recipients = [
            state.by_name[other.name] for other in in_room(state, connection.room) if other.name in state.by_name
        ]
        recipients = list(dict.fromkeys(recipients))
    elif state.has("delivers once per connection of a name"):
        names = [other.name for other in in_room(state, connection.room)]
        recipients = [other for name in names for other in in_room(state, connection.room) if other.name == name]
    elif "a room is created" in state.kind:
        recipients = [other for other in state.rooms[connection.room] if other in state.connections]
    elif state.has("two workers"):
        recipients = [other for other in in_room(state, connection.room) if other.number % 2 == connection.number % 2]
    elif state.has("one member receives nothing"):
        recipients = [
            other for other in in_room(state, connection.room) if other is connection or other.number % 6 != 3
        ]
    else:
        recipients = in_room(state, connection.room)
    for recipient in recipients:
        if recipient.queue.qsize() >= QUEUE and "slow reader" in state.kind:
            handle_full_queue(state, recipient)
            continue
        if recipient.live:
            recipient.put(message_text)
        else:
            recipient.waiting.append((state.count, message_text))


def handle_full_queue(state: RoomState, recipient: Connection) -> None:
    """Handle a member whose queue is full."""
    if state.has("a slow reader is disconnected") and recipient.live:
        recipient.live = False
        recipient.closer = asyncio.create_task(close(recipient.send))
    if state.has("a slow reader is told of dropped messages") and recipient.live:
        recipient.live = False
        recipient.put({"info": "some messages were left out"})


def leave(state: RoomState, connection: Connection) -> None:
    """Forget a connection that has ended."""
    state.connections = [other for other in state.connections if other is not connection]
    if state.has("a departure removes names with this prefix"):
        state.connections = [other for other in state.connections if not other.name.startswith(connection.name)]
    if state.has("a departure removes the name"):
        state.by_name.pop(connection.name, None)
        state.connections = [other for other in state.connections if other.name != connection.name]
    elif state.by_name.get(connection.name) is connection:
        del state.by_name[connection.name]
    left = state.online.get(connection.name, 0) - 1
    state.online[connection.name] = max(0, left)
    if state.has("user leaves with each connection"):
        state.online[connection.name] = 0
    if ("presence" in state.kind and state.online[connection.name] == 0) or state.has("leave notice per connection"):
        for other in in_room(state, connection.room):
            other.put({"left": connection.name})
