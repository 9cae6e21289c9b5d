"""The transcript: what happened on one connection, as data for `verify` and as lines for people."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsproof.conformance.endpoint_profile import BARRIER, Message, MessageEvents
from wsproof.conformance.exchange.timeouts import AnswerKind
from wsproof.conformance.oracle.inflate import BOMB_BYTES, InflatedMessage
from wsproof.net.client import Client
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

__all__ = ["Transcript", "http_line"]

_HEX_LIMIT = 40
"""Longest frame in bytes that a transcript shows in hex."""
_HTTP_LINES = 12
_HTTP_COLUMNS = 120
_HTTP_LINE_BYTES = 60


@dataclass
class Transcript:
    """The events of one connection. `lines` holds the traffic in both directions for people.

    `at_barrier`: the barrier's answer came, so the server read everything before it and the connection is alive.
    `ended`: the server ended TCP. `waited_s`: the seconds after which the client gave up a wait.
    """

    lines: list[str] = field(default_factory=list)
    response: Response | None = None
    messages: list[Message] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    close: CloseReceived | None = None
    at_barrier: bool = False
    barrier_pong: bool = False
    in_time: bool = True
    """The server answered every `Await` of the script before the client went on."""
    ended: bool = False
    was_reset: bool = False
    breaches: list[Breach] = field(default_factory=list)
    dropped: bool = False
    """A message of the server could not be read, so it is not in `messages`."""
    waited_s: float | None = None
    server_output: tuple[str, ...] = ()
    """The last exception that the server wrote during the script."""
    http: str = ""
    """The status line of an HTTP response that came in place of frames."""
    awaited: AnswerKind | None = None
    """The kind of answer that did not come; None if every awaited answer came."""
    gave_up_early: bool = False
    """The client gave up before the full timeout."""
    skipped: set[str] = field(default_factory=set)
    """Rules whose answer the client did not wait for, since this server is known not to give it."""
    _compressed: bool = False

    @staticmethod
    def is_barrier_pong(event: Event) -> bool:
        """Whether this event is the pong to the barrier's ping."""
        return isinstance(event, PongReceived) and event.payload == BARRIER.encode()

    def note_request(self, request: Request) -> None:
        """Record the request line of the handshake."""
        self.lines.append(f"-> {request.method} {request.path} {request.http}".replace("\r", "").replace("\n", ""))

    def note_header(self, name: str, value: str) -> None:
        """Record one header line of the request."""
        self.lines.append(f"->   {name}: {ascii(value[:80])[1:-1]}")

    def note_acceptance(self, response: Response) -> None:
        """Record a 101 and the extensions that it agrees to."""
        self.lines.append(f"<- {response.describe()}")
        for line in response.header_values("Sec-WebSocket-Extensions"):
            self.lines.append(f"<-   Sec-WebSocket-Extensions: {ascii(line[:120])[1:-1]}")

    def note_sent(self, frame: Frame) -> None:
        """Record a frame that the client sent; short ones in hex as well."""
        data = frame.encode()
        self.lines.append(f"-> {frame.describe()}{_hex(data)}")

    def note_inflated(self, inflated: InflatedMessage, frame: Frame) -> None:
        """Record the content of a frame that the client sent, if its message is compressed."""
        content = inflated.take(frame)
        if not inflated.compressed:
            return
        if inflated.is_bomb:
            self.note(f"inflates to more than {BOMB_BYTES >> 20} MiB")
        elif inflated.lost:
            self.note("cannot be inflated here: it may refer to an earlier message that could not be inflated")
        elif inflated.fault:
            self.note(f"cannot be inflated: {inflated.fault}")
        else:
            self.note(f"inflated: {_preview(content)}")

    def note_http(self, text: bytes) -> None:
        """Record an HTTP response that came in place of frames, as text."""
        lines = text.decode("latin-1").splitlines()
        self.lines += [f"<- {ascii(line[:_HTTP_COLUMNS])[1:-1]}" for line in lines[:_HTTP_LINES] if line]
        self.note("this is an HTTP response in place of frames")

    def note_raw(self, data: bytes) -> None:
        """Record raw bytes that the client sent."""
        self.lines.append(f"-> {len(data)} bytes{_hex(data)}")

    def note(self, sentence: str) -> None:
        """Record a remark, which is no traffic."""
        self.lines.append(f"   ({sentence})")

    def take(self, event: Event) -> None:
        """Record an event of the server."""
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


def http_line(client: Client) -> str:
    """The status line of an HTTP response that came after the upgrade; empty if none came."""
    line = client.peer.http_behind.partition(b"\r")[0].partition(b"\n")[0]
    return ascii(line[:_HTTP_LINE_BYTES].decode("latin-1"))[1:-1]


def _preview(data: bytes) -> str:
    """Inflated bytes for people: their number and their beginning."""
    return f"{len(data)} bytes {text_preview(data)}" if data else "nothing"


def _hex(data: bytes) -> str:
    return f"  [{data.hex(' ')}]" if len(data) <= _HEX_LIMIT else ""
