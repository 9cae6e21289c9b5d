"""A chat in plain ASGI: members enter rooms (`go`), change them, and ask for missed messages (`since`).

Correct except for the fault that FAULT names. `stays`: a member that changes its room also stays in the old one;
`forgets`: the first message that a member missed is not sent again; `no memory`: `since` is ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

members: list[tuple[str, Send]] = []
published: dict[str, list[str]] = {}


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    try:
        while (message := await receive())["type"] == "websocket.receive":
            await serve(json.loads(message["text"]), send)
    finally:
        leave(send)


def leave(send: Send) -> None:
    members[:] = [member for member in members if member[1] is not send]


async def serve(request: Any, send: Send) -> None:
    if "go" in request:
        await enter(request, send)
        return
    room = next(room for room, deliver in reversed(members) if deliver is send)
    log = published.setdefault(room, [])
    log.append(json.dumps({"number": len(log), "text": request["text"]}))
    for member_room, deliver in list(members):
        if member_room == room:
            try:
                await deliver({"type": "websocket.send", "text": log[-1]})
            except Exception:  # noqa: BLE001, S112 - whatever the server raises for a peer that has gone
                continue


async def enter(request: Any, send: Send) -> None:
    if FAULT != "stays":
        leave(send)
    room = str(request["go"])
    missed = published.get(room, [])[request["since"] + 1 :] if "since" in request and FAULT != "no memory" else []
    for text in missed[1 if FAULT == "forgets" else 0 :]:
        await send({"type": "websocket.send", "text": text})
    members.append((room, send))
    await send({"type": "websocket.send", "text": json.dumps({"in": room})})
