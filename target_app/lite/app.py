"""The tutorial's echo, chat and dashboard. A channel is a function that talks to one connection until it returns."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI, WebSocket
from fastapi.responses import JSONResponse

from .connection import Connection
from .feed import Feed
from .outbox import Goodbye
from .room import Room
from .server import Server
from .settings import Settings

server = Server(Settings.from_environment())
room = Room()
feed = Feed(server.settings.dashboard_period, lambda: len(server.connections))
app = FastAPI(title="lite", lifespan=server.lifespan)


async def echo(connection: Connection) -> None:
    async for message in connection:
        connection.send(message if isinstance(message, bytes) else f"Message received: {message}")
        await connection.wait_turn()


async def chat(client_id: str, connection: Connection) -> None:
    if len(client_id) > 64 or not client_id.isprintable():  # the id is shown to all members [C10]
        raise Goodbye(1008, "client_id_not_printable_or_too_long")
    try:
        with room.membership(connection):
            async for message in connection:
                if isinstance(message, bytes):
                    raise Goodbye(1003, "text_only")  # ends this connection only [16, C1]
                connection.send(f"You: {message}")
                room.publish(f"Client #{client_id} says: {message}")
                await connection.wait_turn()
    finally:
        room.publish(f"Client #{client_id} left the chat")  # once, to the others, for every way of leaving [C2, C12]


async def dashboard(connection: Connection) -> None:
    with feed.viewing(connection):
        async for _ignored in connection:  # only a task that receives notices that its peer has left [2]
            pass


@app.websocket("/ws")
async def echo_endpoint(websocket: WebSocket) -> None:
    await server.serve(websocket, echo)


@app.websocket("/ws/{client_id}")
async def chat_endpoint(websocket: WebSocket, client_id: str) -> None:
    await server.serve(websocket, partial(chat, client_id))


@app.websocket("/dashboard-feed")
async def dashboard_endpoint(websocket: WebSocket) -> None:
    await server.serve(websocket, dashboard)


@app.get("/healthz")
async def healthz() -> JSONResponse:
    """503 during a drain, so that a load balancer sends nobody here any more."""
    return JSONResponse({"status": "draining"}, 503) if server.is_draining else JSONResponse({"status": "ok"})
