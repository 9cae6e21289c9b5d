"""The chat of Socket.IO's tutorial on python-socketio, correct except for the planted fault that FAULT names."""

from __future__ import annotations

import importlib
import os
from typing import Any

FAULT = os.environ.get("FAULT", "")
"""`forgets`: every fifth message does not reach its own sender; `refuses`: no member may join."""

socketio: Any = importlib.import_module("socketio")  # it has no types
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
app = socketio.ASGIApp(sio)
count = 0


async def connect(sid: str, environ: dict[str, Any]) -> bool:
    return FAULT != "refuses"


async def chat(sid: str, text: str) -> None:
    global count
    count += 1
    missed = sid if FAULT == "forgets" and count % 5 == 0 else None
    await sio.emit("chat message", {"who": sid, "text": text}, skip_sid=missed)


sio.on("connect", connect)
sio.on("chat message", chat)
