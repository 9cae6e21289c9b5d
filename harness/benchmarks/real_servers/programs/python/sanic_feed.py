"""sanic: the feed of its documentation, which says "hello!" first and after each message."""

from __future__ import annotations

import sys

from sanic import Request, Sanic, Websocket

app = Sanic("RealServer")


@app.websocket("/feed")
async def feed(request: Request, ws: Websocket) -> None:
    while True:
        await ws.send("hello!")
        await ws.recv()


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, access_log=False, motd=False)
