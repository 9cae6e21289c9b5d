"""Tests that an HTTP response after the upgrade is shown as text and reported once."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from wsproof.conformance.suite import run_suite
from wsproof.model.suite import SuiteOptions
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Frame
from wsproof.wire.handshake import accept_key

_SWITCHES = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
ANSWER = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 14\r\n\r\nreserved bits\n"


BEFORE_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class HttpAmongFrames:
    """An echo that answers a frame with reserved bits by an HTTP response after the upgrade.

    With `before_close`, it also writes these bytes in front of each close frame.
    """

    owned = False
    pid = None

    def __init__(self, listener: socket.socket) -> None:
        self.before_close = b""
        self.endpoint = Endpoint("127.0.0.1", listener.getsockname()[1])

    def restart(self) -> None:
        raise AssertionError("it is not ours to restart")


def _serve(client: socket.socket, behaviour: HttpAmongFrames) -> None:
    with client, client.makefile("rb") as stream, contextlib.suppress(OSError):
        head = b"".join(iter(stream.readline, b"\r\n")).decode("latin-1").splitlines()
        key = next((line.split(": ")[1] for line in head if line.lower().startswith("sec-websocket-key")), "")
        accept = f"Sec-WebSocket-Accept: {accept_key(key)}"
        client.sendall("\r\n".join((*_SWITCHES, accept, "\r\n")).encode())
        while len(first := stream.read(2)) == 2:
            length = first[1] & 127
            if length > 125:
                length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
            mask, data = stream.read(4), stream.read(length)
            if first[0] & 0x70:
                client.sendall(ANSWER)
                return
            opcode = {9: 10}.get(first[0] & 15, first[0] & 15)
            message = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
            client.sendall((behaviour.before_close if opcode == 8 else b"") + Frame(opcode, message).encode())
            if opcode == 8:
                return


@pytest.fixture
def http_among_frames() -> Iterator[HttpAmongFrames]:
    """Run the server for one test."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HttpAmongFrames(listener)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=_serve, args=(listener.accept()[0], server), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server


def test_an_http_response_among_frames_is_shown_as_text(http_among_frames: HttpAmongFrames) -> None:
    report = run_suite(http_among_frames, SuiteOptions(only=("rsv-zero",), examples=1))
    findings = {finding.check: finding for finding in report.findings}
    assert {"server-rsv", "server-control-fragmented", "server-close-code"}.isdisjoint(findings)
    finding = findings["server-http-among-frames"]
    assert finding.explanation.startswith(
        "After the opening handshake a server sends frames, not an HTTP response. But here: HTTP/1.1 400 Bad Request."
    )
    received = [line for line in finding.witness if line.startswith("<- ")]
    assert received[-5:-1] == [f"<- {line}" for line in ANSWER.decode().splitlines() if line]
    assert received[-1].startswith("<- end of TCP")


def test_a_close_frame_after_an_http_response_is_reported_once(http_among_frames: HttpAmongFrames) -> None:
    """Model a WSGI server whose gateway writes its response into the upgraded connection."""
    http_among_frames.before_close = BEFORE_CLOSE
    report = run_suite(http_among_frames, SuiteOptions(only=("close-answered",), examples=2))
    assert [finding.check for finding in report.findings] == ["server-http-among-frames"]
