"""A room in plain ASGI: a login by HTTP, a logout, and a limit of 20 publications in 0.3 s.

POST /login[?ROOM]   {"token": ...}      POST /logout?TOKEN      POST /expire?TOKEN
WebSocket /?token=TOKEN[&room=ROOM]

Correct except for the fault that FAULT names:

keeps logged-out members     a logout does not end connections
counts a publication twice   every burst but the first may have one publication less
accepts expired tokens       an expired token still opens the room
ignores the room of a token  a token opens every room
one limit for all clients    all clients share one limit

These are correct:

ignores logged-out members   a logout removes the member from the room and leaves the connection open
waits for the close frame    a logout is answered once the member has answered the close frame
one limit per address        the limit counts all clients of an address
sliding, tokens              other limiters
counts heartbeats            heartbeats count, too
closes idle                  ends a connection that is silent for as long as a window
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

FAULT = os.environ.get("FAULT", "")
LIMIT, WINDOW_S = 20, 0.3

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

tokens: dict[str, str] = {}
"""The valid tokens, and the rooms that they open."""
members: dict[Send, str] = {}
"""The members, with their tokens."""
limiters: dict[str, Limiter] = {}
"""The limiters, by what they count: the tokens, usually."""
rooms: dict[Send, str] = {}
"""The rooms of the members."""
ended: dict[Send, asyncio.Event] = {}
"""Set when a connection has ended."""


class Limiter:
    """Checks whether one more publication is within the limit, by fixed window, sliding window or token bucket."""

    def __init__(self) -> None:
        self.left: float = LIMIT
        self.began = time.monotonic()
        self.times: deque[float] = deque()
        self.bursts = 0

    def allows(self, text: str) -> bool:
        now = time.monotonic()
        if (
            FAULT == "counts a publication twice"
        ):  # counts without the clock: a pause of the machine cannot hide the fault
            self.bursts += text.startswith(f"1 of {LIMIT}")
            return self.bursts < 2 or not text.startswith(f"{LIMIT} of {LIMIT}")
        if FAULT == "one limit for all clients":  # counts without the clock, too
            self.bursts += 1
            return self.bursts <= LIMIT
        if FAULT == "sliding":
            while self.times and self.times[0] <= now - WINDOW_S:
                self.times.popleft()
            self.times.append(now)
            return len(self.times) <= LIMIT
        if FAULT == "tokens":
            self.left = min(LIMIT, self.left + (now - self.began) * LIMIT / WINDOW_S)
            self.began = now
        elif now - self.began >= WINDOW_S:
            self.left, self.began = LIMIT, now
        self.left -= 1
        return self.left >= 0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await http(scope, send)
    elif scope["type"] == "websocket":
        await websocket(scope, receive, send)


async def http(scope: Message, send: Send) -> None:
    body = b""
    if scope["path"] == "/login":
        token = os.urandom(8).hex()
        tokens[token] = scope["query_string"].decode() or "0"
        body = json.dumps({"token": token}).encode()
    elif scope["path"] == "/expire":
        if FAULT != "accepts expired tokens":
            del tokens[scope["query_string"].decode()]
    elif scope["path"] == "/logout":
        await log_out(scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def log_out(token: str) -> None:
    tokens.pop(token, None)
    for member in [
        present
        for present, credential in members.items()
        if credential == token and FAULT != "keeps logged-out members"
    ]:
        del members[member]
        if FAULT != "ignores logged-out members":
            await member({"type": "websocket.close", "code": 4001})
        if FAULT == "waits for the close frame":
            await ended[member].wait()


async def websocket(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    query = parse_qs(scope["query_string"].decode())
    token, room = query.get("token", [""])[0], query.get("room", ["0"])[0]
    if token not in tokens or (tokens[token] != room and FAULT != "ignores the room of a token"):
        await send({"type": "websocket.close", "code": 4003})
        return
    await send({"type": "websocket.accept"})
    counted_as = {"one limit for all clients": "", "one limit per address": scope["client"][0]}.get(FAULT, token)
    limiter = limiters.setdefault(counted_as, Limiter())
    members[send], rooms[send], ended[send] = token, room, asyncio.Event()
    try:
        while (message := await next_message(receive, send))["type"] == "websocket.receive":
            text = message.get("text") or ""
            if text == "beat" and FAULT != "counts heartbeats":
                continue
            if limiter.allows(text) and send in members and text != "beat":
                await asyncio.gather(*(deliver(member, text) for member in list(members) if rooms[member] == room))
    finally:
        members.pop(send, None)
        rooms.pop(send, None)
        ended[send].set()


async def next_message(receive: Receive, send: Send) -> Message:
    try:
        return await asyncio.wait_for(receive(), WINDOW_S if FAULT == "closes idle" else None)
    except TimeoutError:
        await send({"type": "websocket.close", "code": 4408})
        return {"type": "websocket.disconnect"}


async def deliver(member: Send, text: str) -> None:
    try:
        await member({"type": "websocket.send", "text": text})
    except Exception:  # noqa: BLE001 - whatever the server raises for a peer that has gone
        members.pop(member, None)
