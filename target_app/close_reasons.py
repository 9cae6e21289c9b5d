"""Reasons why connections end, as in the log and in `/stats`, and the exception that ends one on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NORMAL_CLOSURE = 1000
UNSUPPORTED_DATA = 1003
NO_STATUS = 1005
INVALID_PAYLOAD = 1007
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013
TOKEN_EXPIRED = 4001
AUTH_TIMEOUT = 4002
REPLACED = 4003
KICKED = 4004
PROTOCOL_VERSION = 4005
IDLE_TIMEOUT = 4006
TOO_MANY_ERRORS = 4007

CLOSE_CODES = {
    NORMAL_CLOSURE: "finished; do not reconnect",
    1001: "the server or the page goes away; reconnect after a random delay",
    UNSUPPORTED_DATA: "text instead of binary, or the reverse; do not reconnect, the client has a bug",
    INVALID_PAYLOAD: "invalid UTF-8, or too many texts that are not JSON; do not reconnect, the client has a bug",
    POLICY_VIOLATION: "no valid token, not allowed, or too fast for too long; get a new token, do not retry in a loop",
    MESSAGE_TOO_BIG: "the message is over the size limit; do not reconnect, the client has a bug",
    INTERNAL_ERROR: "an error in the server; reconnect with back-off",
    SERVICE_RESTART: "the server restarts; reconnect at the announced time, or else with back-off",
    TRY_AGAIN_LATER: "too many connections, or the client reads too slowly; reconnect with back-off",
    TOKEN_EXPIRED: "the token has expired; get a new one and reconnect",
    AUTH_TIMEOUT: "no token arrived in time; authenticate first",
    REPLACED: "replaced by a newer connection; do not reconnect",
    KICKED: "closed by an administrator; do not reconnect",
    PROTOCOL_VERSION: "no common protocol version; do not reconnect, the client is too old or too new",
    IDLE_TIMEOUT: "the client was silent for too long; reconnect",
    TOO_MANY_ERRORS: "too many invalid messages; do not reconnect, the client has a bug",
}
"""Every close code of this server and what a client should do; sent in `welcome` and documented in `/asyncapi.json`."""


class CloseCause(StrEnum):
    """The cause of the end of a connection."""

    DISCONNECTED = "disconnected"
    """The peer closed, hung up or broke the protocol. The close code tells more. Without a close frame, servers report
    1005 or 1006, and some do not distinguish the two."""

    SHUTDOWN = "shutdown"
    """This server is stopping."""

    DRAINED = "drained"
    """This server is about to stop, and has announced it."""

    CLOSED = "closed"
    """This server closed it: kicked, logged out, expired. The reason says which."""

    IDLE = "idle"
    """The peer answered none of the application's pings."""

    FINISHED = "finished"
    """The channel has ended."""

    REFUSED = "refused"
    """The peer sent something that the channel does not accept."""

    SLOW_CONSUMER = "slow_consumer"
    """The peer read too slowly for what it subscribed to."""

    LOST = "lost"
    """A write failed before the server reported that the peer had left."""

    CANCELLED = "cancelled"
    """The server library cancelled the connection."""

    ERROR = "error"
    """An exception in this server. The log has the traceback; the peer does not get it."""


_FLUSHING = frozenset(
    {CloseCause.FINISHED, CloseCause.REFUSED, CloseCause.ERROR, CloseCause.DRAINED, CloseCause.CLOSED}
)


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """The end of a connection: its cause, the close code sent or received, and a short reason (never user text)."""

    why: CloseCause
    code: int
    reason: str = ""

    @property
    def flushes(self) -> bool:
        """Whether the peer still gets its queued messages before the close frame."""
        return self.why in _FLUSHING

    @property
    def needs_close_frame(self) -> bool:
        """Whether this server has to send the close frame."""
        return self.flushes or self.why in (CloseCause.SLOW_CONSUMER, CloseCause.IDLE)


FINISHED = ConnectionEnd(CloseCause.FINISHED, NORMAL_CLOSURE)
SLOW_CONSUMER = ConnectionEnd(CloseCause.SLOW_CONSUMER, TRY_AGAIN_LATER, "slow_consumer")
DRAINED = ConnectionEnd(CloseCause.DRAINED, SERVICE_RESTART, "draining")
IDLE = ConnectionEnd(CloseCause.IDLE, IDLE_TIMEOUT, "idle_timeout")
LOST = ConnectionEnd(CloseCause.LOST, NO_STATUS)
CANCELLED = ConnectionEnd(CloseCause.CANCELLED, NO_STATUS)
FAULT = ConnectionEnd(CloseCause.ERROR, INTERNAL_ERROR)


def end_of_disconnect(code: int) -> ConnectionEnd:
    """The end that a `websocket.disconnect` event of the ASGI server reports."""
    cause = CloseCause.SHUTDOWN if code == SERVICE_RESTART else CloseCause.DISCONNECTED
    return ConnectionEnd(cause, int(code))  # some servers pass an enum


class Refusal(Exception):
    """Raised by a channel to end its own connection with a close code and a reason that the peer may read."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.ending = ConnectionEnd(CloseCause.REFUSED, code, reason)
