"""A server in C that is quicker than any client here: `python -m benchmarks.quick_server echo|chat CONNECTIONS`.

It prints its port, takes so many connections and no more (their handshakes in Python), speaks the tutorial's echo or
chat until all are gone, and ends.
"""

from __future__ import annotations

import ctypes
import socket
import sys
from pathlib import Path

from benchmarks.compiled import compiled
from wsproof.wire import accept_key

SOURCE = Path(__file__).with_name("loop.c")


def accept(listener: socket.socket) -> tuple[socket.socket, str]:
    """One connection, its handshake answered, and the last word of its path."""
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = b""
    while b"\r\n\r\n" not in request:
        read = connection.recv(4096)
        if not read:
            raise ConnectionError("a client has gone during its handshake")
        request += read
    first, *lines = request.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    connection.sendall((answer + accept_key(headers["sec-websocket-key"]) + "\r\n\r\n").encode())
    return connection, first.split()[1].rpartition("/")[2]


def main() -> None:
    speech, connections = sys.argv[1], int(sys.argv[2])
    serve = compiled(SOURCE).serve
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        members = [accept(listener) for _ in range(connections)]
    fds = (ctypes.c_int * connections)(*(member.fileno() for member, _ in members))
    names = (ctypes.c_char_p * connections)(*(name.encode() for _, name in members))
    if serve(fds, names if speech == "chat" else None, connections) != 0:
        sys.exit("a client broke the protocol")


if __name__ == "__main__":
    main()
