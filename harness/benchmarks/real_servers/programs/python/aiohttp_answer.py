"""aiohttp: the handler of its documentation, which closes on "close" and answers all other texts."""

from __future__ import annotations

import sys

from aiohttp import WSMsgType, web


async def handler(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    async for message in ws:
        if message.type == WSMsgType.TEXT:
            if message.data == "close":
                await ws.close()
            else:
                await ws.send_str(message.data + "/answer")
    return ws


app = web.Application()
app.add_routes([web.get("/ws", handler)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
