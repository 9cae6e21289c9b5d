"""RFC 6455 5.1 and 5.3: masking of the frames that a client sends."""

from __future__ import annotations

from wsproof.conformance.rules.rule import MUST, Rule
from wsproof.model.chapter import Chapter, Harm

MASKING = (
    Rule(
        "mask-required",
        "5.1",
        MUST,
        "A server closes the connection when it gets a frame that is not masked.",
        "frames without a mask",
        chapter=Chapter.MASKING,
    ),
    Rule(
        "mask-any",
        "5.3",
        MUST,
        "A server unmasks frames with any masking key, 00000000 included.",
        "masking keys",
        harm=Harm.DATA,
        chapter=Chapter.MASKING,
    ),
)
