"""RFC 6455 5.2: framing."""

from __future__ import annotations

from wsproof.conformance.rules.rule import MAY, MUST, Rule
from wsproof.model.chapter import Chapter, Harm

FRAMING = (
    Rule(
        "payload-lengths",
        "5.2",
        MUST,
        "Payloads of every length arrive whole, in the 7-bit, 16-bit and 64-bit form.",
        "payload lengths",
        harm=Harm.DATA,
        chapter=Chapter.FRAMING,
    ),
    Rule(
        "segmentation",
        "5.2",
        MUST,
        "TCP is a stream: frames are understood wherever they are cut or joined into segments.",
        "frames cut into segments",
        harm=Harm.DATA,
        chapter=Chapter.FRAMING,
    ),
    Rule(
        "length-top-bit",
        "5.2",
        MUST,
        "The most significant bit of a 64-bit length is 0; a frame that sets it fails the connection.",
        "64-bit lengths with the top bit",
        chapter=Chapter.FRAMING,
    ),
    Rule(
        "length-minimal",
        "5.2",
        MAY,
        "A sender uses the shortest form of the length; whether a receiver insists on it is its own choice.",
        "lengths that are not minimal",
        chapter=Chapter.FRAMING,
    ),
    Rule(
        "rsv-zero",
        "5.2",
        MUST,
        "An RSV bit that no negotiated extension defines fails the connection.",
        "reserved bits",
        chapter=Chapter.FRAMING,
    ),
    Rule(
        "opcode-reserved",
        "5.2",
        MUST,
        "An unknown opcode fails the connection.",
        "reserved opcodes",
        chapter=Chapter.FRAMING,
    ),
)
