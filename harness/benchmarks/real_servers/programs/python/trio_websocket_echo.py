"""trio-websocket: the echo of its documentation."""

from __future__ import annotations

import sys

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket


async def echo(request: WebSocketRequest) -> None:
    ws = await request.accept()
    while True:
        try:
            message = await ws.get_message()
            await ws.send_message(message)
        except ConnectionClosed:
            break


async def main() -> None:
    await serve_websocket(echo, "127.0.0.1", int(sys.argv[1]), ssl_context=None)


trio.run(main)
