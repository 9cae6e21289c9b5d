"""websockets: the counter of its documentation. All see its value; JSON alone is understood."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

USERS: set[ServerConnection] = set()
VALUE = 0


def users_event() -> str:
    return json.dumps({"type": "users", "count": len(USERS)})


def value_event() -> str:
    return json.dumps({"type": "value", "value": VALUE})


async def counter(websocket: ServerConnection) -> None:
    global VALUE
    try:
        USERS.add(websocket)
        broadcast(USERS, users_event())
        await websocket.send(value_event())
        async for message in websocket:
            event = json.loads(message)
            if event["action"] == "minus":
                VALUE -= 1
                broadcast(USERS, value_event())
            elif event["action"] == "plus":
                VALUE += 1
                broadcast(USERS, value_event())
            else:
                logging.error("unsupported event: %s", event)
    finally:
        USERS.remove(websocket)
        broadcast(USERS, users_event())


async def main() -> None:
    async with serve(counter, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
