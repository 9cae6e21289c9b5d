"""Retries of handshakes that a server refuses because of its load (429, 503), as many servers limit connections."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.wire.refusal import LOAD_STATUSES

PAUSES_S = (0.3, 1.2, 3.0)
"""Seconds before each retry. A limit on handshakes per second accepts a client again after the second pause."""


@dataclass
class HandshakeRetries:
    """The retries of refused handshakes on one channel. After a handshake that no retry helped, there are no more."""

    is_full: bool = False
    """Whether the server refused a handshake to the last retry."""

    def pause_s(self, status: int, retries: int) -> float | None:
        """Seconds until a handshake with this answer is repeated; None if it is not. `retries` were made before."""
        if status not in LOAD_STATUSES or self.is_full:
            return None
        self.is_full = retries == len(PAUSES_S)
        return None if self.is_full else PAUSES_S[retries]
