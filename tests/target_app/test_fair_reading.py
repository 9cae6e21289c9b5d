"""Tests that one peer cannot keep the server from the others, under both of our protocol classes."""

from __future__ import annotations

import asyncio
import inspect
import struct
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import Mock

import pytest
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.streams import StreamReader

from target_app.direct import DirectWSProtocol
from target_app.frame_parser import FrameParser, FrameReader
from target_app.http_protocol import MAX_HEAD_BYTES, BoundedHttpProtocol
from target_app.reading_turns import LONGEST_TURN, ReadingTurns
from target_app.websocket_protocol import FRAMES_AT_ONCE, FRAMES_PER_TURN, BoundedWSProtocol
from tests.target_app.peers import CLOSE, PING, TEXT, frame

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%b\r\n"
)
EMPTY_FIRST = b"\x01\x80" + bytes(4)
EMPTY_CONTINUATION = b"\x00\x80" + bytes(4)
LIMIT = 1_000
"""The longest message in bytes."""

Application = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]


class Transport(Mock):
    """The transport of a connection, without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True
        self.sent = b""
        self.is_gone = False

    def _get_child_mock(self, **options: Any) -> Mock:
        return Mock(**options)

    def is_reading(self) -> bool:
        return self.reads

    def is_closing(self) -> bool:
        return self.is_gone

    def get_extra_info(self, name: str) -> Any:
        return Mock(fileno=lambda: None) if name == "socket" else None

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        assert not self.is_gone, "uvloop raises RuntimeError"
        self.sent += data

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def close(self) -> None:
        self.is_gone = True

    def abort(self) -> None:
        self.is_gone = True


class Connected:
    """A connection whose application puts all events that it receives into `heard`, one when it is told to."""

    def __init__(self, protocol_class: type[WebSocketsSansIOProtocol]) -> None:
        self.heard: list[dict[str, Any]] = []
        self.may_receive = asyncio.Semaphore(0)
        self.is_over = False
        self.state = ServerState()
        self.transport = Transport()
        options: Any = {"interface": "asgi3", "lifespan": "off", "log_config": None}
        config = Config(self._application, ws_max_size=LIMIT, ws_per_message_deflate=False, **options)
        self.protocol = protocol_class(config, self.state, {})
        self.protocol.connection_made(self.transport)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while not self.is_over:
            await self.may_receive.acquire()
            self.heard.append(await receive())
            self.is_over |= self.heard[-1]["type"] == "websocket.disconnect"

    async def open(self) -> None:
        self.protocol.data_received(HANDSHAKE % b"")
        while not self.transport.sent:
            await asyncio.sleep(0)

    async def rest(self) -> None:
        """Wait until the connection has handled what it can handle."""
        for _ in range(1_000):
            await asyncio.sleep(0)

    def let_receive(self, count: int) -> None:
        for _ in range(count):
            self.may_receive.release()

    @property
    def texts(self) -> list[str]:
        return [event["text"] for event in self.heard if "text" in event]


@pytest.fixture(params=[BoundedWSProtocol, DirectWSProtocol])
def protocol_class(request: pytest.FixtureRequest) -> type[BoundedWSProtocol]:
    kind: type[BoundedWSProtocol] = request.param
    return kind


def test_a_burst_of_small_frames_is_handled_in_turns(protocol_class: type[BoundedWSProtocol]) -> None:
    async def scenario() -> None:
        connected = Connected(protocol_class)
        await connected.open()
        pongs = len(connected.transport.sent)
        connected.protocol.data_received(frame(PING, b"") * 40_000)
        assert len(connected.transport.sent) - pongs == 2 * FRAMES_AT_ONCE, (
            "only some are handled in the iteration that received them"
        )
        assert not connected.transport.is_reading()
        await asyncio.sleep(0)
        assert len(connected.transport.sent) - pongs < 40_000, "other callbacks run in between"
        while not connected.transport.is_reading():
            await asyncio.sleep(0)
        assert len(connected.transport.sent) - pongs == 2 * 40_000

    asyncio.run(scenario())


def test_a_long_message_needs_no_later_turn(protocol_class: type[BoundedWSProtocol]) -> None:
    async def scenario() -> None:
        connected = Connected(protocol_class)
        await connected.open()
        connected.let_receive(2)
        connected.protocol.data_received(frame(TEXT, b"x" * LIMIT) + frame(TEXT, b"y" * LIMIT))
        assert connected.protocol.queue.qsize() == 2
        while len(connected.texts) < 2:
            await asyncio.sleep(0)
        assert connected.transport.is_reading()

    asyncio.run(scenario())


def test_the_parser_stops_after_the_allowed_frames_and_continues_with_the_rest() -> None:
    parser = FrameParser(max_size=LIMIT)
    parser.reader.allow(2)
    parser.receive_data(HANDSHAKE % b"" + frame(PING, b"1") + frame(PING, b"2") + frame(PING, b"3") + b"\x89\x80")
    assert [bytes(event.data) for event in parser.events_received()[1:]] == [b"1", b"2"]  # type: ignore[union-attr]
    assert parser.reader.is_interrupted
    parser.reader.allow(2)
    parser.receive_data(bytes(4))
    assert [bytes(event.data) for event in parser.events_received()] == [b"3", b""]  # type: ignore[union-attr]
    assert not parser.reader.is_interrupted


def test_no_message_is_parsed_while_the_application_has_some_to_handle(protocol_class: type[BoundedWSProtocol]) -> None:
    async def scenario() -> None:
        connected = Connected(protocol_class)
        await connected.open()
        texts = [str(number) for number in range(3_000)]
        connected.protocol.data_received(b"".join(frame(TEXT, text.encode()) for text in texts))
        await connected.rest()
        assert 0 < connected.protocol.queue.qsize() <= FRAMES_PER_TURN
        assert not connected.transport.is_reading()
        connected.let_receive(len(texts))
        while len(connected.texts) < len(texts):
            await asyncio.sleep(0)
        assert connected.texts == texts
        await connected.rest()
        assert connected.transport.is_reading()

    asyncio.run(scenario())


INVALID = b"\x83\x80" + bytes(4)


@pytest.mark.parametrize("last", [b"", frame(PING, b"") * 100, INVALID], ids=["text", "ping", "invalid"])
def test_messages_that_arrived_before_a_reset_are_received(
    protocol_class: type[BoundedWSProtocol], last: bytes
) -> None:
    """An invalid frame loses the messages of its loop iteration: uvicorn discards them."""

    async def scenario() -> None:
        connected = Connected(protocol_class)
        await connected.open()
        texts = [str(number) for number in range(3_000)]
        connected.protocol.data_received(b"".join(frame(TEXT, text.encode()) for text in texts) + last)
        await connected.rest()
        connected.transport.is_gone = True
        connected.protocol.connection_lost(ConnectionResetError())
        connected.let_receive(len(texts) + 1)
        await asyncio.gather(*connected.state.tasks)
        discarded = len(texts) - len(connected.texts)
        assert connected.texts == texts[: len(texts) - discarded]
        assert 0 <= discarded < (FRAMES_PER_TURN if last == INVALID else 1)
        assert connected.heard[-1]["type"] == "websocket.disconnect"
        await connected.rest()
        assert connected.state.connections == set()

    asyncio.run(scenario())


def test_unread_bytes_keep_no_connection_whose_application_has_ended(protocol_class: type[BoundedWSProtocol]) -> None:
    async def scenario() -> None:
        connected = Connected(protocol_class)
        await connected.open()
        connected.protocol.data_received(frame(TEXT, b"x") * 3_000)
        await connected.rest()
        connected.transport.is_gone = True
        connected.protocol.connection_lost(ConnectionResetError())
        for task in connected.state.tasks:
            task.cancel()
        await asyncio.wait(connected.state.tasks)
        await connected.rest()
        assert connected.state.connections == set()

    asyncio.run(scenario())


def test_the_close_frame_behind_unread_messages_ends_the_connection(protocol_class: type[BoundedWSProtocol]) -> None:
    """The application closes first, and receives nothing more."""

    async def scenario() -> None:
        connected = Connected(protocol_class)
        await connected.open()
        connected.protocol.data_received(frame(TEXT, b"x") * 3_000 + frame(CLOSE, struct.pack("!H", 1000)))
        await connected.rest()
        await connected.protocol.send({"type": "websocket.close", "code": 1000, "reason": ""})
        connected.is_over = True
        connected.let_receive(1)
        await asyncio.gather(*connected.state.tasks)
        await connected.rest()
        assert connected.transport.is_closing()
        assert connected.protocol.close_timer is None

    asyncio.run(scenario())


def test_the_fragments_of_a_message_have_a_limit(protocol_class: type[BoundedWSProtocol]) -> None:
    async def scenario() -> None:
        connected = Connected(protocol_class)
        await connected.open()
        connected.protocol.data_received(EMPTY_FIRST + EMPTY_CONTINUATION * (LIMIT - 1) + frame(0, b"whole"))
        connected.let_receive(1)
        await connected.rest()
        assert connected.texts == ["whole"]
        before = len(connected.transport.sent)
        connected.protocol.data_received(EMPTY_FIRST + EMPTY_CONTINUATION * (LIMIT + 10))
        await connected.rest()
        assert connected.transport.sent[before:][:4] == b"\x88\x14" + struct.pack("!H", 1009)
        assert connected.transport.is_closing()
        assert connected.protocol.frames == []

    asyncio.run(scenario())


UNREADABLE = {
    "body": b"Content-Length: 5\r\n",
    "long line": b"X: %b\r\n" % (b"x" * 9_000),
    "many headers": b"".join(b"X%d: a\r\n" % number for number in range(200)),
}


@pytest.mark.parametrize("header", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_handshake_that_cannot_be_parsed_is_answered(protocol_class: type[BoundedWSProtocol], header: bytes) -> None:
    async def scenario() -> None:
        connected = Connected(protocol_class)
        connected.protocol.data_received(HANDSHAKE % header)
        await connected.rest()
        assert connected.transport.sent.startswith(b"HTTP/1.1 4")
        assert connected.transport.is_closing()

    asyncio.run(scenario())


def test_turns_end_in_time_and_go_on_after_a_fault() -> None:
    async def scenario() -> None:
        now = [0.0]
        turns, handled = ReadingTurns(lambda: now[0]), []

        def slow(number: int) -> None:
            handled.append(number)
            now[0] += LONGEST_TURN / 2
            if number == 2:
                raise ValueError(number)

        asyncio.get_running_loop().set_exception_handler(lambda _, context: None)
        for number in range(5):
            turns.ask(lambda number=number: slow(number))  # type: ignore[misc]
        seen = []
        while len(handled) < 5:
            await asyncio.sleep(0)
            seen.append(len(handled))
        assert seen == [2, 3, 5]
        turns.ask(lambda: slow(9))
        await asyncio.sleep(0)
        assert handled == [0, 1, 2, 3, 4, 9]

    asyncio.run(scenario())


HEAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
ENDLESS = {
    "address": (b"GET /", b"a" * 1_000),
    "one header": (HEAD + b"X: ", b"a" * 1_000),
    "headers": (HEAD, b"X: a\r\n" * 200),
    "trailers": (CHUNKED + b"0\r\n", b"X: a\r\n" * 200),
    "chunk extension": (CHUNKED + b"1;", b"a" * 1_000),
}


def http_connection(application: Application) -> tuple[BoundedHttpProtocol, Transport]:
    transport = Transport()
    config = Config(application, interface="asgi3", lifespan="off", log_config=None)
    protocol = BoundedHttpProtocol(config, ServerState(), {})
    protocol.connection_made(transport)
    return protocol, transport


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize(("first", "more"), ENDLESS.values(), ids=ENDLESS.keys())
def test_a_request_without_end_is_cut_off_at_the_limit(first: bytes, more: bytes) -> None:
    async def scenario() -> None:
        protocol, transport = http_connection(read_all)
        protocol.data_received(first)
        for _ in range(MAX_HEAD_BYTES // len(more) - 1):
            protocol.data_received(more)
        assert not transport.is_closing()
        for _ in range(2):
            protocol.data_received(more)
        assert transport.is_closing()
        assert transport.sent == b"" or transport.sent.startswith(b"HTTP/1.1 431 ")
        protocol.connection_lost(None)
        await asyncio.gather(*protocol.tasks)

    asyncio.run(scenario())


def test_a_long_body_and_many_requests_are_no_long_head() -> None:
    async def scenario() -> None:
        protocol, transport = http_connection(read_all)
        protocol.data_received(CHUNKED)
        for _ in range(100):
            protocol.data_received(b"400\r\n" + b"x" * 1_024 + b"\r\n")
        protocol.data_received(b"0\r\n\r\n")
        for _ in range(3_000):
            await asyncio.gather(*protocol.tasks)
            protocol.data_received(HEAD + b"\r\n")
        await asyncio.gather(*protocol.tasks)
        assert not transport.is_closing()
        assert transport.sent.count(b"HTTP/1.1 200 OK") == 3_001
        transport.close()
        protocol.connection_lost(None)

    asyncio.run(scenario())


OURS = {"_ask", "_take_turn", "allow", "_handle", "_read_without_application", "_refuse"}
"""Methods that the classes add. All others must override existing ones."""


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (BoundedWSProtocol, WebSocketsSansIOProtocol),
        (BoundedHttpProtocol, HttpToolsProtocol),
        (FrameReader, StreamReader),
    ],
)
def test_every_overridden_method_exists_with_the_same_parameters(ours: type, theirs: type) -> None:
    overridden = {name for name, value in vars(ours).items() if inspect.isfunction(value)} - OURS
    assert overridden
    for name in overridden:
        mine, original = getattr(ours, name), getattr(theirs, name)
        assert list(inspect.signature(mine).parameters) == list(inspect.signature(original).parameters), name
        assert inspect.iscoroutinefunction(mine) == inspect.iscoroutinefunction(original)
