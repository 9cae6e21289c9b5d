"""What a `Peer` tells its user, in the order of the bytes."""

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
    """The server answered 101. Whether the answer is right is in `Peer.breaches`."""

    response: Response


@dataclass(frozen=True, slots=True)
class Refused:
    """The server answered something else. Status 0: it was not HTTP, the reason says why and the body is what came."""

    response: Response
    body: bytes


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A whole text message that came in `frames` frames. U+FFFD stands where it was not UTF-8 (a breach as well)."""

    text: str
    frames: int


@dataclass(frozen=True, slots=True)
class BinaryMessage:
    """A whole binary message that came in `frames` frames."""

    data: bytes
    frames: int


@dataclass(frozen=True, slots=True)
class MessageDropped:
    """A data message that could not be delivered: over our limit, or not decompressible. `why` is a sentence."""

    why: str
    frames: int


@dataclass(frozen=True, slots=True)
class PingReceived:
    """A ping; the pong is on its way unless `answer_pings` is off."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class PongReceived:
    """A pong, asked for or not."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class CloseReceived:
    """The server's first close frame; `code` is None when it carries none."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class FrameReceived:
    """Every frame as it came, before what it means; only with `keep_frames=True`."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Ended:
    """The server ended TCP. `clean`: both sides had sent a close frame, and no frame was cut (RFC 6455 7.1.4)."""

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
