"""The bystander: a second, well-behaved client that checks whether others are served.

A server must serve other clients, but it may close an idle connection. So if the server closed the bystander's
connection, a fresh client is tried before a violation is reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from wsproof.conformance.endpoint_profile import Message
from wsproof.errors import TargetError
from wsproof.net.background_client import BackgroundClient
from wsproof.net.client import Client
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Frame

__all__ = ["Bystander", "Service"]

_FIRST_PAUSE_S = 0.02
"""Seconds before the first retry of a refused client; each further pause is twice as long."""
_LONGEST_PAUSE_S = 0.5
"""Longest pause between retries, in seconds."""
_PLACE_S = 5.0
"""Longest time in seconds for which a refused client retries: the server may soon accept clients again."""
_LIMIT_CODES = frozenset({1000, 1001, 1008, 1012, 1013})
"""Close codes with which a server may refuse further clients."""
_BROKEN_STATUSES = frozenset({500, 502, 504})
"""Statuses of a proxy whose server has died, and of a server whose own code fails."""


class Service(Enum):
    """The server's treatment of a well-behaved client."""

    SERVED = "served"
    REFUSED = "refused"
    """The server answers but accepts no more clients now: this may be a limit of its own."""
    SILENT = "silent"
    """No answer came within the timeout."""
    GONE = "gone"
    """The server refuses connections, or ends TCP without an answer."""

    @property
    def is_fault(self) -> bool:
        """Whether others are not served. A server that refuses clients may limit their number, so this is no fault."""
        return self in (Service.SILENT, Service.GONE)


class Bystander:
    """A client that stays connected for the whole run, and pings the server after every script.

    `first` are messages that the endpoint accepts, such as a login; the bystander sends them before anything else.
    `begin` is called before that, with the timeout of an answer in seconds. If the endpoint answers no pings or closes
    by itself, an accepted handshake counts as served.
    """

    def __init__(
        self,
        deadline_s: float,
        first: tuple[Message, ...] = (),
        pause: Callable[[float], None] = time.sleep,
        *,
        begin: Callable[[Client, float], object] | None = None,
        answers_pings: bool = True,
    ) -> None:
        self.losses: list[str] = []
        """Ways in which the server closed the bystander's connections, though it served a fresh client afterwards."""
        self.remark = ""
        """The result of the last request, as a clause."""
        self._deadline_s = deadline_s
        self._first = first
        self._begin = begin
        self._pause = pause
        self._client: BackgroundClient | None = None
        self._asked = 0
        self._answers_pings = answers_pings
        self._has_served = False
        self._stays = True

    def is_served(self, endpoint: Endpoint, wait_s: float | None = None) -> bool:
        """Whether the server serves others, or refuses them properly."""
        return not self.ask(endpoint, wait_s).is_fault

    def ask(self, endpoint: Endpoint, wait_s: float | None = None) -> Service:
        """Check whether the server serves a well-behaved client.

        Each answer may take `wait_s`, by default the deadline.
        """
        waits_s = self._deadline_s if wait_s is None else wait_s
        self.remark = ""
        if not self._stays:
            return self.ask_new_client(endpoint, waits_s)
        if self._client is None:
            return self._ask_fresh(endpoint, waits_s)
        connected = self._client
        if self._answers(connected, waits_s):
            return self._served()
        if ending := connected.ending:
            self.forget()
            service = self._ask_fresh(endpoint, waits_s)
            if service is Service.SERVED:
                self.losses.append(ending)
            return service
        # The connection is open but silent. The answer may still arrive while a fresh client is tried.
        before, self._client = connected.answers, None
        service = self._ask_fresh(endpoint, waits_s)
        if service is Service.SERVED and connected.answers == before and not connected.ending:
            self.remark = f"an old client got no answer to a ping for {waits_s:g} s, though a new one was served"
            service = Service.SILENT
        connected.abort()
        return service

    def ask_new_client(self, endpoint: Endpoint, wait_s: float | None = None) -> Service:
        """Check whether the server serves a new client, next to the bystander if it accepts two clients at once."""
        waits_s = self._deadline_s if wait_s is None else wait_s
        connected, self._client = self._client, None
        service = self._ask_fresh(endpoint, waits_s, 0.0 if connected is not None else None)
        self.leave(waits_s)
        if service in (Service.REFUSED, Service.GONE) and connected is not None:
            connected.close(waits_s)
            return self._ask_alone(endpoint, waits_s)
        self._client = connected
        return service

    def settle(self, endpoint: Endpoint, wait_s: float) -> None:
        """Find out whether the bystander can stay connected.

        Some servers keep one session for each user, or few connections from one address.
        """
        if self.ask(endpoint, wait_s) is not Service.SERVED:
            return
        if self.ask_new_client(endpoint, wait_s) is Service.SILENT and self._client is not None:
            # The server may serve one client at a time: then the bystander must not block the scripts.
            self._client.close(wait_s)
            self._client = None
            self._ask_alone(endpoint, wait_s)
            return
        if self._client is not None and not self._answers(self._client, wait_s) and self._client.ending:
            self._stays = False
            self.forget()

    def forget(self) -> None:
        """Abort the connection; the next question opens another."""
        if self._client is not None:
            self._client.abort()
            self._client = None

    def leave(self, wait_s: float) -> None:
        """Close the connection properly, to free its place; the next question opens another."""
        if self._client is not None:
            self._client.close(wait_s)
            self._client = None

    # A fresh client.

    def _ask_alone(self, endpoint: Endpoint, waits_s: float) -> Service:
        """Ask once more without the bystander. If this client is served, the server accepts few clients at once."""
        service = self._ask_fresh(endpoint, waits_s)
        self._stays = service is not Service.SERVED
        self.leave(waits_s)
        return service

    def _ask_fresh(self, endpoint: Endpoint, waits_s: float, retries_s: float | None = None) -> Service:
        """Try new clients until one is served or the time is over; a limit may free up soon.

        Each answer may take `waits_s`. Refused clients retry for `retries_s`, by default for up to 5 s.
        """
        deadline = Deadline.after(min(waits_s, _PLACE_S) if retries_s is None else retries_s)
        pause_s = _FIRST_PAUSE_S
        while True:
            service, may_pass = self._try_fresh(endpoint, waits_s)
            if not may_pass or deadline.passed:
                return service
            self._pause(min(pause_s, deadline.remaining_s))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _try_fresh(self, endpoint: Endpoint, waits_s: float) -> tuple[Service, bool]:
        """Return how the server treated one new client, and whether a retry may succeed."""
        client = BackgroundClient(endpoint, waits_s)
        deadline = Deadline.after(waits_s)
        try:
            begin = self._begin
            response = client.open(None if begin is None else lambda fresh: begin(fresh, waits_s))
        except TargetError as error:
            self.remark = f"a new client was not served: {error}"
            is_no_listener = isinstance(error.__cause__, OSError)
            is_silent = deadline.passed or (client.is_unanswered and not is_no_listener)
            return (Service.SILENT, False) if is_silent else (Service.GONE, not is_no_listener)
        if response.status != 101:
            self.remark = f"a new client was refused: {response.describe()}"
            return Service.GONE if response.status in _BROKEN_STATUSES else Service.REFUSED, True
        if not self._answers_pings:
            client.abort()
            return self._served(), False
        for message in self._first:
            client.send(Frame(message.opcode, message.payload))
        if self._answers(client, waits_s):
            self._client = client
            return self._served(), False
        ending, code = client.ending, client.close_code
        client.abort()
        if ending:
            self.remark = f"a new client was accepted (101), then the server {ending}"
            return Service.REFUSED if _is_limit(code) else Service.GONE, True
        if not self._has_served:
            # No client has ever got a pong, which other rules report. An accepted handshake counts as served here.
            self._answers_pings = False
            return self._served(), False
        self.remark = f"a new client got no answer to a ping for {waits_s:g} s"
        return Service.SILENT, False

    def _answers(self, client: BackgroundClient, waits_s: float) -> bool:
        self._asked += 1
        return client.answers_ping(b"neighbour %d" % self._asked, waits_s)

    def _served(self) -> Service:
        self._has_served = True
        return Service.SERVED


def _is_limit(code: int | None) -> bool:
    """Whether a close with this code may mean that the server accepts no more clients."""
    return code in _LIMIT_CODES or (code is not None and 3000 <= code <= 4999)
