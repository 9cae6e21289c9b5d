"""The tutorial's chat on `websockets` alone, with its `broadcast`: `python bare_websockets.py PORT`."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

members: set[ServerConnection] = set()


async def talk(member: ServerConnection) -> None:
    assert member.request is not None
    name = member.request.path.rpartition("/")[2]
    members.add(member)
    try:
        async for text in member:
            await member.send(f"You: {text!s}")
            broadcast(members, f"Client #{name} says: {text!s}")
    except ConnectionClosed:
        pass  # the member left without a close frame: the others are told all the same
    finally:
        members.discard(member)
        broadcast(members, f"Client #{name} left the chat")


async def main(port: int) -> None:
    async with serve(talk, "127.0.0.1", port, compression=None, ping_interval=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
