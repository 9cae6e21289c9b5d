"""A shared counter in plain ASGI: {"action": "plus"} sends {"type": "value", "value": N} to all.

Correct except for the planted fault that FAULT names. A new member gets the current value.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")
"""`loses`: every fifth value is not sent to the last member; `repeats`: it is sent twice; `counts twice`: every fifth
action counts two."""

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

everybody: list[Send] = []
value = 40


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    global value
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    everybody.append(send)
    await send(told())
    try:
        while (message := await receive())["type"] == "websocket.receive":
            if json.loads(message.get("text") or "{}").get("action") != "plus":
                continue
            value += 1
            await tell()
            if FAULT == "counts twice" and value % 5 == 0:
                value += 1
                await tell()
    except (ValueError, AttributeError):
        pass
    finally:
        everybody.remove(send)


def told() -> Message:
    return {"type": "websocket.send", "text": json.dumps({"type": "value", "value": value})}


async def tell() -> None:
    for member in list(everybody):
        is_marked = value % 5 == 0 and member is everybody[-1]
        times = {"loses": 0, "repeats": 2}.get(FAULT, 1) if is_marked else 1
        for _ in range(times):
            try:
                await member(told())
            except Exception:  # noqa: BLE001, S112 - whatever the server raises for a peer that has gone
                continue
