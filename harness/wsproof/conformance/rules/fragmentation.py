"""RFC 6455 5.4: fragmentation."""

from __future__ import annotations

from wsproof.conformance.rules.rule import MUST, Rule
from wsproof.model.chapter import Chapter, Harm

FRAGMENTATION = (
    Rule(
        "fragments-joined",
        "5.4",
        MUST,
        "A message may be cut into any number of fragments, empty ones too, and arrives whole.",
        "fragmented messages",
        harm=Harm.DATA,
        chapter=Chapter.FRAGMENTATION,
    ),
    Rule(
        "control-between-fragments",
        "5.4",
        MUST,
        "Control frames may come between the fragments of a message, and do not disturb it.",
        "control frames between fragments",
        chapter=Chapter.FRAGMENTATION,
    ),
    Rule(
        "control-not-counted",
        "5.4",
        MUST,
        "Control frames between the fragments of a message are no part of it: its size does not grow with them.",
        "control frames in the longest message",
        chapter=Chapter.FRAGMENTATION,
        implied_by=(
            "fragments-joined",
            "control-between-fragments",
            "payload-lengths",
        ),
    ),
    Rule(
        "continuation-orphan",
        "5.4",
        MUST,
        "A continuation frame with nothing to continue fails the connection.",
        "continuation without a start",
        chapter=Chapter.FRAGMENTATION,
    ),
    Rule(
        "interleaved-messages",
        "5.4",
        MUST,
        "The fragments of two messages are not interleaved: a new message before the end of the last fails the "
        "connection.",
        "interleaved messages",
        chapter=Chapter.FRAGMENTATION,
        implied_by=("fragments-joined",),
    ),
)
