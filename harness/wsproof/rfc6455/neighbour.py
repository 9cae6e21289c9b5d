"""A second, well-behaved client: whatever the first one does, it must be served."""

from __future__ import annotations

from wsproof.errors import TargetError
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.wire import PingReceived, PongReceived, State

__all__ = ["Neighbour"]


class Neighbour:
    """Stays connected for the whole run, and is asked after every conversation."""

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._client: Client | None = None
        self._asked = 0

    def is_served(self, endpoint: Endpoint, patience_s: float | None = None) -> bool:
        """Whether its ping is answered, within the deadline or `patience_s`. The first call after `forget` connects."""
        waits_s = self._deadline_s if patience_s is None else patience_s
        if self._client is None:
            client = Client(endpoint, deadline_s=waits_s)
            try:
                response = client.open()
            except TargetError:
                client.abort()
                return False
            if response.status != 101:
                client.abort()
                return False
            self._client = client
        client = self._client
        client.take_events()
        self._asked += 1
        wanted = b"neighbour %d" % self._asked
        if client.peer.state is not State.OPEN:
            return False
        client.send_ping(wanted, waits_s)
        # What is answered is judged elsewhere: this is about being served at all.
        return client.wait_event(lambda event: isinstance(event, PongReceived | PingReceived), waits_s) is not None

    def forget(self) -> None:
        """Drop the connection; the next question makes another."""
        if self._client is not None:
            self._client.abort()
            self._client = None
