"""Minimal WebSocket handshakes, for benchmark servers whose sockets are then handled in C."""

from __future__ import annotations

import socket

from wsproof.wire import accept_key


def accept(listener: socket.socket) -> tuple[socket.socket, str]:
    """Accept one connection and answer its handshake. Returns the socket and the last segment of the path.

    Raises:
        ConnectionError: the client closed the connection during its handshake.
    """
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
