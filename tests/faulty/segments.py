"""The tutorial's chat on a library that reads a whole segment before the application gets its messages.

The third client's bytes after its first message are held back until it leaves, as if they came in one segment. The
server's mode decides what the library does with them:

discards                       a truncated message is an error, and no message of its segment is passed on (uvicorn's
                               websockets-sansio)
resets                         at a TCP reset, discards what it has not passed on, even behind a close frame
reads                          passes on the messages before the error
omits the leave notice         discards, and does not announce that the client has left
loses another member's message discards, and sends the next message of another client to its publisher only
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from wsproof.net.endpoint import Endpoint

HELD_CONNECTION = 2
"""The connection whose bytes are held back, counted from 0."""


class Room:
    """All connections of one server."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.connections: list[Connection] = []
        """All connections so far, including closed ones."""
        self.members: list[Connection] = []
        self.loses_next = False

    def broadcast(self, text: str, sender: Connection | None = None) -> None:
        """Send a text to all members."""
        loses, self.loses_next = self.loses_next and sender is not None, self.loses_next and sender is None
        for connection in self.members:
            if not loses or connection is sender:
                connection.send(text)


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, room: Room) -> None:
        self._room, self._number = room, len(room.connections)
        room.connections.append(self)
        self.is_lost = asyncio.Event()
        self._protocol = ServerProtocol()
        self._look_ahead: ServerProtocol | None = None
        """Reads the held bytes to see whether the client has left."""
        self._held = b""
        self._name = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._look_ahead is None:
            self._read(data)
            return
        self._held += data
        self._look_ahead.receive_data(data)
        if self._room.mode != "resets" and (self._look_ahead.close_rcvd or self._look_ahead.parser_exc):
            self._read(self._held)
            self._leave()

    def eof_received(self) -> None:
        self._protocol.receive_data(self._held)
        self._protocol.receive_eof()
        self._pass_on()
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self.is_lost.set()

    def abort(self) -> None:
        """End the connection at once."""
        self._transport.abort()

    def send(self, text: str) -> None:
        """Send a text to this client, unless its closing handshake has begun."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_text(text.encode())
            self._write()

    def _read(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._pass_on()

    def _pass_on(self) -> None:
        """Pass messages to the application, unless the library discards them."""
        if self._protocol.parser_exc and self._room.mode != "reads":
            return
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._name = event.path.rpartition("/")[2]
                self._protocol.send_response(self._protocol.accept(event))
                self._room.members.append(self)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT and event.fin:
                self._handle_text(bytes(event.data).decode())
        self._write()

    def _handle_text(self, text: str) -> None:
        self.send(f"You: {text}")
        self._room.broadcast(f"Client #{self._name} says: {text}", self)
        if self._number == HELD_CONNECTION and self._look_ahead is None:
            self._look_ahead = ServerProtocol(state=State.OPEN)

    def _write(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)

    def _leave(self) -> None:
        self._transport.close()
        if self not in self._room.members:
            return
        self._room.members.remove(self)
        if self._number == HELD_CONNECTION:
            self._room.loses_next = self._room.mode == "loses another member's message"
            if self._room.mode == "omits the leave notice":
                return
        self._room.broadcast(f"Client #{self._name} left the chat")


@contextmanager
def segments(mode: str) -> Iterator[Endpoint]:
    """Run a server in this mode, in a thread of this process for the duration of the block."""
    with ThreadPoolExecutor(1) as executor:
        started: Future[Endpoint] = Future()
        stopped = threading.Event()
        ended = executor.submit(asyncio.run, _serve(Room(mode), started, stopped))
        try:
            yield started.result()
        finally:
            stopped.set()
            ended.result()


async def _serve(room: Room, started: Future[Endpoint], stopped: threading.Event) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(room), "127.0.0.1", 0)
    started.set_result(Endpoint("127.0.0.1", server.sockets[0].getsockname()[1]))
    await asyncio.to_thread(stopped.wait)
    server.close()
    for connection in room.connections:
        connection.abort()
    await asyncio.gather(*(connection.is_lost.wait() for connection in room.connections))
