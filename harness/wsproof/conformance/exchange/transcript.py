"""What happened on one connection: the evidence that the judge reads and that people see, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsproof.conformance.endpoint_profile import BARRIER, Message, MessageEvents
from wsproof.conformance.exchange.timeouts import AnswerKind
from wsproof.conformance.oracle.inflate import BOMB_BYTES, InflatedMessage
from wsproof.wire import (
    Breach,
    CloseReceived,
    Event,
    Frame,
    FrameReceived,
    MessageDropped,
    Opcode,
    PongReceived,
    Refused,
    Request,
    Response,
    text_preview,
)

__all__ = ["Transcript"]

_HEX_LIMIT = 40
_HTTP_LINES = 12
_HTTP_COLUMNS = 120


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
    dropped: bool = False
    """A message of the server could not be read, and is in none of the lists."""
    waited_s: float | None = None
    server_output: tuple[str, ...] = ()
    """The last exception that the server wrote meanwhile."""
    http: str = ""
    """The status line of an HTTP response that came where frames should be."""
    awaited: AnswerKind | None = None
    """What kind of answer did not come; None where everything did that was waited for."""
    hurried: bool = False
    """It gave up before silence was evidence."""
    skipped: set[str] = field(default_factory=set)
    """Rules whose answer was not waited for: this server is known not to give it."""
    _compressed: bool = False

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

    def note_acceptance(self, response: Response) -> None:
        """Write down a 101, and what it agrees to."""
        self.lines.append(f"<- {response.describe()}")
        for line in response.header_values("Sec-WebSocket-Extensions"):
            self.lines.append(f"<-   Sec-WebSocket-Extensions: {ascii(line[:120])[1:-1]}")

    def note_sent(self, frame: Frame) -> None:
        """Write a frame of ours down; short ones in hex as well."""
        data = frame.encode()
        self.lines.append(f"-> {frame.describe()}{_hex(data)}")

    def note_inflated(self, reading: InflatedMessage, frame: Frame) -> None:
        """Write down what a frame of ours says, if its message is compressed."""
        said = reading.take(frame)
        if not reading.compressed:
            return
        if reading.is_bomb:
            self.note(f"inflates to more than {BOMB_BYTES >> 20} MiB")
        elif reading.lost:
            self.note("what it may refer to is unknown")
        elif reading.fault:
            self.note(f"cannot be inflated: {reading.fault}")
        else:
            self.note(f"inflated: {_preview(said)}")

    def note_http(self, text: bytes) -> None:
        """Write down an HTTP response that came where frames should be, as the text it is."""
        lines = text.decode("latin-1").splitlines()
        self.lines += [f"<- {ascii(line[:_HTTP_COLUMNS])[1:-1]}" for line in lines[:_HTTP_LINES] if line]
        self.note("this is an HTTP response, where frames should be")

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
            if event.frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                self._compressed = bool(event.frame.rsv & 4)
        elif isinstance(event, PongReceived):
            self.pongs.append(event.payload)
        elif isinstance(event, CloseReceived):
            self.close = event
        elif isinstance(event, Refused):
            self.lines.append(f"<- {event.response.describe()}")
        elif isinstance(event, MessageDropped):
            self.dropped = True
            self.note(f"this message cannot be read: {event.why}")
        elif (message := MessageEvents.message(event)) is not None:
            self.messages.append(message)
            if self._compressed:
                self.note(f"inflated: {_preview(message.payload)}")


def _preview(data: bytes) -> str:
    """Inflated bytes for people: how many, and how they begin."""
    return f"{len(data)} bytes {text_preview(data)}" if data else "nothing"


def _hex(data: bytes) -> str:
    return f"  [{data.hex(' ')}]" if len(data) <= _HEX_LIMIT else ""
