"""RFC 6455 8.1, 5 and 6.2: UTF-8, and messages as a whole."""

from __future__ import annotations

from wsproof.conformance.rules.rule import MAY, MUST, Rule
from wsproof.model.chapter import Chapter, Harm

MESSAGES = (
    # 8.1: UTF-8.
    Rule(
        "utf8-valid",
        "5.6",
        MUST,
        "Valid UTF-8 is accepted, wherever fragments cut it.",
        "valid UTF-8",
        chapter=Chapter.UTF8,
    ),
    Rule(
        "utf8-broken",
        "8.1",
        MUST,
        "A text message that is not UTF-8 fails the connection.",
        "broken UTF-8",
        chapter=Chapter.UTF8,
    ),
    Rule(
        "utf8-fail-fast",
        "8.1",
        MAY,
        "Broken UTF-8 can be refused before the message has ended; a server may wait for its end.",
        "failing fast on broken UTF-8",
        chapter=Chapter.UTF8,
    ),
    # 5: all of these together.
    Rule(
        "mixed-frames",
        "5",
        MUST,
        "Legal frames of all kinds may follow each other in any order, cut anywhere; each is treated as if sent alone.",
        "mixed frames of all kinds",
        chapter=Chapter.FRAMING,
    ),
    # 6.2: messages as a whole.
    Rule(
        "messages-intact",
        "6.2",
        MUST,
        "A message arrives with the type and the bytes that were sent, in order, once.",
        "messages arrive as they were sent",
        harm=Harm.DATA,
        chapter=Chapter.FRAMING,
        implied_by=(
            "fragments-joined",
            "deflate-blocks",
        ),
    ),
)
