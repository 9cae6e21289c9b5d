"""RFC 6455 4, and what HTTP asks: the opening handshake."""

from __future__ import annotations

from wsproof.conformance.rules.rule import MAY, MUST, SHOULD, Rule
from wsproof.model.chapter import Chapter

OFFERS_OF_SUBPROTOCOLS = frozenset(
    {"subprotocol-after-unknown", "subprotocol-lines", "subprotocol-malformed", "subprotocol-unknown"}
)
"""The rules on offers of subprotocols. Some clients send a token as a subprotocol."""

HANDSHAKE = (
    Rule(
        "subprotocol-lines",
        "11.3.4",
        MUST,
        "An offer of subprotocols in several header lines is the same offer as in one.",
        "subprotocols in several lines",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "subprotocol-after-unknown",
        "4.2.2",
        SHOULD,
        "A subprotocol that the server does not know changes nothing about its choice among those that it knows.",
        "known subprotocols behind an unknown one",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "opening-accepted",
        "4.2.2",
        MUST,
        "A legal opening handshake is answered with 101.",
        "legal handshakes",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "header-names",
        "4.2.1",
        MUST,
        "Header names and the values websocket and upgrade are compared without regard to case, and blanks around "
        "values do not count.",
        "case and blanks in headers",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "connection-list",
        "4.2.1",
        MUST,
        "Connection is a list, in one or several lines: it is enough that upgrade is one of its tokens.",
        "Connection as a list of tokens",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "upgrade-list",
        "4.2.1",
        MAY,
        "Upgrade may list other protocols next to websocket; a server that speaks websocket can still accept it.",
        "Upgrade as a list",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "extra-headers",
        "4.2.1",
        MUST,
        "Other header fields, known or unknown, may be sent in any order and do not stop the handshake.",
        "unknown headers",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        # The scope of ASGI has all request headers. A field name may contain "_" and "-", so the two are different
        # names: a proxy that removes one of them must not be deceived by the other (RFC 9110 17.10).
        "scope-headers",
        "RFC 9110 5.1",
        MUST,
        "Each request header reaches the application under its own name; lines of one name keep their order (5.3).",
        "request headers reach the application",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "header-limits",
        "RFC 9110 5.4",
        MUST,
        "A server reads all header fields, or refuses the request with 4xx. It neither ignores some of them nor "
        "leaves the request unanswered.",
        "very many and very long headers",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "header-folding",
        "RFC 9112 5.2",
        MUST,
        "A header value that is folded into two lines is refused with 400, or the fold is read as a blank.",
        "folded headers",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "handshake-segmentation",
        "4.2.1",
        MUST,
        "TCP is a stream: a handshake is understood wherever it is cut into segments.",
        "handshake cut into segments",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        # HTTP's own MUST. The WebSocket protocol does not depend on it, and servers behind a proxy never see such a
        # request.
        "host-once",
        "RFC 9112 3.2",
        SHOULD,
        "More than one Host, or one that is no host, is refused with 400.",
        "repeated and malformed Host",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        # A client has no reason to send a body. But the bytes of the request must not become the first frame.
        "handshake-body",
        "RFC 9110 7.8",
        SHOULD,
        "A server refuses a handshake with a body (4xx), or reads the body and expects frames after it.",
        "handshakes with a body",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "method-get",
        "4.2.1",
        MUST,
        "Only GET opens a WebSocket; any other method is refused.",
        "methods",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "http-1-1",
        "4.2.1",
        MUST,
        "A handshake below HTTP/1.1 is refused.",
        "HTTP versions",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "host-required",
        "4.2.1",
        MUST,
        "A handshake without a Host header is refused.",
        "missing Host",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "upgrade-required",
        "4.2.1",
        MUST,
        "A handshake whose Upgrade header does not contain the token websocket is refused.",
        "missing or wrong Upgrade",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "connection-required",
        "4.2.1",
        MUST,
        "A handshake whose Connection header does not contain the token upgrade is refused.",
        "missing or wrong Connection",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "key-required",
        "4.2.1",
        MUST,
        "A handshake without Sec-WebSocket-Key is refused.",
        "missing key",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "key-decodes",
        "4.2.1",
        MAY,
        "The key is base64 of 16 bytes. A server need not decode it (4.2.2), so it may accept any other key.",
        "keys that are not 16 bytes of base64",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "key-once",
        "11.3.1",
        SHOULD,
        "Sec-WebSocket-Key must not appear twice in a request; a careful server refuses that.",
        "repeated key",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "version-13",
        "4.2.2",
        MUST,
        "A handshake whose Sec-WebSocket-Version is missing, or is not one that the server speaks, is refused.",
        "versions",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "version-draft",
        "4.4",
        MAY,
        "Versions 7 and 8 were drafts; a server may continue to speak them in addition to 13.",
        "draft versions",
        chapter=Chapter.HANDSHAKE,
        implied_by=("version-13",),
    ),
    Rule(
        "version-named",
        "4.4",
        MUST,
        "The refusal of a version names the versions that the server speaks in Sec-WebSocket-Version.",
        "refusals name the version",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "refusal-answered",
        "4.2.1",
        MUST,
        "A bad handshake is answered with an HTTP response that has a fitting error code.",
        "refusals are HTTP",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "extension-unknown",
        "9.1",
        MUST,
        "Extensions that the server does not know are left out of its answer; they are no reason to refuse.",
        "unknown extensions",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "extension-malformed",
        "9.1",
        MUST,
        "A Sec-WebSocket-Extensions header that does not follow the grammar fails the connection.",
        "malformed extension headers",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "subprotocol-unknown",
        "4.2.2",
        MAY,
        "A server that knows none of the offered subprotocols answers without one, or refuses.",
        "unknown subprotocols",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "subprotocol-malformed",
        "4.2.2",
        MUST,
        "A list of subprotocols that breaks the grammar is refused with 4xx or ignored, but not left unanswered.",
        "malformed subprotocol lists",
        chapter=Chapter.HANDSHAKE,
    ),
    Rule(
        "pipelined-frames",
        "4.1",
        MAY,
        "A client waits for the handshake's answer before it sends frames; a server that can read them early loses "
        "nothing.",
        "frames behind the handshake",
        chapter=Chapter.HANDSHAKE,
    ),
)
