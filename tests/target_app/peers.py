"""Misbehaving peers on bare sockets, which a well-behaved client library cannot simulate."""

from __future__ import annotations

import socket
import struct

from tests.target_app.server import DEADLINE, Server

TEXT, BINARY, CLOSE, PING = 0x1, 0x2, 0x8, 0x9
TINY_BUFFER = 2048
"""Receive buffer in bytes of a peer that shall stall soon: about the smallest window."""


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a final frame with a mask of zeros, which leaves the payload unchanged."""
    length = len(payload)
    if length < 126:
        head = bytes([0x80 | opcode, 0x80 | length])
    else:
        head = bytes([0x80 | opcode, 0xFE]) + struct.pack("!H", length)
    return head + bytes(4) + payload


class RawPeer:
    """A peer that does only the handshake by itself. It does not even read."""

    def __init__(self, server: Server, path: str, receive_buffer: int | None = None) -> None:
        self.server = server
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", server.port))
        request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        self.socket.sendall(request.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self.socket.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, opcode: int, payload: bytes) -> None:
        self.socket.sendall(frame(opcode, payload))

    def hang_up(self) -> None:
        """Send FIN without a close frame."""
        self.socket.close()

    def reset(self) -> None:
        """Send RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_to_end(self) -> bytes:
        """Read until FIN or RST. Fails at the deadline."""
        received = b""
        while True:
            try:
                chunk = self.socket.recv(65536)
            except ConnectionResetError:
                return received
            if not chunk:
                return received
            received += chunk


def flood_until_stuck(peer: RawPeer) -> None:
    """Send 60 kB messages without reading the answers, until the server stops reading or cuts the peer."""
    waiting = memoryview(frame(BINARY, bytes(60_000)) * 2_000)
    had_its_turn = False
    peer.socket.settimeout(0.5)
    while waiting:
        try:
            waiting = waiting[peer.socket.send(waiting[:500_000]) :]
            had_its_turn = False
        except TimeoutError:
            if had_its_turn:
                break
            # The server may only be slow. Once it has answered another client, it could have read from this one, too.
            had_its_turn = peer.server.get("/healthz").status_code == 200
        except ConnectionError:
            break
    peer.socket.settimeout(DEADLINE)
    assert waiting, "the server took 120 MB from a peer that reads nothing"
