"""The fixtures `ws_client` and `ws_peer`: functions that open connections to the server."""

from __future__ import annotations

from typing import Unpack

from wsproof.pytest.client import WsClient
from wsproof.pytest.connections import TIMEOUT_S, Connections, HandshakeOptions
from wsproof.pytest.frame_log import LoggedClient
from wsproof.wire import State
from wsproof.wire.handshake import Response


class WsClients:
    """The value of the fixture `ws_client`: call it to open a client."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def __call__(
        self,
        path: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        **options: Unpack[HandshakeOptions],
    ) -> WsClient:
        """Open a connection. `path` may have a query; without it, the target's own path is used.

        Raises:
            AssertionError: the server refuses the handshake.
        """
        __tracebackhide__ = True
        client, response = self._opened(path, timeout_s, **options)
        name = self._connections.last_name
        if client.peer.state is not State.OPEN:
            raise AssertionError(f"{name}: expected the server to accept, but it answered {response.describe()}")
        return WsClient(client, name)

    def refused(
        self,
        path: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        **options: Unpack[HandshakeOptions],
    ) -> Response:
        """Try to open a connection that the server must refuse. Return its response, with `status` and `header(NAME)`.

        Raises:
            AssertionError: the server accepts the handshake.
        """
        __tracebackhide__ = True
        client, response = self._opened(path, timeout_s, **options)
        if client.peer.state is State.OPEN:
            raise AssertionError(f"{self._connections.last_name}: expected the server to refuse, but it accepted")
        return response

    def _opened(
        self, path: str | None, timeout_s: float, **options: Unpack[HandshakeOptions]
    ) -> tuple[LoggedClient, Response]:
        __tracebackhide__ = True
        client = self._connections.open("ws_client", path, timeout_s=timeout_s, is_audited=True, **options)
        assert client.peer.response is not None
        return client, client.peer.response


class WsPeers:
    """The value of the fixture `ws_peer`: call it to open a connection at the wire level."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def __call__(
        self,
        path: str | None = None,
        *,
        handshake: bool = True,
        timeout_s: float = TIMEOUT_S,
        **options: Unpack[HandshakeOptions],
    ) -> LoggedClient:
        """Open a connection that may send anything, by `send_raw`, `peer.send_frame`, `half_close` or `reset`.

        Without `handshake`, only TCP is open, and the test sends the request itself: `send_raw(b"GET ...")`. Violations
        here fail no test, because illegal bytes may end a connection in many ways. `peer.breaches` lists them.

        Raises:
            AssertionError: the server does not answer.
        """
        __tracebackhide__ = True
        return self._connections.open(
            "ws_peer", path, timeout_s=timeout_s, is_audited=False, handshake=handshake, **options
        )
