"""The known-bad baseline: the same three channels, written as in the classic tutorial.

Use this for tests only: a harness has to find its faults. They are kept on purpose, with their ids in HAZARDS.md:

Echo
    E1  a binary frame is an error (`KeyError`), and is answered with close code 1000
    E2  every error ends in close code 1000, as if all had gone well
    E3  `finally: close()` closes a second time if the peer has gone: tracebacks in the log
    E4  a normal close is printed as an error
    E5  no authentication, and no look at the Origin
Chat
    C1  one binary frame breaks the room for ever: its sender stays in the list
    C2  the error of a dead member removes the member that is sending
    C3  the clean-up after an error may raise an exception, which nothing catches
    C4  one member that does not read stalls the room: the broadcast waits for each member in turn
    C5  senders are disconnected while they wait in a broadcast, because their pongs are not read
    C6  the server cannot be stopped while such a member is there
    C7  the list changes during a broadcast: the member after one that leaves misses a message
    C8  no common order: two broadcasts wait for different members and overtake each other
    C11 "all other clients" is all of them: the sender gets its own message back
    C12 clean-up only after a clean disconnect, not after an error or a cancellation
Dashboard
    D1  the producer ends at the first failed send, and nothing starts it again
    D2  the figures are random
    D7  not stopped at shutdown, and each period is the sleep plus the time for sending

`TARGET_APP_DASHBOARD_PERIOD` (seconds, default 2) sets the pause of the dashboard, so that checks are fast.
"""

from __future__ import annotations

import asyncio
import os
import random

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

PERIOD = float(os.environ.get("TARGET_APP_DASHBOARD_PERIOD", "2"))

app = FastAPI(title="target_app.naive", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    try:
        while True:
            text = await websocket.receive_text()
            await websocket.send_text(f"Message received: {text}")
    except Exception as problem:  # noqa: BLE001 - E2, E4
        print(f"Error: {problem}")  # noqa: T201 - E4
    finally:
        await websocket.close()


class Room:
    """A list that all connections share."""

    def __init__(self) -> None:
        self.members: list[WebSocket] = []

    async def enter(self, member: WebSocket) -> None:
        await member.accept()
        self.members.append(member)

    def leave(self, member: WebSocket) -> None:
        self.members.remove(member)

    async def tell_all(self, text: str) -> None:
        for member in self.members:
            await member.send_text(text)


room = Room()


@app.websocket("/ws/{client_id}")
async def chat(websocket: WebSocket, client_id: str) -> None:
    await room.enter(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            await websocket.send_text(f"You: {text}")
            await room.tell_all(f"Client #{client_id} says: {text}")
    except WebSocketDisconnect:
        room.leave(websocket)
        await room.tell_all(f"Client #{client_id} left the chat")


class Board:
    """The viewers, and the task that invents figures for them."""

    def __init__(self) -> None:
        self.viewers: list[WebSocket] = []
        self.task: asyncio.Task[None] | None = None

    async def enter(self, viewer: WebSocket) -> None:
        await viewer.accept()
        self.viewers.append(viewer)
        if self.task is None:
            self.task = asyncio.create_task(self.invent())

    def leave(self, viewer: WebSocket) -> None:
        self.viewers.remove(viewer)
        if not self.viewers and self.task is not None:
            self.task.cancel()
            self.task = None

    async def invent(self) -> None:
        while True:
            figures = {
                "cpu_usage": random.randint(0, 100),
                "memory_usage": random.randint(0, 100),
                "active_users": random.randint(10, 1000),
                "response_time": round(random.uniform(0.1, 2.0), 2),
            }
            for viewer in self.viewers:
                await viewer.send_json(figures)
            await asyncio.sleep(PERIOD)


board = Board()


@app.websocket("/dashboard-feed")
async def dashboard(websocket: WebSocket) -> None:
    await board.enter(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        board.leave(websocket)
