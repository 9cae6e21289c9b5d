"""Why connections end: the words used in the log and in `/stats`, and the exception that ends one on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NORMAL_CLOSURE = 1000
UNSUPPORTED_DATA = 1003
NO_STATUS = 1005
POLICY_VIOLATION = 1008
MESSAGE_TOO_BIG = 1009
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013


class Why(StrEnum):
    """One word for every way in which a connection can end."""

    DISCONNECTED = "disconnected"
    """The peer went: it said goodbye, hung up or broke the protocol. The close code tells more, where there is one;
    for a hang-up without a close frame servers report 1005 or 1006, and some make no difference between the two."""

    SHUTDOWN = "shutdown"
    """This server is stopping."""

    FINISHED = "finished"
    """The channel had nothing more to say."""

    REFUSED = "refused"
    """The peer sent something that the channel does not take."""

    SLOW_CONSUMER = "slow_consumer"
    """The peer read too slowly for what it subscribed to."""

    LOST = "lost"
    """A write failed before the peer's going was reported."""

    CANCELLED = "cancelled"
    """The server library gave the connection up."""

    ERROR = "error"
    """A fault of ours; the traceback is in the log, and never on the wire."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended: a word, the close code sent or received, and a short reason (never user text)."""

    why: Why
    code: int
    reason: str = ""

    @property
    def flushes(self) -> bool:
        """The peer still gets what was queued for it before the close frame."""
        return self.why in (Why.FINISHED, Why.REFUSED, Why.ERROR)

    @property
    def says_goodbye(self) -> bool:
        """It is for us to send the close frame."""
        return self.flushes or self.why is Why.SLOW_CONSUMER


FINISHED = Ending(Why.FINISHED, NORMAL_CLOSURE)
SLOW_CONSUMER = Ending(Why.SLOW_CONSUMER, TRY_AGAIN_LATER, "slow_consumer")
LOST = Ending(Why.LOST, NO_STATUS)
CANCELLED = Ending(Why.CANCELLED, NO_STATUS)
FAULT = Ending(Why.ERROR, INTERNAL_ERROR)


def ending_of_disconnect(code: int) -> Ending:
    """The ending for a `websocket.disconnect` event of the ASGI server."""
    return Ending(Why.SHUTDOWN if code == SERVICE_RESTART else Why.DISCONNECTED, code)


class Refusal(Exception):
    """Raised by a channel to end its own connection with a close code and a reason that the peer may read."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.ending = Ending(Why.REFUSED, code, reason)
