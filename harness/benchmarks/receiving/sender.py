"""Who sends: a server that knows one handshake and no more. Frames are those of the chat, sealed, prepared in advance.

    python -m benchmarks.receiving.sender CONNECTIONS ROUNDS FRAMES_PER_SEND GAP_NS

It prints its port, takes its connections, waits for a line on its standard input, and sends.
"""

from __future__ import annotations

import socket
import sys

from benchmarks.receiving.line import say
from benchmarks.receiving.native import send_rounds
from wsproof.model.envelope import Envelope, body_of
from wsproof.wire import Opcode, accept_key
from wsproof.wire.frames import Frame

MESSAGE_BYTES = 120


def message(number: int) -> str:
    """What the chat tells everybody: 120 bytes, the envelope included."""
    words = "Client #1 says: "
    return words + Envelope(0, number, 1).seal(body_of(MESSAGE_BYTES - len(words)))


def pieces(rounds: int, frames: int) -> list[bytes]:
    """What each connection is sent, one piece after the other."""
    encoded = [Frame(Opcode.TEXT, message(number).encode()).encode() for number in range(rounds * frames)]
    return [b"".join(encoded[start : start + frames]) for start in range(0, len(encoded), frames)]


def accept(listener: socket.socket) -> socket.socket:
    """One connection, its handshake answered."""
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        read = connection.recv(4096)
        if not read:
            raise ConnectionError("a reader has gone during its handshake")
        request += read
    key = next(
        line.split(b":")[1].strip() for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")
    )
    answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    connection.sendall((answer + accept_key(key.decode()) + "\r\n\r\n").encode())
    return connection


def main() -> None:
    connections, rounds, frames = (int(word) for word in sys.argv[1:4])
    prepared = pieces(rounds, frames)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        say(str(listener.getsockname()[1]))
        readers = [accept(listener) for _ in range(connections)]
    sys.stdin.readline()
    send_rounds([reader.fileno() for reader in readers], prepared, float(sys.argv[4]))
    sys.stdin.readline()


if __name__ == "__main__":
    main()
