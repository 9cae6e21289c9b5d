"""Correct servers that are slow in their handshake, close idle clients, or accept few clients.

`/NAME-NUMBER` chooses what the server does, in milliseconds or connections: see `CorrectVariant`.
With `--accept-every MS` it accepts one connection at a time from a short backlog.

    python -m tests.faulty.correct_variants [--port N] [--accept-every MS]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import socket
import struct
import sys
from collections.abc import Callable, Coroutine
from typing import ClassVar

from tests.faulty.server import CLOSE, PING, PONG, Connection, Failure, Refusal

_BACKLOG = 5

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


class CorrectVariant(Connection):
    """One client of a correct server.

    `slow-handshake-MS` delays the handshake response, `slow-close-MS` the close frame.
    `idle-MS` closes clients that are silent for this time (1001). `heartbeat-MS` pings, and closes clients that do not
    answer until the next ping (1011). `one-session` closes the older of two connections (4001). `seats-N` refuses
    clients beyond N (503), `closed-seats-N` closes them (1013).
    """

    connected: ClassVar[list[CorrectVariant]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self.has_ponged = True
        self.is_open = False
        self.held: list[bytes] = []
        """Close frames that are sent with a delay."""
        self.beating: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            if self in self.connected:
                self.connected.remove(self)
            if self.beating is not None:
                self.beating.cancel()

    def number(self, name: str) -> int | None:
        """Return the number after `name`, or None if the server has another behaviour."""
        match = re.fullmatch(rf"{name}-([0-9]+)", self.fault)
        return int(match[1]) if match else None

    async def pause(self, name: str) -> None:
        """Wait for the time that `name` gives."""
        if milliseconds := self.number(name):
            await asyncio.sleep(milliseconds / 1000)

    async def skip_body(self, headers: dict[str, list[str]]) -> None:
        await super().skip_body(headers)
        await self.pause("slow-handshake")

    def accept(self, headers: dict[str, list[str]]) -> None:
        seats, closed_seats = self.number("seats"), self.number("closed-seats")
        if seats is not None and len(self.connected) >= seats:
            raise Refusal("503 Service Unavailable")
        super().accept(headers)
        if closed_seats is not None and len(self.connected) >= closed_seats:
            raise Failure(1013)
        if self.fault == "one-session":
            for client in self.connected:
                client.send(CLOSE, struct.pack("!H", 4001))
                client.writer.close()
        self.connected.append(self)
        self.is_open = True
        if self.number("heartbeat"):
            self.beating = asyncio.ensure_future(self.beat())

    async def beat(self) -> None:
        """Ping the client periodically."""
        while self.has_ponged:
            self.has_ponged = False
            self.send(PING, b"there?")
            await self.pause("heartbeat")
        self.send(CLOSE, struct.pack("!H", 1011))
        self.writer.close()

    async def more(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()
        milliseconds = self.number("idle")
        if not self.is_open or milliseconds is None:
            await super().more()
            return
        try:
            await asyncio.wait_for(super().more(), milliseconds / 1000)
        except TimeoutError:
            raise Failure(1001) from None

    async def take_frame(self) -> bool:
        goes_on = await super().take_frame()
        if not goes_on:
            await self.flush_late()
        return goes_on

    async def flush_late(self) -> None:
        """Send the delayed frames."""
        if not self.held:
            return
        await self.pause("slow-close")
        held, self.held = self.held, []
        for payload in held:
            super().send(CLOSE, payload)

    def send(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE and self.number("slow-close") and self.is_open:
            self.held.append(payload)
        else:
            super().send(opcode, payload)

    def take(self, fin: int, opcode: int, payload: bytes) -> bool:
        self.has_ponged = self.has_ponged or opcode == PONG
        return super().take(fin, opcode, payload)


async def serve(port: int, accept_every_ms: int | None) -> None:
    """Listen until killed."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = CorrectVariant(reader, writer)
        with contextlib.suppress(EOFError, ConnectionError):
            try:
                await connection.run()
            except Failure as failure:  # in the handshake
                connection.send(CLOSE, struct.pack("!H", failure.code))
        with contextlib.suppress(ConnectionError):
            await connection.flush_late()
            await writer.drain()
        writer.close()

    listener = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    if accept_every_ms is None:
        async with await asyncio.start_server(handle, sock=listener) as server:
            await server.serve_forever()
    else:
        await accept_slowly(listener, handle, accept_every_ms / 1000)


async def accept_slowly(listener: socket.socket, handle: Handler, every_s: float) -> None:
    """Accept one connection, pause, accept the next."""
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    async def attend(sock: socket.socket) -> None:
        await handle(*await asyncio.open_connection(sock=sock))

    while True:
        sock, _ = await loop.sock_accept(listener)
        tasks.add(loop.create_task(attend(sock)))
        await asyncio.sleep(every_s)


def main() -> None:
    """Serve at the port that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--accept-every", type=int, metavar="MS")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.accept_every))


if __name__ == "__main__":
    main()
