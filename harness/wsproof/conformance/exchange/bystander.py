"""The bystander: a second, well-behaved client. Whatever the first one does, others must be served.

Two questions are kept apart. Whether *others are served* is a rule; whether *an idle client is kept* is the server's
own business. So when the bystander was closed, a fresh client is tried before anything is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from wsproof.conformance.endpoint_profile import Message
from wsproof.errors import TargetError
from wsproof.net.background_client import BackgroundClient
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.wire import Frame

__all__ = ["Bystander", "Service"]

_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5
_PLACE_S = 5.0
"""How long a client that is refused tries again: a place may be free in a moment."""
_LIMIT_CODES = frozenset({1000, 1001, 1008, 1012, 1013})
_BROKEN_STATUSES = frozenset({500, 502, 504})
"""What a proxy says when the server behind it has died, and a server whose own code fails."""


class Service(Enum):
    """What became of a well-behaved client."""

    SERVED = "served"
    REFUSED = "refused"
    """The server answers, and takes no more clients now: a limit of its own."""
    SILENT = "silent"
    """No answer came within the timeout."""
    GONE = "gone"
    """Nobody listens any more, or TCP ends without an answer."""

    @property
    def is_fault(self) -> bool:
        """Whether others are not served. A server that says no is not at fault: it may limit its clients."""
        return self in (Service.SILENT, Service.GONE)


class Bystander:
    """Stays connected for the whole run, and is asked after every conversation.

    `first` are messages that the endpoint accepts (a login, say): the bystander sends them before anything else. Where
    the endpoint answers no pings, or closes by itself, an accepted handshake must do.
    """

    def __init__(
        self,
        deadline_s: float,
        first: tuple[Message, ...] = (),
        pause: Callable[[float], None] = time.sleep,
        *,
        answers_pings: bool = True,
    ) -> None:
        self.losses: list[str] = []
        """How the server ended connections of the bystander, though it served a fresh one afterwards."""
        self.remark = ""
        """What the last question showed, as a clause."""
        self._deadline_s = deadline_s
        self._first = first
        self._pause = pause
        self._client: BackgroundClient | None = None
        self._asked = 0
        self._answers_pings = answers_pings
        self._was_served = False
        self._stays = True

    def is_served(self, endpoint: Endpoint, wait_s: float | None = None) -> bool:
        """Whether others are served, or refused in order."""
        return not self.ask(endpoint, wait_s).is_fault

    def ask(self, endpoint: Endpoint, wait_s: float | None = None) -> Service:
        """What becomes of a well-behaved client, within the deadline or `wait_s` for each answer."""
        waits_s = self._deadline_s if wait_s is None else wait_s
        self.remark = ""
        if not self._stays:
            return self.ask_newcomer(endpoint, waits_s)
        if self._client is None:
            return self._ask_fresh(endpoint, waits_s)
        standing = self._client
        if self._answers(standing, waits_s):
            return self._served()
        if ending := standing.ending:
            self.forget()
            service = self._ask_fresh(endpoint, waits_s)
            if service is Service.SERVED:
                self.losses.append(ending)
            return service
        # It is open and silent. While a fresh client is tried, the answer may still come.
        before, self._client = standing.answers, None
        service = self._ask_fresh(endpoint, waits_s)
        if service is Service.SERVED and standing.answers == before and not standing.ending:
            self.remark = f"an old client got no answer to a ping for {waits_s:g} s, though a new one was served"
            service = Service.SILENT
        standing.abort()
        return service

    def ask_newcomer(self, endpoint: Endpoint, wait_s: float | None = None) -> Service:
        """What becomes of a new client, beside the bystander where the server takes two at once."""
        waits_s = self._deadline_s if wait_s is None else wait_s
        standing, self._client = self._client, None
        service = self._ask_fresh(endpoint, waits_s, 0.0 if standing is not None else None)
        self.leave(waits_s)
        if service in (Service.REFUSED, Service.GONE) and standing is not None:
            standing.close(waits_s)
            return self._ask_alone(endpoint, waits_s)
        self._client = standing
        return service

    def settle(self, endpoint: Endpoint, wait_s: float) -> None:
        """Find out whether the bystander can stay: some servers keep one session of a user, or few of an address."""
        if self.ask(endpoint, wait_s) is not Service.SERVED:
            return
        if self.ask_newcomer(endpoint, wait_s) is Service.SILENT and self._client is not None:
            # It may serve one client at a time: then the bystander must not be in the way of the conversations.
            self._client.close(wait_s)
            self._client = None
            self._ask_alone(endpoint, wait_s)
            return
        if self._client is not None and not self._answers(self._client, wait_s) and self._client.ending:
            self._stays = False
            self.forget()

    def forget(self) -> None:
        """Drop the connection; the next question makes another."""
        if self._client is not None:
            self._client.abort()
            self._client = None

    def leave(self, wait_s: float) -> None:
        """End the connection in order, so that its place is free; the next question makes another."""
        if self._client is not None:
            self._client.close(wait_s)
            self._client = None

    # A fresh client.

    def _ask_alone(self, endpoint: Endpoint, waits_s: float) -> Service:
        """Ask once more without the bystander: if that helps, the server takes few clients at once."""
        service = self._ask_fresh(endpoint, waits_s)
        self._stays = service is not Service.SERVED
        self.leave(waits_s)
        return service

    def _ask_fresh(self, endpoint: Endpoint, waits_s: float, retries_s: float | None = None) -> Service:
        """Try new clients until one is served or the time is over: a limit may be free again in a moment.

        Each answer may take `waits_s`. Refused clients are tried again for `retries_s`.
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
        """What becomes of one new client, and whether a later one may fare better."""
        client = BackgroundClient(endpoint, waits_s)
        deadline = Deadline.after(waits_s)
        try:
            response = client.open()
        except TargetError as error:
            self.remark = f"a new client was not served: {error}"
            is_no_listener = isinstance(error.__cause__, OSError)
            return (Service.SILENT, False) if deadline.passed else (Service.GONE, not is_no_listener)
        if response.status != 101:
            self.remark = f"a new client was refused: {response.describe()}"
            return Service.GONE if response.status in _BROKEN_STATUSES else Service.REFUSED, True
        if not self._answers_pings:
            client.abort()
            return self._served(), False
        for message in self._first:
            client.say(Frame(message.opcode, message.payload))
        if self._answers(client, waits_s):
            self._client = client
            return self._served(), False
        ending, code = client.ending, client.close_code
        client.abort()
        if ending:
            self.remark = f"a new client was accepted (101), then the server {ending}"
            return Service.REFUSED if _is_limit(code) else Service.GONE, True
        if not self._was_served:
            # Nobody ever got an answer to a ping: that is for other rules to tell. Here a handshake must do.
            self._answers_pings = False
            return self._served(), False
        self.remark = f"a new client got no answer to a ping for {waits_s:g} s"
        return Service.SILENT, False

    def _answers(self, client: BackgroundClient, waits_s: float) -> bool:
        self._asked += 1
        return client.answers_ping(b"neighbour %d" % self._asked, waits_s)

    def _served(self) -> Service:
        self._was_served = True
        return Service.SERVED


def _is_limit(code: int | None) -> bool:
    """Whether a server that closes with this code may mean that it takes no more clients."""
    return code in _LIMIT_CODES or (code is not None and 3000 <= code <= 4999)
