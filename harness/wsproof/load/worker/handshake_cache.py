"""Cache of audited handshake responses.

A server gives all members the same response, apart from Sec-WebSocket-Accept.
"""

from __future__ import annotations

from wsproof.wire import Request, accept_key

MOST = 64
"""Responses in the cache before it is cleared. Few different ones exist at one time: they differ in the Date header,
for example."""
_END = b"\r\n\r\n"
"""The end of a response head."""


class HandshakeCache:
    """Response heads in which the audit found nothing, split at the value of Sec-WebSocket-Accept.

    A response is also correct if it equals one of them byte for byte, apart from the accept value of its own key. To
    audit it header by header again would take four times as long. The entries are valid for requests that differ only
    in key and path.
    """

    def __init__(self) -> None:
        self._known: set[tuple[bytes, bytes]] = set()

    def has(self, request: Request, answer: bytes) -> bool:
        """Whether this is a known response, with nothing behind it."""
        before, proof, after = answer.partition(accept_key(request.key).encode())
        return bool(proof) and (before, after) in self._known

    def learn(self, request: Request, answer: bytes) -> None:
        """Store a response in which the audit found nothing.

        Only a complete head with nothing behind it is stored.
        """
        before, proof, after = answer.partition(accept_key(request.key).encode())
        if proof and answer.find(_END) == len(answer) - len(_END):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known.add((before, after))
