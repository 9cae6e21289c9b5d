"""A correct server that accepts binary messages only and closes on texts. It agrees to permessage-deflate."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from wsproof.net.endpoint import Endpoint


class InProcessServer:
    """A server in a thread of the test. It cannot be restarted, and has no process of its own."""

    owned = False
    pid = None

    def __init__(self, port: int) -> None:
        self.endpoint = Endpoint("127.0.0.1", port)

    def restart(self) -> None:
        """Do nothing. Never called, because the server is not `owned`."""


def _echo_binary(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        for message in connection:
            if isinstance(message, str):
                connection.close(1003, "binary only")
                return
            connection.send(message)


@contextmanager
def binary_only() -> Iterator[InProcessServer]:
    """Run the server for the duration of the block."""
    with serve(_echo_binary, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield InProcessServer(server.socket.getsockname()[1])
        finally:
            server.shutdown()
            thread.join()
