"""Answers to the opening handshake that were audited already: a server gives all of us the same, but for the proof."""

from __future__ import annotations

from wsproof.wire import Request, accept_key

MOST = 64
"""Answers that differ by more (the time of day, say): few are given at one time."""
_END = b"\r\n\r\n"


class HandshakeCache:
    """Heads that were found in order, cut at the proof of the key (Sec-WebSocket-Accept).

    An answer that is one of them, byte for byte, with the proof of its own key in that place, is as much in order; to
    audit it header by header again would take four times as long. It holds for requests that differ by key and path.
    """

    def __init__(self) -> None:
        self._known: set[tuple[bytes, bytes]] = set()

    def has(self, request: Request, answer: bytes) -> bool:
        """Whether this is a known answer, and nothing more."""
        before, proof, after = answer.partition(accept_key(request.key).encode())
        return bool(proof) and (before, after) in self._known

    def learn(self, request: Request, answer: bytes) -> None:
        """Remember an answer in which an audit found nothing. Only a whole head is, with nothing behind it."""
        before, proof, after = answer.partition(accept_key(request.key).encode())
        if proof and answer.find(_END) == len(answer) - len(_END):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known.add((before, after))
