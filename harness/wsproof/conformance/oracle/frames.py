"""The oracle of frames: the expected replies, pongs and end of the connection for any script.

The oracle models an ideal server that reads the client's bytes. It does not depend on the strategies, so it works for
any script: generated, shrunk, or written by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from wsproof.conformance.endpoint_profile import EndpointProfile, Message
from wsproof.conformance.oracle.deflate_negotiation import offers_deflate
from wsproof.conformance.oracle.inflate import InflatedMessage
from wsproof.conformance.rules import Binding, rule
from wsproof.conformance.script import Script
from wsproof.wire import (
    CloseCode,
    DeflateAgreement,
    Frame,
    FrameDecoder,
    LengthForm,
    Opcode,
    Utf8Validator,
    is_close_code_sendable,
    parse_close_payload,
)

__all__ = ["ConnectionOutcome", "Expectation", "expect_frames"]

_PROTOCOL = frozenset({CloseCode.PROTOCOL_ERROR})
_TEXT = frozenset({CloseCode.INVALID_PAYLOAD})
_DATA = _PROTOCOL | _TEXT
_SIZE = frozenset({CloseCode.PROTOCOL_ERROR, CloseCode.MESSAGE_TOO_BIG})
_ANY: frozenset[CloseCode] = frozenset()
# A longer frame is illegal by its header alone; the oracle waits for the end of any other frame.
_LONGEST = (1 << 63) - 1


class ConnectionOutcome(Enum):
    """The required state of the connection once the server has read everything."""

    OPEN = auto()
    CLOSED = auto()
    """The client closed legally: the server answers with a close frame and ends TCP."""
    FAILED = auto()
    """The client violated a rule that a server must enforce."""
    FREE = auto()
    """The RFC or the application leaves the outcome to the server."""


@dataclass
class Expectation:
    """The expected outcome of one script's frames.

    `rule` is the reason for FAILED or FREE, `because` the frame that decided it. `codes` are the fitting close codes
    (empty: any). `stray` are messages after the client's close frame, which must not be answered. `in_message` and
    `in_frame` say where the client stopped.
    """

    outcome: ConnectionOutcome = ConnectionOutcome.OPEN
    rule: str = ""
    because: str = ""
    codes: frozenset[CloseCode] = _ANY
    replies: list[Message] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)
    close_code: int | None = None
    stray: list[Message] = field(default_factory=list)
    in_message: bool = False
    in_frame: bool = False
    sent_close: bool = False
    messages: list[Message] = field(default_factory=list)
    """Well-formed messages before the connection must end. The application may close because of their content."""
    is_unsure: bool = False
    """Whether there is another message whose content for the application is unknown."""
    has_data: bool = False
    """A message was begun, well-formed or not."""
    silent: bool = False
    """The client sent a message that this endpoint does not answer, so replies cannot be counted any more."""
    may_refuse: bool = False
    """A message is larger than any known to pass: the server may refuse it, but not lose or cut it."""
    declined: bool = False
    """The script needs compression and the server declined it, so the client sends no frames."""


def expect_frames(script: Script, profile: EndpointProfile, agreed: DeflateAgreement | None = None) -> Expectation:
    """Compute the expected outcome of the client's bytes.

    `agreed` is the compression agreement, None if there is none.
    """
    offered = offers_deflate(script.handshake.extensions or ())
    if script.deflate and agreed is None:
        return Expectation(declined=True)
    reader = _Reader(profile, agreed if offered else None, offered=offered)
    decoder = FrameDecoder(max_payload_bytes=_LONGEST)
    decoder.feed(b"".join(script.streams()))
    while (frame := decoder.next_frame()) is not None:
        reader.take(frame)
    # A frame that is illegal by its header may be refused before it is complete.
    reader.expected.in_frame = not decoder.is_between_frames and reader.expected.outcome is not ConnectionOutcome.FAILED
    reader.expected.in_message = reader.opcode is not None
    return reader.expected


class _Reader:
    """The ideal server. After the first fault or close frame, it only records later frames."""

    def __init__(self, profile: EndpointProfile, agreed: DeflateAgreement | None, *, offered: bool) -> None:
        self.profile = profile
        self.expected = Expectation()
        self._offered = offered
        self._reading = InflatedMessage(agreed) if agreed is not None else None
        self.opcode: int | None = None
        self._parts: list[bytes] = []
        self._utf8: Utf8Validator | None = None
        self._inside = False
        """After a fault: whether a message is open for a server that reads on."""

    def take(self, frame: Frame) -> None:
        expected = self.expected
        if frame.opcode == Opcode.CLOSE:
            expected.sent_close = True
        expected.has_data |= frame.opcode in (Opcode.TEXT, Opcode.BINARY)
        if expected.outcome is ConnectionOutcome.FAILED:
            self._read_on(frame)
            return
        if expected.outcome is ConnectionOutcome.CLOSED:
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY) and frame.fin and frame.payload:
                expected.stray.append(Message(frame.opcode, frame.payload))
            return
        if (fault := self._fault_of_bits(frame) or _fault_of_frame(frame)) is not None:
            self._fail(*fault, frame)
            return
        if frame.length_form is not LengthForm.MINIMAL:
            self._leave_free("length-minimal", frame)
        elif frame.is_truncated:
            self._leave_free("payload-lengths", frame)
        if frame.is_control:
            self._take_control(frame)
        else:
            self._take_data(frame)

    def _read_on(self, frame: Frame) -> None:
        """Add the close codes that fit later faults.

        A server that reads all frames before it validates text may report a later fault.
        """
        expected = self.expected
        fault = self._fault_of_bits(frame) or _fault_of_frame(frame)
        codes = fault[1] if fault is not None else frozenset[CloseCode]()
        if not frame.is_control:
            if (frame.opcode == Opcode.CONTINUATION) is not self._inside:
                codes |= _PROTOCOL
            if not frame.payload.isascii():
                codes |= _TEXT
            self._inside = not frame.fin
        if expected.codes:
            expected.codes |= codes

    def _fault_of_bits(self, frame: Frame) -> tuple[str, frozenset[CloseCode]] | None:
        """The violated rule about RSV bits. Only RSV1 has a meaning, and only if compression was agreed."""
        if self._reading is None:
            not_agreed = self._offered and frame.rsv == 4
            return ("deflate-not-agreed" if not_agreed else "rsv-zero", _PROTOCOL) if frame.rsv else None
        if frame.rsv & 3:
            return "deflate-rsv2-rsv3", _PROTOCOL
        if frame.rsv and frame.is_control:
            return "deflate-rsv-control", _PROTOCOL
        if frame.rsv and frame.opcode == Opcode.CONTINUATION:
            return "deflate-rsv-continuation", _PROTOCOL
        return None

    def _take_control(self, frame: Frame) -> None:
        if frame.opcode == Opcode.PING:
            self.expected.pings.append(frame.payload)
        elif frame.opcode == Opcode.CLOSE:
            fault = _fault_of_close(frame.payload)
            if fault is not None:
                self._fail(*fault, frame)
            elif self.expected.outcome is ConnectionOutcome.OPEN:
                self.expected.outcome = ConnectionOutcome.CLOSED
                self.expected.close_code = parse_close_payload(frame.payload)[0]
                self.expected.because = frame.describe()

    def _take_data(self, frame: Frame) -> None:
        if frame.opcode == Opcode.CONTINUATION:
            if self.opcode is None:
                self._fail("continuation-orphan", _PROTOCOL, frame)
                return
        elif self.opcode is not None:
            self._fail("interleaved-messages", _PROTOCOL, frame)
            return
        else:
            self.opcode, self._parts = frame.opcode, []
            self._utf8 = Utf8Validator() if frame.opcode == Opcode.TEXT else None
        payload = frame.payload if self._reading is None else self._reading.take(frame)
        if self._reading is not None and not self._can_inflate(self._reading, frame):
            return
        compressed = self._reading is not None and self._reading.compressed
        self._parts.append(payload)
        if self._utf8 is not None and not self._utf8.feed(payload, final=frame.fin):
            if frame.fin:
                self.opcode = None
                self._fail("deflate-utf8-broken" if compressed else "utf8-broken", _TEXT, frame)
            else:
                # 8.1 asks for failure when the message is interpreted: at its end at the latest.
                self._leave_free("" if compressed else "utf8-fail-fast", frame)
            return
        if frame.fin:
            self._end_message(Message(self.opcode, b"".join(self._parts)))
            if sum(map(len, self._parts)) > self.profile.largest_bytes:
                self.expected.may_refuse = True
                self._leave_free("", frame)

    def _can_inflate(self, inflated: InflatedMessage, frame: Frame) -> bool:
        """Whether the payload could be inflated. If not, decide the outcome."""
        if not (inflated.fault or inflated.lost or inflated.is_bomb):
            return True
        if frame.fin:
            self.opcode = None
        if inflated.is_bomb:
            self.expected.silent = True
            self._leave_free("deflate-bomb", frame)
        elif inflated.is_unfinished or inflated.lost:
            self.expected.silent = self.expected.is_unsure = True
            self._leave_free("deflate-unfinished" if inflated.is_unfinished else "", frame)
        elif frame.fin:
            self._fail("deflate-data", _DATA, frame)
        else:
            self._leave_free("", frame)  # A server may join the fragments before it inflates them.
        return False

    def _end_message(self, message: Message) -> None:
        self.opcode = None
        self.expected.messages.append(message)
        reply = self.profile.reply_to(message)
        if reply is not None:
            self.expected.replies.append(reply)
        elif message.opcode == Opcode.BINARY:
            # An application may do anything with binary messages that it does not echo, even close.
            self.expected.silent = True
            if self.expected.outcome is ConnectionOutcome.OPEN:
                self.expected.outcome = ConnectionOutcome.FREE

    def _fail(self, name: str, codes: frozenset[CloseCode], frame: Frame) -> None:
        self._inside = self.opcode is not None
        outcome = ConnectionOutcome.FREE if rule(name).level is Binding.MAY else ConnectionOutcome.FAILED
        self._decide(outcome, name, codes, frame)

    def _leave_free(self, name: str, frame: Frame) -> None:
        if self.expected.outcome is ConnectionOutcome.OPEN:
            self._decide(ConnectionOutcome.FREE, name, _SIZE, frame)

    def _decide(self, outcome: ConnectionOutcome, name: str, codes: frozenset[CloseCode], frame: Frame) -> None:
        expected = self.expected
        expected.outcome, expected.rule, expected.codes, expected.because = outcome, name, codes, frame.describe()


def _fault_of_frame(frame: Frame) -> tuple[str, frozenset[CloseCode]] | None:
    """The first rule that this frame violates by itself, in the order of its bits."""
    length = len(frame.payload) if frame.declared_length is None else frame.declared_length
    faults = (
        (frame.opcode not in set(Opcode), "opcode-reserved", _PROTOCOL),
        (frame.mask is None, "mask-required", _ANY),
        (frame.is_control and not frame.fin, "control-fragmented", _PROTOCOL),
        (length >= 1 << 63, "length-top-bit", _SIZE),
        (frame.is_control and length > 125, "control-long", _SIZE),
    )
    return next(((name, codes) for broken, name, codes in faults if broken), None)


def _fault_of_close(payload: bytes) -> tuple[str, frozenset[CloseCode]] | None:
    if len(payload) == 1:
        return "close-one-byte", _PROTOCOL
    code, reason = parse_close_payload(payload)
    if code is not None and not is_close_code_sendable(code):
        return "close-code-legal", _PROTOCOL
    try:
        reason.decode()
    except UnicodeDecodeError:
        return "close-reason-utf8", _TEXT | _PROTOCOL
    return None
