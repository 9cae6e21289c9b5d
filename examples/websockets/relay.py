"""A relay on the library websockets alone: what one client says, all get."""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

clients: set[ServerConnection] = set()


async def relay(client: ServerConnection) -> None:
    """Hand on what a client says to all clients. `broadcast` waits for no slow reader."""
    clients.add(client)
    try:
        async for message in client:
            broadcast(clients, message)
    finally:
        clients.discard(client)


async def main(port: int) -> None:
    """Serve until the process is ended."""
    async with serve(relay, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
