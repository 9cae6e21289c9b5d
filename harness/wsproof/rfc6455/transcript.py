"""What happened on one connection: the evidence that the judge reads and that people see, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsproof.rfc6455.facts import Heard, Message
from wsproof.wire import Breach, CloseReceived, Event, Frame, FrameReceived, PongReceived, Refused, Request, Response

__all__ = ["BARRIER", "Transcript"]

BARRIER = "wsproof-barrier"
"""What the barrier's text and ping say: nothing that a strategy generates."""
_HEX_LIMIT = 40


@dataclass
class Transcript:
    """`lines` is the conversation both ways; the rest is what the judge asks about.

    `at_barrier`: the barrier's answer came, so that everything before it was read and the connection is alive.
    `ended`: the server ended TCP. `waited_s` is set to what the client gave up on, in seconds.
    """

    lines: list[str] = field(default_factory=list)
    response: Response | None = None
    messages: list[Message] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    close: CloseReceived | None = None
    at_barrier: bool = False
    barrier_pong: bool = False
    in_time: bool = True
    """Every `Await` of the conversation was answered before the client went on."""
    ended: bool = False
    was_reset: bool = False
    breaches: list[Breach] = field(default_factory=list)
    waited_s: float | None = None
    hurried: bool = False
    """It gave up sooner than silence convicts."""

    @staticmethod
    def is_barrier_pong(event: Event) -> bool:
        """Whether this is the answer to the barrier's ping."""
        return isinstance(event, PongReceived) and event.payload == BARRIER.encode()

    def note_request(self, request: Request) -> None:
        """Write the head of the handshake down."""
        self.lines.append(f"-> {request.method} {request.path} {request.http}".replace("\r", "").replace("\n", ""))

    def note_header(self, name: str, value: str) -> None:
        """Write one header line of the request down."""
        self.lines.append(f"->   {name}: {ascii(value[:80])[1:-1]}")

    def note_sent(self, frame: Frame) -> None:
        """Write a frame of ours down; short ones in hex as well."""
        data = frame.encode()
        self.lines.append(f"-> {frame.describe()}{_hex(data)}")

    def note_raw(self, data: bytes) -> None:
        """Write bytes of ours down."""
        self.lines.append(f"-> {len(data)} bytes{_hex(data)}")

    def note(self, sentence: str) -> None:
        """Write down something that is not bytes."""
        self.lines.append(f"   ({sentence})")

    def take(self, event: Event) -> None:
        """Write an event down and remember what it means."""
        if isinstance(event, FrameReceived):
            self.lines.append(f"<- {event.frame.describe()}{_hex(event.frame.encode())}")
        elif isinstance(event, PongReceived):
            self.pongs.append(event.payload)
        elif isinstance(event, CloseReceived):
            self.close = event
        elif isinstance(event, Refused):
            self.lines.append(f"<- {event.response.describe()}")
        elif (message := Heard.message(event)) is not None:
            self.messages.append(message)


def _hex(data: bytes) -> str:
    return f"  [{data.hex(' ')}]" if len(data) <= _HEX_LIMIT else ""
