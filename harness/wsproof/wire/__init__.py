"""Sans-I/O WebSocket client: bytes to frames to events (RFC 6455, RFC 7692). It can also send illegal data."""

from wsproof.wire.audit import RULES, AuditRule, Breach, audit_close_payload, audit_frame, breach
from wsproof.wire.audit_handshake import agreed_deflate, audit_response
from wsproof.wire.codes import (
    CONTROL_OPCODES,
    DATA_OPCODES,
    CloseCode,
    Opcode,
    is_close_code_sendable,
    opcode_name,
)
from wsproof.wire.decoder import FrameDecoder
from wsproof.wire.deflate import Deflater, Inflater
from wsproof.wire.events import (
    Accepted,
    BinaryMessage,
    CloseReceived,
    Ended,
    Event,
    FrameReceived,
    MessageDropped,
    PingReceived,
    PongReceived,
    Refused,
    TextMessage,
)
from wsproof.wire.extensions import DeflateAgreement, DeflateOffer, Extension, parse_extensions
from wsproof.wire.fastpath import is_waiting, needs_slow_path, scan
from wsproof.wire.frames import (
    MASK,
    Frame,
    LengthForm,
    apply_mask,
    hex_preview,
    parse_close_payload,
    text_preview,
)
from wsproof.wire.handshake import Request, Response, ResponseParser, accept_key, random_key
from wsproof.wire.http_request import HttpRequest
from wsproof.wire.http_response import HttpResponseReader
from wsproof.wire.peer import Peer, SendRefused
from wsproof.wire.reader import MASKING, FrameTaker, MessageReader
from wsproof.wire.state import MOVES, IllegalMove, Move, State
from wsproof.wire.utf8 import Utf8Validator

__all__ = [
    "CONTROL_OPCODES",
    "DATA_OPCODES",
    "MASK",
    "MASKING",
    "MOVES",
    "RULES",
    "Accepted",
    "AuditRule",
    "BinaryMessage",
    "Breach",
    "CloseCode",
    "CloseReceived",
    "DeflateAgreement",
    "DeflateOffer",
    "Deflater",
    "Ended",
    "Event",
    "Extension",
    "Frame",
    "FrameDecoder",
    "FrameReceived",
    "FrameTaker",
    "HttpRequest",
    "HttpResponseReader",
    "IllegalMove",
    "Inflater",
    "LengthForm",
    "MessageDropped",
    "MessageReader",
    "Move",
    "Opcode",
    "Peer",
    "PingReceived",
    "PongReceived",
    "Refused",
    "Request",
    "Response",
    "ResponseParser",
    "SendRefused",
    "State",
    "TextMessage",
    "Utf8Validator",
    "accept_key",
    "agreed_deflate",
    "apply_mask",
    "audit_close_payload",
    "audit_frame",
    "audit_response",
    "breach",
    "hex_preview",
    "is_close_code_sendable",
    "is_waiting",
    "needs_slow_path",
    "opcode_name",
    "parse_close_payload",
    "parse_extensions",
    "random_key",
    "scan",
    "text_preview",
]
