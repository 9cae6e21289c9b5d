from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ConnectionClosedError
from websockets.server import ServerProtocol
from websockets.sync.client import ClientConnection

from target_app.direct import DirectWSProtocol, Handshake
from tests.target_app.conftest import Enter, EnterRaw
from tests.target_app.peers import CLOSE, RawPeer, frame
from tests.target_app.server import DEADLINE, Server, running

OURS = {"writer", "write", "end_within", "_reset"}
"""Methods that the protocol class adds. All others must override existing ones."""

GOOD = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app --direct", {}) as started:
        yield started


def answer(server: Server, **headers: str | None) -> str:
    """Return the head of the answer to a correct handshake with these headers replaced."""
    changed = {**GOOD, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{name}: {value}\r\n" for name, value in changed.items() if value is not None]
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as connection:
        connection.sendall("".join(["GET /ws HTTP/1.1\r\n", *lines, "\r\n"]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
    return head.decode()


def test_every_overridden_method_exists_with_the_same_parameters() -> None:
    for ours, theirs in ((DirectWSProtocol, WebSocketsSansIOProtocol), (Handshake, ServerProtocol)):
        overridden = {name for name, value in vars(ours).items() if inspect.isfunction(value)} - OURS
        assert overridden
        for name in overridden:
            original = getattr(theirs, name)
            assert list(inspect.signature(getattr(ours, name)).parameters) == list(
                inspect.signature(original).parameters
            ), name
            assert inspect.iscoroutinefunction(getattr(ours, name)) == inspect.iscoroutinefunction(original)


def test_a_valid_handshake_is_accepted(server: Server) -> None:
    assert answer(server).startswith("HTTP/1.1 101 ")
    assert answer(server, Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits").startswith(
        "HTTP/1.1 101 "
    )


def test_a_handshake_without_host_is_refused(server: Server) -> None:
    assert answer(server, Host=None).startswith("HTTP/1.1 400 ")


def test_an_invalid_host_is_refused(server: Server) -> None:
    assert answer(server, Host="two words").startswith("HTTP/1.1 400 ")
    assert answer(server, Host="[::1]:8000").startswith("HTTP/1.1 101 ")


def test_a_handshake_that_announces_a_body_is_answered(server: Server) -> None:
    assert answer(server, Content_Length="5").startswith("HTTP/1.1 400 ")


def test_a_header_line_that_is_too_long_is_refused(server: Server) -> None:
    assert answer(server, X_Long="x" * 20_000).startswith("HTTP/1.1 431 ")


def test_a_malformed_extension_is_refused(server: Server) -> None:
    assert answer(server, Sec_WebSocket_Extensions="@").startswith("HTTP/1.1 400 ")


def test_a_refused_version_is_answered_with_the_supported_one(server: Server) -> None:
    head = answer(server, Sec_WebSocket_Version="8").lower()
    assert head.startswith("http/1.1 426 ")
    assert "sec-websocket-version: 13" in head


def test_a_close_between_the_fragments_of_a_message_is_answered_with_its_code(server: Server, raw: EnterRaw) -> None:
    peer = raw(server, "/ws")
    opening = bytearray(frame(1, b"first part"))
    opening[0] &= 0x7F  # not final
    peer.socket.sendall(bytes(opening) + frame(CLOSE, b"\x03\xe8bye"))
    assert peer.read_to_end() == bytes([0x88, 5]) + b"\x03\xe8bye"


def exceed_the_limit(client: ClientConnection, parts: Iterator[bytes]) -> None:
    """Send a message of one byte over the limit and wait for the close.

    Either call raises: ``send`` does where the client has read the close frame before ``send`` returns.
    """
    client.send(parts)
    client.recv(DEADLINE)


def test_a_ping_between_the_fragments_of_the_longest_message_is_no_part_of_it(server: Server) -> None:
    with server.connect("/ws") as client:

        def parts(last: bytes) -> Iterator[bytes]:
            yield b"x" * 65_535
            client.ping(b"longer than the rest")
            yield last

        client.send(parts(b"y"))
        assert client.recv(DEADLINE) == b"x" * 65_535 + b"y"
        with pytest.raises(ConnectionClosedError) as closed:
            exceed_the_limit(client, parts(b"yy"))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_nothing_is_written_after_a_close_frame(server: Server, raw: EnterRaw, enter: Enter) -> None:
    speaker, leaver = enter(server, "/ws/speaker"), raw(server, "/ws/leaver")
    leaver.send(1, b"x" * 1000)  # the answer to this is being sent when the close frame is read
    leaver.send(CLOSE, b"\x03\xe8")
    for number in range(200):
        speaker.send(str(number))
    received = leaver.read_to_end()
    position, last = 0, 0
    while position < len(received):
        last, size = received[position], received[position + 1]
        extended = 2 if size == 126 else 0
        size = int.from_bytes(received[position + 2 : position + 4], "big") if extended else size
        position += 2 + extended + size
    assert (last, position) == (0x88, len(received))


def test_a_slow_reader_gets_all_messages_in_order(server: Server, raw: EnterRaw) -> None:
    peer: RawPeer = raw(server, "/ws")
    expected = b""
    for number in range(400):  # more than a transport holds, less than pauses the reading of the echo for good
        text = f"{number:05d}".encode() * 100
        peer.send(2, text)
        expected += bytes([0x82, 126]) + len(text).to_bytes(2, "big") + text
    received = b""
    while len(received) < len(expected):
        received += peer.socket.recv(1000)
    assert received == expected
