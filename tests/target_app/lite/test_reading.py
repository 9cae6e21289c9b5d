"""Tests that the small server reads a flood in parts. The flooder is a socket pair in the same event loop."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import pytest
import uvloop
from uvicorn import Config
from uvicorn.server import ServerState

from target_app.lite.reading import PART_BYTES, FairProtocol
from tests.target_app.peers import BINARY, CLOSE, PING, TEXT, frame
from tests.target_app.server import DEADLINE

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
LIMIT = 60_000
"""The longest message in bytes."""


class Recorded(FairProtocol):
    """Records the length of each part, and the event-loop iteration in which it was handled."""

    def __init__(self, iteration: Callable[[], int]) -> None:
        options: Any = {"interface": "asgi3", "lifespan": "off", "log_config": None}
        config = Config(self._application, ws_max_size=LIMIT, ws_per_message_deflate=False, **options)
        super().__init__(config, ServerState(), {})
        self.parts: list[int] = []
        self.iterations: list[int] = []
        self.received: list[dict[str, Any]] = []
        self.is_over = asyncio.Event()
        self._iteration = iteration

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while not self.received or self.received[-1]["type"] != "websocket.disconnect":
            self.received.append(await receive())
        self.is_over.set()

    def data_received(self, data: bytes) -> None:
        self.parts.append(len(data))
        self.iterations.append(self._iteration())
        super().data_received(data)


class Upgraded(asyncio.Protocol):
    """Does what uvicorn's HTTP protocol does with an upgrade."""

    def __init__(self, websocket: Recorded) -> None:
        self._websocket = websocket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._websocket.connection_made(self._transport)
        self._websocket.data_received(HANDSHAKE)
        self._transport.set_protocol(self._websocket)


async def serve(scenario: Callable[[Recorded, socket.socket], Awaitable[None]]) -> None:
    loop, iterations = asyncio.get_running_loop(), [0]

    def count() -> None:
        iterations[0] += 1
        loop.call_soon(count)

    count()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    websocket = Recorded(lambda: iterations[0])
    await loop.connect_accepted_socket(lambda: Upgraded(websocket), ours)
    with theirs:
        await loop.sock_sendall(theirs, HANDSHAKE)
        assert (await loop.sock_recv(theirs, 1 << 16)).endswith(b"\r\n\r\n")
        await asyncio.wait_for(scenario(websocket, theirs), DEADLINE)
    websocket.transport.abort()
    while websocket.connections:
        await asyncio.sleep(0)


async def read_all(client: socket.socket) -> bytes:
    received = b""
    while chunk := await asyncio.get_running_loop().sock_recv(client, 1 << 16):
        received += chunk
    return received


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    return asyncio.Runner(loop_factory=request.param)


def test_a_flood_is_handled_in_small_parts_one_in_each_iteration(runner: asyncio.Runner) -> None:
    async def scenario(websocket: Recorded, client: socket.socket) -> None:
        reading = asyncio.create_task(read_all(client))
        flood = frame(PING, b"") * 20_000 + frame(CLOSE, struct.pack("!H", 1000))
        await asyncio.get_running_loop().sock_sendall(client, flood)
        await websocket.is_over.wait()
        assert sum(websocket.parts) == len(HANDSHAKE + flood)
        assert max(websocket.parts) <= PART_BYTES
        full = [at for at, size in zip(websocket.iterations, websocket.parts, strict=True) if size == PART_BYTES]
        assert full
        assert len(set(full)) == len(full), "no two full parts in one iteration"
        websocket.transport.abort()
        assert (await reading).count(b"\x8a\x00") == 20_000

    with runner:
        runner.run(serve(scenario))


def test_messages_of_any_length_arrive_whole_and_before_the_end(runner: asyncio.Runner) -> None:
    async def scenario(websocket: Recorded, client: socket.socket) -> None:
        texts = ["x" * length for length in (0, 1, PART_BYTES - 8, PART_BYTES, LIMIT)] + [str(n) for n in range(2_000)]
        data = b"".join(frame(TEXT, text.encode()) for text in texts)
        await asyncio.get_running_loop().sock_sendall(client, data)
        client.close()
        await websocket.is_over.wait()
        assert [event["text"] for event in websocket.received[:-1]] == texts

    with runner:
        runner.run(serve(scenario))


def test_a_peer_that_ends_at_once_leaves_nothing(runner: asyncio.Runner) -> None:
    async def scenario(websocket: Recorded, client: socket.socket) -> None:
        client.close()
        await websocket.is_over.wait()
        assert [event["type"] for event in websocket.received] == ["websocket.disconnect"]

    with runner:
        runner.run(serve(scenario))


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_the_fragments_of_a_message_have_a_limit(runner: asyncio.Runner, opcode: int) -> None:
    async def scenario(websocket: Recorded, client: socket.socket) -> None:
        fragments = bytes([opcode, 0x80, *bytes(4)]) + b"\x00\x80\0\0\0\0" * (LIMIT + 1_000)
        with suppress(ConnectionError):  # the server may close before it has read everything
            await asyncio.get_running_loop().sock_sendall(client, fragments)
        await websocket.is_over.wait()
        assert len(websocket.frames) <= LIMIT + 1
        assert websocket.received[-1]["code"] == 1009

    with runner:
        runner.run(serve(scenario))


def test_invalid_utf8_is_1007_and_leaves_no_traceback(runner: asyncio.Runner, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(websocket: Recorded, client: socket.socket) -> None:
        await asyncio.get_running_loop().sock_sendall(client, frame(TEXT, b"\xff"))
        await websocket.is_over.wait()
        assert websocket.received[-1]["code"] == 1007

    with runner:
        runner.run(serve(scenario))
    assert "Invalid UTF-8" in caplog.text
    assert "Traceback" not in caplog.text
