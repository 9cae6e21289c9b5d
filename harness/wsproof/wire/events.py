"""Events of a `Peer`, in the order of the bytes."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.wire.frames import Frame
from wsproof.wire.handshake import Response

__all__ = [
    "Accepted",
    "BinaryMessage",
    "CloseReceived",
    "Ended",
    "Event",
    "FrameReceived",
    "MessageDropped",
    "PingReceived",
    "PongReceived",
    "Refused",
    "TextMessage",
]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The server answered 101. `Peer.breaches` says whether the response is correct."""

    response: Response


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused the handshake.

    Status 0 means that the answer was not HTTP: the reason says why, and the body has the received bytes.
    """

    response: Response
    body: bytes


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A whole text message, received in `frames` frames.

    U+FFFD replaces bytes that are not UTF-8, which are also a breach.
    """

    text: str
    frames: int


@dataclass(frozen=True, slots=True)
class BinaryMessage:
    """A whole binary message, received in `frames` frames."""

    data: bytes
    frames: int


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """A data message that could not be delivered: over our limit, or not decompressible.

    `why` is a clause with the reason.
    """

    why: str
    frames: int


@dataclass(frozen=True, slots=True)
class PingReceived:
    """A ping. The peer sends the pong itself unless `answer_pings` is off."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class PongReceived:
    """A pong, requested or not."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class CloseReceived:
    """The server's first close frame; `code` is None if it has none."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """Any received frame, before the event that it causes. Only with `keep_frames=True`."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Ended:
    """The server closed TCP.

    `clean`: both sides had sent a close frame, and no frame was cut (RFC 6455 7.1.4).
    """

    clean: bool


Event = (
    Accepted
    | Refused
    | TextMessage
    | BinaryMessage
    | MessageDropped
    | PingReceived
    | PongReceived
    | CloseReceived
    | FrameReceived
    | Ended
)
