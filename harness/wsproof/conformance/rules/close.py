"""RFC 6455 5.5.1 and 7: close."""

from __future__ import annotations

from wsproof.conformance.rules.rule import MAY, MUST, SHOULD, Rule

CLOSE = (
    Rule(
        "close-unasked",
        "7.1.1",
        MUST,
        "A server that closes by itself sends a legal close frame, waits for the answer, and ends TCP.",
        "closes of the endpoint's own",
    ),
    Rule("close-answered", "5.5.1", MUST, "A close frame is answered with a close frame.", "close frames"),
    Rule(
        "close-code-echoed",
        "5.5.1",
        MAY,
        "The answer to a close frame typically carries the same code.",
        "the code of the answer",
    ),
    Rule(
        "close-ends-tcp",
        "5.5.1",
        MUST,
        "Once close frames went both ways, the server ends TCP immediately.",
        "the server ends TCP",
    ),
    Rule(
        "close-one-byte",
        "5.5.1",
        MUST,
        "The body of a close frame starts with a 2-byte code: one byte alone fails the connection.",
        "close frames with one byte",
    ),
    Rule(
        "close-code-legal",
        "7.4",
        SHOULD,
        "A close code that may not be sent is a protocol error, and is not taken for a clean close.",
        "illegal close codes",
    ),
    Rule(
        "close-code-later",
        "7.4.2",
        MAY,
        "Codes from 1000 to 2999 may be defined after RFC 6455, as 1012 to 1014 were; a server that knows them answers "
        "them like any other.",
        "close codes that were registered later",
    ),
    Rule(
        "close-reason", "5.5.1", MUST, "The reason of a close frame may be any UTF-8 up to 123 bytes.", "close reasons"
    ),
    Rule(
        "close-reason-utf8",
        "8.1",
        MUST,
        "A close reason that is not UTF-8 fails the connection.",
        "close reasons that are not UTF-8",
    ),
    Rule(
        "close-is-last",
        "7.1.1",
        SHOULD,
        "What comes after a close frame is discarded while the connection is closed.",
        "frames after the close frame",
    ),
    Rule(
        "close-cuts-message", "5.5.1", MUST, "A close frame inside a fragmented message closes.", "close in a message"
    ),
    Rule(
        "close-inside-legal",
        "5.4",
        SHOULD,
        "A close frame, as any control frame, may stand between fragments: it is no protocol error there.",
        "close in a message is no error",
    ),
    Rule(
        "fail-ends-tcp",
        "7.1.7",
        MUST,
        "A server that fails a connection closes it, TCP included.",
        "failed connections end",
    ),
    Rule(
        "fail-code",
        "7.1.7",
        SHOULD,
        "The close frame of a server that fails a connection has a code that fits the fault.",
        "close codes of failed connections",
    ),
    Rule(
        "fail-says-why",
        "7.1.7",
        SHOULD,
        "A server that fails a connection sends a close frame first, unless the client could hardly read it.",
        "failing aloud",
    ),
    Rule(
        "half-close-ends",
        "7.1.1",
        SHOULD,
        "A connection whose client has ended its side of TCP is closed by the server too.",
        "half-closed connections",
    ),
)
