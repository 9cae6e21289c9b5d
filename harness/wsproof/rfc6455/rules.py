"""Every rule that the suite can charge a server with: where it stands, how binding it is, and what it asks.

The first part is what a server owes to what a *client* does. The second part, `server-...`, is what no server may ever
send; it is judged by the auditor of `wsproof.wire` on every frame that the suite reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wsproof.model.finding import Level
from wsproof.rfc6455.robustness.demands import DEMANDS
from wsproof.wire import RULES as WIRE_RULES

__all__ = ["RULES", "Binding", "Rule", "rule"]


class Binding(StrEnum):
    """How strongly the RFC asks (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"

    @property
    def level(self) -> Level:
        """What a broken rule of this kind weighs."""
        return _LEVELS[self]


_LEVELS = {Binding.MUST: Level.VIOLATION, Binding.SHOULD: Level.NON_STRICT, Binding.MAY: Level.INFORMATIONAL}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `sentence` is the RFC's demand in our own words; `title` is what a list shows."""

    id: str
    section: str
    level: Binding
    sentence: str
    title: str

    @property
    def where(self) -> str:
        """Document and section: "RFC 6455 5.5.1", "RFC 7692 7.1"; only what stands in no RFC is a word."""
        return f"RFC 6455 {self.section}" if self.section[0].isdigit() else self.section


_MUST, _SHOULD, _MAY = Binding.MUST, Binding.SHOULD, Binding.MAY
_DEFLATE = "RFC 7692 "

_OWED: tuple[tuple[str, str, Binding, str, str], ...] = (
    # 4: the opening handshake.
    ("opening-accepted", "4.2.2", _MUST, "A legal opening handshake is answered with 101.", "legal handshakes"),
    (
        "header-names",
        "4.2.1",
        _MUST,
        "Header names and the values websocket and upgrade are compared without regard to case, and blanks around "
        "values do not count.",
        "case and blanks in headers",
    ),
    (
        "connection-list",
        "4.2.1",
        _MUST,
        "Connection is a list, in one or several lines: it is enough that upgrade is one of its tokens.",
        "Connection as a list of tokens",
    ),
    (
        "upgrade-list",
        "4.2.1",
        _MAY,
        "Upgrade may list other protocols beside websocket; a server that speaks websocket can still take it.",
        "Upgrade as a list",
    ),
    (
        "extra-headers",
        "4.2.1",
        _MUST,
        "Other header fields, known or unknown, may be sent in any order and do not stop the handshake.",
        "unknown headers",
    ),
    (
        "header-limits",
        "RFC 9110 5.4",
        _MUST,
        "More header fields than a server wishes to read are refused with 4xx, or they are read; they are not left "
        "out, nor left without an answer.",
        "very many and very long headers",
    ),
    (
        "header-folding",
        "RFC 9112 5.2",
        _MUST,
        "A header value that is folded into two lines is refused with 400, or the fold is read as a blank.",
        "folded headers",
    ),
    (
        "handshake-segmentation",
        "4.2.1",
        _MUST,
        "TCP is a stream: a handshake is understood wherever it is cut into segments.",
        "handshake cut into segments",
    ),
    (
        # HTTP's own MUST. Nothing of the WebSocket protocol depends on it, and servers behind a proxy never see such.
        "host-once",
        "RFC 9112 3.2",
        _SHOULD,
        "More than one Host, or one that is no host, is refused with 400.",
        "repeated and malformed Host",
    ),
    (
        # A client has no reason to send one. But what belongs to the request must not become the first frame.
        "handshake-body",
        "RFC 9110 7.8",
        _SHOULD,
        "A handshake with a body is refused with 4xx, or the body is read as what it is: frames begin behind it.",
        "handshakes with a body",
    ),
    ("method-get", "4.2.1", _MUST, "Only GET opens a WebSocket; any other method is refused.", "methods"),
    ("http-1-1", "4.2.1", _MUST, "A handshake below HTTP/1.1 is refused.", "HTTP versions"),
    ("host-required", "4.2.1", _MUST, "A handshake without a Host header is refused.", "missing Host"),
    (
        "upgrade-required",
        "4.2.1",
        _MUST,
        "A handshake whose Upgrade header does not contain the token websocket is refused.",
        "missing or wrong Upgrade",
    ),
    (
        "connection-required",
        "4.2.1",
        _MUST,
        "A handshake whose Connection header does not contain the token upgrade is refused.",
        "missing or wrong Connection",
    ),
    ("key-required", "4.2.1", _MUST, "A handshake without Sec-WebSocket-Key is refused.", "missing key"),
    (
        "key-decodes",
        "4.2.1",
        _MAY,
        "The key is base64 of 16 bytes; a server need not decode it (4.2.2), so that accepting another is no fault.",
        "keys that are not 16 bytes of base64",
    ),
    (
        "key-once",
        "11.3.1",
        _SHOULD,
        "Sec-WebSocket-Key must not appear twice in a request; a careful server refuses that.",
        "repeated key",
    ),
    (
        "version-13",
        "4.2.2",
        _MUST,
        "A handshake whose Sec-WebSocket-Version is missing, or is not one that the server speaks, is refused.",
        "versions",
    ),
    (
        "version-draft",
        "4.4",
        _MAY,
        "Versions 7 and 8 were drafts; a server may go on speaking them beside 13.",
        "draft versions",
    ),
    (
        "version-named",
        "4.4",
        _MUST,
        "The refusal of a version names the versions that the server speaks in Sec-WebSocket-Version.",
        "refusals name the version",
    ),
    (
        "refusal-answered",
        "4.2.1",
        _MUST,
        "A bad handshake is answered with an HTTP response that has a fitting error code.",
        "refusals are HTTP",
    ),
    (
        "extension-unknown",
        "9.1",
        _MUST,
        "Extensions that the server does not know are left out of its answer; they are no reason to refuse.",
        "unknown extensions",
    ),
    (
        "extension-malformed",
        "9.1",
        _MUST,
        "A Sec-WebSocket-Extensions header that does not follow the grammar fails the connection.",
        "malformed extension headers",
    ),
    (
        "subprotocol-unknown",
        "4.2.2",
        _MAY,
        "A server that knows none of the offered subprotocols answers without one, or refuses.",
        "unknown subprotocols",
    ),
    (
        "subprotocol-malformed",
        "4.2.2",
        _MUST,
        "A list of subprotocols that breaks the grammar is refused with 4xx, or ignored; it is not left unanswered.",
        "malformed subprotocol lists",
    ),
    (
        "pipelined-frames",
        "4.1",
        _MAY,
        "A client waits for the handshake's answer before it sends frames; a server that can read them early loses "
        "nothing.",
        "frames behind the handshake",
    ),
    # 5.2: framing.
    (
        "payload-lengths",
        "5.2",
        _MUST,
        "Payloads of every length arrive whole, in the 7-bit, 16-bit and 64-bit form.",
        "payload lengths",
    ),
    (
        "segmentation",
        "5.2",
        _MUST,
        "TCP is a stream: frames are understood wherever they are cut or joined into segments.",
        "frames cut into segments",
    ),
    (
        "length-top-bit",
        "5.2",
        _MUST,
        "The most significant bit of a 64-bit length is 0; a frame that sets it fails the connection.",
        "64-bit lengths with the top bit",
    ),
    (
        "length-minimal",
        "5.2",
        _MAY,
        "A sender uses the shortest form of the length; whether a receiver insists on it is its own choice.",
        "lengths that are not minimal",
    ),
    (
        "rsv-zero",
        "5.2",
        _MUST,
        "An RSV bit that no negotiated extension defines fails the connection.",
        "reserved bits",
    ),
    ("opcode-reserved", "5.2", _MUST, "An unknown opcode fails the connection.", "reserved opcodes"),
    # 5.1 and 5.3: masking.
    (
        "mask-required",
        "5.1",
        _MUST,
        "A server closes the connection when it gets a frame that is not masked.",
        "frames without a mask",
    ),
    ("mask-any", "5.3", _MUST, "Any masking key is undone, 00000000 included.", "masking keys"),
    # 5.4: fragmentation.
    (
        "fragments-joined",
        "5.4",
        _MUST,
        "A message may be cut into any number of fragments, empty ones too, and arrives whole.",
        "fragmented messages",
    ),
    (
        "control-between",
        "5.4",
        _MUST,
        "Control frames may come between the fragments of a message, and do not disturb it.",
        "control frames between fragments",
    ),
    (
        "continuation-orphan",
        "5.4",
        _MUST,
        "A continuation frame with nothing to continue fails the connection.",
        "continuation without a start",
    ),
    (
        "message-inside",
        "5.4",
        _MUST,
        "The fragments of two messages are not interleaved: a new message before the end of the last fails the "
        "connection.",
        "a new message inside a message",
    ),
    # 5.5: control frames.
    (
        "ping-answered",
        "5.5.2",
        _MUST,
        "A ping is answered with a pong that has the same payload; a newer ping may stand for an older one (5.5.3).",
        "pings",
    ),
    (
        "pong-prompt",
        "5.5.2",
        _SHOULD,
        "A ping is answered as soon as is practical: before the message around it has ended.",
        "pongs inside a message",
    ),
    ("pong-ignored", "5.5.3", _MUST, "A pong that nobody asked for is legal, and needs no answer.", "unasked pongs"),
    (
        "control-long",
        "5.5",
        _MUST,
        "A control frame with more than 125 bytes of payload fails the connection.",
        "control frames over 125 bytes",
    ),
    (
        "control-fragmented",
        "5.5",
        _MUST,
        "A control frame in fragments fails the connection.",
        "fragmented control frames",
    ),
    # 5.5.1 and 7: close.
    ("close-answered", "5.5.1", _MUST, "A close frame is answered with a close frame.", "close frames"),
    (
        "close-code-echoed",
        "5.5.1",
        _MAY,
        "The answer to a close frame typically carries the same code.",
        "the code of the answer",
    ),
    (
        "close-ends-tcp",
        "5.5.1",
        _MUST,
        "Once close frames went both ways, the server ends TCP immediately.",
        "the server ends TCP",
    ),
    (
        "close-one-byte",
        "5.5.1",
        _MUST,
        "The body of a close frame starts with a 2-byte code: one byte alone fails the connection.",
        "close frames with one byte",
    ),
    (
        "close-code-legal",
        "7.4",
        _SHOULD,
        "A close code that may not be sent is a protocol error, and is not taken for a clean close.",
        "illegal close codes",
    ),
    (
        "close-code-later",
        "7.4.2",
        _MAY,
        "Codes from 1000 to 2999 may be defined after RFC 6455, as 1012 to 1014 were; a server that knows them answers "
        "them like any other.",
        "close codes that were registered later",
    ),
    ("close-reason", "5.5.1", _MUST, "The reason of a close frame may be any UTF-8 up to 123 bytes.", "close reasons"),
    (
        "close-reason-utf8",
        "8.1",
        _MUST,
        "A close reason that is not UTF-8 fails the connection.",
        "close reasons that are not UTF-8",
    ),
    (
        "close-is-last",
        "7.1.1",
        _SHOULD,
        "What comes after a close frame is discarded while the connection is closed.",
        "frames after the close frame",
    ),
    ("close-cuts-message", "5.5.1", _MUST, "A close frame inside a fragmented message closes.", "close in a message"),
    (
        "close-inside-legal",
        "5.4",
        _MUST,
        "A close frame, as any control frame, may stand between fragments: it is no protocol error there.",
        "close in a message is no error",
    ),
    (
        "fail-ends-tcp",
        "7.1.7",
        _MUST,
        "A server that fails a connection closes it, TCP included.",
        "failed connections end",
    ),
    (
        "fail-code",
        "7.1.7",
        _SHOULD,
        "The close frame of a server that fails a connection has a code that fits the fault.",
        "close codes of failed connections",
    ),
    (
        "fail-says-why",
        "7.1.7",
        _SHOULD,
        "A server that fails a connection sends a close frame first, unless the client could hardly read it.",
        "failing aloud",
    ),
    (
        "half-close-ends",
        "7.1.1",
        _SHOULD,
        "A connection whose client has ended its side of TCP is closed by the server too.",
        "half-closed connections",
    ),
    # 8.1: UTF-8.
    ("utf8-valid", "5.6", _MUST, "Valid UTF-8 is accepted, wherever fragments cut it.", "valid UTF-8"),
    ("utf8-broken", "8.1", _MUST, "A text message that is not UTF-8 fails the connection.", "broken UTF-8"),
    (
        "utf8-fail-fast",
        "8.1",
        _MAY,
        "Broken UTF-8 can be refused before the message has ended; a server may wait for its end.",
        "failing fast on broken UTF-8",
    ),
    # 5: all of it together.
    (
        "any-order",
        "5",
        _MUST,
        "Legal frames of all kinds may follow each other in any order, cut anywhere, and each is treated as if alone.",
        "everything in one conversation",
    ),
    # 6.2: what a message is.
    (
        "messages-intact",
        "6.2",
        _MUST,
        "A message arrives with the type and the bytes that were sent, in order, once.",
        "messages arrive as they were sent",
    ),
    # RFC 7692: permessage-deflate.
    (
        "deflate-offers",
        _DEFLATE + "7.1",
        _MUST,
        "Every legal offer of permessage-deflate is accepted or declined; none is a reason to refuse the handshake.",
        "offers of permessage-deflate",
    ),
    (
        "deflate-declined",
        _DEFLATE + "7.1",
        _MUST,
        "An offer with an unknown parameter, a value that is not allowed, or a parameter given twice is declined.",
        "offers that must be declined",
    ),
    (
        "deflate-refused",
        _DEFLATE + "7.1",
        _SHOULD,
        "An illegal offer is declined, and the connection goes on without compression: that is no reason to refuse it.",
        "illegal offers do not cost the connection",
    ),
    (
        "deflate-not-agreed",
        "5.2",
        _MUST,
        "Where no compression was agreed, RSV1 fails the connection, whatever the client had offered.",
        "compressed messages after a declined offer",
    ),
    (
        "deflate-blocks",
        _DEFLATE + "7.2.1",
        _MUST,
        "A compressed message may be made of DEFLATE blocks of any type, and of any number of them.",
        "DEFLATE blocks of every type",
    ),
    (
        "deflate-empty",
        _DEFLATE + "7.2.3.6",
        _MUST,
        "An empty message may be compressed, as blocks that hold nothing.",
        "empty compressed messages",
    ),
    (
        "deflate-final",
        _DEFLATE + "7.2.3.4",
        _MUST,
        "A block may have BFINAL set: it ends neither the message nor the context.",
        "DEFLATE blocks with BFINAL",
    ),
    (
        "deflate-context",
        _DEFLATE + "7.2.2",
        _MUST,
        "Unless client_no_context_takeover was agreed, a message may refer back to those before it.",
        "messages that refer to earlier ones",
    ),
    (
        "deflate-client-window",
        _DEFLATE + "7.1.2.2",
        _MUST,
        "A message may refer back as far as the agreed window reaches: 32,768 bytes unless the answer says less.",
        "references across the whole window",
    ),
    (
        "deflate-server-context",
        _DEFLATE + "7.1.1.1",
        _MUST,
        "A server that agreed to server_no_context_takeover starts each of its messages with an empty window.",
        "server_no_context_takeover is kept",
    ),
    (
        "deflate-server-window",
        _DEFLATE + "7.1.2.1",
        _MUST,
        "A server refers back no further than the server_max_window_bits that it agreed to.",
        "server_max_window_bits is kept",
    ),
    (
        "deflate-mixed",
        _DEFLATE + "6",
        _MUST,
        "RSV1 says of each message whether it is compressed; those that are not leave the compression alone.",
        "messages with and without compression",
    ),
    (
        "deflate-fragments",
        _DEFLATE + "6",
        _MUST,
        "A compressed message may be cut into fragments anywhere, RSV1 on the first of them only.",
        "compressed messages in fragments",
    ),
    (
        "deflate-between",
        _DEFLATE + "6",
        _MUST,
        "Control frames are not compressed, and may come between the fragments of a compressed message.",
        "control frames inside compressed messages",
    ),
    (
        "deflate-segmentation",
        "5.2",
        _MUST,
        "TCP is a stream: compressed messages too are understood wherever they are cut into segments.",
        "compressed messages cut into segments",
    ),
    (
        "deflate-rsv-control",
        _DEFLATE + "6",
        _MUST,
        "A control frame with RSV1 fails the connection.",
        "RSV1 on control frames",
    ),
    (
        "deflate-rsv-continuation",
        _DEFLATE + "6",
        _MUST,
        "A continuation frame with RSV1 fails the connection.",
        "RSV1 on continuation frames",
    ),
    (
        "deflate-other-bits",
        "5.2",
        _MUST,
        "permessage-deflate gives RSV1 a meaning, and RSV2 and RSV3 none: they still fail the connection.",
        "RSV2 and RSV3 beside compression",
    ),
    (
        "deflate-data",
        _DEFLATE + "7.2.2",
        _MUST,
        "A compressed message that is no DEFLATE data cannot be delivered, and fails the connection.",
        "broken DEFLATE data",
    ),
    (
        "deflate-unfinished",
        _DEFLATE + "7.2.2",
        _MAY,
        "A message that stops inside a DEFLATE block is broken; many receivers do not notice.",
        "unfinished DEFLATE blocks",
    ),
    (
        "deflate-utf8",
        _DEFLATE + "6",
        _MUST,
        "The text is UTF-8, not its compressed form, and fragments may cut characters.",
        "UTF-8 in compressed messages",
    ),
    (
        "deflate-utf8-broken",
        _DEFLATE + "6",
        _MUST,
        "A compressed text message that does not inflate to UTF-8 fails the connection.",
        "broken UTF-8 in compressed messages",
    ),
    (
        "deflate-bomb",
        "10.4",
        _SHOULD,
        "A server limits the size of messages; the limit must hold for what a message inflates to.",
        "messages that inflate hugely",
    ),
    (
        "deflate-bomb-memory",
        "10.4",
        _SHOULD,
        "A message over the limit is refused before it has been inflated as a whole.",
        "memory while a message inflates",
    ),
    # Not of the RFC's text, but of what it is for.
    (
        "neighbour-served",
        "liveness",
        _MUST,
        "Whatever one client does, another one is still served.",
        "other clients are served",
    ),
)


def _server_rules() -> tuple[Rule, ...]:
    return tuple(
        Rule(f"server-{name}", known.section, Binding(known.level), known.sentence, f"server frames: {name}")
        for name, known in WIRE_RULES.items()
    )


def _robustness() -> tuple[Rule, ...]:
    return tuple(Rule(name, where, Binding(level), *words) for name, where, level, *words in DEMANDS)


RULES: tuple[Rule, ...] = tuple(Rule(*row) for row in _OWED) + _robustness() + _server_rules()
"""All rules, in the order of the RFC."""

_BY_ID = {each.id: each for each in RULES}


def rule(identifier: str) -> Rule:
    """The rule of this id; KeyError if there is none."""
    return _BY_ID[identifier]
