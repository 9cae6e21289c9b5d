"""A TCP server under the control of a test, which decides what the server sends and reads what the client sent."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from wsproof.net.endpoint import Endpoint
from wsproof.wire import Frame, FrameDecoder, accept_key

DEADLINE_S = 90.0


class HandServer:
    """Listens on loopback. `accept()` returns the next connection, `endpoint` is for the client."""

    def __init__(self, *, wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock) -> None:
        self._wrap = wrap
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(DEADLINE_S)
        self.port: int = self._listening.getsockname()[1]
        self.endpoint = Endpoint("127.0.0.1", self.port, "/ws")
        self._open: list[socket.socket] = []

    def accept(self) -> socket.socket:
        """Return the next connection."""
        sock = self._listening.accept()[0]
        sock.settimeout(DEADLINE_S)
        sock = self._wrap(sock)
        self._open.append(sock)
        return sock

    def __enter__(self) -> HandServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sock in (*self._open, self._listening):
            sock.close()


@contextmanager
def played(
    behaviour: Callable[[socket.socket], None], *, wrap: Callable[[socket.socket], socket.socket] = lambda sock: sock
) -> Iterator[HandServer]:
    """Serve the next connection by `behaviour`, in a thread. A failure there fails the test."""
    failures: list[BaseException] = []

    def play() -> None:
        try:
            behaviour(server.accept())
        except BaseException as error:  # noqa: BLE001  # handed over to the test's own thread
            failures.append(error)

    with HandServer(wrap=wrap) as server:
        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield server
        finally:
            thread.join(2 * DEADLINE_S)
    assert not thread.is_alive(), "the server's side of the conversation did not end"
    if failures:
        raise failures[0]


def accept_handshake(sock: socket.socket) -> str:
    """Read the upgrade request, accept it, and return it."""
    request = read_request(sock)
    sock.sendall(answer_101(request))
    return request


def read_frame(sock: socket.socket) -> Frame:
    """Return the next frame of the client."""
    decoder = FrameDecoder()
    while True:
        more = sock.recv(1)
        assert more, "the client ended inside a frame"
        decoder.feed(more)
        frame = decoder.next_frame()
        if frame is not None:
            return frame


def read_request(sock: socket.socket) -> str:
    """Return the head of the client's upgrade request."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = sock.recv(1)
        assert more, "the client ended before its request was complete"
        data += more
    return data.decode()


def answer_101(request: str) -> bytes:
    """Return the response that accepts this request."""
    key = next(line.partition(": ")[2] for line in request.split("\r\n") if line.startswith("Sec-WebSocket-Key:"))
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
    ).encode()


def send_rst(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
