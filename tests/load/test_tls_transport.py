"""Tests of TLS on a stamped transport: each message has the time of its record's last byte."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.net.memory_tls import MemoryTlsServer
from tests.net.test_tls import certificate  # noqa: F401 - a fixture
from wsproof.load.worker.socket_poller import SocketPoller
from wsproof.load.worker.socket_transport import READ_BYTES
from wsproof.load.worker.tls_transport import TlsTransport
from wsproof.net.kernel_clock import KernelClock
from wsproof.net.tls_session import TlsSession


class Reader:
    """A connection that records the calls of the transport."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.transport: TlsTransport | None = None

    def connection_made(self, transport: TlsTransport) -> None:
        self.transport = transport
        self.told.append(("open",))

    def received(self, data: bytes, at_ns: int, now_ns: int) -> None:
        self.told.append(("at", data, at_ns))

    def received_by(self, data: bytes, latest_ns: int, now_ns: int) -> None:
        self.told.append(("by", data, latest_ns))

    def found_queued(self, queued_bytes: int, window_bytes: int, at_ns: int) -> None:
        self.told.append(("queued", queued_bytes, window_bytes))

    def eof_received(self) -> None:
        self.told.append(("eof",))

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append(("lost", exc))


class Scene:
    """A transport and its server. Its socket only carries what the transport sends: the test calls `received`."""

    def __init__(self, certificate: Path, context: ssl.SSLContext) -> None:  # noqa: F811
        self.server = MemoryTlsServer(certificate)
        self.reader = Reader()
        ours, self.end = socket.socketpair()
        ours.setblocking(False)
        self.end.setblocking(False)
        self.poller = SocketPoller(asyncio.get_running_loop())
        self.transport = TlsTransport(self.poller, ours, self.reader, KernelClock(), TlsSession(context, "127.0.0.1"))
        self.opening = asyncio.ensure_future(self.transport.open())

    async def open(self) -> None:
        """Do the handshake."""
        await asyncio.sleep(0)
        self.transport.received(self.server.answer(self.sent()), 1, 2)
        self.transport.received(self.server.answer(self.sent()), 3, 4)
        await self.opening

    def sent(self) -> bytes:
        """Return what the transport has sent since the last call."""
        return self.end.recv(1 << 20)

    async def close(self) -> None:
        self.transport.abort()
        await asyncio.sleep(0)
        self.end.close()
        self.poller.close()


Play = Callable[[Scene], Coroutine[Any, Any, None]]
Perform = Callable[[Play], list[tuple[object, ...]]]


@pytest.fixture
def perform(certificate: Path) -> Perform:  # noqa: F811
    """Return a function that plays a scene, and returns the calls that the reader received."""

    def run(play: Play) -> list[tuple[object, ...]]:
        async def whole() -> Reader:
            scene = Scene(certificate, ssl.create_default_context(cafile=str(certificate)))
            try:
                await play(scene)
            finally:
                await scene.close()
            return scene.reader

        return asyncio.run(whole()).told

    return run


def test_the_reader_gets_the_transport_after_the_handshake_and_writes_through_it(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        assert scene.reader.transport is scene.transport
        scene.transport.write(b"welcome")
        assert scene.server.decrypt(scene.sent()) == b"welcome"

    assert perform(play) == [("open",), ("lost", None)]


def test_a_read_of_whole_records_has_the_time_of_its_stamp(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        scene.transport.received(scene.server.encrypt(b"one"), 10, 15)
        scene.transport.received(scene.server.encrypt(b"two") + scene.server.encrypt(b"three"), 20, 25)

    assert perform(play)[1:3] == [("at", b"one", 10), ("at", b"twothree", 20)]


def test_a_read_that_ends_within_a_record_has_no_exact_time(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        whole, begun = scene.server.encrypt(b"whole"), scene.server.encrypt(b"begun")
        scene.transport.received(whole + begun[:7], 10, 15)
        scene.transport.received(begun[7:], 20, 25)

    assert perform(play)[1:3] == [("by", b"whole", 10), ("at", b"begun", 20)]


def test_a_read_that_fills_the_buffer_has_no_exact_time(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        first = scene.server.encrypt(b"x")
        overhead = len(first) - 1
        scene.transport.received(first, 5, 6)
        parts = [scene.server.encrypt(b"x" * (READ_BYTES // 8 - overhead)) for _ in range(8)]
        assert len(b"".join(parts)) == READ_BYTES
        scene.transport.received(b"".join(parts), 10, 15)

    assert [event for event, *_ in perform(play)] == ["open", "at", "by", "lost"]


def test_a_read_without_a_stamp_keeps_its_latest_time(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        scene.transport.received_by(scene.server.encrypt(b"late"), 30, 30)

    assert perform(play)[1] == ("by", b"late", 30)


def test_close_notify_is_the_end_of_the_stream_after_the_last_message(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        scene.transport.received(scene.server.encrypt(b"last") + scene.server.close(), 10, 15)
        assert scene.transport.is_closing()
        assert scene.server.is_end(scene.sent())

    assert perform(play)[1:] == [("at", b"last", 10), ("eof",), ("lost", None)]


def test_bytes_that_are_not_tls_end_the_connection_with_their_error(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        scene.transport.received(b"\x17\x03\x03\x00\x20" + b"?" * 32, 10, 15)

    *_, (event, error) = perform(play)
    assert event == "lost"
    assert isinstance(error, ssl.SSLError)


def test_an_end_during_the_handshake_fails_the_opening_without_a_call_of_the_reader(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await asyncio.sleep(0)
        scene.end.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match="during TLS"):
            await scene.opening

    assert perform(play) == []


def test_close_sends_close_notify(perform: Perform) -> None:
    async def play(scene: Scene) -> None:
        await scene.open()
        scene.transport.close()
        assert scene.server.is_end(scene.sent())

    assert perform(play) == [("open",), ("lost", None)]
