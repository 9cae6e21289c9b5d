"""The robustness rules. RFC 6455 states only their general form, in 10.4: an endpoint protects itself.

Serving others is a MUST, since one client must not be able to stop a server. Costs and leaks are a SHOULD (non-strict):
their importance depends on who may connect.
"""

from __future__ import annotations

from wsproof.model.harm import Harm

__all__ = ["DEMANDS"]

_S = "robustness"
_OTHERS, _DATA = Harm.OTHERS_NOT_SERVED.value, Harm.DATA.value

DEMANDS: tuple[tuple[str, ...], ...] = (
    (
        "served-beside-slow-handshake",
        _S,
        "MUST",
        "While some clients are slow with their handshake, others connect and are served.",
        "others are served beside slow handshakes",
        _OTHERS,
    ),
    (
        "served-beside-slow-reader",
        _S,
        "MUST",
        "While a client does not read, or reads byte by byte, others are served.",
        "others are served beside a slow reader",
        _OTHERS,
    ),
    (
        "unread-bounded",
        _S,
        "SHOULD",
        "A server that cannot send stops reading: what it holds for a client that does not read has an end (10.4).",
        "what nobody reads is bounded",
    ),
    (
        "many-fragments",
        "5.4",
        "MUST",
        "A message may be cut into any number of fragments: one of 10,000 arrives whole, or is refused with a code.",
        "10,000 fragments",
        _DATA,
    ),
    (
        "empty-fragments",
        "5.4",
        "MUST",
        "Fragments may be empty: a message with 100,000 of them arrives whole, or is refused with a code.",
        "100,000 empty fragments",
        _DATA,
    ),
    (
        "empty-fragments-held",
        _S,
        "SHOULD",
        "Fragments that hold nothing take no memory, though the message goes on and on (10.4).",
        "what empty fragments take",
    ),
    (
        "deflate-apart",
        "RFC 7692 7.2.2",
        "MUST",
        "Each connection has a compression window of its own, whatever others send meanwhile.",
        "several compressing clients at once",
        _DATA,
    ),
    (
        "served-beside-flood",
        _S,
        "MUST",
        "While a client floods the server with fragments, others are served.",
        "others are served beside a flood",
        _OTHERS,
    ),
    (
        "cost-of-fragments",
        _S,
        "SHOULD",
        "What a message costs grows as its fragments do, and no faster (10.4).",
        "the cost of fragments",
    ),
    (
        "cost-of-handshake",
        _S,
        "SHOULD",
        "What a handshake costs grows as its headers do, and no faster (10.4).",
        "the cost of headers",
    ),
    (
        "served-after-storm",
        _S,
        "MUST",
        "After a thousand connections that came and went, politely or not, an old and a new client are served.",
        "others are served after many connections",
        _OTHERS,
    ),
    (
        "freed-after-abandoned",
        _S,
        "SHOULD",
        "Descriptors and memory of clients that left in the middle of their handshake are given back.",
        "what abandoned handshakes took",
    ),
    (
        "freed-after-refusal",
        _S,
        "SHOULD",
        "Descriptors and memory of clients that were refused are given back.",
        "what refused handshakes took",
    ),
    (
        "freed-after-close",
        _S,
        "SHOULD",
        "Descriptors and memory of clients that closed are given back.",
        "what closed connections took",
    ),
    (
        "freed-after-reset",
        _S,
        "SHOULD",
        "Descriptors and memory of clients that reset TCP are given back.",
        "what reset connections took",
    ),
    (
        "freed-after-half-close",
        _S,
        "SHOULD",
        "Descriptors and memory of clients that ended their side of TCP are given back.",
        "what half-closed connections took",
    ),
)
"""For each rule: id, section, binding, sentence, title, and the harm of a violation if it is more than the binding
says."""
