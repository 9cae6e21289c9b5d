"""Rules for what a server sends (RFC 6455, RFC 7692), and breaches of them: values, never exceptions.

`RULES` is the only list of these rules. `breach` takes the name of a rule, so that its section, level and sentence are
written once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from wsproof.wire.codes import Opcode, is_close_code_sendable
from wsproof.wire.frames import Frame, LengthForm, parse_close_payload

__all__ = ["RULES", "AuditRule", "Breach", "audit_close_payload", "audit_frame", "breach"]

Level = Literal["MUST", "SHOULD"]


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken rule: its name, RFC section, level and sentence, and the evidence."""

    rule: str
    section: str
    level: str
    sentence: str
    evidence: str

    def describe(self) -> str:
        """Return one line for display."""
        return f"{self.level} {self.section} {self.rule}: {self.sentence} Seen: {self.evidence}"


class AuditRule(NamedTuple):
    """The source of a rule (RFC section), its level, its sentence, and the name of its chapter (`model.chapter`)."""

    section: str
    level: Level
    sentence: str
    chapter: str


RULES: dict[str, AuditRule] = {
    # The handshake.
    "not-http": AuditRule(
        "4.2.2", "MUST", "A server answers the opening handshake with an HTTP response.", "handshake"
    ),
    "http-version": AuditRule("4.2.2", "MUST", "A 101 response has the HTTP version 1.1 or higher.", "handshake"),
    "upgrade-missing": AuditRule(
        "4.2.2", "MUST", "A 101 response has one Upgrade header, with the value websocket.", "handshake"
    ),
    "connection-missing": AuditRule(
        "4.2.2", "MUST", "The Connection header of a 101 response lists Upgrade.", "handshake"
    ),
    "accept-missing": AuditRule("4.2.2", "MUST", "A 101 response has a Sec-WebSocket-Accept header.", "handshake"),
    "accept-repeated": AuditRule("11.3.3", "MUST", "Sec-WebSocket-Accept appears once in a response.", "handshake"),
    "accept-wrong": AuditRule(
        "4.2.2", "MUST", "Sec-WebSocket-Accept is the SHA-1 of the key and the GUID, in base64.", "handshake"
    ),
    "subprotocol-repeated": AuditRule(
        "11.3.4", "MUST", "A response names at most one subprotocol, in one header.", "handshake"
    ),
    "subprotocol-not-offered": AuditRule(
        "4.2.2", "MUST", "The chosen subprotocol is one that the client offered.", "handshake"
    ),
    "extension-grammar": AuditRule(
        "9.1", "MUST", "Sec-WebSocket-Extensions follows the grammar of extension lists.", "handshake"
    ),
    "extension-not-offered": AuditRule(
        "4.2.2", "MUST", "Only extensions that the client offered are agreed to.", "handshake"
    ),
    "extension-repeated": AuditRule("RFC 7692 5.1", "MUST", "permessage-deflate is agreed to at most once.", "deflate"),
    "deflate-parameters": AuditRule(
        "RFC 7692 7.1", "MUST", "The parameters of permessage-deflate answer the offer legally.", "deflate"
    ),
    "version-not-named": AuditRule(
        "4.4", "MUST", "A server that refuses the version names the versions it speaks.", "handshake"
    ),
    "body-in-101": AuditRule(
        "RFC 9110 8.6", "MUST", "A 101 response has no Content-Length and no Transfer-Encoding.", "handshake"
    ),
    # The handshake response as HTTP, refusals included.
    "field-repeated": AuditRule(
        "RFC 9110 5.3", "MUST", "A field whose value is not a list appears once in a response.", "handshake"
    ),
    "length-contradicts": AuditRule(
        "RFC 9112 6.3", "MUST", "A response has one Content-Length, not two different ones.", "handshake"
    ),
    "length-grammar": AuditRule("RFC 9110 8.6", "MUST", "Content-Length is a decimal number.", "handshake"),
    "length-and-encoding": AuditRule(
        "RFC 9112 6.2", "MUST", "A response with Transfer-Encoding has no Content-Length.", "handshake"
    ),
    "field-characters": AuditRule("RFC 9110 5.5", "MUST", "A field value has no CR, LF or NUL.", "handshake"),
    # Single frames.
    "masked": AuditRule("5.1", "MUST", "A server does not mask the frames it sends.", "masking"),
    "rsv": AuditRule("5.2", "MUST", "RSV bits are 0 unless an extension that uses them was negotiated.", "framing"),
    "reserved-opcode": AuditRule("5.2", "MUST", "Opcodes 3-7 and 11-15 are reserved and are not sent.", "framing"),
    "length-not-minimal": AuditRule(
        "5.2", "MUST", "The payload length is written in the fewest bytes that hold it.", "framing"
    ),
    "length-top-bit": AuditRule("5.2", "MUST", "The most significant bit of a 64-bit payload length is 0.", "framing"),
    "control-fragmented": AuditRule("5.5", "MUST", "Control frames are not fragmented.", "control"),
    "control-too-long": AuditRule("5.5", "MUST", "Control frames have payloads of at most 125 bytes.", "control"),
    "control-compressed": AuditRule("RFC 7692 6", "MUST", "RSV1 is not set on control frames.", "deflate"),
    "continuation-compressed": AuditRule(
        "RFC 7692 6", "MUST", "RSV1 is set on the first frame of a message only.", "deflate"
    ),
    "http-among-frames": AuditRule(
        "5", "MUST", "After the opening handshake a server sends frames, not an HTTP response.", "framing"
    ),
    # Close frames.
    "close-one-byte": AuditRule("5.5.1", "MUST", "A close payload is empty or starts with a 2-byte code.", "close"),
    "close-code": AuditRule("7.4", "MUST", "A close frame carries a code that may be sent.", "close"),
    "close-reason-utf8": AuditRule("5.5.1", "MUST", "The reason in a close frame is valid UTF-8.", "close"),
    "data-after-close": AuditRule("5.5.1", "MUST", "No data frame follows a close frame.", "close"),
    "control-after-close": AuditRule("1.4", "SHOULD", "Nothing follows a close frame.", "close"),
    # Frames in sequence.
    "continuation-without-start": AuditRule(
        "5.4", "MUST", "A continuation frame continues a message that has begun.", "fragments"
    ),
    "interleaved-messages": AuditRule(
        "5.4", "MUST", "A new message starts only when the previous one is complete.", "fragments"
    ),
    "text-utf8": AuditRule("5.6", "MUST", "Text messages are valid UTF-8.", "UTF-8"),
    "deflate-data": AuditRule(
        "RFC 7692 7.2.1", "MUST", "Compressed messages are DEFLATE data within the agreed window.", "deflate"
    ),
}


def breach(rule: str, evidence: str) -> Breach:
    """Create the breach of a rule in `RULES`."""
    section, level, sentence, _ = RULES[rule]
    return Breach(rule, section, level, sentence, evidence)


def audit_frame(frame: Frame, *, deflate: bool) -> list[Breach]:
    """Audit one frame of a server by itself. `deflate` says whether permessage-deflate was negotiated."""
    broken: list[str] = []
    if frame.mask is not None:
        broken.append("masked")
    if frame.opcode in (3, 4, 5, 6, 7) or frame.opcode > Opcode.PONG:
        broken.append("reserved-opcode")
    if frame.rsv & 3 or (frame.rsv & 4 and not deflate):
        broken.append("rsv")
    elif frame.rsv & 4:
        if frame.is_control:
            broken.append("control-compressed")
        elif frame.opcode == Opcode.CONTINUATION:
            broken.append("continuation-compressed")
    if frame.length_form is not LengthForm.MINIMAL:
        broken.append("length-not-minimal")
    length = len(frame.payload) if frame.declared_length is None else frame.declared_length
    if length >= 1 << 63:
        broken.append("length-top-bit")
    if frame.is_control:
        if not frame.fin:
            broken.append("control-fragmented")
        if length > 125:
            broken.append("control-too-long")
    return [breach(rule, frame.describe()) for rule in broken] if broken else []


def audit_close_payload(frame: Frame) -> list[Breach]:
    """Audit the payload of a server's close frame."""
    if len(frame.payload) == 1:
        return [breach("close-one-byte", frame.describe())]
    code, reason = parse_close_payload(frame.payload)
    breaches = []
    # 1010 is meant for clients (7.4.1), but a server that sends it breaks no MUST.
    if code is not None and not is_close_code_sendable(code):
        breaches.append(breach("close-code", frame.describe()))
    try:
        reason.decode()
    except UnicodeDecodeError:
        breaches.append(breach("close-reason-utf8", frame.describe()))
    return breaches
