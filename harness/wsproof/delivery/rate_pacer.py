"""Keeps publications within the rate limit of the contract. A server may discard messages beyond it."""

from __future__ import annotations

import socket
from collections import deque

from wsproof.delivery.sent_messages import SentMessage
from wsproof.model.contract import RateLimit
from wsproof.model.nanoseconds import NS
from wsproof.net.endpoint import Endpoint

LOOPBACK = "127."
PER_BYTE = 250
"""Values that one byte of a source address takes: neither 0 nor 255."""


class RatePacer:
    """Counts the recent publications of each source address.

    A publication counts until `window_s` after its first receipt, because a server that stalls reads everything at once
    afterwards. A publication without a receipt counts for `unheard_s` more, from its sending.
    """

    def __init__(self, limit: RateLimit, unheard_s: float) -> None:
        self.limit = limit
        self._window_ns, self._unheard_ns = int(limit.window_s * NS), int(unheard_s * NS)
        self._recent: dict[str, deque[SentMessage]] = {}

    def count(self, source: str, message: SentMessage) -> None:
        """Count a publication from this address."""
        self._recent.setdefault(source, deque()).append(message)

    def allows(self, source: str, at_ns: int) -> bool:
        """Whether one more publication from this address is within the limit at this time."""
        recent = [message for message in self._recent.get(source, ()) if self._counts(message, at_ns)]
        self._recent[source] = deque(recent)
        return len(recent) < self.limit.messages

    def _counts(self, message: SentMessage, at_ns: int) -> bool:
        since_ns = message.heard_ns or message.sent_ns + self._unheard_ns
        return at_ns <= since_ns + self._window_ns


def source_of(member: int, endpoint: Endpoint) -> str:
    """A loopback address for a member, so that a server that limits by address counts each member on its own.

    Empty if there is only one address: for another host, and on systems without further loopback addresses (macOS).
    """
    if endpoint.unix is not None or not endpoint.host.startswith(LOOPBACK):
        return ""
    high, low = divmod(member, PER_BYTE)
    address = f"127.{10 + high // PER_BYTE % 200}.{1 + high % PER_BYTE}.{1 + low}"
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return ""
    return address
