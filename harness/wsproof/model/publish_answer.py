"""The answer to a publication that does not go through a WebSocket."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishAnswer:
    """Whether a request, a call or a command has published, and what the server said about it."""

    reason: str = ""
    """The HTTP status line with the beginning of the body, or why there is no answer."""
    status: int = 0
    """The HTTP status; 0 without an HTTP response."""
    is_accepted: bool = False

    @classmethod
    def of_status(cls, status: int, reason: str) -> PublishAnswer:
        """Return the answer that an HTTP status is: 2xx says that the server did what it was asked (RFC 9110 15.3)."""
        return cls(reason, status, 200 <= status < 300)
