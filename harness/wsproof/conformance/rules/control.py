"""RFC 6455 5.5: control frames."""

from __future__ import annotations

from wsproof.conformance.rules.rule import MAY, MUST, SHOULD, Rule
from wsproof.model.chapter import Chapter

CONTROL = (
    Rule(
        "ping-answered",
        "5.5.2",
        MUST,
        "A ping is answered with a pong of the same payload. Only the newest of several pings needs one (5.5.3).",
        "pings",
        chapter=Chapter.CONTROL,
    ),
    Rule(
        "ping-burst",
        "10.4",
        MAY,
        "A server may limit how many pings it takes at once, to protect itself.",
        "many pings in one write",
        chapter=Chapter.ROBUSTNESS,
    ),
    Rule(
        "pong-prompt",
        "5.5.2",
        SHOULD,
        "A ping is answered as soon as is practical: before the message around it has ended.",
        "pongs inside a message",
        chapter=Chapter.CONTROL,
    ),
    Rule(
        "pong-ignored",
        "5.5.3",
        MUST,
        "A pong that nobody asked for is legal, and needs no answer.",
        "unasked pongs",
        chapter=Chapter.CONTROL,
    ),
    Rule(
        "control-long",
        "5.5",
        MUST,
        "A control frame with more than 125 bytes of payload fails the connection.",
        "control frames over 125 bytes",
        chapter=Chapter.CONTROL,
    ),
    Rule(
        "control-fragmented",
        "5.5",
        MUST,
        "A control frame in fragments fails the connection.",
        "fragmented control frames",
        chapter=Chapter.CONTROL,
    ),
)
